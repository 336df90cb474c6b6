"""The far side of the mock gateway: its own truth, in its own SQLite database.

What stands here is to payflow what a bank's computers are: out of reach, and always right. Two processes that name the
same file share one far side. Every operation is one transaction.

A trade goes from ``NOTPAY`` to ``SUCCESS``, ``CLOSED`` or ``PAYERROR``, a refund from ``PROCESSING`` to ``SUCCESS`` or
``ABNORMAL``. An order number and a refund number each name one thing for ever: the same number with other facts is a
``CONFLICT``. An order lives until it is closed; nothing closes it by itself, so that money can come in the very moment
before.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from ...errors import ConfigError
from .words import Capture, Trade, TradeRefund

MEMORY = ":memory:"
#: What is raised when the far side itself is out of order.
FarSideError = sqlite3.Error
#: Raised when the tables below change; a file of another version is refused, since nothing in it is worth converting.
_VERSION = 1
_BUSY_SECONDS = 20

_TABLES = """
CREATE TABLE IF NOT EXISTS mock_version (version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS mock_trade (
    merchant TEXT NOT NULL, out_trade_no TEXT NOT NULL, app TEXT NOT NULL, account TEXT NOT NULL, channel TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, state TEXT NOT NULL, description TEXT NOT NULL,
    tokens TEXT NOT NULL, by_amount INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, ended_at INTEGER,
    PRIMARY KEY (merchant, out_trade_no)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mock_trade_newest ON mock_trade (merchant, created_at);
CREATE TABLE IF NOT EXISTS mock_capture (
    merchant TEXT NOT NULL, out_trade_no TEXT NOT NULL, number INTEGER NOT NULL,
    txn TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL, paid_at INTEGER NOT NULL,
    PRIMARY KEY (merchant, out_trade_no, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mock_refund (
    merchant TEXT NOT NULL, out_refund_no TEXT NOT NULL, out_trade_no TEXT NOT NULL, refund_id TEXT NOT NULL,
    txn TEXT NOT NULL, amount INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, created_at INTEGER NOT NULL,
    settles_at INTEGER, settles_to TEXT NOT NULL, finished_at INTEGER,
    PRIMARY KEY (merchant, out_refund_no)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mock_refund_trade ON mock_refund (merchant, out_trade_no, created_at);
CREATE INDEX IF NOT EXISTS mock_refund_settles ON mock_refund (settles_at) WHERE settles_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS mock_outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT, merchant TEXT NOT NULL, account TEXT NOT NULL, out_trade_no TEXT NOT NULL,
    body TEXT NOT NULL, flaw TEXT NOT NULL, due_at INTEGER NOT NULL, tries INTEGER NOT NULL, held INTEGER NOT NULL,
    lease_until INTEGER, ended_at INTEGER, last_status INTEGER
);
CREATE INDEX IF NOT EXISTS mock_outgoing_due ON mock_outgoing (account, due_at) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS mock_outgoing_trade ON mock_outgoing (merchant, out_trade_no);
CREATE TABLE IF NOT EXISTS mock_fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT, merchant TEXT NOT NULL, op TEXT NOT NULL, out_trade_no TEXT,
    times_left INTEGER, fault TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS mock_seen (
    merchant TEXT NOT NULL, op TEXT NOT NULL, out_trade_no TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (merchant, op, out_trade_no)
) WITHOUT ROWID;
"""


class FarSide:
    """The database of the far side. Shared between threads and, if it is a file, between processes."""

    def __init__(self, state: str | Path = MEMORY) -> None:
        self._path = str(state)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction that sees and leaves the truth whole; an error inside it leaves everything as it was."""
        with self._lock:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def close(self) -> None:
        """Give the database back. What was in memory is gone; a file can be used again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _open(self._path)
            if self._path != MEMORY:
                _FORKING.care_for(self)
        return self._connection

    def before_fork(self) -> None:
        """Wait for whoever is inside, and close: SQLite must not be open on both sides of a fork."""
        self._lock.acquire()
        if self._connection is not None and not self._connection.in_transaction:
            self._connection.close()
            self._connection = None

    def after_fork(self) -> None:
        """In the parent and in the child: go on."""
        self._lock.release()


_PAUSE = timedelta(milliseconds=10).total_seconds()


class _Forking:
    """Closes the open far sides of this process while it forks. They are opened again when they are next used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held during a fork, so that it is free on both sides afterwards
        self._open: weakref.WeakSet[FarSide] = weakref.WeakSet()
        self._waiting: list[FarSide] = []
        self._hooked = False

    def care_for(self, far: FarSide) -> None:
        """From now on ``far`` is closed before this process forks."""
        with self._lock:
            self._open.add(far)
            if not self._hooked and hasattr(os, "register_at_fork"):
                self._hooked = True
                os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._after)

    def _before(self) -> None:
        with self._lock:
            known = list(self._open)
        for far in known:  # not under our own lock: whoever is inside one of them may be about to be cared for
            far.before_fork()
        self._lock.acquire()
        self._waiting = known

    def _after(self) -> None:
        known, self._waiting = self._waiting, []
        self._lock.release()
        for far in known:
            far.after_fork()


_FORKING = _Forking()


def _use_wal(connection: sqlite3.Connection) -> None:
    """Processes that open a new file at once are told "locked" without any waiting: try again until the timeout."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            with closing(connection.execute("PRAGMA journal_mode = WAL")):
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if path != MEMORY:
            _use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        row = connection.execute("SELECT version FROM mock_version").fetchone()
        if row is None:
            connection.execute("INSERT INTO mock_version VALUES (?)", (_VERSION,))
        elif row[0] != _VERSION:
            said = f"The mock gateway's state is of version {row[0]}, this is version {_VERSION}; delete the file"
            raise ConfigError(said, path="$.gateways.*.state", code="CONFIG_MOCK_STATE")
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


# -- reading -------------------------------------------------------------------------------------------------------

_TRADE = (
    "SELECT merchant, app, account, out_trade_no, channel, amount, currency, state, description, tokens, by_amount,"
    " created_at, expires_at, ended_at FROM mock_trade"
)


def trade_of(sql: sqlite3.Connection, merchant: str, out_trade_no: str) -> Trade | None:
    """The trade of this order number, with its money and its refunds."""
    row = sql.execute(f"{_TRADE} WHERE merchant = ? AND out_trade_no = ?", (merchant, out_trade_no)).fetchone()
    return None if row is None else _whole_trade(sql, row)


def newest_trades(sql: sqlite3.Connection, merchant: str, limit: int) -> list[Trade]:
    """The last trades, newest first."""
    rows = sql.execute(
        f"{_TRADE} WHERE merchant = ? ORDER BY created_at DESC, out_trade_no DESC LIMIT ?",
        (merchant, limit),
    ).fetchall()
    return [_whole_trade(sql, row) for row in rows]


def _whole_trade(sql: sqlite3.Connection, row: tuple[object, ...]) -> Trade:
    names = (
        "merchant", "app", "account", "out_trade_no", "channel", "amount", "currency", "state", "description", "tokens",
        "by_amount", "created_at", "expires_at", "ended_at",
    )  # fmt: skip
    facts = dict(zip(names, row, strict=True))
    facts["tokens"] = frozenset(str(facts["tokens"]).split())
    facts["by_amount"] = bool(facts["by_amount"])
    which = (facts["merchant"], facts["out_trade_no"])
    captures = sql.execute(
        "SELECT txn, amount, paid_at FROM mock_capture WHERE merchant = ? AND out_trade_no = ? ORDER BY number", which
    ).fetchall()
    refunds = sql.execute(
        "SELECT out_refund_no, refund_id, txn, amount, state, reason, created_at, settles_at, settles_to, finished_at"
        " FROM mock_refund WHERE merchant = ? AND out_trade_no = ? ORDER BY created_at, out_refund_no",
        which,
    ).fetchall()
    return Trade(
        **facts,  # type: ignore[arg-type]  # the columns are the fields, as their table says
        captures=tuple(Capture(txn=txn, amount=amount, paid_at=paid_at) for txn, amount, paid_at in captures),
        refunds=tuple(TradeRefund(**dict(zip(_REFUND, one, strict=True))) for one in refunds),
    )


_REFUND = (
    "out_refund_no", "refund_id", "txn", "amount", "state", "reason", "created_at", "settles_at", "settles_to",
    "finished_at",
)  # fmt: skip


def captures_between(sql: sqlite3.Connection, merchant: str, first: int, last: int) -> list[tuple[object, ...]]:
    """Money taken in ``first <= at < last``: order, number, amount, currency, instant, app."""
    return sql.execute(
        "SELECT c.out_trade_no, c.txn, c.amount, t.currency, c.paid_at, t.app FROM mock_capture c JOIN mock_trade t"
        " ON t.merchant = c.merchant AND t.out_trade_no = c.out_trade_no"
        " WHERE c.merchant = ? AND c.paid_at >= ? AND c.paid_at < ? ORDER BY c.paid_at, c.txn",
        (merchant, first, last),
    ).fetchall()


def refunds_between(sql: sqlite3.Connection, merchant: str, first: int, last: int) -> list[tuple[object, ...]]:
    """Money that went back then: order, trade, refund's number, its own number, amount, currency, instant, app."""
    return sql.execute(
        "SELECT r.out_trade_no, r.txn, r.out_refund_no, r.refund_id, r.amount, t.currency, r.finished_at, t.app"
        " FROM mock_refund r JOIN mock_trade t ON t.merchant = r.merchant AND t.out_trade_no = r.out_trade_no"
        " WHERE r.merchant = ? AND r.finished_at >= ? AND r.finished_at < ? AND r.state = 'SUCCESS'"
        " ORDER BY r.finished_at, r.out_refund_no",
        (merchant, first, last),
    ).fetchall()


# -- writing -------------------------------------------------------------------------------------------------------


def insert_trade(sql: sqlite3.Connection, trade: Trade) -> None:
    """A new order."""
    sql.execute(
        "INSERT INTO mock_trade (merchant, out_trade_no, app, account, channel, amount, currency, state, description,"
        " tokens, by_amount, created_at, expires_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            trade.merchant, trade.out_trade_no, trade.app, trade.account, trade.channel, trade.amount, trade.currency,
            trade.state, trade.description, " ".join(sorted(trade.tokens)), int(trade.by_amount), trade.created_at,
            trade.expires_at, trade.ended_at,
        ),
    )  # fmt: skip


def end_trade(sql: sqlite3.Connection, trade: Trade, state: str, at: int) -> Trade:
    """Closed or declined."""
    sql.execute(
        "UPDATE mock_trade SET state = ?, ended_at = ? WHERE merchant = ? AND out_trade_no = ?",
        (state, at, trade.merchant, trade.out_trade_no),
    )
    return _again(sql, trade)


def capture(sql: sqlite3.Connection, trade: Trade, at: int) -> Trade:
    """Money is taken for the trade, whatever state it is in."""
    number = len(trade.captures) + 1
    txn = "MT" + _name(trade.merchant, trade.out_trade_no, str(number))
    sql.execute(
        "INSERT INTO mock_capture (merchant, out_trade_no, number, txn, amount, paid_at) VALUES (?, ?, ?, ?, ?, ?)",
        (trade.merchant, trade.out_trade_no, number, txn, trade.amount, at),
    )
    sql.execute(
        "UPDATE mock_trade SET state = 'SUCCESS' WHERE merchant = ? AND out_trade_no = ?",
        (trade.merchant, trade.out_trade_no),
    )
    return _again(sql, trade)


def insert_refund(sql: sqlite3.Connection, trade: Trade, refund: TradeRefund) -> Trade:
    """A refund that was taken on."""
    sql.execute(
        "INSERT INTO mock_refund (merchant, out_refund_no, out_trade_no, refund_id, txn, amount, state, reason,"
        " created_at, settles_at, settles_to, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            trade.merchant, refund.out_refund_no, trade.out_trade_no, refund.refund_id, refund.txn, refund.amount,
            refund.state, refund.reason, refund.created_at, refund.settles_at, refund.settles_to, refund.finished_at,
        ),
    )  # fmt: skip
    return _again(sql, trade)


def finish_refund(sql: sqlite3.Connection, trade: Trade, out_refund_no: str, state: str, at: int) -> Trade:
    """A refund ends."""
    sql.execute(
        "UPDATE mock_refund SET state = ?, settles_at = NULL, finished_at = ? WHERE merchant = ? AND out_refund_no = ?",
        (state, at, trade.merchant, out_refund_no),
    )
    return _again(sql, trade)


def trade_of_refund(sql: sqlite3.Connection, merchant: str, out_refund_no: str) -> str | None:
    """Which order a refund number belongs to."""
    row = sql.execute(
        "SELECT out_trade_no FROM mock_refund WHERE merchant = ? AND out_refund_no = ?", (merchant, out_refund_no)
    ).fetchone()
    return None if row is None else str(row[0])


def due_refunds(sql: sqlite3.Connection, merchant: str, now: int) -> list[tuple[str, str]]:
    """Order and refund numbers of what ends by itself by now."""
    return sql.execute(
        "SELECT out_trade_no, out_refund_no FROM mock_refund WHERE merchant = ? AND settles_at <= ?"
        " ORDER BY settles_at, out_refund_no",
        (merchant, now),
    ).fetchall()


def refund_id_of(merchant: str, out_refund_no: str) -> str:
    """The far side's own number of a refund."""
    return "MR" + _name(merchant, out_refund_no)


def _again(sql: sqlite3.Connection, trade: Trade) -> Trade:
    found = trade_of(sql, trade.merchant, trade.out_trade_no)
    return trade if found is None else found


def _name(*parts: str) -> str:
    """A number of the far side's own: the same for the same thing in every run, so that tests can be read."""
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "replace"), digest_size=13).hexdigest().upper()
