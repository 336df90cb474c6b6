"""Writing: a set of decisions, all of it or nothing."""

from __future__ import annotations

from ..records import Changes
from .connections import Connections, outcome_unknown
from .postgresql import PostgreSQL


class Writing(Connections):
    """The part of a store that writes decisions."""

    def write(self, changes: Changes) -> None:
        """See :meth:`payflow.store.Store.write`."""
        if not changes:
            return
        if isinstance(self.dialect, PostgreSQL) and not self.joined:
            self._write_at_once(self.dialect, changes)
            return
        with self._whole() as (_, cursor):
            self.dialect.write(cursor, changes)

    def _write_at_once(self, dialect: PostgreSQL, changes: Changes) -> None:
        """The whole set is one statement, and a lone statement is its own transaction: one round trip."""
        with self._cursor() as cursor:
            try:
                dialect.write(cursor, changes)
            except Exception as error:
                if dialect.lost(error, cursor.connection):
                    raise outcome_unknown() from error
                raise
