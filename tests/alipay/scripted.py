"""Alipay's far side as a script: each request gets the next answer that a test wrote down."""

from __future__ import annotations

import base64
import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from payflow.gateways.alipay import Alipay
from payflow.records import Payment, Refund
from payflow.signing import Signer, encode_base64
from payflow.testing.signed import private_key, public_pem
from payflow.transport import Limits, Surroundings

NOW = 1_780_000_000_000_000
APP, SELLER = "2021000000000001", "2088000000000001"


def pem_of(name: str) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return private_key(name).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Script:
    """A server, and what it is told to answer. ``seen`` are the requests: all parameters, unescaped."""

    def __init__(self) -> None:
        self.answers: deque[tuple[int, bytes]] = deque()
        self.seen: list[dict[str, str]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                query = urlsplit(self.path).query
                script.seen.append(dict(parse_qsl(query, keep_blank_values=True) + parse_qsl(body)))
                status, answer = script.answers.popleft()
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
                self.wfile.write(head + answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/gateway.do"
        self._signer = Signer(private_key("alipay"))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def biz(self, number: int = -1) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.seen[number]["biz_content"])
        return found

    def say(self, method: str, *, code: str = "10000", msg: str = "Success", **fields: Any) -> None:
        """A genuine answer."""
        node = json.dumps({"code": code, "msg": msg, **fields}, ensure_ascii=False, separators=(",", ":"))
        self.raw(self.envelope(method, node, self._signer.sign(node.encode())))

    def deny(self, method: str, sub_code: str, code: str = "40004") -> None:
        """A genuine refusal."""
        self.say(method, code=code, msg="Business Failed", sub_code=sub_code, sub_msg="不行")

    def envelope(self, method: str, node: str, sign: str | None) -> bytes:
        name = "error_response" if method == "error" else method.replace(".", "_") + "_response"
        signed = "" if sign is None else f',"sign":"{sign}"'
        return f'{{"{name}":{node}{signed}}}'.encode()

    def raw(self, body: bytes, status: int = 200) -> None:
        self.answers.append((status, body))

    def gateway(self, **options: Any) -> Alipay:
        limits = Limits(connect_seconds=1, read_seconds=1, total_seconds=2)
        surroundings = Surroundings(
            clock=lambda: NOW, notify_url="https://shop.example/callbacks/alipay", limits=limits
        )
        given: dict[str, Any] = {
            "app_id": APP, "seller_id": SELLER, "alipay_public_keys": [public_pem(private_key("alipay"))],
            "app_private_key": pem_of("app"), "address": self.url, "surroundings": surroundings,
        }  # fmt: skip
        return Alipay("alipay", **(given | options))


def a_payment(channel: str = "qr", **other: Any) -> Payment:
    facts: dict[str, Any] = {
        "id": "ORDER_0001", "gateway": "alipay", "account": "alipay", "merchant": SELLER, "app": APP,
        "out_trade_no": "ORDER_0001", "channel": channel, "amount": 1250, "currency": "CNY", "status": "pending",
        "description": "拿铁 latte", "created_at": NOW, "expires_at": NOW + 900_000_000,
        "metadata": '{"auth_code":"280000000000000080","buyer_id":"2088000000000002","quit_url":"https://shop.example/"}',
    }  # fmt: skip
    return Payment(**(facts | other))


def a_refund(**other: Any) -> Refund:
    facts: dict[str, Any] = {
        "id": "r", "payment_id": "ORDER_0001", "gateway": "alipay", "account": "alipay", "out_refund_no": "REFUND_0001",
        "amount": 500, "currency": "CNY", "status": "requested",
    }  # fmt: skip
    return Refund(**(facts | other))


def b64(raw: bytes) -> str:
    return encode_base64(raw) if raw else base64.b64encode(raw).decode()
