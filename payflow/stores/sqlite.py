"""SQLite: one file, one writer at a time. WAL and ``synchronous=FULL``: what was acknowledged survives a power cut.

https://www.sqlite.org/wal.html, https://www.sqlite.org/stricttables.html
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from ..errors import ConfigError, StoreConflict
from ..records import Message, replace
from . import sets
from .dialect import CHUNK, Dialect, foreign_connection, not_in_transaction, unreachable
from .rows import Row, insert, record_of, select, update
from .schema import EFFECT, MESSAGE, NAME_LENGTH, PAYMENT, TableSchema
from .sets import Part

_BUSY, _LOCKED, _READ_ONLY, _FULL, _CANNOT_OPEN, _CONSTRAINT, _NOT_A_DATABASE = 5, 6, 8, 13, 14, 19, 26
_UNIQUE = {1555, 2067}  # primary key, unique
_BUSY_SNAPSHOT = 517
_CODES = {_READ_ONLY: "STORE_READ_ONLY", _FULL: "STORE_FULL", _CONSTRAINT: "STORE_VALUE_REFUSED"}
_DUE = "select id from pf_payment where next_check_at <= ? order by next_check_at, id limit ?"
HEADS = f"""select {", ".join("m." + column for column in MESSAGE.columns)} from pf_message m
    where m.delivered_at is null and m.dead_at is null and m.due_at <= ?
    and (m.lease_until is null or m.lease_until <= ?)
    and not exists (select 1 from pf_message e where e.payment_id = m.payment_id and e.seq < m.seq
                    and e.delivered_at is null and e.dead_at is null)
    order by m.due_at limit ?"""

#: Between two tries to open a file that others are opening.
_PAUSE = timedelta(milliseconds=10).total_seconds()


class SQLite(Dialect):
    """Python's own ``sqlite3``."""

    name = "SQLite"
    driver = sqlite3
    name_type = "text"

    def __init__(self, path: str, busy_timeout_seconds: float) -> None:
        if sqlite3.sqlite_version_info < (3, 37):
            raise ConfigError(
                f"SQLite 3.37 or newer is needed, this is {sqlite3.sqlite_version}", path="$.store.url",
                code="CONFIG_UNSUPPORTED_DATABASE",
            )  # fmt: skip
        self.path = path
        self.in_memory = path == ":memory:"
        self._timeout = busy_timeout_seconds
        self._writers = _Turn(busy_timeout_seconds)

    # -- connections --------------------------------------------------------------------------------------------

    def connect(self) -> sqlite3.Connection:
        folder = Path(self.path).absolute().parent
        if not self.in_memory and not folder.is_dir():
            raise unreachable(self.name, f"the folder {folder} of its file does not exist")
        try:
            connection = sqlite3.connect(
                self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            self._use_wal(connection)
        except sqlite3.Error as error:
            if self.conflict(error):
                raise StoreConflict("The file is busy: somebody else keeps it locked") from error
            raise unreachable(self.name, f"{Path(self.path).name}: {error}") from error
        for setting in ("synchronous=full", "foreign_keys=on", "wal_autocheckpoint=4000", "cache_size=-16000"):
            connection.execute(f"pragma {setting}")
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        """Switch the file to WAL. Processes that open a new file at once are told "busy" without any waiting."""
        until = time.monotonic() + self._timeout
        while True:
            try:
                connection.execute("pragma journal_mode=wal")
            except sqlite3.OperationalError as error:
                if not self.conflict(error) or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def cursor(self, connection: Any) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = connection.cursor()
        cursor.row_factory = None
        return cursor

    def alive(self, connection: Any) -> bool:  # noqa: ARG002 -- a file does not go away
        return True

    def clean(self, connection: Any) -> bool:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("rollback")
        return not connection.in_transaction

    def check_session(self, connection: Any) -> None:
        """A session of SQLite keeps what it is given."""

    def recognise(self, connection: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):
            raise foreign_connection(self.name, connection)

    def enter(self, connection: Any) -> None:
        if not connection.in_transaction:
            if connection.isolation_level is None:
                raise not_in_transaction()
            # The driver begins before a write only, and a savepoint that stands alone would commit itself.
            connection.execute("begin immediate")

    def spelled(self, sql: str) -> str:
        return sql

    # -- transactions -------------------------------------------------------------------------------------------

    def begin(self, cursor: Any) -> None:
        cursor.execute("begin immediate")  # a read that is upgraded later fails at once, without waiting

    def begin_reading(self, cursor: Any) -> None:
        cursor.execute("begin")

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """Writers of one process queue up here: the file's own lock is waited for by sleeping and trying again."""
        return self._writers

    def conflict(self, error: Exception) -> bool:
        code = getattr(error, "sqlite_errorcode", 0)
        return code in _UNIQUE or code & 0xFF in {_BUSY, _LOCKED}

    def undone(self, error: Exception) -> bool:
        return getattr(error, "sqlite_errorcode", 0) == _BUSY_SNAPSHOT  # it has read, and others have written since

    def code_of(self, error: Exception) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _CODES:
            return _CODES[code]
        if isinstance(error, (OverflowError, UnicodeError, sqlite3.DataError)):
            return "STORE_VALUE_REFUSED"
        if "no such table" in str(error):
            return "STORE_NOT_MIGRATED"
        return "STORE_UNAVAILABLE" if isinstance(error, sqlite3.OperationalError) else "STORE_ERROR"

    def detail(self, error: Exception) -> str:
        return str(getattr(error, "sqlite_errorname", "no code"))

    # -- sets ---------------------------------------------------------------------------------------------------

    def select_by(
        self, cursor: Any, table: TableSchema, columns: tuple[str, ...], keys: Collection[Sequence[Any]],
        also: str = "", *, lock: bool = False,  # noqa: ARG002 -- one writer at a time needs no locks on rows
    ) -> list[Row]:  # fmt: skip
        rest = f" and {also}" if also else ""
        if len(keys) == 1:
            (key,) = keys
            condition = " and ".join(f"{column} = ?" for column in columns)
            rows: list[Row] = cursor.execute(select(table) + condition + rest, key).fetchall()
            return rows
        # Asked as a join that starts from the keys: `(a, b) in (values …)` would pass over the whole table.
        names = [f"k{number}" for number in range(len(columns))]
        joined = " and ".join(f"t.{column} = k.{name}" for column, name in zip(columns, names, strict=True))
        chosen = ", ".join(f"t.{column}" for column in table.columns)
        mark = f"({', '.join('?' * len(columns))})"
        found: list[Row] = []
        listed = list(keys)
        for start in range(0, len(listed), CHUNK):
            part = listed[start : start + CHUNK]
            wanted = f"with k({', '.join(names)}) as (values {', '.join([mark] * len(part))})"
            sql = f"{wanted} select {chosen} from k cross join {table.name} t on {joined}{rest}"
            found += cursor.execute(sql, [value for key in part for value in key])
        return found

    def write_parts(
        self, cursor: Any, compared: Sequence[Part], replaced: Sequence[Part],
        inserted: Sequence[tuple[TableSchema, Sequence[Row]]], repeated: Sequence[Row] = (),
    ) -> None:  # fmt: skip
        for part in compared:
            for narrow in sets.narrowed(part) if part.table is PAYMENT else (part,):
                if not narrow.names:
                    self._still(cursor, narrow)
                    continue
                sql = update(narrow.table, narrow.names, narrow.compared)
                if self.run_many(cursor, sql, narrow.rows) != len(narrow.rows):
                    raise StoreConflict
        for part in replaced:
            self.run_many(cursor, update(part.table, part.names, part.compared), part.rows)
        for table, rows in inserted:
            self.run_many(cursor, insert(table), rows)
        if repeated:
            self.run_many(cursor, "update pf_receipt set repeats = repeats + ? where id = ?", repeated)

    def _still(self, cursor: Any, part: Part) -> None:
        """Rows that were only read are as they were; nobody else writes while we do."""
        sql = f"select 1 from {part.table.name} where {' and '.join(f'{name} = ?' for name in part.compared)}"
        if any(cursor.execute(sql, row).fetchone() is None for row in part.rows):
            raise StoreConflict

    def take_due(self, cursor: Any, now: int, limit: int, lease: int) -> list[str]:
        rows = cursor.execute(_DUE, (now, limit)).fetchall()
        if rows:
            leased = [(now + lease, row[0]) for row in rows]
            cursor.executemany("update pf_payment set next_check_at = ? where id = ?", leased)
        return [row[0] for row in rows]

    def take_messages(self, cursor: Any, now: int, limit: int, lease: int) -> list[Message]:
        found = [record_of(Message, row) for row in cursor.execute(HEADS, (now, now, limit))]
        claimed = [replace(one, lease_until=now + lease, tries=one.tries + 1) for one in found]
        if claimed:
            cursor.executemany(
                "update pf_message set lease_until = ?, tries = ? where payment_id = ? and seq = ?",
                [(one.lease_until, one.tries, one.payment_id, one.seq) for one in claimed],
            )
        return claimed

    def put_effect(self, cursor: Any, row: Row) -> bool:
        return bool(cursor.execute(f"{insert(EFFECT)} on conflict do nothing", row).rowcount)

    # -- the schema ---------------------------------------------------------------------------------------------

    def lock_schema(self, connection: Any) -> None:
        connection.execute("begin immediate")

    def unlock_schema(self, connection: Any, *, done: bool) -> None:
        connection.execute("commit" if done else "rollback")

    def check_tables(self, connection: Any) -> None:
        """Strict tables keep whole numbers whole; they are strict when they are made."""

    def column(self, table: TableSchema, column: str) -> str:
        kind = "integer" if table.is_number(column) else "text"
        return f"{column} {kind}{'' if table.may_be_null(column) else ' not null'}"

    #: There is no such word here, and no need for it: a step is done whole or not at all.
    if_missing = ""

    def more_checks(self, table: TableSchema, columns: Sequence[str]) -> Sequence[str]:
        """What ``varchar(191)`` does elsewhere. (An emoji is one character here as there.)"""
        return (" and ".join(f"length({name}) <= {NAME_LENGTH}" for name in table.names if name in columns),)

    def add_column(self, table: TableSchema, column: str) -> str:
        short = f" check (length({column}) <= {NAME_LENGTH})" if column in table.names else ""
        return super().add_column(table, column) + short

    def options(self, table: TableSchema) -> str:
        return " strict, without rowid" if table.clustered else " strict"


class _Turn:
    """One writer at a time in this process, and none while it forks.

    SQLite keeps count of its locks in memory. A child that is forked in the middle of a write believes for ever that
    the file is being written, so a fork waits until the writer is done.
    """

    _all: ClassVar[weakref.WeakSet[_Turn]] = weakref.WeakSet()
    _watching = False

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._writer: int | None = None
        _Turn._all.add(self)
        if not _Turn._watching and hasattr(os, "register_at_fork"):
            _Turn._watching = True
            os.register_at_fork(before=_Turn._pause, after_in_parent=_Turn._go_on, after_in_child=_Turn._start_anew)

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._timeout):
            raise StoreConflict("Another thread keeps the file busy")
        self._writer = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self._writer = None
        self._lock.release()

    @classmethod
    def _pause(cls) -> None:
        for turn in list(cls._all):
            if turn._writer != threading.get_ident():
                turn._lock.acquire(timeout=turn._timeout)

    @classmethod
    def _go_on(cls) -> None:
        for turn in list(cls._all):
            if turn._writer is None and turn._lock.locked():
                turn._lock.release()

    @classmethod
    def _start_anew(cls) -> None:
        for turn in list(cls._all):
            turn._lock, turn._writer = threading.Lock(), None


def open_path(rest: str) -> str:
    """The path in what stands behind ``sqlite:`` in a URL."""
    if rest in ("", "//", "///:memory:"):
        return ":memory:"
    if not rest.startswith("///") or "?" in rest or rest == "///":
        raise ConfigError(
            "A SQLite URL is sqlite:/// and a path, without parameters", path="$.store.url", code="CONFIG_INVALID"
        )
    return rest[3:]
