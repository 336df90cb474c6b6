"""Reading: sets of facts for decisions, histories and lists for people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

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
from ..store import Facts, History, Wants
from .connections import Connections
from .rows import record_of, select, storable
from .schema import BY_RECORD, INCIDENT, OF_A_PAYMENT, PAYMENT, RECEIPT

R = TypeVar("R")
_OPEN = "status in ('prepared', 'sent', 'unknown')"


_ONE_FACT = f"""select {", ".join("p." + column for column in PAYMENT.columns)},
    {", ".join("r." + column for column in RECEIPT.columns)}
    from (select 1 as one) x
    left join pf_payment p on p.account = ? and p.out_trade_no = ?
    left join pf_receipt r on r.account = ? and r.fact = ?"""


def _asks_for_one_fact(wants: Wants) -> bool:
    """Whether one order and one fact are all that is asked for."""
    return len(wants.orders) == len(wants.receipts) == 1 and not (
        wants.payments
        or wants.keys
        or wants.allowances
        or wants.incidents
        or wants.incident_ids
        or wants.refund_ids
        or wants.refunds
        or wants.attempts
        or wants.accounts
    )


class Reading(Connections):
    """The part of a store that reads."""

    def gather(self, wants: Wants) -> Facts:
        """See :meth:`payflow.store.Store.gather`.

        The payments are read first and everything that their versions guard after them: what was read of a payment is
        then never older than the version it will be compared by.
        """
        facts = Facts()
        with self._cursor() as cursor:
            if _asks_for_one_fact(wants):
                self._gather_one_fact(cursor, wants, facts)
                return facts
            if wants.orders or wants.payments or wants.refund_ids:
                self._gather_payments(cursor, wants, facts)
            self._gather_named(cursor, wants, facts)
            self._gather_below(cursor, wants, facts)
            if wants.accounts or wants.journals or wants.holds or wants.policies:
                self._gather_credit(cursor, wants, facts)
        return facts

    def _gather_credit(self, cursor: Any, wants: Wants, facts: Facts) -> None:
        """Accounts, and after them what their versions guard."""
        if wants.accounts:
            accounts = self._by(cursor, Account, ("id",), _ones(wants.accounts), lock=self.joined)
            facts.accounts = {kept.id: kept for kept in accounts}
        if wants.journals:
            facts.journals = {kept.id: kept for kept in self._by(cursor, Journal, ("id",), _ones(wants.journals))}
        if wants.holds:
            facts.holds = {kept.id: kept for kept in self._by(cursor, Hold, ("id",), _ones(wants.holds))}
        if wants.holding:
            for hold in self._by(cursor, Hold, ("account",), _ones(wants.holding), "status = 'open'"):
                facts.holds[hold.id] = hold
        if wants.policies:
            facts.policies = {kept.name: kept for kept in self._by(cursor, Policy, ("unit",), _ones(wants.policies))}

    def _gather_one_fact(self, cursor: Any, wants: Wants, facts: Facts) -> None:
        """What a lone callback asks for, its order and its fact, in one statement: one round trip instead of two."""
        (order,), (fact,) = wants.orders, wants.receipts
        if not all(map(storable, (*order, *fact))):
            return
        row = self.dialect.run(cursor, _ONE_FACT, (*order, *fact)).fetchall()[0]
        width = len(PAYMENT.columns)
        if row[0] is not None:
            payment = record_of(Payment, row[:width])
            facts.payments[payment.id] = payment
            facts.orders[order] = payment.id
        if row[width] is not None:
            facts.receipts[fact] = record_of(Receipt, row[width:])

    def _gather_payments(self, cursor: Any, wants: Wants, facts: Facts) -> None:
        """Payments by order number, by id, and those of the refunds asked for."""
        ids = wants.payments
        if wants.refund_ids:
            ids = ids | {refund.payment_id for refund in self._by(cursor, Refund, ("id",), _ones(wants.refund_ids))}
        payments = facts.payments
        if wants.orders:
            for kept in self._by(cursor, Payment, ("account", "out_trade_no"), wants.orders):
                payments[kept.id] = kept
        missing = ids - payments.keys()
        if missing:
            for kept in self._by(cursor, Payment, ("id",), _ones(missing)):
                payments[kept.id] = kept
        facts.orders = {(kept.account, kept.out_trade_no): kept.id for kept in payments.values()}

    def _gather_named(self, cursor: Any, wants: Wants, facts: Facts) -> None:
        """What is looked up by a name of its own."""
        if wants.receipts:
            found = self._by(cursor, Receipt, ("account", "fact"), wants.receipts)
            facts.receipts = {(kept.account, kept.key): kept for kept in found}
        if wants.keys:
            known = self._by(cursor, IdempotencyKey, ("scope", "idem_key"), wants.keys)
            facts.keys = {(kept.scope, kept.key): kept for kept in known}
        if wants.allowances:
            spent = self._by(cursor, Allowance, ("action", "currency", "day"), wants.allowances, lock=self._in_turn)
            facts.allowances = {(kept.action, kept.currency, kept.day): kept for kept in spent}
        for columns, names in ((("kind", "ref"), wants.incidents), (("id",), _ones(wants.incident_ids))):
            if names:
                for incident in self._by(cursor, Incident, columns, names):
                    facts.incidents[(incident.kind, incident.ref)] = incident

    def _gather_below(self, cursor: Any, wants: Wants, facts: Facts) -> None:
        """Refunds and unresolved attempts of the payments that were found."""
        found = _ones(facts.payments)
        if wants.refund_ids and not wants.refunds:
            facts.refunds = {kept.id: kept for kept in self._by(cursor, Refund, ("id",), _ones(wants.refund_ids))}
        if wants.refunds and found:
            facts.refunds = {kept.id: kept for kept in self._by(cursor, Refund, ("payment_id",), found)}
        if wants.attempts and found:
            facts.attempts = {kept.id: kept for kept in self._by(cursor, Attempt, ("payment_id",), found, _OPEN)}

    def _by(
        self, cursor: Any, kind: type[R], columns: tuple[str, ...], keys: Collection[Sequence[str]], also: str = "",
        *, lock: bool = False,
    ) -> list[R]:  # fmt: skip
        """The records whose ``columns`` are one of ``keys``. A key that no database keeps is not there."""
        wanted = [key for key in keys if all(map(storable, key))]
        if not wanted:
            return []
        rows = self.dialect.select_by(cursor, BY_RECORD[kind], columns, wanted, also, lock=lock)
        return [record_of(kind, row) for row in rows]

    # -- for people ---------------------------------------------------------------------------------------------

    def history(self, payment_id: str) -> History | None:
        """See :meth:`payflow.store.Store.history`. All of it as it was at one moment."""
        one = [(payment_id,)]
        with self._moment() as cursor:
            found = self._by(cursor, Payment, ("id",), one)
            if not found:
                return None

            def of(kind: type[R], order: Callable[[R], Any]) -> list[R]:
                return sorted(self._by(cursor, kind, ("payment_id",), one), key=order)

            refunds = of(Refund, lambda kept: (kept.created_at, kept.id))
            attempts = of(Attempt, lambda kept: (kept.created_at, kept.id))
            moved = [("payment", payment_id), *(("refund", kept.id) for kept in refunds)]
            moved += [("attempt", kept.id) for kept in attempts]
            journals = sorted(
                self._by(cursor, Journal, ("payment_id",), one, OF_A_PAYMENT),
                key=lambda kept: (kept.at, kept.seq or 1 << 40, kept.id),  # credit follows the money that bought it
            )
            return History(
                payment=found[0],
                refunds=refunds,
                attempts=attempts,
                receipts=of(Receipt, lambda kept: (kept.at, kept.id)),
                transitions=sorted(
                    self._by(cursor, Transition, ("entity", "entity_id"), moved),
                    key=lambda kept: (kept.at, kept.entity, kept.entity_id, kept.seq),
                ),
                journals=journals,
                entries=sorted(
                    self._by(cursor, Entry, ("journal_id",), [(journal.id,) for journal in journals]),
                    key=lambda kept: (kept.journal_id, kept.line),
                ),
                messages=of(Message, lambda kept: kept.seq),
                effects=of(Effect, lambda kept: (kept.at, kept.seq, kept.handler)),
                incidents=of(Incident, lambda kept: (kept.created_at, kept.id)),
                keys=of(IdempotencyKey, lambda kept: (kept.created_at, kept.scope, kept.key)),
                actions=sorted(
                    self._by(cursor, OperatorAction, ("payment_id",), one, OF_A_PAYMENT),
                    key=lambda kept: (kept.at, kept.id),
                ),
            )

    def journals_of(self, payment_id: str) -> tuple[list[Journal], list[Entry]]:
        """The journals that name a payment, and their entries, in no order."""
        with self._moment() as cursor:
            journals = self._by(cursor, Journal, ("payment_id",), [(payment_id,)], OF_A_PAYMENT)
            return journals, self._by(cursor, Entry, ("journal_id",), [(journal.id,) for journal in journals])

    def open_incidents(self, limit: int = 100, after: str = "") -> list[Incident]:
        """See :meth:`payflow.store.Store.open_incidents`."""
        sql = f"{select(INCIDENT)}status <> 'resolved' and id > ? order by id limit ?"
        return self._listed(Incident, sql, (after, limit))

    def recent_payments(self, limit: int = 50, before: str = "", reference: str | None = None) -> list[Payment]:
        """See :meth:`payflow.store.Store.recent_payments`."""
        conditions, parameters = [], []
        if before:
            conditions.append("id < ?")
            parameters.append(before)
        if reference is not None:
            # The index has only payments with a reference; said again, so that every planner sees that it is enough.
            conditions.append("reference = ? and reference <> ''" if reference else "reference = ?")
            parameters.append(reference)
        sql = f"{select(PAYMENT)}{' and '.join(conditions) or '1 = 1'} order by id desc limit ?"
        return self._listed(Payment, sql, (*parameters, limit))

    def _listed(self, kind: type[R], sql: str, parameters: Sequence[Any]) -> list[R]:
        if not all(storable(value) for value in parameters if isinstance(value, str)):
            return []
        with self._cursor() as cursor:
            return [record_of(kind, row) for row in self.dialect.run(cursor, sql, parameters).fetchall()]

    def select(self, sql: str, limit: int) -> Sequence[tuple[Any, ...]]:
        """Rows of a query of our own (the invariants), at most ``limit``."""
        with self._moment() as cursor:
            self.dialect.plan_freely(cursor)
            return [tuple(row) for row in self.dialect.run(cursor, f"{sql} limit {int(limit)}").fetchall()]

    def counts(self) -> dict[str, int]:
        """See :meth:`payflow.store.Store.counts`."""
        asked = {
            "watched_payments": "select count(*) from pf_payment where next_check_at is not null",
            "waiting_messages": "select count(*) from pf_message where delivered_at is null and dead_at is null",
            "dead_letters": "select count(*) from pf_effect where dead = 1",
            "open_incidents": "select count(*) from pf_incident where status <> 'resolved'",
        }
        return {name: int(self.select(sql, 1)[0][0]) for name, sql in asked.items()}


def _ones(names: Iterable[str]) -> list[tuple[str]]:
    return [(name,) for name in names]
