"""The stores: one implementation over plain DB-API, three dialects."""

from __future__ import annotations

from .dialects import SQLite, dialect_of
from .pool import Pool
from .sql import SqlStore

__all__ = ["SqlStore", "open_store"]


def open_store(url: str, *, pool_size: int = 5, busy_timeout_seconds: float = 5.0) -> SqlStore:
    """A store on ``sqlite:///path``, ``postgresql://…`` or ``mariadb://…``; nothing is connected yet.

    ``sqlite:///:memory:`` lives as long as the store. Raises ``CONFIG_INVALID`` for another URL and
    ``CONFIG_MISSING_DRIVER`` where the extra is not installed.
    """
    dialect = dialect_of(url, busy_timeout_seconds)
    size = 1 if isinstance(dialect, SQLite) and dialect.path == ":memory:" else pool_size
    return SqlStore(dialect, Pool(dialect.connect, size=size))
