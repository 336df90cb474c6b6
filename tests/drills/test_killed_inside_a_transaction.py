"""A process is killed in the middle of every transaction of a whole story: all is written, and COMMIT never comes.

The other drill kills around whole operations of the store. Here a handler has worked, rows are locked and the
database has to undo it by itself. (PostgreSQL is told a set of decisions in one statement: there is no middle of that.)
"""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from payflow.doctor import broken
from payflow.store import Wants
from payflow.stores import SqlStore, dialect_of, open_store
from payflow.stores.pool import Pool

from .test_killed_at_every_commit import Shop, check, in_a_process, tell

pytestmark = [pytest.mark.slow, pytest.mark.services]


class Doomed(SqlStore):
    """A store that kills its process when everything of transaction number ``at`` is done but its COMMIT."""

    count, at = 0, 0

    def _commit(self, cursor: Any) -> None:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._commit(cursor)


def tell_doomed(url: str, state: Path, ahead: int, name: str, at: int) -> None:
    """The story, until it dies inside transaction number ``at``."""
    shop: Any = Shop(url, state, ahead)
    dialect = dialect_of(url, 5.0)
    shop.store = shop.flow.store = Doomed(dialect, Pool(dialect, size=5, timeout=30))
    shop.store.at = at
    shop.story(name)
    shop.rounds(4)


def check_both_sides(url: str, state: Path, name: str) -> None:
    """Refund by refund, the books say what the gateway says; what we call cancelled nobody can pay any more."""
    shop: Any = Shop(url, state, 0)
    keys = {letter: ("pay", f"{name}-{letter}") for letter in "ab"}
    known = shop.store.gather(Wants(keys=set(keys.values()))).keys
    first, second = (shop.store.history(known[key].payment_id) for key in keys.values())
    there = {one.out_refund_no: (one.amount, one.state) for one in shop.mock.trade(first.payment.out_trade_no).refunds}
    assert {one.out_refund_no: (one.amount, "SUCCESS") for one in first.refunds} == there
    assert sorted(amount for amount, _ in there.values()) == [500, 700]
    booked = sorted(journal.ref for journal in first.journals if journal.kind == "refund")
    assert booked == sorted(one.id for one in first.refunds)
    assert not first.incidents
    closed = shop.mock.trade(second.payment.out_trade_no)
    assert closed is None or closed.state == "CLOSED"
    shop.store.close()


def test_f91_killed_inside_every_transaction(store_url: str, tmp_path: Path) -> None:
    state = tmp_path / "mock.db"
    store = open_store(store_url)
    store.migrate()
    with store.transaction() as transaction:
        transaction.connection.cursor().execute("create table shipped (payment_id varchar(40))")
    store.close()
    point, killed, ahead = 0, True, 0
    while killed:
        point += 1
        name = f"inside-{point}"
        killed = bool(in_a_process(partial(tell_doomed, store_url, state, ahead, name, point)))
        ahead += 100
        assert in_a_process(partial(tell, store_url, state, ahead, name)) == 0
        ahead += 400
        check(store_url, state, name)
        check_both_sides(store_url, state, name)
    assert point > 8  # PostgreSQL has the fewest: only what workers do is a transaction of several statements
    store = open_store(store_url)
    assert broken(store) == []
    if store_url.startswith("sqlite"):
        assert store.select("select * from pragma_integrity_check", 5) == [("ok",)]
    store.close()
