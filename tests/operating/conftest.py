"""A flow with a mock account whose payer is a bank that can be asked, on each database, and a desk over it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from payflow import Callback, Flow, Money, Payment, load, open_flow, open_wallet
from payflow.operating import POWERS, Desk, Operator

CONFIG: dict[str, Any] = {
    "version": 1, "secret": {"env": "SECRET"}, "payment_gateway": "mock", "auto_confirm_order": True,
    "policies": {"late_payment": "hold"}, "trusted_actions": [{"action": "buy"}],
    "gateways": {"mock": {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}}},
    "wallet": {
        "units": {"tokens": {}},
        "refills": [{
            "name": "daily", "unit": "tokens", "mode": "top_up", "amount": 1000, "every": {"days": 1},
            "trigger": "scheduled",
        }],
    },
}  # fmt: skip
BOSS = Operator("li", POWERS)
HOSTILE = "<script>alert(1)</script>"


@dataclass
class Shop:
    """A flow, and what happens to its payments."""

    flow: Flow
    now: int

    @property
    def bank(self) -> Any:
        return self.flow.gateways["mock"]

    def clock(self) -> int:
        self.now += 1000
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)

    def pay(self, key: str = "k", *, reference: str = "order-1", amount: int = 1250) -> Payment:
        """A payment that waits for its payer."""
        return self.flow.pay(
            amount=Money(amount), channel="qr", action="buy", key=key, reference=reference, description=HOSTILE
        ).payment

    def paid(self, key: str = "k", **told: Any) -> Payment:
        """A payment that is paid, and known to be."""
        payment = self.pay(key, **told)
        self.bank.payer.pay(payment.out_trade_no)
        return self.flow.query(payment.id).payment

    def paid_late(self, key: str = "k") -> Payment:
        """A payment that was cancelled before its money came: an incident that waits for somebody."""
        payment = self.pay(key)
        self.flow.cancel(payment.id)
        self.bank.payer.pay_late(payment.out_trade_no)
        callback = self.bank.callbacks(payment.out_trade_no)[-1]
        self.flow.receive(Callback("mock", callback.headers, callback.body))
        return self.flow.payment(payment.id)


def shop_at(store_url: str) -> Iterator[Shop]:
    environ = {"SECRET": secrets.token_urlsafe(48), "MOCK_SECRET": secrets.token_urlsafe(48)}
    config = load({**CONFIG, "store": {"url": store_url}}, environ)
    made = Shop(None, 1_790_000_000_000_000)  # type: ignore[arg-type]  # its flow asks it for the time
    made.flow = open_flow(config, clock=made.clock, migrate=True)
    open_wallet(made.flow)
    yield made
    made.flow.store.close()


@pytest.fixture
def shop(store_url: str) -> Iterator[Shop]:
    """On each of the three databases."""
    yield from shop_at(store_url)


@pytest.fixture
def small_shop() -> Iterator[Shop]:
    """On SQLite, in memory."""
    yield from shop_at("sqlite:///:memory:")


@pytest.fixture
def served_shop(tmp_path: Path) -> Iterator[Shop]:
    """On a file, for servers with threads."""
    yield from shop_at(f"sqlite:///{tmp_path}/payflow.db")


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk(shop.flow)
