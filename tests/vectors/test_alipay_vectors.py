"""Alipay's own signatures, through the code that takes callbacks."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from payflow.errors import CallbackRefused
from payflow.forms import parse
from payflow.gateway import Callback, EventKind
from payflow.gateways.alipay import Alipay, canonical_text
from payflow.signing import Signer, Verifier, decode_base64, load_private_key, load_public_key

from .vectors import data, vector


def gateway(inputs: dict[str, Any], app: str = "1", seller: str = "2") -> Alipay:
    key = data(inputs.get("public_key") or inputs["alipay_cert"])
    return Alipay("alipay", app_id=app, seller_id=seller, alipay_public_keys=[key])


def callback(fields: dict[str, str]) -> Callback:
    return Callback("alipay", (), urlencode(fields).encode())


def posted(inputs: dict[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = json.loads(data(inputs["post_file"]))
    return fields


def test_notify_verify_v1() -> None:
    inputs, _ = vector("alipay-notify-verify-v1")
    (event,) = gateway(inputs).read(callback(posted(inputs)), 0)
    assert (event.kind, event.key) == (EventKind.PAID, "paid:2019081522001468450512505578")
    assert (event.out_trade_no, event.amount, event.currency) == ("20190815155618536-564-57", 10, "CNY")
    assert (event.app, event.merchant) == ("2019073166072302", "2088531891668739")
    assert event.words["subject"] == "语雀空间 500人规模"


def test_notify_verify_with_a_literal_plus() -> None:
    inputs, expected = vector("alipay-notify-verify-plus")
    (event,) = gateway(inputs).read(callback(posted(inputs)), 0)
    assert event.words["subject"] == "yansongda+测试 - 1"
    assert event.words["trade_status"] == expected["trade_status"]
    assert (event.kind, event.amount, event.out_trade_no) == (EventKind.PAID, 1, "1703147160")


def test_notify_verify_v2_is_genuine_and_about_something_else() -> None:
    inputs, _ = vector("alipay-notify-verify-v2")
    with pytest.raises(CallbackRefused) as caught:
        gateway(inputs).read(callback(posted(inputs)), 0)
    assert caught.value.code == "CALLBACK_UNKNOWN_KIND"


@pytest.mark.parametrize("name", ["alipay-notify-negative-1", "alipay-notify-negative-2"])
def test_tampered_notifications(name: str) -> None:
    inputs, _ = vector(name)
    with pytest.raises(CallbackRefused) as caught:
        gateway(inputs).read(callback(posted(inputs)), 0)
    assert (caught.value.status, caught.value.code) == (401, "SIGNATURE_INVALID")


@pytest.mark.parametrize("name", ["alipay-notify-verify-v1", "alipay-notify-verify-plus"])
def test_any_field_of_a_genuine_notification_changed(name: str) -> None:
    inputs, _ = vector(name)
    fields, reader = posted(inputs), gateway(inputs)
    for changed in sorted(set(fields) - {"sign", "sign_type"}):
        with pytest.raises(CallbackRefused) as caught:
            reader.read(callback({**fields, changed: fields[changed] + "0"}), 0)
        assert caught.value.code == "SIGNATURE_INVALID"


def test_request_sign() -> None:
    inputs, expected = vector("alipay-request-sign-rsa2-certmode")
    params = {
        name.encode(): value.encode() for name, value in json.loads(data(inputs["params_file"]))["params"].items()
    }
    text = canonical_text(params, frozenset({b"sign"}))
    assert Signer(load_private_key(data(inputs["private_key"]))).sign(text) == expected["sign"]


def test_return_url() -> None:
    inputs, _ = vector("alipay-return-url-verify")
    fields = parse(data(inputs["url_file"]).strip().partition(b"?")[2])
    signed = canonical_text(fields, frozenset({b"sign", b"sign_type"}))
    verifier = Verifier(load_public_key(data(inputs["alipay_cert"])))
    assert verifier.verifies(decode_base64(fields[b"sign"], 2048), signed)


def test_pay_response() -> None:
    inputs, _ = vector("alipay-sync-pay-response-g")
    verifier = Verifier(load_public_key(data(inputs["public_key"])))
    signed = data(inputs["signed_substring_file"])
    assert verifier.verifies(decode_base64(inputs["sign"], 2048), signed)
    assert not verifier.verifies(decode_base64(inputs["sign"], 2048), signed + b" ")


def test_sync_responses() -> None:
    inputs, _ = vector("alipay-sync-response-verify-y")
    verifier = Verifier(load_public_key(data(inputs["alipay_cert"])))
    answers = json.loads(data(inputs["responses_file"]))
    assert answers
    for answer in answers:
        assert verifier.verifies(decode_base64(answer["sign"], 2048), answer["signed_substring"].encode())


def test_sync_response_of_the_real_gateway() -> None:
    inputs, expected = vector("alipay-sync-response-verify-n")
    verifier = Verifier(load_public_key(data(inputs["public_key"])))
    sign = json.loads(data(inputs["raw_file"]))["sign"]
    assert verifier.verifies(decode_base64(sign, 2048), expected["signed_substring"].encode())


def test_the_key_of_alipays_certificate() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    inputs, expected = vector("alipay-cert-sn-alipay-n")
    spki = load_public_key(data(inputs["cert"])).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert spki == decode_base64(expected["spki_base64"], 4096)


def test_v3_request_sign() -> None:
    inputs, expected = vector("derived-alipay-v3-request-sign")
    signer = Signer(load_private_key(data(inputs["private_key"])))
    assert signer.sign(expected["message"].encode()) == expected["signature"]


def test_key_pair() -> None:
    inputs, _ = vector("alipay-keypair-n")
    private, public = load_private_key(data(inputs["private_key"])), load_public_key(data(inputs["public_key"]))
    assert private.public_key().public_numbers() == public.public_numbers()
