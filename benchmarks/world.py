"""A flow over a real store and the Alipay gateway, and the callbacks that make its payments paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from payflow.flow import Flow, Settings
from payflow.gateway import Callback
from payflow.identifiers import new_id
from payflow.money import Money
from payflow.records import Changes, Payment
from payflow.routing import Router, Rule
from payflow.store import Facts, Store, Wants
from payflow.stores import open_store
from payflow.tables import TABLES
from payflow.trust import Trust

from .bulk import Loader, Template, loader_for
from .material import AMOUNT, AlipayDesk, trade_number

_numbers = count(1)


def open_bench_flow(store: Store, desk: AlipayDesk) -> Flow:
    """The flow a config with one Alipay account would open."""
    return Flow(
        store=store,
        gateways={desk.account: desk.gateway()},
        router=Router([Rule(name="all", account=desk.account, fallback=True)]),
        trust=Trust([], auto_confirm=False),
        tables=TABLES,
        policies={"late_payment": "hold"},
        settings=Settings(secret=b"a secret of the benchmark's own, 40 bytes"),
    )


@dataclass(slots=True)
class World:
    """One database with its flow, and a loader that puts many pending or paid payments into it at once."""

    url: str
    desk: AlipayDesk
    store: Store
    flow: Flow
    loader: Loader
    pending: Template
    paid: Template

    @classmethod
    def open(cls, url: str, desk: AlipayDesk | None = None) -> World:
        """Migrate the database and let payflow itself make the payments that the loader will copy."""
        desk = desk or AlipayDesk()
        store = open_store(url)
        store.migrate()
        flow = open_bench_flow(store, desk)
        loader = loader_for(url)
        pending = loader.template(_expected(flow).id)
        payment = _expected(flow)
        flow.receive(desk.paid(payment.out_trade_no, trade_number()).callback)
        _deliver(store)
        paid = loader.template(payment.id)
        return cls(url, desk, store, flow, loader, pending, paid)

    def callbacks(self, number: int) -> list[Callback]:
        """Load ``number`` fresh pending payments and sign a paid callback for each."""
        numbers = self.loader.load(self.pending, number)
        return [self.desk.paid(order, trade_number()).callback for order in numbers]

    def receive(self, callbacks: Sequence[Callback]) -> int:
        """Take callbacks one by one, as a server does."""
        for callback in callbacks:
            assert self.flow.receive(callback).body == b"success"
        return len(callbacks)

    def receive_sets(self, sets: Sequence[Sequence[Callback]]) -> int:
        """Take callbacks set by set."""
        for callbacks in sets:
            assert all(reply.body == b"success" for reply in self.flow.receive_many(callbacks))
        return sum(map(len, sets))

    def fill(self, number: int) -> None:
        """Load ``number`` finished payments: paid, booked, told; one every half minute, a million in a year."""
        self.loader.load(self.paid, number, apart=30_000_000)

    def close(self) -> None:
        self.loader.close()
        self.store.close()


def _expected(flow: Flow) -> Payment:
    number = new_id(next(_numbers) * 1000)
    return flow.expect(
        amount=Money(AMOUNT), channel="page", key=f"key-{number}", out_trade_no=f"O{number}",
        reference=f"order-{number}", description="拿铁咖啡 中杯",
    ).payment  # fmt: skip


def _deliver(store: Store) -> None:
    """Mark what waits in the outbox as delivered, as the worker would."""
    from payflow.records import replace

    while True:
        messages = store.claim_messages(2**52, 100, 1_000_000)
        if not messages:
            return
        store.finish_messages([replace(message, delivered_at=message.created_at) for message in messages])


class Capturing:
    """A store that keeps what would be written, so that the raw half can write the very same rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.joined = False
        self.facts = Facts()
        self.changes: list[tuple[Facts, Changes]] = []

    def gather(self, wants: Wants) -> Facts:
        found = self._store.gather(wants)
        self.facts = Facts(payments=dict(found.payments))
        return found

    def write(self, changes: Changes) -> None:
        self.changes.append((self.facts, changes))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def decided(world: World, callbacks: Sequence[Callback]) -> list[tuple[Facts, Changes]]:
    """What payflow would write for each callback, one by one; nothing is written."""
    capturing = Capturing(world.store)
    flow = open_bench_flow(capturing, world.desk)
    for callback in callbacks:
        flow.receive(callback)
    assert len(capturing.changes) == len(callbacks)
    return capturing.changes
