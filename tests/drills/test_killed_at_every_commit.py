"""A process is killed at every commit point of a whole story, one after the other: before it, and after it.

Then somebody comes again with the same keys, and time passes. Whatever point it was: every payment is where the gateway
says it is, booked once, told once, refunded once, and every invariant holds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from payflow.clock import SECOND, system_clock
from payflow.deciding.rules import Schedule
from payflow.doctor import broken
from payflow.errors import PayflowError
from payflow.flow import Flow, Settings
from payflow.gateways.mock import MockGateway
from payflow.money import Money
from payflow.records import Message
from payflow.routing import Router, Rule
from payflow.store import Wants
from payflow.stores import open_store
from payflow.tables import TABLES
from payflow.trust import Trust, TrustedAction
from payflow.worker import Handlers, Worker

SECRET = b"kq3JxV9w2LrT8mZp5YcN7bHd4GfS6aEu"
COMMITS = ("write", "claim_due", "claim_messages", "finish_messages", "forget_keys")


class Deadly:
    """A store that kills its process just before, or just after, commit number ``at``."""

    def __init__(self, store: Any, at: int, when: str) -> None:
        self._store, self._at, self._when, self.count = store, at, when, 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if name not in COMMITS:
            return real

        def commit(*given: Any, **named: Any) -> Any:
            with self._point():
                return real(*given, **named)

        return commit

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._point(), self._store.transaction() as transaction:
            yield transaction

    @contextlib.contextmanager
    def _point(self) -> Iterator[None]:
        self.count += 1
        mine = self.count == self._at
        if mine and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        yield
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)


class Shop:
    """Everything one process has: a flow, a worker with one handler, the mock gateway, and a clock that runs ahead."""

    def __init__(self, url: str, state: Path, ahead: int, at: int = 0, when: str = "before") -> None:
        self.ahead = ahead * SECOND
        self.store = Deadly(open_store(url), at, when)
        self.mock = MockGateway("mock", SECRET, state=state, clock=self.clock)
        self.flow = Flow(
            store=self.store,  # type: ignore[arg-type]  # passes everything on
            gateways={"mock": self.mock},
            router=Router([Rule(name="all", account="mock", fallback=True)]),
            trust=Trust([TrustedAction("buy")], auto_confirm=True),
            tables=TABLES,
            policies={"late_payment": "refund"},
            settings=Settings(secret=SECRET),
            schedule=Schedule(first_check=5 * SECOND, longest_check=20 * SECOND, call_lease=10 * SECOND),
            clock=self.clock,
        )
        handlers = Handlers()
        handlers.add("ship", ["payment.paid"], self.ship)
        self.worker = Worker(self.flow, handlers, lease_seconds=10)
        self.mark = "?" if url.startswith("sqlite") else "%s"

    def clock(self) -> int:
        return system_clock() + self.ahead

    def ship(self, message: Message, transaction: Any) -> None:
        transaction.connection.cursor().execute(f"insert into shipped values ({self.mark})", (message.payment_id,))

    def pay(self, key: str, **metadata: str) -> Any:
        return self.flow.pay(amount=Money(1200), channel="qr", key=key, action="buy", metadata=metadata).payment

    def pays(self, payment: Any, times: int) -> None:
        """The payer pays, once; the gateway calls back."""
        trade = self.mock.trade(payment.out_trade_no)
        if trade is not None and trade.state == "NOTPAY":
            self.mock.payer.pay(payment.out_trade_no)
        for callback in self.mock.callbacks(payment.out_trade_no)[:1]:
            for _ in range(times):
                assert self.flow.receive(callback.as_callback()).status == 200

    def story(self, name: str) -> None:
        """Paid, called back twice, refunded in two parts · cancelled · a charge whose answer is lost."""
        first = self.pay(f"{name}-a")
        self.pays(first, times=2)
        self.worker.round()
        self.flow.refund(first.id, key=f"{name}-r1", amount=Money(500))
        self.ahead += 6 * SECOND
        self.worker.round()
        self.flow.refund(first.id, key=f"{name}-r2")
        second = self.pay(f"{name}-b")
        with contextlib.suppress(PayflowError):  # in a second run it may be cancelled already
            self.flow.cancel(second.id, key=f"{name}-c")
        third = self.pay(f"{name}-d", mock="timeout_after_success")
        self.pays(third, times=0)
        self.rounds(2)

    def rounds(self, count: int) -> None:
        for _ in range(count):
            self.ahead += 21 * SECOND
            self.worker.round()


def in_a_process(work: Any) -> int:
    """Run ``work`` in a forked process; 0, or the number of the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 -- whatever it was, this process ends here and says so
            traceback.print_exc()
            os._exit(99)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the story broke (see its traceback above)"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def tell(url: str, state: Path, ahead: int, name: str, at: int = 0, when: str = "before") -> None:
    """The story, in this process, to its end or its death."""
    shop = Shop(url, state, ahead, at, when)
    shop.story(name)
    shop.rounds(4)


def check(url: str, state: Path, name: str) -> None:
    """The truth of one story, from the gateway's side and from ours."""
    shop = Shop(url, state, 0)
    with shop.store.transaction() as transaction:
        cursor = transaction.connection.cursor()
        cursor.execute("select payment_id from shipped")
        shipped = [row[0] for row in cursor.fetchall()]
    found = {}
    for letter in "abd":
        key = ("pay", f"{name}-{letter}")
        payment = shop.flow.payment(shop.store.gather(Wants(keys={key})).keys[key].payment_id)
        history = shop.store.history(payment.id)
        trade = shop.mock.trade(payment.out_trade_no)
        back = sum(refund.amount for refund in trade.refunds if refund.state == "SUCCESS") if trade else 0
        captures = [journal for journal in history.journals if journal.kind == "capture"]
        assert payment.unresolved == payment.reserved == 0
        assert payment.refunded == back
        assert (payment.captured > 0) == (trade is not None and trade.state == "SUCCESS") == bool(captures)
        assert len(captures) <= 1
        assert shipped.count(payment.id) == len(captures)
        found[letter] = (payment.status, len(history.refunds))
    assert found == {"a": ("refunded", 2), "b": ("cancelled", 0), "d": ("paid", 0)}
    shop.store.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_f91_killed_at_every_commit(store_url: str, tmp_path: Path, when: str) -> None:
    state = tmp_path / "mock.db"
    store = open_store(store_url)
    store.migrate()
    with store.transaction() as transaction:
        transaction.connection.cursor().execute("create table shipped (payment_id varchar(40))")
    store.close()
    point, killed, ahead = 0, True, 0
    while killed:
        point += 1
        name = f"{when}-{point}"
        killed = bool(in_a_process(partial(tell, store_url, state, ahead, name, point, when)))
        ahead += 100
        assert in_a_process(partial(tell, store_url, state, ahead, name)) == 0
        ahead += 400
        check(store_url, state, name)
    assert point > 25
    store = open_store(store_url)
    assert broken(store) == []
    if store_url.startswith("sqlite"):
        assert store.select("select * from pragma_integrity_check", 5) == [("ok",)]
    store.close()
