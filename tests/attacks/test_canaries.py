"""Secrets stay where they are: not in a log, an error, a repr or an answer, also when everything goes wrong."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
from typing import Any

import pytest

from payflow.breaker import Breakers, RedisBreakerStore
from payflow.gateways.alipay import Alipay
from payflow.gateways.wechat import WeChat
from payflow.records import Payment
from payflow.sandbox import Sandbox
from payflow.testing.material import a_payment, a_refund
from payflow.transport import Limits, Surroundings

TOKEN = "202601BBcanaryTOKENcanaryTOKENcanary0001"
AUTH_CODES = {"alipay": "284444444444444444", "wechat": "134444444444444444"}
QUICK = Limits(connect_seconds=0.5, read_seconds=0.5, total_seconds=1.0)


def everything_about(thing: Any, depth: int = 6, seen: set[int] | None = None) -> str:
    """The repr of an object and of all that hangs on it, as a debugger or a crash reporter would show it."""
    seen = set() if seen is None else seen
    if depth == 0 or id(thing) in seen:
        return ""
    seen.add(id(thing))
    names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
    below = [everything_about(getattr(thing, name, None), depth - 1, seen) for name in names]
    return "\n".join([repr(thing), *below])


def runs(gateway: Alipay | WeChat, auth_code: str) -> list[str]:
    """Every verb, with what it answers."""
    said = []
    for channel in ("qr", "barcode"):
        metadata = json.dumps({"auth_code": auth_code, "store_id": "S1"})
        payment = a_payment(gateway, out_trade_no=f"CANARY{channel}", channel=channel, metadata=metadata)
        refund = a_refund(gateway, out_refund_no=f"CANARYR{channel}")
        verbs = (gateway.charge, gateway.query, gateway.close)
        said += [repr(dataclasses.replace(verb(payment), next_action=None)) for verb in verbs]
        said += [repr(gateway.refund(payment, refund)), repr(gateway.query_refund(payment, refund))]
    return said


@pytest.mark.parametrize(
    "fault", ["", "drop_before", "system_error", "bad_gateway_after", "bad_signature", "unsigned", "malformed"]
)
@pytest.mark.parametrize("name", ["alipay", "wechat", "wechat-public-key"])
def test_nothing_secret_is_said_whatever_happens(
    payflow_sandbox: Sandbox, caplog: pytest.LogCaptureFixture, name: str, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    material, kind = payflow_sandbox.material, name.partition("-")[0]
    options = dict(payflow_sandbox.account(name))
    if kind == "alipay":
        options |= {"app_auth_token": TOKEN}
    surroundings = Surroundings(limits=QUICK, notify_url="http://127.0.0.1:9/callbacks")
    gateway: Any = {"alipay": Alipay, "wechat": WeChat}[kind].from_config(kind, options, surroundings)
    if fault:
        payflow_sandbox.fault(fault, rate=1.0)
    said = runs(gateway, AUTH_CODES[kind])
    text = "\n".join([caplog.text, *said, repr(gateway)])
    assert TOKEN not in text
    assert AUTH_CODES[kind] not in text
    text += everything_about(gateway)  # the keys are not even there to be shown
    private = base64.b64encode(material.private_pem("app" if kind == "alipay" else "merchant")).decode()
    pem = material.private_pem("app" if kind == "alipay" else "merchant").decode()
    for secret in (material.api_v3_key, material.aes_key, private, pem.splitlines()[3]):
        assert secret not in text


def test_the_redis_password_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = RedisBreakerStore("redis://:canary-password@127.0.0.1:1/0")
    breakers = Breakers(store)
    breakers.of("a", "charge").before()
    breakers.of("a", "charge").failed()
    assert "canary-password" not in caplog.text + repr(breakers) + repr(store)


def test_a_payment_does_not_show_the_payers_code() -> None:
    facts = {field.name: "" for field in dataclasses.fields(Payment)}
    payment = Payment(**facts | {"metadata": '{"auth_code":"284444444444444444"}', "token_nonce": "the-nonce"})
    assert "284444444444444444" not in repr(payment)
    assert "the-nonce" not in repr(payment)
