"""What an operator's desk asks of a store: payments by whatever they are called, what waits, and who did what."""

from __future__ import annotations

from collections.abc import Collection

from ..records import Effect, Incident, OperatorAction, Payment
from .connections import Connections
from .rows import check, insert, record_of, row_of, select, storable, update
from .schema import EFFECT, INCIDENT, NAME_LENGTH, OPERATOR_ACTION, PAYMENT

_MOST = 50
_ENDED = ("outcome", "code", "result", "ended_at")


class Operating(Connections):
    """The part of a store that serves the desk; see :class:`payflow.store.OperatorStore`."""

    def payments_named(self, text: str, accounts: Collection[str]) -> list[Payment]:
        """See :meth:`payflow.store.OperatorStore.payments_named`."""
        if not text or len(text) > NAME_LENGTH or not storable(text):
            return []
        names = sorted(accounts)
        ways: list[tuple[str, tuple[str, ...]]] = [
            ("select id from pf_payment where id = ?", (text,)),
            ("select id from pf_payment where reference = ? and reference <> '' order by id desc limit 50", (text,)),
        ]
        if names:
            there = f"account in ({', '.join('?' * len(names))})"
            ways += [
                (f"select id from pf_payment where {there} and out_trade_no = ?", (*names, text)),
                (
                    f"select id from pf_payment where {there} and gateway_txn = ? and gateway_txn is not null",
                    (*names, text),
                ),
                (f"select payment_id from pf_refund where {there} and out_refund_no = ?", (*names, text)),
            ]
        with self._cursor() as cursor:
            ids = {str(row[0]) for sql, given in ways for row in self.dialect.run(cursor, sql, given).fetchall()}
            newest = sorted(ids, reverse=True)[:_MOST]
            rows = self.dialect.select_by(cursor, PAYMENT, ("id",), [(name,) for name in newest]) if newest else []
        return sorted((record_of(Payment, row) for row in rows), key=lambda kept: kept.id, reverse=True)

    def unfinished(self, limit: int = 100) -> list[Payment]:
        """See :meth:`payflow.store.OperatorStore.unfinished`."""
        sql = f"{select(PAYMENT)}next_check_at is not null order by created_at, id limit ?"
        with self._moment() as cursor:
            self.dialect.plan_freely(cursor)
            return [record_of(Payment, row) for row in self.dialect.run(cursor, sql, (limit,)).fetchall()]

    def incidents_named(self, ids: Collection[str]) -> list[Incident]:
        """See :meth:`payflow.store.OperatorStore.incidents_named`."""
        wanted = [(name,) for name in sorted(ids) if storable(name)]
        if not wanted:
            return []
        with self._cursor() as cursor:
            return [record_of(Incident, row) for row in self.dialect.select_by(cursor, INCIDENT, ("id",), wanted)]

    def dead_letters(self, limit: int = 100) -> list[Effect]:
        """See :meth:`payflow.store.OperatorStore.dead_letters`."""
        with self._cursor() as cursor:
            rows = self.dialect.run(cursor, f"{select(EFFECT)}dead = 1 order by at desc limit ?", (limit,)).fetchall()
        return [record_of(Effect, row) for row in rows]

    def begin_action(self, action: OperatorAction) -> OperatorAction | None:
        """See :meth:`payflow.store.OperatorStore.begin_action`."""
        row = row_of(action)
        check([row])
        with self._whole() as (_, cursor):
            known = self.dialect.select_by(cursor, OPERATOR_ACTION, ("id",), [(action.id,)])
            if known:
                return record_of(OperatorAction, known[0])
            self.dialect.run(cursor, insert(OPERATOR_ACTION), row)
        return None

    def end_action(self, action: OperatorAction) -> None:
        """See :meth:`payflow.store.OperatorStore.end_action`."""
        row = (*(getattr(action, name) for name in _ENDED), action.id, "asked")
        check([row])
        with self._whole() as (_, cursor):
            self.dialect.run(cursor, update(OPERATOR_ACTION, _ENDED, ("id", "outcome")), row)

    def action(self, name: str) -> OperatorAction | None:
        """See :meth:`payflow.store.OperatorStore.action`."""
        if not storable(name):
            return None
        with self._cursor() as cursor:
            rows = self.dialect.select_by(cursor, OPERATOR_ACTION, ("id",), [(name,)])
        return record_of(OperatorAction, rows[0]) if rows else None

    def actions(self, limit: int = 50, before: str = "") -> list[OperatorAction]:
        """See :meth:`payflow.store.OperatorStore.actions`."""
        condition = "id < ?" if before else "id > ?"
        if not storable(before):
            return []
        with self._cursor() as cursor:
            sql = f"{select(OPERATOR_ACTION)}{condition} order by id desc limit ?"
            rows = self.dialect.run(cursor, sql, (before, limit)).fetchall()
        return [record_of(OperatorAction, row) for row in rows]
