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
from payflow.gateway import Callback, Gateway
from payflow.records import Payment
from payflow.testing.callbacks import Told
from payflow.testing.gateways import SignedByHeaders
from payflow.testing.sending import SendingGatewayContract
from payflow.transport import Limits, Surroundings

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
            surroundings=Surroundings(limits=limits),
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
        return Callback("mine", (("Example-Timestamp", at), ("Example-Signature", signature_of(keyed, at, body))), body)

    def payer_pays(self, gateway: Any, payment: Payment) -> None:
        self.far.pay(payment.out_trade_no)

    def callbacks_about(self, gateway: Any, payment: Payment, now: int) -> list[Callback]:
        bodies = [body for order, body in self.far.told if order == payment.out_trade_no]
        return [Callback("mine", tuple(self.far.headers(body, now // SECOND).items()), body) for body in bodies]

    @contextmanager
    def cut_off(self, gateway: Any) -> Iterator[None]:
        self.far.silent = True
        yield
        self.far.silent = False


def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.my_gateway"], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("callback answered with 200") == 2
    assert "partially_refunded" in done.stdout
