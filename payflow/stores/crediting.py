"""Credit: which accounts have something to do. Nothing is leased here: an account's version keeps two from doing it."""

from __future__ import annotations

from collections.abc import Iterable

from ..records import Account, Hold, Policy, PolicyChange
from .connections import Connections
from .rows import record_of, select, storable
from .schema import ACCOUNT, HOLD, POLICY, POLICY_CHANGE

_LAPSING = (
    "select id from pf_account where next_expiry_at is not null and next_expiry_at <= ? order by next_expiry_at limit ?"
)
_DUE = """select id from pf_account where next_refill_at is not null and next_refill_at <= ?
    order by next_refill_at limit ?"""
_NEXT = "select id from pf_account where id > ? order by id limit ?"
_LOOK = "update pf_account set next_refill_at = ? where id > ? and id <= ? and unit = ?"
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

    def policies(self) -> list[Policy]:
        """See :meth:`payflow.store.Store.policies`."""
        with self._cursor() as cursor:
            rows = self.dialect.run(cursor, f"{select(POLICY)}name <> '' order by name").fetchall()
        return [record_of(Policy, row) for row in rows]

    def policy_changes(self, name: str) -> list[PolicyChange]:
        """See :meth:`payflow.store.Store.policy_changes`."""
        with self._cursor() as cursor:
            rows = self.dialect.run(
                cursor, f"{select(POLICY_CHANGE)}name = ? order by version desc", (name,)
            ).fetchall()
        return [record_of(PolicyChange, row) for row in rows]

    def due_refills(self, now: int, limit: int) -> list[str]:
        """See :meth:`payflow.store.Store.due_refills`."""
        with self._cursor() as cursor:
            return [row[0] for row in self.dialect.run(cursor, _DUE, (now, limit)).fetchall()]

    def enrol(self, policy: Policy, now: int, limit: int) -> int:
        """See :meth:`payflow.store.Store.enrol`. When an account is looked at is no decision: no version rises."""
        with self._whole() as (_, cursor):
            found = self.dialect.run(cursor, f"{select(POLICY)}name = ?", (policy.name,)).fetchall()
            kept = record_of(Policy, found[0]) if found else None
            if kept is None or kept.version != policy.version or kept.enrol_after is None:
                return 0
            after = kept.enrol_after
            rows = self.dialect.run(cursor, _NEXT, (after, limit)).fetchall()
            last = rows[-1][0] if rows else None
            if last is not None:
                self.dialect.run(cursor, _LOOK, (now, after, last, policy.unit))
            self.dialect.run(
                cursor, "update pf_refill_policy set enrol_after = ? where name = ? and version = ?",
                (last if len(rows) == limit else None, policy.name, policy.version),
            )  # fmt: skip
        return len(rows)

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
