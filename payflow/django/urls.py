"""``path("payflow/", include("payflow.django.urls"))``. The gateways call ``…/callbacks/<account>``; payers
are sent to ``…/checkout/<token>`` (see :func:`payflow.django.checkout_url`)."""

from __future__ import annotations

from django.urls import re_path

from . import checkout
from .views import callback

app_name = "payflow"
# With or without a slash at its end: APPEND_SLASH would answer a gateway with a redirect, and Alipay does not follow.
urlpatterns = [
    re_path(r"^callbacks/(?P<account>[^/]+)/?$", callback, name="callback"),
    re_path(r"^checkout/(?P<path>.+)$", checkout.serve, name="checkout"),
]
