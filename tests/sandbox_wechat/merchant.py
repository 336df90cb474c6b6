"""A merchant of the tests' own: it signs, sends and takes notifications, and shares no code with payflow."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from urllib3.util import SKIP_HEADER

from payflow.clock import system_clock
from payflow.sandbox import MERCHANTS, Sandbox, WeChatMerchant

SCHEME = "WECHATPAY2-SHA256-RSA2048"
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
PAY = "/v3/pay/transactions"
REFUNDS = "/v3/refund/domestic/refunds"
COMBINE = "/v3/combine-transactions"


def signed(key: rsa.RSAPrivateKey, *lines: str) -> str:
    text = "".join(f"{line}\n" for line in lines).encode()
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(key: rsa.RSAPublicKey, signature: str, text: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def opened(api_v3_key: str, sealed: Mapping[str, str]) -> bytes:
    raw = base64.b64decode(sealed["ciphertext"])
    return AESGCM(api_v3_key.encode()).decrypt(sealed["nonce"].encode(), raw, sealed["associated_data"].encode())


def sealed_field(key: rsa.RSAPublicKey, text: str) -> str:
    sha1 = hashes.SHA1()  # noqa: S303 -- what the protocol demands
    oaep = padding.OAEP(mgf=padding.MGF1(sha1), algorithm=sha1, label=None)
    return base64.b64encode(key.encrypt(text.encode(), oaep)).decode()


def serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:X}"


class Client:
    """Signs and sends, and nothing else."""

    def __init__(self, sandbox: Sandbox, merchant: WeChatMerchant = MERCHANTS[0]) -> None:
        self.sandbox, self.merchant, self.material = sandbox, merchant, sandbox.material
        self.key = self.material.key("merchant")
        self.notify_url = "https://shop.example/notify"
        self.session = requests.Session()
        self.session.trust_env = False
        self.answer_with = ""  # Wechatpay-Serial

    # -- asking -----------------------------------------------------------------------------------------------------

    def pairs(self, method: str, target: str, body: str, **other: str) -> dict[str, str]:
        """The five pairs of an ``Authorization``; ``other`` replaces some before the signature is made."""
        said = {
            "mchid": self.merchant.mchid, "nonce_str": secrets.token_hex(16),
            "timestamp": str(self.sandbox.clock.wire() // 1_000_000),
            "serial_no": serial(self.material.merchant_certificate),
        } | other  # fmt: skip
        said.setdefault("signature", signed(self.key, method, target, said["timestamp"], said["nonce_str"], body))
        return said

    def send(
        self, method: str, target: str, body: Any = None, *, authorization: str | None = None,
        headers: Mapping[str, str | None] | None = None, **other: str,
    ) -> requests.Response:  # fmt: skip
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body, ensure_ascii=False)
        request = requests.Request(method, self.sandbox.url + target, data=text.encode() or None)
        request.headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "tests/1"}
        if self.answer_with:
            request.headers["Wechatpay-Serial"] = self.answer_with
        ready = self.session.prepare_request(request)
        pairs = self.pairs(method, ready.path_url, text, **other)
        written = ",".join(f'{name}="{value}"' for name, value in pairs.items())
        ready.headers["Authorization"] = f"{SCHEME} {written}" if authorization is None else authorization
        for name, value in (headers or {}).items():
            ready.headers.pop(name, None)
            if value is not None or name == "User-Agent":  # without that mark urllib3 adds one of its own
                ready.headers[name] = SKIP_HEADER if value is None else value
        return self.session.send(ready, timeout=10, allow_redirects=False)

    def get(self, target: str, **how: Any) -> requests.Response:
        return self.send("GET", target, **how)

    def post(self, target: str, body: Any = None, **how: Any) -> requests.Response:
        return self.send("POST", target, body, **how)

    # -- believing --------------------------------------------------------------------------------------------------

    def key_of(self, response: requests.Response | Mapping[str, str]) -> str:
        """Which key an answer says it is signed with: ``platform``, ``platform_next`` or ``wechat_public``."""
        headers = response.headers if isinstance(response, requests.Response) else response
        ids = {
            serial(self.material.platform_certificate): "platform", self.material.public_key_id: "wechat_public",
            serial(self.material.next_certificate("platform")): "platform_next",
        }  # fmt: skip
        return ids[headers["Wechatpay-Serial"]]

    def verifies(self, response: requests.Response) -> bool:
        return self.believes(response.headers, response.content)

    def believes(self, headers: Mapping[str, str], body: bytes) -> bool:
        key = self.material.key(self.key_of(headers)).public_key()
        text = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
        late = abs(int(headers["Wechatpay-Timestamp"]) - self.sandbox.clock.wire() // 1_000_000)
        return late < 300 and is_signed(key, headers["Wechatpay-Signature"], text)

    # -- bodies -----------------------------------------------------------------------------------------------------

    def body(self, number: str, total: int = 1250, **more: Any) -> dict[str, Any]:
        """What a native payment takes; ``None`` leaves a field out."""
        said = {
            "appid": self.merchant.appid, "mchid": self.merchant.mchid, "description": "红茶", "out_trade_no": number,
            "notify_url": self.notify_url, "amount": {"total": total, "currency": "CNY"}, **more,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def code_body(self, number: str, ending: str = "01", **more: Any) -> dict[str, Any]:
        said: dict[str, Any] = {
            "payer": {"auth_code": f"1300000000000000{ending}"}, "scene_info": {"store_info": {"out_id": "1"}},
            "notify_url": None,
        }  # fmt: skip
        return self.body(number, **(said | more))

    def order(self, number: str, total: int = 1250, product: str = "native", **more: Any) -> requests.Response:
        return self.post(f"{PAY}/{product}", self.body(number, total, **more))

    def prepay_id(self, number: str, product: str = "jsapi", **more: Any) -> str:
        payer: dict[str, Any] = {"payer": {"openid": OPENID}} if product == "jsapi" else {}
        return str(self.order(number, product=product, **payer, **more).json()["prepay_id"])

    def paid(self, number: str, total: int = 1250) -> str:
        """Order and pay; the transaction id."""
        assert self.order(number, total).status_code == 200
        return self.sandbox.pay(number).number

    def query(self, number: str) -> requests.Response:
        return self.get(f"{PAY}/out-trade-no/{number}?mchid={self.merchant.mchid}")

    def close(self, number: str) -> requests.Response:
        return self.post(f"{PAY}/out-trade-no/{number}/close", {"mchid": self.merchant.mchid})

    def reverse(self, number: str) -> requests.Response:
        body = {"appid": self.merchant.appid, "mchid": self.merchant.mchid}
        return self.post(f"{PAY}/out-trade-no/{number}/reverse", body)

    def refund_body(self, number: str, refund: int = 500, total: int = 1250, **more: Any) -> dict[str, Any]:
        said = {
            "out_trade_no": number, "out_refund_no": f"R{number}", "notify_url": self.notify_url,
            "amount": {"refund": refund, "total": total, "currency": "CNY"}, **more,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def refund(self, number: str, refund: int = 500, total: int = 1250, **more: Any) -> requests.Response:
        return self.post(REFUNDS, self.refund_body(number, refund, total, **more))

    def combined_body(self, group: str, *parts: tuple[str, int], **more: Any) -> dict[str, Any]:
        subs = [
            {"mchid": self.merchant.mchid, "attach": "a", "out_trade_no": number, "description": "红茶",
             "amount": {"total_amount": total, "currency": "CNY"}}
            for number, total in parts
        ]  # fmt: skip
        return {
            "combine_appid": self.merchant.appid, "combine_mchid": self.merchant.mchid, "combine_out_trade_no": group,
            "notify_url": self.notify_url, "scene_info": {"payer_client_ip": "1.2.3.4"}, "sub_orders": subs, **more,
        }  # fmt: skip


def code(response: requests.Response) -> tuple[int, str]:
    """Status and code of a refusal, which is never signed."""
    assert not [name for name in response.headers if name.lower().startswith("wechatpay-")]
    return response.status_code, str(response.json()["code"])


class Shop:
    """Takes notifications."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.status = 204
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                shop.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                shop.headers.append(dict(self.headers))
                self.send_response(shop.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/notify"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def envelopes(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def genuine(self) -> list[bool]:
        return [self.client.believes(*pair) for pair in zip(self.headers, self.bodies, strict=True)]

    @property
    def said(self) -> list[dict[str, Any]]:
        """What the notifications hold, opened."""
        key = self.client.material.api_v3_key
        return [json.loads(opened(key, envelope["resource"])) for envelope in self.envelopes]

    @property
    def events(self) -> list[str]:
        return [str(envelope["event_type"]) for envelope in self.envelopes]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Watch:
    """The machine's clock, moved by hand."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return system_clock() + self.ahead
