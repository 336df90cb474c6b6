"""What the shop sells. Prices are whole fen."""

from __future__ import annotations

from payflow import InvalidRequest, Money

#: drink → price of a small one; medium and large cost more by the same amounts.
DRINKS = {"espresso": 1200, "americano": 1500, "latte": 2200, "mocha": 2600, "tea": 1000}
SIZES = {"small": 0, "medium": 300, "large": 600}
#: The one drink that a trusted action orders again.
USUAL = ("latte", "medium")


def price(drink: object, size: object, quantity: object = 1) -> Money:
    """The price of an order; ``INVALID_ORDER`` for what is not on the menu, ``INVALID_AMOUNT`` for no positive sum."""
    if not isinstance(drink, str) or drink not in DRINKS:
        raise InvalidRequest(f"There is no such drink; the menu has {', '.join(DRINKS)}", code="INVALID_ORDER")
    if not isinstance(size, str) or size not in SIZES:
        raise InvalidRequest(f"Size must be one of {', '.join(SIZES)}", code="INVALID_ORDER")
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        raise InvalidRequest("Quantity must be a whole number", code="INVALID_ORDER")
    if quantity > 20:
        raise InvalidRequest("At most 20 cups at once", code="INVALID_ORDER")
    return Money((DRINKS[drink] + SIZES[size]) * quantity)
