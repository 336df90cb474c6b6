"""How an order looks in an answer."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ...money import text_from_minor
from ..books import Order
from .fields import written
from .refusing import MESSAGES

#: The face of a trade: what Alipay calls a state of ours.
STATUS = {
    "waiting": "WAIT_BUYER_PAY", "paying": "WAIT_BUYER_PAY", "paid": "TRADE_SUCCESS", "finished": "TRADE_FINISHED",
    "closed": "TRADE_CLOSED", "failed": "TRADE_CLOSED", "reversed": "TRADE_CLOSED",
}  # fmt: skip
NOTHING = "0.00"


@dataclass(frozen=True, slots=True)
class Said:
    """What a method answers: its node, or for a page where the browser goes."""

    node: dict[str, Any]
    location: str = ""

    @property
    def code(self) -> str:
        """``sub_code`` if there is one, else ``code``: what a log says of it."""
        return str(self.node.get("sub_code") or self.node.get("code", ""))


def success(code: str = "10000", **fields: Any) -> Said:
    """10000 with fields; those that are "" are left out."""
    return Said({"code": code, "msg": MESSAGES[code], **{name: value for name, value in fields.items() if value != ""}})


def shown_amount(order: Order, struck: Collection[str]) -> int:
    """The amount as it is said: one fen too much where a fault wants that."""
    return order.amount + ("wrong_amount" in struck)


def masked(payer: str) -> str:
    """A buyer's login as Alipay shows it."""
    return f"159****{payer[-4:]}" if payer else ""


def buyer(order: Order) -> dict[str, str]:
    """Who pays, once that is known; an ``open_id`` where the order was made for one."""
    if not order.payer:
        return {}
    open_id = str(order.extra.get("buyer_open_id", ""))
    return {
        "buyer_logon_id": masked(order.payer),
        **({"buyer_open_id": open_id} if open_id else {"buyer_user_id": order.payer}),
    }


def money(order: Order, struck: Collection[str], *, paid: bool = True) -> dict[str, str]:
    """The amounts of a trade; those that the buyer has paid are nothing until then."""
    full = text_from_minor(shown_amount(order, struck))
    part = full if paid else NOTHING
    return {
        "total_amount": full, "receipt_amount": part, "buyer_pay_amount": part, "point_amount": NOTHING,
        "invoice_amount": part,
    }  # fmt: skip


def fund_bills(order: Order, struck: Collection[str]) -> list[dict[str, str]]:
    """Where the money came from, as answers spell it."""
    return [{"amount": text_from_minor(shown_amount(order, struck)), "fund_channel": "ALIPAYACCOUNT"}]


def fund_bills_text(amount: int) -> str:
    """The same as callbacks spell it: JSON in a text, in camel case."""
    return json.dumps([{"amount": text_from_minor(amount), "fundChannel": "ALIPAYACCOUNT"}], separators=(",", ":"))


def trade(order: Order, struck: Collection[str]) -> dict[str, Any]:
    """The trade as ``alipay.trade.query`` tells it."""
    paid = bool(order.paid_at) and "stale_query" not in struck
    status = STATUS[order.state] if paid or not order.paid_at else "WAIT_BUYER_PAY"
    fields: dict[str, Any] = {
        "trade_no": order.number, "out_trade_no": order.merchants_no, "trade_status": status,
        **(buyer(order) if paid or not order.paid_at else {}), **money(order, struck, paid=paid),
        "store_id": order.extra.get("store_id", ""), "terminal_id": order.extra.get("terminal_id", ""),
    }  # fmt: skip
    if paid:
        fields |= {"buyer_user_type": "PRIVATE", "send_pay_date": written(order.paid_at)}
    return fields
