"""A running sandbox for pages and control API.

Both far sides have tests of their own; here two small ones stand in for them, so that what is tested is the control.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.sandbox import Material, Order, Sandbox, delivery
from payflow.sandbox import sandbox as whole
from payflow.sandbox.messages import Incoming, Outgoing, World
from payflow.sandbox.trades import Habits


class _Side:
    """As little of a far side as the control needs."""

    def __init__(self, world: World, *, refund_seconds: float, lazy: bool) -> None:
        self.world = world
        self.turns = 0
        self.habits = Habits(
            gateway=self.name, first_state="prepared" if lazy else "waiting", schedule=(15, 60),
            tells=frozenset({"paid", "refund"}), refund_seconds=60.0, full_refund_closes=False,
        )  # fmt: skip

    name = ""

    def takes(self, path: str) -> bool:
        return False

    def answer(self, request: Incoming) -> Outgoing:
        raise AssertionError("No gateway is asked here")

    def callback(self, queued: Any, order: Order, refund: Any) -> tuple[dict[str, str], bytes]:
        return {"Content-Type": "application/json"}, json.dumps({"kind": queued.kind}).encode()

    def accepted(self, status: int, body: bytes) -> bool:
        return status == 200

    def rotate(self) -> str:
        self.turns += 1
        return f"SERIAL{self.turns}"


class SmallAlipay(_Side):
    name = "alipay"

    def return_address(self, order: Order) -> str:
        return f"{order.return_url}?out_trade_no={order.out_trade_no}" if order.return_url else ""


class SmallWeChat(_Side):
    name = "wechat"


@pytest.fixture(scope="session")
def material() -> Material:
    """Keys take a while to make: one set for all sandboxes here."""
    return Material()


@pytest.fixture
def small_sides(monkeypatch: pytest.MonkeyPatch, material: Material) -> None:
    """The two small sides instead of the real ones."""
    monkeypatch.setattr(whole, "Material", lambda _: material)
    monkeypatch.setattr(delivery, "_LONGEST_NAP", 0.02)  # so that it stops soon
    sides = {"alipay": (__name__, "SmallAlipay"), "wechat": (__name__, "SmallWeChat")}
    monkeypatch.setattr(whole, "SIDES", sides)
    found = {"SmallAlipay": SmallAlipay, "SmallWeChat": SmallWeChat}
    monkeypatch.setattr(whole, "import_module", lambda _: type("module", (), found))


@pytest.fixture
def sandbox(small_sides: None) -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


def put(sandbox: Sandbox, number: str = "ORDER_0001", **more: Any) -> Order:
    """An order in the books, as a far side would have made it."""
    now = sandbox.clock()
    order = Order(
        gateway="alipay", merchant="2088000000000001", out_trade_no=number, app="2021000000000001", product="qr",
        amount=1250, state="prepared", subject="Flat white", created_at=now, expires_at=now + 900 * SECOND,
    )  # fmt: skip
    return sandbox.books.put(replace(order, **more))


@pytest.fixture
def order(sandbox: Sandbox) -> Callable[..., Order]:
    """Puts an order into the books."""
    return lambda *words, **more: put(sandbox, *words, **more)
