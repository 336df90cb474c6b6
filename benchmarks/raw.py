"""The raw half: the rows that payflow would write, sent by the bare driver, statement by statement.

One callback is: begin, select the payment, select the receipt, update the payment, insert the receipt, the transition,
the journal, its two entries and the message, commit. The values were decided by payflow beforehand and are not timed.
Same file or server, same settings, same tables, same indexes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from payflow.records import Changes, Entry, Journal, Message, Payment, Receipt, Transition
from payflow.store import Facts

from .world import World

#: Where a column is not called like its field.
COLUMN = {"key": "fact", "use": "used_for"}
INSERTS = (
    ("pf_receipt", Receipt, "receipts"),
    ("pf_transition", Transition, "transitions"),
    ("pf_journal", Journal, "journals"),
    ("pf_entry", Entry, "entries"),
    ("pf_message", Message, "messages"),
)
#: What a paid callback changes of its payment.
CHANGED = (
    "status", "version", "seq", "told", "captured", "gateway_txn", "next_action", "checks", "updated_at", "paid_at",
    "next_check_at", "booked", "chain",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """One callback as values: what to select, what to update, what to insert into which table."""

    order: tuple[str, str]
    fact: tuple[str, str]
    update: tuple[Any, ...]
    inserts: tuple[tuple[str, tuple[Any, ...]], ...]


class Statements:
    """The same SQL for both drivers; only the mark of a parameter differs."""

    def __init__(self, mark: str) -> None:
        self.select_payment = f"select * from pf_payment where account = {mark} and out_trade_no = {mark}"
        self.select_receipt = f"select * from pf_receipt where account = {mark} and fact = {mark}"
        told = ", ".join(f"{name} = {mark}" for name in CHANGED)
        self.update = f"update pf_payment set {told} where id = {mark} and version = {mark}"
        self.inserts = {}
        for table, record, _ in INSERTS:
            names = [COLUMN.get(one.name, one.name) for one in fields(record)]
            self.inserts[table] = f"insert into {table} ({', '.join(names)}) values ({', '.join([mark] * len(names))})"


def pieces(found: Sequence[tuple[Facts, Changes]]) -> list[Piece]:
    """What payflow has decided for each callback, as values."""
    return [_piece(facts, changes) for facts, changes in found]


def _piece(facts: Facts, changes: Changes) -> Piece:
    ((read, payment),) = changes.payments.values()
    before = facts.payments[payment.id]
    differ = {one.name for one in fields(Payment) if getattr(before, one.name) != getattr(payment, one.name)}
    assert differ <= set(CHANGED), differ - set(CHANGED)
    (receipt,) = changes.receipts
    inserts = [
        (table, tuple(getattr(row, one.name) for one in fields(record)))
        for table, record, name in INSERTS
        for row in getattr(changes, name)
    ]
    assert len(inserts) == 6, "a receipt, a transition, a journal, two entries and a message"
    return Piece(
        order=(payment.account, payment.out_trade_no),
        fact=(receipt.account, receipt.key),
        update=(*(getattr(payment, name) for name in CHANGED), payment.id, read),
        inserts=tuple(inserts),
    )


class RawSqlite:
    """One ``sqlite3`` connection with the settings of the store's own (compared when it is opened)."""

    PRAGMAS = ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint", "page_size")

    def __init__(self, world: World) -> None:
        self._connection = sqlite3.connect(world.url.removeprefix("sqlite:///"), isolation_level=None)
        with world.store.transaction() as transaction:
            self.settings = _pragmas(transaction.connection)
        for name in ("synchronous", "foreign_keys", "wal_autocheckpoint"):
            self._connection.execute(f"pragma {name} = {self.settings[name]}")
        self._connection.execute("pragma busy_timeout = 10000")
        assert _pragmas(self._connection) == self.settings
        self._say = Statements("?")

    def one_by_one(self, work: Sequence[Piece]) -> int:
        execute, say = self._connection.execute, self._say
        for piece in work:
            execute("begin immediate")
            assert execute(say.select_payment, piece.order).fetchone() is not None
            assert execute(say.select_receipt, piece.fact).fetchone() is None
            assert execute(say.update, piece.update).rowcount == 1
            for table, values in piece.inserts:
                execute(say.inserts[table], values)
            execute("commit")
        return len(work)

    def in_sets(self, sets: Sequence[Sequence[Piece]]) -> int:
        """Sets in one transaction each: rows selected one by one, written with ``executemany``."""
        connection, say = self._connection, self._say
        for work in sets:
            connection.execute("begin immediate")
            for piece in work:
                assert connection.execute(say.select_payment, piece.order).fetchone() is not None
                assert connection.execute(say.select_receipt, piece.fact).fetchone() is None
            assert connection.executemany(say.update, [piece.update for piece in work]).rowcount == len(work)
            for table, rows in _by_table(work).items():
                connection.executemany(say.inserts[table], rows)
            connection.execute("commit")
        return sum(len(work) for work in sets)

    def close(self) -> None:
        self._connection.close()


class RawPostgres:
    """One ``psycopg`` connection as it comes; it prepares what it has seen five times, like the store's."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url)
        self._say: Any = Statements("%s")

    def one_by_one(self, work: Sequence[Piece]) -> int:
        cursor, say = self._connection.cursor(), self._say
        for piece in work:
            assert cursor.execute(say.select_payment, piece.order).fetchone() is not None
            assert cursor.execute(say.select_receipt, piece.fact).fetchone() is None
            assert cursor.execute(say.update, piece.update).rowcount == 1
            for table, values in piece.inserts:
                cursor.execute(say.inserts[table], values)
            self._connection.commit()
        return len(work)

    def settings(self) -> dict[str, str]:
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers")
        found = {}
        for name in names:
            row = self._connection.execute("select current_setting(%s)", (name,)).fetchone()
            found[name] = str(row[0]) if row else "?"
        self._connection.commit()
        return found

    def close(self) -> None:
        self._connection.close()


def _pragmas(connection: Any) -> dict[str, Any]:
    return {name: connection.execute(f"pragma {name}").fetchone()[0] for name in RawSqlite.PRAGMAS}


def _by_table(work: Sequence[Piece]) -> dict[str, list[tuple[Any, ...]]]:
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for piece in work:
        for table, values in piece.inserts:
            rows.setdefault(table, []).append(values)
    return rows
