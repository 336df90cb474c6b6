"""MariaDB 10.6 or newer through PyMySQL. Texts are compared byte by byte; a session that would cut values is refused.

https://mariadb.com/kb/en/sql-mode/, https://mariadb.com/kb/en/supported-character-sets-and-collations/
"""

from __future__ import annotations

import json
import select as system_select
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import ConfigError, StoreConflict, StoreError
from ..records import Message, replace
from . import dialect
from .dialect import (
    CHUNK,
    Dialect,
    driver,
    foreign_connection,
    in_hand,
    no_two_phase,
    not_in_transaction,
    percent,
    unreachable,
)
from .rows import Row, insert, record_of, update
from .schema import EFFECT, MESSAGE, TABLES, TableSchema
from .sets import Part

_COLLATION = "utf8mb4_nopad_bin"
_NEWEST_TOO_OLD = (10, 5)


def _yes(text: str) -> bool:
    return text not in ("0", "false", "no")


#: What a URL may say behind its ``?``; see PyMySQL's ``connect``.
_OPTIONS: dict[str, Callable[[str], Any]] = {
    "ssl_ca": str, "ssl_cert": str, "ssl_key": str, "ssl_key_password": str, "ssl_verify_cert": _yes,
    "ssl_verify_identity": _yes, "unix_socket": str, "sql_mode": str, "connect_timeout": int, "read_timeout": int,
    "write_timeout": int,
}  # fmt: skip
_DUPLICATE, _LOCK_WAIT, _DEADLOCK, _CHANGED, _NO_TABLE = 1062, 1205, 1213, 1020, 1146
_NO_SUCH_XID = 1397
#: A transaction that can only be rolled back: it was, or it waited too long, or it was in a deadlock.
_ROLLED_BACK = {1402, 1613, 1614}
_IN_TRANSACTION = 1  # SERVER_STATUS_IN_TRANS; where Django took PyMySQL for mysqlclient, its constants are there twice
_READ_ONLY, _FULL = {1290, 1792, 1836}, {1021, 1114}
_REFUSED = {1264, 1265, 1366, 1406, 1048, 4025, 1292}  # out of range, cut, wrong text, too long, null, a check
_HEADS = """select m.payment_id, m.seq from pf_message m
    where m.delivered_at is null and m.dead_at is null and m.due_at <= ?
    and (m.lease_until is null or m.lease_until <= ?)
    and not exists (select 1 from pf_message e where e.payment_id = m.payment_id and e.seq < m.seq
                    and e.delivered_at is null and e.dead_at is null)
    order by m.due_at limit ?"""
_STILL_DUE = """delivered_at is null and dead_at is null and due_at <= {now}
    and (lease_until is null or lease_until <= {now}) for update skip locked"""
_TABLES = """select table_name, engine from information_schema.tables
    where table_schema = database() and table_name like 'pf\\_%'"""
_COLUMNS = """select table_name, column_name from information_schema.columns
    where table_schema = database() and table_name like 'pf\\_%' and collation_name is not null
    and collation_name <> 'utf8mb4_nopad_bin'"""


class MariaDB(Dialect):
    """PyMySQL."""

    name = "MariaDB"
    two_phase = True
    partial_indexes = False
    long_text = "mediumtext"

    def __init__(self, url: str, busy_timeout_seconds: float) -> None:
        self.driver = driver("pymysql", "mysql")
        self._settings = _settings(url)
        wait = max(1, round(busy_timeout_seconds))
        self._init = f"set session innodb_lock_wait_timeout = {wait}"

    # -- connections --------------------------------------------------------------------------------------------

    def connect(self) -> Any:
        try:
            connection = self.driver.connect(
                **{"connect_timeout": 5, **self._settings}, charset="utf8mb4", collation=_COLLATION, autocommit=True
            )
            with connection.cursor() as cursor:
                cursor.execute("set session transaction isolation level read committed")
                cursor.execute(self._init)
        except (self.driver.Error, OSError) as error:
            said = str(error.args[-1] if error.args else error)
            secret = self._settings["password"]
            raise unreachable(self.name, said.replace(secret, "***") if secret else said) from None
        try:
            self.check_session(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def cursor(self, connection: Any) -> Any:
        return connection.cursor(self.driver.cursors.Cursor)

    def alive(self, connection: Any) -> bool:
        if not connection.open:
            return False
        # An idle server has nothing to say: what can be read now is its farewell.
        poll = system_select.poll()
        poll.register(connection._sock.fileno(), system_select.POLLIN)
        return not poll.poll(0)

    def clean(self, connection: Any) -> bool:
        try:
            connection.rollback()
        except (self.driver.Error, OSError):
            return False
        return bool(connection.open)

    def check_session(self, connection: Any) -> None:
        """``STORE_NOT_STRICT`` for a session that cuts values silently, or does not send every character."""
        with self.cursor(connection) as cursor:
            cursor.execute("select @@session.sql_mode, @@character_set_client, version()")
            modes, characters, version = cursor.fetchone()
        if not set(modes.split(",")) & {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"}:
            raise StoreError(
                "This MariaDB session is not strict: it would cut values silently. Add STRICT_TRANS_TABLES to sql_mode",
                code="STORE_NOT_STRICT",
            )
        if characters != "utf8mb4":
            raise StoreError(f"This MariaDB session speaks {characters}, not utf8mb4", code="STORE_NOT_STRICT")
        number = version.removeprefix("5.5.5-").split("-")[0].split(".")
        if "mariadb" not in version.lower() or tuple(map(int, number[:2])) <= _NEWEST_TOO_OLD:
            raise ConfigError(
                f"MariaDB 10.6 or newer is needed, this is {version}", path="$.store.url",
                code="CONFIG_UNSUPPORTED_DATABASE",
            )  # fmt: skip

    def recognise(self, connection: Any) -> None:
        if not isinstance(connection, self.driver.connections.Connection):
            raise foreign_connection(self.name, connection)

    def enter(self, connection: Any) -> None:
        if not connection.server_status & _IN_TRANSACTION:
            if connection.get_autocommit():
                raise not_in_transaction()
            with self.cursor(connection) as cursor:
                # The driver does not hear of a transaction in which was only read; to begin would end it and its locks.
                cursor.execute("select @@in_transaction")
                if not cursor.fetchone()[0]:
                    # A savepoint before the first statement would be lost; to begin would lose one of the host's. A
                    # read from a table begins the transaction, and ends nothing.
                    cursor.execute("select version from pf_schema limit 1")
                    cursor.fetchall()

    def concatenated(self, *parts: str) -> str:
        return f"concat({', '.join(parts)})"  # || is "or" here

    # -- transactions -------------------------------------------------------------------------------------------

    def begin_reading(self, cursor: Any) -> None:
        cursor.execute("set transaction isolation level repeatable read")
        cursor.execute("start transaction with consistent snapshot, read only")

    def conflict(self, error: Exception) -> bool:
        return _number(error) in {_DUPLICATE, _LOCK_WAIT, _DEADLOCK, _CHANGED, *_ROLLED_BACK}

    def undone(self, error: Exception) -> bool:
        return _number(error) in {_DEADLOCK, _CHANGED}

    def code_of(self, error: Exception) -> str:
        number = _number(error)
        if number in _READ_ONLY:
            return "STORE_READ_ONLY"
        if number in _FULL:
            return "STORE_FULL"
        if number == _NO_TABLE:
            return "STORE_NOT_MIGRATED"
        if number in _REFUSED or isinstance(error, (UnicodeError, self.driver.DataError)):
            return "STORE_VALUE_REFUSED"
        interface = (self.driver.InterfaceError, self.driver.OperationalError)
        return "STORE_UNAVAILABLE" if isinstance(error, interface) else "STORE_ERROR"

    # -- transactions that are prepared here and decided elsewhere -----------------------------------------------
    # https://mariadb.com/kb/en/xa-transactions/: only the session that prepared one can end it, as long as it lives.

    def check_two_phase(self, cursor: Any) -> None:
        cursor.execute("select support from information_schema.engines where engine = 'InnoDB' and xa = 'YES'")
        if cursor.fetchone() is None:
            raise no_two_phase("the InnoDB of this MariaDB has no XA")

    def database(self, cursor: Any) -> str:
        cursor.execute("select database()")
        return str(cursor.fetchone()[0])

    def begin_branch(self, cursor: Any, gid: str) -> None:
        cursor.execute(f"xa start '{gid}'")

    def prepare(self, cursor: Any, gid: str) -> None:
        cursor.execute(f"xa end '{gid}'")
        cursor.execute(f"xa prepare '{gid}'")

    def commit_alone(self, cursor: Any, gid: str) -> None:
        cursor.execute(f"xa end '{gid}'")
        cursor.execute(f"xa commit '{gid}' one phase")

    def end_prepared(self, cursor: Any, gid: str, *, commit: bool) -> bool:
        try:
            cursor.execute(f"xa {'commit' if commit else 'rollback'} '{gid}'")
        except self.driver.Error as error:
            if _number(error) != _NO_SUCH_XID:
                raise
            # The same is said of one that another session still holds.
            if self.prepared(cursor, gid):
                raise in_hand() from error
            return False
        return True

    def prepared(self, cursor: Any, prefix: str) -> list[str]:
        cursor.execute("xa recover")
        names = [bytes(row[3]).decode("latin-1") if isinstance(row[3], bytes) else row[3] for row in cursor.fetchall()]
        return sorted(name for name in names if name.startswith(prefix))

    def detach(self, connection: Any) -> None:
        connection.close()

    # -- sets ---------------------------------------------------------------------------------------------------

    def select_by(
        self, cursor: Any, table: TableSchema, columns: tuple[str, ...], keys: Collection[Sequence[Any]],
        also: str = "", *, lock: bool = False,
    ) -> list[Row]:  # fmt: skip
        found: list[Row] = []
        listed = sorted(keys, key=list) if lock else list(keys)
        for start in range(0, len(listed), CHUNK):
            part = listed[start : start + CHUNK]
            rest = (f" and {also}" if also else "") + (f" order by {', '.join(columns)} for update" if lock else "")
            sql = f"{_as_one(table)}{_one_of(columns, len(part))}{rest}"
            cursor.execute(percent(sql), [value for key in part for value in key])
            found += [tuple(json.loads(row[0])) for row in cursor.fetchall()]
        return found

    def write_parts(
        self, cursor: Any, compared: Sequence[Part], replaced: Sequence[Part],
        inserted: Sequence[tuple[TableSchema, Sequence[Row]]], repeated: Sequence[Row] = (),
    ) -> None:  # fmt: skip
        for part in compared:
            self._compare_and_set(cursor, part)
        for part in replaced:
            self._set(cursor, part.table, (*part.names, *map(_was, part.compared)), part.rows)
        for table, rows in inserted:
            self.run_many(cursor, insert(table), rows)
        if repeated:
            self.run_many(cursor, "update pf_receipt set repeats = repeats + ? where id = ?", repeated)

    def _compare_and_set(self, cursor: Any, part: Part) -> None:
        """Lock the rows in the order of their keys, compare them, and set them all with one statement."""
        if len(part.rows) == 1 and part.names:
            # What is compared changes with it, so that a row that was found has changed, whatever the driver counts.
            if self.run_many(cursor, update(part.table, part.names, part.compared), part.rows) != 1:
                raise StoreConflict
            return
        for start in range(0, len(part.rows), CHUNK):
            self._lock(cursor, part, part.rows[start : start + CHUNK])
        if not part.names:
            return
        keys = len(part.names) + len(part.table.key)
        self._set(cursor, part.table, (*part.names, *map(_was, part.table.key)), [row[:keys] for row in part.rows])

    def _set(self, cursor: Any, table: TableSchema, names: Sequence[str], rows: Sequence[Row]) -> None:
        """Set columns of many rows at once; ``was_…`` are the values of the key that say which row it is."""
        told = ", ".join(f"t.{name} = d.{name}" for name in names if not name.startswith("was_"))
        same = " and ".join(f"t.{key} = d.{_was(key)}" for key in table.key)
        first = f"select {', '.join(f'? as {name}' for name in names)}"
        more = f" union all select {', '.join('?' * len(names))}"
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            source = first + more * (len(part) - 1)
            values = [value for row in part for value in row]
            self.run(cursor, f"update ({source}) d straight_join {table.name} t on {same} set {told}", values)

    def _lock(self, cursor: Any, part: Part, rows: Sequence[Row]) -> None:
        compared = [row[len(part.names) :] for row in rows]
        table, keys = part.table, part.table.key
        sql = (
            f"select {', '.join(part.compared)} from {table.name} where {_one_of(keys, len(rows))}"
            f" order by {', '.join(keys)} {'for update' if part.names else 'lock in share mode'}"
        )
        self.run(cursor, sql, [value for row in compared for value in row[: len(keys)]])
        if set(cursor.fetchall()) != set(compared):
            raise StoreConflict

    def take_due(self, cursor: Any, now: int, limit: int, lease: int) -> list[str]:
        sql = "select id from pf_payment where next_check_at <= ? order by next_check_at, id limit ?"
        ids = [row[0] for row in self.run(cursor, f"{sql} for update skip locked", (now, limit)).fetchall()]
        if ids:
            marks = _one_of(("id",), len(ids))
            self.run(cursor, f"update pf_payment set next_check_at = ? where {marks}", [now + lease, *ids])
        return ids

    def take_messages(self, cursor: Any, now: int, limit: int, lease: int) -> list[Message]:
        # Found without a lock, then locked by their keys: a lock while searching would hold every row that was passed.
        heads = self.run(cursor, _HEADS, (now, now, limit)).fetchall()
        if not heads:
            return []
        also = _STILL_DUE.format(now=int(now))
        rows = self.select_by(cursor, MESSAGE, MESSAGE.key, heads, also)
        found = [record_of(Message, row) for row in rows]
        if found:
            keys = [value for one in found for value in (one.payment_id, one.seq)]
            sql = "update pf_message set lease_until = ?, tries = tries + 1 where "
            self.run(cursor, sql + _one_of(MESSAGE.key, len(found)), [now + lease, *keys])
        claimed = [replace(one, lease_until=now + lease, tries=one.tries + 1) for one in found]
        return sorted(claimed, key=lambda one: (one.due_at, one.payment_id))

    def put_effect(self, cursor: Any, row: Row) -> bool:
        try:
            self.run(cursor, insert(EFFECT), row)
        except self.driver.IntegrityError as error:
            if _number(error) == _DUPLICATE:
                return False
            raise
        return True

    # -- the schema ---------------------------------------------------------------------------------------------

    def lock_schema(self, connection: Any) -> None:
        with self.cursor(connection) as cursor:
            cursor.execute(
                "select get_lock(concat('payflow.', left(md5(database()), 16)), %s)", (dialect.MIGRATION_SECONDS,)
            )
            if cursor.fetchone()[0] != 1:
                raise dialect.migration_taken()

    def unlock_schema(self, connection: Any, *, done: bool) -> None:  # noqa: ARG002 -- DDL is not undone here
        with self.cursor(connection) as cursor:
            cursor.execute("select release_lock(concat('payflow.', left(md5(database()), 16)))")
            cursor.fetchall()

    def check_tables(self, connection: Any) -> None:
        """``STORE_NOT_STRICT`` where a table keeps something else than it is given, or has no transactions."""
        with self.cursor(connection) as cursor:
            cursor.execute(_TABLES)
            known = {table.name for table in TABLES}
            wrong = [name for name, engine in cursor.fetchall() if name in known and engine != "InnoDB"]
            cursor.execute(_COLUMNS)
            wrong += [f"{table}.{column}" for table, column in cursor.fetchall() if table in known]
        if wrong:
            raise StoreError(
                f"{', '.join(wrong[:5])}: these must be InnoDB with the collation {_COLLATION}", code="STORE_NOT_STRICT"
            )

    def options(self, table: TableSchema) -> str:  # noqa: ARG002 -- the same for all
        return f" engine=innodb default charset=utf8mb4 collate={_COLLATION}"


@cache
def _as_one(table: TableSchema) -> str:
    """``select`` of whole rows, each as one JSON array; what follows ``where`` is missing.

    The driver is written in Python and reads a description of every column with every answer: for a row of two dozen
    columns that takes longer than the server does.
    """
    return f"select json_array({', '.join(table.columns)}) from {table.name} where "


def _was(name: str) -> str:
    return f"was_{name}"


def _number(error: Exception) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _one_of(columns: Sequence[str], count: int) -> str:
    """A condition that one of ``count`` keys matches; parameters key by key."""
    if len(columns) == 1:
        return f"{columns[0]} in ({', '.join('?' * count)})"
    row = f"({', '.join('?' * len(columns))})"
    return f"({', '.join(columns)}) in ({', '.join([row] * count)})"


def _settings(url: str) -> dict[str, Any]:
    """What the driver's ``connect`` takes."""
    try:
        parts = urlsplit(url)
        settings: dict[str, Any] = {
            "host": parts.hostname or "127.0.0.1",
            "port": parts.port or 3306,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "database": parts.path.lstrip("/"),
        }
        for name, text in parse_qsl(parts.query, keep_blank_values=True):
            if name == "charset" and text == "utf8mb4":
                continue
            settings[name] = _OPTIONS[name](text)
    except KeyError as error:
        raise ConfigError(
            f"MariaDB's URL has an unknown parameter {error}", path="$.store.url", code="CONFIG_INVALID"
        ) from None
    except ValueError:
        raise ConfigError("MariaDB's URL cannot be read", path="$.store.url", code="CONFIG_INVALID") from None
    if not settings["database"]:
        raise ConfigError("MariaDB's URL names no database", path="$.store.url", code="CONFIG_INVALID")
    return settings
