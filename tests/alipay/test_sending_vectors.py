"""Alipay's published vectors about requests, answers and certificates, through the code that sends."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from cryptography import x509

from payflow.errors import ConfigError
from payflow.gateway import Outcome
from payflow.gateways.alipay import Roots, cert_sn, opened, request_text
from payflow.gateways.alipay.certificates import PINNED_ROOT_SN, certificates_in
from payflow.signing import ContentCipher, Signer, load_private_key

from ..vectors.vectors import data, vector
from .scripted import Script, a_payment


def first(name: str) -> x509.Certificate:
    return certificates_in(data(name), "$")[0]


def test_a_request_in_certificate_mode_is_signed_as_published() -> None:
    inputs, expected = vector("alipay-request-sign-rsa2-certmode")
    params = json.loads(data(inputs["params_file"]))["params"]
    signer = Signer(load_private_key(data(inputs["private_key"])))
    assert signer.sign(request_text(params).encode()) == expected["sign"]


@pytest.mark.parametrize("name", ["alipay-cert-sn-app-y", "alipay-cert-sn-app-n", "alipay-cert-sn-alipay-n"])
def test_the_serial_name_of_a_certificate(name: str) -> None:
    inputs, expected = vector(name)
    assert cert_sn(first(inputs["cert"])) == expected["cert_sn"]


@pytest.mark.parametrize("name", ["alipay-root-cert-sn", "alipay-root-cert-sn-n"])
def test_the_serial_names_of_the_roots_are_those_of_the_rsa_ones(name: str) -> None:
    inputs, expected = vector(name)
    assert Roots(data(inputs["cert"])).sn == expected["root_cert_sn"] == PINNED_ROOT_SN


@pytest.mark.parametrize(("name", "roots"), [
    ("alipay-cert-sn-alipay-n", "alipay-root-cert-sn-n"),  # its file lacks the certificate in between
    ("alipay-sync-response-verify-y", "alipay-root-cert-sn"),  # it belongs to Alipay's sandbox, which has other roots
])  # fmt: skip
def test_a_published_certificate_that_does_not_lead_to_the_roots_is_not_believed(name: str, roots: str) -> None:
    inputs, _ = vector(name)
    pem = data(inputs.get("cert") or inputs["alipay_cert"])
    leaf = certificates_in(pem, "$")[0]
    at = (int(leaf.not_valid_before_utc.timestamp()) + 86_400) * 1_000_000
    with pytest.raises(ConfigError) as refused:
        Roots(data(vector(roots)[0]["cert"])).checked(pem, at)
    assert refused.value.code == "CONFIG_CERT_CHAIN"


def test_the_signed_text_of_an_answer_is_cut_out_exactly() -> None:
    inputs, _ = vector("alipay-sign-substring-extraction")
    cases: list[dict[str, Any]] = json.loads(data(inputs["cases_file"]))
    assert cases
    for case in cases:
        envelope = opened(case["raw"].encode(), case["node"])
        assert envelope.signed.decode() == case["signed_substring"], case["name"]


def answers() -> list[tuple[str, bytes, bytes]]:
    """Method, body and key of every genuine answer that is published."""
    inputs, _ = vector("alipay-sync-response-verify-y")
    cases, certificate = json.loads(data(inputs["responses_file"])), data(inputs["alipay_cert"])
    found = [(case["node"], case["raw_body"].encode(), certificate) for case in cases]
    inputs, _ = vector("alipay-sync-response-verify-n")
    found.append((inputs["node"], data(inputs["raw_file"]).strip(), data(inputs["public_key"])))
    inputs, _ = vector("alipay-sync-pay-response-g")
    node = data(inputs["signed_substring_file"]).decode().strip()
    body = f'{{"alipay_trade_pay_response":{node},"sign":"{inputs["sign"]}"}}'.encode()
    found.append(("alipay_trade_pay_response", body, data(inputs["public_key"])))
    return found


def test_genuine_answers_are_believed_and_changed_ones_are_not(far: Script) -> None:
    for node, body, key in answers():
        gateway = far.gateway(alipay_public_keys=[key])
        method = node.removesuffix("_response").replace("_", ".")
        far.raw(body)
        assert gateway.ask(method, {}).code == "10000", node
        far.raw(body.replace(b"Success", b"Succesz", 1))
        with pytest.raises(Exception, match="GATEWAY_RESPONSE_SIGNATURE"):
            gateway.ask(method, {})


def test_the_published_order_of_a_qr_code_is_read_by_the_gateway(far: Script) -> None:
    inputs, _ = vector("alipay-sync-response-verify-y")
    case = next(one for one in json.loads(data(inputs["responses_file"])) if "precreate" in one["node"])
    far.raw(case["raw_body"].encode())
    number = json.loads(case["signed_substring"])["out_trade_no"]
    gateway = far.gateway(alipay_public_keys=[data(inputs["alipay_cert"])])
    answer = gateway.charge(a_payment(out_trade_no=number))
    assert answer.outcome is Outcome.CONFIRMED
    assert answer.next_action is not None
    assert answer.next_action.data["text"] == "https://qr.alipay.com/bax07651xvtprxfkmxyf00a9"


def test_content_encryption_both_ways() -> None:
    inputs, expected = vector("alipay-aes")
    cipher = ContentCipher(b64decode(inputs["key_base64"]))
    assert cipher.encrypt(inputs["plaintext"].encode()) == expected["ciphertext_base64"]
    assert cipher.decrypt(expected["ciphertext_base64"], 1000).decode() == inputs["plaintext"]
