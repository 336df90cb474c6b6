"""A payment as its payer sees it. Pure: the payment and what is to be done next in, what stands on the page out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..clock import iso
from ..errors import ConfigError
from ..gateway import NextAction
from ..markup import Html, is_address, trusted
from ..money import text_from_minor
from ..records import Payment
from .links import Claims
from .words import CATALOG, gateway_name, said

#: What there is to do, as far as a page can do it; anything else is waited for.
_KINDS = frozenset({"confirm", "redirect", "form", "qr", "sdk", "mini_program"})


def money(amount: int, currency: str) -> str:
    """``¥12.50``, or ``12.50 USD``."""
    text = text_from_minor(amount, currency)
    return f"¥{text}" if currency == "CNY" else f"{text} {currency}"


def outcome(payment: Payment) -> str:
    """waiting, paid, partially_refunded, refunded, failed or cancelled: whatever else a host's own table calls it."""
    if payment.captured:
        if payment.refunded:
            return "refunded" if payment.refunded == payment.captured else "partially_refunded"
        return "paid"
    return payment.status if payment.status in ("failed", "cancelled") else "waiting"


def stamp(payment: Payment) -> str:
    """Changes whenever anything about the payment does."""
    return str(payment.version)


def status(payment: Payment) -> dict[str, Any]:
    """What a program is told: no more than what the page shows."""
    came_to = outcome(payment)
    return {
        "status": payment.status, "outcome": came_to, "settled": came_to != "waiting", "stamp": stamp(payment),
        "amount": payment.amount, "currency": payment.currency, "refunded": payment.refunded,
        "expires_at": iso(payment.expires_at),
    }  # fmt: skip


def page(payment: Payment, action: NextAction, claims: Claims, lang: str, base: str, now: int) -> dict[str, Any]:
    """What the template is given as ``page``. Everything is text, but ``qr``, which is our own drawing."""
    came_to = outcome(payment)
    kind = action.kind if action.kind in _KINDS and _leads_somewhere(action) else "wait"
    shown = kind if came_to == "waiting" else came_to
    gateway = gateway_name(lang, payment.gateway)
    words = {
        "gateway": gateway, "amount": money(payment.amount, payment.currency),
        "refunded": money(payment.refunded, payment.currency),
    }  # fmt: skip
    over = payment.expires_at is not None and payment.expires_at <= now
    deadline = action.data.get("expires_at") if kind == "confirm" else payment.expires_at
    return {
        "lang": "zh-CN" if lang == "zh" else "en", "base": base, "static": base.rpartition("/")[0] + "/static",
        "say": CATALOG[lang], "status": payment.status, "outcome": came_to, "stamp": stamp(payment),
        "settled": "0" if came_to == "waiting" else "1", "kind": shown,
        "title": said(lang, f"title_{shown}", **words), "text": said(lang, f"text_{shown}", **words),
        "amount": words["amount"], "description": payment.description, "reference": payment.reference,
        "gateway": gateway, "back": claims.back, "button_confirm": said(lang, "button_confirm", **words),
        "button_pay": said(lang, "button_pay", **words),
        "deadline": iso(deadline) if came_to == "waiting" and not over else "", "over": came_to == "waiting" and over,
        "left": _left(deadline, now),
        "checkable": came_to == "waiting" and kind != "confirm", **_todo(action, shown),
    }  # fmt: skip


def _left(deadline: int | None, now: int) -> str:
    """How long there is to pay as the page goes on counting it, minutes and seconds: ``14:59``."""
    seconds = max(0, (deadline or now) - now) // 1_000_000
    return f"{seconds // 60}:{seconds % 60:02d}"


def _leads_somewhere(action: NextAction) -> bool:
    """Whether the address to go to, if there is one, is one of the web: whatever a gateway says, nothing else runs."""
    return action.kind not in ("redirect", "form") or is_address(str(action.data.get("url", "")))


def _todo(action: NextAction, kind: str) -> dict[str, Any]:
    """What is needed to do it."""
    data: Mapping[str, Any] = action.data
    if kind == "confirm":
        return {"token": data["token"]}
    if kind == "redirect":
        return {"url": data["url"]}
    if kind == "form":
        fields = [{"name": name, "value": value} for name, value in data["fields"].items()]
        return {"url": data["url"], "method": data.get("method", "post").lower(), "fields": fields}
    if kind == "qr":
        qr = _drawn(action)
        return {"qr": qr, "qr_text": "" if qr else data["text"]}
    return {}


def _drawn(action: NextAction) -> Html | str:
    try:
        return trusted(action.svg(scale=6))
    except ConfigError:  # without the extra "qr" its text has to do
        return ""


def nothing(lang: str, static: str, title: str, text: str) -> dict[str, Any]:
    """A page without a payment: why there is none."""
    return {
        "lang": "zh-CN" if lang == "zh" else "en", "say": CATALOG[lang], "static": static, "title": title, "text": text,
        "kind": "nothing", "settled": "1", "status": "", "outcome": "nothing",
    }  # fmt: skip
