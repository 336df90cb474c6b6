"""What workers ask for: due payments and messages, each given to one of them; handlers' effects; upkeep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from ..records import Effect, Message, replace
from .reading import Reading
from .schema import BY_RECORD
from .statements import EFFECT, insert, values


class Claiming(Reading):
    """The part of a store that workers use."""

    def claim_due(self, now: int, limit: int, lease: int) -> list[str]:
        """See :meth:`payflow.store.Store.claim_due`."""
        with self._connection() as connection, self._whole(connection) as cursor:
            sql = "select id from pf_payment where next_check_at <= ? order by next_check_at limit ?"
            rows = self._run(cursor, sql + self.dialect.skip_locked, (now, limit)).fetchall()
            if rows:
                self._many(
                    cursor,
                    "update pf_payment set next_check_at = ? where id = ?",
                    [(now + lease, row[0]) for row in rows],
                )
        return [row[0] for row in rows]

    def claim_messages(self, now: int, limit: int, lease: int) -> list[Message]:
        """See :meth:`payflow.store.Store.claim_messages`."""
        columns = ", ".join(f"m.{column}" for column in BY_RECORD[Message].columns)
        sql = f"""select {columns} from pf_message m
            where m.delivered_at is null and m.dead_at is null and m.due_at <= ?
            and (m.lease_until is null or m.lease_until <= ?)
            and not exists (select 1 from pf_message e where e.payment_id = m.payment_id and e.seq < m.seq
                            and e.delivered_at is null and e.dead_at is null)
            order by m.due_at limit ?"""
        with self._connection() as connection, self._whole(connection) as cursor:
            rows = self._run(cursor, sql + self.dialect.skip_locked, (now, now, limit)).fetchall()
            found = [Message(**dict(zip(Message.__slots__, row, strict=True))) for row in rows]
            claimed = [replace(one, lease_until=now + lease, tries=one.tries + 1) for one in found]
            if claimed:
                self._many(
                    cursor, "update pf_message set lease_until = ?, tries = ? where payment_id = ? and seq = ?",
                    [(one.lease_until, one.tries, one.payment_id, one.seq) for one in claimed],
                )  # fmt: skip
        return claimed

    def finish_messages(self, messages: Iterable[Message]) -> None:
        """See :meth:`payflow.store.Store.finish_messages`."""
        rows = [
            (one.due_at, one.delivered_at, one.dead_at, one.last_error, one.payment_id, one.seq, one.lease_until)
            for one in messages
        ]
        if rows:
            with self._connection() as connection, self._whole(connection) as cursor:
                self._many(
                    cursor,
                    """update pf_message
                       set due_at = ?, delivered_at = ?, dead_at = ?, last_error = ?, lease_until = null
                       where payment_id = ? and seq = ? and lease_until = ?""",
                    rows,
                )

    def effects_of(self, messages: Iterable[Message]) -> dict[str, set[str]]:
        """See :meth:`payflow.store.Store.effects_of`."""
        wanted = {one.key for one in messages}
        done: dict[str, set[str]] = {}
        if wanted:
            with self._connection() as connection:
                ids = {(key.rpartition(".")[0],) for key in wanted}
                for effect in self._read(connection.cursor(), Effect, ("payment_id",), ids):
                    key = f"{effect.payment_id}.{effect.seq}"
                    if key in wanted:
                        done.setdefault(key, set()).add(effect.handler)
        return done

    @contextlib.contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """See :meth:`payflow.store.Store.transaction`."""
        with self._connection() as connection, self._whole(connection) as cursor:
            yield SqlTransaction(self, connection, cursor)

    def revive(self, *, handler: str | None = None, payment_id: str | None = None, now: int) -> int:
        """See :meth:`payflow.store.Store.revive`."""
        conditions, parameters = ["dead = 1"], []
        for column, value in (("handler", handler), ("payment_id", payment_id)):
            if value is not None:
                conditions.append(f"{column} = ?")
                parameters.append(value)
        where = " and ".join(conditions)
        with self._connection() as connection, self._whole(connection) as cursor:
            rows = self._run(
                cursor, f"select handler, payment_id, seq from pf_effect where {where}", parameters
            ).fetchall()
            if rows:
                self._many(cursor, "delete from pf_effect where handler = ? and payment_id = ? and seq = ?", rows)
                self._many(
                    cursor,
                    """update pf_message
                       set dead_at = null, delivered_at = null, tries = 0, due_at = ?, lease_until = null
                       where payment_id = ? and seq = ?""",
                    [(now, row[1], row[2]) for row in rows],
                )
        return len(rows)

    def forget_keys(self, now: int, limit: int = 1000) -> int:
        """See :meth:`payflow.store.Store.forget_keys`."""
        with self._connection() as connection, self._whole(connection) as cursor:
            sql = "select scope, idem_key, expires_at from pf_key where expires_at <= ? order by expires_at limit ?"
            rows = self._run(cursor, sql, (now, limit)).fetchall()
            if rows:
                self._many(cursor, "delete from pf_key where scope = ? and idem_key = ? and expires_at = ?", rows)
        return len(rows)


class SqlTransaction:
    """One transaction around a handler's work."""

    def __init__(self, store: Claiming, connection: Any, cursor: Any) -> None:
        self.connection = connection
        self._store = store
        self._cursor = cursor

    def effect(self, effect: Effect) -> bool:
        """See :meth:`payflow.store.Transaction.effect`."""
        run = self._store._run
        found = run(
            self._cursor, "select 1 from pf_effect where handler = ? and payment_id = ? and seq = ?",
            (effect.handler, effect.payment_id, effect.seq),
        ).fetchone()  # fmt: skip
        if found is not None:
            return False
        run(self._cursor, insert(EFFECT), values(EFFECT)(effect))
        return True
