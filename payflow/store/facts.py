"""What is asked of a store and what it gives: sets, and rows as tuples where there are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..records import (
    Account,
    Allowance,
    Attempt,
    Effect,
    Entry,
    Hold,
    IdempotencyKey,
    Incident,
    Journal,
    Message,
    OperatorAction,
    Payment,
    Policy,
    Receipt,
    Refund,
    Transition,
)


@dataclass(slots=True)
class Wants:
    """What a batch needs to know. Sets of natural keys; duplicates are harmless."""

    payments: set[str] = field(default_factory=set)  # payment ids
    orders: set[tuple[str, str]] = field(default_factory=set)  # (account, out_trade_no)
    receipts: set[tuple[str, str]] = field(default_factory=set)  # (account, key)
    keys: set[tuple[str, str]] = field(default_factory=set)  # (scope, key)
    allowances: set[tuple[str, str, str]] = field(default_factory=set)  # (action, currency, day)
    incidents: set[tuple[str, str]] = field(default_factory=set)  # (kind, ref)
    incident_ids: set[str] = field(default_factory=set)
    refund_ids: set[str] = field(default_factory=set)  # also brings their payments
    refunds: bool = False  # also bring every refund of every payment found
    attempts: bool = False  # also bring every attempt of the payments found that is prepared, sent or unknown
    accounts: set[str] = field(default_factory=set)  # ids of credit accounts; a joined store locks their rows
    journals: set[str] = field(default_factory=set)  # ids
    holds: set[str] = field(default_factory=set)  # ids
    holding: set[str] = field(default_factory=set)  # accounts whose open holds are wanted
    policies: set[str] = field(default_factory=set)  # units whose refill policies are wanted
    again: bool = False  # somebody moved first: what is usually not there (a key used before) has to be looked for now


@dataclass(slots=True)
class Facts:
    """What was found. Anything not in here does not exist."""

    payments: dict[str, Payment] = field(default_factory=dict)
    orders: dict[tuple[str, str], str] = field(default_factory=dict)  # (account, out_trade_no) → payment id
    receipts: dict[tuple[str, str], Receipt] = field(default_factory=dict)
    keys: dict[tuple[str, str], IdempotencyKey] = field(default_factory=dict)
    allowances: dict[tuple[str, str, str], Allowance] = field(default_factory=dict)
    incidents: dict[tuple[str, str], Incident] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)  # by id
    attempts: dict[str, Attempt] = field(default_factory=dict)  # by id; prepared, sent or unknown ones
    accounts: dict[str, Account] = field(default_factory=dict)
    journals: dict[str, Journal] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)  # by id
    policies: dict[str, Policy] = field(default_factory=dict)  # by name


@dataclass(frozen=True, slots=True)
class History:
    """Everything remembered about one payment, oldest first."""

    payment: Payment
    refunds: Sequence[Refund]
    attempts: Sequence[Attempt]
    receipts: Sequence[Receipt]
    transitions: Sequence[Transition]
    journals: Sequence[Journal]
    entries: Sequence[Entry]
    messages: Sequence[Message]
    effects: Sequence[Effect]
    incidents: Sequence[Incident]
    keys: Sequence[IdempotencyKey]
    actions: Sequence[OperatorAction] = ()


class DueAccount(NamedTuple):
    """What a run reads of an account; fields as in :class:`payflow.records.Account`."""

    id: str
    unit: str
    tier: str
    balance: int
    held: int
    credit_limit: int
    floor: int
    version: int
    seq: int
    chain: str
    buckets: str
    activity: str
    next_expiry_at: int | None
    refill_policy: str
    refill_version: int
    refill_anchor: int | None
    refill_count: int
    refilled_at: int | None
    refill_payment: str
    created_at: int


class PlainRefill(NamedTuple):
    """One refill, ready to be written: the account's new figures, its journal, and what the log says."""

    account: DueAccount
    balance: int
    chain: str
    buckets: str
    next_expiry_at: int | None
    refill_anchor: int
    refill_count: int
    next_refill_at: int
    journal: Journal
    against: str  # payflow's own account on the other side
    bucket: str
    amount: int
    periods: int
    window: int
    before: int


class Used(NamedTuple):
    """Credit of one ``unit`` that was used: ``amount`` units in ``spends``. What was not asked for is 0 or ""."""

    unit: str
    quarter: int  # the instant at which a quarter of an hour began
    use: str
    account: str
    amount: int
    spends: int


class AccountState(NamedTuple):
    """An account with what has to agree with it, as it was at one moment.

    ``behind`` is the first entry beyond the account's last one; ``lines`` are its lines up to there, ``None`` where
    they are too many to come along.
    """

    account: Account
    holds: Sequence[Hold]
    behind: Entry | None
    lines: Sequence[tuple[Entry, Journal | None]] | None


class PaymentState(NamedTuple):
    """A payment's own books: what it says of them, and its journals in no order."""

    id: str
    booked: int
    chain: str
    journals: Sequence[Journal]


class AccountEnd(NamedTuple):
    """An account beside its last entry (``None``: there is none of that number), and the journal of one behind it."""

    id: str
    balance: int
    held: int
    version: int
    seq: int
    chain: str
    buckets: str
    entry_journal: str | None
    entry_balance: int | None
    entry_hash: str | None
    behind: str | None


@dataclass(slots=True)
class Recovery:
    """What became of prepared transactions, by name. ``waiting``: too young, or in somebody else's hands."""

    committed: list[str] = field(default_factory=list)
    rolled_back: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @property
    def ended(self) -> int:
        """How many were ended."""
        return len(self.committed) + len(self.rolled_back)
