"""The store over plain DB-API connections: its own, or the host's that it joins.

The hot path is two steps: ``gather`` reads a set by its keys, ``write`` stores the set. Both take a constant number of
statements however many decisions there are. Money is guarded by ``where version = ?`` and by unique keys, never by a
lock alone.
"""

from __future__ import annotations

from . import migrations
from .branches import Branching
from .claiming import Claiming
from .crediting import Crediting
from .explaining import Explaining
from .operating import Operating
from .reconciling import Reconciling


class SqlStore(Branching, Claiming, Crediting, Reconciling, Explaining, Operating):
    """A :class:`payflow.store.Store` on SQLite, PostgreSQL or MariaDB."""

    def finish(self) -> None:
        """See :meth:`payflow.store.Store.finish`. Everything is in one database: nothing was left to do."""

    def migrate(self, to: int | None = None) -> list[int]:
        """See :meth:`payflow.store.Store.migrate`."""
        with self._connection() as connection:
            return migrations.migrate(self.dialect, connection, to)

    def check_schema(self) -> None:
        """See :meth:`payflow.store.Store.check_schema`."""
        with self._connection() as connection:
            migrations.check(self.dialect, connection)
