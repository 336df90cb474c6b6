"""The contract between payflow and whoever moves the money. Implementations live in ``payflow/gateways/``.

Everything a gateway ever says — a callback, the answer to our own call, the answer to a query, a row of a bill —
becomes an :class:`Event` and walks one road. A gateway translates; it never decides and never touches the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from os import PathLike
from typing import Any, Protocol, runtime_checkable

from .records import BillItem, Payment, Refund


class EventKind(StrEnum):
    """What a gateway can state, in our words."""

    PENDING = "pending"  # known there, not paid yet; changes nothing
    PAID = "paid"
    FAILED = "failed"  # this payment can never be paid
    CLOSED = "closed"  # closed unpaid
    REFUND_PROCESSING = "refund_processing"
    REFUND_SUCCEEDED = "refund_succeeded"
    REFUND_FAILED = "refund_failed"
    UNKNOWN = "unknown"  # a word we have no translation for: recorded, then asked about


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact a gateway stated, in our words.

    ``key`` names the fact (this trade was paid), so that a callback and a query answer about it meet. ``amount`` is
    the payment's total for payment events and the refund's amount for refund events, in minor units, ``None`` where
    the gateway does not state it. Ids are exactly as received.
    """

    kind: EventKind
    key: str
    gateway: str
    account: str
    source: str  # callback, answer, query, bill
    out_trade_no: str
    merchant: str | None = None
    app: str | None = None
    amount: int | None = None
    currency: str | None = None
    gateway_txn: str | None = None
    out_refund_no: str | None = None
    gateway_refund: str | None = None
    happened_at: int | None = None  # when the gateway says it happened
    words: Mapping[str, str] = field(default_factory=dict)  # the gateway's own, for people
    proof: str = ""  # JSON of the raw verified bytes


@dataclass(frozen=True, slots=True)
class Callback:
    """A raw HTTP notification, as it arrived: nothing decoded, nothing merged.

    ``headers`` keeps order and duplicates; names in any case. ``account`` comes from our own path, never from the body.
    """

    account: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    method: str = "POST"

    def header(self, name: str) -> str | None:
        """The one value of a header, any case; ``CALLBACK_DUPLICATE_FIELD`` if it came twice."""
        from .errors import CallbackRefused

        wanted = name.lower()
        found = [value for key, value in self.headers if key.lower() == wanted]
        if len(found) > 1:
            raise CallbackRefused(f"Header {name} came more than once", code="CALLBACK_DUPLICATE_FIELD")
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Reply:
    """The exact answer to a callback."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Outcome(StrEnum):
    """How an operation ended, as far as is known."""

    CONFIRMED = "confirmed"  # a genuine statement: it was done (or, for a query, it was answered)
    REJECTED = "rejected"  # a genuine statement: it was not done and will not be
    UNKNOWN = "unknown"  # no answer, or nothing genuine in it
    NEVER_SENT = "never_sent"  # known not to have left this machine
    NOT_FOUND = "not_found"  # a genuine statement: they do not know this number (queries)


@dataclass(frozen=True, slots=True)
class NextAction:
    """What the payer's client must do, the same way for every gateway.

    kind: ``none``, ``wait``, ``confirm``, ``redirect``, ``form``, ``qr``, ``sdk``, ``mini_program``. ``data`` holds
    what that kind needs: ``url`` to go to; ``url``, ``method``, ``fields`` and ``html`` of a form; ``text`` of a QR;
    ``order_string`` (Alipay) or ``params`` (WeChat Pay) for a phone's SDK; ``params`` for a mini program or a page in
    WeChat; ``token`` and ``expires_at`` to confirm.
    """

    kind: str = "none"
    data: Mapping[str, Any] = field(default_factory=dict)

    def svg(self, *, scale: int = 5) -> str:
        """The QR's text drawn as inline SVG, ``scale`` pixels a module; empty for every other kind.

        Raises ``CONFIG_MISSING_EXTRA`` without the extra ``qr``.
        """
        from .drawing.qr import qr_svg

        return qr_svg(self.data["text"], scale=scale) if self.kind == "qr" else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one operation: its outcome, the facts it stated, and the gateway's own words."""

    outcome: Outcome
    events: tuple[Event, ...] = ()
    next_action: NextAction | None = None
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a gateway can do; anything else is refused before any call."""

    channels: frozenset[str]
    operations: frozenset[str]  # of charge, query, close, refund, query_refund
    currencies: frozenset[str]
    max_amount: int  # minor units
    max_refunds: int = 50
    order_number: str = r"[0-9A-Za-z_\-|*]{6,32}"  # a full-match pattern


@runtime_checkable
class Gateway(Protocol):
    """One account at one gateway, ready to use. Instances are shared between threads.

    Verbs never raise for an outcome: whatever the far side does, or does not do, is an :class:`Answer`.

    A gateway may also have ``check(payment: Payment) -> None``: it is asked before a payment is stored, and raises
    ``InvalidRequest`` (``INVALID_METADATA`` with the ``path``) for what the payment's channel cannot do without. What a
    channel needs to know of the payer stands in the payment's metadata: ``openid``, ``buyer_id``, ``buyer_open_id``,
    ``auth_code``, ``client_ip``, ``return_url``, ``quit_url``, ``h5_type``, ``store_id``, ``attach``.
    """

    kind: str  # alipay, wechat, mock
    account: str  # the config's name
    merchant: str
    app: str
    capabilities: Capabilities

    def read(self, callback: Callback, now: int) -> Sequence[Event]:
        """Verify the raw bytes, check freshness against ``now``, then translate.

        Raises ``CallbackRefused`` for everything that is not a genuine callback of this gateway. Business binding
        (app, merchant, amount …) is not checked here: a genuine message about the wrong order is an incident.
        """
        ...

    def accepted(self) -> Reply:
        """What this gateway takes as "received, do not send again"."""
        ...

    def refused(self, status: int, code: str, message: str) -> Reply:
        """What makes this gateway send again (or, for a forgery, what it deserves)."""
        ...

    def charge(self, payment: Payment) -> Answer: ...

    def query(self, payment: Payment) -> Answer: ...

    def close(self, payment: Payment) -> Answer: ...

    def refund(self, payment: Payment, refund: Refund) -> Answer: ...

    def query_refund(self, payment: Payment, refund: Refund) -> Answer: ...


# -- bills -----------------------------------------------------------------------------------------------------------


class BillKind(StrEnum):
    """What a row of a bill is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"  # WeChat's code payment, taken back
    FEE = "fee"  # rows of the account: what the gateway keeps, or gives back
    OTHER = "other"  # a word we have no translation for, or one that concerns no order: transfers, withdrawals …


class BillOutcome(StrEnum):
    """How what a row tells of stood when the bill was made."""

    DONE = "done"  # the money has moved
    UNDER_WAY = "under_way"  # a refund that was asked for
    FAILED = "failed"  # a refund that did not go through


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """One row of a bill.

    ``amount`` is in minor units and never negative: what was ordered (payments), what went back (refunds, reversals),
    what was moved (other rows); ``incoming`` says which way. ``fee_text`` is the fee exactly as written, in yuan, with
    WeChat's five decimals and each gateway's own sign, "" where the bill has none; ``fee`` is the same in minor units
    where that is a whole number, else ``None``, and is positive where the merchant pays it; ``fine_fee`` is it in
    thousandths of a minor unit, and always exact. ``happened_at`` is an instant. ``words`` holds every cell by the
    name of its column (its brackets as ASCII), as written, without backticks and without tabs at its ends. ``line``
    counts from 1 in its file.
    """

    gateway: str
    kind: BillKind
    out_trade_no: str | None
    gateway_txn: str | None
    out_refund_no: str | None
    gateway_refund: str | None
    amount: int
    incoming: bool
    fee: int | None
    fee_text: str
    currency: str
    happened_at: int
    status: str
    words: Mapping[str, str]
    line: int
    fine_fee: int = 0
    app: str | None = None  # the gateway's id of our app, where a row names it
    outcome: BillOutcome = BillOutcome.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class BillSummary:
    """The last thing a reading gives: every check has passed, and what is counted here agrees with what is stated.

    Amounts are minor units, none negative; ``stated`` is what the file says of its own sums, word for word by name.
    """

    gateway: str
    rows: int
    payments: int
    payment_amount: int
    refunds: int
    refund_amount: int
    stated: Mapping[str, str]


#: The rows of a bill and, last, its summary. A row counts only once the summary has come.
BillReading = Iterator[BillRow | BillSummary]


@runtime_checkable
class Bills(Protocol):
    """The bills of a merchant, by Beijing day (``yyyy-MM-dd``). A gateway that gives bills has this as ``bills``.

    Whatever is wrong with a bill, or with the way to it, is a ``GatewayError`` with a code ``BILL_…`` (or one of the
    transport's), while it is fetched or while it is read; a bill that cannot be read says nothing about any payment.
    """

    def ready_at(self, day: str) -> int:
        """From when on the bill of a day can be had, as an instant."""
        ...

    def fetch(self, day: str) -> BillReading | None:
        """Ask for the bill of a day; ``None`` where the gateway says that nothing happened.

        Raises ``Refused``, ``OPERATION_UNSUPPORTED``, for an account that only receives.
        """
        ...

    def read(self, path: str | PathLike[str], day: str) -> BillReading:
        """Read a bill that somebody has downloaded. ``InvalidRequest``, ``INVALID_BILL``, where there is none."""
        ...

    def paid(self, item: BillItem, app: str) -> Event:
        """What a payment's row states, as the same fact that a callback would state. ``app``: whose order it is, for
        a bill that does not say."""
        ...
