"""What owners have of a unit of credit, and how it is refilled: guarded by the account's version."""

from __future__ import annotations

from dataclasses import dataclass


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
