"""Payments in one database, the ledger of credit in another: sets that touch both commit together, or not at all.

What touches one side is an ordinary write there. What touches both is prepared in the ledger's database first; then the
payments' part is committed together with the decision that says so; then the prepared part is committed. Whoever finds
a prepared part without its writer looks for the decision and ends it accordingly (see ``recovery``).

Only the accounts that a set moves credit of are locked in the meantime: a few milliseconds, or until a recovery where a
process died in between.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Collection, Iterator
from functools import wraps
from typing import Any, Self

from ..errors import ConfigError, PayflowError, Refused, StoreConflict, StoreError
from ..records import Changes, Entry, replace
from ..store import Facts, History, Recovery, Wants
from .beside import side_by_side
from .branches import Branch, branch_name, branch_prefix
from .connections import driver_connection
from .crediting import Crediting
from .dialect import no_two_phase
from .explaining import Explaining
from .parting import asks, parted, wanted
from .recovery import conclude, recover
from .sql import SqlStore

logger = logging.getLogger("payflow.stores")

#: How long a prepared part without a decision is left to its writer, in seconds.
LEASE_SECONDS = 60


class SplitStore(SqlStore):
    """A :class:`payflow.store.Store` over two: ``payments``, on any database, and ``ledger``, on PostgreSQL or MariaDB.

    It is the payments' store in everything that is not credit. What is read of both is of two moments, the ledger's the
    later one.
    """

    def __init__(
        self, payments: SqlStore, ledger: SqlStore, *, lease_seconds: float = LEASE_SECONDS, connection: Any = None
    ) -> None:
        if getattr(payments.dialect, "in_memory", False):
            raise ConfigError(
                "Payments that are kept in memory are forgotten with the process, their credit is not",
                path="$.store.url", code="CONFIG_INVALID",
            )  # fmt: skip
        if not ledger.dialect.two_phase:
            raise no_two_phase(f"{ledger.dialect.name} prepares no transactions; PostgreSQL and MariaDB do")
        super().__init__(payments.dialect, payments._pool, connection=connection)
        self.payments = payments
        self.ledger = ledger
        self.lease_seconds = lease_seconds
        self._prefix = ""
        self._prepared: list[str] = []  # joined: what waits for the host's commit
        self._branch: Branch | None = None  # inside together(): the ledger's transaction …
        self._kept: list[Changes] = []  # … and the payments' part, written at its end

    # -- transactions -------------------------------------------------------------------------------------------

    def join(self, connection: Any) -> Self:
        """See :meth:`payflow.store.Store.join`; the connection is one of the payments' database.

        What moves credit is prepared in the ledger's database and decided by the host's commit: its accounts are locked
        from then on until :meth:`finish`, or a recovery. So one transaction of the host moves credit of an account
        once; ``STORE_ACCOUNT_PREPARED`` the second time.
        """
        found = driver_connection(connection)
        self.dialect.recognise(found)
        return self._twin(found)

    def _twin(self, connection: Any = None) -> Self:
        twin = type(self)(self.payments, self.ledger, lease_seconds=self.lease_seconds, connection=connection)
        twin._prefix = self._prefix
        return twin

    @contextlib.contextmanager
    def together(self) -> Iterator[Self]:
        """See :meth:`payflow.store.Store.together`: accounts are locked as they are read. The payments' part is written
        at the end, and guarded by its versions."""
        if self.joined:
            yield self
            return
        with self.ledger.branch(self._new_name()) as branch:
            inner = self._twin()
            inner._branch = branch
            yield inner
            if branch.wrote and inner._kept:
                self._decide(branch, lambda last: self._write_kept([*inner._kept, last]))
            elif inner._kept:
                self._write_kept(inner._kept)

    def _write_kept(self, kept: list[Changes]) -> None:
        with self.payments.together() as whole:
            for changes in kept:
                whole.write(changes)

    def finish(self) -> None:
        """See :meth:`payflow.store.Store.finish`."""
        while self._prepared:
            conclude(self.payments, self.ledger, self._prepared[0], may_abort=True)
            del self._prepared[0]

    # -- reading ------------------------------------------------------------------------------------------------

    def gather(self, wants: Wants) -> Facts:
        """See :meth:`payflow.store.Store.gather`. Payments first: what is paid has its credit when that is read."""
        ours, theirs = wanted(wants)
        facts = super().gather(ours) if ours is not None else Facts()
        if theirs is None:
            return facts
        # A journal is looked for before something is refused, or when somebody moved first: rarely, and then it counts.
        careful = ours is not None or wants.journals or wants.again or self.joined
        if theirs.accounts and careful:
            self._settle_decided(theirs.accounts)
        found = (self._branch or self.ledger).gather(theirs)
        facts.accounts, facts.journals = found.accounts, found.journals
        facts.holds, facts.policies = found.holds, found.policies
        return facts

    def _settle_decided(self, accounts: set[str]) -> None:
        """What is decided about these accounts, and not ended yet, is ended now: whoever saw the payment paid finds its
        credit, and nobody waits for a lock that a dead process has left."""
        with self._cursor() as cursor:
            seen = self.dialect.run(cursor, "select gid, accounts from pf_decision where verdict = 'commit'").fetchall()
        for gid, moved in seen:
            if accounts.isdisjoint(json.loads(moved)):
                continue
            # Inside the host's transaction nothing is written but what is its own: a SQLite file has one writer.
            if conclude(self.payments, self.ledger, gid, may_abort=False, forget=not self.joined) is None:
                if self.joined and self.payments.verdict(gid) is None and self.ledger.branches(gid):
                    raise StoreError(
                        "This transaction of the host has moved credit of this account before, and cannot again: the"
                        " ledger has a database of its own", code="STORE_ACCOUNT_PREPARED",
                    )  # fmt: skip
                if self.payments.verdict(gid) is not None:
                    raise StoreConflict("Credit of this account is just being moved")

    def history(self, payment_id: str) -> History | None:
        """See :meth:`payflow.store.Store.history`."""
        found = super().history(payment_id)
        if found is None or not found.payment.credit:
            return found
        journals, entries = self.ledger.journals_of(payment_id)
        return replace(
            found,
            journals=sorted([*found.journals, *journals], key=lambda kept: (kept.at, kept.seq or 1 << 40, kept.id)),
            entries=sorted([*found.entries, *entries], key=lambda kept: (kept.journal_id, kept.line)),
        )  # fmt: skip

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, changes: Changes) -> None:
        """See :meth:`payflow.store.Store.write`.

        ``STORE_OUTCOME_UNKNOWN`` where the connection died during the payments' commit: both sides are ended alike by
        the next recovery.
        """
        ours, theirs = parted(changes)
        if self._branch is not None:
            if asks(theirs):
                self._branch.write(theirs)
            if ours:
                self._kept.append(ours)
        elif not asks(theirs):
            super().write(ours)
        elif not ours and not self.joined:
            self.ledger.write(theirs)
        else:
            with self.ledger.branch(self._new_name()) as branch:
                branch.write(theirs)
                self._decide(branch, lambda last: self._write_with(ours, last))

    def _write_with(self, ours: Changes, last: Changes) -> None:
        super().write(replace(ours, decisions=last.decisions))

    def _decide(self, branch: Branch, write: Callable[[Changes], None]) -> None:
        """Prepare the ledger's part, have the payments' part written with the decision, end the ledger's part."""
        decision = branch.prepare()
        try:
            write(Changes(decisions=[decision]))
        except BaseException as error:
            # Only where it is certain that the decision is not stored may it be rolled back here and now.
            if isinstance(error, PayflowError) and error.code != "STORE_OUTCOME_UNKNOWN":
                self._end(branch, commit=False)
            else:
                branch.leave()
            raise
        if self.joined:
            self._prepared.append(branch.gid)
            branch.leave()
        elif self._end(branch, commit=True):
            with contextlib.suppress(StoreError):  # the next recovery does
                self.payments.forget_decision(branch.gid)

    def _end(self, branch: Branch, *, commit: bool) -> bool:
        """End the ledger's part. It is decided: what goes wrong now changes nothing, and the next recovery ends it."""
        try:
            branch.end(commit=commit)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the decision stands
            logger.warning("A decided transaction is left to recovery (%s): %s", type(error).__name__, branch.gid)
            branch.leave()
            return False
        return True

    # -- recovery -----------------------------------------------------------------------------------------------

    def recover(self, lease_seconds: float | None = None) -> Recovery:
        """See :meth:`payflow.store.TwoPhaseStore.recover`."""
        lease = self.lease_seconds if lease_seconds is None else lease_seconds
        return recover(self.payments, self.ledger, self._own_prefix(), round(lease * 1_000_000))

    def _own_prefix(self) -> str:
        if not self._prefix:
            self._prefix = branch_prefix(self.payments.origin(), self.ledger.check_two_phase())
        return self._prefix

    def _new_name(self) -> str:
        return branch_name(self._own_prefix())

    # -- both ---------------------------------------------------------------------------------------------------

    def side_by_side(self) -> contextlib.AbstractContextManager[SqlStore]:
        """A store, thrown away afterwards, with what both sides know of top-ups and their refunds."""
        return side_by_side(self.payments, self.ledger)

    def counts(self) -> dict[str, int]:
        """See :meth:`payflow.store.Store.counts`; ``in_doubt``: prepared in the ledger's database and not ended."""
        return {**super().counts(), "in_doubt": len(self.ledger.branches(self._own_prefix()))}

    def entries_of(self, journals: Collection[str]) -> dict[str, list[Entry]]:
        """See :meth:`payflow.store.ExplainStore.entries_of`. A journal is in one of the two; what stands in the other
        under its name does not belong there, and is brought along."""
        found = self.ledger.entries_of(journals)
        for name, entries in super().entries_of(journals).items():
            found.setdefault(name, []).extend(entries)
        return found

    def audit_size(self) -> tuple[int, int, int]:
        """See :meth:`payflow.store.ExplainStore.audit_size`."""
        accounts, entries, _ = self.ledger.audit_size()
        return accounts, entries, super().audit_size()[2]

    def migrate(self, to: int | None = None) -> list[int]:
        """See :meth:`payflow.store.Store.migrate`; both databases have the whole schema."""
        applied = sorted({*self.payments.migrate(to), *self.ledger.migrate(to)})
        if to is None:
            self._own_prefix()
        return applied

    def check_schema(self) -> None:
        """See :meth:`payflow.store.Store.check_schema`; ``STORE_NO_TWO_PHASE`` where the ledger's database cannot
        prepare transactions."""
        super().check_schema()
        self.ledger.check_schema()
        self._own_prefix()

    def close(self) -> None:
        """See :meth:`payflow.store.Store.close`."""
        if not self.joined:
            self.payments.close()
            self.ledger.close()


def _of_ledger(part: type[Any], name: str) -> Callable[..., Any]:
    """A method of a part of a store that is about credit, asked of the ledger's store."""

    @wraps(getattr(part, name))
    def asked(self: SplitStore, *given: Any, **named: Any) -> Any:
        if self.joined and name in _BY_ITSELF:
            raise Refused("What a worker does by itself is no part of the host's transaction", code="JOINED_FLOW")
        return getattr(self.ledger, name)(*given, **named)

    return asked


#: These write, in a transaction of the ledger's own.
_BY_ITSELF = frozenset({"enrol", "write_refills"})
#: The parts of a store that are about credit, and what of them is about payments all the same.
CREDIT = (Crediting, Explaining)
OF_PAYMENTS = frozenset({"payment_states", "lone_journals"})
for _part in CREDIT:
    for _name in vars(_part):
        if not (_name.startswith("_") or _name in OF_PAYMENTS or _name in vars(SplitStore)):
            setattr(SplitStore, _name, _of_ledger(_part, _name))
