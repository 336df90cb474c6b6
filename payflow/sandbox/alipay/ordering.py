"""The methods that make orders: page, wap, app, QR code, mini program, and the code a payer shows.

https://opendocs.alipay.com/open/028r8t (page), 02ivbs (wap), 02e7gq (app), 02ekfg (precreate), 02ekfj (create),
02ekfh (pay).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ...clock import SECOND
from ..books import Order
from ..messages import World
from ..trades import Denied
from .fields import after, amount, expiry, number, subject, text, written
from .reading import Ask
from .refusing import Refused, business, denied, invalid
from .showing import Said, buyer, fund_bills, money, success

_AUTH_CODE = re.compile(r"(?:2[5-9]|30)[0-9]{14,22}|fp[0-9a-zA-Z]{33}", re.ASCII)
_FACE_TO_FACE = 3 * 3600
_OTHERS = 15 * 86_400
#: A QR code is good for two hours, however long its order may be paid.
_QR_SECONDS = 2 * 3600
#: How long the payer of an auth_code that ends in 06 takes to confirm.
CONFIRMS_SECONDS = 3

#: The last two digits of an ``auth_code`` → what comes of it.
OUTCOMES = {
    "01": "paid",
    "02": "confirms",  # 10003; paid when somebody pays it at the cashier or by the control API
    "03": "never",  # 10003; the payer never confirms
    "04": "insufficient",  # 40004 ACQ.BUYER_BALANCE_NOT_ENOUGH
    "05": "unknown",  # 20000, and yet it is paid
    "06": "soon",  # 10003; the payer confirms after three seconds
    "07": "unknown_unpaid",  # 20000, and the payer has still to confirm
}


@dataclass(frozen=True, slots=True)
class _Product:
    """What tells one way of paying from another."""

    name: str
    codes: tuple[str, ...]  # product_code; the first is taken where none is given
    seconds: int  # how long an order lives if it does not say
    lazy: bool = False  # the trade is made when the payer opens it
    code_required: bool = False


PAGE = _Product("page", ("FAST_INSTANT_TRADE_PAY",), _OTHERS, lazy=True, code_required=True)
WAP = _Product("wap", ("QUICK_WAP_WAY", "QUICK_WAP_PAY"), _OTHERS, lazy=True)
APP = _Product("app", ("QUICK_MSECURITY_PAY",), _OTHERS, lazy=True)
QR = _Product("qr", ("FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE"), _FACE_TO_FACE, lazy=True)
MINI = _Product("mini_program", ("FACE_TO_FACE_PAYMENT", "JSAPI_PAY"), _FACE_TO_FACE)
BARCODE = _Product("barcode", ("FACE_TO_FACE_PAYMENT",), _FACE_TO_FACE)


class Ordering:
    """Takes orders. Every method is called within a transaction of the books."""

    def __init__(self, world: World, *, lazy: bool) -> None:
        self._world, self._lazy = world, lazy

    def page(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.page.pay``: on to the cashier."""
        del struck
        return self._to_cashier(self._open(self._order(ask, PAGE)))

    def wap(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.wap.pay``: on to the cashier."""
        del struck
        text(ask.biz, "quit_url", 400, required=True)
        return self._to_cashier(self._open(self._order(ask, WAP)))

    def app(self, ask: Ask) -> Order:
        """``alipay.trade.app.pay``: the order that Alipay's mobile SDK would open."""
        return self._open(self._order(ask, APP))

    def not_here(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.app.pay`` is for the mobile SDK, not for the gateway."""
        del ask, struck
        raise Refused("40002", "isv.invalid-method", "该接口仅支持由客户端SDK调起")

    def precreate(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.precreate``: the text of a QR code."""
        del struck
        order = self._order(ask, QR)
        now = self._world.clock()
        shown_until = after(text(ask.biz, "qr_code_timeout_express", 6), "qr_code_timeout_express", now)
        ends = min(order.expires_at, now + _QR_SECONDS * SECOND, shown_until or order.expires_at)
        made = self._open(replace(order, expires_at=ends))
        return success(out_trade_no=made.out_trade_no, qr_code=self.cashier(made))

    def create(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.create``: a trade for one buyer, paid in the mini program."""
        del struck
        payer = text(ask.biz, "buyer_id", 28)
        open_id = text(ask.biz, "buyer_open_id", 128)
        if not payer and not open_id and not text(ask.biz, "buyer_logon_id", 100):
            raise invalid("buyer_id、buyer_open_id不能同时为空")
        if payer and not (payer.isascii() and payer.isdigit() and len(payer) == 16 and payer.startswith("2088")):
            raise business("ACQ.BUYER_NOT_EXIST", "买家不存在")
        order = self._order(ask, MINI)
        if payer == order.merchant:
            raise business("ACQ.BUYER_SELLER_EQUAL", "买卖家不能相同")
        extra = {**order.extra, **({"buyer_open_id": open_id} if open_id else {})}
        made = self._open(replace(order, payer=payer, extra=extra))
        return success(out_trade_no=made.out_trade_no, trade_no=made.number)

    def pay(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.pay``: the code a payer shows; its last two digits choose what comes of it."""
        auth_code = text(ask.biz, "auth_code", 64, required=True)
        scene = text(ask.biz, "scene", 32) or "bar_code"
        if scene not in ("bar_code", "wave_code", "security_code"):
            raise invalid("scene取值有误")
        if not _AUTH_CODE.fullmatch(auth_code) or (auth_code.startswith("fp") != (scene == "security_code")):
            raise business("ACQ.PAYMENT_AUTH_CODE_INVALID", "支付授权码无效")
        outcome = OUTCOMES.get(auth_code[-2:], "paid")
        order = self._open(self._order(ask, BARCODE))
        trades = self._world.trades
        try:
            if outcome in ("paid", "unknown"):
                order = trades.pay(order)
            elif outcome == "insufficient":
                trades.decline(order)
            else:
                order = self._confirming(order, outcome)
        except Denied as no:
            raise denied(no.reason) from None
        if outcome == "insufficient":
            raise business("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足")
        if outcome.startswith("unknown"):
            raise Refused("20000", "aop.ACQ.SYSTEM_ERROR", "系统异常")
        if order.state == "paying":
            return success("10003", trade_no=order.number, out_trade_no=order.out_trade_no)
        return success(
            trade_no=order.number, out_trade_no=order.out_trade_no, **buyer(order), **money(order, struck),
            gmt_payment=written(order.paid_at), fund_bill_list=fund_bills(order, struck),
            store_name=str(order.extra.get("store_id", "")),
        )  # fmt: skip

    def _confirming(self, order: Order, outcome: str) -> Order:
        """The payer is asked for a password; whether it comes is up to ``outcome``."""
        order = self._world.trades.begin(order, "2088000000000002")
        at = self._world.clock() + CONFIRMS_SECONDS * SECOND if outcome == "soon" else order.pays_at
        extra = {**order.extra, "confirms": outcome != "never"}
        return self._world.books.put(replace(order, pays_at=at, extra=extra))

    # -- what they have in common -----------------------------------------------------------------------------------

    def cashier(self, order: Order) -> str:
        """Where a payer pays an order."""
        return f"{self._world.address}/cashier/alipay/{order.out_trade_no}"

    def _to_cashier(self, order: Order) -> Said:
        return replace(success(out_trade_no=order.out_trade_no), location=self.cashier(order))

    def _open(self, order: Order) -> Order:
        try:
            made, _ = self._world.trades.open(order)
        except Denied as no:
            raise denied(no.reason) from None
        return made

    def _order(self, ask: Ask, product: _Product) -> Order:
        """The order that is asked for, checked."""
        biz, now = ask.biz, self._world.clock()
        out_trade_no = number(biz, "out_trade_no", required=True)
        fen = amount(biz, "total_amount")
        title = subject(biz)
        code = text(biz, "product_code", 64, required=product.code_required) or product.codes[0]
        if code not in product.codes:
            raise Refused("40006", "isv.insufficient-isv-permissions", "ISV权限不足")
        seller = ask.app.seller_id
        if text(biz, "seller_id", 28) not in ("", seller):
            raise business("ACQ.SELLER_NOT_EXIST", "卖家不存在")
        _check_discounts(ask, fen)
        waits = product.lazy and self._lazy
        order = Order(
            gateway="alipay", merchant=seller, out_trade_no=out_trade_no, app=ask.app.app_id, product=product.name,
            amount=fen, state="prepared" if waits else "waiting", subject=title, notify_url=_url(ask, "notify_url"),
            return_url=_url(ask, "return_url"), fingerprint=f"{code}|{fen}|{title}",
            expires_at=expiry(biz, now, product.seconds),
            extra={
                "product_code": code, "method": ask.method, "charset": ask.charset, "codec": ask.codec,
                **{name: given for name, limit in _ECHOED if (given := text(biz, name, limit))},
            },
        )  # fmt: skip
        return order if waits else replace(order, number=self._world.trades.new_number(order))


_ECHOED = (
    ("body", 128), ("passback_params", 512), ("store_id", 32), ("operator_id", 28), ("terminal_id", 32),
    ("quit_url", 400),
)  # fmt: skip


def _check_discounts(ask: Ask, fen: int) -> None:
    """Where both parts of the amount are given, they are all of it."""
    names = ("discountable_amount", "undiscountable_amount")
    if all(ask.biz.get(name) not in (None, "") for name in names):
        parts = [0 if str(ask.biz[name]) in ("0", "0.0", "0.00") else amount(ask.biz, name) for name in names]
        if sum(parts) != fen:
            raise business("ACQ.TOTAL_FEE_EXCEED", "订单总金额不等于可打折金额与不可打折金额之和")


def _url(ask: Ask, name: str) -> str:
    """An address of the public parameters; "" if it is missing."""
    found = ask.params.get(name, "")
    if not found:
        return ""
    try:
        parts = urlsplit(found)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound or len(found) > 256 or not found.isprintable():
        raise Refused("40002", "isv.invalid-parameter", f"参数无效：{name}")
    return found
