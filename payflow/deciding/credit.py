"""What a host asks of credit, decided: grant, spend, transfer, adjust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest
from ..ledger.book import Book
from ..ledger.buckets import Bucket, Parts, of_kind
from ..records import AccountChange
from . import holds
from .affording import afford, insufficient
from .draft import Draft
from .postings import Movement, Operation, book_of, known, look_for, movement, note_spent, post, repeated


@dataclass(frozen=True, slots=True)
class Spend:
    """Credit to be spent. ``debt``: what is missing may be owed, as far as the account's limit goes."""

    operation: Operation
    amount: int
    debt: bool = False


def spend(draft: Draft, wanted: Spend) -> Movement:
    """Take credit for something. Never below the floor: ``CREDIT_INSUFFICIENT``, ``CREDIT_CAP_EXCEEDED``."""
    operation, amount = wanted.operation, wanted.amount
    done = known(draft, "spend", operation)
    book = book_of(draft, operation.account)
    if done is not None:
        return repeated(draft, book, done, -amount)
    refilled = afford(draft, book, "spend", operation, amount, debt=wanted.debt)
    parts, lacking = book.take(amount, draft.now)
    if lacking:
        parts = [*parts, *book.owe(lacking)]
    journal = post(draft, "spend", operation, [(book, parts)])
    note_spent(draft, book, amount)
    return movement(draft, book, journal, -amount, refilled=refilled)


# -- giving --------------------------------------------------------------------------------------------------------


def grant(draft: Draft, operation: Operation, amount: int, *, kind: str, expires_at: int | None) -> Movement:
    """Give credit: ``kind`` is promo, refill or paid. Opens the account if there is none. ``CREDIT_OVERFLOW``."""
    done = known(draft, "grant", operation)
    book = book_of(draft, operation.account, make=True)
    if done is not None:
        return repeated(draft, book, done, amount)
    if expires_at is not None and expires_at <= draft.now:
        look_for(draft, "grant", operation)
        raise InvalidRequest("This credit would have lapsed already", code="CREDIT_INVALID_EXPIRY")
    parts = _given(draft, "grant", operation, book, of_kind(kind, amount, expires_at))
    return movement(draft, book, post(draft, "grant", operation, [(book, parts)]), amount)


def adjust(draft: Draft, operation: Operation, amount: int, *, debt: bool) -> Movement:
    """A person's correction, up or down, by a new entry. Down into debt only where ``debt`` says so."""
    done = known(draft, "adjustment", operation)
    book = book_of(draft, operation.account)
    if done is not None:
        return repeated(draft, book, done, amount)
    if amount > 0:
        parts = _given(draft, "adjustment", operation, book, of_kind("paid", amount, None))
    else:
        parts = _taken(draft, operation, book, -amount, debt=debt)
    return movement(draft, book, post(draft, "adjustment", operation, [(book, parts)]), amount)


def _given(draft: Draft, verb: str, operation: Operation, book: Book, bucket: Bucket) -> Parts:
    """Nothing is refused before it is certain that this very operation was not done already."""
    if not book.has_room(bucket.remaining):
        look_for(draft, verb, operation)
    return book.give(bucket)


def _taken(draft: Draft, operation: Operation, book: Book, amount: int, *, debt: bool) -> Parts:
    if amount > book.available(draft.now):
        look_for(draft, "adjustment", operation)
        holds.expire_overdue(draft, book)
    available = max(0, book.available(draft.now))
    if amount > available and not debt:
        raise insufficient(draft, book, amount, book.available(draft.now))
    parts, _ = book.take(min(amount, available), draft.now)
    return parts if amount <= available else [*parts, *book.owe(amount - available, forced=True)]


def transfer(draft: Draft, operation: Operation, to: str, amount: int) -> Movement:
    """From one owner to another, in one unit. What was promotional or lapses stays so. ``ACCOUNT_NOT_FOUND``."""
    done = known(draft, "transfer", operation)
    source = book_of(draft, operation.account)
    if done is not None:
        return repeated(draft, source, done, -amount)
    if to not in draft.facts.accounts:
        look_for(draft, "transfer", operation)
    target = book_of(draft, to)
    refilled = afford(draft, source, "transfer", operation, amount)
    kinds = {kept.id: kept for kept in source.buckets}
    taken, _ = source.take(amount, draft.now)
    given: Parts = []
    for name, share in taken:
        bucket = of_kind(kinds[name].kind, -share, kinds[name].expires_at)
        given += _given(draft, "transfer", operation, target, bucket)
    journal = post(draft, "transfer", operation, [(source, taken), (target, given)])
    note_spent(draft, source, amount)
    return movement(draft, source, journal, -amount, refilled=refilled)


# -- what is no credit ---------------------------------------------------------------------------------------------


def change(draft: Draft, account: str, fields: Mapping[str, Any], by: str, reason: str, *, make: bool = False) -> Book:
    """Change an account's tier, limit or caps; each change is kept with who made it.

    ``make``: open it so if there is none, and leave one that is there as it is.
    """
    book = book_of(draft, account, make=make)
    if make and not book.is_new:
        return book
    version = 1 if book.is_new else book.read.version + 1
    for name, value in fields.items():
        before = getattr(book.account, name)
        if before != value:
            draft.changes.account_changes.append(
                AccountChange(account=account, version=version, what=name, before=str(before), after=str(value),
                              changed_by=by, reason=reason, at=draft.now)
            )  # fmt: skip
            book.set(**{name: value})
            if name == "tier":
                # The next run finds the policy of its new tier, whose first refill it waits for from now on.
                book.set(next_refill_at=draft.now, refill_policy="", refill_version=0, refill_anchor=draft.now)
    if book.is_new and not any(kept.what == "opened" for kept in draft.changes.account_changes):
        opened = AccountChange(account=account, version=version, what="opened", before="", after=book.account.tier,
                               changed_by=by, reason=reason, at=draft.now)  # fmt: skip
        draft.changes.account_changes.append(opened)
    return book
