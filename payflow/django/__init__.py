"""The door for Django: an app with models, migrations, a callback view, signals, checks, commands and admin pages.

    INSTALLED_APPS = [..., "payflow.django"]
    PAYFLOW = {"CONFIG": BASE_DIR / "payflow.json"}
    path("payflow/", include("payflow.django.urls"))

    from payflow.django import payflow, wallet
    with transaction.atomic():
        order = Order.objects.create(...)
        result = payflow().pay(amount=Money.parse("25.00"), channel="qr", key=f"order-{order.pk}")

Inside ``atomic`` (``ATOMIC_REQUESTS`` too) what payflow writes is part of your transaction, and nothing is sent to a
gateway before it has committed; outside it has transactions of its own, on the same connection. No SQLAlchemy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .access import payflow, wallet
    from .checkout import checkout_url

__all__ = ["checkout_url", "payflow", "wallet"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'payflow.django' has no attribute {name!r}")
    from . import access, checkout

    return getattr(checkout if name == "checkout_url" else access, name)
