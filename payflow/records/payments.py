"""A payment and everything below it: guarded by the payment's version."""

from __future__ import annotations

from dataclasses import dataclass, field


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
