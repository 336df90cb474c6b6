"""Whether an account can bear what is asked of it: caps, what is available, what a policy grants on demand."""

from __future__ import annotations

import json

from ..clock import iso
from ..errors import Refused
from ..ledger.book import Book
from ..refill import activity
from . import holds, refilling
from .draft import Draft
from .postings import Operation, look_for, today
from .rules import Caps


def afford(draft: Draft, book: Book, kind: str, operation: Operation, amount: int, *, debt: bool = False) -> int:
    """Whether the account can bear ``amount``; what was refilled on demand for it.

    Holds whose time is over are freed first. Nothing is refused before it is certain that this very operation was not
    done already.
    """
    over = _over_cap(draft, book, amount)
    if over is not None:
        look_for(draft, kind, operation)
        if holds.expire_overdue(draft, book):
            over = _over_cap(draft, book, amount)
    if over is not None:
        raise Refused(
            f"The cap {over} of this owner does not leave {amount}",
            code="CREDIT_CAP_EXCEEDED",
            account=book.id,
            cap=over,
        )
    room = book.account.credit_limit if debt else 0
    if book.available(draft.now) + room >= amount:
        return 0
    look_for(draft, kind, operation)
    if holds.expire_overdue(draft, book) and book.available(draft.now) + room >= amount:
        return 0
    return _refilled(draft, book, amount, room)


def _refilled(draft: Draft, book: Book, amount: int, room: int) -> int:
    """What a policy grants on demand, if that is enough; ``CREDIT_INSUFFICIENT`` otherwise."""
    found = refilling.demanded(draft, book, amount - room)
    if found.granted:
        return found.granted
    raise insufficient(draft, book, amount, book.available(draft.now) + room, found)


def insufficient(
    draft: Draft, book: Book, amount: int, available: int, refill: refilling.Demanded = refilling.NOTHING
) -> Refused:
    """``CREDIT_INSUFFICIENT``: how much is missing, when the next refill comes, and what can be bought."""
    unit = book.account.unit
    packs = draft.rules.credit.packs.get(unit, ())
    said = f"{amount} {unit} asked for, {max(available, 0)} available: {amount - available} missing"
    if refill.next_at is not None:
        when = "is due now" if refill.next_at <= draft.now else f"at {iso(refill.next_at)}"
        said += f"; next refill of {refill.next_amount} {when}"
    if packs:
        said += f"; packs to buy: {', '.join(packs)}"
    refused = Refused(
        said, code="CREDIT_INSUFFICIENT", account=book.id, asked=amount, available=available,
        missing=amount - available, next_refill_at=refill.next_at, next_refill_amount=refill.next_amount, buy=packs,
        order=refill.order,
    )  # fmt: skip
    if refill.payment_id:
        refused.ids["payment_id"] = refill.payment_id
    return refused


def _over_cap(draft: Draft, book: Book, amount: int) -> str | None:
    """The cap that this amount does not keep, or ``None``. What is held is as good as spent."""
    caps = caps_of(draft, book)
    if caps.per_spend is not None and amount > caps.per_spend:
        return "per_spend"
    if caps.per_day is None and caps.per_month is None:
        return None
    day, of_month = today(draft.now, draft.rules.credit.zone)
    for name, cap, days in (("per_day", caps.per_day, 1), ("per_month", caps.per_month, of_month)):
        if cap is not None and activity.spent_within(book.activity, day, days) + book.held + amount > cap:
            return name
    return None


def caps_of(draft: Draft, book: Book) -> Caps:
    """The owner's own caps, or those of the unit."""
    if book.account.caps:
        return Caps(**json.loads(book.account.caps))
    return draft.rules.credit.units.get(book.account.unit, Caps())
