"""Signed requests per second of one process, against ``requests`` sending the same bytes unsigned.

Both talk to a process that answers at once with the same genuine answer, each over one connection that is kept alive.
Raw: ``requests.Session.post`` with the body and headers payflow sends, and nothing else. payflow: the verb itself:
the order translated, signed with RSA-2048, sent under every limit, the answer verified and translated into facts.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from payflow.clock import system_clock
from payflow.gateway import Answer, Outcome
from payflow.gateways.alipay import Alipay
from payflow.gateways.wechat import WeChat
from payflow.records import Payment
from payflow.sandbox import Sandbox
from payflow.transport import Surroundings

from .answering import answering
from .material import DIGEST, PADDING, AlipayDesk, WeChatDesk
from .measuring import Figure, Jobs, Scale, compare, slices

_WANTED = 0.7


def send_alipay(scale: Scale) -> Figure:
    """``alipay.trade.precreate`` (order a QR payment)."""
    desk, own = AlipayDesk(), _key()
    node = (
        '{"code":"10000","msg":"Success","out_trade_no":"BENCH_same","qr_code":"https://qr.alipay.com/bax0000000000"}'
    )
    sign = base64.b64encode(desk.key.sign(node.encode(), PADDING, DIGEST)).decode()
    body = f'{{"alipay_trade_precreate_response":{node},"sign":"{sign}"}}'.encode()
    head = {"Content-Type": "text/html;charset=utf-8"}

    def gateway(address: str) -> Alipay:
        return Alipay(
            desk.account, app_id=desk.app, seller_id=desk.seller, alipay_public_keys=[desk.public_pem],
            app_private_key=own, address=f"{address}/gateway.do",
            surroundings=Surroundings(notify_url="https://shop.example.com/callbacks/alipay"),
        )  # fmt: skip

    figure = Figure("send_alipay", "an order signed, sent, its answer verified, against requests alone", _WANTED)
    return _send(figure, scale, "alipay", gateway, _http(body, head))


def send_wechat(scale: Scale) -> Figure:
    """``/v3/pay/transactions/native`` (order a QR payment)."""
    desk, own = WeChatDesk(), _key()
    body = json.dumps({"code_url": "weixin://wxpay/bizpayurl?pr=bench000000"}).encode()
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    signature = desk.key.sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n", PADDING, DIGEST)
    head = {
        "Content-Type": "application/json; charset=utf-8", "Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": base64.b64encode(signature).decode(), "Wechatpay-Serial": desk.serial,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }  # fmt: skip

    def gateway(address: str) -> WeChat:
        return WeChat(
            desk.account, appid=desk.appid, mchid=desk.mchid, api_v3_key=desk.api_v3_key,
            platform_keys={desk.serial: desk.public_pem}, merchant_key=own, merchant_serial="3F" * 20,
            origins=(address,), surroundings=Surroundings(notify_url="https://shop.example.com/callbacks/wechat"),
        )  # fmt: skip

    figure = Figure("send_wechat", "an order signed, sent, its answer verified, against requests alone", _WANTED)
    return _send(figure, scale, "wechat", gateway, _http(body, head))


def sandbox_orders(scale: Scale) -> Figure:
    """Orders taken by the sandbox in one process: signed request in, verified, stored, signed answer out.

    Raw: the sandbox's own server answering a request for nothing. There is no target; it is told, not promised.
    """
    figure = Figure("sandbox_orders", "orders taken by the sandbox, against an empty answer of its server", 0.0)
    figure.unit = "orders/s"
    with Sandbox() as sandbox, requests.Session() as session:
        surroundings = Surroundings(notify_url="http://127.0.0.1:9/callbacks/alipay")
        gateway = Alipay.from_config("alipay", sandbox.account("alipay"), surroundings)
        url = f"{sandbox.url}/v3/nothing"

        def raw(payments: Sequence[Payment]) -> int:
            for _ in payments:
                session.get(url, timeout=5)
            return len(payments)

        def ours(payments: Sequence[Payment]) -> int:
            return _all(gateway.charge, payments)

        def prepare(number: int) -> tuple[Jobs, Jobs]:
            fresh = [_payment("alipay", gateway, f"{number}_{place}") for place in range(scale.callbacks)]
            return slices(fresh, raw), slices(fresh, ours)

        figure.notes.append("client and sandbox share one process here: both sign and verify on the same cores")
        return compare(figure, scale.rounds, prepare)


def _send(figure: Figure, scale: Scale, kind: str, make: Callable[[str], Any], answer: bytes) -> Figure:
    figure.unit = "requests/s"
    with answering(answer) as address, requests.Session() as session:
        session.trust_env = False
        gateway = make(address)
        sent = _sent(gateway, _payment(kind, gateway, "same"))
        url, headers, body = f"{address}{sent[0]}", sent[1], sent[2]

        def raw(payments: Sequence[Payment]) -> int:
            for _ in payments:
                assert session.post(url, data=body, headers=headers, timeout=(3, 10)).status_code == 200
            return len(payments)

        def ours(payments: Sequence[Payment]) -> int:
            return _all(gateway.charge, payments)

        def prepare(_round: int) -> tuple[Jobs, Jobs]:
            fresh = [_payment(kind, gateway, "same") for _ in range(scale.callbacks)]  # whose number the answer names
            return slices(fresh, raw), slices(fresh, ours)

        figure.notes.append(f"request of {len(body)} bytes beside a target of {len(sent[0])}")
        return compare(figure, scale.rounds, prepare)


def _all(charge: Callable[[Payment], Answer], payments: Sequence[Payment]) -> int:
    for payment in payments:
        answer = charge(payment)
        assert answer.outcome is Outcome.CONFIRMED, answer
    return len(payments)


def _sent(gateway: Any, payment: Payment) -> tuple[str, dict[str, str], bytes]:
    """The target, headers and body of the request that a gateway makes for a payment."""
    from payflow.transport import Transport

    seen: list[Any] = []
    kept = Transport.send

    def watched(self: Any, request: Any, **how: Any) -> Any:
        seen.append(request)
        return kept(self, request, **how)

    Transport.send = watched  # type: ignore[method-assign]  # to see the request once, before anything is timed
    try:
        gateway.charge(payment)
    finally:
        Transport.send = kept  # type: ignore[method-assign]  # as it was
    request = seen[0]
    return request.target, dict(request.headers), request.body


def _payment(kind: str, gateway: Any, number: str) -> Payment:
    now = system_clock()
    return Payment(
        id=number, gateway=kind, account=gateway.account, merchant=gateway.merchant, app=gateway.app,
        out_trade_no=f"BENCH_{number}", channel="qr", amount=1250, currency="CNY", status="pending",
        description="拿铁咖啡 中杯", created_at=now, updated_at=now, expires_at=now + 900_000_000,
    )  # fmt: skip


def _key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _http(body: bytes, headers: dict[str, str]) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body
