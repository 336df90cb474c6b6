"""Prepay of every product, code pay, and combined orders.

- JSAPI: https://pay.weixin.qq.com/doc/v3/merchant/4012791856 · native: https://pay.weixin.qq.com/doc/v3/merchant/4012791877
- Combined: https://pay.weixin.qq.com/doc/v3/merchant/4012556944
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from ...clock import SECOND, from_datetime
from ...errors import CallbackRefused
from ...signing import MAX_SIGNATURE_TEXT, Verifier, decode_base64
from ...strictjson import parse_object
from ..books import Order
from ..messages import World
from ..trades import Denied
from .asking import Ask, fen, flag, part, text
from .refusing import Refused, bad, of_order
from .showing import transaction

NUMBER = r"[0-9A-Za-z_\-|*]{6,32}"
PREPAID = ("jsapi", "app", "h5", "native")
#: What the last two digits of a payer's code bring about; any other is paid at once as well.
CODE_ENDINGS = {
    "01": "paid at once",
    "02": "the payer has to enter a password, and does so at the cashier",
    "03": "the payer has to enter a password, and never does",
    "04": "the payer's balance does not suffice",
    "05": "paid, but the answer is a system error",
}
#: Who pays where nobody was named.
PAYER = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
_PREPAID_SECONDS = 7200
_SHORT = 20  # characters of a token in a QR text
_H5_TYPES = ("iOS", "Android", "Wap", "IOS")
_LIMITS = ("no_balance", "no_credit", "no_debit", "balance_only")
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


class Ordering:
    """Takes orders."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._merchant_key = Verifier(world.material.key("merchant").public_key())
        self._tokens: dict[str, tuple[str, str, str]] = {}  # beginning of a token → key of its order

    # -- single orders ----------------------------------------------------------------------------------------------

    def prepay(self, ask: Ask, product: str) -> dict[str, Any]:
        """``/v3/pay/transactions/{jsapi,app,h5,native}``."""
        return self._prepaid(self._prepared(self._order(ask, product)))

    def codepay(self, ask: Ask, struck: Collection[str] = ()) -> dict[str, Any]:
        """``/v3/pay/transactions/codepay``: the order as it is after what :data:`CODE_ENDINGS` says."""
        payer = part(ask.body, "payer", required=True)
        code = text(payer, "auth_code", 128, required=True, form=r"1[0-5][0-9]{16}")
        store = part(part(ask.body, "scene_info", required=True), "store_info", required=True)
        if not (store.get("id") or store.get("out_id")):
            raise bad("scene_info.store_info", "门店编号不能为空")
        order, new = self._opened(self._order(ask, "codepay"))
        ending = code[-2:] if new else ""
        if ending == "04":
            self._world.trades.decline(order)
            raise Refused(403, "NOT_ENOUGH", "用户余额不足", keeps=True)
        if ending in ("02", "03"):
            order = self._world.trades.begin(order, PAYER)
        elif new:
            order = self._world.trades.pay(order, PAYER)
        if ending == "05":
            raise Refused(500, "SYSTEM_ERROR", "系统错误", keeps=True)
        return transaction(order, struck=struck)

    def _order(self, ask: Ask, product: str) -> Order:
        body = ask.body
        self._bound(ask, text(body, "appid", 32, required=True), text(body, "mchid", 32, required=True))
        amount = part(body, "amount", required=True)
        if amount.get("currency", "CNY") != "CNY":
            raise bad("amount.currency", "只支持CNY")
        extra: dict[str, Any] = {"attach": text(body, "attach", 128)}
        _scene(body, h5=product == "h5")
        _optional(body)
        if product == "jsapi":
            extra["openid"] = text(part(body, "payer", required=True), "openid", 128, required=True)
        return Order(
            gateway="wechat", merchant=ask.merchant.mchid, app=ask.merchant.appid, product=product, state="waiting",
            out_trade_no=text(body, "out_trade_no", 32, required=True, form=NUMBER), amount=fen(amount, "total"),
            subject=text(body, "description", 127, required=True), payer=extra.get("openid", ""),
            notify_url="" if product == "codepay" else notify_url(body), expires_at=_instant(body.get("time_expire")),
            fingerprint=_fingerprint(body), extra=extra,
        )  # fmt: skip

    def _prepared(self, order: Order) -> Order:
        """Taken, or the same again: its prepay id is good for two hours from now."""
        opened, new = self._opened(order)
        if new:
            return opened
        extra = {**opened.extra, "prepaid_at": self._world.clock()}
        return self._world.books.put(replace(opened, extra=extra))

    def _opened(self, order: Order) -> tuple[Order, bool]:
        try:
            return self._world.trades.open(order)
        except Denied as denied:
            raise of_order(denied) from None

    def _bound(self, ask: Ask, appid: str, mchid: str) -> None:
        if mchid != ask.merchant.mchid:
            raise bad("mchid", "商户号与签名的商户号不一致")
        if appid != ask.merchant.appid:
            raise Refused(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")

    def _prepaid(self, order: Order) -> dict[str, Any]:
        token = token_of(order)
        self._tokens[token[:_SHORT]] = order.key
        if order.product == "native":
            return {"code_url": f"weixin://wxpay/bizpayurl?pr={token[:_SHORT]}zz"}
        if order.product == "h5":
            return {"h5_url": f"{self.cashier(order)}?prepay_id=wx{token}"}
        return {"prepay_id": f"wx{token}"}

    # -- combined orders --------------------------------------------------------------------------------------------

    def combine(self, ask: Ask, product: str) -> dict[str, Any]:
        """``/v3/combine-transactions/{jsapi,app,h5,native,miniprogram}``."""
        body, kind = ask.body, "jsapi" if product == "miniprogram" else product
        appid = text(body, "combine_appid", 32, required=True)
        self._bound(ask, appid, text(body, "combine_mchid", 32, required=True))
        group = text(body, "combine_out_trade_no", 32, required=True, form=NUMBER)
        subs = body.get("sub_orders")
        if not isinstance(subs, list) or not 1 <= len(subs) <= 50 or not all(isinstance(one, dict) for one in subs):
            raise bad("sub_orders", "子单数量应为1至50")
        _scene(body, h5=kind == "h5")
        _limit_pay(body)
        self._same_parts(ask.merchant.mchid, group, _fingerprint(body))
        payer = ""
        if kind == "jsapi":
            payer = text(part(body, "combine_payer_info", required=True), "openid", 128, required=True)
        url = notify_url(body)
        taken: list[Order] = []
        for place, sub in enumerate(subs):
            _optional(sub)
            order = Order(
                gateway="wechat", merchant=text(sub, "mchid", 32, required=True), app=appid, product=kind,
                state="waiting", out_trade_no=text(sub, "out_trade_no", 32, required=True, form=NUMBER),
                amount=fen(part(sub, "amount", required=True), "total_amount", f"sub_orders[{place}].amount"),
                subject=text(sub, "description", 127, required=True), payer=payer, group_no=group,
                notify_url=url, expires_at=_instant(body.get("time_expire")),
                fingerprint=_fingerprint(body), extra={"attach": text(sub, "attach", 128, required=True)},
            )  # fmt: skip
            if order.merchant != ask.merchant.mchid:
                raise Refused(403, "NO_AUTH", "子单商户号无权限")
            taken.append(self._prepared(order))
        if len({one.out_trade_no for one in taken}) < len(taken):
            raise bad("sub_orders.out_trade_no", "子单商户订单号重复")
        return self._prepaid(taken[0])

    def _same_parts(self, mchid: str, group: str, fingerprint: str) -> None:
        """A number of a combined order that is known is for the same parts: other ones would be paid with them."""
        known = [one for one in self._world.books.orders_of_group(group) if one.merchant == mchid]
        if any(one.fingerprint != fingerprint for one in known):
            raise of_order(Denied("conflict"))

    # -- what the payer's client does -------------------------------------------------------------------------------

    def order_of_code_url(self, code_url: str) -> Order | None:
        """The order behind a native payment's QR text."""
        found = re.fullmatch(r"weixin://wxpay/bizpayurl\?pr=([0-9a-f]{20})zz", code_url, re.ASCII)
        return None if found is None else self._of_token(found[1])[0]

    def client_pay(self, params: Mapping[str, Any]) -> Order:
        """What WeChat does with the parameters a merchant's page or app hands over. Raises ``Refused``."""
        lowered = "partnerid" in params
        names = (
            ("appid", "timestamp", "noncestr", "prepayid") if lowered else ("appId", "timeStamp", "nonceStr", "package")
        )
        said = [text(params, name, 128, required=True) for name in names]
        if not lowered and (params.get("signType") != "RSA" or not said[3].startswith("prepay_id=")):
            raise bad("package", "package或signType错误")
        if lowered and params.get("package") != "Sign=WXPay":
            raise bad("package", "package应为Sign=WXPay")
        signature = text(params, "sign" if lowered else "paySign", MAX_SIGNATURE_TEXT, required=True)
        try:
            raw = decode_base64(signature, MAX_SIGNATURE_TEXT)
        except ValueError:
            raise Refused(400, "SIGN_ERROR", "支付签名验证失败") from None
        if not self._merchant_key.verifies(raw, "".join(f"{one}\n" for one in said).encode()):
            raise Refused(400, "SIGN_ERROR", "支付签名验证失败")
        prepay_id = said[3].removeprefix("prepay_id=")
        order, token = self._of_token(prepay_id[2 : 2 + _SHORT])
        if order is None or prepay_id != f"wx{token}" or order.app != said[0]:
            raise Refused(404, "ORDER_NOT_EXIST", "prepay_id不存在")
        if order.product != ("app" if lowered else "jsapi") or (lowered and params["partnerid"] != order.merchant):
            raise Refused(400, "INVALID_REQUEST", "prepay_id与支付方式不一致")
        prepaid_at = int(order.extra.get("prepaid_at", order.created_at))
        if prepaid_at + _PREPAID_SECONDS * SECOND < self._world.clock():
            raise Refused(400, "INVALID_REQUEST", "prepay_id已过期")
        return order

    def _of_token(self, short: str) -> tuple[Order | None, str]:
        """The order whose token begins like that, and the whole token."""
        if short not in self._tokens:  # ordered before this side was started
            for known in self._world.books.newest_orders(2**31):
                if known.gateway == "wechat":
                    self._tokens.setdefault(token_of(known)[:_SHORT], known.key)
        key = self._tokens.get(short)
        order = None if key is None else self._world.books.order(*key)
        return order, "" if order is None else token_of(order)

    def cashier(self, order: Order) -> str:
        """Where a person pays this order."""
        return f"{self._world.address}/cashier/wechat/{quote(order.group_no or order.out_trade_no, safe='')}"


def token_of(order: Order) -> str:
    """What stands in an order's prepay_id and QR text: always the same for one order, or for one combined order."""
    named = f"{order.merchant}|{order.group_no or order.out_trade_no}|{order.fingerprint}"
    return hashlib.sha256(named.encode()).hexdigest()[:34]


def client_params(body: bytes) -> Mapping[str, Any]:
    """The parameters a client posts, as JSON."""
    try:
        return parse_object(body)
    except CallbackRefused:
        raise bad("", "请求体不是有效的JSON") from None


def notify_url(body: Mapping[str, Any], *, required: bool = True) -> str:
    """Where to call back: https without a query, or plain http on this machine, which only the sandbox takes."""
    url = text(body, "notify_url", 256, required=required)
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise bad("notify_url", "回调地址格式错误") from None
    if parts.query or parts.fragment or not host or parts.username is not None:
        raise bad("notify_url", "回调地址不能携带参数")
    if _is_loopback(host):
        if parts.scheme not in ("http", "https"):
            raise bad("notify_url", "回调地址应为https")
        return url
    if parts.scheme != "https":
        raise bad("notify_url", "回调地址应为https")
    if _address(host) is not None:
        raise bad("notify_url", "回调地址不能为IP地址")
    return url


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _scene(body: Mapping[str, Any], *, h5: bool) -> None:
    """Where the payer is: anything about it is optional, but for a browser."""
    scene = part(body, "scene_info", required=h5)
    text(scene, "device_id", 32)
    address = text(scene, "payer_client_ip", 45, required=h5)
    if address and _address(address) is None:
        raise bad("scene_info.payer_client_ip", "用户终端IP格式错误")
    if h5 and part(scene, "h5_info", required=True).get("type") not in _H5_TYPES:
        raise bad("scene_info.h5_info.type", "场景类型应为iOS、Android或Wap")


def _optional(said: Mapping[str, Any]) -> None:
    """What an order may say besides, and what changes nothing here: only that it is written as it has to be."""
    text(said, "goods_tag", 32)
    flag(said, "support_fapiao")
    flag(part(said, "settle_info"), "profit_sharing")
    _limit_pay(said)
    goods = part(said, "detail").get("goods_detail", [])
    if not isinstance(goods, list) or not all(isinstance(one, dict) for one in goods):
        raise bad("detail.goods_detail", "商品列表格式错误")


def _limit_pay(said: Mapping[str, Any]) -> None:
    limits = said.get("limit_pay") or []
    if not isinstance(limits, list) or not all(one in _LIMITS for one in limits):
        raise bad("limit_pay", "指定支付方式错误")


def _instant(value: Any) -> int:
    if value is None:
        return 0
    try:
        if not isinstance(value, str) or _RFC3339.fullmatch(value) is None:
            raise ValueError(value)
        return from_datetime(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        raise bad("time_expire", "time_expire应为RFC3339格式") from None


def _fingerprint(body: Mapping[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=True, default=repr)
    return hashlib.sha256(canonical.encode()).hexdigest()
