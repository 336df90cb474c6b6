"""Bills of a day. https://pay.weixin.qq.com/doc/v3/merchant/4012791866

UTF-8, CRLF, a header line, data cells that begin with a backtick, then a summary with a header of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
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
_REFUND_TIMES = ("退款申请时间", "退款成功时间")
_STATUS = {"processing": "PROCESSING", "succeeded": "SUCCESS", "abnormal": "CHANGE", "closed": "FAIL"}


@dataclass(frozen=True, slots=True)
class _Day:
    """What happened on one Beijing day, as it was known when its bill was made: a bill never changes."""

    made_at: int
    paid: Sequence[Order]
    revoked: Sequence[Order]
    refunds: Sequence[tuple[Order, Refund]]

    def state_of(self, one: Refund) -> str:
        """The state a refund was in."""
        return one.state if one.ended_at and _ended(one) <= self.made_at else "processing"


def trade(world: World, mchid: str, day: str, kind: str) -> bytes:
    """The trade bill. ``NO_STATEMENT_EXIST`` for a day without trades."""
    if kind not in KINDS:
        raise bad("bill_type", "账单类型错误", "query")
    known = _of(world, mchid, day)
    paid = known.paid if kind != "REFUND" else ()
    revoked = known.revoked if kind != "SUCCESS" else ()
    refunds = known.refunds if kind != "SUCCESS" else ()
    rows = [_payment(one) for one in paid]
    rows += [_revoked(one) for one in revoked]
    rows += [_refund(order, one, known.state_of(one)) for order, one in refunds]
    if not rows:
        raise Refused(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在")
    names = _columns(kind)
    whole = sum(one.amount for one in paid)
    back = sum(one.amount for one in revoked) + sum(one.amount for _, one in refunds)
    fee = sum(_fee(one.amount) for one in paid)
    total = (str(len(rows)), _yuan(whole), _yuan(back), "0.00", _fee_text(fee), _yuan(whole), _yuan(back))
    return _written(names, [[row[name] for name in names] for row in rows], SUMMARY, total)


def _columns(kind: str) -> list[str]:
    names = ALL_COLUMNS.split(",")
    if kind == "SUCCESS":
        return [name for name in names if name not in _REFUND_ONLY]
    if kind == "REFUND":
        place = names.index("微信退款单号")
        return [*names[:place], *_REFUND_TIMES, *names[place:]]
    return names


def fund_flow(world: World, mchid: str, day: str, account: str) -> bytes:
    """The fund flow bill: what came and went on an account. All of it is on the basic one."""
    if account not in ("BASIC", "OPERATION", "FEES"):
        raise bad("account_type", "资金账户类型错误", "query")
    known = _of(world, mchid, day)
    moves = [move for one in known.paid for move in _payment_moves(one)]
    moves += [(one.closed_at, one.number, "退款", False, one.amount, one.merchants_no) for one in known.revoked]
    moves += [
        (one.created_at, one.number, "退款", False, one.amount, one.out_refund_no)
        for _, one in known.refunds
        if known.state_of(one) != "closed"  # which took nothing
    ]
    if not moves or account != "BASIC":
        raise Refused(400, "NO_STATEMENT_EXIST", "请求的账单文件不存在")
    rows, balance, sums = [], 0, {True: [0, 0], False: [0, 0]}
    for place, (at, number, name, comes, amount, voucher) in enumerate(sorted(moves, key=lambda move: move[0]), 1):
        balance += amount if comes else -amount
        sums[comes][0] += 1
        sums[comes][1] += amount
        flow = f"{mchid}{day.replace('-', '')}{place:010d}"
        way = "收入" if comes else "支出"
        rows.append([_time(at), number, flow, name, name, way, _yuan(amount), _yuan(balance), "system", "", voucher])
    (count_in, came), (count_out, went) = sums[True], sums[False]
    total = (str(len(rows)), str(count_in), _yuan(came), str(count_out), _yuan(went))
    return _written(FLOW_COLUMNS.split(","), rows, FLOW_SUMMARY, total)


def _payment_moves(one: Order) -> list[tuple[int, str, str, bool, int, str]]:
    """A payment, and its fee if that comes to a fen: instant, number, kind, whether it comes, amount, voucher."""
    moves = [(one.paid_at, one.number, "交易", True, one.amount, one.merchants_no)]
    fee = (_fee(one.amount) + 500) // 1000
    if fee:
        moves.append((one.paid_at, one.number, "扣除交易手续费", False, fee, one.merchants_no))
    return moves


def sha1(text: bytes) -> str:
    """The hash a bill is told with. It finds a broken download; it proves nothing."""
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()


def _of(world: World, mchid: str, day: str) -> _Day:
    try:
        if _DAY.fullmatch(day) is None:
            raise ValueError(day)
        year, month, number = map(int, day.split("-"))
        first = from_datetime(datetime(year, month, number, tzinfo=BEIJING))
    except ValueError:
        raise bad("bill_date", "账单日期格式应为yyyy-MM-DD", "query") from None
    last = first + _DAY_US
    if last > world.clock():
        raise bad("bill_date", "不能下载当天的账单", "query")
    if last + _READY > world.clock():
        raise Refused(400, "STATEMENT_CREATING", "账单生成中，请稍后再试")
    books = world.books
    refunds = [
        (order, one)
        for one in books.refunded_between("wechat", mchid, first, last)
        if (order := books.order(one.gateway, one.merchant, one.out_trade_no)) is not None
    ]
    return _Day(
        last + _READY, books.paid_between("wechat", mchid, first, last),
        books.reversed_between("wechat", mchid, first, last), refunds,
    )  # fmt: skip


def _payment(order: Order) -> dict[str, str]:
    return _row(order) | {
        "交易时间": _time(order.paid_at), "交易状态": "SUCCESS", "应结订单金额": _yuan(order.amount),
        "微信退款单号": "0", "商户退款单号": "0", "退款金额": "0.00", "退款类型": "", "退款状态": "",
        "手续费": _fee_text(_fee(order.amount)), "订单金额": _yuan(order.amount), "申请退款金额": "0.00",
    }  # fmt: skip


def _revoked(order: Order) -> dict[str, str]:
    """A code payment that was reversed: all of it goes back, under no refund number."""
    at = _time(order.closed_at)
    return _row(order) | _went_back(order.amount) | {
        "交易时间": at, "交易状态": "REVOKED", "退款申请时间": at, "退款成功时间": at, "微信退款单号": "0",
        "商户退款单号": "0", "退款类型": "", "退款状态": "",
    }  # fmt: skip


def _refund(order: Order, one: Refund, state: str) -> dict[str, str]:
    at = _time(one.created_at)
    return _row(order) | _went_back(one.amount) | {
        "交易时间": at, "交易状态": "REFUND", "退款申请时间": at,
        "退款成功时间": _time(_ended(one)) if state == "succeeded" else "", "微信退款单号": one.number,
        "商户退款单号": one.out_refund_no, "退款类型": "ORIGINAL", "退款状态": _STATUS[state],
    }  # fmt: skip


def _ended(one: Refund) -> int:
    """When a refund ended: a clock that leaps finds out only later."""
    return min(one.ended_at, one.due_at)


def _went_back(amount: int) -> dict[str, str]:
    return {
        "应结订单金额": "0.00", "订单金额": "0.00", "手续费": "0.00000", "退款金额": _yuan(amount),
        "申请退款金额": _yuan(amount),
    }  # fmt: skip


def _row(order: Order) -> dict[str, str]:
    return {
        "公众账号ID": order.app, "商户号": order.merchant, "特约商户号": "0", "设备号": "", "微信订单号": order.number,
        "商户订单号": order.merchants_no, "用户标识": order.payer, "交易类型": showing.TRADE_TYPES[order.product],
        "付款银行": "OTHERS", "货币种类": "CNY", "代金券金额": "0.00", "充值券退款金额": "0.00",
        "商品名称": _escaped(order.subject), "商户数据包": _escaped(str(order.extra.get("attach", ""))),
        "费率": "0.60%", "费率备注": "",
    }  # fmt: skip


def _written(names: Sequence[str], rows: Sequence[Sequence[str]], summary: str, total: Sequence[str]) -> bytes:
    lines = [",".join(names), *(",".join(f"`{cell}" for cell in row) for row in rows)]
    lines += [summary, ",".join(f"`{cell}" for cell in total)]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode("utf-8")


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
