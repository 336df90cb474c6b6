"""Refunds. https://pay.weixin.qq.com/doc/v3/merchant/4012791903"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from ...clock import day_of
from ...signing import Decrypter
from ..books import Order, Refund
from ..messages import World
from ..trades import Denied
from . import showing
from .asking import Ask, fen, part, text
from .keys import Keys
from .ordering import NUMBER, notify_url
from .refusing import Refused, bad, of_refund

REFUND_NUMBER = r"[0-9A-Za-z_\-|*@]{1,64}"


class Refunding:
    """Takes refunds and tells what became of them."""

    def __init__(self, world: World, keys: Keys) -> None:
        self._world, self._keys = world, keys

    def refund(self, ask: Ask) -> dict[str, Any]:
        """``POST /v3/refund/domestic/refunds``."""
        body = ask.body
        order = self._order(ask)
        amount = part(body, "amount", required=True)
        if amount.get("currency") != "CNY":
            raise bad("amount.currency", "退款币种应为CNY")
        if fen(amount, "total") != order.amount:
            raise Refused(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
        wanted = Refund(
            gateway="wechat", merchant=order.merchant, out_trade_no=order.out_trade_no,
            out_refund_no=text(body, "out_refund_no", 64, required=True, form=REFUND_NUMBER),
            number=f"503{day_of(self._world.clock()).replace('-', '')}{secrets.randbelow(10**18):018d}",
            amount=fen(amount, "refund"), state="processing", reason=text(body, "reason", 80),
            notify_url=notify_url(body, required=False),
        )  # fmt: skip
        try:
            made, _ = self._world.trades.refund(order, wanted)
        except Denied as denied:
            raise of_refund(denied) from None
        return showing.refund(self._fresh(order), made)

    def query(self, ask: Ask, number: str, struck: Collection[str]) -> dict[str, Any]:
        """``GET /v3/refund/domestic/refunds/{out_refund_no}``."""
        found = self._world.books.refund("wechat", ask.merchant.mchid, number)
        order = None if found is None else self._world.books.order("wechat", found.merchant, found.out_trade_no)
        if found is None or order is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return showing.refund(order, found, struck=struck)

    def abnormal(self, ask: Ask, number: str) -> dict[str, Any]:
        """``POST …/{refund_id}/apply-abnormal-refund``: to another account, whose number and owner come sealed."""
        found = self._world.books.refund(
            "wechat", ask.merchant.mchid, text(ask.body, "out_refund_no", 64, required=True)
        )
        order = None if found is None else self._world.books.order("wechat", found.merchant, found.out_trade_no)
        if found is None or order is None or found.number != number:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        if found.state != "abnormal":
            raise Refused(400, "INVALID_REQUEST", "只有退款异常的退款单可以发起异常退款处理")
        kind = text(ask.body, "type", 32, required=True, form="USER_BANK_CARD|MERCHANT_BANK_CARD")
        if kind == "USER_BANK_CARD":
            for name in ("bank_account", "real_name"):
                self._opened(ask, name)
        return showing.refund(order, self._world.trades.mend(found))

    def _opened(self, ask: Ask, name: str) -> str:
        key = self._keys.key_named(ask.merchant, ask.serial)
        if key is None:
            raise bad("Wechatpay-Serial", "Wechatpay-Serial缺失或错误，无法解密敏感字段")
        sealed = text(ask.body, name, 1024, required=True)
        try:
            return Decrypter(self._world.material.key(key)).decrypt(sealed).decode("utf-8")
        except ValueError:
            raise bad(name, "敏感字段解密失败") from None

    def _order(self, ask: Ask) -> Order:
        books, mchid = self._world.books, ask.merchant.mchid
        number = text(ask.body, "transaction_id", 32)
        if number:
            order = books.order_of_number("wechat", mchid, number)
        else:
            order = books.order("wechat", mchid, text(ask.body, "out_trade_no", 32, required=True, form=NUMBER))
        if order is None:
            raise of_refund(Denied("unknown"))
        return order

    def _fresh(self, order: Order) -> Order:
        return self._world.books.order(*order.key) or order
