"""Bills: what was paid and refunded on one day or in one month, as CSV in GBK in a ZIP.

https://opendocs.alipay.com/open/02hnf9 (downloadurl.query) and the columns of the files themselves.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...clock import BEIJING, SECOND, from_datetime
from ...money import text_from_minor
from ..books import Order, Refund
from ..messages import World
from .fields import written
from .refunding import request_number
from .refusing import business
from .showing import masked
from .zipping import zipped

TRADE_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
).split(",")
SUMMARY_COLUMNS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,"
    "服务费（元）,分润（元）,实收净额（元）"
).split(",")
ACCOUNT_COLUMNS = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注"
).split(",")

TYPES = ("trade", "signcustomer")
#: Alipay takes 0.6 % of what is paid, rounded half up to the fen; of refunds nothing comes back here.
_FEE_PER_MILLE = 6
_DAY_READY_HOURS = 9
_MONTH_READY_DAY = 3
_FORM = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", re.ASCII)
_CODEC = "gb18030"


@dataclass(frozen=True, slots=True)
class Period:
    """A day or a month of Beijing, ``[first, last)``."""

    first: int
    last: int
    ready: int  # when its bill is there
    name: str  # 20260131 or 202601


def period(written_date: str) -> Period:
    """The period ``yyyy-MM-dd`` or ``yyyy-MM``; ``INVAILID_ARGUMENTS`` (their spelling) for anything else."""
    match = _FORM.fullmatch(written_date)
    try:
        if match is None:
            raise ValueError(written_date)
        year, month, day = int(match[1]), int(match[2]), int(match[3] or 1)
        first = from_datetime(datetime(year, month, day, tzinfo=BEIJING))
        if match[3]:
            last = first + 86_400 * SECOND
            return Period(first, last, last + _DAY_READY_HOURS * 3600 * SECOND, "".join(match.groups()))
        last = from_datetime(datetime(year + month // 12, month % 12 + 1, 1, tzinfo=BEIJING))
        return Period(first, last, last + (_MONTH_READY_DAY - 1) * 86_400 * SECOND, match[1] + match[2])
    except ValueError:
        raise business("INVAILID_ARGUMENTS", "入参不合法：bill_date格式为yyyy-MM-dd或yyyy-MM") from None


@dataclass(frozen=True, slots=True)
class _Line:
    """One movement of money."""

    at: int
    order: Order
    refund: Refund | None = None

    @property
    def amount(self) -> int:
        return self.order.amount if self.refund is None else -self.refund.amount

    @property
    def fee(self) -> int:
        return -((self.order.amount * _FEE_PER_MILLE + 500) // 1000) if self.refund is None else 0


def lines(world: World, merchant: str, of: Period) -> list[_Line]:
    """What moved within a period, oldest first; a payment that a payer made twice stands there twice."""
    found = [_Line(one.paid_at, one) for one in world.books.paid_between("alipay", merchant, of.first, of.last)]
    for refund in world.books.refunded_between("alipay", merchant, of.first, of.last):
        refunded = world.books.order("alipay", merchant, refund.out_trade_no)
        if refunded is not None and refund.state == "succeeded":
            found.append(_Line(refund.ended_at, refunded, refund))
    return sorted(found, key=lambda line: line.at)


def archive(world: World, merchant: str, bill_type: str, of: Period) -> tuple[str, bytes]:
    """Name and bytes of a bill's ZIP."""
    found = lines(world, merchant, of)
    heads = [f"#账号：[{merchant}0156]", f"#起始日期：[{_chinese(of.first)}]   终止日期：[{_chinese(of.last)}]"]
    stamp = f"#导出时间：[{_chinese(world.clock())}]"
    if bill_type == "signcustomer":
        files = [(f"{merchant}0156_{of.name}_账务明细.csv", _account(found, heads, stamp))]
    else:
        files = [
            (f"{merchant}0156_{of.name}_业务明细.csv", _trades(found, heads, stamp)),
            (f"{merchant}0156_{of.name}_业务明细(汇总).csv", _summary(found, heads, stamp)),
        ]
    return f"{merchant}_{of.name}.csv.zip", zipped(files)


def _trades(found: Sequence[_Line], heads: Sequence[str], stamp: str) -> bytes:
    rows = [_trade_row(line) for line in found]
    paid = [line for line in found if line.refund is None]
    back = [line for line in found if line.refund is not None]
    totals = (
        f"#业务明细合计：交易{len(paid)}笔，退款{len(back)}笔，订单金额共{_yuan(found)}元，商家实收共{_yuan(found)}元"
    )
    return _file("业务明细", heads, TRADE_COLUMNS, rows, (totals, stamp))


def _trade_row(line: _Line) -> list[str]:
    order, extra, amount = line.order, line.order.extra, text_from_minor(line.amount)
    return [
        f"{line.order.number}\t", f"{order.merchants_no}\t", "交易" if line.refund is None else "退款",
        _plain(order.subject), written(order.created_at), written(line.at), str(extra.get("store_id", "")), "",
        str(extra.get("operator_id", "")), str(extra.get("terminal_id", "")), f"*{masked(order.payer)}", amount, amount,
        "0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00", "0.00",
        f"{request_number(line.refund)}\t" if line.refund is not None else "", text_from_minor(line.fee), "0.00", "",
    ]  # fmt: skip


def _summary(found: Sequence[_Line], heads: Sequence[str], stamp: str) -> bytes:
    stores = sorted({str(line.order.extra.get("store_id", "")) for line in found})
    rows = [_summary_row(one, [x for x in found if x.order.extra.get("store_id", "") == one]) for one in stores]
    rows.append(_summary_row("合计", found))
    return _file("业务汇总", heads, SUMMARY_COLUMNS, rows, (stamp,), "业务汇总")


def _summary_row(store: str, found: Sequence[_Line]) -> list[str]:
    amount, fee = sum(line.amount for line in found), sum(line.fee for line in found)
    paid = sum(line.refund is None for line in found)
    return [
        store, "", str(paid), str(len(found) - paid), text_from_minor(amount), text_from_minor(amount), "0.00", "0.00",
        "0.00", text_from_minor(fee), "0.00", text_from_minor(amount + fee),
    ]  # fmt: skip


def _account(found: Sequence[_Line], heads: Sequence[str], stamp: str) -> bytes:
    rows: list[list[str]] = []
    balance = income = outgo = 0
    for line in found:
        moves = [("在线支付" if line.refund is None else "交易退款", line.amount)]
        if line.fee:
            moves.append(("收费", line.fee))
        for kind, amount in moves:
            balance += amount
            income, outgo = income + max(amount, 0), outgo + min(amount, 0)
            plus, minus = (text_from_minor(amount), "0.00") if amount > 0 else ("0.00", text_from_minor(amount))
            rows.append(
                [
                    f"{len(rows) + 1:016d}\t", f"{line.order.number}\t", f"{line.order.merchants_no}\t",
                    _plain(line.order.subject), written(line.at), f"*{masked(line.order.payer)}", plus, minus,
                    text_from_minor(balance), "支付宝", kind,
                    request_number(line.refund) if line.refund is not None else "",
                ]
            )  # fmt: skip
    totals = (
        f"#收入合计：{sum(row[6] != '0.00' for row in rows)}笔，共{text_from_minor(income)}元",
        f"#支出合计：{sum(row[7] != '0.00' for row in rows)}笔，共{text_from_minor(outgo)}元",
    )
    return _file("账务明细", heads, ACCOUNT_COLUMNS, rows, (*totals, stamp))


def _file(
    kind: str, heads: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[str]], ends: Sequence[str],
    list_name: str = "",
) -> bytes:  # fmt: skip
    out = io.StringIO(newline="")
    name = list_name or kind
    for head in (f"#支付宝{kind}查询", *heads, f"#-----------------------------------------{name}列表" + "-" * 40):
        out.write(head + "\r\n")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(columns)
    table.writerows(rows)
    for end in (f"#-----------------------------------------{name}列表结束" + "-" * 36, *ends):
        out.write(end + "\r\n")
    return out.getvalue().encode(_CODEC)


def _yuan(found: Sequence[_Line]) -> str:
    return text_from_minor(sum(line.amount for line in found))


def _plain(text: str) -> str:
    """A title on one line."""
    return " ".join(text.split())


def _chinese(at: int) -> str:
    day, _, clock = written(at).partition(" ")
    year, month, number = day.split("-")
    return f"{year}年{month}月{number}日 {clock}"
