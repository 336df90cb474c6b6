"""Certificate mode: Alipay's root also stands above the certificates of every app of every merchant."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509

from payflow.errors import ConfigError
from payflow.gateway import EventKind, Outcome
from payflow.gateways.alipay import Alipay, cert_sn
from payflow.sandbox import Sandbox
from payflow.signing import Signer
from payflow.testing.signed import private_key, public_pem

from ..alipay.scripted import Script, a_payment
from ..alipay.test_certificates import ROOT, issued, pem

QUERY, DOWNLOAD = "alipay.trade.query", "alipay.open.app.alipaycert.download"
PAID = {
    "trade_no": "2026012822001400000000000001", "out_trade_no": "ORDER_0001", "total_amount": "12.50",
    "trade_status": "TRADE_SUCCESS",
}  # fmt: skip
THEIR_NAME = "支付宝(中国)网络技术有限公司-2088000000000001"
ALIPAY = issued("alipay", "root", common=THEIR_NAME)


@pytest.fixture
def far() -> Iterator[Script]:
    script = Script()
    yield script
    script.close()


def certified(far: Script) -> Alipay:
    return far.gateway(
        alipay_public_keys=(), root_certificate=pem(ROOT), app_certificate=pem(issued("app", "root")),
        alipay_certificate=pem(ALIPAY), surroundings=None,
    )  # fmt: skip


def answer(far: Script, key: str, certificate: x509.Certificate, offered: x509.Certificate | None = None) -> None:
    """A paid answer signed with ``key`` under the name of ``certificate``, and what the download then gives."""
    node = json.dumps({"code": "10000", "msg": "Success", **PAID}, separators=(",", ":"))
    said: dict[str, Any] = {
        "alipay_cert_sn": cert_sn(certificate),
        "sign": Signer(private_key(key)).sign(node.encode()),
    }
    rest = json.dumps(said)[1:]
    far.raw(f'{{"alipay_trade_query_response":{node},{rest}'.encode())
    content = base64.b64encode(pem(offered or certificate)).decode()
    far.raw(json.dumps({"alipay_open_app_alipaycert_download_response": {
        "code": "10000", "msg": "Success", "alipay_cert_content": content}}).encode())  # fmt: skip


def test_the_next_certificate_of_alipay_is_taken(far: Script) -> None:
    following = issued("alipay_next", "root", common=THEIR_NAME)
    answer(far, "alipay_next", following)
    (event,) = certified(far).query(a_payment()).events
    assert event.kind is EventKind.PAID


def test_the_certificate_of_another_merchants_app_signs_nothing_for_alipay(far: Script) -> None:
    # It leads to the very same root. Taken on, its owner could sign notifications too, which need no way in between.
    stranger = issued("stranger", "root", common="2088999999999999-2021009999999999")
    answer(far, "stranger", stranger)
    gateway = certified(far)
    assert gateway.query(a_payment()).outcome is Outcome.UNKNOWN
    assert len(gateway._verifiers) == 1


def test_our_own_apps_certificate_signs_nothing_for_alipay(far: Script) -> None:
    answer(far, "app", issued("app", "root", common="2088000000000001-2021000000000001"))
    assert certified(far).query(a_payment()).outcome is Outcome.UNKNOWN


def test_another_certificate_than_the_one_asked_for_is_not_taken(far: Script) -> None:
    asked = issued("alipay_next", "root", common=THEIR_NAME)
    answer(far, "alipay_next", asked, offered=issued("alipay_other", "root", common=THEIR_NAME))
    gateway = certified(far)
    assert gateway.query(a_payment()).outcome is Outcome.UNKNOWN
    assert len(gateway._verifiers) == 1


def test_our_own_certificate_is_refused_where_alipays_belongs(far: Script) -> None:
    own = pem(issued("app", "root"))
    with pytest.raises(ConfigError) as refused:
        far.gateway(
            alipay_public_keys=(), root_certificate=pem(ROOT), app_certificate=own, alipay_certificate=own,
            surroundings=None,
        )  # fmt: skip
    assert (refused.value.code, refused.value.path) == ("CONFIG_KEY_MISMATCH", "$.alipay_certificate")


def test_a_root_without_alipays_certificate_is_refused(far: Script) -> None:
    with pytest.raises(ConfigError) as refused:
        far.gateway(
            alipay_public_keys=[public_pem(private_key("alipay"))], root_certificate=pem(ROOT),
            app_certificate=pem(issued("app", "root")), surroundings=None,
        )  # fmt: skip
    assert (refused.value.code, refused.value.path) == ("CONFIG_MISSING_FIELD", "$.alipay_certificate")


def test_the_sandboxs_next_certificate_is_taken(payflow_sandbox: Sandbox) -> None:
    gateway = Alipay.from_config("alipay", payflow_sandbox.account("alipay-certificate"))
    payment = a_payment("mini_program", app=gateway.app, merchant=gateway.merchant, created_at=0, expires_at=None)
    assert gateway.charge(payment).outcome is Outcome.CONFIRMED
    payflow_sandbox.sides["alipay"].rotate()
    payflow_sandbox.pay(payment.out_trade_no)
    (event,) = gateway.query(payment).events
    assert event.kind is EventKind.PAID
    assert len(gateway._verifiers) == 2
