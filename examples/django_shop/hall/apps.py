"""The app's place in Django."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HallConfig(AppConfig):
    """``INSTALLED_APPS = ["examples.django_shop.hall"]``."""

    name = "examples.django_shop.hall"
    label = "hall"
    verbose_name = _("Box office")
