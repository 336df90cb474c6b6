"""The app's place in Django."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.signals import setting_changed
from django.utils.translation import gettext_lazy as _


class PayflowConfig(AppConfig):
    """``INSTALLED_APPS = ["payflow.django"]``."""

    name = "payflow.django"
    label = "payflow"
    verbose_name = _("Payments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks; forget what was made from settings that change."""
        from . import access, checks  # noqa: F401 -- importing them registers them

        setting_changed.connect(access.forget, dispatch_uid="payflow")
