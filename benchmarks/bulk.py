"""Fills a database with a million payments in a minute or two, every one as consistent as if the walk had made it.

payflow itself makes one payment; its rows, from every table, are the template. A copy has ids, order number, trade
number and keys of its own, wherever they occur (in JSON too), and its own times. ``payflow doctor`` finds nothing
wrong with the copies, because there was nothing wrong with the original.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from payflow.identifiers import new_id

from .material import trade_number

#: Tables that belong to one payment, and how its rows are found.
TABLES = {
    "pf_payment": "id = {mark}",
    "pf_refund": "payment_id = {mark}",
    "pf_attempt": "payment_id = {mark}",
    "pf_receipt": "payment_id = {mark}",
    "pf_transition": "payment_id = {mark}",
    "pf_journal": "payment_id = {mark}",
    "pf_entry": "journal_id in (select id from pf_journal where payment_id = {mark})",
    "pf_message": "payment_id = {mark}",
    "pf_effect": "payment_id = {mark}",
    "pf_key": "payment_id = {mark}",
}
CHUNK = 2_000
_SEPARATOR = "\x1f"
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """All rows of one payment, taken apart: its texts, its times, and the rest."""

    payment_id: str
    order: str
    names: tuple[str, ...]  # what has to be new in each copy, longest first
    texts: str
    times: tuple[int, ...]
    fixed: tuple[Any, ...]
    rows: tuple[tuple[str, tuple[str, ...], itemgetter[Any]], ...]  # table, columns, where each value is found

    @classmethod
    def of(cls, payment_id: str, found: dict[str, tuple[tuple[str, ...], list[Row]]]) -> Template:
        columns, payments = found["pf_payment"]
        payment = dict(zip(columns, payments[0], strict=True))
        names = {payment_id, payment["out_trade_no"], payment["reference"]}
        names |= {payment["gateway_txn"]} if payment["gateway_txn"] else set()
        for table, column in (("pf_receipt", "id"), ("pf_refund", "id"), ("pf_attempt", "id"), ("pf_key", "idem_key")):
            own, rows = found[table]
            names |= {row[own.index(column)] for row in rows}
        texts: list[str] = []
        times: list[int] = []
        fixed: list[Any] = []
        places: list[tuple[str, tuple[str, ...], list[tuple[int, int]]]] = []
        for table, (own, rows) in found.items():
            for row in rows:
                where: list[tuple[int, int]] = []
                for column, value in zip(own, row, strict=True):
                    kept: list[Any]
                    if isinstance(value, str):
                        kept, kind = texts, 0
                    elif value is not None and (column == "at" or column.endswith("_at")):
                        kept, kind = times, 1
                    else:
                        kept, kind = fixed, 2
                    where.append((kind, len(kept)))
                    kept.append(value)
                places.append((table, own, where))
        starts = (0, len(texts), len(texts) + len(times))
        return cls(
            payment_id=payment_id,
            order=payment["out_trade_no"],
            names=tuple(sorted(names, key=lambda name: (-len(name), name))),
            texts=_SEPARATOR.join(texts),
            times=tuple(times),
            fixed=tuple(fixed),
            rows=tuple(
                (table, own, itemgetter(*(starts[kind] + i for kind, i in where))) for table, own, where in places
            ),
        )

    def copy(self, at: int) -> tuple[str, list[Row]]:
        """The order number of a copy made at the instant ``at``, and its rows in the order of ``rows``."""
        texts, order = self.texts, self.order
        for name in self.names:
            fresh = _like(name, at)
            texts = texts.replace(name, fresh)
            if name == self.order:
                order = fresh
        later = at - self.times[0]
        values = [*texts.split(_SEPARATOR), *(one + later for one in self.times), *self.fixed]
        return order, [getter(values) for _, _, getter in self.rows]


def _like(name: str, at: int) -> str:
    """A new name of the same make."""
    if name.isdigit():
        return trade_number(at)
    prefix = name[:-26]  # what stands before an id: "O", "key-", "order-"
    return prefix + new_id(at) if len(name) >= 26 else f"{prefix}{secrets.token_hex(13)}"


class Loader(ABC):
    """Copies templates into one database, over a connection of its own."""

    mark = "?"

    def template(self, payment_id: str) -> Template:
        """The rows of a payment that payflow has made."""
        found = {}
        for table, where in TABLES.items():
            found[table] = self._read(f"select * from {table} where {where.format(mark=self.mark)}", payment_id)
        return Template.of(payment_id, found)

    def load(self, template: Template, number: int, apart: int = 1, start: int | None = None) -> list[str]:
        """Write ``number`` copies, ``apart`` microseconds between them from ``start`` on, or until now; return their
        order numbers."""
        orders: list[str] = []
        first = time.time_ns() // 1000 - number * apart if start is None else start
        for done in range(0, number, CHUNK):
            sets: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
            for step in range(min(CHUNK, number - done)):
                order, rows = template.copy(first + (done + step) * apart)
                orders.append(order)
                for (table, columns, _), row in zip(template.rows, rows, strict=True):
                    sets.setdefault((table, columns), []).append(row)
            self._write(sets)
        self._settled()
        return orders

    @abstractmethod
    def _read(self, sql: str, parameter: str) -> tuple[tuple[str, ...], list[Row]]: ...

    @abstractmethod
    def _write(self, sets: dict[tuple[str, tuple[str, ...]], list[Row]]) -> None: ...

    @abstractmethod
    def _settled(self) -> None:
        """Bring the database to rest, so that what was loaded is not paid for by what is measured."""

    @abstractmethod
    def close(self) -> None: ...


class SqliteLoader(Loader):
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("pragma synchronous = off")  # of this connection only
        self._connection.execute("pragma cache_size = -400000")
        self._connection.execute("pragma busy_timeout = 10000")

    def _read(self, sql: str, parameter: str) -> tuple[tuple[str, ...], list[Row]]:
        cursor = self._connection.execute(sql, (parameter,))
        return tuple(one[0] for one in cursor.description), cursor.fetchall()

    def _write(self, sets: dict[tuple[str, tuple[str, ...]], list[Row]]) -> None:
        self._connection.execute("begin immediate")
        for (table, columns), rows in sets.items():
            marks = ",".join("?" * len(columns))
            self._connection.executemany(f"insert into {table} ({','.join(columns)}) values ({marks})", rows)
        self._connection.execute("commit")

    def _settled(self) -> None:
        self._connection.execute("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        self._connection.close()


class PostgresLoader(Loader):
    mark = "%s"

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url)

    def _read(self, sql: str, parameter: str) -> tuple[tuple[str, ...], list[Row]]:
        from psycopg.sql import SQL  # constant text of this file, told to be that

        cursor = self._connection.execute(SQL(sql), (parameter,))
        rows = cursor.fetchall()
        self._connection.commit()
        return tuple(one.name for one in cursor.description or ()), rows

    def _write(self, sets: dict[tuple[str, tuple[str, ...]], list[Row]]) -> None:
        from psycopg.sql import SQL

        with self._connection.transaction(), self._connection.cursor() as cursor:
            for (table, columns), rows in sets.items():
                sql = SQL(f"copy {table} ({','.join(columns)}) from stdin")
                with cursor.copy(sql) as copy:
                    for row in rows:
                        copy.write_row(row)

    def _settled(self) -> None:
        self._connection.autocommit = True
        for table in TABLES:
            self._connection.execute(f"analyze {table}")
        self._connection.autocommit = False

    def close(self) -> None:
        self._connection.close()


def loader_for(url: str) -> Loader:
    """The loader of a store URL."""
    if url.startswith("sqlite"):
        return SqliteLoader(url.removeprefix("sqlite:///"))
    return PostgresLoader(url)
