"""The shop for programs: ``POST /api/v1/order`` and where that order is."""

from __future__ import annotations

import json
import secrets
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from payflow import InvalidRequest, Money, PayflowError, Payment, Refused
from payflow.clock import iso
from payflow.flask import current_payflow

from .menu import place, price

api = Blueprint("api", __name__, url_prefix="/api/v1")

_FIELDS = ("drink", "size", "quantity", "amount")


@api.post("/order")
def order() -> tuple[Response | str, int]:
    """``{"drink": "latte", "size": "medium"}``: 202 while the payment waits, 204 once it is paid.

    ``quantity`` is 1 if it is not given. ``amount`` in fen, e.g. 2500, may say what the caller expects to pay; another
    price is refused. Send an ``Idempotency-Key`` and ask again with it: the same order, 202 or 204. Without one
    each call is a new order.
    """
    asked = _json_object()
    unknown = [name for name in asked if name not in _FIELDS]
    if unknown:
        raise InvalidRequest(f"An order has only {', '.join(_FIELDS)}", code="INVALID_ORDER")
    quantity = asked.get("quantity", 1)
    _check_amount(asked, price(asked.get("drink"), asked.get("size"), quantity))
    key = request.headers.get("Idempotency-Key") or secrets.token_hex(16)
    payment = place(asked.get("drink"), asked.get("size"), quantity=quantity, key=key)
    if payment.status in ("paid", "partially_refunded"):
        return "", 204
    if payment.status not in ("created", "pending"):
        raise Refused(f"This order is {payment.status}; order again with a new key", code="ORDER_ENDED")
    return jsonify(_told(payment)), 202


def _check_amount(asked: dict[str, Any], due: Money) -> None:
    if "amount" in asked and Money(asked["amount"]) != due:
        raise InvalidRequest(f"Amount must be {due.minor}, the price of this order in fen", code="INVALID_AMOUNT")


@api.get("/order/<payment_id>")
def show(payment_id: str) -> Response:
    """Where an order's payment is."""
    return jsonify(_told(current_payflow().payment(payment_id)))


@api.post("/order/<payment_id>/confirm")
def confirm(payment_id: str) -> tuple[Response, int]:
    """``{"token": …}``: a person's yes."""
    token = _json_object().get("token")
    if not isinstance(token, str):
        raise InvalidRequest("token is missing", code="INVALID_REQUEST")
    return jsonify(_told(current_payflow().confirm(token, payment_id=payment_id).payment)), 202


def refused_as_json(error: PayflowError, status: int | None = None) -> tuple[Response, int]:
    """``{"status": "failed", "error_code": …, "message": …}``."""
    return jsonify(error.as_reply()), status or error.http_status


def _told(payment: Payment) -> dict[str, Any]:
    """An order's payment: amounts in fen; what its payer's client must do next, as payflow says it."""
    action = current_payflow().next_action(payment)
    told: dict[str, Any] = {
        "payment_id": payment.id, "status": payment.status, "amount": payment.amount, "currency": payment.currency,
        "refunded": payment.refunded, "next_action": {"kind": action.kind, **action.data},
        "page": url_for("pages.show", payment_id=payment.id, _external=True),
    }  # fmt: skip
    if action.kind == "confirm":
        told["next_action"]["expires_at"] = iso(action.data["expires_at"])
        told["next_action"]["url"] = url_for("api.confirm", payment_id=payment.id, _external=True)
    return told


def _json_object() -> dict[str, Any]:
    try:
        asked = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise InvalidRequest("The body must be a JSON object", code="INVALID_REQUEST")
    return asked
