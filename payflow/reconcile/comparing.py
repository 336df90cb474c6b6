"""Does a row of a bill agree with what we have? Gateway, payment and ledger side by side.

Each row and each payment or refund of ours comes to exactly one answer: it is matched, or it is one :class:`Found`.
"""

from __future__ import annotations

from typing import NamedTuple

from .days import Day

_ENDED = frozenset({"cancelled", "failed"})
_OPEN = frozenset({"requested", "processing"})


class PaymentPair(NamedTuple):
    """A row about an order, and our payment of that order (``None``: there is none). Amounts in minor units."""

    line: int
    kind: str  # payment, reversal, fee, other
    outcome: str
    out_trade_no: str | None
    gateway_txn: str | None
    out_refund_no: str | None
    amount: int
    moved: int
    currency: str
    happened_at: int
    payment_id: str | None
    account: str | None
    status: str | None
    due: int | None  # the payment's amount
    due_currency: str | None
    captured: int | None
    paid_by: str | None  # the trade that paid it
    paid_at: int | None
    booked: int | None  # what the ledger has of the capture


class RefundPair(NamedTuple):
    """A row about a refund, and our refund of that number (``None``: there is none)."""

    line: int
    kind: str
    outcome: str
    out_trade_no: str | None
    gateway_txn: str | None
    out_refund_no: str | None
    amount: int
    moved: int
    currency: str
    happened_at: int
    before: int  # rows of the same bill with the same refund number that came before
    refund_id: str | None
    account: str | None
    payment_id: str | None
    status: str | None
    due: int | None
    due_currency: str | None
    finished_at: int | None
    created_at: int | None
    booked: int | None  # what the ledger has of it: negative


class UnmetPayment(NamedTuple):
    """A payment of ours that was paid on a day, and no row of the day's bill is about it."""

    id: str
    out_trade_no: str
    gateway_txn: str | None
    captured: int
    currency: str
    paid_at: int


class UnmetRefund(NamedTuple):
    """A refund of ours that succeeded on a day, and no row of the day's bill is about it."""

    id: str
    payment_id: str
    out_refund_no: str
    gateway_txn: str | None
    amount: int
    currency: str
    created_at: int
    finished_at: int


class Found(NamedTuple):
    """What does not agree, and what may be done about it.

    ``heal``: ``ask`` (the gateway is asked about the payment), ``state`` (what the bill says is a fact of its own, that
    no question would bring to light), "" (neither).
    """

    item: str
    side: str
    kind: str
    theirs: int
    ours: int
    currency: str
    out_trade_no: str | None = None
    gateway_txn: str | None = None
    out_refund_no: str | None = None
    payment_id: str | None = None
    refund_id: str | None = None
    heal: str = ""
    other_day: str = ""
    state: str = "open"


def compare_payment(pair: PaymentPair, day: Day) -> Found | None:
    """A row about an order; ``None`` if gateway, payment and ledger say the same, on the same day."""
    if pair.kind == "payment":
        return _payment(pair, day)
    if pair.kind == "reversal":
        return _reversal(pair)
    return _differs(pair, "other", 0, state="explained")  # it concerns no order, or in words that we do not know


def _payment(pair: PaymentPair, day: Day) -> Found | None:
    if pair.payment_id is None:
        return _differs(pair, "missing_here", 0)
    if pair.captured and pair.paid_by == pair.gateway_txn:
        of_the_day = pair.paid_at is not None and day.start <= pair.paid_at < day.end
        ours = pair.captured if of_the_day else 0
        if pair.captured != pair.amount or pair.due_currency != pair.currency:
            return _differs(pair, "amount", ours)
        if pair.booked != pair.captured:
            return _differs(pair, "ledger", ours)
        if not of_the_day:
            other = Day.at(pair.paid_at).name if pair.paid_at is not None else ""
            return _differs(pair, "other_day", 0, other_day=other, state="explained")
        return None
    if pair.captured:
        return _differs(pair, "duplicate", 0, heal="state")
    heal = "ask" if pair.status == "pending" else "state"
    if pair.due != pair.amount or pair.due_currency != pair.currency:
        return _differs(pair, "amount", 0, heal=heal)
    return _differs(pair, "late" if pair.status in _ENDED else "status", 0, heal=heal)


def _reversal(pair: PaymentPair) -> Found:
    if pair.payment_id is None:
        return _differs(pair, "missing_here", 0)
    if pair.captured and pair.paid_by == pair.gateway_txn:
        return _differs(pair, "status", 0)  # paid here, and there it was taken back
    return _differs(pair, "reversed", 0, state="explained")


def compare_refund(pair: RefundPair, day: Day) -> Found | None:
    """A row about a refund; ``None`` if all agree."""
    if pair.refund_id is None or pair.before:
        return _refund_differs(pair, "duplicate" if pair.before else "missing_here", 0)
    done = pair.status == "succeeded"
    of_the_day = done and pair.finished_at is not None and day.start <= pair.finished_at < day.end
    ours = -(pair.due or 0) if of_the_day else 0
    if pair.due != pair.amount or pair.due_currency != pair.currency:
        return _refund_differs(pair, "amount", ours)
    if not done:
        return _unfinished(pair)
    if pair.booked != -pair.amount:
        return _refund_differs(pair, "ledger", ours)
    if pair.outcome == "failed":
        return _refund_differs(pair, "status", ours)
    if pair.moved and of_the_day:
        return None
    if not pair.moved and not of_the_day:
        return None  # it was under way when the bill was made, and has ended since
    other = Day.at(pair.finished_at).name if pair.finished_at is not None else ""
    return _refund_differs(pair, "other_day", ours, other_day=other, state="explained")


def _unfinished(pair: RefundPair) -> Found | None:
    """A refund that has not succeeded here: either the bill says no more than that, or it is to be asked about."""
    if pair.status in _OPEN:
        return None if pair.outcome == "under_way" else _refund_differs(pair, "status", 0, heal="ask")
    return _refund_differs(pair, "status", 0) if pair.moved else None


def unmet_payment(row: UnmetPayment, day: Day) -> Found:
    """A payment that was paid on this day, and the day's bill has no such row."""
    beside = day.beside(row.paid_at)
    return Found(
        f"p{row.id}", "books", "other_day" if beside else "missing_there", 0, row.captured, row.currency,
        row.out_trade_no, row.gateway_txn, payment_id=row.id, other_day=beside, state="waiting" if beside else "open",
    )  # fmt: skip


def unmet_refund(row: UnmetRefund, day: Day) -> Found:
    """A refund that succeeded on this day, and the day's bill has no such row.

    WeChat Pay's bills have a refund on the day on which it was asked for.
    """
    beside = day.beside(row.finished_at) if row.created_at in day else Day.at(row.created_at).name
    return Found(
        f"r{row.id}", "books", "other_day" if beside else "missing_there", 0, -row.amount, row.currency, None,
        row.gateway_txn, row.out_refund_no, row.payment_id, row.id, other_day=beside,
        state="waiting" if beside else "open",
    )  # fmt: skip


def _differs(
    pair: PaymentPair, kind: str, ours: int, *, heal: str = "", other_day: str = "", state: str = "open"
) -> Found:
    return Found(
        f"b{pair.line:09d}", "bill", kind, pair.moved, ours, pair.currency, pair.out_trade_no, pair.gateway_txn,
        pair.out_refund_no, pair.payment_id, None, heal, other_day, state,
    )  # fmt: skip


def _refund_differs(
    pair: RefundPair, kind: str, ours: int, *, heal: str = "", other_day: str = "", state: str = "open"
) -> Found:
    return Found(
        f"b{pair.line:09d}", "bill", kind, pair.moved, ours, pair.currency, pair.out_trade_no, pair.gateway_txn,
        pair.out_refund_no, pair.payment_id, pair.refund_id, heal, other_day, state,
    )  # fmt: skip
