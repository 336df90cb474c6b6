"""Our channels as Alipay's products: which method, what it is asked, what the payer's client must do then.

- Computer website: https://opendocs.alipay.com/open/028r8t · mobile website: https://opendocs.alipay.com/open/02ivbs
- App: https://opendocs.alipay.com/open/02e7gq · QR code: https://opendocs.alipay.com/open/02ekfg
- Bar code: https://opendocs.alipay.com/open/02ekfe · mini program: https://opendocs.alipay.com/mini/03l5wn
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from ...errors import InvalidRequest
from ...money import text_from_minor
from ...records import Payment
from .client import beijing_text


class Product(NamedTuple):
    """How a channel is done at Alipay. ``lazy``: the trade exists only once the payer has opened it."""

    method: str
    code: str
    lazy: bool


#: Our channel → their product.
PRODUCTS = {
    "page": Product("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY", True),
    "wap": Product("alipay.trade.wap.pay", "QUICK_WAP_WAY", True),
    "app": Product("alipay.trade.app.pay", "QUICK_MSECURITY_PAY", True),
    "qr": Product("alipay.trade.precreate", "FACE_TO_FACE_PAYMENT", True),
    "barcode": Product("alipay.trade.pay", "FACE_TO_FACE_PAYMENT", False),
    "mini_program": Product("alipay.trade.create", "JSAPI_PAY", False),
}
#: Channels whose request the payer's own client carries to Alipay.
CARRIED = frozenset({"page", "wap", "app"})

_ORDER = re.compile(r"[0-9A-Za-z_]{1,64}", re.ASCII)
_AUTH_CODE = re.compile(r"(?:2[5-9]|30)[0-9]{14,22}|fp[0-9A-Za-z]{33}", re.ASCII)
_BUYER = re.compile(r"[0-9A-Za-z_\-]{1,128}", re.ASCII)
_URL = re.compile(r"https?://[\x21-\x7e]{1,380}", re.ASCII)
# A subject must not hold these; its readers see the same sign, and nothing signed can be read in two ways.
_SUBJECT = str.maketrans({"/": "／", "=": "＝", "&": "＆"})


def facts_of(payment: Payment) -> Mapping[str, Any]:
    """What the host has told of the payer: the payment's metadata."""
    try:
        found = json.loads(payment.metadata)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def check(payment: Payment) -> None:
    """Refuse, before anything is stored or called, what Alipay's product cannot do without.

    Raises ``InvalidRequest``: ``INVALID_METADATA`` with the ``path`` of what is missing, ``INVALID_REFERENCE`` for an
    order number with other characters than letters, digits and underscores.
    """
    if _ORDER.fullmatch(payment.out_trade_no) is None:
        raise InvalidRequest("Alipay takes letters, digits and _ in an order number", code="INVALID_REFERENCE")
    facts = facts_of(payment)
    if payment.channel == "barcode":
        _demand(facts, "auth_code", _AUTH_CODE, "the payer's code: 16 to 24 digits beginning with 25 to 30")
    if payment.channel == "mini_program":
        name = "buyer_open_id" if "buyer_open_id" in facts else "buyer_id"
        _demand(facts, name, _BUYER, "the payer's id from my.getAuthCode: buyer_id or buyer_open_id")
    if payment.channel == "wap":
        name = "quit_url" if "quit_url" in facts else "return_url"
        _demand(facts, name, _URL, "where a payer who gives up goes: quit_url or return_url")
    if "return_url" in facts:
        _demand(facts, "return_url", _URL, "an http or https address")


def _demand(facts: Mapping[str, Any], name: str, form: re.Pattern[str], what: str) -> None:
    value = facts.get(name)
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise InvalidRequest(f"metadata needs {name}, {what}", code="INVALID_METADATA", path=f"$.{name}")


def biz_of(payment: Payment, app: str) -> dict[str, Any]:
    """The order as ``biz_content``. The same payment always gives the same."""
    facts = facts_of(payment)
    biz: dict[str, Any] = {
        "out_trade_no": payment.out_trade_no,
        "total_amount": text_from_minor(payment.amount, "CNY"),
        "subject": (payment.description or payment.out_trade_no).translate(_SUBJECT),
        "product_code": PRODUCTS[payment.channel].code,
    }
    if payment.expires_at is not None:
        biz["time_expire"] = beijing_text(payment.expires_at)
    for ours, theirs in (("attach", "passback_params"), ("store_id", "store_id")):
        if isinstance(facts.get(ours), str) and facts[ours]:
            biz[theirs] = quote(facts[ours], safe="") if theirs == "passback_params" else facts[ours]
    if payment.channel == "barcode":
        code = str(facts["auth_code"])
        biz |= {"auth_code": code, "scene": "security_code" if code.startswith("fp") else "bar_code"}
    elif payment.channel == "mini_program":
        name = "buyer_open_id" if "buyer_open_id" in facts else "buyer_id"
        biz |= {name: facts[name], "op_app_id": app}
    elif payment.channel == "wap":
        biz["quit_url"] = facts.get("quit_url") or facts["return_url"]
    return biz


def is_their_qr(text: object, origin: str) -> bool:
    """Whether a QR text is one of Alipay's: https at ``*.alipay.com``, or the loopback address we talk to ourselves.

    What we are handed is shown to payers and opened by them; nothing else may come in by it.
    """
    if not isinstance(text, str) or not text.isascii() or not 1 <= len(text) <= 1024:
        return False
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return False
    if any(char <= " " or char in "\\\"'<>" for char in text) or parts.username is not None:
        return False
    ours = urlsplit(origin)
    if ours.scheme == "http" and (parts.scheme, parts.netloc) == ("http", ours.netloc):
        return True
    return parts.scheme == "https" and (host == "alipay.com" or host.endswith(".alipay.com"))
