"""Answers as they go over the wire: one node, written once, signed as it was written."""

from __future__ import annotations

import html
import json
import secrets
import threading
from collections.abc import Collection, Mapping
from typing import Any

from cryptography import x509

from ...signing import Signer
from ..material import AlipayApp, Material
from ..messages import Outgoing
from .content_cipher import encrypt
from .reading import Ask
from .refusing import MESSAGES
from .serials import cert_sn
from .showing import Said

_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="{charset}"><title>支付宝（沙箱） - Alipay (sandbox)</title></head>
<body><h1>订单信息有误 / The order cannot be paid</h1>
<p>错误代码 / Error code: <code>{code}</code></p><p>{message}</p></body></html>
"""


class Keys:
    """Alipay's keys as they are now. A rotation concerns certificate mode only. Shared between threads."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._lock = threading.Lock()
        self._first = Signer(material.key("alipay"))
        self._certified = self._first
        self._stranger: Signer | None = None
        self.certificates: dict[str, x509.Certificate] = {}
        self.sn = self._known(material.alipay_certificate)

    def _known(self, certificate: x509.Certificate) -> str:
        sn = cert_sn(certificate)
        self.certificates[sn] = certificate
        return sn

    def rotate(self) -> str:
        """Sign with the next key for certificate-mode apps from now on; the SN of its certificate."""
        with self._lock:
            certificate = self._material.next_certificate("alipay")
            self.sn = self._known(certificate)
            self._certified = Signer(self._material.key("alipay_next"))
            return self.sn

    def of(self, app: AlipayApp) -> tuple[Signer, str]:
        """Who signs for an app, and the SN that goes with it ("" in key mode)."""
        if app.mode != "certificate":
            return self._first, ""
        with self._lock:
            return self._certified, self.sn

    @property
    def stranger(self) -> Signer:
        """A key that nobody has ever heard of."""
        with self._lock:
            if self._stranger is None:
                self._stranger = Signer(self._material.key("stranger"))
            return self._stranger


def dumped(value: Any) -> str:
    """JSON as Alipay writes it: no spaces, ``/`` escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")


def signed_answer(keys: Keys, material: Material, ask: Ask, said: Said, struck: Collection[str]) -> bytes:
    """The answer to a genuine request."""
    node = dumped(said.node)
    if ask.encrypted and said.node.get("sub_code") != "isv.decryption-error-unknown":
        node = f'"{encrypt(material.aes_key, node.encode("utf-8"))}"'
    signer, sn = keys.of(ask.app)
    if "bad_signature" in struck or "signtest" in struck:
        signer = keys.stranger
    parts = [f'"{ask.node_name}":{node}']
    if sn:
        parts.append(f'"alipay_cert_sn":"{sn}"')
    if "unsigned" not in struck:
        parts.append(f'"sign":"{signer.sign(node.encode(ask.codec))}"')
    return ("{" + ",".join(parts) + "}").encode(ask.codec)


def unsigned_answer(node: Mapping[str, Any]) -> bytes:
    """The answer to somebody Alipay does not know."""
    return ('{"error_response":' + dumped(node) + "}").encode("utf-8")


def http(body: bytes, charset: str = "utf-8") -> Outgoing:
    """An answer of the gateway: always 200, and called HTML though it is JSON, like the real one's."""
    return Outgoing(200, body, _headers(charset))


def page(said: Said, charset: str, codec: str) -> Outgoing:
    """The answer to a browser: on to the cashier, or a page that says what is wrong."""
    if said.location:
        return Outgoing(302, b"", {**_headers(charset), "Location": said.location})
    message = html.escape(str(said.node.get("sub_msg") or said.node.get("msg", "")))
    text = _PAGE.format(charset=html.escape(charset), code=html.escape(said.code), message=message)
    return Outgoing(200, text.encode(codec, "replace"), _headers(charset))


def ill(kind: str) -> dict[str, str]:
    """The node of a fault that is an answer: ``busy`` or ``system_error``."""
    code, sub_code, sub_msg = (
        ("40005", "isv.app-call-limited", "应用调用次数超限") if kind == "busy"
        else ("20000", "isp.unknow-error", "系统繁忙")
    )  # fmt: skip
    return {"code": code, "msg": MESSAGES[code], "sub_code": sub_code, "sub_msg": sub_msg}


def _headers(charset: str) -> dict[str, str]:
    return {"Content-Type": f"text/html;charset={charset}", "trace_id": secrets.token_hex(16)}
