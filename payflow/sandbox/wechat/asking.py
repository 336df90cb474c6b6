"""Who is asking: the ``Authorization`` of a request, verified over its raw target and body.

https://pay.weixin.qq.com/doc/v3/merchant/4012365336
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ...clock import SECOND
from ...errors import CallbackRefused
from ...signing import MAX_SIGNATURE_TEXT, Verifier, decode_base64
from ...strictjson import parse_object
from ..material import MERCHANTS, WeChatMerchant, serial_of
from ..messages import Incoming, World
from .refusing import Refused, bad, sign_error

SCHEME = "WECHATPAY2-SHA256-RSA2048"
_PAIR = re.compile(r'\s*([a-z_]{1,32})="([^"]{0,2000})"\s*', re.ASCII)
_NAMES = frozenset({"mchid", "nonce_str", "timestamp", "serial_no", "signature"})
_TOLERANCE_SECONDS = 300
#: Paths that look at these headers before anything else.
_DEMANDING = ("/v3/certificates", "/v3/refund/")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of a merchant, proven to be its own."""

    merchant: WeChatMerchant
    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)
    serial: str = ""  # Wechatpay-Serial: the key it wants the answer signed with, or has encrypted fields with


class Reader:
    """Believes requests that are signed with the merchant's key."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._verifier = Verifier(world.material.key("merchant").public_key())
        self._serial = serial_of(world.material.merchant_certificate)
        self._merchants = {one.mchid: one for one in MERCHANTS}

    def read(self, request: Incoming) -> Ask:
        """The request as one of a merchant of ours. Raises ``Refused``."""
        if request.path.startswith(_DEMANDING) and not (request.header("User-Agent") and request.header("Accept")):
            raise Refused(400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent")
        merchant = self._proven(request)
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        return Ask(merchant, request.method, request.path, query, _body(request), request.header("Wechatpay-Serial"))

    def _proven(self, request: Incoming) -> WeChatMerchant:
        scheme, _, rest = request.header("Authorization").strip().partition(" ")
        if scheme != SCHEME:
            raise sign_error("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
        said: dict[str, str] = {}
        for piece in rest.split(","):
            pair = _PAIR.fullmatch(piece)
            if pair is None or pair[1] in said:
                raise sign_error("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
            said[pair[1]] = pair[2]
        if set(said) != _NAMES:
            raise sign_error("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
        timestamp = said["timestamp"]
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 10):
            raise sign_error("Http头Authorization中的timestamp不是时间戳")
        if abs(self._world.clock.wire() // SECOND - int(timestamp)) > _TOLERANCE_SECONDS:
            raise sign_error("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        merchant = self._merchants.get(said["mchid"])
        if merchant is None or said["serial_no"].upper().lstrip("0") != self._serial.lstrip("0"):
            raise sign_error("商户证书序列号有误")
        text = f"{request.method}\n{request.target}\n{timestamp}\n{said['nonce_str']}\n".encode()
        try:
            signature = decode_base64(said["signature"], MAX_SIGNATURE_TEXT)
        except ValueError:
            raise sign_error("错误的签名，验签失败") from None
        if not self._verifier.verifies(signature, text + request.body + b"\n"):
            raise sign_error("错误的签名，验签失败")
        return merchant


def _body(request: Incoming) -> Mapping[str, Any]:
    if not request.body:
        return {}
    try:
        body = parse_object(request.body)
    except CallbackRefused:
        raise bad("", "请求体不是有效的JSON") from None
    if any(char >= 0xF0 for char in json.dumps(body, ensure_ascii=False, default=repr).encode()):
        raise bad("", "只支持1至3个字节的UTF-8字符")
    return body


def text(said: Mapping[str, Any], name: str, longest: int, *, required: bool = False, form: str = "") -> str:
    """A text field; "" if it is absent. ``PARAM_ERROR`` for what cannot be."""
    value = said.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise bad(name, f"{name}长度应为1至{longest}个字符")
    if form and re.fullmatch(form, value, re.ASCII) is None:
        raise bad(name, f"{name}含有不允许的字符")
    return value


def part(said: Mapping[str, Any], name: str, *, required: bool = False) -> Mapping[str, Any]:
    """An object field; empty if it is absent."""
    value = said.get(name)
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        raise bad(name, f"{name}应为对象")
    return value


def fen(said: Mapping[str, Any], name: str, where: str = "amount") -> int:
    """A whole number of fen of at least 1."""
    value = said.get(name)
    if type(value) is not int or not 1 <= value <= 100_000_000_00:
        raise bad(f"{where}.{name}", f"{name}应为大于0的整数")
    return value


def flag(said: Mapping[str, Any], name: str) -> bool:
    """A truth value; false if it is absent."""
    value = said.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad(name, f"{name}应为布尔值")
    return bool(value)
