"""The basket: tea → bags, kept in the visitor's session. Prices are not in it, they are the shelf's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import session
from sqlalchemy import select

from .model import Tea, db

MOST = 20  # bags of one tea


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the basket as it is shown: the tea as it stands on the shelf now."""

    tea: Tea
    quantity: int

    @property
    def cost(self) -> int:
        return self.tea.price * self.quantity

    @property
    def short(self) -> bool:
        """Whether the shelf has less than is wanted."""
        return self.quantity > self.tea.stock


def wanted() -> dict[str, int]:
    """What is in the basket."""
    kept = session.get("basket")
    return dict(kept) if isinstance(kept, dict) else {}


def put(name: str, quantity: int) -> None:
    """So many bags of one tea; 0 takes it out. More than ``MOST`` are ``MOST``."""
    basket = wanted()
    basket[name] = min(max(quantity, 0), MOST)
    fill({tea: bags for tea, bags in basket.items() if bags})


def fill(basket: Mapping[str, int]) -> None:
    """The whole basket."""
    session["basket"] = dict(basket)


def items() -> list[Item]:
    """The basket with today's prices, in the order of the shelf. A tea that is not sold any more falls out."""
    basket = wanted()
    teas = db.session.scalars(select(Tea).where(Tea.name.in_(basket)).order_by(Tea.place))
    return [Item(tea, basket[tea.name]) for tea in teas]


def whole_number(text: str | None, otherwise: int) -> int:
    """A quantity as a form sends it."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 4 else otherwise


def whole_fen(text: str | None) -> int:
    """An amount in fen as a form sends it; -1 for anything else, which is no price."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else -1
