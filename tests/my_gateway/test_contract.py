"""The example gateway keeps the contract. The first class is all that a gateway of one's own needs."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from examples.my_gateway.far_side import FarSide
from examples.my_gateway.gateway import ExamplePay, signature_of
from payflow.clock import SECOND
from payflow.errors import ConfigError
from payflow.gateway import Callback, EventKind, Gateway, Outcome
from payflow.records import Payment
from payflow.testing.callbacks import Told
from payflow.testing.gateways import SignedByHeaders
from payflow.testing.material import a_payment, a_refund, call
from payflow.testing.sending import SendingGatewayContract
from payflow.transport import Limits, Request, Response, Surroundings

KEY = b"canary-of-the-example-signing-key-01"
STATES = {"pending": "open", "paid": "paid", "closed": "closed"}
REFUNDS = {"refund_processing": "working", "refund_succeeded": "done", "refund_failed": "failed"}


@pytest.fixture
def far() -> Iterator[FarSide]:
    with FarSide(KEY) as side:
        yield side


class TestExamplePay(SignedByHeaders, SendingGatewayContract):
    kinds = (*STATES, *REFUNDS)
    signing_headers = ("Example-Timestamp", "Example-Signature")
    secrets = (KEY,)

    @pytest.fixture
    def gateway(self, far: FarSide) -> Gateway:
        self.far = far
        limits = Limits(connect_seconds=1, read_seconds=1, total_seconds=2)
        return ExamplePay(
            "mine", merchant=far.merchant, app=far.app, key=KEY, address=far.address,
            around=Surroundings(limits=limits),
        )  # fmt: skip

    def signed_callback(self, kind: str, **told: Any) -> Callback:
        return self._signed(KEY, kind, Told(**told))

    def strangers_callback(self, kind: str, **told: Any) -> Callback:
        return self._signed(b"a stranger's key", kind, Told(**told))

    def _signed(self, key: bytes, kind: str, facts: Told) -> Callback:
        keyed = hmac.new(key, digestmod=hashlib.sha256)
        said: dict[str, Any] = {
            "merchant": facts.merchant or "merchant-1", "app": facts.app or "app-1", "order": facts.out_trade_no,
            "number": facts.gateway_txn, "currency": facts.currency,
        }  # fmt: skip
        if kind in REFUNDS:
            refund = {
                "refund": facts.out_refund_no,
                "refund_amount": facts.refund_amount,
                "refund_state": REFUNDS[kind],
            }
            said |= refund
        else:
            said |= {"state": STATES[kind], "amount": facts.amount, "paid_at": facts.when // SECOND}
        body = json.dumps(said).encode()
        at = str(facts.when // SECOND)
        signature = signature_of(keyed, "callback", at, body)
        return Callback("mine", (("Example-Timestamp", at), ("Example-Signature", signature)), body)

    def payer_pays(self, gateway: Any, payment: Payment) -> None:
        self.far.pay(payment.out_trade_no)

    def callbacks_about(self, gateway: Any, payment: Payment, now: int) -> list[Callback]:
        bodies = [body for order, body in self.far.told if order == payment.out_trade_no]
        return [
            Callback("mine", tuple(self.far.headers("callback", body, now // SECOND).items()), body) for body in bodies
        ]

    @contextmanager
    def cut_off(self, gateway: Any) -> Iterator[None]:
        self.far.silent = True
        yield
        self.far.silent = False


# -- what an answer proves -------------------------------------------------------------------------------------------


class Line:
    """Stands in for the transport: answers with what a test says, signed for ``line``."""

    def __init__(self, status: int, said: dict[str, Any], line: str, key: bytes = KEY) -> None:
        self.response = status, json.dumps(said).encode(), line, key

    def send(self, request: Request, **_: Any) -> Response:
        status, body, line, key = self.response
        at = request.headers["Example-Timestamp"]
        signature = signature_of(hmac.new(key, digestmod=hashlib.sha256), line, at, body)
        return Response(status, {"example-timestamp": at, "example-signature": signature}, body)


ORDER = {"merchant": "merchant-1", "app": "app-1", "order": "ORDER-0001", "number": "EP1", "state": "open",
         "amount": 100, "currency": "CNY", "pay_url": "http://127.0.0.1/pay"}  # fmt: skip
REFUND = {key: ORDER[key] for key in ("merchant", "app", "order", "number", "currency")} | {
    "refund": "REFUND-0001", "refund_amount": 100, "refund_state": "done",
}  # fmt: skip
QUERY, SOUGHT = "answer GET /orders/ORDER-0001", "answer GET /refunds/REFUND-0001"


@pytest.mark.parametrize(
    ("operation", "line", "outcome"),
    [
        ("query", Line(200, ORDER, QUERY), Outcome.CONFIRMED),
        ("query", Line(404, {"error": "NO_ORDER"}, QUERY), Outcome.NOT_FOUND),
        ("query", Line(429, {"error": "SLOWLY"}, QUERY), Outcome.NEVER_SENT),
        ("query", Line(500, {"error": "BROKEN"}, QUERY), Outcome.UNKNOWN),
        ("query", Line(404, {"error": "NO_ORDER"}, QUERY, b"a stranger's key"), Outcome.UNKNOWN),
        ("query", Line(404, {"error": "NO_ORDER"}, "answer GET /orders/ORDER-0002"), Outcome.UNKNOWN),
        ("query", Line(200, ORDER, "request GET /orders/ORDER-0001"), Outcome.UNKNOWN),
        ("query", Line(200, ORDER, "callback"), Outcome.UNKNOWN),
        ("query", Line(200, ORDER | {"order": "ORDER-0002"}, QUERY), Outcome.UNKNOWN),
        ("query", Line(200, ORDER | {"amount": True}, QUERY), Outcome.UNKNOWN),
        ("query_refund", Line(200, REFUND, SOUGHT), Outcome.CONFIRMED),
        ("query_refund", Line(200, REFUND | {"refund": "REFUND-0002"}, SOUGHT), Outcome.UNKNOWN),
        ("query_refund", Line(200, REFUND | {"order": "ORDER-0002"}, SOUGHT), Outcome.UNKNOWN),
    ],
)
def test_an_answer_counts_only_if_it_is_genuine_and_about_what_was_asked(
    operation: str, line: Line, outcome: Outcome
) -> None:
    gateway: Any = ExamplePay("mine", merchant="merchant-1", app="app-1", key=KEY, address="http://127.0.0.1:1")
    gateway._transport = line
    payment = a_payment(gateway, out_trade_no="ORDER-0001", amount=100)
    answer = call(gateway, operation, payment, a_refund(gateway, out_refund_no="REFUND-0001", amount=100))
    assert answer.outcome is outcome
    assert bool(answer.events) == (outcome is Outcome.CONFIRMED)


def test_a_word_without_translation_is_unknown_and_kept() -> None:
    gateway: Any = ExamplePay("mine", merchant="merchant-1", app="app-1", key=KEY, address="http://127.0.0.1:1")
    gateway._transport = Line(200, ORDER | {"state": "frozen"}, QUERY)
    (event,) = gateway.query(a_payment(gateway, out_trade_no="ORDER-0001")).events
    assert (event.kind, event.words) == (EventKind.UNKNOWN, {"state": "frozen"})


@pytest.mark.parametrize("missing", ["secrets", "options"])
def test_what_a_config_leaves_out_is_named(missing: str) -> None:
    options = {
        "merchant": "m",
        "app": "a",
        "secrets": {"signing_key": KEY},
        "options": {"address": "https://a.example"},
    }
    with pytest.raises(ConfigError) as refused:
        ExamplePay.from_config("mine", {**options, missing: {}})
    assert (refused.value.code, refused.value.path) == ("CONFIG_MISSING_FIELD", "$.gateways.mine")


def test_the_file_is_short() -> None:
    source = Path(__file__).parents[2] / "examples/my_gateway/gateway.py"
    assert len(source.read_text(encoding="utf-8").splitlines()) < 250


def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.my_gateway"], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("callback answered with 200") == 2
    assert "partially_refunded" in done.stdout
