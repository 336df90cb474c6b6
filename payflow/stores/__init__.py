"""The stores: one implementation over plain DB-API, one dialect for each database.

SQLite      ``sqlite:///payflow.db``, ``sqlite:///:memory:``   Python's own driver
PostgreSQL  ``postgresql://user:password@host/database``       psycopg 3, the extra ``postgres``
MariaDB     ``mariadb://user:password@host/database``          PyMySQL, the extra ``mysql``
"""

from __future__ import annotations

from ..errors import ConfigError
from .dialect import Dialect
from .pool import Pool
from .split import LEASE_SECONDS, SplitStore
from .sql import SqlStore

__all__ = ["SplitStore", "SqlStore", "open_split_store", "open_store"]


def open_store(
    url: str, *, pool_size: int = 5, busy_timeout_seconds: float = 5.0, pool_timeout_seconds: float = 30.0
) -> SqlStore:
    """A store on the database a URL names; nothing is connected yet.

    ``busy_timeout_seconds``: how long a lock of somebody else's is waited for before ``StoreConflict``.
    ``pool_timeout_seconds``: how long a thread waits for one of the ``pool_size`` connections before
    ``STORE_POOL_EXHAUSTED``. ``sqlite:///:memory:`` lives as long as the store and has one connection.

    Raises ``CONFIG_INVALID`` for another URL and ``CONFIG_MISSING_DRIVER`` where the extra is not installed. No error
    quotes the URL or its password.
    """
    dialect = dialect_of(url, busy_timeout_seconds)
    size = 1 if getattr(dialect, "in_memory", False) else pool_size
    return SqlStore(dialect, Pool(dialect, size=size, timeout=pool_timeout_seconds))


def open_split_store(payments: SqlStore, ledger: SqlStore, *, lease_seconds: float = LEASE_SECONDS) -> SplitStore:
    """Payments in one database, the ledger of credit in another; see :class:`SplitStore`.

    ``lease_seconds``: how long what a writer has prepared and not decided is left alone. Raises ``STORE_NO_TWO_PHASE``
    for a ledger on SQLite.
    """
    return SplitStore(payments, ledger, lease_seconds=lease_seconds)


def dialect_of(url: str, busy_timeout_seconds: float) -> Dialect:
    """The dialect a URL names; ``postgresql+psycopg://`` and the like are taken, too."""
    scheme, colon, rest = url.partition(":")
    kind = scheme.partition("+")[0] if colon else ""
    if kind == "sqlite":
        from .sqlite import SQLite, open_path

        return SQLite(open_path(rest), busy_timeout_seconds)
    if kind in ("postgresql", "postgres"):
        from .postgresql import PostgreSQL

        return PostgreSQL(f"postgresql:{rest}", busy_timeout_seconds)
    if kind in ("mysql", "mariadb"):
        from .mariadb import MariaDB

        return MariaDB(f"mariadb:{rest}", busy_timeout_seconds)
    raise ConfigError(
        "The store's URL begins with sqlite:///, postgresql:// or mariadb://", path="$.store.url", code="CONFIG_INVALID"
    )
