"""An order: its rows, the stock it takes and its payment commit together, or nothing of them is there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from payflow import Money, StoreConflict
from payflow.clock import system_clock
from payflow.flask import joined_payflow

from .model import Line, Order, Tea, db

T = TypeVar("T")

#: How somebody pays → channel at a desk and on a phone. The name is that of the account in ``payflow.json`` as well.
WAYS = {"alipay": ("page", "wap"), "wechat": ("qr", "h5")}
_TRIES = 6
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read for something else


class CannotOrder(Exception):
    """Why not: ``sold_out`` (of ``tea``), ``price_changed``, ``empty``, ``way``."""

    def __init__(self, reason: str, tea: str = "") -> None:
        super().__init__(reason)
        self.reason, self.tea = reason, tea


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a customer has sent. ``seen`` is the total they were shown, ``facts`` what the channel has to know."""

    customer: str
    basket: Mapping[str, int]
    seen: int
    way: str
    phone: bool
    form_key: str
    facts: Callable[[str], dict[str, str]]  # of the order's number


def place(wish: Wish) -> Order:
    """The order of this form, made now or when it was first sent. Raises :class:`CannotOrder`.

    It is committed here, and its payment is sent right after that: by :func:`joined_payflow`'s own hook, or by the
    worker if that fails.
    """
    known = _of_form(wish)
    if known is not None:
        return known
    try:
        return as_a_unit(lambda: _written(wish))
    except IntegrityError:  # the same form, at the same moment
        known = _of_form(wish)
        if known is None:
            raise
        return known


def as_a_unit(work: Callable[[], T]) -> T:
    """Do it and commit; where somebody else was quicker, all of it again from the start."""
    for left in reversed(range(_TRIES)):
        try:
            done = work()
            db.session.commit()
        except (StoreConflict, OperationalError):
            db.session.rollback()
            if not left:
                raise
        except BaseException:
            db.session.rollback()
            raise
        else:
            return done
    raise AssertionError("unreachable")  # pragma: no cover


def _of_form(wish: Wish) -> Order | None:
    return db.session.scalar(select(Order).where(Order.form_key == wish.form_key, Order.customer == wish.customer))


def _written(wish: Wish) -> Order:
    if not wish.basket:
        raise CannotOrder("empty")
    if wish.way not in WAYS:
        raise CannotOrder("way")
    prices = _taken(wish.basket)
    total = sum(prices[tea] * bags for tea, bags in wish.basket.items())
    if total != wish.seen:
        raise CannotOrder("price_changed")
    number = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    payment = joined_payflow().pay(
        amount=Money(total), channel=WAYS[wish.way][wish.phone], account=wish.way, action="buy_tea",
        key=f"order-{number}", reference=number, description=f"Tea, order {number}", metadata=wish.facts(number),
    ).payment  # fmt: skip
    order = Order(
        number=number, customer=wish.customer, form_key=wish.form_key, payment_id=payment.id, total=total,
        placed_at=system_clock(),
        lines=[Line(tea=tea, price=prices[tea], quantity=bags) for tea, bags in sorted(wish.basket.items())],
    )  # fmt: skip
    db.session.add(order)
    db.session.flush()
    return order


def _taken(basket: Mapping[str, int]) -> dict[str, int]:
    """Take the bags off the shelf, if they are there; the prices of the teas, which nobody changes meanwhile.

    The rows are taken in one order, so that two customers with two baskets do not wait for each other. The condition
    stands in the statement: what was read before it may be old.
    """
    for tea in sorted(basket):
        taken = update(Tea).where(Tea.name == tea, Tea.stock >= basket[tea]).values(stock=Tea.stock - basket[tea])
        if db.session.execute(taken, execution_options={"synchronize_session": False}).rowcount != 1:  # type: ignore[attr-defined]
            raise CannotOrder("sold_out", tea)
    found = db.session.execute(select(Tea.name, Tea.price).where(Tea.name.in_(basket)))
    return {row.name: row.price for row in found}
