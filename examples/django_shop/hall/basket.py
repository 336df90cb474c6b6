"""The basket: how many seats of which concert, in the visitor's session. What they cost is looked up each time."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .models import Concert

#: The most seats of one concert that one order may have.
MOST = 8


@dataclass(frozen=True, slots=True)
class Item:
    """Some seats of a concert, at today's price. ``sum`` is fen."""

    concert: Concert
    seats: int

    @property
    def sum(self) -> int:
        """What they cost together."""
        return int(self.concert.price * self.seats)


def seats_in(session: Any) -> dict[str, int]:
    """Concert → seats, as the visitor has chosen them."""
    return dict(session.get("basket", {}))


def put(session: Any, slug: str, seats: int) -> None:
    """So many seats of this concert from now on; none takes it out.

    Who this is and which order it will be are settled here, before there is a form that could be sent twice.
    """
    chosen = seats_in(session)
    chosen.pop(slug, None)
    if seats > 0:
        chosen[slug] = min(seats, MOST)
    session["basket"] = chosen
    session.setdefault("key", secrets.token_urlsafe(16))
    visitor(session)


def emptied(session: Any) -> None:
    """What was in it is ordered: what comes next is another order."""
    session.pop("basket", None)
    session.pop("key", None)


def items(chosen: Mapping[str, int]) -> list[Item]:
    """What is in it, in the order of the programme. A concert that can no longer be had is left out."""
    found = Concert.objects.ahead().filter(slug__in=chosen)
    return [Item(concert, chosen[concert.slug]) for concert in found]


def visitor(session: Any) -> str:
    """Who this is: nobody signs in here, a browser knows its own orders."""
    return str(session.setdefault("visitor", secrets.token_urlsafe(24)))


def in_templates(request: Any) -> dict[str, int]:
    """How many seats are in it, for the head of every page."""
    session = getattr(request, "session", None)
    return {"basket_seats": sum(seats_in(session).values()) if session is not None else 0}
