"""Credit reserved for work whose cost is known afterwards: held, then settled."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..errors import IdempotencyRefused, Refused
from ..ledger.book import Book
from ..ledger.buckets import Parts
from ..ledger.names import journal_id
from ..records import Hold, replace
from . import holds
from .affording import afford, insufficient
from .draft import Draft, Needs
from .postings import Movement, Operation, book_of, freed, note_spent, post
from .rules import Cause


@dataclass(frozen=True, slots=True)
class Reservation:
    """Credit to be held until ``expires_at``; ``id`` is made of the account and the key."""

    operation: Operation
    id: str
    amount: int
    expires_at: int


def hold(draft: Draft, wanted: Reservation) -> Hold:
    """Reserve credit. It neither lapses nor can be spent until it is settled, released or its time is over."""
    operation = wanted.operation
    done = draft.facts.holds.get(wanted.id)
    if done is None and wanted.id not in draft.wants.holds:
        raise Needs(holds={wanted.id})
    if done is not None:
        if done.digest != operation.digest:
            raise IdempotencyRefused(
                "This key belongs to another hold on this account", account=operation.account, key=operation.key
            )
        return done
    book = book_of(draft, operation.account)
    afford(draft, book, "spend", operation, wanted.amount)
    allocation = book.hold(wanted.amount, draft.now)
    return holds.put(
        draft,
        Hold(
            id=wanted.id, account=book.id, key=operation.key[:191], amount=wanted.amount,
            allocation=json.dumps(allocation), use=operation.use, memo=operation.memo, digest=operation.digest,
            expires_at=wanted.expires_at, created_at=draft.now, updated_at=draft.now,
        ),
        is_new=True,
    )  # fmt: skip


def settle(draft: Draft, hold_id: str, amount: int, over: str) -> Movement:
    """Spend ``amount`` of a hold and free the rest. What costs more than was held goes by ``over``.

    ``refuse``: ``HOLD_EXCEEDED``; ``spend``: the rest is taken from what is available, or nothing is; ``debt``: what is
    not available is owed, whatever the limit, because the work is done. ``HOLD_SETTLED``, ``HOLD_RELEASED``,
    ``HOLD_EXPIRED`` for a hold that is not open any more; the same amount again is a repeat.
    """
    kept = holds.known_hold(draft, hold_id)
    book = book_of(draft, kept.account)
    if kept.status == "settled" and kept.settled == amount:
        done = journal_id("settle", kept.account, kept.id)
        return Movement(done, book.id, -amount, book.balance, book.available(draft.now), replayed=True)
    if kept.status != "open" or kept.expires_at <= draft.now:
        status = "expired" if kept.status == "open" else kept.status
        raise Refused(f"This hold is {status}", code=f"HOLD_{status.upper()}", hold_id=kept.id, account=kept.account)
    excess = max(0, amount - kept.amount)
    if excess and over == "refuse":
        raise Refused(
            f"This hold is of {kept.amount}, and {amount} is to be settled", code="HOLD_EXCEEDED", hold_id=kept.id,
            held=kept.amount, excess=excess,
        )  # fmt: skip
    if over == "spend" and excess > max(0, book.available(draft.now)):
        holds.expire_overdue(draft, book)
    if over == "spend" and excess > max(0, book.available(draft.now)):
        raise insufficient(draft, book, excess, max(0, book.available(draft.now)))
    operation = Operation(
        account=book.id, key=kept.id, cause=Cause("hold", kept.id), use=kept.use, memo=kept.memo, digest=kept.digest
    )
    parts = book.spend_held(holds.allocation(kept), min(amount, kept.amount))
    if excess:
        parts = [*parts, *_beyond(draft, book, excess)]
    holds.put(draft, replace(kept, status="settled", settled=amount, updated_at=draft.now))
    if parts:
        booked = post(draft, "settle", operation, [(book, parts)]).id
        note_spent(draft, book, amount)
    else:
        booked = ""  # nothing was used, nothing is booked
    freed(draft, book, operation.cause)
    return Movement(booked, book.id, -amount, book.balance, book.available(draft.now))


def _beyond(draft: Draft, book: Book, excess: int) -> Parts:
    """What a hold costs beyond what it reserved: from what is available, and then owed, because the work is done."""
    available = max(0, book.available(draft.now))
    parts, _ = book.take(min(excess, available), draft.now)
    if excess > available:
        parts = [*parts, *book.owe(excess - available, forced=True)]
    return parts
