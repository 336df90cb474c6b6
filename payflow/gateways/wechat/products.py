"""The products: what a payment looks like as a request, and what the payer's client does with the answer.

- JSAPI and mini program: https://pay.weixin.qq.com/doc/v3/merchant/4012791856
- APP: https://pay.weixin.qq.com/doc/v3/merchant/4013070158 · H5: https://pay.weixin.qq.com/doc/v3/merchant/4012791834
- Native: https://pay.weixin.qq.com/doc/v3/merchant/4012791877
- Code pay: https://pay.weixin.qq.com/doc/v3/merchant/4012791920
- Signing for the client: https://pay.weixin.qq.com/doc/v3/merchant/4012365340

Pure: nothing here sends anything.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlsplit

from ...clock import BEIJING
from ...errors import InvalidRequest
from ...gateway import NextAction
from ...records import Payment, Refund
from ...signing import Signs
from .words import CAPABILITIES

#: channel → the last part of the path.
PATHS = {"jsapi": "jsapi", "mini_program": "jsapi", "app": "app", "h5": "h5", "qr": "native", "barcode": "codepay"}

MAX_DESCRIPTION = 127
MAX_ATTACH = 128
MAX_NOTIFY_URL = 255

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ORDER = re.compile(CAPABILITIES.order_number, re.ASCII)
_REFUND = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}", re.ASCII)
_OPENID = re.compile(r"[0-9A-Za-z_\-]{1,128}", re.ASCII)
_AUTH_CODE = re.compile(r"1[0-5][0-9]{16}", re.ASCII)
_STORE = re.compile(r"[0-9A-Za-z_\-]{1,32}", re.ASCII)
_PREPAY_ID = re.compile(r"[!#-\[\]-~]{1,64}", re.ASCII)  # one line of the text that is signed
_URL_TEXT = re.compile(r"[!#-;=?-\[\]_a-z~]{1,512}", re.ASCII)  # printable, without quotes, <, >, \, ^, `, {, |, }
#: Characters of four UTF-8 bytes, which WeChat Pay does not take, and halves of them, which nobody does.
_UNWRITABLE = re.compile("[\ud800-\udfff\U00010000-\U0010ffff]")
_H5_TYPES = frozenset({"iOS", "Android", "Wap"})
_H5_HOSTS = ("weixin.qq.com", "wx.tenpay.com")


class Unacceptable(ValueError):
    """An answer that is genuine and still not what a payer's client may be given."""


# -- what is asked for ---------------------------------------------------------------------------------------------


def metadata_of(payment: Payment) -> Mapping[str, Any]:
    """The host's facts about the payer; empty where the text is not a JSON object."""
    try:
        found = json.loads(payment.metadata)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def acceptable(payment: Payment, notify_url: str | None, *, combined: bool = False) -> Mapping[str, Any]:
    """The payment's metadata, if WeChat Pay can take the payment as it is: alone, or in a combined order.

    Raises ``InvalidRequest`` with its ``path``: ``INVALID_REFERENCE``, ``INVALID_AMOUNT``, ``INVALID_CURRENCY``,
    ``INVALID_CHANNEL``, ``INVALID_METADATA``, ``NOTIFY_URL_MISSING``.
    """
    if payment.channel not in PATHS:
        raise _invalid("INVALID_CHANNEL", "$.channel", "WeChat Pay has no such channel")
    number_of(payment)
    if type(payment.amount) is not int or not 1 <= payment.amount <= CAPABILITIES.max_amount:
        raise _invalid("INVALID_AMOUNT", "$.amount", "The amount is not one WeChat Pay takes")
    if payment.currency != "CNY":
        raise _invalid("INVALID_CURRENCY", "$.currency", "WeChat Pay takes CNY only")
    _text(payment.description, MAX_DESCRIPTION, "$.description", "INVALID_REFERENCE")
    if payment.expires_at is not None:
        time_text(payment.expires_at)
    said = metadata_of(payment)
    if "combine_out_trade_no" in said and not combined:
        raise _invalid(
            "INVALID_METADATA", "$.combine_out_trade_no", "An order of a combined order is sent by combined.charge"
        )
    if said.get("attach") is not None:
        _text(said["attach"], MAX_ATTACH, "$.attach", "INVALID_METADATA")
    _payer(payment.channel, said)
    if payment.channel != "barcode" and not notify_url:
        raise _invalid(
            "NOTIFY_URL_MISSING", "$.callbacks.base_url",
            "WeChat Pay takes no order without an address for its notification: set callbacks.base_url",
        )  # fmt: skip
    return said


def number_of(payment: Payment) -> str:
    """The order's number, ready for a path; ``INVALID_REFERENCE`` where it is not one WeChat Pay can have."""
    return checked_number(payment.out_trade_no)


def checked_number(number: str) -> str:
    """A number of an order, or of a combined order, ready for a path; ``INVALID_REFERENCE`` otherwise."""
    if _ORDER.fullmatch(number) is None:
        raise _invalid(
            "INVALID_REFERENCE", "$.out_trade_no", "An order number has 6 to 32 letters, digits or any of _ - | *"
        )
    return quote(number, safe="")


def refund_number_of(refund: Refund) -> str:
    """The refund's number, ready for a path; ``INVALID_REFERENCE`` where it is not one WeChat Pay can have."""
    if _REFUND.fullmatch(refund.out_refund_no) is None:
        raise _invalid(
            "INVALID_REFERENCE", "$.out_refund_no", "A refund number has up to 64 letters, digits or any of _ - | * @"
        )
    return quote(refund.out_refund_no, safe="")


def quoted(text: str) -> str:
    """One part of a path."""
    return quote(text, safe="")


def _payer(channel: str, said: Mapping[str, Any]) -> None:
    if channel in ("jsapi", "mini_program"):
        _matching(said, "openid", _OPENID, "the payer's openid under this app")
    elif channel == "barcode":
        _matching(said, "auth_code", _AUTH_CODE, "the 18 digits of the payer's code, beginning with 10 to 15")
        _matching(said, "store_id", _STORE, "the number of the shop, 1 to 32 letters, digits, _ or -")
    elif channel == "h5":
        client_ip(said)
        if said.get("h5_type", "Wap") not in _H5_TYPES:
            raise _invalid("INVALID_METADATA", "$.h5_type", "h5_type is iOS, Android or Wap")
        back = said.get("return_url")
        if back is not None and (not isinstance(back, str) or not _is_web(back)):
            raise _invalid("INVALID_METADATA", "$.return_url", "return_url is an http or https address")


def client_ip(said: Mapping[str, Any]) -> str:
    """The payer's address; ``INVALID_METADATA`` where it is missing or none."""
    found = said.get("client_ip")
    try:
        return str(ipaddress.ip_address(found if isinstance(found, str) else ""))
    except ValueError:
        raise _invalid("INVALID_METADATA", "$.client_ip", "client_ip is the payer's IP address") from None


def _matching(said: Mapping[str, Any], name: str, pattern: re.Pattern[str], what: str) -> None:
    value = said.get(name)
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise _invalid("INVALID_METADATA", f"$.{name}", f"metadata.{name} must be {what}")


def _text(value: object, most: int, path: str, code: str) -> None:
    if not isinstance(value, str) or len(value) > most:
        raise _invalid(code, path, f"{path[2:]} is a text of at most {most} characters")
    if _UNWRITABLE.search(value):
        raise _invalid(code, path, f"{path[2:]} has a character that WeChat Pay does not take, such as an emoji")


def writable(text: str, most: int) -> bool:
    """Whether WeChat Pay takes this text: no longer than ``most``, and without characters of four UTF-8 bytes."""
    return len(text) <= most and _UNWRITABLE.search(text) is None


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://")) and _URL_TEXT.fullmatch(url) is not None


def _invalid(code: str, path: str, why: str) -> InvalidRequest:
    return InvalidRequest(why, code=code, path=path)


def time_text(at: int) -> str:
    """An instant as ``2026-01-31T08:00:00+08:00``; ``INVALID_EXPIRY`` for one that no calendar has."""
    try:
        return (_EPOCH + timedelta(microseconds=at)).astimezone(BEIJING).isoformat(timespec="seconds")
    except OverflowError:
        raise _invalid("INVALID_EXPIRY", "$.expires_at", "expires_at is not an instant") from None


def order_body(
    payment: Payment, said: Mapping[str, Any], *, appid: str, mchid: str, notify_url: str | None
) -> dict[str, Any]:
    """The request of an acceptable payment. The same payment gives the same bytes, however often it is sent."""
    body: dict[str, Any] = {
        "appid": appid, "mchid": mchid, "description": payment.description or payment.out_trade_no,
        "out_trade_no": payment.out_trade_no, "amount": {"total": payment.amount, "currency": "CNY"},
    }  # fmt: skip
    if said.get("attach"):
        body["attach"] = said["attach"]
    if payment.channel == "barcode":
        body["payer"] = {"auth_code": said["auth_code"]}
        body["scene_info"] = {"store_info": {"id": said["store_id"]}}
        return body  # it is decided at once: neither a last moment to pay nor a notification
    body["notify_url"] = notify_url
    if payment.expires_at is not None:
        body["time_expire"] = time_text(payment.expires_at)
    if payment.channel in ("jsapi", "mini_program"):
        body["payer"] = {"openid": said["openid"]}
    elif payment.channel == "h5":
        h5 = {"type": said.get("h5_type", "Wap")}
        body["scene_info"] = {"payer_client_ip": client_ip(said), "h5_info": h5}
    return body


# -- what the payer's client does ----------------------------------------------------------------------------------


def next_action(
    channel: str, said: Mapping[str, Any], metadata: Mapping[str, Any], *, sign: Callable[[str], Mapping[str, str]],
    origin: str,
) -> NextAction:  # fmt: skip
    """What to do with the answer to an order. ``sign`` makes the client's parameters of a prepay id.

    Raises :class:`Unacceptable`: what a payer's client opens must lead to WeChat Pay and nowhere else.
    """
    if channel == "qr":
        return NextAction("qr", {"text": checked_code_url(said.get("code_url"), origin)})
    if channel == "h5":
        url = checked_h5_url(said.get("h5_url"), origin)
        back = metadata.get("return_url")
        if back:
            url += f"{'&' if '?' in url else '?'}redirect_url={quote(back, safe='')}"
        return NextAction("redirect", {"url": url})
    prepay_id = said.get("prepay_id")
    if not isinstance(prepay_id, str) or _PREPAY_ID.fullmatch(prepay_id) is None:
        raise Unacceptable("prepay_id is missing or not one")
    return NextAction("sdk" if channel == "app" else "mini_program", {"params": dict(sign(prepay_id))})


def jsapi_params(signer: Signs, appid: str, prepay_id: str, timestamp: str, nonce: str) -> dict[str, str]:
    """What ``WeixinJSBridge`` and ``wx.requestPayment`` take."""
    package = f"prepay_id={prepay_id}"
    signature = signer.sign(f"{appid}\n{timestamp}\n{nonce}\n{package}\n".encode())
    return {
        "appId": appid, "timeStamp": timestamp, "nonceStr": nonce, "package": package, "signType": "RSA",
        "paySign": signature,
    }  # fmt: skip


def app_params(signer: Signs, appid: str, mchid: str, prepay_id: str, timestamp: str, nonce: str) -> dict[str, str]:
    """What the OpenSDK of an app takes."""
    signature = signer.sign(f"{appid}\n{timestamp}\n{nonce}\n{prepay_id}\n".encode())
    return {
        "appid": appid, "partnerid": mchid, "prepayid": prepay_id, "package": "Sign=WXPay", "noncestr": nonce,
        "timestamp": timestamp, "sign": signature,
    }  # fmt: skip


def checked_code_url(url: object, origin: str) -> str:
    """The text of the QR code, if it is one of WeChat Pay's; of a far side on this machine, one of its own."""
    text = _checked_url(url)
    if text.startswith("weixin://") or _is_own_loopback(text, origin):
        return text
    raise Unacceptable("code_url does not lead to WeChat Pay")


def checked_h5_url(url: object, origin: str) -> str:
    """The page to open, if it is one of WeChat Pay's; of a far side on this machine, one of its own."""
    text = _checked_url(url)
    parts = _split(text)
    host = parts[1]
    known = any(host == name or host.endswith("." + name) for name in _H5_HOSTS)
    if (parts[0] == "https" and known and parts[2] in (None, 443)) or _is_own_loopback(text, origin):
        return text
    raise Unacceptable("h5_url does not lead to WeChat Pay")


def _checked_url(url: object) -> str:
    if not isinstance(url, str) or _URL_TEXT.fullmatch(url) is None:
        raise Unacceptable("The address is missing, or too long, or not one")
    return url


def _split(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port; an address with a user's name in it has no host here."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", None
    return parts.scheme, "" if "@" in parts.netloc else (parts.hostname or ""), port


def _is_own_loopback(url: str, origin: str) -> bool:
    """Whether ``url`` is a page on this machine, as our far side is: a sandbox's, and nobody's in production."""
    return is_loopback(origin) and _split(url)[0] in ("http", "https") and is_loopback(url)


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine itself."""
    host = _split(url)[1]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
