"""Bills of a day. https://pay.weixin.qq.com/doc/v3/merchant/4012791866

UTF-8, CRLF, a header line, data cells that begin with a backtick, then a summary with a header of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from ...clock import BEIJING, SECOND, from_datetime
from ...money import text_from_minor
from ..books import Order, Refund
from ..messages import World
from . import showing
from .refusing import Refused, bad

ALL_COLUMNS = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,"
    "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FLOW_COLUMNS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
FLOW_SUMMARY = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
KINDS = ("ALL", "SUCCESS", "REFUND")
_DAY = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)
_DAY_US = 86_400 * SECOND
_READY = 9 * 3600 * SECOND
_REFUND_ONLY = ("微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "申请退款金额")


def trade(world: World, mchid: str, day: str, kind: str) -> bytes:
    """The trade bill. ``NO_STATEMENT_EXIST`` for a day without trades, or one that is not over."""
    if kind not in KINDS:
        raise bad("bill_type", "账单类型错误")
    payments, refunds = _of(world, mchid, day)
    rows = [_payment(one) for one in payments if kind != "REFUND"]
    rows += [_refund(world, one) for one in refunds if kind != "SUCCESS"]
    if not rows:
        raise Refused(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在")
    names = ALL_COLUMNS.split(",")
    shown = [name for name in names if not (kind == "SUCCESS" and name in _REFUND_ONLY)]
    fee = sum(_fee(one.amount) for one in payments) if kind != "REFUND" else 0
    paid = sum(one.amount for one in payments) if kind != "REFUND" else 0
    back = sum(one.amount for one in refunds) if kind != "SUCCESS" else 0
    total = (
        str(len(rows)), _yuan(paid), _yuan(back), "0.00", _fee_text(fee), _yuan(paid), _yuan(back),
    )  # fmt: skip
    return _written(shown, [[row[name] for name in shown] for row in rows], SUMMARY, total)


def fund_flow(world: World, mchid: str, day: str) -> bytes:
    """The fund flow bill: what came and went on the merchant's account."""
    payments, refunds = _of(world, mchid, day)
    moves = [(one.paid_at, one, None) for one in payments] + [
        (one.created_at, world.books.order(*_key(one)), one) for one in refunds
    ]
    if not moves:
        raise Refused(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在")
    rows, balance = [], 0
    for at, order, refund in sorted(moves, key=lambda move: move[0]):
        amount = order.amount if refund is None and order is not None else (refund.amount if refund else 0)
        balance += amount if refund is None else -amount
        number = refund.number if refund is not None else (order.number if order is not None else "")
        name = ("交易", "交易", "收入") if refund is None else ("退款", "退款", "支出")
        rows.append([_time(at), number, number, *name, _yuan(amount), _yuan(balance), "system", "", number])
    incoming = sum(one.amount for one in payments)
    outgoing = sum(one.amount for one in refunds)
    total = (str(len(rows)), str(len(payments)), _yuan(incoming), str(len(refunds)), _yuan(outgoing))
    return _written(FLOW_COLUMNS.split(","), rows, FLOW_SUMMARY, total)


def sha1(text: bytes) -> str:
    """The hash a bill is told with. It finds a broken download; it proves nothing."""
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()


def _of(world: World, mchid: str, day: str) -> tuple[list[Order], list[Refund]]:
    try:
        if _DAY.fullmatch(day) is None:
            raise ValueError(day)
        year, month, number = map(int, day.split("-"))
        first = from_datetime(datetime(year, month, number, tzinfo=BEIJING))
    except ValueError:
        raise bad("bill_date", "账单日期格式应为yyyy-MM-DD") from None
    if first + _DAY_US > world.clock():
        raise bad("bill_date", "不能下载当天的账单")
    if first + _DAY_US + _READY > world.clock():
        raise Refused(400, "STATEMENT_CREATING", "账单生成中，请稍后再试")
    books = world.books
    return (
        books.paid_between("wechat", mchid, first, first + _DAY_US),
        books.refunded_between("wechat", mchid, first, first + _DAY_US),
    )


def _payment(order: Order) -> dict[str, str]:
    return _row(order) | {
        "交易时间": _time(order.paid_at), "交易状态": "SUCCESS", "应结订单金额": _yuan(order.amount),
        "代金券金额": "0.00", "微信退款单号": "0", "商户退款单号": "0", "退款金额": "0.00",
        "充值券退款金额": "0.00", "退款类型": "", "退款状态": "",
        "手续费": _fee_text(_fee(order.amount)), "订单金额": _yuan(order.amount), "申请退款金额": "0.00",
    }  # fmt: skip


def _refund(world: World, one: Refund) -> dict[str, str]:
    order = world.books.order(*_key(one))
    if order is None:  # a refund is never without its order
        raise Refused(500, "SYSTEM_ERROR", "系统错误")
    status = {"processing": "PROCESSING", "succeeded": "SUCCESS", "abnormal": "CHANGE", "closed": "FAIL"}[one.state]
    return _row(order) | {
        "交易时间": _time(one.created_at), "交易状态": "REFUND", "应结订单金额": "0.00", "代金券金额": "0.00",
        "微信退款单号": one.number, "商户退款单号": one.out_refund_no, "退款金额": _yuan(one.amount),
        "充值券退款金额": "0.00", "退款类型": "ORIGINAL", "退款状态": status, "手续费": "0.00000", "订单金额": "0.00",
        "申请退款金额": _yuan(one.amount),
    }  # fmt: skip


def _row(order: Order) -> dict[str, str]:
    return {
        "公众账号ID": order.app, "商户号": order.merchant, "特约商户号": "0", "设备号": "", "微信订单号": order.number,
        "商户订单号": order.merchants_no, "用户标识": order.payer, "交易类型": showing.TRADE_TYPES[order.product],
        "付款银行": "OTHERS", "货币种类": "CNY", "商品名称": _escaped(order.subject),
        "商户数据包": _escaped(str(order.extra.get("attach", ""))), "费率": "0.60%", "费率备注": "",
    }  # fmt: skip


def _written(names: Sequence[str], rows: Sequence[Sequence[str]], summary: str, total: Sequence[str]) -> bytes:
    lines = [",".join(names), *(",".join(f"`{cell}" for cell in row) for row in rows)]
    lines += [summary, ",".join(f"`{cell}" for cell in total)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode("utf-8")


def _key(one: Refund) -> tuple[str, str, str]:
    return (one.gateway, one.merchant, one.out_trade_no)


def _escaped(text: str) -> str:
    return text.replace(",", "\\ ").replace("\n", "\\n").replace("\r", "")


def _yuan(minor: int) -> str:
    return text_from_minor(minor, "CNY")


def _fee(minor: int) -> int:
    """The fee of 0.6 %, in thousandths of a fen, so that it is exact."""
    return minor * 6


def _fee_text(thousandths: int) -> str:
    """A fee as yuan with five decimals."""
    return f"{thousandths // 100_000}.{thousandths % 100_000:05d}"


def _time(at: int) -> str:
    return showing.rfc3339(at)[:19].replace("T", " ")
