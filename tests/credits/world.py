"""The chat in this process: a fresh database, a clock that can be moved, a phone that pays at once."""

from __future__ import annotations

import json
import re
import secrets
import time
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from examples.credits.answers import Answer
from examples.credits.app import create_app
from examples.credits.place import NAME, Place
from payflow import Balance, Flow, Payment, Wallet, load, open_flow, open_worker
from payflow.clock import system_clock
from payflow.gateways.mock import InProcessDelivery, MockGateway

CONFIG = Path(__file__).parents[2] / "examples" / "credits" / "payflow.json"
UNIT = "credit"
#: What a question of ``TOKENS`` tokens holds, and a story costs.
STORY, STORY_READ, STORY_WRITTEN = "Tell me a story", 5, 87
STORY_HELD, STORY_COST = STORY_READ + 2 * 100, STORY_READ + 2 * STORY_WRITTEN


class Hand:
    """The system's clock, moved ahead by hand."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return system_clock() + self.ahead

    def pass_days(self, days: int) -> None:
        self.ahead += days * 86_400_000_000

    def pass_seconds(self, seconds: int) -> None:
        self.ahead += seconds * 1_000_000


class Chat:
    """The application, and visitors of it."""

    def __init__(self, folder: Path, *, pause: float = 0, **wallet: Any) -> None:
        self.clock = Hand()
        (folder / "var").mkdir(exist_ok=True)
        for name in ("confirmations", "mock"):
            (folder / "var" / f"{name}.secret").write_text(secrets.token_urlsafe(48))
        config = json.loads(CONFIG.read_text())
        config["wallet"] |= wallet
        (folder / "payflow.json").write_text(json.dumps(config))
        self.flow: Flow = open_flow(load(folder / "payflow.json", {}), clock=self.clock, migrate=True)
        gateway: Any = self.flow.gateways["mock"]
        self.mock: MockGateway = gateway
        self.mock.deliver = InProcessDelivery(self.flow.receive)
        self.app = create_app(self.flow, pause=pause)
        self.place: Place = self.app.extensions[NAME]
        self.wallet: Wallet = self.place.wallet
        self.worker = open_worker(self.flow)

    def visitor(self) -> Visitor:
        """Somebody who has not been here before."""
        return Visitor(self, self.app.test_client())

    def close(self) -> None:
        self.place.writing.close()
        self.flow.store.close()


class Visitor:
    """A browser without JavaScript: it fills in forms and reads pages."""

    def __init__(self, chat: Chat, client: FlaskClient) -> None:
        self.chat = chat
        self.client = client
        self.client.get("/?lang=en")

    def again(self) -> Visitor:
        """The same visitor in another tab."""
        cookie = self.client.get_cookie("visitor")
        assert cookie is not None
        other = self.chat.app.test_client()
        other.set_cookie("visitor", cookie.value)
        return Visitor(self.chat, other)

    @property
    def owner(self) -> str:
        import hashlib

        cookie = self.client.get_cookie("visitor")
        assert cookie is not None
        return f"visitor-{hashlib.sha256(cookie.value.encode()).hexdigest()[:12]}"

    # -- asking -------------------------------------------------------------------------------------------------

    def ask(self, question: str = STORY, *, key: str | None = None) -> TestResponse:
        return self.client.post("/ask", data={"key": key or secrets.token_hex(8), "question": question})

    def asked(self, question: str = STORY) -> Answer:
        """Ask, and wait for the end of the answer."""
        reply = self.ask(question)
        assert reply.status_code == 303, reply.text
        return self.ended()

    def answers(self) -> list[Answer]:
        return self.chat.place.answers.newest(self.owner, 100)

    def ended(self) -> Answer:
        """The newest answer, once it has ended."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            newest = self.answers()[-1]
            if newest.status != "writing":
                return newest
            time.sleep(0.02)
        raise AssertionError("The answer did not end")

    def stop(self) -> TestResponse:
        return self.client.post(f"/answers/{self.answers()[-1].id}/stop")

    # -- buying -------------------------------------------------------------------------------------------------

    def order(self, *, key: str | None = None, **form: str) -> Payment:
        """``pack`` or ``amount``."""
        reply = self.client.post("/buy", data={"key": key or secrets.token_hex(8), **form})
        assert reply.status_code == 303, reply.text
        return self.chat.flow.payment(reply.headers["Location"].rpartition("/")[2])

    def buy(self, **form: str) -> Payment:
        """Order, and pay on the phone."""
        payment = self.order(**form)
        self.client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": "pay"})
        self.chat.mock.pump()
        return self.chat.flow.payment(payment.id)

    @property
    def has(self) -> Balance:
        return self.chat.wallet.balance(self.owner, UNIT)

    def page(self, path: str = "/") -> str:
        """A page as text, without its tags."""
        reply = self.client.get(path)
        assert reply.status_code == 200, reply.text
        return " ".join(re.sub(r"<[^>]+>", " ", reply.text).split())
