"""Refusals in WeChat Pay's words: status, code and message. https://pay.weixin.qq.com/doc/v3/merchant/4012081709"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..messages import Outgoing
from ..trades import Denied

#: Today's spelling → the one of the first years; both are seen in the wild.
OLD_SPELLING = {
    "ORDER_CLOSED": "ORDERCLOSED", "ORDER_NOT_EXIST": "ORDERNOTEXIST", "SYSTEM_ERROR": "SYSTEMERROR",
    "BANK_ERROR": "BANKERROR", "NO_AUTH": "NOAUTH", "RULE_LIMIT": "RULELIMIT", "NOT_ENOUGH": "NOTENOUGH",
    "ACCOUNT_ERROR": "ACCOUNTERROR", "FREQUENCY_LIMITED": "RATELIMIT_EXCEEDED",
}  # fmt: skip

_JSON = {"Content-Type": "application/json; charset=utf-8"}


class Refused(Exception):
    """A request that is not done. ``field`` says which part of it is wrong, ``location`` where that stood.

    ``keeps``: what was written before the refusal stays (a payer's bank that said no), instead of nothing of it.
    """

    def __init__(
        self, status: int, code: str, message: str, field: str = "", *, location: str = "body", keeps: bool = False
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.field = status, code, message, field
        self.location, self.keeps = location, keeps

    def outgoing(self, old_spelling: bool = False) -> Outgoing:
        """The answer. Refusals are not signed."""
        code = OLD_SPELLING.get(self.code, self.code) if old_spelling else self.code
        said: dict[str, Any] = {"code": code, "message": self.message}
        if self.field:
            said["detail"] = {"field": self.field, "location": self.location, "issue": self.message}
        return Outgoing(self.status, json.dumps(said, ensure_ascii=False).encode(), _JSON)


def bad(field: str, issue: str, location: str = "body") -> Refused:
    """A field that cannot be: ``PARAM_ERROR``."""
    return Refused(400, "PARAM_ERROR", f"参数错误: {issue}", field, location=location)


def sign_error(message: str) -> Refused:
    """Every way in which a request does not prove who sent it has this one code."""
    return Refused(401, "SIGN_ERROR", message)


#: What the books deny, where an order is asked about.
_ORDER: Mapping[str, tuple[int, str, str]] = {
    "paid": (400, "ORDERPAID", "该订单已支付"),
    "closed": (400, "ORDER_CLOSED", "订单已关闭"),
    "conflict": (400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致"),
    "unknown": (404, "ORDER_NOT_EXIST", "订单不存在"),
}
_REFUND: Mapping[str, tuple[int, str, str]] = {
    "unpaid": (404, "RESOURCE_NOT_EXISTS", "订单不存在或未支付"),
    "unknown": (404, "RESOURCE_NOT_EXISTS", "订单不存在"),
    "exceeds": (400, "INVALID_REQUEST", "退款金额大于可退金额"),
    "conflict": (400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试"),
    "balance": (403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起"),
    "too_many": (403, "RULE_LIMIT", "同一笔订单最多退款50次"),
    "finished": (400, "INVALID_REQUEST", "订单已超过可退款期限"),
}


def of_order(denied: Denied) -> Refused:
    """What the books deny about an order."""
    if denied.reason == "expired":
        return bad("time_expire", "time_expire时间过早")
    return Refused(*_ORDER.get(denied.reason, (403, "TRADE_ERROR", "交易错误")))


def of_refund(denied: Denied) -> Refused:
    """What the books deny about a refund. An empty balance is counted: it is full again next time."""
    status, code, message = _REFUND.get(denied.reason, (403, "TRADE_ERROR", "交易错误"))
    return Refused(status, code, message, keeps=denied.reason == "balance")
