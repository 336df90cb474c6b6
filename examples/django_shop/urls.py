"""Where everything is. Gateways call ``/pay/callbacks/<account>``."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("examples.django_shop.hall.urls")),
    path("pay/", include("payflow.django.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("office/", admin.site.urls),
]
handler404 = "examples.django_shop.hall.views.not_found"
