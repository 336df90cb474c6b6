"""Queries, closing and reversing. https://pay.weixin.qq.com/doc/v3/merchant/4012791880"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..books import Order
from ..messages import World
from ..trades import Denied
from .asking import Ask, text
from .refusing import Refused, bad, of_order
from .showing import combined, sub_order, transaction


class Asking:
    """Answers what became of an order, and ends unpaid ones."""

    def __init__(self, world: World) -> None:
        self._world = world

    def by_number(self, ask: Ask, number: str, struck: Collection[str]) -> dict[str, Any]:
        """``GET …/out-trade-no/{out_trade_no}``."""
        self._merchant(ask, ask.query.get("mchid", ""), "query")
        return self._shown(self._known(ask, number), struck)

    def by_transaction(self, ask: Ask, number: str, struck: Collection[str]) -> dict[str, Any]:
        """``GET …/id/{transaction_id}``."""
        self._merchant(ask, ask.query.get("mchid", ""), "query")
        order = self._world.books.order_of_number("wechat", ask.merchant.mchid, number)
        if order is None:
            raise of_order(Denied("unknown"))
        return self._shown(order, struck)

    def close(self, ask: Ask, number: str) -> None:
        """``POST …/out-trade-no/{out_trade_no}/close``: nothing to say when it is done."""
        self._merchant(ask, text(ask.body, "mchid", 32, required=True))
        try:
            self._world.trades.close(self._known(ask, number))
        except Denied as denied:
            raise of_order(denied) from None

    def reverse(self, ask: Ask, number: str) -> dict[str, Any]:
        """``POST …/out-trade-no/{out_trade_no}/reverse`` (code pay): closes, or gives back what was paid."""
        self._app(ask, text(ask.body, "appid", 32, required=True))
        self._merchant(ask, text(ask.body, "mchid", 32, required=True))
        order = self._known(ask, number)
        if order.product != "codepay":
            raise Refused(400, "INVALID_REQUEST", "只有付款码支付的订单可以撤销")
        if self._refunds(order):  # all of it would go back, and a part of it once more
            raise Refused(400, "INVALID_REQUEST", "订单已发生退款，不能撤销")
        self._world.trades.reverse(order)
        return {"appid": order.app, "mchid": order.merchant, "out_trade_no": order.out_trade_no}

    def combined(self, ask: Ask, group: str, struck: Collection[str]) -> dict[str, Any]:
        """``GET /v3/combine-transactions/out-trade-no/{combine_out_trade_no}``."""
        orders = self._group(ask, group)
        return combined(orders, [sub_order(one, refunds=self._refunds(one), struck=struck) for one in orders])

    def close_combined(self, ask: Ask, group: str) -> None:
        """``POST …/{combine_out_trade_no}/close``: the parts that are named."""
        self._app(ask, text(ask.body, "combine_appid", 32, required=True))
        named = ask.body.get("sub_orders")
        if not isinstance(named, list) or not named or not all(isinstance(one, dict) for one in named):
            raise bad("sub_orders", "子单不能为空")
        orders = {one.out_trade_no: one for one in self._group(ask, group)}
        for one in named:
            self._merchant(ask, text(one, "mchid", 32, required=True))
            order = orders.get(text(one, "out_trade_no", 32, required=True))
            if order is None:
                raise bad("sub_orders.out_trade_no", "子单不属于该合单订单")
            try:
                self._world.trades.close(order)
            except Denied as denied:
                raise of_order(denied) from None

    def _group(self, ask: Ask, group: str) -> list[Order]:
        found = [one for one in self._world.books.orders_of_group(group) if one.merchant == ask.merchant.mchid]
        if not found:
            raise of_order(Denied("unknown"))
        return found

    def _known(self, ask: Ask, number: str) -> Order:
        order = self._world.books.order("wechat", ask.merchant.mchid, number)
        if order is None:
            raise of_order(Denied("unknown"))
        return order

    def _shown(self, order: Order, struck: Collection[str]) -> dict[str, Any]:
        return transaction(order, refunds=self._refunds(order), struck=struck)

    def _refunds(self, order: Order) -> int:
        return len(self._world.books.refunds_of(order))

    @staticmethod
    def _merchant(ask: Ask, mchid: str, location: str = "body") -> None:
        if mchid != ask.merchant.mchid:
            raise bad("mchid", "商户号与签名的商户号不一致", location)

    @staticmethod
    def _app(ask: Ask, appid: str) -> None:
        if appid != ask.merchant.appid:
            raise Refused(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
