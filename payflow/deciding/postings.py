"""How credit is booked: a journal, its entries on the owners' accounts and on payflow's own; they sum to zero."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

from ..clock import BEIJING
from ..errors import IdempotencyRefused, InvalidRequest, NotFound
from ..ledger import chain
from ..ledger.book import MAX_BALANCE, Book
from ..ledger.buckets import Parts
from ..ledger.names import journal_id, own, owner_and_unit
from ..records import Account, Entry, Journal, replace
from ..refill import activity
from .draft import Draft, Needs
from .rules import Cause

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Movement:
    """What became of an operation on credit. Figures are units of the account's unit, right after it.

    ``amount`` is signed: what the account won or lost. ``replayed``: the key had been used for the same operation, and
    the figures are those of now. ``refilled``: what a policy granted on demand on the way.
    """

    journal_id: str
    account: str
    amount: int
    balance: int
    available: int
    replayed: bool = False
    refilled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What every operation on credit has: the account, the caller's key, and words for people."""

    account: str
    key: str
    cause: Cause
    use: str = ""
    memo: str = ""
    digest: str = ""


def checked_units(amount: Any, *, signed: bool = False, zero: bool = False) -> int:
    """A number of units: whole, positive (or ``signed``, or ``zero``), and not larger than a balance may be.

    ``CREDIT_INVALID_AMOUNT`` for anything else: floats, NaN, booleans and text as well.
    """
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise InvalidRequest("An amount of credit is a whole number of units", code="CREDIT_INVALID_AMOUNT")
    if (amount == 0 and not zero) or (amount < 0 and not signed):
        raise InvalidRequest("An amount of credit is positive", code="CREDIT_INVALID_AMOUNT")
    if abs(amount) > MAX_BALANCE:
        raise InvalidRequest("An amount of credit is larger than any balance", code="CREDIT_INVALID_AMOUNT")
    return amount


def digest(*facts: object) -> str:
    """Names a request, so that its key with other facts is a conflict."""
    return hashlib.blake2b("\x00".join(map(str, facts)).encode("utf-8", "replace"), digest_size=12).hexdigest()


def today(now: int, zone: tzinfo | None) -> tuple[int, int]:
    """The day of ``now`` in the wallet's zone, as ``date.toordinal`` counts, and which of its month it is."""
    day = (_EPOCH + timedelta(microseconds=now)).astimezone(zone or BEIJING)
    return day.toordinal(), day.day


# -- accounts ------------------------------------------------------------------------------------------------------


def book_of(draft: Draft, account: str, *, make: bool = False) -> Book:
    """The account, open for posting and without what has lapsed; ``make`` opens one that is not there yet.

    ``ACCOUNT_NOT_FOUND`` otherwise.
    """
    book = draft.books.get(account)
    if book is not None:
        return book
    if account not in draft.wants.accounts:
        raise Needs(accounts={account})
    known = draft.facts.accounts.get(account)
    if known is not None:
        book = draft.open_book(known)
        lapse(draft, book)
        return book
    if not make:
        raise NotFound("There is no such account", code="ACCOUNT_NOT_FOUND", account=account)
    owner, unit = owner_and_unit(account)
    fresh = Account(
        id=account, owner=owner, unit=unit, created_at=draft.now, updated_at=draft.now, next_refill_at=draft.now
    )  # the next run finds the policy it is under
    return draft.open_book(fresh, is_new=True)


def lapse(draft: Draft, book: Book) -> int:
    """Book what has lapsed by now; how much."""
    parts = book.lapse(draft.now)
    if parts:
        operation = Operation(account=book.id, key=str(book.seq + 1), cause=Cause("timer", "expiry"))
        post(draft, "expiry", operation, [(book, parts)])
    return -sum(share for _, share in parts)


def freed(draft: Draft, book: Book, cause: Cause) -> None:
    """Credit that was held is free again: what lapsed meanwhile lapses now, the rest pays what is owed."""
    lapse(draft, book)
    parts = book.repay(draft.now)
    if parts:
        post(draft, "repayment", Operation(account=book.id, key=str(book.seq + 1), cause=cause), [(book, parts)])


# -- journals ------------------------------------------------------------------------------------------------------


def known(draft: Draft, kind: str, operation: Operation) -> Journal | None:
    """The journal of an operation that was done before under this key, as far as it was looked for.

    ``IDEMPOTENCY_CONFLICT`` when the key did something else. A key is nearly always new, and its journal's own name
    keeps it from being booked twice; so it is only looked for when somebody moved first or something is to be refused.
    """
    name = journal_id(kind, operation.account, operation.key)
    if draft.wants.again and name not in draft.wants.journals:
        raise Needs(journals={name})
    found = draft.facts.journals.get(name)
    if found is not None and found.digest != operation.digest:
        raise IdempotencyRefused(
            "This key belongs to another operation on this account", account=operation.account, key=operation.key
        )
    return found


def look_for(draft: Draft, kind: str, operation: Operation) -> None:
    """Before a refusal: had this very operation been done already?"""
    name = journal_id(kind, operation.account, operation.key)
    if name not in draft.wants.journals:
        raise Needs(journals={name})


def post(
    draft: Draft, kind: str, operation: Operation, moved: list[tuple[Book, Parts]], *, payment_id: str = ""
) -> Journal:
    """Book what was moved, once; with a line on payflow's own account that makes the sum zero."""
    name = journal_id(kind, operation.account, operation.key)
    journal = Journal(
        id=name, kind=kind, ref=name.removeprefix(f"{kind}:"),
        payment_id=payment_id, cause_kind=operation.cause.kind, cause_id=operation.cause.id[:191], at=draft.now,
        account=operation.account, use=operation.use, memo=operation.memo, digest=operation.digest,
    )  # fmt: skip
    unit = moved[0][0].account.unit
    lines = [(book.id, unit, share, bucket) for book, parts in moved for bucket, share in parts]
    rest = -sum(line[2] for line in lines)
    own_lines = [(own(kind, unit), unit, rest, "")] if rest else []
    text = chain.content(journal, [*lines, *own_lines])
    entries, number = draft.changes.entries, 0
    for book, parts in moved:
        before = book.balance - sum(share for _, share in parts)
        for bucket, share in parts:
            number, before = number + 1, before + share
            book.seq += 1
            book.chain = chain.link(book.chain, text, book.seq, number, before)
            entries.append(
                Entry(journal_id=journal.id, line=number, ledger_account=book.id, currency=unit, amount=share,
                      seq=book.seq, balance=before, bucket=bucket, hash=book.chain)
            )  # fmt: skip
    for name, _, amount, _ in own_lines:
        entries.append(Entry(journal_id=journal.id, line=number + 1, ledger_account=name, currency=unit, amount=amount))
    draft.changes.journals.append(journal)
    draft.facts.journals[journal.id] = journal
    return journal


def movement(draft: Draft, book: Book, journal: Journal, amount: int, *, refilled: int = 0) -> Movement:
    """How an account stands after an operation that was just booked."""
    return Movement(journal.id, book.id, amount, book.balance, book.available(draft.now), refilled=refilled)


def repeated(draft: Draft, book: Book, journal: Journal, amount: int) -> Movement:
    """The answer to an operation that was done before: done, and how the account stands now."""
    return replace(movement(draft, book, journal, amount), replayed=True)


def note_spent(draft: Draft, book: Book, amount: int) -> None:
    """Remember what was spent on which day: caps and dynamic refills go by it."""
    book.activity = activity.add(book.activity, today(draft.now, draft.rules.credit.zone)[0], amount)
