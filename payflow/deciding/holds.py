"""Holds that end without being spent: released by the host, or freed by time."""

from __future__ import annotations

import json

from ..errors import NotFound, Refused
from ..ledger.book import Book
from ..ledger.buckets import Parts
from ..records import Hold, replace
from .draft import Draft, Needs
from .postings import book_of, freed
from .rules import Cause


def known_hold(draft: Draft, hold_id: str) -> Hold:
    """The hold, or ``HOLD_NOT_FOUND``."""
    found = draft.facts.holds.get(hold_id)
    if found is None:
        raise NotFound("There is no such hold", code="HOLD_NOT_FOUND", hold_id=hold_id)
    return found


def release(draft: Draft, hold_id: str) -> Hold:
    """Free a hold. Released again, it stays as it is; ``HOLD_SETTLED`` if it was settled."""
    kept = known_hold(draft, hold_id)
    if kept.status == "settled":
        raise Refused("This hold is settled", code="HOLD_SETTLED", hold_id=kept.id, account=kept.account)
    if kept.status != "open":
        return kept
    book = book_of(draft, kept.account)
    return _freed(draft, book, kept, "released" if kept.expires_at > draft.now else "expired")


def expire_overdue(draft: Draft, book: Book) -> int:
    """Free the holds of an account whose time is over; how many. Asks for them if they were not gathered."""
    if book.held and book.id not in draft.wants.holding:
        raise Needs(holding={book.id})
    overdue = [
        kept for kept in draft.facts.holds.values()
        if kept.account == book.id and kept.status == "open" and kept.expires_at <= draft.now
    ]  # fmt: skip
    for kept in overdue:
        _freed(draft, book, kept, "expired")
    return len(overdue)


def _freed(draft: Draft, book: Book, kept: Hold, status: str) -> Hold:
    book.free(allocation(kept))
    ended = put(draft, replace(kept, status=status, updated_at=draft.now))
    freed(draft, book, Cause("hold", kept.id))
    return ended


def put(draft: Draft, kept: Hold, *, is_new: bool = False) -> Hold:
    """Keep a new or changed hold."""
    is_new = draft.changes.holds.get(kept.id, (is_new, kept))[0]
    draft.changes.holds[kept.id] = (is_new, kept)
    draft.facts.holds[kept.id] = kept
    return kept


def allocation(kept: Hold) -> Parts:
    return [(name, share) for name, share in json.loads(kept.allocation)]
