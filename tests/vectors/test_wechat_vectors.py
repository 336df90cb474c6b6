"""WeChat Pay's signatures and sealed texts, through the code that takes callbacks."""

from __future__ import annotations

import json

import pytest

from payflow.clock import SECOND
from payflow.errors import CallbackRefused, ConfigError
from payflow.gateway import Callback
from payflow.gateways.wechat import SIGNATURE_TYPE, WeChat, signed_text
from payflow.signing import (
    Signer,
    Verifier,
    aes_gcm_decrypt,
    aes_gcm_encrypt,
    certificate_serial,
    decode_base64,
    encode_base64,
    load_certificate,
    load_private_key,
    load_public_key,
)

from .vectors import data, vector

SENT_AT = 1_624_523_846  # the clock of the SDK's own test


def reader(api_v3_key: bytes) -> WeChat:
    inputs, _ = vector("wx-notify-verify-decrypt")
    serial = json.loads(data(inputs["headers_file"]))["Wechatpay-Serial"]
    return WeChat(
        "wechat", appid="wx", mchid="1234567890", api_v3_key=api_v3_key,
        platform_keys={serial: data(inputs["platform_cert"])},
    )  # fmt: skip


def notification(body: bytes | None = None) -> Callback:
    inputs, _ = vector("wx-notify-verify-decrypt")
    headers = json.loads(data(inputs["headers_file"])) | {"Wechatpay-Signature-Type": SIGNATURE_TYPE}
    return Callback("wechat", tuple(headers.items()), body or data(inputs["body_file"]))


def test_notify_verify() -> None:
    """The signature is genuine; the key of the sealed resource is one that payflow refuses, so it stays closed."""
    with pytest.raises(CallbackRefused) as caught:
        reader(b"x" * 31 + b"y").read(notification(), SENT_AT * SECOND)
    assert caught.value.code == "DECRYPTION_FAILED"


def test_notify_verify_of_another_body() -> None:
    changed = notification().body.replace(b"3119dfba", b"3119dfbb")
    with pytest.raises(CallbackRefused) as caught:
        reader(b"x" * 31 + b"y").read(notification(changed), SENT_AT * SECOND)
    assert caught.value.code == "SIGNATURE_INVALID"


def test_notify_is_of_its_time() -> None:
    with pytest.raises(CallbackRefused) as caught:
        reader(b"x" * 31 + b"y").read(notification(), (SENT_AT + 301) * SECOND)
    assert caught.value.code == "TIMESTAMP_SKEW"


def test_an_apiv3_key_of_16_bytes_is_refused() -> None:
    inputs, _ = vector("wx-notify-verify-decrypt")
    with pytest.raises(ConfigError) as caught:
        reader(inputs["apiv3_key"].encode())
    assert caught.value.code == "CONFIG_WEAK_SECRET"


def test_notify_decrypt() -> None:
    inputs, expected = vector("wx-notify-verify-decrypt")
    resource = json.loads(data(inputs["body_file"]))["resource"]
    opened = aes_gcm_decrypt(
        inputs["apiv3_key"].encode(), resource["nonce"].encode(), decode_base64(resource["ciphertext"], 4096),
        resource["associated_data"].encode(),
    )  # fmt: skip
    assert opened == expected["plaintext"].encode()


def test_sign() -> None:
    inputs, expected = vector("wx-sign-rsa2048")
    signer = Signer(load_private_key(data(inputs["private_key"])))
    assert signer.sign(inputs["message"].encode()) == expected["signature"]


@pytest.mark.parametrize("name", ["derived-wx-jsapi-paysign", "derived-wx-app-sign", "derived-wx-get-query-request"])
def test_sign_messages(name: str) -> None:
    inputs, expected = vector(name)
    signer = Signer(load_private_key(data(inputs["private_key"])))
    assert signer.sign(expected["message"].encode()) == expected["signature"]


def test_request_sign() -> None:
    inputs, expected = vector("wx-request-sign-y")
    signer = Signer(load_private_key(data(inputs["private_key"])))
    assert signer.sign(data(inputs["message_file"])) == expected["signature"]
    assert certificate_serial(load_certificate(data(inputs["merchant_cert"]))) == expected["serial_no"]


def test_verify() -> None:
    inputs, _ = vector("wx-verify-java")
    signature = decode_base64(inputs["signature"], 2048)
    right = Verifier(load_public_key(data(inputs["cert"])))
    wrong = Verifier(load_public_key(data(inputs["wrong_public_key"])))
    message = inputs["message"].encode()
    assert (right.verifies(signature, message), wrong.verifies(signature, message)) == (True, False)


def test_verify_an_answer() -> None:
    inputs, _ = vector("wx-response-verify-y")
    answer = json.loads(data(inputs["response_file"]))
    headers = answer["headers"]
    text = signed_text(headers["Wechatpay-Timestamp"], headers["Wechatpay-Nonce"], answer["body"].encode())
    verifier = Verifier(load_public_key(data(inputs["cert"])))
    assert verifier.verifies(decode_base64(headers["Wechatpay-Signature"], 2048), text)


@pytest.mark.parametrize("name", ["wx-aes-gcm-go", "wx-aes-gcm-java", "wx-aes-gcm-axios", "wx-aes-gcm-axios-empty"])
def test_aes_gcm(name: str) -> None:
    inputs, expected = vector(name)
    plaintext = expected.get("plaintext", inputs.get("plaintext")).encode()
    sealed = decode_base64(inputs.get("ciphertext_base64") or expected["ciphertext_base64"], 4096)
    how = inputs["key"].encode(), inputs["nonce"].encode()
    assert aes_gcm_decrypt(*how, sealed, inputs["aad"].encode()) == plaintext
    assert encode_base64(aes_gcm_encrypt(*how, plaintext, inputs["aad"].encode())) == encode_base64(sealed)


@pytest.mark.parametrize(
    "name", ["wx-cert-serial-go", "wx-cert-serial-java-merchant", "wx-cert-serial-java-platform",
             "wx-cert-serial-axios-apiclient_cert", "wx-cert-serial-axios-apiserver_cert"],
)  # fmt: skip
def test_certificate_serial(name: str) -> None:
    inputs, expected = vector(name)
    assert certificate_serial(load_certificate(data(inputs["cert"]))) == expected["serial"]


def test_platform_certificates() -> None:
    inputs, expected = vector("wx-certificates-decrypt-java")
    for entry in json.loads(data(inputs["response_file"]))["data"]:
        sealed = entry["encrypt_certificate"]
        pem = aes_gcm_decrypt(
            inputs["apiv3_key"].encode(), sealed["nonce"].encode(), decode_base64(sealed["ciphertext"], 16_384),
            sealed["associated_data"].encode(),
        )  # fmt: skip
        assert certificate_serial(load_certificate(pem)) == entry["serial_no"] == expected["serial"]


def test_a_real_platform_certificate() -> None:
    inputs, expected = vector("wx-certificates-decrypt-y")
    sealed = json.loads(data(inputs["resource_file"]))
    pem = aes_gcm_decrypt(
        inputs["apiv3_key"].encode(), sealed["nonce"].encode(), decode_base64(sealed["ciphertext"], 16_384),
        sealed["associated_data"].encode(),
    )  # fmt: skip
    assert pem.startswith(expected["plaintext_contains"].encode())
    assert certificate_serial(load_certificate(pem)) == expected["serial"]


def test_key_pair() -> None:
    inputs, _ = vector("wx-keypair-java-platform")
    numbers = load_private_key(data(inputs["private_key"])).public_key().public_numbers()
    assert load_public_key(data(inputs["cert"])).public_numbers() == numbers
    assert load_public_key(data(inputs["public_key"])).public_numbers() == numbers
