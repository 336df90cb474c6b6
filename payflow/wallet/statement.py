"""Statements: every movement of an account with what caused it, down to the payment, the spend, the hold, the refill.

Lines are read page after page along the account's own index and told as they are read, so an account with a million
entries begins at once and memory stays as it is. What is read is fixed when the statement is asked for: entries are
only ever appended, so it does not change while it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from ..deciding.topup import Purchase
from ..records import Account, Entry, Hold, Journal, Payment, Refill, Refund
from ..store import ExplainStore, Store, Wants

#: The first page is small, so that the first line is told at once.
FIRST_PAGE, PAGE = 50, 1000
#: So many lines behind the edge of a day are looked through for some whose clock was behind the others'.
SKEW = 200
_CLAWBACKS = frozenset({"clawback", "clawback_undone"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One movement of an account. ``amount`` is signed units of credit, ``balance`` the account's after it.

    What did not cause it is "" or 0; ``paid`` and ``refunded`` are minor units of ``currency``.
    """

    seq: int  # number of its last entry
    at: int | None  # None: its journal is missing (see ``payflow doctor``)
    kind: str  # topup, grant, spend, settle, transfer, expiry, refill, clawback, clawback_undone, adjustment
    amount: int
    balance: int
    parts: tuple[tuple[str, int], ...]  # how much of which bucket
    journal_id: str
    use: str = ""
    memo: str = ""
    key: str = ""  # the caller's, of the spend, grant, transfer, adjustment or hold
    by: str = ""  # the operator who did it
    other: str = ""  # the other account of a transfer
    payment_id: str = ""
    out_trade_no: str = ""
    gateway: str = ""
    gateway_txn: str = ""
    paid: int = 0
    currency: str = ""
    refund_id: str = ""
    out_refund_no: str = ""
    refunded: int = 0
    hold_id: str = ""
    held: int = 0  # what the hold had reserved
    policy: str = ""
    policy_version: int = 0
    trigger: str = ""  # what asked for the refill: demand, schedule, operator, payment
    cause_kind: str = ""
    cause_id: str = ""


@dataclass(frozen=True)
class Statement:
    """An account's movements over a period: iterate over it, as often as you like.

    ``opening`` and ``closing`` are the balances before and after the period, ``entries`` how many entries it has.
    ``account`` is the account as it was when the statement was asked for.
    """

    account: Account
    opening: int
    closing: int
    after: int  # number of the last entry before the period
    until: int  # number of its last entry
    order: str
    limit: int | None
    store: Store = field(repr=False)

    @property
    def entries(self) -> int:
        """How many entries there are in the period."""
        return self.until - self.after

    @property
    def agrees(self) -> bool:
        """Whether the account has what its last entry says, where that one is in the period."""
        return self.until != self.account.seq or self.closing == self.account.balance

    def __iter__(self) -> Iterator[Line]:
        return islice(self._lines(), self.limit)

    def _lines(self) -> Iterator[Line]:
        moved: list[_Moved] = []
        size = FIRST_PAGE
        for one in self._moved():
            moved.append(one)
            if len(moved) == size:
                yield from _told(self.store, self.account.id, moved)
                moved, size = [], PAGE
        yield from _told(self.store, self.account.id, moved)

    def _moved(self) -> Iterator[_Moved]:
        """The entries of each journal together: they follow one another."""
        moved: _Moved | None = None
        for entry, journal in self._entries():
            if moved is None or entry.journal_id != moved.entries[0].journal_id:
                if moved is not None:
                    yield moved
                moved = _Moved([], journal)
            moved.entries.append(entry)
        if moved is not None:
            yield moved

    def _entries(self) -> Iterator[tuple[Entry, Journal | None]]:
        after, until, size = self.after, self.until, FIRST_PAGE
        newest = self.order == "newest"
        while after < until:
            page = explaining(self.store).lines(self.account.id, after, until, size, newest=newest)
            yield from page
            if len(page) < size:
                return
            last = page[-1][0].seq or 0
            after, until = (after, last - 1) if newest else (last, until)
            size = PAGE


class _Moved(NamedTuple):
    """The entries of one journal on the account, in the order in which they are told."""

    entries: list[Entry]
    journal: Journal | None


def statement(
    store: Store, account: Account, since: int, until: int, *, order: str = "oldest", limit: int | None = None
) -> Statement:
    """The movements at ``since <= at < until``; ``order`` is ``oldest`` or ``newest`` first.

    A period is one stretch of the account's entries, so that its figures add up and the next one begins where it ends.
    Where clocks disagreed by a little, an entry that stands before an older one is told with it.
    """
    lines = explaining(store).lines
    after = _edge(lines, account, since)
    last = max(after, _edge(lines, account, until))
    opening = _balance_at(lines, account, after)
    closing = _balance_at(lines, account, last) if last > after else opening
    return Statement(account, opening, closing, after, last, order, limit, store)


# -- where a period begins and ends ---------------------------------------------------------------------------------

_Lines = Callable[..., list[tuple[Entry, Journal | None]]]


def _edge(lines: _Lines, account: Account, instant: int) -> int:
    """The number of the last entry that was booked before ``instant``; 0 if there is none."""
    low, high = 0, account.seq
    while low < high:
        middle = (low + high + 1) // 2
        at = _instant(lines, account, middle)
        low, high = (low, middle - 1) if at is None or at >= instant else (middle, high)
    while low < account.seq:  # clocks that disagreed: some more may lie behind it
        page = lines(account.id, low, account.seq, SKEW)
        found = [entry.seq or 0 for entry, journal in page if journal is not None and journal.at < instant]
        if not found:
            return low
        low = max(found)
    return low


def _instant(lines: _Lines, account: Account, seq: int) -> int | None:
    """When the entry of this number was booked, or the next one that has a journal."""
    found = lines(account.id, seq - 1, account.seq, 5)
    return next((journal.at for _, journal in found if journal is not None), None)


def _balance_at(lines: _Lines, account: Account, seq: int) -> int:
    found = lines(account.id, 0, seq, 1, newest=True) if seq else []
    return (found[0][0].balance or 0) if found else 0


# -- causes ---------------------------------------------------------------------------------------------------------


def _told(store: Store, account: str, moved: Sequence[_Moved]) -> list[Line]:
    causes = _Causes(store, account, [one.journal for one in moved if one.journal is not None])
    return [_line(one, causes) for one in moved]


def _line(moved: _Moved, causes: _Causes) -> Line:
    entries, journal = sorted(moved.entries, key=lambda entry: entry.seq or 0), moved.journal
    first, last = entries[0], entries[-1]
    told: dict[str, Any] = {
        "seq": last.seq, "amount": sum(entry.amount for entry in entries), "balance": last.balance,
        "parts": tuple((entry.bucket, entry.amount) for entry in entries), "journal_id": first.journal_id,
    }  # fmt: skip
    if journal is None:
        return Line(at=None, kind=first.journal_id.partition(":")[0], **told)
    return Line(
        at=journal.at, kind=journal.kind, use=journal.use, memo=journal.memo, cause_kind=journal.cause_kind,
        cause_id=journal.cause_id, by=journal.cause_id if journal.cause_kind == "operator" else "",
        **told, **causes.of(journal),
    )  # fmt: skip


class _Causes:
    """What caused the movements of a page, read for all of them at once."""

    def __init__(self, store: Store, account: str, journals: Sequence[Journal]) -> None:
        self.account = account
        wants = Wants(
            payments={one.payment_id for one in journals if one.payment_id},
            refund_ids={one.digest for one in journals if one.kind in _CLAWBACKS},
            holds={one.cause_id for one in journals if one.kind == "settle"},
        )
        facts = store.gather(wants) if wants.payments or wants.refund_ids or wants.holds else None
        self.payments: dict[str, Payment] = facts.payments if facts else {}
        self.refunds: dict[str, Refund] = facts.refunds if facts else {}
        self.holds: dict[str, Hold] = facts.holds if facts else {}
        explained = explaining(store)
        windows = {window for one in journals if (window := self._window(one)) is not None}
        found = explained.refills_of(windows)
        unnamed = [one.at for one in journals if one.kind == "refill" and self._window(one) is None]
        if unnamed:  # their journals' names are digests, and do not tell the window
            found = [*found, *explained.refills_between(account, min(unnamed), max(unnamed))]
        self.refills: dict[str, Refill] = {one.journal_id: one for one in found}
        self.lines = explained.entries_of({one.id for one in journals if one.kind == "transfer"})

    def _window(self, journal: Journal) -> tuple[str, str, int] | None:
        """Which line of the refill log a journal has, if it has one."""
        if journal.kind == "refill":
            window = journal.ref.rpartition(":")[2]
            return (journal.account, journal.memo, int(window)) if window.isdecimal() else None
        payment = self.payments.get(journal.payment_id) if journal.kind == "topup" else None
        bought = Purchase.of(payment) if payment is not None and payment.credit else None
        return (journal.account, bought.policy, bought.window) if bought is not None and bought.policy else None

    def of(self, journal: Journal) -> dict[str, Any]:
        """The part of a line that says why."""
        told: dict[str, Any] = {}
        if journal.kind in ("spend", "grant", "transfer", "adjustment"):
            told["key"] = journal.cause_id if journal.cause_kind == "api" else _key(journal)
        if journal.kind == "transfer":
            told["other"] = self._other(journal)
        payment = self.payments.get(journal.payment_id)
        if payment is not None:
            told |= {
                "payment_id": payment.id, "out_trade_no": payment.out_trade_no, "gateway": payment.gateway,
                "gateway_txn": payment.gateway_txn or "", "paid": payment.captured, "currency": payment.currency,
            }  # fmt: skip
        refund = self.refunds.get(journal.digest) if journal.kind in _CLAWBACKS else None
        if refund is not None:
            told |= {"refund_id": refund.id, "out_refund_no": refund.out_refund_no, "refunded": refund.amount}
        hold = self.holds.get(journal.cause_id) if journal.kind == "settle" else None
        if hold is not None:
            told |= {"key": hold.key, "hold_id": hold.id, "held": hold.amount}
        refill = self.refills.get(journal.id)
        if refill is not None:
            told |= {"policy": refill.policy, "policy_version": refill.policy_version, "trigger": refill.cause_kind}
        elif journal.kind == "refill":
            told["policy"] = journal.memo
        return told

    def _other(self, journal: Journal) -> str:
        if journal.account != self.account:
            return journal.account
        owners = (line.ledger_account for line in self.lines.get(journal.id, ()))
        return next((name for name in owners if name != self.account), "")


def _key(journal: Journal) -> str:
    return journal.ref.removeprefix(f"{journal.account}:")


def explaining(store: Store) -> ExplainStore:
    """The store, as one that explains."""
    if not isinstance(store, ExplainStore):
        raise TypeError("This store does not explain: see payflow.store.ExplainStore")
    return store
