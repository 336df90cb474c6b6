"""Notifications: the sealed envelope, and the headers that prove it.

https://pay.weixin.qq.com/doc/v3/merchant/4012791902
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from ..books import Order, QueuedCallback, Refund
from ..material import MERCHANTS
from ..messages import World
from . import showing
from .keys import Keys, written
from .showing import rfc3339, sub_order

_SUMMARY = {
    "TRANSACTION.SUCCESS": "支付成功", "REFUND.SUCCESS": "退款成功", "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}  # fmt: skip


def callback(
    world: World, keys: Keys, queued: QueuedCallback, order: Order, refund: Refund | None
) -> tuple[dict[str, str], bytes]:
    """Headers and body of a notification. Its ``id`` stays through all re-sends; what proves it is made anew."""
    kind, event, inner = _said(world, queued, order, refund)
    number = _id(queued, event)
    body = written(
        {
            "id": number, "create_time": rfc3339(queued.created_at), "resource_type": "encrypt-resource",
            "event_type": event, "summary": _SUMMARY[event],
            "resource": {"original_type": kind, **keys.sealed(written(inner), kind)},
        }
    )  # fmt: skip
    merchant = next(one for one in MERCHANTS if one.mchid == order.merchant)
    fault = "probe" if "callback_signtest" in queued.faults else ""
    fault = "stranger" if "callback_bad_signature" in queued.faults else fault
    headers = {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0", "Request-ID": number}
    name = keys.name_for(merchant, callback=True)
    return headers | keys.signature_headers(name, body, fault=fault), body


def _said(world: World, queued: QueuedCallback, order: Order, refund: Refund | None) -> tuple[str, str, dict[str, Any]]:
    """What kind of resource it is, the event, and what stands in it."""
    wrong = "callback_wrong_amount" in queued.faults
    if refund is not None:  # as it was when there was something to tell: an abnormal one may be under way again
        state = str(queued.content.get("refund_state") or refund.state)
        inner = showing.notified_refund(order, refund, state, wrong=wrong)
        return "refund", f"REFUND.{showing.REFUND_STATES[state]}", inner
    struck = ("wrong_amount",) if wrong else ()
    number = str(queued.content.get("number") or order.number)
    if order.group_no and number == order.number:
        orders = [one for one in world.books.orders_of_group(order.group_no) if one.merchant == order.merchant]
        parts = [sub_order(one, struck=struck) for one in orders]
        return "transaction", "TRANSACTION.SUCCESS", showing.combined(orders, parts)
    shown = replace(order, number=number, state="paid")
    return "transaction", "TRANSACTION.SUCCESS", showing.transaction(shown, struck=struck)


def _id(queued: QueuedCallback, event: str) -> str:
    named = f"{queued.merchant}|{queued.out_trade_no}|{event}|{queued.ref}|{queued.content.get('number')}"
    digest = hashlib.sha256(named.encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
