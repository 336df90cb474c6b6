"""The walk over a real SQLite store, a scripted gateway and a clock the test moves. Invariants hold after each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.deciding.rules import Schedule
from payflow.doctor import broken
from payflow.flow import Flow, Settings
from payflow.machine import Table
from payflow.money import Money
from payflow.records import Payment
from payflow.routing import Router, Rule
from payflow.stores import open_store
from payflow.tables import TABLES
from payflow.trust import Ceiling, Trust, TrustedAction
from payflow.worker import Handlers, Worker

from .scripted import Scripted

START = 1_780_000_000 * SECOND


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


class World:
    """One shop: a store, a gateway or two, a flow and a worker over them."""

    def __init__(self, url: str, *, policies: dict[str, str] | None = None, **settings: Any) -> None:
        self.clock = Hand()
        self.store = open_store(url)
        self.store.migrate()
        self.main, self.other = Scripted("main"), Scripted("other", merchant="m-2", app="a-2")
        self.tables: Mapping[str, Table] = TABLES
        self.policies = policies or {"late_payment": "hold"}
        self.settings = Settings(**{"secret": b"s" * 40, **settings})
        self.flow = self.another_flow()
        self.handlers = Handlers()
        self.worker = Worker(self.flow, self.handlers)

    def another_flow(self, clock: Any = None) -> Flow:
        return Flow(
            store=self.store,
            gateways={"main": self.main, "other": self.other},
            router=Router([Rule(name="all", account="main", fallback=True)]),
            trust=Trust(
                [
                    TrustedAction("buy"),
                    TrustedAction("small", {"CNY": Ceiling(per_payment=50_00, per_day=100_00)}),
                ],
                auto_confirm=True,
            ),
            tables=self.tables,
            policies=self.policies,
            settings=self.settings,
            schedule=Schedule(first_check=10 * SECOND, longest_check=3600 * SECOND, call_lease=30 * SECOND),
            clock=clock or self.clock,
        )

    def pay(self, minor: int = 1250, *, key: str = "k-1", action: str = "buy", **more: Any) -> Payment:
        return self.flow.pay(amount=Money(minor, "CNY"), channel="qr", key=key, action=action, **more).payment

    def paid(self, minor: int = 1250, *, key: str = "k-1") -> Payment:
        from payflow.gateway import EventKind

        payment = self.pay(minor, key=key)
        self.flow.receive(self.main.callback(self.main.event(payment, EventKind.PAID)))
        return self.flow.payment(payment.id)

    def status(self, payment: Payment) -> str:
        return self.flow.payment(payment.id).status


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Any]:
    worlds: list[World] = []

    def make(**settings: Any) -> World:
        worlds.append(World(f"sqlite:///{tmp_path}/pf{len(worlds)}.db", **settings))
        return worlds[-1]

    yield make
    for world in worlds:
        findings = broken(world.store)
        world.store.close()
        assert not findings, "\n".join(f"{f.invariant.number} {f.invariant.says}: {f.rows}" for f in findings)


@pytest.fixture
def world(make_world: Any) -> World:
    made: World = make_world()
    return made
