"""On which connection a store works, and how a set becomes all or nothing there."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any, Self

from ..errors import PayflowError, StoreConflict, StoreError
from .dialect import Dialect
from .pool import Pool

logger = logging.getLogger("payflow.stores")
_DRIVERS = frozenset({"sqlite3", "psycopg", "pymysql"})
_VALUES = (OverflowError, UnicodeError)  # a driver cannot even send the value


class Connections:
    """A store's connections: from its own pool, or the one connection of the host that it has joined."""

    def __init__(self, dialect: Dialect, pool: Pool, *, connection: Any = None) -> None:
        self.dialect = dialect
        self._pool = pool
        self._host = connection
        self._checked = False
        self._undone = False
        self._in_turn = False  # inside ``together``: what many want is locked as it is read
        self.joined = connection is not None

    def join(self, connection: Any) -> Self:
        """This store inside the host's transaction: see :meth:`payflow.store.Store.join`.

        ``CONFIG_FOREIGN_CONNECTION`` for anything that is no connection to this kind of database.
        """
        found = driver_connection(connection)
        self.dialect.recognise(found)
        return type(self)(self.dialect, self._pool, connection=found)

    @contextlib.contextmanager
    def together(self) -> Iterator[Self]:
        """See :meth:`payflow.store.Store.together`."""
        with self._whole() as (connection, _):
            inner = type(self)(self.dialect, self._pool, connection=connection)
            inner._checked = inner._in_turn = True
            try:
                yield inner
            except StoreError as error:
                if error.code == "STORE_TRANSACTION_UNDONE":  # it was our own, and is tried again as a whole
                    raise StoreConflict from error
                raise

    # -- reading ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A cursor for statements that stand alone; inside the host's transaction if it is joined."""
        with self._connection() as connection:
            yield self.dialect.cursor(connection)

    @contextlib.contextmanager
    def _moment(self) -> Iterator[Any]:
        """A cursor whose statements all see the same moment (in the host's transaction: what that one sees)."""
        with self._connection() as connection:
            cursor = self.dialect.cursor(connection)
            if self.joined:
                yield cursor
                return
            self.dialect.begin_reading(cursor)
            yield cursor
            cursor.execute("rollback")

    # -- writing ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _whole(self) -> Iterator[tuple[Any, Any]]:
        """A connection and a cursor, for statements that are done all or not at all."""
        if self.joined:
            with self._connection() as connection, self._savepoint(connection) as cursor:
                yield connection, cursor
            return
        with self._connection() as connection, self.dialect.turn():
            cursor = self.dialect.cursor(connection)
            self.dialect.begin(cursor)
            yield connection, cursor
            self._commit(cursor)

    def _commit(self, cursor: Any) -> None:
        try:
            cursor.execute("commit")
        except Exception as error:
            if self.dialect.conflict(error) or self.dialect.code_of(error) != "STORE_UNAVAILABLE":
                raise
            raise outcome_unknown() from error
        if not self.dialect.committed(cursor):
            raise _transaction_undone()

    @contextlib.contextmanager
    def _savepoint(self, connection: Any) -> Iterator[Any]:
        """Inside the host's transaction: what fails is undone alone, and the host's own rows stay as they are."""
        cursor = self.dialect.cursor(connection)
        cursor.execute("savepoint payflow")
        try:
            yield cursor
        except BaseException as error:
            if isinstance(error, Exception) and self.dialect.undone(error):
                self._undone = True
                raise _transaction_undone() from error
            with contextlib.suppress(Exception):  # the first error is the one to be told
                cursor.execute("rollback to savepoint payflow")
                cursor.execute("release savepoint payflow")
            raise
        cursor.execute("release savepoint payflow")

    # -- connections --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        try:
            if self._host is not None:
                yield self._entered()
            else:
                with self._pool.connection() as connection:
                    yield connection
        except PayflowError:
            raise
        except Exception as error:
            if isinstance(error, _VALUES) or type(error).__module__.partition(".")[0] in _DRIVERS:
                if self._host is not None and (self.dialect.undone(error) or self.dialect.aborted(self._host)):
                    # Whoever went on would write into whatever the driver begins next, without the host's own rows.
                    self._undone = True
                    raise _transaction_undone() from error
                translated = self.dialect.translate(error)
                logger.debug("%s said %s", self.dialect.name, type(error).__name__, extra={"code": translated.code})
                raise translated from error
            raise

    def _entered(self) -> Any:
        if self._undone:
            raise _transaction_undone()
        self.dialect.enter(self._host)
        if not self._checked:
            self.dialect.check_session(self._host)
            self._checked = True
        return self._host

    def close(self) -> None:
        """See :meth:`payflow.store.Store.close`. A joined store has nothing to give back."""
        if not self.joined:
            self._pool.close()


def driver_connection(given: Any) -> Any:
    """The driver's own connection behind a SQLAlchemy ``Session`` or ``Connection``; a DB-API one is itself."""
    if callable(getattr(given, "connection", None)):
        given = given.connection()  # a Session: its Connection, in the transaction that the Session is in
    fairy = getattr(given, "connection", None)
    return getattr(fairy, "driver_connection", given)


def outcome_unknown() -> StoreError:
    """The error for a connection that died while it committed."""
    return StoreError(
        "The connection was lost during COMMIT: whether the set is stored has to be read again",
        code="STORE_OUTCOME_UNKNOWN", retryable=True,
    )  # fmt: skip


def _transaction_undone() -> StoreError:
    return StoreError(
        "The transaction that was joined is over (a deadlock, or others moved first): the host has to begin it again",
        code="STORE_TRANSACTION_UNDONE", retryable=True,
    )  # fmt: skip
