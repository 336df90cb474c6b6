"""An order: its rows, its seats and its payment in one transaction, or none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from payflow import Money, StoreError
from payflow.django import payflow

from .basket import Item, items
from .models import Concert, Line, Order

#: How a visitor may pay → the channel at a desk, and on a phone.
WAYS: Mapping[str, tuple[str, str]] = {"alipay": ("page", "wap"), "wechat": ("qr", "h5")}

_LONGEST = 60
_TRIES = 3


class CannotOrder(Exception):
    """Nothing was ordered. ``why`` is ``sold_out``, ``empty``, ``price_changed`` or ``way``."""

    def __init__(self, why: str, concert: Concert | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.concert = concert


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a visitor has asked for. ``total`` is the sum in fen that the page showed; it is compared, never taken."""

    visitor: str
    key: str
    seats: Mapping[str, int]
    total: int
    way: str
    phone: bool
    client_ip: str
    back: Callable[[str], str]  # the address of the page of an order with this number


def place(wish: Wish) -> Order:
    """The order and its payment. Asked again with the same key, the same order.

    Nothing is sent to the gateway before all of it has committed: with ``ATOMIC_REQUESTS`` at the end of the request,
    without at the end of the block below. Raises :class:`CannotOrder`, and what ``pay`` raises; then nothing is kept.
    """
    for left in reversed(range(_TRIES)):
        known = _placed(wish)
        if known is not None:
            return known
        try:
            with transaction.atomic():
                return _order(wish)
        except IntegrityError:  # the same form, sent twice at once: the other one was quicker
            if not left:
                raise
        except StoreError as error:  # somebody else was in the way, and all of it is undone: again, from the start
            if not (error.retryable and left) or transaction.get_connection().in_atomic_block:
                raise
    raise AssertionError("the last try returns or raises")  # pragma: no cover


def _placed(wish: Wish) -> Order | None:
    return Order.objects.filter(visitor=wish.visitor, key=wish.key).first()


def _order(wish: Wish) -> Order:
    chosen = items(wish.seats)
    total = sum(item.sum for item in chosen)
    if not chosen:
        raise CannotOrder("empty")
    if wish.way not in WAYS:
        raise CannotOrder("way")
    if total != wish.total:
        raise CannotOrder("price_changed")
    order = Order.objects.create(visitor=wish.visitor, key=wish.key, total=total)
    for item in chosen:
        _take(item.concert, item.seats)
        Line.objects.create(order=order, concert=item.concert, seats=item.seats, price=item.concert.price)
    result = payflow().pay(
        amount=Money(total), channel=WAYS[wish.way][wish.phone], account=wish.way, action="buy_tickets",
        key=f"order-{order.number}", reference=order.number, description=_description(chosen),
        metadata=_metadata(wish, order),
    )  # fmt: skip
    order.payment = result.payment.id
    order.save(update_fields=["payment"])
    return order


def _take(concert: Concert, seats: int) -> None:
    """Seats are taken where they are counted: of two who want the last one, one finds none."""
    free = Concert.objects.ahead().filter(pk=concert.pk, seats_left__gte=seats)
    if not free.update(seats_left=F("seats_left") - seats):
        raise CannotOrder("sold_out", concert)


def _description(chosen: list[Item]) -> str:
    """What the payer reads at the gateway."""
    text = ", ".join(f"{item.seats} × {item.concert.title}" for item in chosen)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _metadata(wish: Wish, order: Order) -> dict[str, Any]:
    """What the gateways want to know beside the amount: where the payer comes back to, and from where they pay."""
    return {"return_url": wish.back(str(order.number)), "client_ip": wish.client_ip}
