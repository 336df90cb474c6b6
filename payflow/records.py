"""What payflow remembers, as plain records. Instants are microseconds since 1970 UTC; amounts are minor units.

A payment is the root of everything about it: its refunds, attempts, receipts, transitions, journals, messages and
incidents. Every write to any of them goes through the payment's ``version``, so one compare-and-set guards them all.
Every field is an ``int`` or a ``str`` (structured things are JSON text), so that every database and driver
stores and returns exactly the same thing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

__all__ = [
    "Account", "AccountChange", "Allowance", "Attempt", "BillItem", "Changes", "Decision", "Difference", "Effect",
    "Entry", "Hold", "IdempotencyKey", "Incident", "Journal", "Message", "OperatorAction", "Origin", "Payment",
    "Policy", "PolicyChange", "Receipt", "ReconRun", "Refill", "Refund", "Transition", "replace",
]  # fmt: skip

R = TypeVar("R")


def replace(record: R, **changed: Any) -> R:
    """A record with some fields changed: what ``dataclasses.replace`` does, in half the time."""
    kind = type(record)
    names: tuple[str, ...] = kind.__slots__  # type: ignore[attr-defined]  # every record has slots
    return kind(**{**dict(zip(names, _fields(names)(record), strict=True)), **changed})


@cache
def _fields(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt to take one amount at one gateway."""

    id: str
    gateway: str  # who moves the money: alipay, wechat, mock
    account: str  # the config's name for our account there
    merchant: str  # the gateway's id of the merchant (seller_id, mchid)
    app: str  # the gateway's id of the app
    out_trade_no: str  # the order number the gateway knows; our id unless the caller chose one
    channel: str  # page, wap, app, qr, barcode, mini_program, jsapi, h5
    amount: int
    currency: str
    status: str
    version: int = 1  # rises with every write to the payment or anything below it
    seq: int = 0  # number of the last transition
    told: int = 0  # number of the last message; gap-free per payment
    captured: int = 0  # what the gateway says was paid: 0 or amount
    reserved: int = 0  # refunds that are requested or processing
    refunded: int = 0  # refunds that succeeded
    unresolved: int = 0  # attempts that are prepared, sent or unknown
    gateway_txn: str | None = None  # the gateway's own number of the trade, once it is paid
    action: str = ""  # the action that asked for it (see trust)
    expected: int = 0  # 1: the host has sent the order itself with another SDK; payflow never charges it
    reference: str = ""  # the host's own word for what is paid (its order id); not unique
    description: str = ""
    metadata: str = field(default="{}", repr=False)  # the host's JSON object, at most 4 KB; a payer's code may be in it
    next_action: str = field(default="{}", repr=False)  # JSON: what the payer's client must do (see gateway.NextAction)
    trace_id: str = ""
    token_nonce: str = field(default="", repr=False)  # makes the confirmation token; empty when none was given out
    token_expires_at: int | None = None
    token_used_at: int | None = None
    created_at: int = 0
    updated_at: int = 0
    expires_at: int | None = None  # when an unpaid payment is closed
    paid_at: int | None = None  # when the gateway says it was paid
    next_check_at: int | None = None  # when the worker looks at it again; None only when there is nothing to wait for
    checks: int = 0  # how often it was looked at since something last changed
    credit: str = ""  # JSON: what it buys for a wallet account (see deciding.topup); fixed at create; "" buys nothing
    booked: int = 0  # number of its last journal
    chain: str = ""  # hash of its last journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money back from one payment. ``incident_id`` marks the return of money that was never captured (late, double)."""

    id: str
    payment_id: str
    gateway: str
    account: str
    out_refund_no: str  # the number the gateway knows; for ever the number of this refund
    amount: int
    currency: str
    status: str
    seq: int = 0
    reason: str = ""
    gateway_refund: str | None = None  # the gateway's own number of the refund
    gateway_txn: str | None = None  # the trade it goes back from
    incident_id: str | None = None
    trace_id: str = ""
    created_at: int = 0
    updated_at: int = 0
    finished_at: int | None = None
    credit: int = 0  # units of a top-up's credit that it took back
    taken: str = ""  # JSON: [bucket, kind, units, expires_at], from where it took them


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One operation we asked of a gateway. ``request_key`` is chosen and stored before anything is sent."""

    id: str
    payment_id: str
    entity: str  # "payment" or "refund": what it is about
    entity_id: str
    op: str  # charge, query, close, refund, query_refund
    request_key: str  # the number the gateway sees; a retry carries the same one
    account: str
    status: str
    seq: int = 0
    words: str = "{}"  # JSON: the gateway's own words (code, message, request id)
    lease_until: int | None = None  # until when the caller that sent it may still be working on it
    trace_id: str = ""
    created_at: int = 0
    updated_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The stored proof that a gateway stated a fact. ``key`` names the fact, not the envelope it came in."""

    id: str
    gateway: str
    account: str
    key: str  # unique per (gateway, account)
    digest: str  # of the fact's own content: same key, other digest is a conflict
    kind: str  # the event's kind
    source: str  # callback, answer, query, bill
    outcome: str  # accepted, stale, incident
    payment_id: str
    refund_id: str | None = None
    event: str = "{}"  # JSON: the event, with the gateway's words
    proof: str = ""  # JSON: the raw headers and body that were verified; empty for answers
    at: int = 0
    repeats: int = 0  # how often the same fact was stated again


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One declared move. Number ``seq`` of one entity; the history is a chain without gaps from 1."""

    entity: str  # payment, refund, attempt
    entity_id: str
    seq: int
    payment_id: str
    event: str
    from_state: str  # "" for the first
    to_state: str
    cause_kind: str  # api, callback, answer, query, reconcile, operator, timer
    cause_id: str  # receipt id, attempt id, idempotency key, operator … of that kind
    trace_id: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a journal: ``amount`` (signed minor units, or units of credit) on ``ledger_account``.

    On an owner's account it carries the account's running ``balance`` and the next link of its chain; payflow's own
    accounts (``gateway:…``, ``sales``, ``issued:…``, ``used:…``) are only ever summed, so that no row of theirs is hot.
    """

    journal_id: str
    line: int
    ledger_account: str
    currency: str  # or the unit of credit
    amount: int
    seq: int | None = None  # number in the account's chain, gap-free from 1
    balance: int | None = None  # of the account, after this line
    bucket: str = ""  # the credit it came from or went to
    hash: str = ""  # of the line before it, its journal and itself (see ledger.chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A booked fact. Its id is ``kind:ref``, so the same fact cannot be booked twice; its entries sum to zero."""

    id: str
    kind: str  # capture, refund, fee, late_receipt, late_return; of credit: see ledger.KINDS
    ref: str  # payment id, refund id, incident id; of credit: the account and the operation's key
    payment_id: str  # "" where no payment is behind it
    cause_id: str
    at: int
    cause_kind: str = ""
    seq: int = 0  # number in its payment's chain; 0: it stands in the chains of its accounts' entries
    account: str = ""  # the owner's account it is about first; "" for a payment's own books
    use: str = ""  # the host's word for what credit was used for ("chat", "image")
    memo: str = ""
    digest: str = ""  # names the request: the same key with another digest is a conflict
    hash: str = ""  # of the payment's journal before it and of its own content


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the outbox tells the host: number ``seq`` of one payment, told in order, at least once."""

    payment_id: str
    seq: int
    kind: str  # payment.paid, refund.succeeded …
    entity: str
    entity_id: str
    transition_seq: int  # the transition it tells of (0: an incident)
    body: str  # JSON, see schemas/message.v1.schema.json
    trace_id: str = ""
    created_at: int = 0
    due_at: int = 0
    tries: int = 0
    lease_until: int | None = None
    delivered_at: int | None = None
    dead_at: int | None = None
    last_error: str = ""
    revived: int = 0  # how often a dead one was sent on its way again, maybe after its followers

    @property
    def key(self) -> str:
        """Names the message for ever: what a handler deduplicates by."""
        return f"{self.payment_id}.{self.seq}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Handler ``handler`` has done its work for one message (unique), or has given up on it (``dead`` = 1)."""

    handler: str
    payment_id: str
    seq: int
    at: int
    dead: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An authentic event that was refused and waits for its policy or a person. Unique by (kind, ref)."""

    id: str
    kind: str  # late_payment, double_payment, amount_mismatch, unknown_payment, fact_conflict …
    ref: str  # names the fact
    gateway: str
    account: str
    payment_id: str | None  # None: no payment has that order number
    status: str  # open, resolving, resolved
    policy: str  # what was declared for it: refund, accept, hold
    amount: int = 0
    currency: str = ""
    gateway_txn: str | None = None
    event: str = "{}"
    proof: str = ""
    resolution: str = ""
    count: int = 1
    trace_id: str = ""
    created_at: int = 0
    updated_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A caller's key within its scope (the verb). ``fingerprint`` is of the request; ``entity_id`` what it made.

    A key is stored in the same set as what it made, so it always has an answer: the entity as it is now. Whether its
    first call is still running is told by the attempt that call is performing, not by the key.
    """

    scope: str  # pay, confirm, cancel, refund (a host may prefix its tenant)
    key: str
    fingerprint: str
    entity: str  # payment, refund
    entity_id: str
    payment_id: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much an action has been trusted with on one day, in one currency."""

    action: str
    currency: str
    day: str
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one owner has of one unit of credit. Every write to it, or to anything below it, raises ``version``."""

    id: str  # owner/unit
    owner: str
    unit: str  # a currency, tokens, micro-credits: whatever the config declares
    balance: int = 0  # what it owns, held credit included; negative: debt
    held: int = 0  # reserved by open holds
    credit_limit: int = 0  # how far debt may go where a spend asks for debt
    floor: int = 0  # what balance - held may not go below: -credit_limit, or the debt that was forced on it
    version: int = 1
    seq: int = 0  # number of its last entry
    chain: str = ""  # hash of its last entry
    buckets: str = "[]"  # JSON: [id, kind, remaining, held, expires_at] in the order in which they are spent
    activity: str = ""  # what was spent on which day (see refill.activity)
    caps: str = ""  # JSON: caps of this owner's own in place of its unit's; "" has none
    tier: str = "ordinary"
    next_expiry_at: int | None = None  # when credit lapses next
    refill_policy: str = ""  # the policy it is enrolled in
    refill_anchor: int | None = None  # from when its periods are counted; without a policy: since when it has its tier
    refill_version: int = 0  # the policy's calendar_version by which they are counted; 0: they are counted anew
    refill_count: int = 0  # periods since then that are settled
    refilled_at: int | None = None
    next_refill_at: int | None = None  # when a run looks at it; None: nobody waits for a refill
    refill_payment: str = ""  # the last order of a refill that costs money, until it is paid; it may have ended unpaid
    created_at: int = 0
    updated_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Credit reserved for work whose cost is known afterwards. Guarded by its account's version."""

    id: str  # made of the account and the key, so that one key is one hold
    account: str
    key: str  # the caller's
    amount: int
    settled: int = 0
    status: str = "open"  # open, settled, released, expired
    allocation: str = "[]"  # JSON: [bucket, amount], what it reserves of which
    use: str = ""
    memo: str = ""
    digest: str = ""
    expires_at: int = 0
    created_at: int = 0
    updated_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """What a person or the host changed about an account besides its credit: for ever, under the version it led to."""

    account: str
    version: int
    what: str  # opened, tier, credit_limit, caps
    before: str
    after: str
    changed_by: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """The log of refills: credit that a policy granted for one window, who or what asked for it, and what it did."""

    account: str
    policy: str
    window: int  # names the refill: the instant its period began, and a microsecond for each order that went unpaid
    journal_id: str
    amount: int
    periods: int  # how many periods it is for; the last of them is ``window``
    before: int  # available credit
    after: int
    cause_kind: str  # demand, schedule, operator, payment
    cause_id: str
    policy_version: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A refill policy in force. ``body`` is its JSON, as in the config."""

    name: str
    version: int
    enabled: int
    unit: str
    body: str
    source: str  # digest of the config's own body that was last taken over
    changed_by: str
    reason: str = ""
    changed_at: int = 0
    enrol_after: str | None = None  # accounts up to this id have been told of it; None: all of them
    calendar_version: int = 0  # the version that last changed for whom or from when periods are counted
    calendar_at: int = 0  # when that was


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """One version of a refill policy, for ever."""

    name: str
    version: int
    enabled: int
    body: str
    changed_by: str
    reason: str
    changed_at: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a set ends that was prepared in the ledger's own database; kept with the payments.

    Written in the same transaction as the payments' part of the set. Whoever has to end the rest looks here: a row that
    is there says how; where there is none, an ``abort`` is written first, and the late writer finds its place taken.
    """

    gid: str  # names the transaction in the ledger's database
    verdict: str  # commit, abort
    accounts: str  # JSON: the accounts that it moves credit of, which are locked until it is ended
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which payments these are: one row, made once, that tells two hosts with one ledger apart."""

    name: str  # payments
    id: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    """What a person asked for at the desk, written down before it is done; its end is added when it has ended.

    One that is ``asked`` for ever was cut off in the middle: the payment's own story says how far it came.
    """

    id: str  # of the form that asked for it: sent twice, it is one
    operator: str
    action: str  # query, refund, resolve, replay, refill, policy
    target_kind: str  # payment, incident, policy, everything
    target: str
    payment_id: str  # "" where no payment is concerned
    request: str  # JSON: what the form said
    outcome: str  # asked, done, refused
    code: str = ""  # why it was refused
    result: str = "{}"  # JSON: what came of it
    at: int = 0
    ended_at: int | None = None


@dataclass(slots=True)
class Changes:
    """A set of decisions, to be written as one: all of it, or nothing (``StoreConflict``).

    ``payments`` maps each touched payment to the version it was read at (``None``: it is new); the new record carries
    the version to store. ``accounts``, ``policies``, ``allowances`` and ``keys`` likewise carry what was read.
    Everything else is guarded by its payment's or account's version and by unique keys. ``unchanged`` names what was
    only read, and must still be so.
    """

    payments: dict[str, tuple[int | None, Payment]] = field(default_factory=dict)
    refunds: dict[str, tuple[bool, Refund]] = field(default_factory=dict)  # (is new, record)
    attempts: dict[str, tuple[bool, Attempt]] = field(default_factory=dict)  # (is new, record)
    incidents: dict[str, tuple[bool, Incident]] = field(default_factory=dict)  # (is new, record)
    keys: dict[tuple[str, str], tuple[IdempotencyKey | None, IdempotencyKey]] = field(default_factory=dict)  # read, new
    allowances: dict[tuple[str, str, str], tuple[int | None, Allowance]] = field(default_factory=dict)  # used as read
    receipts: list[Receipt] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    repeats: dict[str, int] = field(default_factory=dict)  # receipt id → how many times more it was stated
    accounts: dict[str, tuple[Account | None, Account]] = field(default_factory=dict)  # as read (None: new), new
    holds: dict[str, tuple[bool, Hold]] = field(default_factory=dict)  # (is new, record)
    account_changes: list[AccountChange] = field(default_factory=list)
    refills: list[Refill] = field(default_factory=list)
    policies: dict[str, tuple[int | None, Policy]] = field(default_factory=dict)  # version as read, new
    policy_changes: list[PolicyChange] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    unchanged: dict[str, int] = field(default_factory=dict)  # policy name → the version a decision went by

    def __bool__(self) -> bool:
        return any(_KEPT(self))

    def prepared(self) -> set[str]:
        """The payments of which something is to be sent."""
        return {one.payment_id for _, one in self.attempts.values() if one.status == "prepared"}

    def merge_payment(self, read_version: int | None, payment: Payment) -> None:
        """Keep the version the payment was first read at; store the newest record."""
        known = self.payments.get(payment.id)
        self.payments[payment.id] = (read_version if known is None else known[0], payment)

    def __reduce__(self) -> Any:  # a set of decisions is never sent anywhere
        raise TypeError("Changes are not pickled")


#: What is written of a set of decisions; ``unchanged`` is only compared.
_KEPT = attrgetter(*(name for name in Changes.__slots__ if name != "unchanged"))
