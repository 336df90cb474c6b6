"""How Alipay says no: a code, a sub_code and a sentence."""

from __future__ import annotations

from collections.abc import Mapping

#: code → msg, https://opendocs.alipay.com/common/02km9f.
MESSAGES = {
    "10000": "Success",
    "10003": "order success pay inprocess",
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}

#: A reason of the sandbox's trades → the sub_code that says it.
REASONS = {
    "conflict": ("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改"),
    "paid": ("ACQ.TRADE_HAS_SUCCESS", "交易已被支付"),
    "closed": ("ACQ.TRADE_HAS_CLOSE", "交易已经关闭"),
    "expired": ("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", "当前时间已超过允许支付的时间"),
    "unknown": ("ACQ.TRADE_NOT_EXIST", "交易不存在"),
    "finished": ("ACQ.TRADE_HAS_FINISHED", "交易已完结"),
    "balance": ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"),
    "exceeds": ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"),
    "unpaid": ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"),
    "too_many": ("ACQ.REFUND_FEE_ERROR", "退款次数超限"),
}


class Refused(Exception):
    """An answer that says no. ``genuine`` is false where Alipay cannot tell who is asking: that one is not signed."""

    def __init__(self, code: str, sub_code: str, sub_msg: str, *, genuine: bool = True) -> None:
        super().__init__(sub_code)
        self.code, self.sub_code, self.sub_msg, self.genuine = code, sub_code, sub_msg, genuine

    def node(self) -> dict[str, str]:
        """What stands in the answer."""
        return {
            "code": self.code, "msg": MESSAGES[self.code], "sub_code": self.sub_code, "sub_msg": self.sub_msg,
        }  # fmt: skip


def business(sub_code: str, sub_msg: str) -> Refused:
    """40004."""
    return Refused("40004", sub_code, sub_msg)


def invalid(what: str) -> Refused:
    """A business field that is missing or cannot be."""
    return business("ACQ.INVALID_PARAMETER", f"参数有误。{what}")


def denied(reason: str, others: Mapping[str, tuple[str, str]] | None = None) -> Refused:
    """What the trades denied, in Alipay's words; ``others`` where one method has its own."""
    known = (others or {}).get(reason) or REASONS.get(reason) or ("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    return business(*known)
