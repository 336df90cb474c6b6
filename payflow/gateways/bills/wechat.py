"""WeChat Pay's bills: a header, rows whose every cell begins with a backtick, a second header, one row of sums."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from .counting import Tally, agree_on_count, agree_on_sum, demand
from .figures import FEN, beijing, fen, fine, two_decimals, whole
from .records import (
    DEFAULT_LIMITS,
    BillError,
    BillKind,
    BillLimits,
    BillOutcome,
    BillRow,
    BillSummary,
    malformed_row,
    too_large,
)
from .streams import text_lines
from .tables import Header, given

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

#: Their 交易状态 → our kind.
_STATES = {"SUCCESS": BillKind.PAYMENT, "REFUND": BillKind.REFUND, "REVOKED": BillKind.REVERSAL}

#: Their 退款状态 → how it stood; any other word is not the end of it.
_REFUND_OUTCOMES = {"SUCCESS": BillOutcome.DONE, "FAIL": BillOutcome.FAILED}

#: Their sums → the column that is summed, in every layout that is or was given out.
_SUMS = {
    "应结订单总金额": ("应结订单金额",),
    "退款总金额": ("退款金额",),
    "充值券退款总金额": ("充值券退款金额",),
    "订单总金额": ("订单金额",),
    "申请退款总金额": ("申请退款金额",),
    "总交易额": ("总金额",),
    "总退款金额": ("退款金额",),
    "总代金券或立减优惠退款金额": ("代金券或立减优惠退款金额",),
    "总企业红包退款金额": ("企业红包退款金额",),
}
_FEES = "手续费总金额"

#: Their 业务类型 in the fund-flow bill, and whether the money came in → our kind; anything else concerns no one order.
_FLOWS = {
    ("交易", True): BillKind.PAYMENT, ("退款", False): BillKind.REFUND,
    ("扣除交易手续费", False): BillKind.FEE, ("退还交易手续费", True): BillKind.FEE,
}  # fmt: skip
_DIRECTIONS = {"收入": True, "支出": False}


class _Table(Protocol):
    def row(self, line: int, cells: list[str], text: str) -> BillRow: ...

    def summary(self, stated: Mapping[str, str]) -> BillSummary: ...


def read_wechat_trade(
    chunks: Iterable[bytes], *, day: str | None = None, limits: BillLimits = DEFAULT_LIMITS
) -> Iterator[BillRow | BillSummary]:
    """The rows of a trade bill (ALL, SUCCESS or REFUND) and, last, its summary.

    ``chunks`` are the bytes of the plain bill: put :func:`gunzipped` and :func:`checked_sha1` before. ``day`` is the
    Beijing day ``yyyy-MM-dd`` that was asked for; this bill has no line about it, so every row must be of that day.
    A row counts only once the summary has come: until then the bill may still turn out to be cut off or wrong.
    Raises :class:`BillError`. https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-trade.html
    """
    return _read(chunks, limits, lambda header: _Trades(header, _checked(day)))


def read_wechat_fund_flow(
    chunks: Iterable[bytes], *, day: str | None = None, limits: BillLimits = DEFAULT_LIMITS
) -> Iterator[BillRow | BillSummary]:
    """The rows of a fund-flow bill and, last, its summary; everything else as in :func:`read_wechat_trade`.

    https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-fundflow.html
    """
    return _read(chunks, limits, lambda header: _Flows(header, _checked(day)))


def _checked(day: str | None) -> str | None:
    if day is not None and _DAY.fullmatch(day) is None:
        raise BillError("The day of a bill is written yyyy-MM-dd", code="BILL_WRONG_DAY")
    return day


def _read(
    chunks: Iterable[bytes], limits: BillLimits, table_below: Callable[[Header], _Table]
) -> Iterator[BillRow | BillSummary]:
    lines = enumerate(text_lines(chunks, "utf-8", limits), 1)
    number, text = next(lines, (1, ""))
    if not text:
        raise BillError("The bill is empty")
    header = Header(text.split(","), number)
    table = table_below(header)
    for number, text in lines:
        if not text.startswith("`"):
            break
        # A comma in a merchant's text is escaped by WeChat; one that is not makes a cell too many, which is refused.
        cells = header.filled(text[1:].split(",`", header.width))
        if cells is None:
            raise malformed_row(number, "it has more or fewer cells than the header")
        if number > limits.max_rows:
            raise too_large(f"The bill has more than {limits.max_rows} rows")
        try:
            row = table.row(number, cells, text)
        except ValueError as error:
            raise malformed_row(number, str(error)) from None
        yield row
    else:
        raise BillError("The bill ends before its sums: it is cut off")
    yield table.summary(_stated(Header(text.split(","), number), lines))


def _stated(header: Header, lines: Iterator[tuple[int, str]]) -> dict[str, str]:
    """The one row of sums, after which nothing comes but empty lines."""
    number, text = next(lines, (0, ""))
    if not text:
        raise BillError("The bill ends before its sums: it is cut off")
    cells = header.filled(text.removeprefix("`").split(",`", header.width))
    if cells is None:
        raise malformed_row(number, "it has more or fewer sums than their header")
    for behind, rest in lines:
        if rest:
            raise malformed_row(behind, "something follows the sums")
    return header.words(cells)


class _Trades:
    """交易账单."""

    def __init__(self, header: Header, day: str | None) -> None:
        self._header, self._day, self._tally = header, day, Tally("wechat")
        self._time = header.need("交易时间")
        self._txn = header.need("微信订单号")
        self._order = header.need("商户订单号")
        self._state = header.need("交易状态")
        self._currency = header.need("货币种类")
        self._amount = header.need("订单金额", "总金额")
        self._refund = header.maybe("微信退款单号")
        self._out_refund = header.maybe("商户退款单号")
        self._asked_back = header.maybe("申请退款金额", "退款金额")
        self._refund_state = header.maybe("退款状态")
        self._app = header.maybe("公众账号ID")
        self._fee = header.maybe("手续费")
        summed = {column: header.maybe(column) for columns in _SUMS.values() for column in columns}
        self._columns = {column: at for column, at in summed.items() if at >= 0}
        self._positions = tuple(self._columns.values())
        self._sums = [0] * len(self._positions)
        self._fees = 0

    def row(self, line: int, cells: list[str], text: str) -> BillRow:
        at = cells[self._time]
        if self._day is not None and not at.startswith(self._day):
            raise BillError("The row is of another day", code="BILL_WRONG_DAY", line=line)
        kind = _STATES.get(cells[self._state], BillKind.OTHER)
        amount = fen(cells[self._amount])
        if kind is not BillKind.PAYMENT and self._asked_back >= 0:
            amount = fen(cells[self._asked_back]) or amount  # in these rows the order's own amount is written as 0.00
        for index, column in enumerate(self._positions):
            self._sums[index] += fen(cells[column])
        fee = fine(cells[self._fee]) if self._fee >= 0 else 0
        self._fees += fee
        txn, order, refund, out_refund = (
            cells[self._txn], cells[self._order], cells[self._refund], cells[self._out_refund],
        )  # fmt: skip
        identity = (text,) if kind is BillKind.OTHER else (kind, txn, order, refund, out_refund)
        self._tally.book(line, kind, amount, identity)
        status = cells[self._refund_state] if kind is BillKind.REFUND else ""
        outcome = _REFUND_OUTCOMES.get(status, BillOutcome.UNDER_WAY) if status else BillOutcome.DONE
        return BillRow(
            gateway="wechat",
            kind=kind,
            out_trade_no=order or None,
            gateway_txn=txn or None,
            out_refund_no=given(out_refund),
            gateway_refund=given(refund),
            amount=amount,
            incoming=kind is BillKind.PAYMENT,
            fee=whole(fee) if self._fee >= 0 else None,
            fee_text=cells[self._fee],
            currency=two_decimals(cells[self._currency]),
            happened_at=beijing(at),
            status=status or cells[self._state],
            words=self._header.words(cells),
            line=line,
            fine_fee=fee,
            app=given(cells[self._app]),
            outcome=outcome,
        )

    def summary(self, stated: Mapping[str, str]) -> BillSummary:
        agree_on_count(stated, "总交易单数", self._tally.rows)
        demand(stated, "应结订单总金额", "总交易额")
        sums = dict(zip(self._columns, self._sums, strict=True))
        for name in stated:
            for column in _SUMS.get(name, ()):
                # A bill of payments alone has no such column; its summary may still say that nothing went back.
                agree_on_sum(stated, name, sums.get(column, 0) * FEN)
        if _FEES in stated:
            # The rows have five decimals; a sum that shows fewer has been rounded to the fen.
            exact = len(stated[_FEES].partition(".")[2]) > 2
            agree_on_sum(stated, _FEES, self._fees, 0 if exact else FEN - 1)
        return self._tally.summary(stated)


class _Flows:
    """资金账单."""

    def __init__(self, header: Header, day: str | None) -> None:
        self._header, self._day, self._tally = header, day, Tally("wechat")
        self._time = header.need("记账时间")
        self._business = header.need("微信支付业务单号")
        self._number = header.need("资金流水单号")
        self._type = header.need("业务类型")
        self._direction = header.need("收支类型")
        self._amount = header.need("收支金额(元)", "收支金额")
        self._voucher = header.maybe("业务凭证号")
        self._ways = {True: [0, 0], False: [0, 0]}  # rows and fen, in and out

    def row(self, line: int, cells: list[str], text: str) -> BillRow:
        at = cells[self._time]
        if self._day is not None and not at.startswith(self._day):
            raise BillError("The row is of another day", code="BILL_WRONG_DAY", line=line)
        incoming = _DIRECTIONS.get(cells[self._direction])
        if incoming is None:
            raise ValueError("收支类型 is neither 收入 nor 支出")
        kind = _FLOWS.get((cells[self._type], incoming), BillKind.OTHER)
        amount = fen(cells[self._amount])
        way = self._ways[incoming]
        way[0] += 1
        way[1] += amount
        # One movement has one number; the business number alone is shared by a payment and its fee.
        identity = cells[self._number], cells[self._business], cells[self._type], cells[self._direction]
        self._tally.book(line, kind, amount, identity if identity[0] else (text,))
        refunds = kind is BillKind.REFUND
        business, voucher = given(cells[self._business]), given(cells[self._voucher])
        return BillRow(
            gateway="wechat",
            kind=kind,
            out_trade_no=None if refunds else voucher,
            gateway_txn=None if refunds else business,
            out_refund_no=voucher if refunds else None,
            gateway_refund=business if refunds else None,
            amount=amount,
            incoming=incoming,
            fee=None,
            fee_text="",
            currency="CNY",
            happened_at=beijing(at),
            status=cells[self._type],
            words=self._header.words(cells),
            line=line,
        )

    def summary(self, stated: Mapping[str, str]) -> BillSummary:
        agree_on_count(stated, "资金流水总笔数", self._tally.rows)
        for incoming, name in ((True, "收入"), (False, "支出")):
            rows, amount = self._ways[incoming]
            agree_on_count(stated, f"{name}笔数", rows)
            agree_on_sum(stated, f"{name}金额", amount * FEN)
        return self._tally.summary(stated)
