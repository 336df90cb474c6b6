"""What every store does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from ..records import (
    Account,
    Changes,
    Effect,
    Hold,
    Incident,
    Message,
    Payment,
    Policy,
    PolicyChange,
)
from ..refill.policy import RefillPolicy
from .facts import (
    DueAccount,
    Facts,
    History,
    PlainRefill,
    Recovery,
    Wants,
)


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


@runtime_checkable
class TwoPhaseStore(Protocol):
    """What a store over two databases has beside :class:`Store`."""

    def recover(self, lease_seconds: float | None = None) -> Recovery:
        """End what processes that died have left prepared in the ledger's database.

        What is decided is ended at once; what is not is rolled back after ``lease_seconds`` (of the store, unless
        given), but never while the transaction that would decide it is still going on. Any number may do it at once.
        """
        ...
