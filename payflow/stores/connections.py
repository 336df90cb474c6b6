"""On which connection a store works, and how a set becomes all or nothing there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Self

from ..errors import PayflowError, StoreError
from .dialects import Dialect
from .pool import Pool


class Connections:
    """A store's connections: from its own pool, or the one connection of the host that it has joined."""

    def __init__(self, dialect: Dialect, pool: Pool | None, *, connection: Any = None) -> None:
        self.dialect = dialect
        self._pool = pool
        self._host = connection
        self.joined = connection is not None

    def join(self, connection: Any) -> Self:
        """This store on the host's connection, inside whatever transaction is open there."""
        return type(self)(self.dialect, None, connection=driver_connection(connection))

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

    def close(self) -> None:
        """See :meth:`payflow.store.Store.close`."""
        if self._pool is not None:
            self._pool.close()


def driver_connection(given: Any) -> Any:
    """The driver's own connection behind a SQLAlchemy ``Session`` or ``Connection``; a DB-API one is itself."""
    if callable(getattr(given, "connection", None)):
        given = given.connection()  # a Session: its Connection, in the transaction that the Session is in
    fairy = getattr(given, "connection", None)
    return getattr(fairy, "driver_connection", given)
