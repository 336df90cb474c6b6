"""Orders and refunds as WeChat Pay shows them. https://pay.weixin.qq.com/doc/v3/merchant/4012791899"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ...clock import BEIJING
from ..books import Order, Refund

TRADE_TYPES = {"jsapi": "JSAPI", "app": "APP", "h5": "MWEB", "native": "NATIVE", "codepay": "MICROPAY"}
_STATES = {
    "prepared": ("NOTPAY", "订单未支付"), "waiting": ("NOTPAY", "订单未支付"), "paying": ("USERPAYING", "支付中"),
    "paid": ("SUCCESS", "支付成功"), "finished": ("SUCCESS", "支付成功"), "failed": ("PAYERROR", "支付失败"),
    "closed": ("CLOSED", "订单已关闭"), "reversed": ("REVOKED", "已撤销"),
}  # fmt: skip
REFUND_STATES = {"processing": "PROCESSING", "succeeded": "SUCCESS", "abnormal": "ABNORMAL", "closed": "CLOSED"}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def rfc3339(at: int) -> str:
    """An instant as ``2026-01-31T08:00:00+08:00``."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(BEIJING).isoformat(timespec="seconds")


def transaction(order: Order, *, refunds: int = 0, struck: Collection[str] = ()) -> dict[str, Any]:
    """An order as it is asked about and notified."""
    stale = "stale_query" in struck
    state, said = ("NOTPAY", "订单未支付") if stale else _STATES[order.state]
    if state == "SUCCESS" and refunds:
        state, said = "REFUND", "转入退款"
    total = order.amount + (1 if "wrong_amount" in struck else 0)
    paid = bool(order.paid_at) and not stale
    shown: dict[str, Any] = {
        "appid": order.app, "mchid": order.merchant, "out_trade_no": order.merchants_no,
        "trade_type": TRADE_TYPES[order.product], "trade_state": state, "trade_state_desc": said,
        "attach": order.extra.get("attach", ""),
        "amount": {"total": total, "currency": "CNY"},
    }  # fmt: skip
    if paid:
        shown |= {
            "transaction_id": order.number, "bank_type": "OTHERS", "success_time": rfc3339(order.paid_at),
            "payer": {"openid": order.payer}, "promotion_detail": [],
        }  # fmt: skip
        shown["amount"] |= {"payer_total": total, "payer_currency": "CNY"}
    return shown


def sub_order(order: Order, *, refunds: int = 0, struck: Collection[str] = ()) -> dict[str, Any]:
    """A part of a combined order."""
    whole = transaction(order, refunds=refunds, struck=struck)
    amount = whole["amount"]
    shown = {
        "mchid": order.merchant, "out_trade_no": whole["out_trade_no"], "trade_type": whole["trade_type"],
        "trade_state": whole["trade_state"], "attach": whole["attach"],
        "amount": {"total_amount": amount["total"], "currency": "CNY"},
    }  # fmt: skip
    for name in ("transaction_id", "bank_type", "success_time"):
        if name in whole:
            shown[name] = whole[name]
    if "payer_total" in amount:
        shown["amount"] |= {"payer_amount": amount["payer_total"], "payer_currency": "CNY"}
    return shown


def combined(orders: Sequence[Order], parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A combined order as it is asked about and notified. https://pay.weixin.qq.com/doc/v3/merchant/4012556944"""
    first = orders[0]
    shown: dict[str, Any] = {
        "combine_appid": first.app, "combine_mchid": first.merchant, "combine_out_trade_no": first.group_no,
        "scene_info": {"device_id": ""}, "sub_orders": list(parts),
    }  # fmt: skip
    if first.paid_at:
        shown["combine_payer_info"] = {"openid": first.payer}
    return shown


def refund(order: Order, one: Refund, *, struck: Collection[str] = ()) -> dict[str, Any]:
    """A refund as it is answered. https://pay.weixin.qq.com/doc/v3/merchant/4012791903"""
    shown: dict[str, Any] = {
        "refund_id": one.number, "out_refund_no": one.out_refund_no, "transaction_id": order.number,
        "out_trade_no": order.merchants_no, "channel": "ORIGINAL", "user_received_account": "支付用户零钱",
        "create_time": rfc3339(one.created_at), "status": REFUND_STATES[one.state], "funds_account": "AVAILABLE",
        "amount": {
            **refund_amount(order, one, "wrong_amount" in struck), "currency": "CNY", "from": [], "refund_fee": 0,
            "settlement_refund": one.amount, "settlement_total": order.amount, "discount_refund": 0,
        },
        "promotion_detail": [],
    }  # fmt: skip
    if one.state == "succeeded":
        shown["success_time"] = rfc3339(one.ended_at)
    return shown


def refund_amount(order: Order, one: Refund, wrong: bool = False) -> dict[str, int]:
    """What a refund says of its amounts; ``wrong``: one fen more than went back."""
    back = one.amount + wrong
    return {"total": order.amount, "refund": back, "payer_total": order.amount, "payer_refund": back}


def notified_refund(order: Order, one: Refund, state: str, *, wrong: bool = False) -> dict[str, Any]:
    """A refund as its notification tells it: ``refund_status`` here, not ``status``; the ``state`` it was in then."""
    shown: dict[str, Any] = {
        "mchid": order.merchant, "out_trade_no": order.merchants_no, "transaction_id": order.number,
        "out_refund_no": one.out_refund_no, "refund_id": one.number, "refund_status": REFUND_STATES[state],
        "user_received_account": "支付用户零钱", "amount": refund_amount(order, one, wrong),
    }  # fmt: skip
    if state == "succeeded":
        shown["success_time"] = rfc3339(one.ended_at)
    return shown
