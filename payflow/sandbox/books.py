"""What the sandbox remembers: orders, refunds, callbacks to send, calls it got, faults it was told to make.

One SQLite database, in memory or in a file. Every change happens inside :meth:`Books.transaction`; the number
:attr:`Books.version` grows with each, so that pages know when to look again. Amounts are whole fen, instants are
microseconds UTC.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

#: States of an order. ``prepared``: ordered, but the payer has not opened it (Alipay makes its trade only then).
STATES = ("prepared", "waiting", "paying", "paid", "failed", "closed", "reversed", "finished")
REFUND_STATES = ("processing", "succeeded", "abnormal", "closed")
CALLBACK_STATES = ("waiting", "delivered", "given_up", "lost")

_CALLS_KEPT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order as the far side knows it. ``number`` is its own (``trade_no``, ``transaction_id``), "" until made."""

    gateway: str
    merchant: str
    out_trade_no: str
    app: str
    product: str
    amount: int
    state: str
    number: str = ""
    currency: str = "CNY"
    subject: str = ""
    payer: str = ""
    notify_url: str = ""
    return_url: str = ""
    fingerprint: str = ""
    group_no: str = ""  # the combined order it belongs to
    refunded: int = 0
    created_at: int = 0
    expires_at: int = 0
    paid_at: int = 0
    closed_at: int = 0
    pays_at: int = 0  # when its payer pays by itself
    extra: Mapping[str, Any] = field(default_factory=dict)  # what only one protocol knows of it

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other order."""
        return (self.gateway, self.merchant, self.out_trade_no)

    @property
    def merchants_no(self) -> str:
        """The order number the merchant knows: a second payment of one order is kept under a key of its own."""
        return str(self.extra.get("second_of") or self.out_trade_no)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One refund of an order."""

    gateway: str
    merchant: str
    out_trade_no: str
    out_refund_no: str
    number: str
    amount: int
    state: str
    reason: str = ""
    notify_url: str = ""
    created_at: int = 0
    due_at: int = 0  # when it ends, while it is processing
    ends_as: str = "succeeded"
    ended_at: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedCallback:
    """A callback that is to be sent, or was. ``content`` is what it says; it is signed anew each time it is sent."""

    id: int = 0
    gateway: str
    merchant: str
    out_trade_no: str
    kind: str  # paid, closed, refund
    ref: str = ""  # the refund's number
    url: str
    content: Mapping[str, Any] = field(default_factory=dict)
    state: str = "waiting"
    tries: int = 0
    due_at: int = 0
    last_status: int = 0  # 0: no answer
    faults: Sequence[str] = ()
    created_at: int = 0
    ended_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that arrived."""

    id: int = 0
    at: int
    gateway: str
    operation: str
    merchant: str = ""
    out_trade_no: str = ""
    status: int = 0  # 0: it was not answered
    code: str = ""
    microseconds: int = 0
    faults: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is to go wrong. Empty fields match everything; ``left`` is how often still, -1 for always."""

    id: int = 0
    kind: str
    gateway: str = ""
    operation: str = ""
    out_trade_no: str = ""
    rate: float = 1.0
    left: int = 1
    value: float = 0.0
    created_at: int = 0


_TABLES: dict[str, tuple[type, str]] = {
    "orders": (Order, "primary key (gateway, merchant, out_trade_no)"),
    "refunds": (Refund, "primary key (gateway, merchant, out_refund_no)"),
    "callbacks": (QueuedCallback, "primary key (id)"),
    "calls": (Call, "primary key (id)"),
    "faults": (Fault, "primary key (id)"),
}
_UNPAID = "state in ('prepared','waiting','paying')"
_INDEXES = (
    "create index if not exists orders_number on orders (gateway, number)",
    "create index if not exists orders_group on orders (group_no) where group_no <> ''",
    f"create index if not exists orders_ends on orders (gateway, expires_at) where {_UNPAID}",
    "create index if not exists orders_pays on orders (pays_at) where pays_at > 0",
    "create index if not exists orders_age on orders (created_at)",
    "create index if not exists orders_paid on orders (gateway, paid_at) where paid_at > 0",
    "create index if not exists refunds_order on refunds (gateway, merchant, out_trade_no)",
    "create index if not exists refunds_due on refunds (due_at) where state = 'processing'",
    "create index if not exists refunds_age on refunds (gateway, created_at)",
    "create index if not exists callbacks_due on callbacks (due_at) where state = 'waiting'",
    "create index if not exists callbacks_order on callbacks (gateway, merchant, out_trade_no)",
    "create index if not exists calls_order on calls (out_trade_no)",
)
_TYPES = {"int": "integer", "float": "real"}
_JSON = frozenset({"extra", "content", "faults"})

Row = TypeVar("Row", Order, Refund, QueuedCallback, Call, Fault)


class Books:
    """The database. One connection, used by one thread at a time; shared between threads."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._sql = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False)
        self._lock = threading.RLock()
        self._changed = threading.Condition()
        self._open = False
        self.version = 0
        for statement in ("pragma journal_mode=wal", "pragma synchronous=normal"):
            self._sql.execute(statement)
        for name, (kind, key) in _TABLES.items():
            columns = ", ".join(f"{one.name} {_TYPES.get(str(one.type), 'text')} not null" for one in fields(kind))
            self._sql.execute(f"create table if not exists {name} ({columns}, {key})")
        for statement in _INDEXES:
            self._sql.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[Books]:
        """Everything inside happens, or nothing does. Nested ones are part of the outer one."""
        with self._lock:
            if self._open:
                yield self
                return
            self._sql.execute("begin immediate")
            self._open = True
            before = self._sql.total_changes
            try:
                yield self
            except BaseException:
                self._sql.execute("rollback")
                raise
            else:
                self._sql.execute("commit")
                changed = self._sql.total_changes != before
            finally:
                self._open = False
        if changed:
            with self._changed:
                self.version += 1
                self._changed.notify_all()

    def wait(self, version: int, seconds: float) -> int:
        """The version once it is another than ``version``, or after ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, seconds)
            return self.version

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._sql.close()

    # -- orders -----------------------------------------------------------------------------------------------------

    def order(self, gateway: str, merchant: str, out_trade_no: str) -> Order | None:
        """One order; ``None`` if there is none."""
        found = self._find(Order, "gateway = ? and merchant = ? and out_trade_no = ?", gateway, merchant, out_trade_no)
        return found[0] if found else None

    def order_of_number(self, gateway: str, merchant: str, number: str) -> Order | None:
        """The order with the far side's own number."""
        found = self._find(Order, "gateway = ? and number = ? and merchant = ?", gateway, number, merchant)
        return found[0] if found else None

    def orders_of_group(self, group_no: str) -> list[Order]:
        """The parts of a combined order."""
        return self._find(Order, "group_no = ? and group_no <> '' order by out_trade_no", group_no)

    def find_orders(self, gateway: str, out_trade_no: str) -> list[Order]:
        """Orders with this number, of any merchant."""
        return self._find(Order, "gateway = ? and out_trade_no = ?", gateway, out_trade_no)

    def newest_orders(self, limit: int = 50, before: int | None = None) -> list[Order]:
        """The last orders, newest first; ``before`` an instant, to page on."""
        at = 2**62 if before is None else before
        return self._find(Order, "created_at < ? order by created_at desc, rowid desc limit ?", at, limit)

    def orders_page(self, limit: int, after: tuple[int, str, str, str] | None = None) -> list[Order]:
        """Orders, newest first, that come after ``(created_at, *key)``; those of one instant go by their keys."""
        columns = "(created_at, gateway, merchant, out_trade_no)"
        where = "1" if after is None else f"{columns} < (?, ?, ?, ?)"
        by = "created_at desc, gateway desc, merchant desc, out_trade_no desc"
        return self._find(Order, f"{where} order by {by} limit ?", *(after or ()), limit)

    def expired_orders(self, now: int, gateways: Sequence[str], limit: int = 500) -> list[Order]:
        """Unpaid orders of these gateways whose time is over."""
        marks = ",".join("?" * len(gateways))
        where = f"{_UNPAID} and gateway in ({marks}) and expires_at <= ?"
        return self._find(Order, f"{where} order by expires_at limit ?", *gateways, now, limit)

    def orders_to_pay(self, now: int, limit: int = 500) -> list[Order]:
        """Orders whose payer pays by itself by now."""
        return self._find(Order, "pays_at > 0 and pays_at <= ? order by pays_at limit ?", now, limit)

    def paid_between(self, gateway: str, merchant: str, first: int, last: int) -> list[Order]:
        """Orders paid in ``[first, last)``."""
        where = "gateway = ? and paid_at >= ? and paid_at < ? and paid_at > 0 and merchant = ? order by paid_at"
        return self._find(Order, where, gateway, first, last, merchant)

    def reversed_between(self, gateway: str, merchant: str, first: int, last: int) -> list[Order]:
        """Paid orders that were reversed in ``[first, last)``."""
        where = (
            "gateway = ? and merchant = ? and state = 'reversed' and paid_at > 0 and closed_at >= ? and closed_at < ?"
        )
        return self._find(Order, f"{where} order by closed_at", gateway, merchant, first, last)

    # -- refunds ----------------------------------------------------------------------------------------------------

    def refund(self, gateway: str, merchant: str, out_refund_no: str) -> Refund | None:
        """One refund by the merchant's number."""
        found = self._find(
            Refund, "gateway = ? and merchant = ? and out_refund_no = ?", gateway, merchant, out_refund_no
        )
        return found[0] if found else None

    def refunds_of(self, order: Order) -> list[Refund]:
        """The refunds of an order, oldest first."""
        where = "gateway = ? and merchant = ? and out_trade_no = ? order by created_at, rowid"
        return self._find(Refund, where, *order.key)

    def due_refunds(self, now: int, limit: int = 500) -> list[Refund]:
        """Refunds that end by now."""
        return self._find(Refund, "state = 'processing' and due_at <= ? order by due_at limit ?", now, limit)

    def refunded_between(self, gateway: str, merchant: str, first: int, last: int) -> list[Refund]:
        """Refunds accepted in ``[first, last)``."""
        where = "gateway = ? and created_at >= ? and created_at < ? and merchant = ? order by created_at"
        return self._find(Refund, where, gateway, first, last, merchant)

    # -- callbacks --------------------------------------------------------------------------------------------------

    def due_callbacks(self, now: int, limit: int = 200) -> list[QueuedCallback]:
        """What is to be sent by now."""
        where = "state = 'waiting' and due_at <= ? order by due_at, id limit ?"
        return self._find(QueuedCallback, where, now, limit)

    def next_due(self, gateways: Sequence[str]) -> int | None:
        """When something is due next: a callback, a refund, or an expiry of an order of these gateways."""
        marks = ",".join("?" * len(gateways))
        found = self._sql_one(
            "select min(at) from (select min(due_at) at from callbacks where state = 'waiting' union all "
            "select min(due_at) from refunds where state = 'processing' union all "
            f"select min(expires_at) from orders where {_UNPAID} and gateway in ({marks}) union all "
            "select min(pays_at) from orders where pays_at > 0)",
            *gateways,
        )
        return None if found is None else int(found)

    def callbacks_of(self, order: Order) -> list[QueuedCallback]:
        """The callbacks of an order, oldest first."""
        return self._find(QueuedCallback, "gateway = ? and merchant = ? and out_trade_no = ? order by id", *order.key)

    def callback(self, number: int) -> QueuedCallback | None:
        """One callback."""
        found = self._find(QueuedCallback, "id = ?", number)
        return found[0] if found else None

    def newest_callbacks(self, limit: int = 50, before: int = 2**62) -> list[QueuedCallback]:
        """The last callbacks, newest first; ``before`` an id, to page on."""
        return self._find(QueuedCallback, "id < ? order by id desc limit ?", before, limit)

    # -- calls and faults -------------------------------------------------------------------------------------------

    def newest_calls(self, limit: int = 50, out_trade_no: str | None = None, before: int = 2**62) -> list[Call]:
        """The last requests, newest first; ``before`` an id, to page on."""
        if out_trade_no is not None:
            where = "out_trade_no = ? and id < ? order by id desc limit ?"
            return self._find(Call, where, out_trade_no, before, limit)
        return self._find(Call, "id < ? order by id desc limit ?", before, limit)

    def faults(self) -> list[Fault]:
        """Faults that can still strike."""
        return self._find(Fault, "left <> 0 order by id")

    def remove_fault(self, number: int) -> bool:
        """Take a fault back; false if there is none."""
        with self.transaction():
            return bool(self._sql.execute("delete from faults where id = ?", (number,)).rowcount)

    def counts(self) -> dict[str, dict[str, int]]:
        """How many orders and callbacks are in each state."""
        with self._lock:
            return {
                name: dict(self._sql.execute(f"select state, count(*) from {name} group by state").fetchall())
                for name in ("orders", "refunds", "callbacks")
            }

    # -- writing ----------------------------------------------------------------------------------------------------

    def put(self, record: Row) -> Row:
        """Store a record in place of the one with its key. One without an ``id`` gets the next; it is returned."""
        name, kind = next((name, kind) for name, (kind, _) in _TABLES.items() if kind is type(record))
        columns = [one.name for one in fields(kind)]
        with self.transaction():
            if not isinstance(record, (Order, Refund)) and not record.id:
                number = self._sql_one(f"select coalesce(max(id), 0) + 1 from {name}")
                record = replace(record, id=number)
            values = [_stored(column, getattr(record, column)) for column in columns]
            marks = ",".join("?" * len(columns))
            self._sql.execute(f"insert or replace into {name} ({','.join(columns)}) values ({marks})", values)
            if isinstance(record, Call) and record.id % 1000 == 0:
                self._sql.execute("delete from calls where id <= ?", (record.id - _CALLS_KEPT,))
        return record

    def _find(self, kind: type[Row], where: str, *values: Any) -> list[Row]:
        name = next(name for name, (known, _) in _TABLES.items() if known is kind)
        columns = [one.name for one in fields(kind)]
        with self._lock:
            rows = self._sql.execute(f"select {','.join(columns)} from {name} where {where}", values).fetchall()
        return [
            kind(**{column: _loaded(column, value) for column, value in zip(columns, row, strict=True)}) for row in rows
        ]

    def _sql_one(self, statement: str, *values: Any) -> Any:
        with self._lock:
            return self._sql.execute(statement, values).fetchone()[0]


def _stored(column: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if column in _JSON else value


def _loaded(column: str, value: Any) -> Any:
    return json.loads(value) if column in _JSON else value
