"""The methods that ask about a trade or end it: query, close, cancel.

https://opendocs.alipay.com/open/02ekfh (query), 02e7gs (close), 02ekfi (cancel).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ...clock import SECOND
from ..books import Order, Refund
from ..messages import World
from ..trades import OPEN, Denied
from .fields import text
from .reading import Ask
from .refusing import Refused, business, denied, invalid
from .showing import Said, fund_bills, success, trade

_CANCEL_SECONDS = 86_400


def order_of(world: World, ask: Ask) -> Order | None:
    """The order a request names, ``trade_no`` before ``out_trade_no``; ``None`` if Alipay has no trade of it."""
    trade_no = text(ask.biz, "trade_no", 64)
    out_trade_no = text(ask.biz, "out_trade_no", 64)
    if not trade_no and not out_trade_no:
        raise invalid("trade_no、out_trade_no不能同时为空")
    merchant = ask.app.seller_id
    if trade_no:
        return world.books.order_of_number("alipay", merchant, trade_no)
    found = world.books.order("alipay", merchant, out_trade_no)
    return found if found is not None and found.number else None


def existing_order(world: World, ask: Ask) -> Order:
    """The same; ``ACQ.TRADE_NOT_EXIST`` if there is none."""
    found = order_of(world, ask)
    if found is None:
        raise denied("unknown")
    return found


class Asking:
    """Answers about trades and ends them. Every method is called within a transaction of the books."""

    def __init__(self, world: World) -> None:
        self._world = world

    def query(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.query``."""
        order = existing_order(self._world, ask)
        fields = trade(order, struck)
        if "fund_bill_list" in (ask.biz.get("query_options") or ()) and "send_pay_date" in fields:
            fields["fund_bill_list"] = fund_bills(order, struck)
        return success(**fields)

    def close(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.close``: only what waits for its payer."""
        del struck
        order = existing_order(self._world, ask)
        if order.state not in OPEN:
            raise business("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        notify_url = ask.params.get("notify_url", "")
        if notify_url:
            order = self._world.books.put(replace(order, notify_url=notify_url))
        closed = self._closed(order)
        return success(trade_no=closed.number, out_trade_no=closed.merchants_no)

    def cancel(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.cancel``: an unpaid trade is closed, a paid one refunded; the answer says which."""
        del struck
        order = order_of(self._world, ask)
        if order is None:
            return success(out_trade_no=text(ask.biz, "out_trade_no", 64), retry_flag="N")
        try:
            action = self._cancelled(order)
        except Refused as no:
            return Said({**no.node(), "out_trade_no": order.merchants_no, "retry_flag": "N"})
        return success(trade_no=order.number, out_trade_no=order.merchants_no, retry_flag="N", action=action)

    def _cancelled(self, order: Order) -> str:
        if order.state == "finished":
            raise denied("finished")
        if not order.paid_at:
            self._closed(order)
            return "close"
        if order.state == "closed":  # refunded in full already
            return "refund"
        now = self._world.clock()
        if now - order.created_at > _CANCEL_SECONDS * SECOND:
            raise business("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围")
        back = Refund(
            gateway="alipay", merchant=order.merchant, out_trade_no=order.out_trade_no,
            out_refund_no=f"{order.out_trade_no}_cancel", number=order.number, amount=order.amount - order.refunded,
            state="processing", reason="撤销",
        )  # fmt: skip
        try:
            self._world.trades.refund(order, back)
        except Denied as no:
            raise denied(no.reason) from None
        return "refund"

    def _closed(self, order: Order) -> Order:
        try:
            return self._world.trades.close(order)
        except Denied:
            raise business("ACQ.TRADE_STATUS_ERROR", "交易状态不合法") from None
