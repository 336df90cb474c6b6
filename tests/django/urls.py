from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    path("pay/", include("payflow.django.urls")),
    path("admin/", admin.site.urls),
    path("order/<str:number>", views.order),
]
