"""A merchant of the tests' own: it signs, sends and takes callbacks, and shares no code with payflow."""

from __future__ import annotations

import base64
import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from payflow.clock import system_clock
from payflow.sandbox import APPS, AlipayApp, Sandbox
from payflow.sandbox.alipay.serials import cert_sn, root_cert_sn


def signed(key: rsa.RSAPrivateKey, text: bytes) -> str:
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(key: rsa.RSAPrivateKey, signature: str, text: bytes) -> bool:
    try:
        key.public_key().verify(base64.b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def is_genuine(got: dict[str, str], key: rsa.RSAPrivateKey, charset: str = "utf-8") -> bool:
    """Whether a callback, or what a browser comes back with, is signed: everything but sign and sign_type."""
    rest = sorted((name, value) for name, value in got.items() if name not in ("sign", "sign_type"))
    return is_signed(key, got["sign"], "&".join(f"{name}={value}" for name, value in rest).encode(charset))


class Answer:
    """An answer, taken apart by hand: the node as it was written, and what stands around it."""

    def __init__(self, response: requests.Response, name: str, charset: str) -> None:
        self.response = response
        self.raw = response.content
        self.envelope: dict[str, Any] = json.loads(self.raw.decode(charset))
        self.name = name
        self.node: Any = self.envelope.get(name)
        start = self.raw.find(b":") + 1
        ends = [self.raw.find(mark) for mark in (b',"alipay_cert_sn":"', b',"sign":"')]
        self.signed = self.raw[start : min((end for end in ends if end > 0), default=-1)]

    def __getitem__(self, field: str) -> Any:
        return self.node[field]

    @property
    def code(self) -> str:
        return str(self.node["code"])

    @property
    def sub_code(self) -> str:
        return str(self.node.get("sub_code", ""))

    def is_genuine(self, key: rsa.RSAPrivateKey) -> bool:
        return "sign" in self.envelope and is_signed(key, self.envelope["sign"], self.signed)


class Client:
    """Signs and sends, and nothing else."""

    def __init__(self, sandbox: Sandbox, app: AlipayApp = APPS[0]) -> None:
        self.sandbox, self.app, self.material = sandbox, app, sandbox.material
        self.notify_url = ""
        self.session = requests.Session()
        self.session.trust_env = False

    def params(self, method: str, biz: dict[str, Any] | str | None, /, **outer: str | None) -> dict[str, str]:
        now = datetime.now(timezone(timedelta(hours=8)))
        params: dict[str, str | None] = {
            "app_id": self.app.app_id, "method": method, "charset": "utf-8", "sign_type": "RSA2", "version": "1.0",
            "timestamp": now.strftime("%Y-%m-%d %H:%M:%S"), "format": "JSON",
            "biz_content": json.dumps(biz, ensure_ascii=False) if isinstance(biz, dict) else biz,
        }  # fmt: skip
        if self.app.mode == "certificate":
            params["app_cert_sn"] = cert_sn(self.material.app_certificate)
            params["alipay_root_cert_sn"] = root_cert_sn([self.material.root_certificate])
        params |= outer
        known = {name: value for name, value in params.items() if value is not None}
        if "sign" not in outer:
            text = "&".join(f"{name}={value}" for name, value in sorted(known.items()))
            known["sign"] = signed(self.material.key("app"), text.encode(known.get("charset", "utf-8")))
        return known

    def call(self, method: str, biz: dict[str, Any] | str | None = None, /, **outer: str | None) -> Answer:
        params = self.params(method, biz, **outer)
        charset = params.get("charset", "utf-8")
        body = {"biz_content": params.pop("biz_content")} if "biz_content" in params else {}
        response = self.session.post(
            f"{self.sandbox.url}/gateway.do?{urlencode(params, encoding=charset)}",
            data=urlencode(body, encoding=charset), timeout=10,
            headers={"Content-Type": f"application/x-www-form-urlencoded;charset={charset}"},
        )  # fmt: skip
        return Answer(response, method.replace(".", "_") + "_response", charset)

    def page_url(self, method: str, biz: dict[str, Any], **outer: str | None) -> str:
        return f"{self.sandbox.url}/gateway.do?{urlencode(self.params(method, biz, **outer))}"

    def browse(self, method: str, biz: dict[str, Any], **outer: str | None) -> requests.Response:
        return self.session.get(self.page_url(method, biz, **outer), timeout=10, allow_redirects=False)

    def order(self, number: str, amount: str = "12.50", method: str = "alipay.trade.create", **more: Any) -> Answer:
        biz = {"out_trade_no": number, "total_amount": amount, "subject": "红茶", "buyer_id": "2088000000000002"} | more
        return self.call(method, biz, notify_url=self.notify_url or None)

    def paid(self, number: str, amount: str = "12.50") -> Answer:
        answer = self.call(
            "alipay.trade.pay",
            {"out_trade_no": number, "total_amount": amount, "subject": "红茶", "auth_code": "280000000000000001"},
            notify_url=self.notify_url or None,
        )
        assert answer.code == "10000"
        return answer

    def query(self, number: str, **more: Any) -> Answer:
        return self.call("alipay.trade.query", {"out_trade_no": number, **more})

    def refund(self, number: str, amount: str, request: str | None = None) -> Answer:
        biz = {"out_trade_no": number, "refund_amount": amount}
        return self.call("alipay.trade.refund", biz | ({"out_request_no": request} if request else {}))

    def verifies(self, answer: Answer) -> bool:
        return answer.is_genuine(self.material.key("alipay"))


class Shop:
    """Takes callbacks."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.says: bytes = b"success"
        self.status = 200
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                charset = self.headers["Content-Type"].rpartition("charset=")[2]
                shop.bodies.append(body)
                shop.headers.append(dict(self.headers))
                shop.got.append(dict(parse_qsl(body.decode("ascii"), encoding=charset, keep_blank_values=True)))
                self.send_response(shop.status)
                self.send_header("Content-Length", str(len(shop.says)))
                self.end_headers()
                self.wfile.write(shop.says)

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/notify"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Watch:
    """The machine's clock, moved by hand."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return system_clock() + self.ahead
