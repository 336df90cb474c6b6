"""Accounts, keys and a far side of the tests' own."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from payflow.clock import SECOND, system_clock
from payflow.diagnosis.findings import Finding
from payflow.diagnosis.material import Material, gathered
from payflow.gateway import Callback
from payflow.sandbox import Material as Sandboxed
from payflow.testing.signed import AlipaySigner, WeChatSigner, private_key, public_pem

NOW = system_clock()
DAY = timedelta(days=1)
OWN = private_key("own")
ALIPAY = AlipaySigner()
WECHAT = WeChatSigner()


@cache
def private_pem(key: rsa.RSAPrivateKey = OWN) -> bytes:
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())


@cache
def certificate(
    key: rsa.RSAPrivateKey = OWN, common: str = "test", *, serial: int = 0x5ABCDEF0123456789, first: int = -1,
    last: int = 1000, organisation: str = "test", ca: bool | None = None,
) -> bytes:  # fmt: skip
    """A self-signed certificate, valid from ``first`` to ``last`` days and a half from now."""
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )
    today = datetime.fromtimestamp(NOW // SECOND, timezone.utc) + DAY / 2
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(serial).not_valid_before(today + first * DAY).not_valid_after(today + last * DAY)
    )  # fmt: skip
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def alipay(account: str = "alipay", **changes: Any) -> Material:
    options = {
        "app_id": ALIPAY.app_id, "seller_id": ALIPAY.seller_id, "alipay_public_key": ALIPAY.public_pem,
        "app_private_key": private_pem(),
    }  # fmt: skip
    return _gathered(account, "alipay", _without_none(options | changes))


def wechat(account: str = "wechat", **changes: Any) -> Material:
    options = {
        "appid": WECHAT.appid, "mchid": WECHAT.mchid, "api_v3_key": WECHAT.api_v3_key,
        "public_key": WECHAT.public_pem, "public_key_id": WECHAT.key_id, "private_key": private_pem(),
        "certificate_serial": "1234ABCD5678",
    }  # fmt: skip
    return _gathered(account, "wechat", _without_none(options | changes))


@cache
def sandboxed() -> Sandboxed:
    """Keys and certificates as payflow's sandbox makes them."""
    return Sandboxed()


_MADE: dict[tuple[str, str], Material] = {}


def _gathered(account: str, gateway: str, options: dict[str, Any]) -> Material:
    """Made once for equal options: to load a private key takes a while."""
    key = account, repr(options)
    if key not in _MADE:
        _MADE[key] = gathered(account, gateway, options)
    return _MADE[key]


def _without_none(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def codes(findings: Iterable[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def one(findings: Iterable[Finding], code: str) -> Finding:
    """The finding with this code, of which there is exactly one."""
    found = [finding for finding in findings if finding.code == code]
    assert len(found) == 1, found
    return found[0]


def with_body(callback: Callback, body: bytes) -> Callback:
    """The same headers, without a length, around another body."""
    kept = tuple((name, value) for name, value in callback.headers if name != "Content-Length")
    return Callback(callback.account, kept, body)


def with_headers(callback: Callback, **changes: str | None) -> Callback:
    """The same with headers changed (``wechatpay_serial="…"``) or taken away (``None``)."""
    wanted = {name.replace("_", "-"): value for name, value in changes.items()}
    headers = [
        (name, wanted.get(name.lower(), value))
        for name, value in callback.headers
        if wanted.get(name.lower(), value) is not None
    ]
    return Callback(callback.account, tuple(headers), callback.body)  # type: ignore[arg-type]  # None is left out


Answer = tuple[int, Mapping[str, str], bytes]


class FarSide:
    """Answers as a test says. ``asked`` are the paths; ``behind`` seconds lies its clock behind ours."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.asked: list[str] = []
        self.behind = 0
        far_side = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                far_side.asked.append(self.path)
                status, headers, body = answer(self.path)
                self.send_response_only(status)
                shown = datetime.now(timezone.utc) - timedelta(seconds=far_side.behind)
                for name, value in {"Date": format_datetime(shown, usegmt=True), **headers}.items():
                    if value:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def alipay_says(
    key: rsa.RSAPrivateKey | None = None, node: str = "alipay_trade_query_response", **fields: str
) -> Answer:
    """Alipay's answer, signed if there is a key."""
    from payflow.signing import Signer

    text = json.dumps({"msg": "Business Failed", **fields}, ensure_ascii=False)
    sign = f',"sign":"{Signer(key).sign(text.encode())}"' if key is not None else ""
    return 200, {}, f'{{"{node}":{text}{sign}}}'.encode()


def wechat_error(status: int, code: str, message: str = "") -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps({"code": code, "message": message}).encode()


def wechat_says(said: Any, signer: WeChatSigner = WECHAT, **headers: Any) -> Answer:
    """WeChat Pay's signed answer."""
    body = json.dumps(said).encode()
    return 200, {"Content-Type": "application/json", **signer.headers(body, system_clock(), **headers)}, body


def sealed_certificates(pems: Mapping[str, bytes], key: bytes) -> dict[str, Any]:
    """The answer of ``/v3/certificates``."""
    from payflow.signing import aes_gcm_encrypt

    return {
        "data": [
            {
                "serial_no": serial,
                "encrypt_certificate": {
                    "algorithm": "AEAD_AES_256_GCM", "nonce": "abcdefghijkl", "associated_data": "certificate",
                    "ciphertext": base64.b64encode(aes_gcm_encrypt(key, b"abcdefghijkl", pem, b"certificate")).decode(),
                },
            }
            for serial, pem in pems.items()
        ]
    }  # fmt: skip


def config_of(folder: Path, accounts: Mapping[str, Mapping[str, Any]], **changes: Any) -> Path:
    """A ``payflow.json`` whose keys, given as bytes, lie in files beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret").write_text("kT7w0qPzR4mX9cVb2nLs6dYf1hGj8aEu")
    gateways: dict[str, dict[str, Any]] = {}
    for name, options in accounts.items():
        gateways[name] = {option: _filed(folder, f"{name}.{option}", value) for option, value in options.items()}
    document = {
        "environment": "development", "secret": {"file": "secret"}, "payment_gateway": next(iter(accounts)),
        "callbacks": {"base_url": "https://pay.example.com"}, "store": {"url": "sqlite:///payflow.db"},
        "gateways": gateways, "timeouts": {"connect_seconds": 1, "read_seconds": 2, "total_seconds": 4},
    } | changes  # fmt: skip
    path = folder / "payflow.json"
    path.write_text(json.dumps({name: value for name, value in document.items() if value is not None}))
    return path


def _filed(folder: Path, name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_filed(folder, f"{name}.{index}", one) for index, one in enumerate(value)]
    if not isinstance(value, bytes):
        return value
    (folder / name).write_bytes(value)
    return {"file": name}


__all__ = ["SECOND", "public_pem"]
