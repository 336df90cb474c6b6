"""The published vectors about sending, through the code that sends."""

from __future__ import annotations

import json
import re

import pytest

from payflow.errors import CallbackRefused
from payflow.gateways.wechat import SIGNATURE_TYPE, products
from payflow.gateways.wechat.certificates import certificates_in
from payflow.gateways.wechat.client import authorization, json_bytes, request_text
from payflow.gateways.wechat.identity import Identity
from payflow.gateways.wechat.keys import PlatformKeys, key_name
from payflow.gateways.wechat.reading import unsealed
from payflow.signing import (
    Decrypter,
    Seal,
    Signer,
    Unsealable,
    certificate_serial,
    is_certificate,
    load_certificate,
    load_private_key,
)

from ..vectors.vectors import data, vector


def signer(inputs: dict[str, str]) -> Signer:
    return Signer(load_private_key(data(inputs["private_key"])))


def test_the_parameters_of_a_page() -> None:
    inputs, expected = vector("derived-wx-jsapi-paysign")
    prepay_id = inputs["package"].removeprefix("prepay_id=")
    params = products.jsapi_params(signer(inputs), inputs["appId"], prepay_id, inputs["timeStamp"], inputs["nonceStr"])
    assert params == {
        "appId": inputs["appId"], "timeStamp": inputs["timeStamp"], "nonceStr": inputs["nonceStr"],
        "package": inputs["package"], "signType": inputs["signType"], "paySign": expected["signature"],
    }  # fmt: skip


def test_the_parameters_of_an_app() -> None:
    inputs, expected = vector("derived-wx-app-sign")
    params = products.app_params(
        signer(inputs), inputs["appid"], "1230000109", inputs["prepayid"], inputs["timestamp"], inputs["noncestr"]
    )
    assert (params["sign"], params["package"]) == (expected["signature"], inputs["package"])


def test_the_authorization_header() -> None:
    inputs, expected = vector("wx-authorization-header")
    text = request_text(
        inputs["method"], inputs["url"], str(inputs["timestamp"]), inputs["nonce"], inputs["body"].encode()
    )
    assert text == expected["message"].encode()
    header = authorization(inputs["mchid"], inputs["serial"], str(inputs["timestamp"]), inputs["nonce"], "<SIG>")
    template = expected["header_template"].replace("WECHATPAY2-<ALG>", SIGNATURE_TYPE)
    assert header == template


def test_a_query_is_signed_with_its_query() -> None:
    inputs, expected = vector("derived-wx-get-query-request")
    text = request_text("GET", inputs["url"], str(inputs["timestamp"]), inputs["nonce"], b"")
    assert text == expected["message"].encode()
    assert signer(inputs).sign(text) == expected["signature"]


def test_a_whole_request() -> None:
    inputs, expected = vector("wx-request-sign-y")
    method, target, timestamp, nonce, body, rest = data(inputs["message_file"]).split(b"\n", 5)
    assert rest == b""
    text = request_text(method.decode(), target.decode(), timestamp.decode(), nonce.decode(), body)
    signature = signer(inputs).sign(text)
    assert signature == expected["signature"]
    header = authorization(inputs["mchid"], expected["serial_no"], timestamp.decode(), nonce.decode(), signature)
    assert header == f'{expected["authorization_prefix"]}{signature}"'
    own = Identity(data(inputs["private_key"]), None, data(inputs["merchant_cert"]), "$")
    assert own.serial == expected["serial_no"]
    assert json.loads(json_bytes(json.loads(body))) == json.loads(body)


def test_certificates_of_an_answer() -> None:
    inputs, expected = vector("wx-certificates-decrypt-java")
    found = certificates_in(json.loads(data(inputs["response_file"])), Seal(inputs["apiv3_key"].encode()))
    assert [key.name for key in found.values()] == [expected["serial"]]
    assert set(found) == {key_name(expected["serial"])}


def test_a_real_certificate() -> None:
    inputs, expected = vector("wx-certificates-decrypt-y")
    sealed = json.loads(data(inputs["resource_file"])) | {"algorithm": "AEAD_AES_256_GCM"}
    pem = unsealed(Seal(inputs["apiv3_key"].encode()), sealed)
    assert is_certificate(pem)
    assert certificate_serial(load_certificate(pem)) == expected["serial"]


@pytest.mark.parametrize("name", ["wx-oaep-decrypt-java", "wx-oaep-decrypt-y"])
def test_a_sensitive_field(name: str) -> None:
    inputs, expected = vector(name)
    opened = Decrypter(load_private_key(data(inputs["private_key"])))
    assert opened.decrypt(inputs["ciphertext_base64"]).decode() == expected["plaintext"]
    changed = re.sub("^.", "B", inputs["ciphertext_base64"])
    with pytest.raises(Unsealable):
        opened.decrypt(changed)


def test_a_field_encrypted_for_them_opens_with_their_key() -> None:
    inputs, _ = vector("wx-keypair-java-platform")
    serial = certificate_serial(load_certificate(data(inputs["cert"])))
    key = PlatformKeys({serial: data(inputs["cert"])}).find(serial.lower())
    assert key is not None
    opened = Decrypter(load_private_key(data(inputs["private_key"])))
    assert opened.decrypt(key.encrypter.encrypt("张三".encode())).decode() == "张三"
    assert key.encrypter.max_bytes == 214


def test_an_answer_is_verified() -> None:
    """The vector's answer names a key of its own: the merchant's, with which that SDK's test has signed it."""
    inputs, _ = vector("wx-response-verify-y")
    answer = json.loads(data(inputs["response_file"]))
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    keys = PlatformKeys({certificate_serial(load_certificate(data(inputs["cert"]))): data(inputs["cert"])})
    found = next(iter(keys.certificates()))
    now = int(headers["wechatpay-timestamp"]) * 1_000_000
    genuine = {**headers, "wechatpay-serial": found.name, "wechatpay-signature-type": SIGNATURE_TYPE}
    assert keys.verify(genuine, answer["body"].encode(), now, 300) is None
    with pytest.raises(CallbackRefused) as caught:
        keys.verify(genuine, answer["body"].encode() + b" ", now, 300)
    assert caught.value.code == "SIGNATURE_INVALID"
