"""Writing: a set of decisions, all of it or nothing."""

from __future__ import annotations

from typing import Any

from ..errors import StoreConflict, StoreError
from ..records import Changes
from .connections import Connections
from .dialects import PostgreSQL, SQLite
from .statements import (
    ALLOWANCE,
    CHANGING,
    KEY,
    PAYMENT,
    PG_GUARD,
    PG_REPEATS,
    PG_UPDATE_PAYMENT,
    additions,
    entities,
    insert,
    json_rows,
    pg_insert,
    pg_update,
    update,
    values,
)


class Writing(Connections):
    """The part of a store that writes decisions."""

    def write(self, changes: Changes) -> None:
        """See :meth:`payflow.store.Store.write`."""
        _refuse_what_no_store_keeps(changes)
        with self._connection() as connection:
            if isinstance(self.dialect, PostgreSQL):
                self._write_at_once(connection, changes)
                return
            with self._whole(connection) as cursor:
                self._write_payments(cursor, changes)
                self._write_below(cursor, changes)

    def _write_payments(self, cursor: Any, changes: Changes) -> None:
        new = [payment for read, payment in changes.payments.values() if read is None]
        old = sorted(
            ((read, payment) for read, payment in changes.payments.values() if read is not None),
            key=lambda one: one[1].id,
        )
        if old:
            if not isinstance(self.dialect, SQLite):  # one order of locks for everybody: no deadlock
                ids = [payment.id for _, payment in old]
                condition = self.dialect.wanted(("id",), len(ids))
                self._run(cursor, f"select id from pf_payment where {condition} order by id for update", ids).fetchall()
            row_of = values(PAYMENT, CHANGING)
            sql = update(PAYMENT, CHANGING, "id = ? and version = ?")
            changed = self._many(cursor, sql, [(*row_of(payment), payment.id, read) for read, payment in old])
            if changed != len(old):
                raise StoreConflict
        if new:
            self._many(cursor, insert(PAYMENT), list(map(values(PAYMENT), new)))

    def _write_below(self, cursor: Any, changes: Changes) -> None:
        """Everything that hangs on a payment, and what is guarded by keys of its own."""
        for table, names, new, old in entities(changes):
            if new:
                self._many(cursor, insert(table), list(map(values(table), new)))
            if old:
                row_of = values(table, names)
                self._many(cursor, update(table, names, "id = ?"), [(*row_of(one), one.id) for one in old])
        for table, rows in additions(changes):
            self._many(cursor, insert(table), list(map(values(table), rows)))
        self._write_keys(cursor, changes)
        if changes.repeats:
            counted = [(times, name) for name, times in sorted(changes.repeats.items())]
            self._many(cursor, "update pf_receipt set repeats = repeats + ? where id = ?", counted)

    def _write_keys(self, cursor: Any, changes: Changes) -> None:
        for read, key in changes.keys.values():
            if read is not None:  # its retention was over: only one of those who saw that may take it
                gone = self._run(
                    cursor, "delete from pf_key where scope = ? and idem_key = ? and created_at = ?",
                    (key.scope, key.key, read.created_at),
                )  # fmt: skip
                if gone.rowcount != 1:
                    raise StoreConflict
        if changes.keys:
            rows = [values(KEY)(key) for _, key in changes.keys.values()]
            self._many(cursor, insert(KEY), rows)
        for used, allowance in changes.allowances.values():
            if used is None:
                self._run(cursor, insert(ALLOWANCE), values(ALLOWANCE)(allowance))
            else:
                sql = "update pf_allowance set used = ? where action = ? and currency = ? and day = ? and used = ?"
                name = (allowance.action, allowance.currency, allowance.day)
                if self._run(cursor, sql, (allowance.used, *name, used)).rowcount != 1:
                    raise StoreConflict

    def _write_at_once(self, connection: Any, changes: Changes) -> None:
        """PostgreSQL: the common shape is one statement, which is its own transaction; the rest is a few, in one."""
        plain = not (changes.keys or changes.allowances or any(read is None for read, _ in changes.payments.values()))
        guarded = bool(changes.payments)
        if not (plain and guarded):
            with self._whole(connection) as cursor:
                self._write_payments(cursor, changes)
                self._write_below(cursor, changes)
            return
        if self.joined:
            with self._whole(connection) as cursor:
                self._one_statement(cursor, changes)
        else:
            self._one_statement(connection.cursor(), changes)

    def _one_statement(self, cursor: Any, changes: Changes) -> None:
        """Lock in one order, compare every version, and only if all are as read: update and insert the whole set."""
        parameters: list[Any] = []
        row_of = values(PAYMENT, ("id", *CHANGING))
        old = [(read, *row_of(payment)) for read, payment in changes.payments.values()]
        parts = [PG_GUARD, PG_UPDATE_PAYMENT]
        parameters += [json_rows(("was", "id", *CHANGING), old), len(old)]
        for table, names, new, older in entities(changes):
            if new:
                parts.append(pg_insert(table))
                parameters.append(json_rows(table.columns, map(values(table), new)))
            if older:
                parts.append(pg_update(table, names))
                parameters.append(json_rows(("id", *names), map(values(table, ("id", *names)), older)))
        for table, rows in additions(changes):
            parts.append(pg_insert(table))
            parameters.append(json_rows(table.columns, map(values(table), rows)))
        if changes.repeats:
            parts.append(PG_REPEATS)
            parameters.append(json_rows(("id", "times"), changes.repeats.items()))
        self._run(cursor, "with " + ", ".join(parts) + " select ok from guard", parameters)
        if not cursor.fetchone()[0]:
            raise StoreConflict


def _refuse_what_no_store_keeps(changes: Changes) -> None:
    """A NUL is refused by one database and kept by another: it is refused by all."""
    for receipt in changes.receipts:
        if "\x00" in receipt.event or "\x00" in receipt.proof:
            raise StoreError("Text with a NUL character is not stored", code="STORE_ERROR")
