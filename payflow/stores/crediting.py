"""Credit: which accounts have something to do. Nothing is leased here: an account's version keeps two from doing it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..records import Account, Hold, Policy, PolicyChange
from ..refill.policy import RefillPolicy
from ..store import DueAccount, PlainRefill
from .connections import Connections
from .rows import Row, record_of, row_of, select, storable
from .schema import ACCOUNT, ENTRY, HOLD, JOURNAL, POLICY, POLICY_CHANGE, REFILL
from .sets import Part

_LAPSING = (
    "select id from pf_account where next_expiry_at is not null and next_expiry_at <= ? order by next_expiry_at limit ?"
)
_NEXT = "select id from pf_account where id > ? order by id limit ?"
_LOOK = "update pf_account set next_refill_at = ? where id > ? and id <= ? and unit = ?"
_OVERDUE = "select distinct account from pf_hold where status = 'open' and expires_at <= ? limit ?"


_DUE_ACCOUNTS = f"""select {", ".join(DueAccount._fields)} from pf_account
    where next_refill_at is not null and next_refill_at <= ? order by next_refill_at limit ? offset ?"""
#: What a scheduled refill changes of an account.
_REFILLED = (
    "balance", "seq", "chain", "version", "buckets", "next_expiry_at", "refill_policy", "refill_version",
    "refill_anchor", "refill_count", "refilled_at", "next_refill_at", "updated_at",
)  # fmt: skip


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

    def due_count(self, now: int) -> int:
        """See :meth:`payflow.store.Store.due_count`."""
        sql = "select count(*) from pf_account where next_refill_at is not null and next_refill_at <= ?"
        with self._cursor() as cursor:
            return int(self.dialect.run(cursor, sql, (now,)).fetchone()[0])

    def due_accounts(self, now: int, limit: int, skip: int = 0) -> list[DueAccount]:
        """See :meth:`payflow.store.Store.due_accounts`."""
        with self._cursor() as cursor:
            rows = self.dialect.run(cursor, _DUE_ACCOUNTS, (now, limit, skip)).fetchall()
        return [DueAccount._make(row) for row in rows]

    def write_refills(self, refills: Sequence[PlainRefill], policy: RefillPolicy, now: int) -> None:
        """See :meth:`payflow.store.Store.write_refills`. What is written came from the database, or was checked."""
        ordered = sorted(refills, key=lambda one: one.account.id)
        accounts = [_account_row(one, policy, now) for one in ordered]
        journals = [row_of(one.journal) for one in ordered]
        entries = [row for one in ordered for row in _entry_rows(one)]
        log = [_log_row(one, policy, now) for one in ordered]
        compared = [
            Part(ACCOUNT, _REFILLED, ("id", "version"), accounts),
            Part(POLICY, (), ("name", "version"), [(policy.name, policy.version)]),
        ]
        inserted = [(JOURNAL, journals), (ENTRY, entries), (REFILL, log)]
        with self._whole() as (_, cursor):
            self.dialect.write_parts(cursor, compared, (), inserted)

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


def _account_row(one: PlainRefill, policy: RefillPolicy, now: int) -> Row:
    """The values of ``_REFILLED``, and what they are compared by."""
    was = one.account
    return (
        one.balance, was.seq + 1, one.chain, was.version + 1, one.buckets, one.next_expiry_at, policy.name,
        policy.calendar_version, one.refill_anchor, one.refill_count, now, one.next_refill_at, now, was.id, was.version,
    )  # fmt: skip


def _entry_rows(one: PlainRefill) -> tuple[Row, Row]:
    was, name = one.account, one.journal.id
    return (
        (name, 1, was.id, was.unit, one.amount, was.seq + 1, one.balance, one.bucket, one.chain),
        (name, 2, one.against, was.unit, -one.amount, None, None, "", ""),
    )


def _log_row(one: PlainRefill, policy: RefillPolicy, now: int) -> Row:
    return (
        one.account.id, policy.name, one.window, one.journal.id, one.amount, one.periods, one.before,
        one.before + one.amount, "schedule", policy.name, policy.version, now,
    )  # fmt: skip
