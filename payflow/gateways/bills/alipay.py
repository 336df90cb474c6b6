"""Alipay's bills: a ZIP with a GBK file of rows and one of sums."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from .archive import Archive, Source, opened
from .counting import Tally, agree_on_count, demand, mismatch
from .figures import FEN, beijing, fen, fine, signed_fen, total, whole
from .records import DEFAULT_LIMITS, BillError, BillKind, BillLimits, BillRow, BillSummary, malformed_row
from .sheets import Sheet
from .tables import Header, given

#: Their 业务类型 → our kind.
_TRADES = {"交易": BillKind.PAYMENT, "退款": BillKind.REFUND}
#: … and in the account's bill, together with which way the money went: our own purchases are nobody's payment to us.
_MOVES = {
    ("在线支付", True): BillKind.PAYMENT, ("交易付款", True): BillKind.PAYMENT,
    ("交易退款", False): BillKind.REFUND, ("退款", False): BillKind.REFUND,
    ("收费", False): BillKind.FEE, ("服务费", False): BillKind.FEE,
    ("退费", True): BillKind.FEE, ("收费", True): BillKind.FEE, ("服务费", True): BillKind.FEE,
}  # fmt: skip

#: The columns of a trade bill that it also states sums of.
_SUMMED = tuple("订单金额(元) 商家实收(元) 支付宝优惠(元) 商家优惠(元) 卡消费金额(元) 服务费(元) 分润(元)".split())
#: ``#交易合计：2笔，商家实收共1.02元，商家优惠共0.00元`` and ``#退款合计：1笔，商家实收退款共-0.01元，…``
_TRADE_TOTALS = re.compile(r"#+ ?(交易|退款)合计[：:]([0-9.]+)笔[，,](.*)")
_TRADE_TOTAL = re.compile(r"(商家实收|商家优惠)(?:退款)?共(-?[0-9.]+)元")
#: ``#收入合计：18笔，共14989.00元``
_MOVE_TOTALS = re.compile(r"#+ ?(收入|支出)合计[：:]([0-9.]+)笔[，,]共(-?[0-9.]+)元")


class _Table(Protocol):
    tally: Tally
    sums: frozenset[str]  # what the comments of a whole file state at least

    def row(self, line: int, cells: list[str], text: str) -> BillRow: ...

    def agree_with_comment(self, text: str) -> dict[str, str]: ...

    def agree_with_summary(self, stated: Mapping[str, str]) -> None: ...


def read_alipay_trade(
    source: Source, *, day: str | None = None, limits: BillLimits = DEFAULT_LIMITS
) -> Iterator[BillRow | BillSummary]:
    """The rows of a trade bill (业务明细, ``bill_type=trade``) and, last, its summary.

    ``source`` is the ZIP as downloaded: bytes, a path, or a binary file that can be positioned; nothing is extracted.
    ``day`` is the Beijing day ``yyyy-MM-dd``, or month ``yyyy-MM``, that was asked for; the file's own period line
    must say the same. A row counts only once the summary has come: its sums come after the rows.
    Raises :class:`BillError`. https://opendocs.alipay.com/open/204/106262
    """
    return _read(source, "业务", day, limits, _Trades)


def read_alipay_account(
    source: Source, *, day: str | None = None, limits: BillLimits = DEFAULT_LIMITS
) -> Iterator[BillRow | BillSummary]:
    """The rows of the account's bill (账务明细, ``bill_type=signcustomer``); all else as in :func:`read_alipay_trade`.

    Refund rows name the order they belong to, not the refund: ``out_refund_no`` is ``None``.
    """
    return _read(source, "账务", day, limits, _Moves)


def _read(
    source: Source, family: str, day: str | None, limits: BillLimits, table_below: Callable[[Header], _Table]
) -> Iterator[BillRow | BillSummary]:
    with opened(source, family, limits) as archive:
        sheet = Sheet(archive.detail(), limits)
        table = table_below(sheet.header)
        if day is not None:
            sheet.check_period(day)
        for number, cells, text in sheet.rows():
            try:
                row = table.row(number, cells, text)
            except ValueError as error:
                raise malformed_row(number, str(error)) from None
            yield row
        yield table.tally.summary(_agreed(table, sheet, archive, limits))


def _agreed(table: _Table, sheet: Sheet, archive: Archive, limits: BillLimits) -> dict[str, str]:
    """Every sum the archive states, each of them equal to what the rows add up to."""
    stated: dict[str, str] = {}
    for comment in sheet.comments:
        stated |= table.agree_with_comment(comment)
    complete = table.sums <= stated.keys()
    if archive.has_summary:
        words = _sums(Sheet(archive.summary(), limits))
        table.agree_with_summary(words)
        stated |= words
        complete = True
    if table.tally.rows and not complete:
        raise BillError("The archive does not state its sums", code="BILL_TOTALS_MISMATCH")
    return stated


def _sums(sheet: Sheet) -> dict[str, str]:
    """The row that sums up all stores (合计), or the only row. The file is read to its end, where the CRC is."""
    rows, first, summed = 0, None, None
    for _, cells, _ in sheet.rows():
        rows += 1
        first = first or cells
        if cells[0].startswith("合计"):
            if summed is not None:
                raise mismatch("合计")
            summed = cells
    found = summed or (first if rows == 1 else None)
    if found is None:
        raise BillError("The summary has no row that sums it up", code="BILL_TOTALS_MISMATCH")
    return sheet.header.words(found)


class _Trades:
    """业务明细."""

    sums: frozenset[str] = frozenset({"交易合计笔数", "交易合计商家实收", "退款合计笔数", "退款合计商家实收"})

    def __init__(self, header: Header) -> None:
        self._header, self.tally = header, Tally("alipay")
        self._txn = header.need("支付宝交易号")
        self._order = header.need("商户订单号")
        self._type = header.need("业务类型")
        self._created = header.maybe("创建时间")
        self._finished = header.need("完成时间")
        self._amount = header.need("订单金额(元)")
        self._refund = header.maybe("退款批次号/请求号", "退款批次号")
        self._fee = header.maybe("服务费(元)")
        at = {column: header.maybe(column) for column in _SUMMED}
        self._columns = [column for column in _SUMMED if at[column] >= 0]
        self._positions = [at[column] for column in self._columns]
        self._sums = {kind: [0] * len(self._columns) for kind in BillKind}

    def row(self, line: int, cells: list[str], text: str) -> BillRow:
        kind = _TRADES.get(cells[self._type], BillKind.OTHER)
        amount = signed_fen(cells[self._amount])
        if kind is BillKind.PAYMENT and amount < 0:
            raise ValueError("a payment has a negative amount")
        sums = self._sums[kind]
        for index, column in enumerate(self._positions):
            cell = cells[column]
            if cell:
                sums[index] += signed_fen(cell)
        at = cells[self._finished] or cells[self._created]
        txn, order, refund, fee = cells[self._txn], cells[self._order], cells[self._refund], cells[self._fee]
        self.tally.book(line, kind, abs(amount), _identity(kind, txn, order, refund or at, text))
        return BillRow(
            gateway="alipay",
            kind=kind,
            out_trade_no=order or None,
            gateway_txn=txn or None,
            out_refund_no=given(refund),
            gateway_refund=None,
            amount=abs(amount),
            incoming=kind is BillKind.PAYMENT or (kind is BillKind.OTHER and amount >= 0),
            fee=whole(-fine(fee)) if fee else None,  # written as what the merchant gets: negative where it pays
            fee_text=fee,
            currency="CNY",
            happened_at=beijing(at),
            status=cells[self._type],
            words=self._header.words(cells),
            line=line,
            fine_fee=-fine(fee) if fee else 0,
        )

    def agree_with_comment(self, text: str) -> dict[str, str]:
        match = _TRADE_TOTALS.match(text)
        if match is None:
            return {}
        word, rows, rest = match.groups()
        name = f"{word}合计"
        stated = {f"{name}笔数": rows}
        agree_on_count(stated, f"{name}笔数", self.tally.payments if word == "交易" else self.tally.refunds)
        sums = dict(zip(self._columns, self._sums[_TRADES[word]], strict=True))
        for column, figure in _TRADE_TOTAL.findall(rest):
            stated[f"{name}{column}"] = figure
            _agree_on_size(stated, f"{name}{column}", {sums.get(f"{column}(元)", 0)})
        return stated

    def agree_with_summary(self, stated: Mapping[str, str]) -> None:
        agree_on_count(stated, "交易订单总笔数", self.tally.payments)
        agree_on_count(stated, "退款订单总笔数", self.tally.refunds)
        demand(stated, "订单金额(元)")
        paid = self._sums[BillKind.PAYMENT]
        for index, name in enumerate(self._columns):
            if stated.get(name):
                # No document says whether refunds are taken off here; either way no row can have been lost.
                _agree_on_size(stated, name, {paid[index], sum(sums[index] for sums in self._sums.values())})


class _Moves:
    """账务明细."""

    sums: frozenset[str] = frozenset({"收入合计笔数", "收入合计", "支出合计笔数", "支出合计"})

    def __init__(self, header: Header) -> None:
        self._header, self.tally = header, Tally("alipay")
        self._number = header.need("账务流水号")
        self._business = header.maybe("业务流水号")
        self._trade = header.maybe("业务基础订单号")
        self._order = header.need("商户订单号")
        self._time = header.need("发生时间")
        self._in = header.need("收入金额(+元)", "收入金额(元)")
        self._out = header.need("支出金额(-元)", "支出金额(元)")
        self._type = header.need("业务类型")
        self._ways = {"收入": [0, 0], "支出": [0, 0]}  # rows and fen

    def row(self, line: int, cells: list[str], text: str) -> BillRow:
        came, went = fen(cells[self._in] or "0.00"), abs(signed_fen(cells[self._out] or "0.00"))
        if came and went:
            raise ValueError("money came and went in one row")
        incoming, amount = not went, came or went
        way = self._ways["收入" if incoming else "支出"]
        way[0] += 1
        way[1] += amount
        kind = _MOVES.get((cells[self._type], incoming), BillKind.OTHER)
        number, business = cells[self._number], cells[self._business]
        self.tally.book(line, kind, amount, (number, business, str(incoming)) if number else (text,))
        return BillRow(
            gateway="alipay",
            kind=kind,
            out_trade_no=given(cells[self._order]),
            gateway_txn=given(cells[self._trade]) or given(business),
            out_refund_no=None,
            gateway_refund=None,
            amount=amount,
            incoming=incoming,
            fee=None,
            fee_text="",
            currency="CNY",
            happened_at=beijing(cells[self._time]),
            status=cells[self._type],
            words=self._header.words(cells),
            line=line,
        )

    def agree_with_comment(self, text: str) -> dict[str, str]:
        match = _MOVE_TOTALS.match(text)
        if match is None:
            return {}
        word, rows, amount = match.groups()
        stated = {f"{word}合计笔数": rows, f"{word}合计": amount}
        agree_on_count(stated, f"{word}合计笔数", self._ways[word][0])
        _agree_on_size(stated, f"{word}合计", {self._ways[word][1]})
        return stated

    def agree_with_summary(self, stated: Mapping[str, str]) -> None:
        for word, name in (("收入", "收入金额(+元)"), ("支出", "支出金额(-元)")):
            agree_on_count(stated, f"{word}笔数", self._ways[word][0])
            _agree_on_size(stated, name, {self._ways[word][1]})


def _identity(kind: BillKind, txn: str, order: str, refund: str, text: str) -> tuple[str, ...]:
    """What makes two rows the same fact. A refund made by hand may have no number; then its time tells it apart."""
    if kind is BillKind.PAYMENT:
        return kind, txn, order
    return (kind, txn, order, refund) if kind is BillKind.REFUND else (text,)


def _agree_on_size(stated: Mapping[str, str], name: str, counted: set[int]) -> None:
    """``BILL_TOTALS_MISMATCH`` unless the sum is one of these in fen, whichever sign it is written with."""
    try:
        if abs(total(demand(stated, name))) in {abs(amount) * FEN for amount in counted}:
            return
    except ValueError:
        pass
    raise mismatch(name)
