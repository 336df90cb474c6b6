"""A far side that says what it is told to: a real HTTP server that signs with generated keys, and checks signatures.

The texts to sign and to verify are built here a second time, on purpose not with the functions under test.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization

from payflow.breaker import Breakers
from payflow.clock import SECOND, system_clock
from payflow.gateways.wechat import WeChat
from payflow.signing import Signer, Verifier, aes_gcm_encrypt, decode_base64
from payflow.testing.signed import WeChatSigner, certificate_pem, private_key
from payflow.transport import Limits, Surroundings

NOTIFY_URL = "https://shop.example/payflow/callbacks/wechat"
MERCHANT_SERIAL = "5F1C72E2A8931B72"
_AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="([0-9]+)",nonce_str="([0-9a-zA-Z]{32})",timestamp="([0-9]{10})",'
    r'serial_no="([0-9A-F]+)",signature="([0-9A-Za-z+/=]+)"'
)


def private_pem(name: str) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return private_key(name).private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def platform_certificate(serial: int, *, days: int = 1000, age_days: int = 1) -> bytes:
    now = system_clock() // SECOND * SECOND
    day = 86_400 * SECOND
    return certificate_pem(
        private_key(f"platform-{serial:X}"), serial=serial, first=now - age_days * day, last=now + days * day
    )


@dataclass
class Heard:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    problem: str  # what was wrong with its signature; "" if nothing

    @property
    def said(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass
class Reply:
    """``signed`` is False, True, or what replaces the signature; ``key`` the key's name, and its serial."""

    status: int = 200
    body: Any = None
    signed: bool | str = True
    late_seconds: int = 0
    key: tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False

    def raw(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


def error(status: int, code: str, message: str = "said no") -> Reply:
    return Reply(status, {"code": code, "message": message}, signed=False)


class FarSide:
    """Answers in the order it was told, path by path; the last answer of a path stays."""

    def __init__(self) -> None:
        self.signer = WeChatSigner()
        self.heard: list[Heard] = []
        self.replies: dict[tuple[str, str], deque[Reply]] = {}
        self._plain: WeChat | None = None
        self._merchant = Verifier(private_key("merchant").public_key())
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def clear(self) -> None:
        self.heard.clear()
        self.replies.clear()

    def says(self, method: str, path: str, *replies: Reply) -> None:
        self.replies[(method, path)] = deque(replies)

    def gateway(self, **changes: Any) -> WeChat:
        """An account that believes this far side. Parsing a private key takes longer than most tests: it is kept."""
        if changes:
            return self._opened(**changes)
        if self._plain is None:
            self._plain = self._opened()
        self._plain._transport._breakers = Breakers()
        return self._plain

    def _opened(self, **changes: Any) -> WeChat:
        surroundings = {"notify_url": NOTIFY_URL, "limits": Limits(read_seconds=2, total_seconds=4)}
        surroundings |= changes.pop("surroundings", {})
        options: dict[str, Any] = {
            "merchant_key": private_pem("merchant"), "merchant_serial": MERCHANT_SERIAL, "origins": (self.url,),
            "surroundings": Surroundings(**surroundings),
        }  # fmt: skip
        gateway = self.signer.gateway(**(options | changes))
        gateway._transport._sleep = lambda _seconds: None  # the pauses between reads have tests of their own
        return gateway

    def answer(self, heard: Heard) -> Reply:
        self.heard.append(heard)
        waiting = self.replies.get((heard.method, heard.path))
        if heard.problem:
            return error(401, "SIGN_ERROR", heard.problem)
        if waiting is None:
            return error(404, "NOT_SCRIPTED", heard.target)
        return waiting.popleft() if len(waiting) > 1 else waiting[0]

    def sign(self, reply: Reply, body: bytes) -> dict[str, str]:
        if reply.signed is False:
            return {}
        now = system_clock() + reply.late_seconds * SECOND
        if reply.key is None:
            headers = self.signer.headers(body, now)
        else:
            name, serial = reply.key
            timestamp, nonce = str(now // SECOND), secrets.token_hex(16)
            signature = Signer(private_key(name)).sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n")
            headers = {
                "Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce, "Wechatpay-Signature": signature,
                "Wechatpay-Serial": serial,
            }  # fmt: skip
        return headers | ({"Wechatpay-Signature": reply.signed} if isinstance(reply.signed, str) else {})

    def problem(self, method: str, target: str, authorization: str, body: bytes) -> str:
        found = _AUTHORIZATION.fullmatch(authorization)
        if found is None:
            return "the Authorization header is not of the documented form"
        mchid, nonce, timestamp, serial, signature = found.groups()
        if (mchid, serial) != (self.signer.mchid, MERCHANT_SERIAL):
            return "another merchant, or another certificate"
        text = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
        return "" if self._merchant.verifies(decode_base64(signature, 1368), text) else "the signature is wrong"

    def certificates(self, *serials: int, **how: Any) -> Reply:
        """The answer of ``/v3/certificates``, signed by the first of them."""
        listed = [self.sealed(f"{serial:X}", platform_certificate(serial)) for serial in serials]
        first = f"{serials[0]:X}" if serials else ""
        return Reply(body={"data": listed}, key=(f"platform-{first}", first), **how)

    def sealed(self, serial: str, pem: bytes) -> dict[str, Any]:
        nonce = secrets.token_hex(6)
        sealed = aes_gcm_encrypt(self.signer.api_v3_key, nonce.encode(), pem, b"certificate")
        return {
            "serial_no": serial, "effective_time": "2026-01-01T00:00:00+08:00",
            "expire_time": "2031-01-01T00:00:00+08:00",
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate",
                "ciphertext": base64.b64encode(sealed).decode(),
            },
        }  # fmt: skip


def _handler(far: FarSide) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            problem = far.problem(self.command, self.path, headers.get("authorization", ""), body)
            reply = far.answer(Heard(self.command, self.path, headers, body, problem))
            if reply.hang_up:
                self.close_connection = True
                return
            raw = reply.raw()
            self.send_response(reply.status)
            for name, value in {**far.sign(reply, raw), "Request-ID": "08F7", **reply.headers}.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _serve  # noqa: N815 -- the names http.server looks for

        def log_message(self, *_: object) -> None:
            """Nothing is written to the terminal."""

    return Handler
