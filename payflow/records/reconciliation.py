"""A day's bill, its rows, and what does not agree: guarded by the run's version."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconRun:
    """The reconciliation of one merchant's Beijing day. Every write to it, or to anything below it, raises ``version``.

    Amounts are signed minor units: what came is positive, what went back negative. ``moved`` is what the bill's rows
    add up to, ``booked`` what our payments and refunds of the day do; the difference of both is that of the run's
    differences, always.
    """

    id: str  # gateway:merchant:day
    account: str  # whose bill was asked for; its fees are booked there
    gateway: str
    merchant: str
    day: str
    state: str  # importing, imported, waiting, refused, done
    version: int = 1
    code: str = ""  # why it waits or was refused
    origin: str = ""  # gateway, file
    runner: str = ""  # who is at it
    lease_until: int | None = None  # and until when nobody else may be
    staged: int = 0  # last line of the bill that is stored; what is stored counts only once the bill has ended well
    kept: int = 0  # 1: the bill's rows are stored
    bill_rows: int = 0
    payments: int = 0
    payment_amount: int = 0  # as the bill adds up itself
    refunds: int = 0
    refund_amount: int = 0
    moved: int = 0
    matched: int = 0  # rows of the bill that agree with payments and ledger
    book_items: int = 0  # our payments and refunds of the day
    met: int = 0  # those among them that the bill has
    booked: int = 0
    fee: int = 0  # what the bill says the gateway keeps, each row's rounded half up to whole minor units
    fine_fee: int = 0  # the same as written, in thousandths of a minor unit
    tries: int = 0
    next_try_at: int | None = None  # when a bill that was not there, or not right, is asked for again
    created_at: int = 0
    updated_at: int = 0
    finished_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillItem:
    """One row of a bill, as it is stored while its day is reconciled."""

    run: str
    line: int
    kind: str  # payment, refund, reversal, fee, other
    outcome: str  # done, under_way, failed
    out_trade_no: str | None
    gateway_txn: str | None
    out_refund_no: str | None
    gateway_refund: str | None
    app: str | None
    amount: int
    moved: int  # signed: what has come (payments) or gone (refunds, reversals) by this row
    currency: str
    fee_text: str  # as written, in yuan
    happened_at: int
    status: str  # the gateway's own word


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What does not agree: one row of a bill, or one payment or refund of ours. It is never deleted.

    ``theirs`` is what the bill says has moved, ``ours`` what our books of that day say, both signed.
    """

    run: str
    item: str  # b and the line; or p and a payment's, r and a refund's id
    side: str  # bill: a row of the bill; books: ours, and the bill has no such row
    kind: str  # missing_here, missing_there, amount, status, late, duplicate, other_day, reversed, ledger, other
    state: str  # open, waiting, healed, settled, known, explained
    theirs: int
    ours: int
    currency: str
    out_trade_no: str | None = None
    gateway_txn: str | None = None
    out_refund_no: str | None = None
    payment_id: str | None = None
    refund_id: str | None = None
    incident_id: str | None = None
    other_day: str = ""  # in which day's bill, or books, the other half is
    step: str = ""  # what a person does about it (see reconcile.steps)
    found_at: int = 0
    updated_at: int = 0
