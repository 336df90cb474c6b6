"""Callbacks and the way back from the cashier, signed. https://opendocs.alipay.com/open/203/105286."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote_plus, urlencode

from ...clock import day_of
from ...money import text_from_minor
from ..books import Order, QueuedCallback, Refund
from ..material import APPS, AlipayApp
from ..messages import World
from .fields import written
from .refunding import request_number
from .showing import NOTHING, fund_bills_text, masked
from .writing import Keys

_LEFT_OUT = frozenset({"sign", "sign_type"})


def app_of(order: Order) -> AlipayApp:
    """The app that made an order."""
    return next((one for one in APPS if one.app_id == order.app), APPS[0])


def notify_id(queued: QueuedCallback) -> str:
    """What tells one event from every other: the same in every re-send and in every copy of it."""
    content = queued.content
    told = (queued.merchant, queued.out_trade_no, queued.kind, queued.ref, content.get("number"), content.get("at"))
    digest = hashlib.sha256("|".join(map(str, told)).encode()).hexdigest()[:26]
    return day_of(queued.created_at).replace("-", "") + digest


def callback(world: World, keys: Keys, queued: QueuedCallback, order: Order, refund: Refund | None) -> tuple[
    dict[str, str], bytes
]:  # fmt: skip
    """Headers and body of a callback."""
    app = app_of(order)
    codec = str(order.extra.get("codec", "utf-8"))
    charset = str(order.extra.get("charset", "utf-8"))
    params = {
        "notify_time": written(world.clock.wire()), "notify_type": "trade_status_sync",
        "notify_id": notify_id(queued), "charset": charset, "version": "1.0", "app_id": app.app_id,
        "auth_app_id": app.app_id, "seller_id": order.merchant, "seller_email": "seller@sandbox.example",
        **_trade(queued, order, refund),
    }  # fmt: skip
    params = {name: value for name, value in params.items() if value != ""}
    signer = keys.of(app)[0]
    if "callback_bad_signature" in queued.faults or "callback_signtest" in queued.faults:
        signer = keys.stranger
    params |= {"sign_type": "RSA2", "sign": signer.sign(to_sign(params).encode(codec))}
    headers = {
        "Content-Type": f"application/x-www-form-urlencoded; text/html; charset={charset}",
        "User-Agent": "Mozilla/4.0",
    }
    return headers, urlencode(params, encoding=codec).encode("ascii")


def _trade(queued: QueuedCallback, order: Order, refund: Refund | None) -> dict[str, str]:
    """What the callback says of the trade, as it was when it happened."""
    content = queued.content
    amount = order.amount + ("callback_wrong_amount" in queued.faults)
    full, at = text_from_minor(amount), int(content.get("at", queued.created_at))
    open_id = str(order.extra.get("buyer_open_id", ""))
    fields = {
        "trade_no": str(content.get("number") or order.number), "out_trade_no": order.merchants_no,
        "subject": order.subject, "body": str(order.extra.get("body", "")),
        "passback_params": str(order.extra.get("passback_params", "")), "gmt_create": written(order.created_at),
        "buyer_logon_id": masked(order.payer), "total_amount": full,
        **({"buyer_open_id": open_id} if open_id else {"buyer_id": order.payer}),
    }  # fmt: skip
    if queued.kind == "closed":
        return fields | {"trade_status": "TRADE_CLOSED", "gmt_close": written(at)}
    fields |= {
        "gmt_payment": written(order.paid_at), "receipt_amount": full, "buyer_pay_amount": full,
        "invoice_amount": full, "point_amount": NOTHING, "fund_bill_list": fund_bills_text(amount),
    }  # fmt: skip
    if queued.kind != "refund" or refund is None:
        return fields | {"trade_status": "TRADE_SUCCESS"}
    all_back = content.get("state") == "closed"
    return fields | {
        "trade_status": "TRADE_CLOSED" if all_back else "TRADE_SUCCESS", "out_biz_no": request_number(refund),
        "refund_fee": text_from_minor(int(content.get("refunded", 0))), "send_back_fee": text_from_minor(refund.amount),
        "gmt_refund": written(at, milliseconds=True), "gmt_close": written(at) if all_back else "",
    }  # fmt: skip


def to_sign(params: Mapping[str, str]) -> str:
    """What a callback is signed over: everything but ``sign`` and ``sign_type``, sorted by name, as it is."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name not in _LEFT_OUT)


def return_address(world: World, keys: Keys, order: Order) -> str:
    """Where the payer's browser goes after paying a page or wap order: ``return_url`` with signed facts; "" if none."""
    if not order.return_url:
        return ""
    app = app_of(order)
    codec = str(order.extra.get("codec", "utf-8"))
    params = {
        "charset": str(order.extra.get("charset", "utf-8")), "out_trade_no": order.out_trade_no,
        "method": f"{order.extra.get('method', 'alipay.trade.page.pay')}.return",
        "total_amount": text_from_minor(order.amount), "trade_no": order.number, "auth_app_id": app.app_id,
        "version": "1.0", "app_id": app.app_id, "sign_type": "RSA2", "seller_id": order.merchant,
        "timestamp": written(world.clock.wire()),
    }  # fmt: skip
    params["sign"] = keys.of(app)[0].sign(to_sign(params).encode(codec))
    address, mark, fragment = order.return_url.partition("#")
    query = urlencode(params, encoding=codec, quote_via=quote_plus)
    return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"
