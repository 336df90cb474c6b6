"""A WeChat Pay account that uses national cryptography."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from payflow.clock import SECOND, system_clock
from payflow.errors import CallbackRefused, ConfigError
from payflow.gateway import Callback, EventKind, Outcome
from payflow.gateways.wechat import WeChat
from payflow.gateways.wechat.national import NATIONAL
from payflow.national import SmSeal, SmSigner, SmVerifier
from payflow.records import Payment
from payflow.testing.callbacks import WeChatSide
from payflow.transport import Surroundings

from .material import KEY_ID, OWN_PEM, PUBLIC, PUBLIC_PEM, THEIRS, V3, certificate_pem


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


def account(address: str = "http://127.0.0.1:9", **other: Any) -> WeChat:
    options: dict[str, Any] = {
        "appid": "wx0000000000000001", "mchid": "1900000001", "api_v3_key": V3, "private_key": OWN_PEM,
        "certificate_serial": "3F" * 20, "public_key": THEIRS[3], "public_key_id": KEY_ID, "base_url": address,
        "national_cryptography": True, **other,
    }  # fmt: skip
    options = {name: value for name, value in options.items() if value is not None}
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


def test_certificates_serve_on_both_sides() -> None:
    platform = certificate_pem(THEIRS[:2], THEIRS[1], 0xABCD)
    keys = {"platform_certificates": [platform], "public_key": None, "public_key_id": None}
    own = {"certificate": certificate_pem(THEIRS[:2], PUBLIC, 0x77), "certificate_serial": None}
    body, headers = notified()
    headers["Wechatpay-Serial"] = f"{0xABCD:040X}"
    (event,) = account(**keys, **own).read(Callback("wechat", tuple(headers.items()), body), system_clock())
    assert event.kind is EventKind.PAID


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("private_key", b"x", "CONFIG_BAD_KEY"),
        ("public_key", b"x", "CONFIG_BAD_KEY"),
        ("public_key", certificate_pem(THEIRS[:2], THEIRS[1]), "CONFIG_BAD_KEY"),
        ("platform_certificates", [PUBLIC_PEM], "CONFIG_BAD_KEY"),
        ("certificate", certificate_pem(THEIRS[:2], THEIRS[1], int("3F" * 20, 16)), "CONFIG_KEY_MISMATCH"),
        ("certificate_serial", None, "CONFIG_MISSING_FIELD"),
    ],
)
def test_an_option_that_is_wrong_is_named(option: str, value: Any, code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        account(**{option: value})
    assert refused.value.code == code
    assert refused.value.path.startswith(f"$.gateways.wechat.{option}")


def test_an_rsa_account_takes_no_national_key_and_no_national_message() -> None:
    with pytest.raises(ConfigError) as refused:
        account(national_cryptography=False)
    assert refused.value.code == "CONFIG_BAD_KEY"
    side = WeChatSide()
    body, headers = notified()
    with pytest.raises(CallbackRefused) as foreign:
        side.gateway().read(Callback("wechat", tuple(headers.items()), body), system_clock())
    assert foreign.value.code == "ALGORITHM_REJECTED"


def test_b024_a_changed_notification_is_not_believed() -> None:
    body, headers = notified()
    gateway = account()
    for place in range(0, len(body), 7):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        with pytest.raises(CallbackRefused) as refused:
            gateway.read(Callback("wechat", tuple(headers.items()), changed), system_clock())
        assert refused.value.code == "SIGNATURE_INVALID"


def test_a_resource_sealed_with_the_other_family_is_not_opened() -> None:
    body, _ = notified()
    foreign = body.replace(b"AEAD_SM4_GCM", b"AEAD_AES_256_GCM")
    with pytest.raises(CallbackRefused) as refused:
        account().read(Callback("wechat", tuple(signed(foreign).items()), foreign), system_clock())
    assert refused.value.code == "ALGORITHM_REJECTED"


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
