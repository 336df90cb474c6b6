"""Reading: sets of facts for decisions, histories and lists for people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ..records import (
    Allowance,
    Attempt,
    Effect,
    Entry,
    IdempotencyKey,
    Incident,
    Journal,
    Message,
    Payment,
    Receipt,
    Refund,
    Transition,
)
from ..store import Facts, History, Wants
from .connections import Connections
from .dialects import PostgreSQL
from .schema import BY_RECORD

R = TypeVar("R")
_CHUNK = 200  # keys per statement: every driver takes that many parameters


class Reading(Connections):
    """The part of a store that reads."""

    def gather(self, wants: Wants) -> Facts:
        """See :meth:`payflow.store.Store.gather`."""
        facts = Facts()
        with self._connection() as connection:
            cursor = connection.cursor()
            self._gather_payments(cursor, wants, facts)
            self._gather_named(cursor, wants, facts)
            self._gather_below(cursor, wants, facts)
        return facts

    def _gather_payments(self, cursor: Any, wants: Wants, facts: Facts) -> None:
        """Payments by order number, by id, and those of the refunds asked for."""
        ids = set(wants.payments)
        if wants.refund_ids:
            for refund in self._read(cursor, Refund, ("id",), _ones(wants.refund_ids)):
                facts.refunds[refund.id] = refund
                ids.add(refund.payment_id)
        if wants.orders:
            facts.payments = {
                kept.id: kept for kept in self._read(cursor, Payment, ("account", "out_trade_no"), wants.orders)
            }
        missing = ids - facts.payments.keys()
        if missing:
            facts.payments |= {kept.id: kept for kept in self._read(cursor, Payment, ("id",), _ones(missing))}
        facts.orders = {(kept.account, kept.out_trade_no): kept.id for kept in facts.payments.values()}

    def _gather_named(self, cursor: Any, wants: Wants, facts: Facts) -> None:
        """What is looked up by a name of its own."""
        if wants.receipts:
            found = self._read(cursor, Receipt, ("account", "fact"), wants.receipts)
            facts.receipts = {(kept.account, kept.key): kept for kept in found}
        if wants.keys:
            known = self._read(cursor, IdempotencyKey, ("scope", "idem_key"), wants.keys)
            facts.keys = {(kept.scope, kept.key): kept for kept in known}
        if wants.allowances:
            spent = self._read(cursor, Allowance, ("action", "currency", "day"), wants.allowances)
            facts.allowances = {(kept.action, kept.currency, kept.day): kept for kept in spent}
        for columns, names in ((("kind", "ref"), wants.incidents), (("id",), _ones(wants.incident_ids))):
            if names:
                for incident in self._read(cursor, Incident, columns, names):
                    facts.incidents[(incident.kind, incident.ref)] = incident

    def _gather_below(self, cursor: Any, wants: Wants, facts: Facts) -> None:
        """Refunds and unresolved attempts of the payments that were found."""
        found = _ones(facts.payments)
        if wants.refunds and found:
            facts.refunds |= {kept.id: kept for kept in self._read(cursor, Refund, ("payment_id",), found)}
        if wants.attempts and found:
            open_ones = self._read(cursor, Attempt, ("payment_id",), found, "status in ('prepared', 'sent', 'unknown')")
            facts.attempts = {kept.id: kept for kept in open_ones}

    def _read(
        self, cursor: Any, record: type[R], columns: tuple[str, ...], keys: Collection[Sequence[str]], also: str = ""
    ) -> Iterator[R]:
        """The rows whose ``columns`` are one of ``keys``, as records."""
        table = BY_RECORD[record]
        chosen = f"select {', '.join(table.columns)} from {table.name} where "
        rest = f" and {also}" if also else ""
        if isinstance(self.dialect, PostgreSQL):
            arrays = list(map(list, zip(*keys, strict=True)))
            if len(columns) == 1:
                self._run(cursor, f"{chosen}{columns[0]} = any(?){rest}", arrays)
            elif len(arrays[0]) == 1:
                condition = " and ".join(f"{column} = ?" for column in columns)
                self._run(cursor, chosen + condition + rest, [array[0] for array in arrays])
            else:
                wanted = ", ".join("?::text[]" for _ in columns)
                self._run(cursor, f"{chosen}({', '.join(columns)}) in (select * from unnest({wanted})){rest}", arrays)
            for row in cursor.fetchall():
                yield record(**dict(zip(record.__slots__, row, strict=True)))  # type: ignore[attr-defined]
            return
        listed = list(keys)
        for start in range(0, len(listed), _CHUNK):
            part = listed[start : start + _CHUNK]
            condition = self.dialect.wanted(columns, len(part))
            self._run(cursor, chosen + condition + rest, [value for key in part for value in key])
            for row in cursor.fetchall():
                yield record(**dict(zip(record.__slots__, row, strict=True)))  # type: ignore[attr-defined]

    def history(self, payment_id: str) -> History | None:
        """See :meth:`payflow.store.Store.history`."""
        one = [(payment_id,)]
        with self._connection() as connection:
            cursor = connection.cursor()
            payment = next(self._read(cursor, Payment, ("id",), one), None)
            if payment is None:
                return None

            def of(record: type[R], order: Callable[[R], Any]) -> list[R]:
                return sorted(self._read(cursor, record, ("payment_id",), one), key=order)

            journals = of(Journal, lambda kept: (kept.at, kept.id))
            names = [(journal.id,) for journal in journals]
            entries = list(self._read(cursor, Entry, ("journal_id",), names)) if names else []
            return History(
                payment=payment,
                refunds=of(Refund, lambda kept: kept.id),
                attempts=of(Attempt, lambda kept: kept.id),
                receipts=of(Receipt, lambda kept: (kept.at, kept.id)),
                transitions=of(Transition, lambda kept: (kept.at, kept.entity, kept.entity_id, kept.seq)),
                journals=journals,
                entries=sorted(entries, key=lambda kept: (kept.journal_id, kept.line)),
                messages=of(Message, lambda kept: kept.seq),
                effects=of(Effect, lambda kept: (kept.seq, kept.handler)),
                incidents=of(Incident, lambda kept: kept.id),
                keys=of(IdempotencyKey, lambda kept: kept.created_at),
            )

    def open_incidents(self, limit: int = 100, after: str = "") -> list[Incident]:
        """See :meth:`payflow.store.Store.open_incidents`."""
        columns = ", ".join(BY_RECORD[Incident].columns)
        sql = f"select {columns} from pf_incident where status <> 'resolved' and id > ? order by id limit ?"
        return self._listed(Incident, sql, (after, limit))

    def recent_payments(self, limit: int = 50, before: str = "", reference: str | None = None) -> list[Payment]:
        """See :meth:`payflow.store.Store.recent_payments`."""
        conditions, parameters = ["id < ?"], [before or "~"]
        if reference is not None:
            conditions.append("reference = ?")
            parameters.append(reference)
        columns = ", ".join(BY_RECORD[Payment].columns)
        sql = f"select {columns} from pf_payment where {' and '.join(conditions)} order by id desc limit ?"
        return self._listed(Payment, sql, (*parameters, limit))

    def _listed(self, record: type[R], sql: str, parameters: Sequence[Any]) -> list[R]:
        with self._connection() as connection:
            rows = self._run(connection.cursor(), sql, parameters).fetchall()
        return [record(**dict(zip(record.__slots__, row, strict=True))) for row in rows]  # type: ignore[attr-defined]

    def select(self, sql: str, limit: int) -> Sequence[tuple[Any, ...]]:
        """Rows of a query of our own (the invariants), at most ``limit``."""
        with self._connection() as connection:
            cursor = connection.cursor()
            return [tuple(row) for row in self._run(cursor, f"{sql} limit {int(limit)}").fetchall()]

    def counts(self) -> dict[str, int]:
        """See :meth:`payflow.store.Store.counts`."""
        waiting = "select count(*) from pf_message where delivered_at is null and dead_at is null"
        asked = {
            "watched_payments": "select count(*) from pf_payment where next_check_at is not null",
            "waiting_messages": waiting,
            "dead_letters": "select count(*) from pf_effect where dead = 1",
            "open_incidents": "select count(*) from pf_incident where status <> 'resolved'",
        }
        return {name: int(self.select(sql, 1)[0][0]) for name, sql in asked.items()}


def _ones(names: Iterable[str]) -> list[tuple[str]]:
    return [(name,) for name in names]
