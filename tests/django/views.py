"""The host's view: it stores its order and asks for the payment in one transaction."""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from payflow import Money
from payflow.django import access, payflow

from .shop.models import Order


class Sold(Exception):
    """The host changes its mind."""


@csrf_exempt
def order(request: HttpRequest, number: str) -> JsonResponse:
    using = access.setting("USING")
    if request.GET.get("atomic") == "yes":
        with transaction.atomic(using=using):
            result = _placed(number, using)
            _perhaps(request)
    else:
        result = _placed(number, using)
        _perhaps(request)
    open_still = connections[using].in_atomic_block
    return JsonResponse({"payment": result.payment.id, "status": result.payment.status, "open": open_still})


def _placed(number: str, using: str) -> Any:
    Order.objects.using(using).create(number=number)
    result = payflow().pay(amount=Money(2500), channel="qr", action="buy", key=f"order-{number}", reference=number)
    Order.objects.using(using).filter(number=number).update(payment=result.payment.id)
    return result


def _perhaps(request: HttpRequest) -> None:
    if request.GET.get("fail"):
        raise Sold
