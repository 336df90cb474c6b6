"""The store on Django's own connection: part of the transaction that is open there, else with one of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import Error, connections, transaction

from ..errors import ConfigError, StoreError
from ..stores import SqlStore
from ..stores.connections import outcome_unknown
from ..stores.dialect import Dialect

_SECONDS = 5.0


class DjangoConnections:
    """What a pool is to other stores: it lends the connection that Django has for this thread."""

    def __init__(self, using: str, dialect: Dialect) -> None:
        self.using = using
        self._dialect = dialect

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        """The driver's connection behind ``connections[using]``."""
        host = connections[self.using]
        host.ensure_connection()
        try:
            yield host.connection
        except BaseException:
            if not host.in_atomic_block and host.connection is not None and not self._dialect.clean(host.connection):
                host.close()
            raise

    def close(self) -> None:
        """Django's connections are Django's to close."""


class DjangoStore(SqlStore):
    """A :class:`payflow.store.Store` on the database that Django calls ``using``."""

    _pool: DjangoConnections  # type: ignore[assignment]  # it is asked for nothing but a connection

    @property
    def using(self) -> str:
        """Django's name for the database."""
        return self._pool.using

    @contextlib.contextmanager
    def _whole(self) -> Iterator[tuple[Any, Any]]:
        if self.joined:
            with super()._whole() as both:
                yield both
            return
        host = connections[self.using]
        turn = contextlib.nullcontext() if host.in_atomic_block else self.dialect.turn()
        with self._connection() as connection, turn:
            block = transaction.atomic(using=self.using)
            block.__enter__()
            try:
                yield connection, self.dialect.cursor(connection)
            except BaseException as error:
                block.__exit__(type(error), error, error.__traceback__)
                raise
            self._end(block)

    def _end(self, block: Any) -> None:
        """Commit. Django puts the driver's error into one of its own; what is decided here goes by the driver's."""
        try:
            block.__exit__(None, None, None)
        except Error as error:
            cause = error.__cause__
            if not isinstance(cause, Exception):
                raise
            if self.dialect.conflict(cause) or self.dialect.code_of(cause) != "STORE_UNAVAILABLE":
                raise cause from None
            raise outcome_unknown() from cause

    @contextlib.contextmanager
    def _moment(self) -> Iterator[Any]:
        if not self.joined and connections[self.using].in_atomic_block:
            with self._cursor() as cursor:
                yield cursor
            return
        with super()._moment() as cursor:
            yield cursor

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        try:
            with super()._connection() as connection:
                yield connection
        except StoreError as error:
            if error.code == "STORE_TRANSACTION_UNDONE" and connections[self.using].in_atomic_block:
                # Whatever the host catches: nothing more is written into what the database has given up.
                transaction.set_rollback(True, using=self.using)
            raise


def django_store(using: str) -> DjangoStore:
    """The store on one of Django's databases. ``CONFIG_UNSUPPORTED_DATABASE`` for a backend that it does not speak."""
    dialect = dialect_of(using)
    return DjangoStore(dialect, DjangoConnections(using, dialect))  # type: ignore[arg-type]  # see DjangoStore._pool


def dialect_of(using: str) -> Dialect:
    """How statements are spelled there. Nothing is connected."""
    vendor = connections[using].vendor
    if vendor == "sqlite":
        from ..stores.sqlite import SQLite

        return SQLite(str(connections[using].settings_dict["NAME"]), _SECONDS)
    if vendor == "postgresql":
        from ..stores.postgresql import PostgreSQL

        return PostgreSQL("postgresql:///", _SECONDS)
    if vendor == "mysql":
        from ..stores.mariadb import MariaDB

        return MariaDB("mariadb://django@localhost/django", _SECONDS)
    raise ConfigError(
        f"payflow keeps its tables on SQLite, PostgreSQL or MariaDB, not on {vendor}", path=f"DATABASES[{using!r}]",
        code="CONFIG_UNSUPPORTED_DATABASE",
    )  # fmt: skip
