"""The contract of the store. Implementations live in ``payflow/stores/``.

The store reads sets and writes sets. ``gather`` reads everything a batch of decisions needs; the decisions are made
by pure code; ``write`` stores them all or stores nothing. A callback is a batch of one, by the same code. No lock
guards money here: versions and unique keys do, so a decision made on stale facts is refused with ``StoreConflict``
and made again.

A store either owns its transactions (each ``write`` is one) or is *joined* to the host's: then ``write`` becomes part
of the host's transaction and is committed or rolled back with it, never by payflow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from .records import (
    Account,
    Allowance,
    Attempt,
    BillItem,
    Changes,
    Difference,
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
    PolicyChange,
    Receipt,
    ReconRun,
    Refill,
    Refund,
    Transition,
)
from .refill.policy import RefillPolicy


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


@runtime_checkable
class Transaction(Protocol):
    """One transaction around a handler's work: what the handler writes and its effect row commit together."""

    #: The driver's own connection (sqlite3, psycopg, PyMySQL), inside the transaction.
    connection: Any

    def effect(self, effect: Effect) -> bool:
        """Record that a handler has done its work for one message; False if it already had (then do nothing)."""
        ...


@runtime_checkable
class Store(Protocol):
    """Everything the walk asks of a database."""

    joined: bool

    def join(self, connection: Any) -> Store:
        """This store inside the host's transaction: a DB-API connection, SQLAlchemy ``Connection`` or ``Session``."""
        ...

    def gather(self, wants: Wants) -> Facts:
        """Read a set: a constant number of statements whatever its size."""
        ...

    def together(self) -> AbstractContextManager[Store]:
        """One transaction of our own around reading and writing: the store inside it, whose accounts and allowances are
        locked as they are read. For what too many others want as well; versions guard it all the same. Commits at the
        end."""
        ...

    def finish(self) -> None:
        """The host has ended the transaction that was joined: what was prepared for it in another database is ended
        alike. Nothing is lost where nobody calls it; a recovery does the same later."""
        ...

    def write(self, changes: Changes) -> None:
        """Write a set of decisions, all or nothing, in a constant number of statements.

        Raises ``StoreConflict`` when any version, key or allowance is no longer what was read or a unique key
        exists by now, and for deadlocks and busy files; nothing is written then. Other database trouble is
        a ``StoreError`` (``STORE_UNAVAILABLE``, ``STORE_READ_ONLY``, ``STORE_OUTCOME_UNKNOWN`` when the connection
        died during COMMIT).
        """
        ...

    def history(self, payment_id: str) -> History | None:
        """Everything about one payment; ``None`` if there is no such payment."""
        ...

    def claim_due(self, now: int, limit: int, lease: int) -> list[str]:
        """Ids of payments whose ``next_check_at`` has come, oldest first; each is moved on by ``lease``
        microseconds, so that no other worker is given it. Does not touch versions."""
        ...

    def claim_messages(self, now: int, limit: int, lease: int) -> list[Message]:
        """Due messages at the head of their payment's queue (every earlier one delivered or dead), leased.

        A leased message is given to nobody else until the lease is over; ``tries`` has been raised."""
        ...

    def finish_messages(self, messages: Iterable[Message]) -> None:
        """Store ``due_at``, ``delivered_at``, ``dead_at``, ``last_error`` and free the lease, only where the lease is
        still the one each message carries."""
        ...

    def effects_of(self, messages: Iterable[Message]) -> dict[str, set[str]]:
        """message key → names of the handlers that have an effect or a dead letter for it."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction of its own for one handler; commits at the end, rolls back on any exception."""
        ...

    def revive(self, *, handler: str | None = None, payment_id: str | None = None, now: int) -> int:
        """Replay: forget dead letters (of one handler, one payment), make their messages due again; how many."""
        ...

    def open_incidents(self, limit: int = 100, after: str = "") -> list[Incident]:
        """Incidents that are not resolved, oldest first, after the id ``after``."""
        ...

    def recent_payments(self, limit: int = 50, before: str = "", reference: str | None = None) -> list[Payment]:
        """Payments, newest first, before the id ``before``; those of one host reference if given."""
        ...

    def forget_keys(self, now: int, limit: int = 1000) -> int:
        """Delete idempotency keys whose retention is over. Returns how many."""
        ...

    def policies(self) -> list[Policy]:
        """Every refill policy, by name."""
        ...

    def policy_changes(self, name: str) -> list[PolicyChange]:
        """Every version of a refill policy, newest first."""
        ...

    def due_count(self, now: int) -> int:
        """How many accounts a refill run has to look at."""
        ...

    def due_accounts(self, now: int, limit: int, skip: int = 0) -> list[DueAccount]:
        """Accounts that a refill run has to look at, the longest waiting first, without the first ``skip``; with what
        a scheduled refill reads of them."""
        ...

    def write_refills(self, refills: Sequence[PlainRefill], policy: RefillPolicy, now: int) -> None:
        """Write scheduled refills as one set: accounts, journals, entries, log. ``StoreConflict`` if any account, or
        the policy, is no longer as it was read; nothing is written then."""
        ...

    def enrol(self, policy: Policy, now: int, limit: int) -> int:
        """Have the run look at the next ``limit`` accounts of a policy's unit, in the order of their ids, and remember
        how far it came, with the policy. How many; after the last ones, the policy's ``enrol_after`` is null."""
        ...

    def overdue_accounts(self, now: int, limit: int) -> list[str]:
        """Ids of accounts with credit that has lapsed, or with open holds whose time is over."""
        ...

    def accounts_of(self, owner: str) -> list[Account]:
        """Every account of one owner, as it is now."""
        ...

    def accounts(self, ids: Iterable[str]) -> list[Account]:
        """The accounts of these ids that there are, as they are now."""
        ...

    def open_holds(self, account: str) -> list[Hold]:
        """The holds of an account that are neither settled nor freed, oldest first."""
        ...

    def counts(self) -> dict[str, int]:
        """For people: due payments, waiting messages, dead letters, open incidents."""
        ...

    def migrate(self, to: int | None = None) -> list[int]:
        """Bring the schema up to date; returns the versions applied. Safe when two processes start together."""
        ...

    def check_schema(self) -> None:
        """``STORE_SCHEMA_VERSION`` if the schema is older or newer than this code."""
        ...

    def close(self) -> None:
        """Give back every connection."""
        ...


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


@runtime_checkable
class TwoPhaseStore(Protocol):
    """What a store over two databases has beside :class:`Store`."""

    def recover(self, lease_seconds: float | None = None) -> Recovery:
        """End what processes that died have left prepared in the ledger's database.

        What is decided is ended at once; what is not is rolled back after ``lease_seconds`` (of the store, unless
        given), but never while the transaction that would decide it is still going on. Any number may do it at once.
        """
        ...


@runtime_checkable
class ReconStore(Protocol):
    """What reconciliation asks of a database, beside :class:`Store`. Rows that belong together come as tuples."""

    def recon_run(self, run: str) -> ReconRun | None:
        """The run of this id."""
        ...

    def recon_runs(self, limit: int = 30, since: str = "") -> list[ReconRun]:
        """Runs of the day ``since`` and later, newest day first."""
        ...

    def recon_begin(self, run: ReconRun) -> None:
        """A new run; ``StoreConflict`` if it exists."""
        ...

    def recon_write(
        self,
        version: int,
        run: ReconRun,
        *,
        items: Sequence[BillItem] = (),
        differences: Sequence[Difference] = (),
        gone: Sequence[str] = (),
        until_line: int | None = None,
    ) -> bool:
        """Store the run, new rows of its bill and new or changed differences, all or nothing; False, and nothing, if
        its ``version`` is another one by now. ``gone`` are differences that are none; rows up to ``until_line`` go."""
        ...

    def recon_payments(
        self, run: str, account: str, after: int, until: int, lines: Collection[int] = (), *, known_only: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        """Rows that are no refunds, of lines ``after < line <= until`` or of those named, each with its payment at
        ``account`` and what is booked of it, as ``reconcile.PaymentPair``; ``known_only``: those with a payment."""
        ...

    def recon_refunds(
        self, run: str, account: str, after: int, until: int, lines: Collection[int] = (), *, known_only: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        """The same of refunds, as ``reconcile.RefundPair``."""
        ...

    def recon_unmet_payments(self, run: ReconRun, account: str, since: int, until: int) -> list[tuple[Any, ...]]:
        """Payments paid in ``since <= at < until`` without a row: id, order, trade, captured, currency, paid at."""
        ...

    def recon_unmet_refunds(self, run: ReconRun, account: str, since: int, until: int) -> list[tuple[Any, ...]]:
        """Refunds that succeeded then, without a row: id, payment, number, trade, amount, currency, created, ended."""
        ...

    def recon_books(self, run: ReconRun, account: str, since: int, until: int) -> tuple[int, int]:
        """How many payments and refunds of ours there are in this time, and what they add up to, signed."""
        ...

    def recon_trades(self, run: str, trades: Collection[str]) -> list[tuple[str, str, str | None, str]]:
        """Trade, kind, order and run of the rows that name these trades: other runs' rows, and every reversal."""
        ...

    def recon_refund_rows(self, run: str, numbers: Collection[str]) -> list[tuple[str, str]]:
        """Refund number and run of other runs' rows that name these refunds."""
        ...

    def recon_incidents(self, payments: Collection[str]) -> list[Incident]:
        """Every incident of these payments."""
        ...

    def recon_items(self, run: str, lines: Collection[int]) -> list[BillItem]:
        """Rows of the bill."""
        ...

    def recon_differences(
        self, run: str, *, after: str = "", until: str = "", limit: int = 1000, items: Collection[str] | None = None
    ) -> list[Difference]:
        """Differences in the order of their items: ``limit`` after the item ``after``, all until ``until``, or those of
        ``items``."""
        ...

    def recon_waiting(self) -> list[tuple[str, str]]:
        """Runs with differences that wait, and the day whose bill they wait for ("": for an answer)."""
        ...

    def recon_waiting_for(self, day: str) -> list[Difference]:
        """Differences of other runs whose other half is, or may be, of this day."""
        ...

    def recon_sums(self, run: str) -> list[tuple[str, str, str, int, int, int]]:
        """Side, kind, state, how many differences, what theirs and what ours add up to."""
        ...

    def recon_booked(self, journal: str) -> int | None:
        """The amount of a journal's first line; ``None`` if there is no such journal."""
        ...


@runtime_checkable
class ExplainStore(Protocol):
    """What statements, usage and audits ask of a database, beside :class:`Store`. It only reads."""

    def lines(
        self, account: str, after: int, until: int, limit: int, *, newest: bool = False
    ) -> list[tuple[Entry, Journal | None]]:
        """Entries of an account numbered ``after < seq <= until``, in the order of their numbers or the newest first,
        each with its journal; at most ``limit``."""
        ...

    def entries_of(self, journals: Collection[str]) -> dict[str, list[Entry]]:
        """Every line of these journals, by journal, in order."""
        ...

    def refills_of(self, windows: Collection[tuple[str, str, int]]) -> list[Refill]:
        """The log of refills: account, policy, window."""
        ...

    def refills_between(self, account: str, since: int, until: int) -> list[Refill]:
        """The log of an account's refills at ``since <= at <= until``, in no order; it reads all of the account's."""
        ...

    def used(
        self, by: Sequence[str], since: int, until: int, *, account: str | None = None, unit: str | None = None,
        most: int | None = None,
    ) -> list[Used]:  # fmt: skip
        """What was used at ``since <= at < until``, summed up for each unit by ``quarter``, ``use`` and ``account``, in
        their order; with ``most``, so many, the largest first."""
        ...

    def audit_size(self) -> tuple[int, int, int]:
        """How many accounts, entries on them, and payments there are."""
        ...

    def account_states(self, after: str, limit: int) -> list[AccountState]:
        """The next accounts behind the id ``after``, in the order of their ids."""
        ...

    def payment_states(self, after: str, limit: int) -> list[PaymentState]:
        """The next payments behind the id ``after``, in the order of their ids."""
        ...

    def lone_journals(self, after: str, limit: int) -> list[Journal]:
        """The next journals that are of no payment and no account, behind the id ``after``, in the order of ids."""
        ...

    def account_ends(self, after: str, limit: int) -> list[AccountEnd]:
        """The next accounts behind the id ``after``, in the order of their ids."""
        ...

    def nth_account(self, number: int) -> str | None:
        """The id of the account at this place, counted from 0 in the order of ids."""
        ...


@runtime_checkable
class OperatorStore(Protocol):
    """What an operator's desk asks of a database, beside :class:`Store`."""

    def payments_named(self, text: str, accounts: Collection[str]) -> list[Payment]:
        """Payments that are called so, newest first: by their id, the host's reference, their order number or trade at
        one of ``accounts``, or the number of one of their refunds there. At most 50; each way is a step down an index.
        """
        ...

    def unfinished(self, limit: int = 100) -> list[Payment]:
        """Payments that somebody still has to look at, the oldest first. What has ended costs nothing here."""
        ...

    def incidents_named(self, ids: Collection[str]) -> list[Incident]:
        """The incidents of these ids that there are."""
        ...

    def dead_letters(self, limit: int = 100) -> list[Effect]:
        """What handlers have given up on, the newest first."""
        ...

    def begin_action(self, action: OperatorAction) -> OperatorAction | None:
        """Write down what an operator asks for; the action of this id that is there already, if there is one."""
        ...

    def end_action(self, action: OperatorAction) -> None:
        """Write down how it ended, unless that is known already."""
        ...

    def action(self, name: str) -> OperatorAction | None:
        """One of them, by its id."""
        ...

    def actions(self, limit: int = 50, before: str = "") -> list[OperatorAction]:
        """What operators asked for, the newest first, before the id ``before``."""
        ...
