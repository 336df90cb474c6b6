"""Who is let in, and how answers are written and signed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import padding as pkcs7
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from payflow.sandbox import Sandbox
from payflow.sandbox.alipay.reading import to_sign
from payflow.sandbox.alipay.serials import cert_sn, root_cert_sn
from payflow.signing import Signer, load_private_key

from ..vectors.vectors import data, vector
from .merchant import Client

QUERY = "alipay.trade.query"


@pytest.mark.parametrize(
    ("outer", "code", "sub_code"),
    [
        ({"app_id": None}, "40001", "isv.missing-app-id"),
        ({"app_id": "2021999999999999"}, "40002", "isv.invalid-app-id"),
        ({"method": None}, "40001", "isv.missing-method"),
        ({"sign_type": None}, "40001", "isv.missing-signature-type"),
        ({"sign": ""}, "40001", "isv.missing-signature"),
        ({"timestamp": None}, "40001", "isv.missing-timestamp"),
        ({"version": None}, "40001", "isv.missing-version"),
        ({"sign_type": "RSA"}, "40002", "isv.invalid-signature-type"),
        ({"charset": None}, "40002", "isv.invalid-charset"),
        ({"method": "alipay.trade.nothing"}, "40002", "isv.invalid-method"),
    ],
)
def test_a_stranger_gets_an_answer_without_a_signature(
    client: Client, outer: dict[str, Any], code: str, sub_code: str
) -> None:
    answer = client.call(QUERY, {"out_trade_no": "A1"}, **outer)
    assert answer.response.status_code == 200
    assert set(answer.envelope) == {"error_response"}
    assert (answer.envelope["error_response"]["code"], answer.envelope["error_response"]["sub_code"]) == (
        code,
        sub_code,
    )


@pytest.mark.parametrize(
    ("outer", "code", "sub_code"),
    [
        ({"timestamp": "2026-02-30 00:00:00"}, "40002", "isv.invalid-timestamp"),
        ({"timestamp": "2026-02-03T00:00:00Z"}, "40002", "isv.invalid-timestamp"),
        ({"sign": "AAAA"}, "40002", "isv.invalid-signature"),
        ({"sign": "not base64"}, "40002", "isv.invalid-signature"),
        ({"version": "2.0"}, "40002", "isv.invalid-version"),
        ({"format": "XML"}, "40002", "isv.invalid-format"),
        ({"app_auth_token": "somebody's"}, "20001", "aop.invalid-app-auth-token"),
        ({"encrypt_type": "DES"}, "40002", "isv.invalid-encrypt-type"),
        ({"encrypt_type": "AES"}, "40003", "isv.decryption-error-unknown"),
        ({"biz_content": None}, "40001", "isv.missing-parameter"),
        ({"biz_content": "[]"}, "40002", "isv.invalid-parameter"),
        ({"biz_content": '{"out_trade_no":"A1","out_trade_no":"A2"}'}, "40002", "isv.invalid-parameter"),
    ],
)
def test_who_is_known_gets_a_signed_refusal(client: Client, outer: dict[str, Any], code: str, sub_code: str) -> None:
    answer = client.call(QUERY, {"out_trade_no": "A1"}, **outer)
    assert (answer.code, answer.sub_code) == (code, sub_code)
    assert client.verifies(answer)


def test_a_wrong_signature_is_answered_with_the_string_to_sign(client: Client) -> None:
    params = client.params(QUERY, {"out_trade_no": "A&B"})
    answer = client.call(QUERY, {"out_trade_no": "A&B"}, sign="AAAA", timestamp=params["timestamp"])
    expected = to_sign(params).replace("&", "&amp;")
    assert answer["sub_msg"].endswith(expected)


def test_a_changed_value_breaks_the_signature(client: Client) -> None:
    url = client.page_url(QUERY, {"out_trade_no": "A1"}).replace("A1", "A2")
    assert requests.get(url, timeout=10).json()["alipay_trade_query_response"]["sub_code"] == "isv.invalid-signature"


def test_everything_may_stand_in_the_query_or_in_the_form(client: Client) -> None:
    url = client.page_url(QUERY, {"out_trade_no": "A1"})
    address, _, query = url.partition("?")
    headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
    for response in (requests.get(url, timeout=10), requests.post(address, data=query, headers=headers, timeout=10)):
        assert response.json()["alipay_trade_query_response"]["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_a_parameter_that_comes_twice_is_refused(client: Client) -> None:
    url = client.page_url(QUERY, {"out_trade_no": "A1"})
    for response in (
        requests.get(url + "&app_id=2021000000000001", timeout=10),
        requests.post(url, data="app_id=2021000000000001", timeout=10),
    ):
        assert response.json()["error_response"]["sub_code"] == "isv.invalid-parameter"


def test_only_get_and_post_are_taken(client: Client) -> None:
    assert requests.put(client.page_url(QUERY, {"out_trade_no": "A1"}), timeout=10).status_code == 405


def test_the_answer_is_called_html_and_the_slashes_in_it_are_escaped(client: Client) -> None:
    answer = client.order("A1", method="alipay.trade.precreate")
    assert answer.response.headers["Content-Type"] == "text/html;charset=utf-8"
    assert answer.response.headers["trace_id"]
    assert b'"qr_code":"http:\\/\\/127.0.0.1' in answer.raw
    assert client.verifies(answer)


def test_braces_and_a_sign_inside_of_texts_do_not_end_the_node(client: Client, sandbox: Sandbox) -> None:
    client.order("A1", store_id='x"}],"sign":"y')
    answer = client.query("A1")
    assert answer["store_id"] == 'x"}],"sign":"y'
    text = json.dumps(answer.node, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    assert sandbox.material is client.material
    assert text.encode() in answer.raw


def test_gbk_goes_both_ways(client: Client, sandbox: Sandbox) -> None:
    made = client.order("A1", subject="龙井茶")
    assert made.code == "10000"
    biz = {"out_trade_no": "A2", "total_amount": "1.00", "subject": "龙井茶", "buyer_id": "2088000000000002"}
    assert client.call("alipay.trade.create", biz, charset="gbk").code == "10000"
    assert sandbox.order("A2").subject == "龙井茶"
    answer = client.call(QUERY, {"out_trade_no": "none"}, charset="GBK")
    assert answer["sub_msg"] == "交易不存在"
    assert answer.response.headers["Content-Type"] == "text/html;charset=GBK"
    assert client.verifies(answer)


def test_content_is_encrypted_both_ways(client: Client, sandbox: Sandbox) -> None:
    key = base64.b64decode(sandbox.material.aes_key)
    padder = pkcs7.PKCS7(128).padder()
    padded = padder.update(b'{"out_trade_no":"A1"}') + padder.finalize()
    machine = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    sealed = base64.b64encode(machine.update(padded) + machine.finalize()).decode()
    client.order("A1")
    answer = client.call(QUERY, sealed, encrypt_type="AES")
    assert answer.signed.startswith(b'"')
    assert client.verifies(answer)
    opener = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
    opened = opener.update(base64.b64decode(answer.node)) + opener.finalize()
    assert json.loads(opened[: -opened[-1]])["out_trade_no"] == "A1"


def test_a_token_of_the_sandbox_is_taken(client: Client) -> None:
    assert client.call(QUERY, {"out_trade_no": "A1"}, app_auth_token="sandbox-token-1").code == "40004"


# -- certificate mode -----------------------------------------------------------------------------------------------


def test_a_certified_app_says_its_certificates_and_is_told_alipays(certified: Client, sandbox: Sandbox) -> None:
    answer = certified.order("A1")
    assert answer.code == "10000"
    assert answer.envelope["alipay_cert_sn"] == cert_sn(sandbox.material.alipay_certificate)
    assert certified.verifies(answer)


def test_without_certificates_no_sn_is_told(client: Client) -> None:
    assert "alipay_cert_sn" not in client.query("A1").envelope


@pytest.mark.parametrize(
    ("outer", "sub_code"),
    [
        ({"app_cert_sn": None}, "isv.missing-app-cert-sn"),
        ({"alipay_root_cert_sn": None}, "isv.missing-alipay-root-cert-sn"),
        ({"app_cert_sn": "0" * 32}, "isv.app-cert-not-exist"),
        ({"alipay_root_cert_sn": "0" * 32}, "isv.invalid-alipay-root-cert-sn"),
    ],
)
def test_wrong_certificates_are_refused(certified: Client, outer: dict[str, Any], sub_code: str) -> None:
    answer = certified.call(QUERY, {"out_trade_no": "A1"}, **outer)
    assert answer.envelope["error_response"]["sub_code"] == sub_code


def test_after_a_rotation_answers_name_a_certificate_that_can_be_fetched(
    client: Client, certified: Client, sandbox: Sandbox
) -> None:
    first = cert_sn(sandbox.material.alipay_certificate)
    following = sandbox.sides["alipay"].rotate()
    answer = certified.query("A1")
    assert answer.envelope["alipay_cert_sn"] == following != first
    assert answer.is_genuine(sandbox.material.key("alipay_next"))
    for sn, key in ((first, "alipay"), (following, "alipay_next")):
        fetched = certified.call("alipay.open.app.alipaycert.download", {"alipay_cert_sn": sn})
        found = x509.load_pem_x509_certificates(base64.b64decode(fetched["alipay_cert_content"]))[0]
        assert cert_sn(found) == sn
        assert found.public_key() == sandbox.material.key(key).public_key()
        found.verify_directly_issued_by(sandbox.material.root_certificate)
    unknown = certified.call("alipay.open.app.alipaycert.download", {"alipay_cert_sn": "0" * 32})
    assert unknown.code == "40004"
    assert client.verifies(client.query("A1"))  # an app with bare keys knows of no rotation


def test_cert_sn_is_the_one_alipay_computes() -> None:
    inputs, expected = vector("alipay-cert-sn-app-y")
    assert cert_sn(x509.load_pem_x509_certificate(data(inputs["cert"]))) == expected["cert_sn"]


def test_root_cert_sn_counts_only_what_rsa_has_signed() -> None:
    inputs, expected = vector("alipay-root-cert-sn")
    found = []
    for block in data(inputs["cert"]).split(b"-----BEGIN CERTIFICATE-----")[1:]:
        try:
            found.append(x509.load_pem_x509_certificate(b"-----BEGIN CERTIFICATE-----" + block))
        except ValueError:  # newer releases of cryptography do not read every root of theirs
            continue
    assert root_cert_sn(found) == expected["root_cert_sn"]


def test_the_string_to_sign_is_the_one_alipay_verifies() -> None:
    inputs, expected = vector("alipay-request-sign-rsa2-certmode")
    params = json.loads(data(inputs["params_file"]))["params"]
    signer = Signer(load_private_key(data(inputs["private_key"])))
    assert signer.sign(to_sign(params).encode()) == expected["sign"]
