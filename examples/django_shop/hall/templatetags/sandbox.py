"""``{% load sandbox %}``: where somebody without a merchant account plays the payer."""

from __future__ import annotations

from django import template
from django.conf import settings

from payflow.django import payflow

from ..models import Order

register = template.Library()


@register.simple_tag
def cashier(number: str) -> str:
    """The address of the sandbox's simulated cashier for an order; empty where there is no sandbox."""
    order = Order.objects.filter(number=number).first() if settings.SANDBOX else None
    if order is None:
        return ""
    payment = payflow().payment(order.payment)
    return f"{settings.SANDBOX}/cashier/{payment.account}/{payment.out_trade_no}"
