"""What reconciliation asks of a store: a bill's rows staged, held against payments, refunds and ledger, set by set.

Every write compares and raises the run's ``version``, so that of two who are at one day only one gets anything stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

from ..records import BillItem, Difference, Incident, ReconRun
from .connections import Connections
from .dialect import CHUNK
from .rows import Row, check, insert, record_of, row_of, select, storable, taker, update
from .schema import BILL_ITEM, DIFFERENCE, INCIDENT, RECON_RUN

_RUN_AT = ("id", "version")
_RUN_ROW = taker((*RECON_RUN.changing, "id"))
_GONE = "delete from pf_recon_difference where run = ? and item = ?"

#: The order of the fields is that of ``reconcile.PaymentPair`` and ``reconcile.RefundPair``.
_PAYMENTS = """select i.line, i.kind, i.outcome, i.out_trade_no, i.gateway_txn, i.out_refund_no, i.amount, i.moved,
    i.currency, i.happened_at, p.id, p.account, p.status, p.amount, p.currency, p.captured, p.gateway_txn, p.paid_at,
    e.amount
    from pf_recon_item i
    {join} pf_payment p on p.account = ? and p.out_trade_no = i.out_trade_no
    left join pf_entry e on e.journal_id = {capture} and e.line = 1
    where i.run = ? and {which} and i.kind <> 'refund' order by i.line"""
_REFUNDS = """select i.line, i.kind, i.outcome, i.out_trade_no, i.gateway_txn, i.out_refund_no, i.amount, i.moved,
    i.currency, i.happened_at,
    (select count(*) from pf_recon_item o where o.out_refund_no = i.out_refund_no and o.out_refund_no is not null
        and {other} = i.run and o.kind = 'refund' and o.line + 0 < i.line),
    r.id, r.account, r.payment_id, r.status, r.amount, r.currency, r.finished_at, r.created_at, e.amount
    from pf_recon_item i
    {join} pf_refund r on r.account = ? and r.out_refund_no = i.out_refund_no
    left join pf_entry e on e.journal_id = {refund} and e.line = 1
    where i.run = ? and {which} and i.kind = 'refund' order by i.line"""
#: That a number is not null is said for the planner: the indexes over it have only such rows. And the run is compared
#: as an expression, so that nobody thinks of walking through a whole bill for each payment.
_UNMET_PAYMENTS = """select p.id, p.out_trade_no, p.gateway_txn, p.captured, p.currency, p.paid_at from pf_payment p
    left join pf_recon_item i on i.gateway_txn = p.gateway_txn and i.gateway_txn is not null and {run} = ?
        and i.kind = 'payment' and i.out_trade_no = p.out_trade_no
    where p.account = ? and p.paid_at >= ? and p.paid_at < ? and p.merchant = ? and p.captured > 0
    and i.line is null"""
_UNMET_REFUNDS = """select r.id, r.payment_id, r.out_refund_no, r.gateway_txn, r.amount, r.currency, r.created_at,
    r.finished_at
    from pf_refund r join pf_payment p on p.id = r.payment_id
    left join pf_recon_item i on i.out_refund_no = r.out_refund_no and i.out_refund_no is not null and {run} = ?
        and i.kind = 'refund'
    where r.account = ? and r.finished_at >= ? and r.finished_at < ? and r.status = 'succeeded' and p.merchant = ?
    and i.line is null"""
_PAID = """select count(*), coalesce(sum(captured), 0) from pf_payment
    where account = ? and paid_at >= ? and paid_at < ? and merchant = ? and captured > 0"""
_REFUNDED = """select count(*), coalesce(sum(r.amount), 0) from pf_refund r join pf_payment p on p.id = r.payment_id
    where r.account = ? and r.finished_at >= ? and r.finished_at < ? and r.status = 'succeeded' and p.merchant = ?"""


class Reconciling(Connections):
    """The part of a store that reconciliation uses; see :class:`payflow.store.ReconStore`."""

    # -- runs ---------------------------------------------------------------------------------------------------

    def recon_run(self, run: str) -> ReconRun | None:
        """See :meth:`payflow.store.ReconStore.recon_run`."""
        found = self._recon_rows(f"{select(RECON_RUN)}id = ?", (run,))
        return record_of(ReconRun, found[0]) if found else None

    def recon_runs(self, limit: int = 30, since: str = "") -> list[ReconRun]:
        """See :meth:`payflow.store.ReconStore.recon_runs`."""
        rows = self._recon_rows(f"{select(RECON_RUN)}day >= ? order by day desc, id limit ?", (since, limit))
        return [record_of(ReconRun, row) for row in rows]

    def recon_begin(self, run: ReconRun) -> None:
        """See :meth:`payflow.store.ReconStore.recon_begin`."""
        check([row_of(run)])
        with self._whole() as (_, cursor):
            self.dialect.run(cursor, insert(RECON_RUN), row_of(run))

    def recon_write(
        self,
        version: int,
        run: ReconRun,
        *,
        items: Sequence[BillItem] = (),
        differences: Sequence[Difference] = (),
        gone: Sequence[str] = (),
        until_line: int | None = None,
    ) -> bool:
        """See :meth:`payflow.store.ReconStore.recon_write`."""
        staged = list(map(row_of, items))
        found = sorted(map(row_of, differences))
        check(staged)
        check(found)
        with self._whole() as (_, cursor):
            sql = update(RECON_RUN, RECON_RUN.changing, _RUN_AT)
            if self.dialect.run_many(cursor, sql, [(*_RUN_ROW(run), version)]) != 1:
                return False
            if until_line is not None:
                self.dialect.run(cursor, "delete from pf_recon_item where run = ? and line <= ?", (run.id, until_line))
            if staged:
                self.dialect.run_many(cursor, insert(BILL_ITEM), staged)
            names = sorted({(run.id, name) for name in gone} | {(row[0], row[1]) for row in found})
            if names:
                self.dialect.run_many(cursor, _GONE, names)
            if found:
                self.dialect.run_many(cursor, insert(DIFFERENCE), found)
        return True

    # -- side by side -------------------------------------------------------------------------------------------

    def recon_payments(
        self, run: str, account: str, after: int, until: int, lines: Collection[int] = (), *, known_only: bool = False
    ) -> Iterator[Row]:
        """See :meth:`payflow.store.ReconStore.recon_payments`."""
        capture = self.dialect.concatenated("'capture:'", "p.id")
        sql = _PAYMENTS.format(join="join" if known_only else "left join", which="{which}", capture=capture)
        return self._pairs(sql, (account, run), after, until, lines)

    def recon_refunds(
        self, run: str, account: str, after: int, until: int, lines: Collection[int] = (), *, known_only: bool = False
    ) -> Iterator[Row]:
        """See :meth:`payflow.store.ReconStore.recon_refunds`."""
        kind = "case when r.incident_id is null then 'refund:' else 'late_return:' end"
        refund = self.dialect.concatenated(kind, "r.id")
        other = self.dialect.concatenated("o.run", "''")
        sql = _REFUNDS.format(join="join" if known_only else "left join", which="{which}", refund=refund, other=other)
        return self._pairs(sql, (account, run), after, until, lines)

    def _pairs(
        self, sql: str, whose: tuple[str, str], after: int, until: int, lines: Collection[int]
    ) -> Iterator[Row]:  # fmt: skip
        with self._cursor() as cursor:
            if not lines:
                text = sql.format(which="i.line > ? and i.line <= ?")
                yield from self.dialect.run(cursor, text, (*whose, after, until)).fetchall()
            for part in _parts(sorted(lines)):
                text = sql.format(which=f"i.line in ({_marks(part)})")
                yield from self.dialect.run(cursor, text, (*whose, *part)).fetchall()

    def recon_unmet_payments(self, run: ReconRun, account: str, since: int, until: int) -> list[Row]:
        """See :meth:`payflow.store.ReconStore.recon_unmet_payments`."""
        return self._unmet(_UNMET_PAYMENTS, run, account, since, until)

    def recon_unmet_refunds(self, run: ReconRun, account: str, since: int, until: int) -> list[Row]:
        """See :meth:`payflow.store.ReconStore.recon_unmet_refunds`."""
        return self._unmet(_UNMET_REFUNDS, run, account, since, until)

    def _unmet(self, sql: str, run: ReconRun, account: str, since: int, until: int) -> list[Row]:
        text = sql.format(run=self.dialect.concatenated("i.run", "''"))
        return self._recon_rows(text, (run.id, account, since, until, run.merchant))

    def recon_books(self, run: ReconRun, account: str, since: int, until: int) -> tuple[int, int]:
        """See :meth:`payflow.store.ReconStore.recon_books`."""
        parameters = (account, since, until, run.merchant)
        (paid, captured), (back, refunded) = (self._recon_rows(sql, parameters)[0] for sql in (_PAID, _REFUNDED))
        return int(paid) + int(back), int(captured) - int(refunded)

    # -- what else is known -------------------------------------------------------------------------------------

    def recon_trades(self, run: str, trades: Collection[str]) -> list[tuple[str, str, str | None, str]]:
        """See :meth:`payflow.store.ReconStore.recon_trades`."""
        return [
            (trade, kind, order, name)
            for part in _parts(sorted(filter(storable, trades)))
            for trade, kind, order, name in self._recon_rows(
                f"""select gateway_txn, kind, out_trade_no, run from pf_recon_item
                    where gateway_txn in ({_marks(part)}) and (run <> ? or kind = 'reversal')""",
                (*part, run),
            )
        ]

    def recon_refund_rows(self, run: str, numbers: Collection[str]) -> list[tuple[str, str]]:
        """See :meth:`payflow.store.ReconStore.recon_refund_rows`."""
        return [
            (number, name)
            for part in _parts(sorted(filter(storable, numbers)))
            for number, name in self._recon_rows(
                f"select out_refund_no, run from pf_recon_item where out_refund_no in ({_marks(part)}) and run <> ?",
                (*part, run),
            )
        ]

    def recon_incidents(self, payments: Collection[str]) -> list[Incident]:
        """See :meth:`payflow.store.ReconStore.recon_incidents`."""
        rows = [
            row
            for part in _parts(sorted(payments))
            for row in self._recon_rows(f"{select(INCIDENT)}payment_id in ({_marks(part)})", part)
        ]
        return [record_of(Incident, row) for row in rows]

    def recon_items(self, run: str, lines: Collection[int]) -> list[BillItem]:
        """See :meth:`payflow.store.ReconStore.recon_items`."""
        return [
            record_of(BillItem, row)
            for part in _parts(sorted(lines))
            for row in self._recon_rows(f"{select(BILL_ITEM)}run = ? and line in ({_marks(part)})", (run, *part))
        ]

    def recon_differences(
        self, run: str, *, after: str = "", until: str = "", limit: int = 1000, items: Collection[str] | None = None
    ) -> list[Difference]:
        """See :meth:`payflow.store.ReconStore.recon_differences`."""
        if items is not None:
            rows = [
                row
                for part in _parts(sorted(items))
                for row in self._recon_rows(f"{select(DIFFERENCE)}run = ? and item in ({_marks(part)})", (run, *part))
            ]
        elif until:
            sql = f"{select(DIFFERENCE)}run = ? and item > ? and item <= ? order by item"
            rows = self._recon_rows(sql, (run, after, until))
        else:
            sql = f"{select(DIFFERENCE)}run = ? and item > ? order by item limit ?"
            rows = self._recon_rows(sql, (run, after, limit))
        return [record_of(Difference, row) for row in rows]

    def recon_waiting(self) -> list[tuple[str, str]]:
        """See :meth:`payflow.store.ReconStore.recon_waiting`."""
        sql = "select distinct run, other_day from pf_recon_difference where state = 'waiting' order by run, other_day"
        return [(run, day) for run, day in self._recon_rows(sql, ())]

    def recon_waiting_for(self, day: str) -> list[Difference]:
        """See :meth:`payflow.store.ReconStore.recon_waiting_for`."""
        sql = f"{select(DIFFERENCE)}other_day = ? and other_day <> '' and kind = 'other_day' order by run, item"
        return [record_of(Difference, row) for row in self._recon_rows(sql, (day,))]

    def recon_sums(self, run: str) -> list[tuple[str, str, str, int, int, int]]:
        """See :meth:`payflow.store.ReconStore.recon_sums`."""
        sql = """select side, kind, state, count(*), coalesce(sum(theirs), 0), coalesce(sum(ours), 0)
            from pf_recon_difference where run = ? group by side, kind, state order by side, kind, state"""
        rows = self._recon_rows(sql, (run,))
        return [(side, kind, state, int(n), int(theirs), int(ours)) for side, kind, state, n, theirs, ours in rows]

    def recon_booked(self, journal: str) -> int | None:
        """See :meth:`payflow.store.ReconStore.recon_booked`."""
        rows = self._recon_rows("select amount from pf_entry where journal_id = ? and line = 1", (journal,))
        return int(rows[0][0]) if rows else None

    def _recon_rows(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        with self._cursor() as cursor:
            return list(self.dialect.run(cursor, sql, parameters).fetchall())


def _parts(values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Values in parts that one statement can ask for."""
    rest = iter(values)
    while part := tuple(islice(rest, CHUNK)):
        yield part


def _marks(part: Sequence[Any]) -> str:
    return ", ".join("?" * len(part))
