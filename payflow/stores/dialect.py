"""What a database has to be able to do for the store. SQLite, PostgreSQL and MariaDB are one file each.

Statements are written once, with ``?`` for parameters; a dialect spells them for its driver. Everything here works on a
cursor of the driver, inside whatever transaction that is in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from importlib import import_module
from typing import Any

from ..errors import ConfigError, StoreConflict, StoreError
from ..records import Changes, Message
from . import sets
from .rows import Row, refused
from .schema import Index, TableSchema
from .sets import Part

#: Statements keep their text however many keys they ask for, as far as a driver lets them; else that many at a time.
CHUNK = 200
#: How long one migrator waits for another.
MIGRATION_SECONDS = 60


def migration_taken() -> StoreConflict:
    """The error for a migrator that waited in vain."""
    return StoreConflict(f"Another process has been migrating the schema for {MIGRATION_SECONDS} s")


class Dialect(ABC):
    """One database behind one driver."""

    name: str
    long_text = "text"
    partial_indexes = True
    two_phase = False  # whether it prepares transactions
    driver: Any  # the driver's module

    # -- connections --------------------------------------------------------------------------------------------

    @abstractmethod
    def connect(self) -> Any:
        """A new connection of the store's own, in autocommit. ``StoreError`` if there is none to be had."""

    @abstractmethod
    def cursor(self, connection: Any) -> Any:
        """A cursor whose rows are tuples, whatever the host has set for its own."""

    @abstractmethod
    def alive(self, connection: Any) -> bool:
        """Whether an idle connection of our own can be used: cheap, without asking the server."""

    @abstractmethod
    def clean(self, connection: Any) -> bool:
        """End whatever transaction is open on a connection of our own; whether it may be used again."""

    @abstractmethod
    def check_session(self, connection: Any) -> None:
        """Refuse a session that would keep something else than it is given."""

    @abstractmethod
    def recognise(self, connection: Any) -> None:
        """Refuse what is no connection of this database's driver."""

    @abstractmethod
    def enter(self, connection: Any) -> None:
        """The host's connection is about to be used: it is inside a transaction, or refused.

        ``STORE_NOT_IN_TRANSACTION`` when it commits each statement by itself.
        """

    def spelled(self, sql: str) -> str:
        """A statement with parameters as the driver wants it."""
        return percent(sql)

    def concatenated(self, *parts: str) -> str:
        """Texts put together, as an expression."""
        return f"({' || '.join(parts)})"

    def committed(self, cursor: Any) -> bool:  # noqa: ARG002 -- only some databases have something to say
        """Whether ``commit`` has committed: where an error was swallowed inside, PostgreSQL rolls back and says so."""
        return True

    def run(self, cursor: Any, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Execute one statement; the cursor."""
        if parameters:
            cursor.execute(self.spelled(sql), parameters)
        else:
            cursor.execute(sql)
        return cursor

    def run_many(self, cursor: Any, sql: str, rows: Sequence[Row]) -> int:
        """Execute one statement for every row; how many rows it touched."""
        if len(rows) == 1:
            cursor.execute(self.spelled(sql), rows[0])
        else:
            cursor.executemany(self.spelled(sql), rows)
        return int(cursor.rowcount)

    # -- transactions -------------------------------------------------------------------------------------------

    def begin(self, cursor: Any) -> None:
        """Begin a transaction that will write."""
        cursor.execute("begin")

    def turn(self) -> AbstractContextManager[None]:
        """Entered around every transaction of our own that writes."""
        return nullcontext()

    @abstractmethod
    def begin_reading(self, cursor: Any) -> None:
        """Begin a transaction in which every statement sees the same moment."""

    def plan_freely(self, cursor: Any) -> None:  # noqa: B027 -- most databases need nothing
        """A query over whole tables comes: undo what holds the planner to indexes, in this transaction."""

    @abstractmethod
    def conflict(self, error: Exception) -> bool:
        """Whether somebody else moved first: a key that exists, a deadlock, a busy file."""

    @abstractmethod
    def code_of(self, error: Exception) -> str:
        """Our code for a driver's error that is no conflict."""

    def undone(self, error: Exception) -> bool:  # noqa: ARG002 -- for the databases that do it
        """Whether the whole transaction, savepoints and all, is over with this error: rolled back by the database, or
        never to get the lock it wants."""
        return False

    def aborted(self, connection: Any) -> bool:  # noqa: ARG002 -- for the database that has such a state
        """Whether a connection is in a transaction that takes nothing any more but its rollback."""
        return False

    def translate(self, error: Exception) -> StoreError:
        """A driver's error as ours. What drivers say may quote values, so it stays in ``__cause__``."""
        if self.conflict(error):
            return StoreConflict("The database refused the change: it collides with another one")
        code = self.code_of(error)
        if code == "STORE_VALUE_REFUSED":
            return refused()
        said = f"The database failed ({type(error).__name__}, {self.detail(error)})"
        return StoreError(said, code=code, retryable=code not in ("STORE_ERROR", "STORE_NOT_MIGRATED"))

    def detail(self, error: Exception) -> str:
        """The database's own number of an error."""
        return str(error.args[0]) if error.args and isinstance(error.args[0], int) else "no number"

    # -- transactions that are prepared here and decided elsewhere -----------------------------------------------
    # ``gid`` is a name of ours: letters, digits, colons. It stands in the statement, which takes no parameters.

    def check_two_phase(self, cursor: Any) -> None:
        """``STORE_NO_TWO_PHASE`` where the server does not let transactions be prepared."""
        raise NotImplementedError

    def database(self, cursor: Any) -> str:
        """The name of the database within its server."""
        raise NotImplementedError

    def begin_branch(self, cursor: Any, gid: str) -> None:
        """Begin a transaction that can be prepared."""
        raise NotImplementedError

    def prepare(self, cursor: Any, gid: str) -> None:
        """Make sure that the transaction can be committed, whatever happens to this connection or the server."""
        raise NotImplementedError

    def commit_alone(self, cursor: Any, gid: str) -> None:
        """Commit a branch that was not prepared, since nobody else has a part in it."""
        raise NotImplementedError

    def end_prepared(self, cursor: Any, gid: str, *, commit: bool) -> bool:
        """Commit a prepared transaction or roll it back; False if there is none of that name (any more).

        ``StoreConflict`` while somebody else has it in hand.
        """
        raise NotImplementedError

    def prepared(self, cursor: Any, prefix: str) -> list[str]:
        """The names of the transactions that are prepared, of those that begin with ``prefix``."""
        raise NotImplementedError

    def detach(self, connection: Any) -> None:  # noqa: B027 -- most databases need nothing
        """Let go of what this connection has prepared, so that others can end it."""

    # -- sets ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def select_by(
        self, cursor: Any, table: TableSchema, columns: tuple[str, ...], keys: Collection[Sequence[Any]],
        also: str = "", *, lock: bool = False,
    ) -> list[Row]:  # fmt: skip
        """The rows whose ``columns`` are one of ``keys`` and for which ``also`` holds.

        ``lock``: nobody else changes them before this transaction ends; rows are locked in the order of the columns.
        """

    def write(self, cursor: Any, changes: Changes) -> None:
        """Write a set, inside a transaction; ``StoreConflict`` if anything is no longer as it was read."""
        self.write_parts(
            cursor, sets.compared(changes), sets.replaced(changes), sets.inserted(changes), sets.repeated(changes)
        )

    @abstractmethod
    def write_parts(
        self, cursor: Any, compared: Sequence[Part], replaced: Sequence[Part],
        inserted: Sequence[tuple[TableSchema, Sequence[Row]]], repeated: Sequence[Row] = (),
    ) -> None:  # fmt: skip
        """The same as rows: first what is compared and set, then what is replaced, inserted and counted again."""

    @abstractmethod
    def take_due(self, cursor: Any, now: int, limit: int, lease: int) -> list[str]:
        """See :meth:`payflow.store.Store.claim_due`; inside a transaction."""

    @abstractmethod
    def take_messages(self, cursor: Any, now: int, limit: int, lease: int) -> list[Message]:
        """See :meth:`payflow.store.Store.claim_messages`; inside a transaction."""

    @abstractmethod
    def put_effect(self, cursor: Any, row: Row) -> bool:
        """Insert an effect; False if there is one already, and then the transaction is as good as before."""

    # -- the schema ---------------------------------------------------------------------------------------------

    @abstractmethod
    def lock_schema(self, connection: Any) -> None:
        """Let one migrator in at a time."""

    @abstractmethod
    def unlock_schema(self, connection: Any, *, done: bool) -> None:
        """Let the next one in; ``done`` is false when the migration failed."""

    @abstractmethod
    def check_tables(self, connection: Any) -> None:
        """Refuse tables that would keep something else than they are given."""

    def column(self, table: TableSchema, column: str) -> str:
        """A column as DDL."""
        kind = "bigint" if table.is_number(column) else self.long_text if column in table.texts else self.name_type
        return f"{column} {kind}{'' if table.may_be_null(column) else ' not null'}"

    name_type = "varchar(191)"

    def create_table(self, table: TableSchema) -> str:
        """A table as DDL, with the columns it began with."""
        columns = table.columns_of(table.since)
        parts = [self.column(table, column) for column in columns]
        parts.append(f"primary key ({', '.join(table.key)})")
        parts += [f"check ({check})" for check in (*table.checks, *self.more_checks(table, columns))]
        return f"create table if not exists {table.name} (\n  " + ",\n  ".join(parts) + f"\n){self.options(table)}"

    def add_column(self, table: TableSchema, column: str) -> str:
        """A column that came later, as DDL: rows that are there already get nothing, 0 or an empty text."""
        empty = "" if table.may_be_null(column) else " default 0" if table.is_number(column) else " default ''"
        return f"alter table {table.name} add column {self.if_missing}{self.column(table, column)}{empty}"

    #: A step that was broken off is run again.
    if_missing = "if not exists "

    def more_checks(self, table: TableSchema, columns: Sequence[str]) -> Sequence[str]:  # noqa: ARG002 -- for SQLite
        """Checks this database needs to do what the others do by their types."""
        return ()

    def options(self, table: TableSchema) -> str:  # noqa: ARG002 -- for SQLite
        """What stands behind the columns."""
        return ""

    def create_index(self, table: TableSchema, index: Index) -> str:
        """An index as DDL."""
        columns = index.columns if self.partial_indexes else index.otherwise or index.columns
        where = f" where {index.condition}" if index.condition and self.partial_indexes else ""
        unique = "unique " if index.unique else ""
        return f"create {unique}index if not exists {index.name} on {table.name} ({', '.join(columns)}){where}"


@lru_cache(maxsize=1024)
def percent(sql: str) -> str:
    """``?`` as the drivers of servers want it."""
    return sql.replace("%", "%%").replace("?", "%s")


def driver(name: str, extra: str) -> Any:
    """A driver's module; ``CONFIG_MISSING_DRIVER`` names the extra that brings it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"This database needs a driver: pip install 'payflow-gateway[{extra}]'",
            path="$.store.url", code="CONFIG_MISSING_DRIVER",
        ) from error  # fmt: skip


def unreachable(name: str, reason: str) -> StoreError:
    """The error for a database that cannot be had; ``reason`` must not hold a password."""
    return StoreError(f"{name} cannot be reached: {reason}", code="STORE_UNAVAILABLE", retryable=True)


def no_two_phase(why: str) -> StoreError:
    """The error for a ledger's database that cannot prepare transactions."""
    return StoreError(f"The ledger cannot be kept there: {why}", code="STORE_NO_TWO_PHASE")


def in_hand() -> StoreConflict:
    """The error for a prepared transaction that somebody else is about to end."""
    return StoreConflict("A prepared transaction is being ended by somebody else")


def not_in_transaction() -> StoreError:
    """The error for a host that joins without a transaction."""
    return StoreError(
        "The joined connection is in no transaction: it would commit every statement by itself",
        code="STORE_NOT_IN_TRANSACTION",
    )


def foreign_connection(name: str, given: Any) -> ConfigError:
    """The error for a connection of another database."""
    what = f"{type(given).__module__}.{type(given).__qualname__}"
    return ConfigError(
        f"The store is on {name}; a {what} cannot be joined", path="$.store.url", code="CONFIG_FOREIGN_CONNECTION"
    )
