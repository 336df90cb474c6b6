"""National cryptography: published values, another implementation, and a WeChat Pay account that uses it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import gmalg
import pytest

from payflow.clock import SECOND, system_clock
from payflow.errors import CallbackRefused, ConfigError
from payflow.gateway import Callback, EventKind, Outcome
from payflow.gateways.wechat import WeChat
from payflow.gateways.wechat.national import NATIONAL
from payflow.national import (
    SmDecrypter,
    SmEncrypter,
    SmSeal,
    SmSigner,
    SmVerifier,
    load_sm_private_key,
    load_sm_public_key,
    sm3,
)
from payflow.records import Payment
from payflow.signing import Unsealable
from payflow.transport import Surroundings

KEY_ID, V3 = "PUB_KEY_ID_0000000000000000000000000000000001", b"kT7w0qPzR4mX9cVb2nLs6dYf1hGj8aEu"


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x81, size])
    return bytes([tag]) + length + content


KIND = der(0x30, bytes.fromhex("06072a8648ce3d0201") + bytes.fromhex("06082a811ccf5501822d"))


def pem(label: str, raw: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(raw).decode()}-----END {label}-----\n".encode()


def made() -> tuple[bytes, bytes, bytes, bytes]:
    """Private and public half, and both as PEM."""
    private, public = gmalg.SM2().generate_keypair()
    bits = der(0x03, b"\x00" + public)
    inner = der(0x30, der(0x02, b"\x01") + der(0x04, private) + der(0xA1, bits))
    own = pem("PRIVATE KEY", der(0x30, der(0x02, b"\x00") + KIND + der(0x04, inner)))
    return private, public[1:], own, pem("PUBLIC KEY", der(0x30, KIND + bits))


PRIVATE, PUBLIC, OWN_PEM, PUBLIC_PEM = made()
THEIRS = made()


def test_sm3_of_the_standard() -> None:
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_sm4_gcm_of_rfc_8998() -> None:
    from cryptography.hazmat.primitives.ciphers import algorithms

    seal = SmSeal(b"any")
    seal._cipher = algorithms.SM4(bytes.fromhex("0123456789abcdeffedcba9876543210"))
    nonce, aad = bytes.fromhex("00001234567800000000abcd"), bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    text = b"".join(bytes([value]) * 8 for value in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    sealed = seal.close(nonce, text, aad)
    assert sealed[-16:].hex() == "83de3541e4c2b58177e065a9bf7b62ec"
    assert seal.open(nonce, sealed, aad) == text
    with pytest.raises(Unsealable):
        seal.open(nonce, sealed[:-1] + bytes([sealed[-1] ^ 1]), aad)


def test_keys_are_read_from_pem_and_one_line_of_base64() -> None:
    assert load_sm_private_key(OWN_PEM) == (PRIVATE, PUBLIC)
    assert load_sm_public_key(PUBLIC_PEM) == PUBLIC
    assert load_sm_public_key(b"".join(PUBLIC_PEM.splitlines()[1:-1])) == PUBLIC


@pytest.mark.parametrize(
    "bad", [b"", b"x", OWN_PEM, PUBLIC_PEM[:60], pem("PUBLIC KEY", b"\x30\x03\x02\x01\x00"), b"A" * 70_000]
)
def test_what_is_no_key_is_a_config_error(bad: bytes) -> None:
    with pytest.raises(ConfigError) as refused:
        load_sm_public_key(bad)
    assert refused.value.code == "CONFIG_BAD_KEY"


def test_another_implementation_believes_our_signatures_and_we_believe_its_own() -> None:
    message = "微信支付 SM2\n".encode()
    raw = base64.b64decode(SmSigner(PRIVATE, PUBLIC).sign(message))
    r_size = raw[3]
    r, s = raw[4 : 4 + r_size], raw[6 + r_size :]
    other = gmalg.SM2(PRIVATE, b"1234567812345678", b"\x04" + PUBLIC)
    assert other.verify(message, r[-32:].rjust(32, b"\x00"), s[-32:].rjust(32, b"\x00"))
    numbers = [
        der(0x02, b"\x00" * (part[0] >> 7) + part) for part in (one.lstrip(b"\x00") for one in other.sign(message))
    ]
    verifier = SmVerifier(PUBLIC)
    assert verifier.verifies(der(0x30, b"".join(numbers)), message)
    assert not verifier.verifies(der(0x30, b"".join(numbers)), message + b"x")
    assert not verifier.verifies(b"nonsense", message)
    assert not SmVerifier(THEIRS[1]).verifies(raw, message)


def test_a_field_is_read_by_its_owner_only() -> None:
    sealed = SmEncrypter(PUBLIC).encrypt("张三".encode())
    assert SmDecrypter(PRIVATE).decrypt(sealed).decode() == "张三"
    for reader, text in ((SmDecrypter(THEIRS[0]), sealed), (SmDecrypter(PRIVATE), "AAAA"), (SmDecrypter(PRIVATE), "!")):
        with pytest.raises(Unsealable):
            reader.decrypt(text)


def test_b175_nothing_shows_a_key() -> None:
    shown = repr(SmSigner(PRIVATE, PUBLIC)) + repr(SmDecrypter(PRIVATE)) + repr(SmSeal(V3))
    assert PRIVATE.hex() not in shown
    assert V3.decode() not in shown


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gmssl_pyx", None)
    with pytest.raises(ConfigError) as refused:
        SmVerifier(PUBLIC)
    assert (refused.value.code, "payflow-gateway[sm]" in refused.value.message) == ("CONFIG_MISSING_EXTRA", True)


# -- an account ----------------------------------------------------------------------------------------------------


def signed(body: bytes, kind: str = "WECHATPAY2-SM2-WITH-SM3") -> dict[str, str]:
    at = str(system_clock() // SECOND)
    signature = SmSigner(THEIRS[0], THEIRS[1]).sign(f"{at}\nnonce-0001\n".encode() + body + b"\n")
    return {
        "Wechatpay-Timestamp": at, "Wechatpay-Nonce": "nonce-0001", "Wechatpay-Signature": signature,
        "Wechatpay-Serial": KEY_ID, "Wechatpay-Signature-Type": kind,
    }  # fmt: skip


@pytest.fixture
def far() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    seen: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.headers["Authorization"], f"POST\n{self.path}\n".encode() + body))
            answer = b'{"code_url":"weixin://wxpay/bizpayurl?pr=national"}'
            self.send_response(200)
            for name, value in {**signed(answer), "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    server.server_close()


def account(address: str = "http://127.0.0.1:9") -> WeChat:
    options = {
        "appid": "wx0000000000000001", "mchid": "1900000001", "api_v3_key": V3, "private_key": OWN_PEM,
        "certificate_serial": "3F" * 20, "public_key": THEIRS[3], "public_key_id": KEY_ID, "base_url": address,
        "national_cryptography": True,
    }  # fmt: skip
    return WeChat.from_config("wechat", options, Surroundings(notify_url="https://shop.example/callbacks/wechat"))


def test_an_order_is_signed_and_its_answer_believed(far: tuple[str, list[tuple[str, bytes]]]) -> None:
    gateway = account(far[0])
    payment = Payment(
        id="ORDER_0001", gateway="wechat", account="wechat", merchant=gateway.merchant, app=gateway.app, channel="qr",
        out_trade_no="ORDER_0001", amount=1250, currency="CNY", status="pending", description="latte",
        created_at=system_clock(), expires_at=system_clock() + 900 * SECOND,
    )  # fmt: skip
    answer = gateway.charge(payment)
    assert answer.outcome is Outcome.CONFIRMED, answer
    assert answer.next_action is not None
    assert answer.next_action.data["text"].endswith("national")
    allowed, sent = far[1][0]
    assert allowed.startswith("WECHATPAY2-SM2-WITH-SM3 ")
    said = dict(part.split("=", 1) for part in allowed.partition(" ")[2].split(","))
    head, _, body = sent.partition(b"{")
    text = head + f"{said['timestamp']}\n{said['nonce_str']}\n".replace('"', "").encode() + b"{" + body + b"\n"
    assert SmVerifier(PUBLIC).verifies(base64.b64decode(said["signature"].strip('"')), text)


def notified() -> tuple[bytes, dict[str, str]]:
    inner = {
        "mchid": "1900000001", "appid": "wx0000000000000001", "out_trade_no": "ORDER_0001", "trade_state": "SUCCESS",
        "transaction_id": "4200000000202601310000000001", "success_time": "2026-01-31T08:00:00+08:00",
        "amount": {"total": 1250, "currency": "CNY"},
    }  # fmt: skip
    sealed = SmSeal(V3).close(b"nonce-of-12b", json.dumps(inner).encode(), b"transaction")
    resource = {
        "original_type": "transaction", "algorithm": "AEAD_SM4_GCM", "nonce": "nonce-of-12b",
        "associated_data": "transaction", "ciphertext": base64.b64encode(sealed).decode(),
    }  # fmt: skip
    body = json.dumps(
        {"id": "EV-1", "event_type": "TRANSACTION.SUCCESS", "resource_type": "encrypt-resource", "resource": resource}
    ).encode()
    return body, signed(body)


def test_a_notification_is_verified_opened_and_read() -> None:
    body, headers = notified()
    (event,) = account().read(Callback("wechat", tuple(headers.items()), body), system_clock())
    assert (event.kind, event.amount, event.out_trade_no) == (EventKind.PAID, 1250, "ORDER_0001")
    assert json.loads(event.proof)["headers"]["wechatpay-signature-type"] == NATIONAL.signature_type


def test_b028_no_message_chooses_its_algorithm() -> None:
    body, headers = notified()
    for named in ("WECHATPAY2-SHA256-RSA2048", "", "none"):
        with pytest.raises(CallbackRefused) as refused:
            account().read(
                Callback("wechat", tuple({**headers, "Wechatpay-Signature-Type": named}.items()), body), system_clock()
            )
        assert refused.value.code == "ALGORITHM_REJECTED"


def test_what_a_payers_client_would_have_to_sign_is_refused_before_any_call() -> None:
    assert account().capabilities.channels == {"qr", "h5", "barcode"}
