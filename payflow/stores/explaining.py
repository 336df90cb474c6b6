"""What explaining asks of a store: an account's lines in pages, usage summed up, chains to be computed again.

Entries are only ever appended. So what was read up to an account's last entry stays true however long the reading of it
takes, and no transaction has to be kept open around a million of them; only what belongs together (an account and its
holds, a payment and its journals) is read at one moment.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..records import Account, Entry, Hold, Journal, Refill
from ..store import AccountEnd, AccountState, PaymentState, Used
from .connections import Connections
from .rows import Row, record_of, select, storable
from .schema import ACCOUNT, ENTRY, HOLD, JOURNAL, OF_A_PAYMENT, REFILL

_ENTRY = ", ".join(f"e.{column}" for column in ENTRY.columns)
_LINE = f"{_ENTRY}, {', '.join(f'j.{column}' for column in JOURNAL.columns)}"
_WIDTH = len(ENTRY.columns)
_LINES = f"""select {_LINE} from pf_entry e left join pf_journal j on j.id = e.journal_id
    where e.ledger_account = ? and e.seq > ? and e.seq <= ? order by e.seq """

#: Accounts with so few entries are read many at a time.
SMALL = 25
_OF_SMALL = f"""select {_LINE} from pf_account a
    join pf_entry e on e.ledger_account = a.id and e.seq > 0 and e.seq <= a.seq
    left join pf_journal j on j.id = e.journal_id
    where a.id > ? and a.id <= ? and a.seq <= {SMALL} order by e.ledger_account, e.seq"""
#: Where each account's entries end: one step down the index for each, whatever a planner thinks of ranges.
_LAST = """select a.id, a.seq, (select e.seq from pf_entry e where e.ledger_account = a.id and e.seq is not null
        order by e.seq desc limit 1)
    from pf_account a where a.id > ? and a.id <= ?"""
_BEHIND = f"select {_ENTRY} from pf_entry e where e.ledger_account = ? and e.seq > ? order by e.seq limit 1"
_PAYMENTS = "select id, booked, chain from pf_payment where id > ? order by id limit ?"
_ENDS = """select a.id, a.balance, a.held, a.version, a.seq, a.chain, a.buckets, e.journal_id, e.balance, e.hash,
    l.journal_id from pf_account a
    left join pf_entry e on e.ledger_account = a.id and e.seq = a.seq
    left join pf_entry l on l.ledger_account = a.id and l.seq = a.seq + 1
    where a.id > ? order by a.id limit ?"""

#: Every zone is a whole number of quarters of an hour away from UTC, so a quarter lies in one day wherever it is asked.
QUARTER = 900_000_000
_COLUMNS = {"quarter": f"j.at - j.at % {QUARTER}", "use": "j.used_for", "account": "e.ledger_account"}
#: What was used; the first line of a spend counts it.
_USED = """select e.currency, {columns}, -sum(e.amount), sum(case when e.line = 1 then 1 else 0 end)
    from pf_entry e join pf_journal j on j.id = e.journal_id
    where {account} and e.seq is not null and j.kind in ('spend', 'settle') and j.at >= ? and j.at < ?
    group by e.currency, {columns} order by {order}"""


class Explaining(Connections):
    """The part of a store that explains; see :class:`payflow.store.ExplainStore`."""

    # -- statements ---------------------------------------------------------------------------------------------

    def lines(
        self, account: str, after: int, until: int, limit: int, *, newest: bool = False
    ) -> list[tuple[Entry, Journal | None]]:
        """See :meth:`payflow.store.ExplainStore.lines`."""
        if not storable(account):
            return []
        sql = f"{_LINES}{'desc ' if newest else ''}limit ?"
        with self._cursor() as cursor:
            return list(map(_line, self.dialect.run(cursor, sql, (account, after, until, limit)).fetchall()))

    def entries_of(self, journals: Collection[str]) -> dict[str, list[Entry]]:
        """See :meth:`payflow.store.ExplainStore.entries_of`."""
        found: dict[str, list[Entry]] = {}
        if journals:
            with self._cursor() as cursor:
                rows = self.dialect.select_by(cursor, ENTRY, ("journal_id",), [(name,) for name in journals])
            for row in rows:
                found.setdefault(row[0], []).append(record_of(Entry, row))
            for lines in found.values():
                lines.sort(key=lambda entry: entry.line)
        return found

    def refills_of(self, windows: Collection[tuple[str, str, int]]) -> list[Refill]:
        """See :meth:`payflow.store.ExplainStore.refills_of`."""
        if not windows:
            return []
        with self._cursor() as cursor:
            rows = self.dialect.select_by(cursor, REFILL, ("account", "policy", "period_start"), windows)
        return [record_of(Refill, row) for row in rows]

    def refills_between(self, account: str, since: int, until: int) -> list[Refill]:
        """See :meth:`payflow.store.ExplainStore.refills_between`."""
        sql = f"{select(REFILL)}account = ? and at >= ? and at <= ?"
        with self._cursor() as cursor:
            return [record_of(Refill, row) for row in self.dialect.run(cursor, sql, (account, since, until)).fetchall()]

    # -- usage --------------------------------------------------------------------------------------------------

    def used(
        self, by: Sequence[str], since: int, until: int, *, account: str | None = None, unit: str | None = None,
        most: int | None = None,
    ) -> list[Used]:  # fmt: skip
        """See :meth:`payflow.store.ExplainStore.used`."""
        conditions, parameters = [], []
        for name, value in (("e.ledger_account", account), ("e.currency", unit)):
            if value is not None:
                if not storable(value):
                    return []
                conditions.append(f"{name} = ?")
                parameters.append(value)
        columns = ", ".join(_COLUMNS[name] for name in by)
        order = columns if most is None else f"{len(by) + 2} desc limit {int(most)}"
        sql = _USED.format(columns=columns, account=" and ".join(conditions) or "1 = 1", order=order)
        with self._moment() as cursor:
            self.dialect.plan_freely(cursor)
            rows = self.dialect.run(cursor, sql, (*parameters, since, until)).fetchall()
        return [_used(by, row) for row in rows]

    # -- audits -------------------------------------------------------------------------------------------------

    def audit_size(self) -> tuple[int, int, int]:
        """See :meth:`payflow.store.ExplainStore.audit_size`."""
        with self._cursor() as cursor:
            accounts, entries = self.dialect.run(
                cursor, "select count(*), coalesce(sum(seq), 0) from pf_account"
            ).fetchall()[0]
            payments = self.dialect.run(cursor, "select count(*) from pf_payment").fetchall()[0][0]
        return int(accounts), int(entries), int(payments)

    def account_states(self, after: str, limit: int) -> list[AccountState]:
        """See :meth:`payflow.store.ExplainStore.account_states`."""
        with self._moment() as cursor:
            sql = f"{select(ACCOUNT)}id > ? order by id limit ?"
            accounts = [record_of(Account, row) for row in self.dialect.run(cursor, sql, (after, limit)).fetchall()]
            if not accounts:
                return []
            page = (after, accounts[-1].id)
            names = [(kept.id,) for kept in accounts]
            holds: dict[str, list[Hold]] = {}
            for row in self.dialect.select_by(cursor, HOLD, ("account",), names, "status = 'open'"):
                hold = record_of(Hold, row)
                holds.setdefault(hold.account, []).append(hold)
            behind = {}
            for name, seq, last in self.dialect.run(cursor, _LAST, page).fetchall():
                if last is not None and last > seq:
                    [row] = self.dialect.run(cursor, _BEHIND, (name, seq)).fetchall()
                    behind[name] = record_of(Entry, row)
            lines: dict[str, list[tuple[Entry, Journal | None]]] = {}
            for row in self.dialect.run(cursor, _OF_SMALL, page).fetchall():
                line = _line(row)
                lines.setdefault(line[0].ledger_account, []).append(line)
        return [
            AccountState(
                kept, holds.get(kept.id, []), behind.get(kept.id),
                lines.get(kept.id, []) if kept.seq <= SMALL else None,
            )
            for kept in accounts
        ]  # fmt: skip

    def payment_states(self, after: str, limit: int) -> list[PaymentState]:
        """See :meth:`payflow.store.ExplainStore.payment_states`."""
        with self._moment() as cursor:
            rows = self.dialect.run(cursor, _PAYMENTS, (after, limit)).fetchall()
            found: dict[str, list[Journal]] = {row[0]: [] for row in rows}
            if rows:
                names = [(name,) for name in found]
                also = f"{OF_A_PAYMENT} and account = ''"
                for row in self.dialect.select_by(cursor, JOURNAL, ("payment_id",), names, also):
                    journal = record_of(Journal, row)
                    found[journal.payment_id].append(journal)
        return [PaymentState(name, booked, chain, found[name]) for name, booked, chain in rows]

    def lone_journals(self, after: str, limit: int) -> list[Journal]:
        """See :meth:`payflow.store.ExplainStore.lone_journals`."""
        sql = f"{select(JOURNAL)}payment_id = '' and account = '' and id > ? order by id limit ?"
        with self._moment() as cursor:
            self.dialect.plan_freely(cursor)
            return [record_of(Journal, row) for row in self.dialect.run(cursor, sql, (after, limit)).fetchall()]

    def account_ends(self, after: str, limit: int) -> list[AccountEnd]:
        """See :meth:`payflow.store.ExplainStore.account_ends`."""
        with self._cursor() as cursor:
            return [AccountEnd(*row) for row in self.dialect.run(cursor, _ENDS, (after, limit)).fetchall()]

    def nth_account(self, number: int) -> str | None:
        """See :meth:`payflow.store.ExplainStore.nth_account`."""
        with self._cursor() as cursor:
            sql = "select id from pf_account order by id limit 1 offset ?"
            rows = self.dialect.run(cursor, sql, (number,)).fetchall()
        return rows[0][0] if rows else None


def _line(row: Row) -> tuple[Entry, Journal | None]:
    journal = record_of(Journal, row[_WIDTH:]) if row[_WIDTH] is not None else None
    return record_of(Entry, row[:_WIDTH]), journal


def _used(by: Sequence[str], row: Row) -> Used:
    told: dict[str, Any] = dict(zip(by, row[1:-2], strict=True))
    return Used(
        row[0], int(told.get("quarter", 0)), told.get("use", ""), told.get("account", ""), int(row[-2]), int(row[-1])
    )
