"""What the shop sells, and how an order becomes a payment. Prices are whole fen."""

from __future__ import annotations

import json
from typing import Any

from payflow import InvalidRequest, Money, Payment
from payflow.flask import current_payflow

from .words import say

#: drink → price of a small one; medium and large cost more by the same amounts.
DRINKS = {"espresso": 1200, "americano": 1500, "latte": 2200, "cappuccino": 2300, "mocha": 2600, "tea": 1000}
SIZES = {"small": 0, "medium": 300, "large": 600}
#: The one drink that a trusted action orders again.
USUAL = ("latte", "medium")
_MOST = 20


def price(drink: object, size: object, quantity: object = 1) -> Money:
    """The price of an order; ``INVALID_ORDER`` for what is not on the menu, ``INVALID_AMOUNT`` for no positive sum."""
    if not isinstance(drink, str) or drink not in DRINKS:
        raise InvalidRequest(f"There is no such drink; the menu has {', '.join(DRINKS)}", code="INVALID_ORDER")
    if not isinstance(size, str) or size not in SIZES:
        raise InvalidRequest(f"Size must be one of {', '.join(SIZES)}", code="INVALID_ORDER")
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        raise InvalidRequest("Quantity must be a whole number", code="INVALID_ORDER")
    if quantity > _MOST:
        raise InvalidRequest(f"At most {_MOST} cups at once", code="INVALID_ORDER")
    return Money((DRINKS[drink] + SIZES[size]) * quantity)


def place(drink: object, size: object, *, quantity: object = 1, key: str, action: str = "order_coffee") -> Payment:
    """Order a coffee and ask for its payment. The same key is the same order, in whatever language it is asked for."""
    result = current_payflow().pay(
        amount=price(drink, size, quantity), channel="qr", key=key, action=action, reference=f"{drink}-{size}",
        description=f"{quantity} {size} {drink}", metadata={"drink": drink, "size": size, "quantity": quantity},
    )  # fmt: skip
    return result.payment


def item_of(payment: Payment) -> dict[str, Any]:
    """What was ordered: drink, size and quantity, as the order noted them."""
    noted = json.loads(payment.metadata)
    return {"drink": noted.get("drink", ""), "size": noted.get("size", ""), "quantity": noted.get("quantity", 1)}


def called(payment: Payment) -> str:
    """What was ordered, in the visitor's language."""
    item = item_of(payment)
    if item["drink"] not in DRINKS or item["size"] not in SIZES:
        return payment.description or payment.reference or payment.out_trade_no
    text = say("called", drink=say(item["drink"]), size=say(item["size"]).lower())
    return text if item["quantity"] == 1 else f"{item['quantity']} × {text}"
