"""What those ask of a store who look at it from aside: reconciliation, explaining, operators."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from ..records import (
    BillItem,
    Difference,
    Effect,
    Entry,
    Incident,
    Journal,
    OperatorAction,
    Payment,
    ReconRun,
    Refill,
)
from .facts import (
    AccountEnd,
    AccountState,
    PaymentState,
    Used,
)


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
