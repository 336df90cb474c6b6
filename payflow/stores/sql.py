"""The store over DB-API connections: its own, or the host's that it joins.

The hot path is two steps: ``gather`` reads the set by keys, ``write`` stores the set. Both take a constant number of
statements however many decisions there are. Money is guarded by the version in ``update … where version = ?`` and by unique
keys, never by a lock alone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from ..errors import PayflowError, StoreConflict, StoreError
from ..records import (
    Allowance,
    Attempt,
    Changes,
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
    replace,
)
from ..store import Facts, History, Wants
from . import migrations
from .dialects import Dialect, PostgreSQL, SQLite
from .pool import Pool
from .schema import BY_RECORD, TableSchema

R = TypeVar("R")
_CHUNK = 200  # keys per statement: every driver takes that many parameters

#: What of a payment may change after it was created.
CHANGING = (
    "gateway", "account", "merchant", "app", "status", "version", "seq", "told", "captured", "reserved", "refunded",
    "unresolved", "gateway_txn", "next_action", "token_used_at", "updated_at", "expires_at", "paid_at", "next_check_at",
    "checks",
)  # fmt: skip
_CHANGING_REFUND = ("status", "seq", "gateway_refund", "updated_at", "finished_at")
_CHANGING_ATTEMPT = ("status", "seq", "words", "lease_until", "updated_at")
_CHANGING_INCIDENT = ("status", "policy", "resolution", "count", "updated_at")


def _values(record: type[Any], names: Sequence[str] | None = None) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*(names or record.__slots__))


def _insert(table: TableSchema) -> str:
    return f"insert into {table.name} ({', '.join(table.columns)}) values ({', '.join('?' * len(table.columns))})"


def _update(table: TableSchema, names: Sequence[str], where: str) -> str:
    return f"update {table.name} set {', '.join(f'{name} = ?' for name in names)} where {where}"


class SqlStore:
    """A :class:`payflow.store.Store` on SQLite, PostgreSQL or MariaDB."""

    def __init__(self, dialect: Dialect, pool: Pool | None, *, connection: Any = None) -> None:
        self.dialect = dialect
        self._pool = pool
        self._host = connection
        self.joined = connection is not None

    def join(self, connection: Any) -> SqlStore:
        """This store on the host's connection, inside whatever transaction is open there."""
        return SqlStore(self.dialect, None, connection=driver_connection(connection))

    # -- connections --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        try:
            if self._host is not None:
                yield self._host
            else:
                assert self._pool is not None  # noqa: S101 -- one of the two is always there
                with self._pool.connection() as connection:
                    yield connection
        except PayflowError:
            raise
        except Exception as error:
            if type(error).__module__.partition(".")[0] in ("sqlite3", "psycopg", "pymysql"):
                raise self.dialect.translate(error) from error
            raise

    @contextlib.contextmanager
    def _whole(self, connection: Any) -> Iterator[Any]:
        """All or nothing: a transaction of our own, or a savepoint in the host's."""
        cursor = connection.cursor()
        if self.joined:
            self.dialect.enter(connection)
            cursor.execute("savepoint payflow")
            try:
                yield cursor
            except BaseException:
                cursor.execute("rollback to savepoint payflow")
                cursor.execute("release savepoint payflow")
                raise
            cursor.execute("release savepoint payflow")
            return
        self.dialect.begin(connection)
        try:
            yield cursor
        except BaseException:
            with contextlib.suppress(Exception):
                cursor.execute("rollback")
            raise
        try:
            cursor.execute("commit")
        except Exception as error:
            if self.dialect.conflict(error):
                with contextlib.suppress(Exception):
                    cursor.execute("rollback")
                raise
            raise StoreError(
                "The connection was lost during COMMIT: whether it is stored has to be read again",
                code="STORE_OUTCOME_UNKNOWN", retryable=True,
            ) from error  # fmt: skip

    def _run(self, cursor: Any, sql: str, parameters: Sequence[Any] = ()) -> Any:
        cursor.execute(self.dialect.spelled(sql), parameters)
        return cursor

    def _many(self, cursor: Any, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        if len(rows) == 1:
            cursor.execute(self.dialect.spelled(sql), rows[0])
        else:
            cursor.executemany(self.dialect.spelled(sql), rows)
        return int(cursor.rowcount)

    # -- gather -------------------------------------------------------------------------------------------------

    def gather(self, wants: Wants) -> Facts:
        """See :meth:`payflow.store.Store.gather`."""
        facts = Facts()
        with self._connection() as connection:
            cursor = connection.cursor()
            ids = set(wants.payments)
            if wants.refund_ids:
                for refund in self._read(cursor, Refund, ("id",), [(name,) for name in wants.refund_ids]):
                    facts.refunds[refund.id] = refund
                    ids.add(refund.payment_id)
            if wants.orders:
                for payment in self._read(cursor, Payment, ("account", "out_trade_no"), wants.orders):
                    facts.payments[payment.id] = payment
            missing = ids - facts.payments.keys()
            if missing:
                for payment in self._read(cursor, Payment, ("id",), [(name,) for name in missing]):
                    facts.payments[payment.id] = payment
            facts.orders = {(kept.account, kept.out_trade_no): kept.id for kept in facts.payments.values()}
            if wants.receipts:
                for receipt in self._read(cursor, Receipt, ("account", "fact"), wants.receipts):
                    facts.receipts[(receipt.account, receipt.key)] = receipt
            if wants.keys:
                for key in self._read(cursor, IdempotencyKey, ("scope", "idem_key"), wants.keys):
                    facts.keys[(key.scope, key.key)] = key
            if wants.allowances:
                for one in self._read(cursor, Allowance, ("action", "currency", "day"), wants.allowances):
                    facts.allowances[(one.action, one.currency, one.day)] = one
            if wants.incidents:
                for incident in self._read(cursor, Incident, ("kind", "ref"), wants.incidents):
                    facts.incidents[(incident.kind, incident.ref)] = incident
            if wants.incident_ids:
                for incident in self._read(cursor, Incident, ("id",), [(name,) for name in wants.incident_ids]):
                    facts.incidents[(incident.kind, incident.ref)] = incident
            found = [(name,) for name in facts.payments]
            if wants.refunds and found:
                for refund in self._read(cursor, Refund, ("payment_id",), found):
                    facts.refunds[refund.id] = refund
            if wants.attempts and found:
                still_open = "status in ('prepared', 'sent', 'unknown')"
                for attempt in self._read(cursor, Attempt, ("payment_id",), found, still_open):
                    facts.attempts[attempt.id] = attempt
        return facts

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

    # -- write --------------------------------------------------------------------------------------------------

    def write(self, changes: Changes) -> None:
        """See :meth:`payflow.store.Store.write`."""
        _refuse_what_no_store_keeps(changes)
        with self._connection() as connection:
            if isinstance(self.dialect, PostgreSQL):
                self._write_at_once(connection, changes)
                return
            with self._whole(connection) as cursor:
                self._write_payments(cursor, changes)
                self._write_below(cursor, changes)

    def _write_payments(self, cursor: Any, changes: Changes) -> None:
        table = BY_RECORD[Payment]
        new = [payment for read, payment in changes.payments.values() if read is None]
        old = sorted(
            ((read, payment) for read, payment in changes.payments.values() if read is not None),
            key=lambda one: one[1].id,
        )
        if old:
            if not isinstance(self.dialect, SQLite):  # one order of locks for everybody: no deadlock
                ids = [payment.id for _, payment in old]
                condition = self.dialect.wanted(("id",), len(ids))
                self._run(cursor, f"select id from pf_payment where {condition} order by id for update", ids).fetchall()
            values = _values(Payment, CHANGING)
            sql = _update(table, CHANGING, "id = ? and version = ?")
            changed = self._many(cursor, sql, [(*values(payment), payment.id, read) for read, payment in old])
            if changed != len(old):
                raise StoreConflict
        if new:
            self._many(cursor, _insert(table), list(map(_values(Payment), new)))

    def _write_below(self, cursor: Any, changes: Changes) -> None:
        """Everything that hangs on a payment, and what is guarded by keys of its own."""
        for kept, names in (
            (changes.refunds, _CHANGING_REFUND),
            (changes.attempts, _CHANGING_ATTEMPT),
            (changes.incidents, _CHANGING_INCIDENT),
        ):
            if kept:
                self._write_entities(cursor, list(kept.values()), names)  # type: ignore[call-overload]
        for rows in (
            changes.receipts, changes.transitions, changes.journals, changes.entries, changes.messages,
        ):  # fmt: skip
            if rows:
                record = type(rows[0])
                self._many(cursor, _insert(BY_RECORD[record]), list(map(_values(record), rows)))
        self._write_keys(cursor, changes)
        if changes.repeats:
            counted = [(times, name) for name, times in sorted(changes.repeats.items())]
            self._many(cursor, "update pf_receipt set repeats = repeats + ? where id = ?", counted)

    def _write_entities(self, cursor: Any, kept: Sequence[tuple[bool, Any]], names: Sequence[str]) -> None:
        record = type(kept[0][1])
        table = BY_RECORD[record]
        new = [one for is_new, one in kept if is_new]
        old = [one for is_new, one in kept if not is_new]
        if new:
            self._many(cursor, _insert(table), list(map(_values(record), new)))
        if old:
            values = _values(record, names)
            self._many(cursor, _update(table, names, "id = ?"), [(*values(one), one.id) for one in old])

    def _write_keys(self, cursor: Any, changes: Changes) -> None:
        for read, key in changes.keys.values():
            if read is not None:  # its retention was over: only one of those who saw that may take it
                gone = self._run(
                    cursor, "delete from pf_key where scope = ? and idem_key = ? and created_at = ?",
                    (key.scope, key.key, read.created_at),
                )  # fmt: skip
                if gone.rowcount != 1:
                    raise StoreConflict
        if changes.keys:
            rows = [_values(IdempotencyKey)(key) for _, key in changes.keys.values()]
            self._many(cursor, _insert(BY_RECORD[IdempotencyKey]), rows)
        for used, allowance in changes.allowances.values():
            if used is None:
                self._run(cursor, _insert(BY_RECORD[Allowance]), _values(Allowance)(allowance))
            else:
                sql = "update pf_allowance set used = ? where action = ? and currency = ? and day = ? and used = ?"
                name = (allowance.action, allowance.currency, allowance.day)
                if self._run(cursor, sql, (allowance.used, *name, used)).rowcount != 1:
                    raise StoreConflict

    def _write_at_once(self, connection: Any, changes: Changes) -> None:
        """PostgreSQL: the common shape is one statement, which is its own transaction; the rest is a few, in one."""
        plain = not (changes.keys or changes.allowances or any(read is None for read, _ in changes.payments.values()))
        guarded = bool(changes.payments)
        if not (plain and guarded):
            with self._whole(connection) as cursor:
                self._write_payments(cursor, changes)
                self._write_below(cursor, changes)
            return
        if self.joined:
            with self._whole(connection) as cursor:
                self._one_statement(cursor, changes)
        else:
            self._one_statement(connection.cursor(), changes)

    def _one_statement(self, cursor: Any, changes: Changes) -> None:
        """Lock in one order, compare every version, and only if all are as read: update and insert the whole set."""
        parameters: list[Any] = []
        values = _values(Payment, ("id", *CHANGING))
        old = [(read, *values(payment)) for read, payment in changes.payments.values()]
        parts = [_PG_GUARD, _PG_UPDATE_PAYMENT]
        parameters += [_json_rows(("was", "id", *CHANGING), old), len(old)]
        number = 0
        for kept, names in (
            (changes.refunds, _CHANGING_REFUND),
            (changes.attempts, _CHANGING_ATTEMPT),
            (changes.incidents, _CHANGING_INCIDENT),
        ):
            rows = list(kept.values())  # type: ignore[attr-defined]
            if not rows:
                continue
            record = type(rows[0][1])
            new = [one for is_new, one in rows if is_new]
            if new:
                number += 1
                parts.append(_pg_insert(BY_RECORD[record], number))
                parameters.append(_json_rows(BY_RECORD[record].columns, map(_values(record), new)))
            older = [one for is_new, one in rows if not is_new]
            if older:
                number += 1
                parts.append(_pg_update(BY_RECORD[record], names, number))
                parameters.append(_json_rows(("id", *names), map(_values(record, ("id", *names)), older)))
        for rows in (changes.receipts, changes.transitions, changes.journals, changes.entries, changes.messages):
            if rows:
                number += 1
                record = type(rows[0])
                parts.append(_pg_insert(BY_RECORD[record], number))
                parameters.append(_json_rows(BY_RECORD[record].columns, map(_values(record), rows)))
        if changes.repeats:
            parts.append(_PG_REPEATS)
            parameters.append(_json_rows(("id", "times"), changes.repeats.items()))
        self._run(cursor, "with " + ", ".join(parts) + " select ok from guard", parameters)
        if not cursor.fetchone()[0]:
            raise StoreConflict

    # -- reading for people -------------------------------------------------------------------------------------

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

    # -- the worker's claims ------------------------------------------------------------------------------------

    def claim_due(self, now: int, limit: int, lease: int) -> list[str]:
        """See :meth:`payflow.store.Store.claim_due`."""
        with self._connection() as connection, self._whole(connection) as cursor:
            sql = "select id from pf_payment where next_check_at <= ? order by next_check_at limit ?"
            rows = self._run(cursor, sql + self.dialect.skip_locked, (now, limit)).fetchall()
            if rows:
                self._many(
                    cursor,
                    "update pf_payment set next_check_at = ? where id = ?",
                    [(now + lease, row[0]) for row in rows],
                )
        return [row[0] for row in rows]

    def claim_messages(self, now: int, limit: int, lease: int) -> list[Message]:
        """See :meth:`payflow.store.Store.claim_messages`."""
        columns = ", ".join(f"m.{column}" for column in BY_RECORD[Message].columns)
        sql = f"""select {columns} from pf_message m
            where m.delivered_at is null and m.dead_at is null and m.due_at <= ?
            and (m.lease_until is null or m.lease_until <= ?)
            and not exists (select 1 from pf_message e where e.payment_id = m.payment_id and e.seq < m.seq
                            and e.delivered_at is null and e.dead_at is null)
            order by m.due_at limit ?"""
        with self._connection() as connection, self._whole(connection) as cursor:
            rows = self._run(cursor, sql + self.dialect.skip_locked, (now, now, limit)).fetchall()
            found = [Message(**dict(zip(Message.__slots__, row, strict=True))) for row in rows]
            claimed = [replace(one, lease_until=now + lease, tries=one.tries + 1) for one in found]
            if claimed:
                self._many(
                    cursor, "update pf_message set lease_until = ?, tries = ? where payment_id = ? and seq = ?",
                    [(one.lease_until, one.tries, one.payment_id, one.seq) for one in claimed],
                )  # fmt: skip
        return claimed

    def finish_messages(self, messages: Iterable[Message]) -> None:
        """See :meth:`payflow.store.Store.finish_messages`."""
        rows = [
            (one.due_at, one.delivered_at, one.dead_at, one.last_error, one.payment_id, one.seq, one.lease_until)
            for one in messages
        ]
        if rows:
            with self._connection() as connection, self._whole(connection) as cursor:
                self._many(
                    cursor,
                    """update pf_message set due_at = ?, delivered_at = ?, dead_at = ?, last_error = ?, lease_until = null
                       where payment_id = ? and seq = ? and lease_until = ?""",
                    rows,
                )

    def effects_of(self, messages: Iterable[Message]) -> dict[str, set[str]]:
        """See :meth:`payflow.store.Store.effects_of`."""
        wanted = {one.key for one in messages}
        done: dict[str, set[str]] = {}
        if wanted:
            with self._connection() as connection:
                ids = {(key.rpartition(".")[0],) for key in wanted}
                for effect in self._read(connection.cursor(), Effect, ("payment_id",), ids):
                    key = f"{effect.payment_id}.{effect.seq}"
                    if key in wanted:
                        done.setdefault(key, set()).add(effect.handler)
        return done

    @contextlib.contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """See :meth:`payflow.store.Store.transaction`."""
        with self._connection() as connection, self._whole(connection) as cursor:
            yield SqlTransaction(self, connection, cursor)

    def revive(self, *, handler: str | None = None, payment_id: str | None = None, now: int) -> int:
        """See :meth:`payflow.store.Store.revive`."""
        conditions, parameters = ["dead = 1"], []
        for column, value in (("handler", handler), ("payment_id", payment_id)):
            if value is not None:
                conditions.append(f"{column} = ?")
                parameters.append(value)
        where = " and ".join(conditions)
        with self._connection() as connection, self._whole(connection) as cursor:
            rows = self._run(
                cursor, f"select handler, payment_id, seq from pf_effect where {where}", parameters
            ).fetchall()
            if rows:
                self._many(cursor, "delete from pf_effect where handler = ? and payment_id = ? and seq = ?", rows)
                self._many(
                    cursor,
                    """update pf_message set dead_at = null, delivered_at = null, tries = 0, due_at = ?, lease_until = null
                       where payment_id = ? and seq = ?""",
                    [(now, row[1], row[2]) for row in rows],
                )
        return len(rows)

    def forget_keys(self, now: int, limit: int = 1000) -> int:
        """See :meth:`payflow.store.Store.forget_keys`."""
        with self._connection() as connection, self._whole(connection) as cursor:
            sql = "select scope, idem_key, expires_at from pf_key where expires_at <= ? order by expires_at limit ?"
            rows = self._run(cursor, sql, (now, limit)).fetchall()
            if rows:
                self._many(cursor, "delete from pf_key where scope = ? and idem_key = ? and expires_at = ?", rows)
        return len(rows)

    # -- the schema ---------------------------------------------------------------------------------------------

    def migrate(self, to: int | None = None) -> list[int]:
        """See :meth:`payflow.store.Store.migrate`."""
        with self._connection() as connection:
            return migrations.migrate(self.dialect, connection, to)

    def check_schema(self) -> None:
        """See :meth:`payflow.store.Store.check_schema`."""
        with self._connection() as connection:
            migrations.check(self.dialect, connection)

    def close(self) -> None:
        """See :meth:`payflow.store.Store.close`."""
        if self._pool is not None:
            self._pool.close()


class SqlTransaction:
    """One transaction around a handler's work."""

    def __init__(self, store: SqlStore, connection: Any, cursor: Any) -> None:
        self.connection = connection
        self._store = store
        self._cursor = cursor

    def effect(self, effect: Effect) -> bool:
        """See :meth:`payflow.store.Transaction.effect`."""
        run = self._store._run
        found = run(
            self._cursor, "select 1 from pf_effect where handler = ? and payment_id = ? and seq = ?",
            (effect.handler, effect.payment_id, effect.seq),
        ).fetchone()  # fmt: skip
        if found is not None:
            return False
        run(self._cursor, _insert(BY_RECORD[Effect]), _values(Effect)(effect))
        return True


def driver_connection(given: Any) -> Any:
    """The driver's own connection behind a SQLAlchemy ``Session`` or ``Connection``; a DB-API one is itself."""
    if callable(getattr(given, "connection", None)):
        given = given.connection()  # a Session: its Connection, in the transaction that the Session is in
    fairy = getattr(given, "connection", None)
    return getattr(fairy, "driver_connection", given)


# -- the one statement of PostgreSQL -------------------------------------------------------------------------------

_PG_TYPES = {True: "bigint", False: "text"}


def _pg_row(table: TableSchema, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {_PG_TYPES[name == 'was' or table.is_number(name)]}" for name in names)


_PG_PAYMENT = BY_RECORD[Payment]
_PG_GUARD = f"""data as materialized (
    select * from json_to_recordset(?::json) as d({_pg_row(_PG_PAYMENT, ("was", "id", *CHANGING))})),
  locked as materialized (
    select p.id from pf_payment p join data d on d.id = p.id and d.was = p.version order by p.id for update of p),
  guard as materialized (select count(*) = ? as ok from locked)"""
_PG_UPDATE_PAYMENT = f"""u0 as (
    update pf_payment p set {", ".join(f"{name} = d.{name}" for name in CHANGING)}
    from data d, guard where guard.ok and p.id = d.id)"""
_PG_REPEATS = """r0 as (
    update pf_receipt r set repeats = r.repeats + d.times
    from json_to_recordset(?::json) as d(id text, times bigint), guard where guard.ok and r.id = d.id)"""


def _pg_insert(table: TableSchema, number: int) -> str:
    names = ", ".join(table.columns)
    return f"""i{number} as (insert into {table.name} ({names}) select {", ".join("d." + c for c in table.columns)}
    from json_to_recordset(?::json) as d({_pg_row(table, table.columns)}), guard where guard.ok)"""


def _pg_update(table: TableSchema, names: Sequence[str], number: int) -> str:
    return f"""u{number} as (update {table.name} t set {", ".join(f"{name} = d.{name}" for name in names)}
    from json_to_recordset(?::json) as d({_pg_row(table, ("id", *names))}), guard where guard.ok and t.id = d.id)"""


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _json_rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return _encode([dict(zip(names, row, strict=True)) for row in rows])


def _refuse_what_no_store_keeps(changes: Changes) -> None:
    """A NUL is refused by one database and kept by another: it is refused by all."""
    for receipt in changes.receipts:
        if "\x00" in receipt.event or "\x00" in receipt.proof:
            raise StoreError("Text with a NUL character is not stored", code="STORE_ERROR")
