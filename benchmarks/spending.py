"""Spends per second, on one hot account and on a thousand, against the bare driver spending by hand."""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from payflow.clock import SECOND
from payflow.deciding.rules import Caps, CreditRules
from payflow.doctor import broken
from payflow.flow import Flow, Settings
from payflow.routing import Router, Rule
from payflow.stores import SqlStore, open_store
from payflow.tables import TABLES
from payflow.testing.services import fresh_database, mariadb
from payflow.trust import Trust
from payflow.wallet import Wallet

from .measuring import Figure, Jobs, Scale, compare, in_sets, slices
from .servers import postgres

SET, CALLERS, ACCOUNTS = 100, 32, 1000
GIVEN = 1_000_000_000

#: What a careful hand writes: the balance guarded in its own update, the operation's key unique, both sides booked.
_TABLES = (
    "create table raw_account (id varchar(64) not null primary key, balance bigint not null)",
    """create table raw_entry (op varchar(64) not null, line bigint not null, account varchar(64) not null,
       amount bigint not null, balance bigint, used_for varchar(64) not null, at bigint not null,
       primary key (op, line))""",
)
_SPEND = "update raw_account set balance = balance - ? where id = ? and balance >= ?"
_READ = "select balance from raw_account where id = ?"
_ENTRY = "insert into raw_entry (op, line, account, amount, balance, used_for, at) values (?, ?, ?, ?, ?, ?, ?)"


class Till:
    """One database with payflow's wallet and the raw tables beside it."""

    def __init__(self, url: str) -> None:
        store = open_store(url, pool_size=CALLERS)
        assert isinstance(store, SqlStore)
        self.store = store
        store.migrate()
        flow = Flow(
            store=store, gateways={}, router=Router([Rule(name="all", account="none", fallback=True)]),
            trust=Trust([], auto_confirm=False), tables=TABLES, policies={}, settings=Settings(secret=b"s" * 40),
            clock=lambda: 1_780_000_000 * SECOND, credit=CreditRules(units={"tokens": Caps()}),
        )  # fmt: skip
        self.wallet = Wallet(flow)
        self.owners = ["hot", *(f"owner-{number:04d}" for number in range(ACCOUNTS))]
        for owner in self.owners:
            self.wallet.grant(owner, "tokens", GIVEN, key="given", kind="paid")
        self.keys = itertools.count()
        self.spent = 0
        self._context = store._connection()
        self.connection = self._context.__enter__()
        self.cursor = store.dialect.cursor(self.connection)
        for statement in _TABLES:
            self.run(statement)
        for owner in self.owners:
            self.run("insert into raw_account (id, balance) values (?, ?)", (owner, GIVEN))

    def run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self.store.dialect.run(self.cursor, sql, values)

    def work(self, number: int, hot: bool) -> list[tuple[str, str]]:
        """Owners and fresh keys."""
        numbers = [next(self.keys) for _ in range(number)]
        return [("hot" if hot else f"owner-{one % ACCOUNTS:04d}", f"key-{one}") for one in numbers]

    def raw(self, work: Sequence[tuple[str, str]]) -> int:
        """By hand, one by one, each in a transaction of its own."""
        begin = "begin immediate" if self.store.dialect.name == "SQLite" else "begin"
        for owner, key in work:
            self.cursor.execute(begin)
            assert self.run(_SPEND, (3, owner, 3)).rowcount == 1
            balance = self.run(_READ, (owner,)).fetchone()[0]
            self.run(_ENTRY, (key, 1, owner, -3, balance, "chat", 1))
            self.run(_ENTRY, (key, 2, "used", 3, None, "chat", 1))
            self.cursor.execute("commit")
        return len(work)

    def one_by_one(self, work: Sequence[tuple[str, str]]) -> int:
        """payflow, one by one."""
        for owner, key in work:
            self.wallet.spend(owner, "tokens", 3, key=key, use="chat")
        self.spent += 3 * len(work)
        return len(work)

    def in_sets(self, work: Sequence[Sequence[tuple[str, str]]]) -> int:
        """payflow, a set in each transaction."""
        for part in work:
            spends = [self.wallet.spending(owner, "tokens", 3, key=key, use="chat") for owner, key in part]
            done = self.wallet.spend_many(spends)
            assert not any(isinstance(one, Exception) for one in done)
            self.spent += 3 * len(part)
        return sum(map(len, work))

    def callers(self, work: Sequence[tuple[str, str]]) -> int:
        """payflow, many threads that each spend one by one."""
        parts = [work[number::CALLERS] for number in range(CALLERS)]
        threads = [threading.Thread(target=self._calls, args=(part,)) for part in parts if part]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.spent += 3 * len(work)
        return len(work)

    def _calls(self, work: Sequence[tuple[str, str]]) -> None:
        for owner, key in work:
            self.wallet.spend(owner, "tokens", 3, key=key, use="chat")

    def close(self) -> None:
        """Everything that was spent is booked, and nothing else."""
        self._context.__exit__(None, None, None)
        [(total,)] = self.store.select("select sum(balance) from pf_account", 1)
        assert total == len(self.owners) * GIVEN - self.spent, (total, self.spent)
        assert broken(self.store) == []
        self.store.close()


def spend_sqlite(scale: Scale) -> list[Figure]:
    """SQLite, in WAL with ``synchronous=FULL``."""
    with tempfile.TemporaryDirectory(prefix="payflow-bench-") as folder:
        return _figures("sqlite", "SQLite", f"sqlite:///{Path(folder) / 'wallet.db'}", scale)


def spend_postgres(scale: Scale) -> list[Figure]:
    """PostgreSQL, waiting for the disk at every commit."""
    with postgres() as url:
        return _figures("postgres", "PostgreSQL", url, scale)


def spend_mariadb(scale: Scale) -> list[Figure]:
    """MariaDB as the tests start it: it does not wait for the disk, for either side."""
    with _mariadb() as url:
        return _figures("mariadb", "MariaDB", url, scale)


@contextmanager
def _mariadb() -> Iterator[str]:
    with mariadb() as server:
        yield fresh_database(server)


def _figures(name: str, where: str, url: str, scale: Scale) -> list[Figure]:
    till = Till(url)
    try:
        found = []
        for kind, says, hot in (("hot", "one hot account", True), ("many", f"{ACCOUNTS} accounts", False)):
            for how, words, target in (
                ("", "one by one", 0.5), ("_threads", f"{CALLERS} threads", 2.0), ("_sets", f"sets of {SET}", 2.0),
            ):  # fmt: skip
                figure = Figure(
                    f"spend_{name}_{kind}{how}", f"{where}, {says}, {words}, against raw one by one", target,
                    unit="spends/s",
                )  # fmt: skip
                found.append(compare(figure, scale.rounds, _prepared(till, scale.callbacks, hot, how)))
        return found
    finally:
        till.close()


def _prepared(till: Till, number: int, hot: bool, how: str) -> Any:
    def prepare(_round: int) -> tuple[Jobs, Jobs]:
        raw = slices(till.work(number, hot), till.raw)
        if how == "_sets":
            return raw, slices(in_sets(till.work(4 * number // SET * SET, hot), SET), till.in_sets)
        if how == "_threads":
            return raw, slices(till.work(4 * number, hot), till.callers, 4)
        return raw, slices(till.work(number, hot), till.one_by_one)

    return prepare
