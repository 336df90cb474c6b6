"""What differs between SQLite, PostgreSQL and MariaDB: how to connect, how the DDL reads, which errors mean what.

Statements are written once, with ``?`` for parameters; a dialect spells them for its driver.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import ConfigError, StoreConflict, StoreError
from .schema import TableSchema


class Dialect:
    """The common part: plain SQL with ``%s`` parameters."""

    name = ""
    partial_indexes = True
    skip_locked = " for update skip locked"
    lock_rows = " for update"
    reads_need_begin = False

    def connect(self) -> Any:
        """A new connection, as the store needs it."""
        raise TypeError(self.name)

    def spelled(self, sql: str) -> str:
        """The statement as the driver wants it."""
        return _with_percent_s(sql)

    def begin(self, connection: Any) -> None:
        connection.cursor().execute("begin")

    def column(self, table: TableSchema, column: str) -> str:
        kind = "bigint" if table.is_number(column) else "text" if column in table.texts else "varchar(191)"
        return f"{column} {kind}{'' if table.may_be_null(column) else ' not null'}"

    def create_table(self, table: TableSchema) -> str:
        parts = [self.column(table, column) for column in table.columns]
        parts.append(f"primary key ({', '.join(table.key)})")
        parts += [f"unique ({', '.join(columns)})" for columns in table.unique]
        parts += [f"check ({check})" for check in table.checks]
        return f"create table if not exists {table.name} (\n  " + ",\n  ".join(parts) + f"\n){self.table_options()}"

    def table_options(self) -> str:
        return ""

    def create_index(self, table: TableSchema, name: str, columns: Sequence[str], condition: str) -> str:
        where = f" where {condition}" if condition and self.partial_indexes else ""
        return f"create index if not exists {name} on {table.name} ({', '.join(columns)}){where}"

    def wanted(self, columns: Sequence[str], count: int) -> str:
        """A condition that one of ``count`` keys matches; parameters row by row."""
        if len(columns) == 1:
            return f"{columns[0]} in ({', '.join('?' * count)})"
        row = f"({', '.join('?' * len(columns))})"
        return f"({', '.join(columns)}) in ({', '.join([row] * count)})"

    def lock_schema(self, connection: Any) -> None:
        """Let one migrator in at a time."""

    def unlock_schema(self, connection: Any) -> None:
        """Let the next one in."""

    def check_session(self, connection: Any) -> None:
        """Refuse a session that would store something else than it was given."""

    def enter(self, connection: Any) -> None:
        """Make sure that the host's connection is inside a transaction, so that the host can still roll back.

        A connection in autocommit with nothing begun is refused: what payflow writes there would be committed.
        """

    def conflict(self, error: Exception) -> bool:
        """Whether somebody else moved first: a key that exists, a deadlock, a busy file."""
        raise TypeError(error)  # every dialect knows its own

    def translate(self, error: Exception) -> StoreError:
        """A driver's error as ours. Messages of drivers may quote values or passwords, so only the kind is told."""
        if self.conflict(error):
            return StoreConflict("The database refused the change: it collides with another one")
        return StoreError(f"The database failed ({type(error).__name__})", code=self.code_of(error), retryable=True)

    def code_of(self, error: Exception) -> str:
        """Our code for a driver's error that is no conflict."""
        raise TypeError(error)


class SQLite(Dialect):
    """One file, one writer at a time. WAL, ``synchronous=FULL``: what was acknowledged survives a power cut."""

    name = "sqlite"
    skip_locked = ""
    lock_rows = ""

    def __init__(self, path: str, busy_timeout_seconds: float) -> None:
        self.path = path
        self.busy_timeout_seconds = busy_timeout_seconds

    def spelled(self, sql: str) -> str:
        return sql

    def connect(self) -> sqlite3.Connection:
        if self.path != ":memory:" and not Path(self.path).resolve().parent.is_dir():
            raise StoreError("The folder of the SQLite file does not exist", code="STORE_UNAVAILABLE")
        connection = sqlite3.connect(
            self.path, timeout=self.busy_timeout_seconds, isolation_level=None, check_same_thread=False,
            cached_statements=256,
        )  # fmt: skip
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute("pragma foreign_keys=on")
        return connection

    def begin(self, connection: Any) -> None:
        connection.execute("begin immediate")  # a read that is upgraded later fails at once, without waiting

    def enter(self, connection: Any) -> None:
        if not connection.in_transaction:
            if connection.isolation_level is None:
                raise _not_begun()
            self.begin(connection)  # the driver begins before a write only, and a lone savepoint would commit itself

    def column(self, table: TableSchema, column: str) -> str:
        kind = "integer" if table.is_number(column) else "text"
        return f"{column} {kind}{'' if table.may_be_null(column) else ' not null'}"

    def table_options(self) -> str:
        return " strict"

    def wanted(self, columns: Sequence[str], count: int) -> str:
        if len(columns) == 1:
            return super().wanted(columns, count)
        row = f"({', '.join('?' * len(columns))})"
        return f"({', '.join(columns)}) in (values {', '.join([row] * count)})"

    def lock_schema(self, connection: Any) -> None:
        connection.execute("begin immediate")

    def unlock_schema(self, connection: Any) -> None:
        connection.execute("commit")

    def conflict(self, error: Exception) -> bool:
        if isinstance(error, sqlite3.IntegrityError):
            return "UNIQUE" in str(error) or "PRIMARY KEY" in str(error)
        return isinstance(error, sqlite3.OperationalError) and any(word in str(error) for word in ("locked", "busy"))

    def code_of(self, error: Exception) -> str:
        text = str(error)
        if "readonly" in text:
            return "STORE_READ_ONLY"
        if "full" in text:
            return "STORE_FULL"
        return "STORE_UNAVAILABLE" if isinstance(error, sqlite3.OperationalError) else "STORE_ERROR"


class PostgreSQL(Dialect):
    """psycopg 3 in autocommit: a lone statement is its own transaction and costs one round trip."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = url
        self.driver = _driver("psycopg", "postgres")

    def connect(self) -> Any:
        return self.driver.connect(self.url, autocommit=True, connect_timeout=5, application_name="payflow")

    def enter(self, connection: Any) -> None:
        if connection.autocommit and connection.info.transaction_status.name == "IDLE":
            raise _not_begun()

    def lock_schema(self, connection: Any) -> None:
        connection.execute("select pg_advisory_lock(7290114)")

    def unlock_schema(self, connection: Any) -> None:
        connection.execute("select pg_advisory_unlock(7290114)")

    def conflict(self, error: Exception) -> bool:
        return getattr(error, "sqlstate", None) in {"40001", "40P01", "23505", "55P03"}

    def code_of(self, error: Exception) -> str:
        state = getattr(error, "sqlstate", None) or ""
        if state == "25006":
            return "STORE_READ_ONLY"
        if state.startswith("53"):
            return "STORE_FULL" if state == "53100" else "STORE_UNAVAILABLE"
        return "STORE_UNAVAILABLE" if not state or state.startswith(("08", "57")) else "STORE_ERROR"


class MariaDB(Dialect):
    """PyMySQL. Every text is compared byte by byte; a session that would cut or change values is refused."""

    name = "mariadb"
    partial_indexes = False

    def __init__(self, url: str) -> None:
        self.driver = _driver("pymysql", "mysql")
        parts = urlsplit(url)
        self.settings: dict[str, Any] = {
            "host": parts.hostname or "127.0.0.1",
            "port": parts.port or 3306,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "database": parts.path.lstrip("/"),
            **dict(parse_qsl(parts.query)),
        }

    def connect(self) -> Any:
        return self.driver.connect(
            **self.settings, charset="utf8mb4", autocommit=True, connect_timeout=5,
            init_command="set session transaction isolation level read committed",
        )  # fmt: skip

    def column(self, table: TableSchema, column: str) -> str:
        kind = "bigint" if table.is_number(column) else "mediumtext" if column in table.texts else "varchar(191)"
        return f"{column} {kind}{'' if table.may_be_null(column) else ' not null'}"

    def table_options(self) -> str:
        return " engine=innodb default charset=utf8mb4 collate=utf8mb4_nopad_bin"

    def lock_schema(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("select get_lock('payflow.schema', 60)")
            if cursor.fetchone()[0] != 1:
                raise StoreConflict("Another process has been migrating the schema for a minute")

    def unlock_schema(self, connection: Any) -> None:
        connection.cursor().execute("select release_lock('payflow.schema')")

    def enter(self, connection: Any) -> None:
        if not connection.server_status & 1:  # SERVER_STATUS_IN_TRANS
            if connection.get_autocommit():
                raise _not_begun()
            connection.begin()  # a savepoint before the first statement would be lost

    def check_session(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("select @@session.sql_mode")
            modes = set(cursor.fetchone()[0].split(","))
        if not modes & {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"}:
            raise StoreError(
                "This MariaDB session is not strict: it would cut values silently", code="STORE_NOT_STRICT"
            )

    def conflict(self, error: Exception) -> bool:
        return bool(error.args) and error.args[0] in {1062, 1205, 1213, 1020}

    def code_of(self, error: Exception) -> str:
        number = error.args[0] if error.args else 0
        if number in {1290, 1792, 1836}:
            return "STORE_READ_ONLY"
        if number in {1021, 1114}:
            return "STORE_FULL"
        interface = (self.driver.err.InterfaceError, self.driver.err.OperationalError)
        return "STORE_UNAVAILABLE" if isinstance(error, interface) else "STORE_ERROR"


@lru_cache(maxsize=512)
def _with_percent_s(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


def _not_begun() -> StoreError:
    return StoreError(
        "The host's connection is in autocommit and has begun no transaction: there is nothing to join",
        code="STORE_NOT_IN_TRANSACTION",
    )


def _driver(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"This database needs a driver: pip install 'payflow-gateway[{extra}]'",
            path="$.store.url", code="CONFIG_MISSING_DRIVER",
        ) from error  # fmt: skip


def dialect_of(url: str, busy_timeout_seconds: float) -> Dialect:
    """The dialect a URL names. The URL is never quoted in an error: it may hold a password."""
    scheme, _, rest = url.partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite":
        return SQLite(rest[1:] or ":memory:", busy_timeout_seconds)
    if kind in ("postgresql", "postgres"):
        return PostgreSQL(f"postgresql://{rest}")
    if kind in ("mysql", "mariadb"):
        return MariaDB(f"mysql://{rest}")
    raise ConfigError(
        "The store's URL begins with sqlite:///, postgresql:// or mariadb://", path="$.store.url", code="CONFIG_INVALID"
    )
