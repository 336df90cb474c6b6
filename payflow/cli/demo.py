"""``payflow demo``: the story of one coffee, told in the terminal while it happens.

Nothing is acted: a real flow over a real SQLite file in a folder that is gone afterwards, a real worker, and the mock
gateway in the same process, so no network and no account. Every sentence with a tick was checked just before it was
printed; one that is not true ends the demo with exit code 1.
"""

from __future__ import annotations

import io
import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..language import of_terminal
from .demo_words import TEXTS

if TYPE_CHECKING:
    from ..errors import PayflowError
    from ..flow import Flow, Result
    from ..gateway import Callback, Reply
    from ..gateways.mock import MockGateway
    from ..records import Message, Payment
    from ..store import Transaction


@click.command("demo")
@click.option(
    "--lang",
    type=click.Choice(["en", "zh"]),
    help="The language it is told in. Default: that of the terminal (LC_ALL, LC_MESSAGES, LANG).",
)
def command(lang: str | None) -> None:
    """Tell the story of one coffee: ordered, confirmed, paid, called back twice, booked once, refunded.

    Everything happens for real, over SQLite and the mock gateway; no network, no account, no money. Exit code 1 if
    anything it tells turned out not to be true.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a tick shows a question mark
    quiet = logging.NullHandler()
    logging.getLogger("payflow").addHandler(quiet)
    try:
        with tempfile.TemporaryDirectory(prefix="payflow-demo-") as folder:
            told = Story(folder, Voice(lang or of_terminal(os.environ)))
            try:
                told.tell()
            finally:
                told.flow.store.close()
    finally:
        logging.getLogger("payflow").removeHandler(quiet)


class Voice:
    """How the story reaches the terminal: plain where there is no terminal, or where ``NO_COLOR`` is set."""

    def __init__(self, lang: str) -> None:
        self._texts = {key: told[lang == "zh"] for key, told in TEXTS.items()}
        self._color = False if os.environ.get("NO_COLOR") else None  # None: click looks whether it is a terminal
        self._chapters = 0
        self.truths = 0

    def say(self, key: str, /, **facts: Any) -> str:
        """A text of the story with its facts put in."""
        return self._texts[key].format(**facts)

    def line(self, text: str = "", **style: Any) -> None:
        """One line as it is."""
        click.echo(click.style(text, **style) if style else text, color=self._color)

    def chapter(self, key: str, **facts: Any) -> None:
        """What happens next."""
        self._chapters += 1
        number = click.style(f"{self._chapters:>2}", fg="cyan", bold=True)
        click.echo(f"\n{number}  {click.style(self.say(key, **facts), bold=True)}", color=self._color)

    def note(self, key: str, **facts: Any) -> None:
        """What it is good for."""
        self.line(f"    {self.say(key, **facts)}", dim=True)

    def holds(self, true: bool, key: str, **facts: Any) -> None:
        """A sentence that is checked before it is said."""
        text = self.say(key, **facts)
        if not true:
            raise click.ClickException(self.say("untrue", text=text))
        self.truths += 1
        click.echo(f"    {click.style('✓', fg='green', bold=True)} {text}", color=self._color)

    def refuses(self, code: str, call: Callable[[], object], key: str, **facts: Any) -> PayflowError:
        """A sentence about a refusal: the call must be refused, and with this code."""
        from ..errors import PayflowError

        try:
            call()
        except PayflowError as error:
            self.holds(error.code == code, key, code=error.code, said=error.message, **facts)
            return error
        raise click.ClickException(self.say("untrue", text=self.say(key, code=code, said="", **facts)))


class Story:
    """One coffee, from the order to the last cent of its refund. The chapters are told in order."""

    def __init__(self, folder: str, voice: Voice) -> None:
        from ..assembly import open_flow
        from ..config import load
        from ..gateways.mock import InProcessDelivery
        from ..worker import Handlers, Worker

        self.began = time.monotonic()
        self.voice = voice
        self.flow: Flow = open_flow(load(_config(folder), _secrets()), migrate=True)
        gateway: Any = self.flow.gateways["mock"]
        self.mock: MockGateway = gateway
        self.mock.deliver = InProcessDelivery(self.flow.receive)
        self.cups: list[str] = []
        handlers = Handlers()
        handlers.add("barista", ["payment.paid"], self._make)
        self.worker = Worker(self.flow, handlers)
        self.payment: Payment

    def _make(self, message: Message, _transaction: Transaction) -> None:
        self.cups.append(message.key)

    def tell(self) -> None:
        """The whole story."""
        voice = self.voice
        voice.line(voice.say("title"), bold=True)
        voice.line(voice.say("lead"), dim=True)
        for chapter in (
            self._order, self._confirm, self._pay, self._call_twice, self._forge, self._work, self._repeat,
            self._refund, self._illegal, self._double, self._usual, self._doctor, self._trace,
        ):  # fmt: skip
            chapter()
        seconds = f"{time.monotonic() - self.began:.1f}"
        voice.line()
        voice.line(voice.say("end", truths=voice.truths, seconds=seconds), fg="green", bold=True)
        voice.line(voice.say("next"), dim=True)

    # -- the chapters ----------------------------------------------------------------------------------------------

    def _order(self) -> None:
        self.voice.chapter("order")
        result = self._ordered("25.00", "order_coffee", "order-1")
        self.payment = result.payment
        self.voice.holds(self._status() == "created", "ordered", id=self.payment.id, status=self.payment.status)
        self.voice.holds(
            result.next_action.kind == "confirm" and not self.mock.trades(), "not_sent", orders=len(self.mock.trades())
        )

    def _confirm(self) -> None:
        self.voice.chapter("confirm")
        token = self.flow.next_action(self.payment).data["token"]
        forged = f"{token[:-9]}{'B' if token[-9] == 'A' else 'A'}{token[-8:]}"
        self.voice.refuses("TOKEN_FORGED", lambda: self.flow.confirm(forged), "refused_token")
        result = self.flow.confirm(token)
        trade = self.mock.trade(self.payment.out_trade_no)
        self.voice.holds(
            result.payment.status == "pending" and trade is not None and trade.amount == self.payment.amount,
            "confirmed", status=result.payment.status, kind=result.next_action.kind,
        )  # fmt: skip
        self.voice.refuses("TOKEN_USED", lambda: self.flow.confirm(token), "used_token")

    def _pay(self) -> None:
        self.voice.chapter("pay")
        self.mock.payer.pay(self.payment.out_trade_no)
        self.voice.holds(self._status() == "pending", "not_told", status=self._status())

    def _call_twice(self) -> None:
        self.voice.chapter("callback")
        (callback,) = self._callbacks()
        first, again = self.flow.receive(callback), self.flow.receive(self._callbacks()[0])
        self.voice.holds(first.status == again.status == 200, "acknowledged", first=_shown(first), again=_shown(again))
        history = self.flow.store.history(self.payment.id)
        booked = [journal for journal in history.journals if journal.kind == "capture"] if history else []
        (receipt,) = history.receipts if history else ()
        captured = self._now().captured
        self.voice.holds(
            self._status() == "paid" and len(booked) == 1 and captured == self.payment.amount and receipt.repeats == 1,
            "booked_once", booked=len(booked), repeats=receipt.repeats, money=_money(captured),
        )  # fmt: skip

    def _forge(self) -> None:
        self.voice.chapter("forge")
        (genuine,) = self._callbacks()
        cheaper = replace(genuine, body=genuine.body.replace(b'"amount":2500', b'"amount":1'))
        version = self._now().version
        self.voice.refuses("SIGNATURE_INVALID", lambda: self.flow.receive(cheaper), "forged")
        self.voice.holds(
            cheaper.body != genuine.body and self._now().version == version, "nothing_written", version=version
        )

    def _work(self) -> None:
        self.voice.chapter("worker")
        first, second = self.worker.round(), self.worker.round()
        self.voice.holds(
            len(self.cups) == 1 and first.delivered == self._now().told, "one_cup",
            delivered=first.delivered, cups=len(self.cups),
        )  # fmt: skip
        self.voice.holds(second.delivered == 0, "nothing_left", delivered=second.delivered)

    def _repeat(self) -> None:
        self.voice.chapter("repeat")
        again = self._ordered("25.00", "order_coffee", "order-1")
        self.voice.holds(
            again.replayed and again.payment.id == self.payment.id, "replayed", status=again.payment.status
        )
        self.voice.refuses(
            "IDEMPOTENCY_CONFLICT",
            lambda: self._ordered("26.00", "order_coffee", "order-1"),
            "conflict",
        )

    def _refund(self) -> None:
        from ..money import Money

        self.voice.chapter("refund")
        self.flow.refund(self.payment.id, key="refund-1", amount=Money.parse("5.00"), reason="the milk was sour")
        self.mock.pump()
        now = self._now()
        self.voice.holds(
            (now.status, now.refunded) == ("partially_refunded", 500), "part", status=now.status, back=_money(500)
        )
        self.voice.refuses(
            "REFUND_EXCEEDS_CAPTURED",
            lambda: self.flow.refund(self.payment.id, key="refund-2", amount=Money.parse("20.01")),
            "too_much",
        )
        self.flow.refund(self.payment.id, key="refund-3", reason="all of it, then")
        self.mock.pump()
        now = self._now()
        self.voice.holds(
            (now.status, now.refunded) == ("refunded", now.captured), "all",
            status=now.status, back=_money(now.refunded),
        )  # fmt: skip

    def _illegal(self) -> None:
        table = self.flow.tables["payment"]
        self.voice.chapter("illegal")
        self.voice.refuses("TRANSITION_NOT_ALLOWED", lambda: table.move("refunded", "pay"), "no_cell")
        replies = [self.flow.receive(callback).status for callback in self._callbacks()]
        self.voice.holds(
            set(replies) == {200} and self._status() == "refunded", "old_news", count=len(replies),
            status=self._status(),
        )  # fmt: skip

    def _double(self) -> None:
        self.voice.chapter("double")
        self.mock.payer.pay_again(self.payment.out_trade_no)
        self.mock.pump()
        incidents = self.flow.store.open_incidents()
        self.voice.holds(
            [incident.kind for incident in incidents] == ["double_payment"] and self._status() == "refunded",
            "incident", kind=incidents[0].kind, status=self._status(),
        )  # fmt: skip
        self.worker.round()
        self.mock.pump()
        trade = self.mock.trade(self.payment.out_trade_no)
        self.voice.holds(
            not self.flow.store.open_incidents() and trade is not None and trade.refunded == 2 * self.payment.amount,
            "returned", money=_money(trade.refunded if trade else 0),
        )  # fmt: skip

    def _usual(self) -> None:
        self.voice.chapter("usual")
        known = len(self.mock.trades())
        trusted = self._ordered("22.00", "reorder_usual", "order-2").payment.status
        self.voice.holds(
            trusted == "pending" and len(self.mock.trades()) == known + 1,
            "trusted",
            ceiling="30.00 CNY",
            status=trusted,
        )
        dear = self._ordered("30.01", "reorder_usual", "order-3")
        self.voice.holds(
            (dear.payment.status, dear.next_action.kind) == ("created", "confirm"), "over", status=dear.payment.status
        )

    def _doctor(self) -> None:
        from ..doctor import broken, invariants

        self.voice.chapter("doctor")
        self.worker.round()
        store: Any = self.flow.store
        found = broken(store, self.flow.tables)
        self.voice.holds(not found, "healthy", count=len(invariants(self.flow.tables)))

    def _trace(self) -> None:
        self.voice.chapter("trace")
        self.voice.note("trace_note", id=self.payment.id)
        self.voice.line()
        trace = self.flow.trace(self.payment.id)
        colors = {"receipt": "yellow", "transition": "cyan", "journal": "green", "incident": "red"}
        for text in trace.text().splitlines():
            color = next((color for what, color in colors.items() if f"s  {what} " in text), None)
            self.voice.line(f"  {text}".rstrip(), fg=color)

    # -- what the chapters do and look at --------------------------------------------------------------------------

    def _ordered(self, amount: str, action: str, key: str) -> Result:
        from ..money import Money

        return self.flow.pay(
            amount=Money.parse(amount), channel="qr", key=key, action=action, reference="table-7",
            description="Latte, medium",
        )  # fmt: skip

    def _now(self) -> Payment:
        return self.flow.payment(self.payment.id)

    def _status(self) -> str:
        return self._now().status

    def _callbacks(self) -> list[Callback]:
        """Every callback of the order so far, genuinely signed now."""
        return [callback.as_callback() for callback in self.mock.callbacks(self.payment.out_trade_no)]


def _config(folder: str) -> dict[str, Any]:
    return {
        "version": 1,
        "secret": {"env": "PAYFLOW_DEMO_SECRET"},
        "payment_gateway": "mock",
        "auto_confirm_order": True,
        "trusted_actions": [
            {"action": "reorder_usual", "ceilings": {"CNY": {"per_payment": "30.00", "per_day": "100.00"}}}
        ],
        "gateways": {"mock": {"gateway": "mock", "secret": {"env": "PAYFLOW_DEMO_MOCK_SECRET"}}},
        "policies": {"late_payment": "refund"},
        "store": {"url": f"sqlite:///{folder}/payflow.db"},
    }


def _secrets() -> dict[str, str]:
    return {name: secrets.token_urlsafe(48) for name in ("PAYFLOW_DEMO_SECRET", "PAYFLOW_DEMO_MOCK_SECRET")}


def _money(minor: int) -> str:
    from ..money import text_from_minor

    return f"{text_from_minor(minor)} CNY"


def _shown(reply: Reply) -> str:
    return f"{reply.status} {reply.body.decode()}"
