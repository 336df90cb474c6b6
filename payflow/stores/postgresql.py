"""PostgreSQL through psycopg 3, in autocommit: a lone statement is its own transaction and costs one round trip.

A whole set of decisions is one statement. All its parts see the same snapshot; ``guard`` says whether every row to be
compared is as it was read, and every part that writes asks it. https://www.postgresql.org/docs/current/queries-with.html
"""

from __future__ import annotations

import json
import select as system_select
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import StoreConflict, StoreError
from ..records import Message
from . import dialect
from .dialect import (
    Dialect,
    driver,
    foreign_connection,
    in_hand,
    no_two_phase,
    not_in_transaction,
    percent,
    unreachable,
)
from .rows import Row, insert, record_of, select
from .schema import EFFECT, MESSAGE, TableSchema
from .sets import Part

_MIGRATIONS = 7_290_114_001  # the number of our advisory lock
_NO_SUCH_OBJECT, _IN_USE = "42704", "55000"
_CONFLICTS = {"40001", "40P01", "23505", "55P03"}  # serialization, deadlock, unique, lock timeout
_OVER = {"40001", "40P01"}
#: Plans are kept while tables grow from nothing to millions: they must never begin to scan. The store's statements all
#: ask by keys or walk an index, and no parameter changes how.
_KEPT = {"plan_cache_mode": "force_generic_plan"}
_BY_INDEX = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off"}
_DUE = """with due as materialized (
    select id, next_check_at from pf_payment where next_check_at <= ? order by next_check_at, id limit ?
    for update skip locked)
  update pf_payment p set next_check_at = ? from due where p.id = due.id returning due.next_check_at, p.id"""
_MESSAGES = f"""with due as materialized (
    select m.payment_id, m.seq from pf_message m
    where m.delivered_at is null and m.dead_at is null and m.due_at <= ?
    and (m.lease_until is null or m.lease_until <= ?)
    and not exists (select 1 from pf_message e where e.payment_id = m.payment_id and e.seq < m.seq
                    and e.delivered_at is null and e.dead_at is null)
    order by m.due_at limit ? for update of m skip locked)
  update pf_message m set lease_until = ?, tries = m.tries + 1 from due
  where m.payment_id = due.payment_id and m.seq = due.seq
  returning {", ".join("m." + column for column in MESSAGE.columns)}"""


class PostgreSQL(Dialect):
    """psycopg 3."""

    name = "PostgreSQL"
    two_phase = True
    name_type = 'varchar(191) collate "C"'
    long_text = 'text collate "C"'

    def __init__(self, url: str, busy_timeout_seconds: float) -> None:
        self.driver = driver("psycopg", "postgres")
        self._url = url
        self._options = {**_KEPT, **_BY_INDEX, "lock_timeout": str(max(1, int(busy_timeout_seconds * 1000)))}

    # -- connections --------------------------------------------------------------------------------------------

    def connect(self) -> Any:
        try:
            settings = self.driver.conninfo.conninfo_to_dict(self._url)
            more = " ".join(f"-c {name}={value}" for name, value in self._options.items())
            settings["options"] = f"{settings.get('options') or ''} {more}".strip()
            settings = {"connect_timeout": "5", "application_name": "payflow", **settings}
            return self.driver.connect(**settings, autocommit=True)
        except self.driver.Error as error:
            raise unreachable(self.name, self._without_password(str(error))) from None

    def _without_password(self, said: str) -> str:
        """What the driver said, on one line; it may quote the URL."""
        try:
            password = urlsplit(self._url).password or ""
        except ValueError:
            return "its URL cannot be read"
        for secret in {password, unquote(password), self._url} - {""}:
            said = said.replace(secret, "***")
        return " ".join(said.split())[:300]

    def cursor(self, connection: Any) -> Any:
        # Not connection.cursor(): a host may have a class of its own there that sends text where numbers are meant.
        return self.driver.Cursor(connection, row_factory=self.driver.rows.tuple_row)

    def alive(self, connection: Any) -> bool:
        if connection.closed or connection.broken:
            return False
        # An idle server has nothing to say: what can be read now is its farewell.
        poll = system_select.poll()
        poll.register(connection.fileno(), system_select.POLLIN)
        return not poll.poll(0)

    def clean(self, connection: Any) -> bool:
        try:
            if connection.info.transaction_status != self.driver.pq.TransactionStatus.IDLE:
                connection.rollback()
        except self.driver.Error:
            return False
        return not connection.closed

    def check_session(self, connection: Any) -> None:
        if connection.info.encoding != "utf-8":
            raise StoreError("The connection's client_encoding is not UTF8", code="STORE_NOT_STRICT")

    def recognise(self, connection: Any) -> None:
        if not isinstance(connection, self.driver.Connection):
            raise foreign_connection(self.name, connection)

    def enter(self, connection: Any) -> None:
        if connection.autocommit and connection.info.transaction_status == self.driver.pq.TransactionStatus.IDLE:
            raise not_in_transaction()

    # -- transactions -------------------------------------------------------------------------------------------

    def begin_reading(self, cursor: Any) -> None:
        cursor.execute("begin isolation level repeatable read read only")

    def committed(self, cursor: Any) -> bool:
        return bool(cursor.statusmessage != "ROLLBACK")

    def plan_freely(self, cursor: Any) -> None:
        if cursor.connection.autocommit:  # a connection of our own
            for name in _BY_INDEX:
                cursor.execute(f"set local {name} = on")

    def conflict(self, error: Exception) -> bool:
        return getattr(error, "sqlstate", None) in _CONFLICTS

    def undone(self, error: Exception) -> bool:
        # A savepoint could be gone back to; but the locks and the snapshot of its transaction would stay.
        return getattr(error, "sqlstate", None) in _OVER

    def aborted(self, connection: Any) -> bool:
        return bool(connection.info.transaction_status == self.driver.pq.TransactionStatus.INERROR)

    def code_of(self, error: Exception) -> str:
        state = getattr(error, "sqlstate", None) or ""
        if state == "25006":
            return "STORE_READ_ONLY"
        if state == "42P01":
            return "STORE_NOT_MIGRATED"
        if state in {"53100", "53200"}:
            return "STORE_FULL"
        if state.startswith(("22", "23")) or isinstance(error, (self.driver.DataError, UnicodeError)):
            return "STORE_VALUE_REFUSED"
        gone = isinstance(error, (self.driver.OperationalError, self.driver.InterfaceError))
        return "STORE_UNAVAILABLE" if state.startswith(("08", "53", "57")) or (gone and not state) else "STORE_ERROR"

    def lost(self, error: Exception, connection: Any) -> bool:
        """Whether the connection died under a statement, so that nobody knows whether that was done."""
        return isinstance(error, self.driver.Error) and (connection.closed or connection.broken)

    def detail(self, error: Exception) -> str:
        return str(getattr(error, "sqlstate", None) or "no number")

    # -- transactions that are prepared here and decided elsewhere -----------------------------------------------
    # https://www.postgresql.org/docs/current/sql-prepare-transaction.html

    def check_two_phase(self, cursor: Any) -> None:
        if int(cursor.execute("show max_prepared_transactions").fetchone()[0]) == 0:
            raise no_two_phase(
                "this PostgreSQL has max_prepared_transactions = 0. Set it to at least the connections payflow may have"
                " there, and restart the server"
            )

    def database(self, cursor: Any) -> str:
        return str(cursor.execute("select current_database()").fetchone()[0])

    def begin_branch(self, cursor: Any, gid: str) -> None:  # noqa: ARG002 -- it gets its name when it is prepared
        cursor.execute("begin")

    def prepare(self, cursor: Any, gid: str) -> None:
        cursor.execute(f"prepare transaction '{gid}'")
        if cursor.statusmessage == "ROLLBACK":
            raise StoreConflict("The transaction had failed, and was rolled back instead of prepared")

    def commit_alone(self, cursor: Any, gid: str) -> None:  # noqa: ARG002 -- it never got its name
        cursor.execute("commit")

    def end_prepared(self, cursor: Any, gid: str, *, commit: bool) -> bool:
        try:
            cursor.execute(f"{'commit' if commit else 'rollback'} prepared '{gid}'")
        except self.driver.Error as error:
            if error.sqlstate == _NO_SUCH_OBJECT:
                return False
            if error.sqlstate == _IN_USE:
                raise in_hand() from error
            raise
        return True

    def prepared(self, cursor: Any, prefix: str) -> list[str]:
        sql = "select gid from pg_prepared_xacts where database = current_database() order by prepared"
        return [row[0] for row in cursor.execute(sql).fetchall() if row[0].startswith(prefix)]

    # -- sets ---------------------------------------------------------------------------------------------------

    def select_by(
        self, cursor: Any, table: TableSchema, columns: tuple[str, ...], keys: Collection[Sequence[Any]],
        also: str = "", *, lock: bool = False,
    ) -> list[Row]:  # fmt: skip
        rest = (f" and {also}" if also else "") + (f" order by {', '.join(columns)} for update" if lock else "")
        parameters: Sequence[Any]
        if len(keys) == 1:
            (parameters,) = keys
            sql = select(table) + " and ".join(f"{column} = ?" for column in columns) + rest
        elif len(columns) == 1:
            parameters = [[key[0] for key in keys]]
            sql = f"{select(table)}{columns[0]} = any(?){rest}"
        else:
            parameters = list(map(list, zip(*keys, strict=True)))
            sql = _select_many(table, columns, rest)
        rows: list[Row] = cursor.execute(percent(sql), parameters).fetchall()
        return rows

    def write_parts(
        self, cursor: Any, compared: Sequence[Part], replaced: Sequence[Part],
        inserted: Sequence[tuple[TableSchema, Sequence[Row]]], repeated: Sequence[Row] = (),
    ) -> None:  # fmt: skip
        parameters: list[Any] = [
            _json_rows((*part.names, *map(_was, part.compared)), part.rows) for part in compared
        ]  # fmt: skip
        parameters.append(sum(len(part.rows) for part in compared))
        parameters += [_json_rows((*part.names, *part.compared), part.rows) for part in replaced]
        parameters += [_json_rows(table.columns, rows) for table, rows in inserted]
        if repeated:
            parameters.append(_json_rows(("times", "id"), repeated))
        sql = _statement(
            tuple(part[:3] for part in compared),
            tuple(part[:3] for part in replaced),
            tuple(table for table, _ in inserted),
            bool(repeated),
            parameters[len(compared)] == 1 and all(part.names for part in compared),
        )
        if not cursor.execute(sql, parameters).fetchone()[0]:
            raise StoreConflict

    def take_due(self, cursor: Any, now: int, limit: int, lease: int) -> list[str]:
        rows = self.run(cursor, _DUE, (now, limit, now + lease)).fetchall()
        return [row[1] for row in sorted(rows)]

    def take_messages(self, cursor: Any, now: int, limit: int, lease: int) -> list[Message]:
        rows = self.run(cursor, _MESSAGES, (now, now, limit, now + lease)).fetchall()
        return sorted((record_of(Message, row) for row in rows), key=lambda one: (one.due_at, one.payment_id))

    def put_effect(self, cursor: Any, row: Row) -> bool:
        return bool(self.run(cursor, f"{insert(EFFECT)} on conflict do nothing", row).rowcount)

    # -- the schema ---------------------------------------------------------------------------------------------

    def lock_schema(self, connection: Any) -> None:
        connection.execute("begin")
        connection.execute(f"set local lock_timeout = '{dialect.MIGRATION_SECONDS}s'")
        connection.execute(f"select pg_advisory_xact_lock({_MIGRATIONS})")

    def unlock_schema(self, connection: Any, *, done: bool) -> None:
        connection.execute("commit" if done else "rollback")

    def check_tables(self, connection: Any) -> None:
        """Types and collations are PostgreSQL's own to keep; the server's encoding has to hold every text."""
        row = connection.execute("show server_encoding").fetchone()
        if row[0] != "UTF8":
            raise StoreError("The database's encoding is not UTF8", code="STORE_NOT_STRICT")


# -- the one statement ---------------------------------------------------------------------------------------------
# Each part takes its rows as one JSON parameter, so that the text is the same for one row and for a thousand and the
# server plans it once for each shape. Rows to be compared are locked one after the other, in the order of their keys.


@lru_cache(maxsize=256)
def _select_many(table: TableSchema, columns: tuple[str, ...], rest: str) -> str:
    arrays = ", ".join(f"?::{'bigint' if table.is_number(column) else 'text'}[]" for column in columns)
    joined = " and ".join(f"t.{column} = k.{column}" for column in columns)
    wanted = ", ".join(f"t.{column}" for column in table.columns)
    return f"select {wanted} from unnest({arrays}) as k({', '.join(columns)}) join {table.name} t on {joined}{rest}"


_Shape = tuple[TableSchema, tuple[str, ...], tuple[str, ...]]  # table, columns that are set, columns that are compared


@lru_cache(maxsize=512)
def _statement(
    compared: tuple[_Shape, ...],
    replaced: tuple[_Shape, ...],
    inserted: tuple[TableSchema, ...],
    repeated: bool,
    lone: bool,
) -> str:
    if lone:  # one row: it is set if it is as it was read, and then all the rest is; there is no order to keep
        parts = [_compare_and_set(*compared[0])]
        found = "(select count(*) from l0)"
    else:
        parts = [_compare(number, *shape) for number, shape in enumerate(compared)]
        found = " + ".join(f"(select count(*) from l{number})" for number in range(len(compared)))
    parts.append(f"guard as materialized (select {found or '0'} = ? as ok)")
    if not lone:
        parts += [_update(f"u{number}", f"d{number}", *shape) for number, shape in enumerate(compared) if shape[1]]
    for number, (table, names, keys) in enumerate(replaced):
        parts.append(_update(f"r{number}", _recordset(table, (*names, *keys)), table, names, keys))
    parts += [_insert(f"i{number}", table) for number, table in enumerate(inserted)]
    if repeated:
        parts.append(
            "again as (update pf_receipt t set repeats = t.repeats + d.times"
            " from json_to_recordset(?::json) as d(times bigint, id text), guard where guard.ok and t.id = d.id)"
        )
    return percent(f"with {', '.join(parts)} select ok from guard")


def _was(name: str) -> str:
    return f"was_{name}"


def _recordset(table: TableSchema, names: Iterable[str]) -> str:
    """The JSON parameter as rows; ``was_…`` has the type of its column."""
    kinds = ((name, table.is_number(name.removeprefix("was_"))) for name in names)
    types = ", ".join(f"{name} {'bigint' if number else 'text'}" for name, number in kinds)
    return f"json_to_recordset(?::json) as d({types})"


def _compare(number: int, table: TableSchema, names: Sequence[str], compared: Sequence[str]) -> str:
    rows = _recordset(table, (*names, *map(_was, compared)))
    order = ", ".join(map(_was, compared))
    same = " and ".join(f"t.{name} = d.{_was(name)}" for name in compared)
    return f"""d{number} as materialized (select * from {rows}),
  l{number} as materialized (
    select 1 from (select {order} from d{number} order by {order}) d
    cross join lateral (select 1 from {table.name} t where {same} for {"update" if names else "share"}) l)"""


def _compare_and_set(table: TableSchema, names: Sequence[str], compared: Sequence[str]) -> str:
    told = ", ".join(f"{column} = d.{column}" for column in names)
    same = " and ".join(f"t.{name} = d.{_was(name)}" for name in compared)
    rows = _recordset(table, (*names, *map(_was, compared)))
    return f"l0 as (update {table.name} t set {told} from {rows} where {same} returning 1)"


def _update(name: str, source: str, table: TableSchema, names: Sequence[str], compared: Sequence[str]) -> str:
    told = ", ".join(f"{column} = d.{column}" for column in names)
    keys = [column for column in compared if column in table.key]
    was = _was if source.startswith("d") else str
    same = " and ".join(f"t.{column} = d.{was(column)}" for column in keys)
    source = source if source.startswith("json") else f"{source} d"
    return f"{name} as (update {table.name} t set {told} from {source}, guard where guard.ok and {same})"


def _insert(name: str, table: TableSchema) -> str:
    columns = ", ".join(table.columns)
    values = ", ".join(f"d.{column}" for column in table.columns)
    source = _recordset(table, table.columns)
    return f"{name} as (insert into {table.name} ({columns}) select {values} from {source}, guard where guard.ok)"


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def _json_rows(names: Sequence[str], rows: Iterable[Row]) -> str:
    return _encode([dict(zip(names, row, strict=True)) for row in rows])
