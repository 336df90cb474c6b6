"""A shop's folder whose customers have bought, spent, held and been given credit; and a terminal."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from click.testing import CliRunner, Result

from payflow import Flow, Payment, load, open_flow, open_wallet
from payflow.cli import main
from payflow.gateways.mock import InProcessDelivery, MockGateway

START = 1_769_788_800_000_000  # 31 January 2026 begins in Shanghai; in London it is the 30th


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: int) -> None:
        self.now += seconds * 1_000_000


class Books:
    """Ann: a pack with a bonus, two chats, an image; Bob was given 40 of it. On 31 January and 1 February."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "payflow.json"
        self.path.write_text(json.dumps({
            "version": 1,
            "secret": {"env": "BOOKS_SECRET"},
            "payment_gateway": "mock",
            "auto_confirm_order": True,
            "trusted_actions": [{"action": "buy"}],
            "gateways": {"mock": {"gateway": "mock", "secret": {"env": "BOOKS_MOCK_SECRET"}, "state": "mock.db"}},
            "store": {"url": "sqlite:///payflow.db"},
            "wallet": {
                "units": {"tokens": {}},
                "packs": [{"name": "starter", "unit": "tokens", "credit": 1000, "bonus": 100, "price": "10.00"}],
            },
        }))  # fmt: skip
        self.environ = {
            "BOOKS_SECRET": secrets.token_urlsafe(48), "BOOKS_MOCK_SECRET": secrets.token_urlsafe(48), "LC_ALL": "C",
        }  # fmt: skip
        self.clock = Clock()
        self.flow: Flow = open_flow(load(self.path, self.environ), migrate=True, clock=self.clock)
        gateway = self.flow.gateways["mock"]
        assert isinstance(gateway, MockGateway)
        self.mock = gateway
        self.mock.deliver = InProcessDelivery(self.flow.receive)
        self.wallet = open_wallet(self.flow)
        self.payment = self._story()

    def _story(self) -> Payment:
        wallet = self.wallet
        bought = wallet.top_up("ann", "tokens", pack="starter", channel="qr", key="buy-1", action="buy").payment
        self.mock.payer.pay(bought.out_trade_no)
        self.mock.pump()
        self.clock.forward(60)
        wallet.spend("ann", "tokens", 60, key="chat-0", use="chat", memo="hello")
        self.clock.forward(86_400)
        wallet.spend("ann", "tokens", 30, key="chat-1", use="chat")
        hold = wallet.hold("ann", "tokens", 80, key="job-1", use="image", memo='=HYPERLINK("http://x")')
        wallet.settle(hold.id, 50)
        wallet.open("bob", "tokens")
        wallet.transfer("ann", "bob", "tokens", 40, key="gift", memo="for you")
        return self.flow.payment(bought.id)

    def types(self, *words: str, lang: str = "C") -> Result:
        name, *rest = words
        return CliRunner().invoke(main, [name, "-c", str(self.path), *rest], env={**self.environ, "LC_ALL": lang})
