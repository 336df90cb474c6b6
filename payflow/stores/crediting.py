"""Credit: which accounts have something to do. Nothing is leased here: an account's version keeps two from doing it."""

from __future__ import annotations

from collections.abc import Iterable

from ..records import Account, Hold
from .connections import Connections
from .rows import record_of, select, storable
from .schema import ACCOUNT, HOLD

_LAPSING = (
    "select id from pf_account where next_expiry_at is not null and next_expiry_at <= ? order by next_expiry_at limit ?"
)
_OVERDUE = "select distinct account from pf_hold where status = 'open' and expires_at <= ? limit ?"


class Crediting(Connections):
    """The part of a store that looks after accounts."""

    def overdue_accounts(self, now: int, limit: int) -> list[str]:
        """See :meth:`payflow.store.Store.overdue_accounts`."""
        found: dict[str, None] = {}
        with self._cursor() as cursor:
            for sql in (_LAPSING, _OVERDUE):
                found.update(dict.fromkeys(row[0] for row in self.dialect.run(cursor, sql, (now, limit)).fetchall()))
        return list(found)[:limit]

    def accounts_of(self, owner: str) -> list[Account]:
        """See :meth:`payflow.store.Store.accounts_of`."""
        if not storable(owner):
            return []
        with self._cursor() as cursor:
            rows = self.dialect.run(cursor, f"{select(ACCOUNT)}owner = ? order by id", (owner,)).fetchall()
        return [record_of(Account, row) for row in rows]

    def accounts(self, ids: Iterable[str]) -> list[Account]:
        """See :meth:`payflow.store.Store.accounts`."""
        wanted = [(name,) for name in ids if storable(name)]
        if not wanted:
            return []
        with self._cursor() as cursor:
            return [record_of(Account, row) for row in self.dialect.select_by(cursor, ACCOUNT, ("id",), wanted)]

    def open_holds(self, account: str) -> list[Hold]:
        """See :meth:`payflow.store.Store.open_holds`."""
        if not storable(account):
            return []
        sql = f"{select(HOLD)}account = ? and status = 'open' order by created_at, id"
        with self._cursor() as cursor:
            return [record_of(Hold, row) for row in self.dialect.run(cursor, sql, (account,)).fetchall()]
