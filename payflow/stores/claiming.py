"""What workers ask for: due payments and messages, each given to one of them; handlers' effects; upkeep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import PayflowError
from ..records import Effect, Message, replace
from .dialect import Dialect
from .reading import Reading
from .rows import check, readable, row_of

_FINISH = """update pf_message set due_at = ?, delivered_at = ?, dead_at = ?, last_error = ?, lease_until = null
    where payment_id = ? and seq = ? and lease_until = ?"""
#: What stands behind a message that has to wait cannot be told earlier: it is not looked at before.
_POSTPONE = """update pf_message set due_at = ?
    where payment_id = ? and seq > ? and due_at < ? and delivered_at is null and dead_at is null"""
_REVIVE = """update pf_message set dead_at = null, delivered_at = null, tries = 0,
    revived = revived + 1, due_at = ?, lease_until = null
    where payment_id = ? and seq = ?"""


class Claiming(Reading):
    """The part of a store that workers use."""

    def claim_due(self, now: int, limit: int, lease: int) -> list[str]:
        """See :meth:`payflow.store.Store.claim_due`."""
        if not self._any("select 1 from pf_payment where next_check_at <= ? limit 1", now):
            return []
        with self._whole() as (_, cursor):
            return self.dialect.take_due(cursor, now, limit, lease)

    def claim_messages(self, now: int, limit: int, lease: int) -> list[Message]:
        """See :meth:`payflow.store.Store.claim_messages`."""
        due = "select 1 from pf_message where delivered_at is null and dead_at is null and due_at <= ? limit 1"
        if not self._any(due, now):
            return []
        with self._whole() as (_, cursor):
            return self.dialect.take_messages(cursor, now, limit, lease)

    def _any(self, sql: str, now: int) -> bool:
        """Whether there is anything to do; an idle worker takes no locks."""
        with self._cursor() as cursor:
            return self.dialect.run(cursor, sql, (now,)).fetchone() is not None

    def finish_messages(self, messages: Iterable[Message]) -> None:
        """See :meth:`payflow.store.Store.finish_messages`.

        Of a payment whose message has to wait, the later ones become due with it.
        """
        told = sorted(messages, key=lambda one: (one.payment_id, one.seq))
        if not told:
            return
        rows = [
            (one.due_at, one.delivered_at, one.dead_at, readable(one.last_error), one.payment_id, one.seq,
             one.lease_until)
            for one in told
        ]  # fmt: skip
        behind = [
            (one.due_at, one.payment_id, one.seq, one.due_at)
            for one in told
            if one.delivered_at is None and one.dead_at is None
        ]
        with self._whole() as (_, cursor):
            self.dialect.run_many(cursor, _FINISH, rows)
            if behind:
                self.dialect.run_many(cursor, _POSTPONE, behind)

    def effects_of(self, messages: Iterable[Message]) -> dict[str, set[str]]:
        """See :meth:`payflow.store.Store.effects_of`."""
        wanted = {(one.payment_id, one.seq): one.key for one in messages}
        done: dict[str, set[str]] = {}
        if wanted:
            with self._cursor() as cursor:
                ids = sorted({(payment_id,) for payment_id, _ in wanted})
                for effect in self._by(cursor, Effect, ("payment_id",), ids):
                    key = wanted.get((effect.payment_id, effect.seq))
                    if key is not None:
                        done.setdefault(key, set()).add(effect.handler)
        return done

    @contextlib.contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """See :meth:`payflow.store.Store.transaction`."""
        try:
            with self._whole() as (connection, cursor):
                try:
                    yield SqlTransaction(self.dialect, connection, cursor)
                except Exception as error:
                    raise _Failed(error) from error
        except _Failed as failed:
            raise failed.error from None  # the host's own error, as it was

    def revive(self, *, handler: str | None = None, payment_id: str | None = None, now: int) -> int:
        """See :meth:`payflow.store.Store.revive`."""
        conditions: list[str] = ["dead = 1"]
        parameters: list[str] = []
        for column, value in (("handler", handler), ("payment_id", payment_id)):
            if value is not None:
                conditions.append(f"{column} = ?")
                parameters.append(value)
        sql = f"select handler, payment_id, seq from pf_effect where {' and '.join(conditions)}"
        with self._whole() as (_, cursor):
            rows = self.dialect.run(cursor, f"{sql} order by payment_id, seq", parameters).fetchall()
            if rows:
                gone = "delete from pf_effect where handler = ? and payment_id = ? and seq = ?"
                self.dialect.run_many(cursor, gone, rows)
                self.dialect.run_many(cursor, _REVIVE, [(now, row[1], row[2]) for row in rows])
        return len(rows)

    def forget_keys(self, now: int, limit: int = 1000) -> int:
        """See :meth:`payflow.store.Store.forget_keys`."""
        if not self._any("select 1 from pf_key where expires_at <= ? limit 1", now):
            return 0
        with self._whole() as (_, cursor):
            sql = "select scope, idem_key, expires_at from pf_key where expires_at <= ? order by expires_at limit ?"
            rows = sorted(self.dialect.run(cursor, sql, (now, limit)).fetchall())
            if rows:
                gone = "delete from pf_key where scope = ? and idem_key = ? and expires_at = ?"
                self.dialect.run_many(cursor, gone, rows)
        return len(rows)


class _Failed(PayflowError):
    """What a handler raised, carried past those who put drivers' errors into our words."""

    def __init__(self, error: Exception) -> None:
        super().__init__("A handler failed")
        self.error = error


class SqlTransaction:
    """One transaction around a handler's work."""

    def __init__(self, dialect: Dialect, connection: Any, cursor: Any) -> None:
        self.connection = connection
        self._dialect = dialect
        self._cursor = cursor

    def effect(self, effect: Effect) -> bool:
        """See :meth:`payflow.store.Transaction.effect`."""
        row = row_of(replace(effect, error=readable(effect.error)))
        check([row])
        return self._dialect.put_effect(self._cursor, row)
