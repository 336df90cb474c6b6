"""Alipay's bills, row by row."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from payflow.gateways.bills import (
    BillKind,
    BillLimits,
    BillSummary,
    read_alipay_account,
    read_alipay_trade,
)

from .making import (
    ACCOUNT,
    ACCOUNT_NAME,
    DAY,
    DETAIL,
    NAME,
    ONE_OF_EACH,
    PERIOD,
    SUMS_NAME,
    TOTALS,
    ali_bill,
    ali_refund,
    ali_row,
    move,
    refused,
    rows_of,
    sheet,
    sums_sheet,
    zipped,
)

PAIR = (ali_row(), ali_refund())
MOVES = (
    move(1, "在线支付", "2274.00", "0.00"), move(2, "收费", "0.00", "-13.64"), move(3, "交易退款", "", "-74.00"),
    move(4, "在线支付", "0.00", "-5.00"), move(5, "转账", "1.00", ""),
)  # fmt: skip
MOVE_TOTALS = ("#支出合计：3笔，共-92.64元", "#收入合计：2笔，共2275.00元")


def whole() -> bytes:
    return ali_bill(*PAIR, sums=ONE_OF_EACH)


def account(*rows: str, behind: tuple[str, ...] = MOVE_TOTALS, name: str = ACCOUNT_NAME) -> bytes:
    return zipped([(name, sheet(*(rows or MOVES), header=ACCOUNT, behind=behind, what="账务明细"))])


def test_a_payment() -> None:
    row = rows_of(read_alipay_trade(whole(), day=DAY))[0]
    assert (row.gateway, row.kind, row.amount, row.currency, row.incoming) == (
        "alipay", BillKind.PAYMENT, 125, "CNY", True,
    )  # fmt: skip
    assert (row.out_trade_no, row.gateway_txn) == ("order_000001", "2019021922001400000000000001")
    assert (row.out_refund_no, row.gateway_refund) == (None, None)
    assert (row.status, row.line) == ("交易", 6)
    assert row.happened_at == 1_550_541_609_000_000  # 2019-02-19T02:00:09Z


def test_a_refund() -> None:
    row = rows_of(read_alipay_trade(whole(), day=DAY))[1]
    assert (row.kind, row.amount, row.incoming, row.out_refund_no) == (BillKind.REFUND, 25, False, "refund_000001")
    assert row.out_trade_no == "order_000001"


def test_fees_are_positive_where_the_merchant_pays() -> None:
    payment, refund = rows_of(read_alipay_trade(whole()))
    assert (payment.fee, payment.fee_text) == (1, "-0.01")
    assert (refund.fee, refund.fee_text) == (-1, "0.01")


def test_words_are_by_name_without_tabs() -> None:
    row = rows_of(read_alipay_trade(whole()))[0]
    assert (row.words["商品名称"], row.words["订单金额(元)"], len(row.words)) == ("咖啡", "1.25", 25)


def test_the_summary_counts_and_keeps_what_is_stated() -> None:
    *_, summary = read_alipay_trade(whole())
    assert isinstance(summary, BillSummary)
    assert (summary.payments, summary.payment_amount, summary.refunds, summary.refund_amount) == (1, 125, 1, 25)
    assert summary.stated["实收净额(元)"] == "1.00"
    assert summary.stated["退款合计商家实收"] == "-0.25"


@pytest.mark.parametrize("brackets", ["()", "（）"])
def test_both_kinds_of_brackets(brackets: str) -> None:
    header = DETAIL.translate(str.maketrans("（）", brackets))
    bill = zipped([(NAME.replace("(", brackets[0]), sheet(*PAIR, header=header))])
    assert len(rows_of(read_alipay_trade(bill))) == 2


def test_columns_are_found_by_name() -> None:
    rows = [",".join(reversed(row.split(","))) for row in PAIR]
    bill = ali_bill(*rows, header=",".join(reversed(DETAIL.split(","))))
    assert [row.amount for row in rows_of(read_alipay_trade(bill))] == [125, 25]


def test_from_a_path_and_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bill.zip"
    path.write_bytes(whole())
    held = BytesIO(whole())
    assert rows_of(read_alipay_trade(path)) == rows_of(read_alipay_trade(str(path))) == rows_of(read_alipay_trade(held))
    assert not held.closed
    assert [found.name for found in tmp_path.iterdir()] == ["bill.zip"]


def test_a_refund_may_be_written_without_its_sign() -> None:
    totals = (TOTALS[0], TOTALS[1].replace("-", ""))
    bill = ali_bill(ali_row(), ali_refund(amount="0.25"), behind=totals)  # type: ignore[arg-type]  # passed on
    assert rows_of(read_alipay_trade(bill))[1].amount == 25


def test_sums_before_refunds_are_taken_off() -> None:
    assert len(rows_of(read_alipay_trade(ali_bill(*PAIR, sums=ONE_OF_EACH.replace("1.00", "1.25"))))) == 2


def test_a_month() -> None:
    period = "#起始日期：[2019年02月01日 00:00:00]   终止日期：[2019年03月01日 00:00:00]"
    assert len(rows_of(read_alipay_trade(ali_bill(*PAIR, period=period), day="2019-02"))) == 2


def test_a_day_that_ends_at_its_last_second() -> None:
    period = "#起始日期：[2019年02月19日 00:00:00]   终止日期：[2019年02月19日 23:59:59]"
    assert len(rows_of(read_alipay_trade(ali_bill(*PAIR, period=period), day=DAY))) == 2


def test_a_day_without_payments() -> None:
    assert rows_of(read_alipay_trade(ali_bill(behind=()), day=DAY)) == []  # type: ignore[arg-type]  # passed on


def test_a_comma_inside_quotes() -> None:
    bill = ali_bill(ali_row(商品名称='"咖啡, 大 ""热"""\t'), ali_refund())
    assert rows_of(read_alipay_trade(bill))[0].words["商品名称"] == '咖啡, 大 "热"'


def test_quotes_that_quote_nothing_stay() -> None:
    assert rows_of(read_alipay_trade(ali_bill(ali_row(商品名称='"咖啡'), ali_refund())))[0].words["商品名称"] == '"咖啡'


def test_a_character_that_only_gb18030_has() -> None:
    assert (
        rows_of(read_alipay_trade(ali_bill(ali_row(商品名称="𠮷野家☕"), ali_refund())))[0].words["商品名称"]
        == "𠮷野家☕"
    )


def test_an_unknown_kind_is_other() -> None:
    row = ali_row(2, 业务类型="调账", **{"订单金额（元）": "-3.00", "商家实收（元）": "-3.00"})
    found = rows_of(read_alipay_trade(ali_bill(*PAIR, row)))[2]
    assert (found.kind, found.amount, found.incoming) == (BillKind.OTHER, 300, False)


def test_the_accounts_bill() -> None:
    payment, fee, refund, bought, transfer = rows_of(read_alipay_account(account(), day=DAY))
    assert [row.kind for row in (payment, fee, refund, bought, transfer)] == [
        "payment", "fee", "refund", "other", "other",
    ]  # fmt: skip
    assert (payment.amount, payment.incoming, payment.out_trade_no) == (227_400, True, "order_000001")
    assert (fee.amount, fee.incoming, refund.amount, refund.incoming) == (1364, False, 7400, False)
    assert (transfer.amount, transfer.incoming, refund.out_refund_no) == (100, True, None)


def test_the_accounts_summary_file() -> None:
    sums = sheet(
        "在线支付,1,2274.00,1,-5.00", "合计,2,2275.00,3,-92.64", behind=(), what="账务汇总",
        header="类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）",
    )  # fmt: skip
    detail = sheet(*MOVES, header=ACCOUNT, behind=(), what="账务明细")
    bill = zipped([(ACCOUNT_NAME, detail), (ACCOUNT_NAME.replace("明细", "汇总"), sums)])
    assert len(rows_of(read_alipay_account(bill))) == 5
    wrong = zipped([(ACCOUNT_NAME, detail), (ACCOUNT_NAME.replace("明细", "汇总"), sums.replace("92.64", "92.65"))])
    assert refused(read_alipay_account(wrong)).code == "BILL_TOTALS_MISMATCH"


def test_the_accounts_older_name() -> None:
    assert len(rows_of(read_alipay_account(account(name=ACCOUNT_NAME.replace("账务", "财务"))))) == 5


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("交易合计：1笔", "交易合计：2笔"), ("商家实收共1.25", "商家实收共1.24"), ("商家优惠共0.00", "商家优惠共0.01"),
        ("退款合计：1笔", "退款合计：0笔"), ("退款共-0.25", "退款共-0.26"), ("交易合计", "交易和计"),
        ("退款合计", "退款和计"), ("商家实收共1.25元", "商家实收共1.25"),
        ("1.25元", "1e2元"), ("共-0.25元", "共-0.25.0元"),
    ],
)  # fmt: skip
def test_b169_sums_in_comments(right: str, wrong: str) -> None:
    totals = tuple(line.replace(right, wrong) for line in TOTALS)
    assert totals != TOTALS
    bill = ali_bill(*PAIR, behind=totals)  # type: ignore[arg-type]  # passed on
    assert refused(read_alipay_trade(bill)).code == "BILL_TOTALS_MISMATCH"


@pytest.mark.parametrize(
    "sums",
    [
        "合计,,2,1,1.00,1.00,0.00,0.00,0.00,0.00,0.00,1.00", "合计,,1,0,1.00,1.00,0.00,0.00,0.00,0.00,0.00,1.00",
        "合计,,1,1,1.01,1.00,0.00,0.00,0.00,0.00,0.00,1.00", "合计,,1,1,1.00,0.99,0.00,0.00,0.00,0.00,0.00,1.00",
        "合计,,1,1,1.00,1.00,0.01,0.00,0.00,0.00,0.00,1.00", "合计,,1,1,1.00,1.00,0.00,0.00,0.00,0.02,0.00,1.00",
        "合计,,one,1,1.00,1.00,0.00,0.00,0.00,0.00,0.00,1.00", "合计,,1,1,1e0,1.00,0.00,0.00,0.00,0.00,0.00,1.00",
    ],
)  # fmt: skip
def test_b169_sums_in_the_second_file(sums: str) -> None:
    assert refused(read_alipay_trade(ali_bill(*PAIR, sums=sums))).code == "BILL_TOTALS_MISMATCH"


@pytest.mark.parametrize("rows", [[], [ONE_OF_EACH, ONE_OF_EACH], [ONE_OF_EACH[3:], ONE_OF_EACH[3:]]])
def test_b169_a_second_file_without_one_row_of_sums(rows: list[str]) -> None:
    rows = [row if row.startswith("合计") else f"s,{row}" for row in rows]
    bill = zipped([(NAME, sheet(*PAIR)), (SUMS_NAME, sums_sheet(*rows))])
    assert refused(read_alipay_trade(bill)).code in {"BILL_TOTALS_MISMATCH", "BILL_MALFORMED_ROW"}


def test_b169_stores_and_their_sum() -> None:
    store = ONE_OF_EACH.replace("合计,", "0001,店")
    bill = zipped([(NAME, sheet(*PAIR)), (SUMS_NAME, sums_sheet(store, ONE_OF_EACH))])
    assert len(rows_of(read_alipay_trade(bill))) == 2


@pytest.mark.parametrize("lost", [0, 1])
def test_b169_a_row_that_was_lost(lost: int) -> None:
    rows = list(PAIR)
    del rows[lost]
    assert refused(read_alipay_trade(ali_bill(*rows))).code == "BILL_TOTALS_MISMATCH"


def test_b169_no_sums_at_all() -> None:
    bill = ali_bill(*PAIR, behind=())  # type: ignore[arg-type]  # passed on
    assert refused(read_alipay_trade(bill)).code == "BILL_TOTALS_MISMATCH"


@pytest.mark.parametrize("at", range(2))
@pytest.mark.parametrize(("right", "wrong"), [("笔，共", "0笔，共"), ("元", "9元"), ("合计", "和计")])
def test_b169_sums_of_the_account(at: int, right: str, wrong: str) -> None:
    totals = list(MOVE_TOTALS)
    totals[at] = totals[at].replace(right, wrong, 1)
    assert refused(read_alipay_account(account(behind=tuple(totals)))).code == "BILL_TOTALS_MISMATCH"


@pytest.mark.parametrize(
    "again", [ali_row(), ali_row(**{"订单金额（元）": "1.26"}), ali_row(完成时间="2019-02-19 10:00:10")]
)
def test_b170_the_same_payment_twice(again: str) -> None:
    error = refused(read_alipay_trade(ali_bill(ali_row(), again)))
    assert (error.code, error.line) == ("BILL_DUPLICATE_ROW", 7)


@pytest.mark.parametrize(
    "again", [ali_refund(), ali_refund(amount="-0.26"), ali_refund(完成时间="2019-02-19 13:00:00")]
)
def test_b170_the_same_refund_twice(again: str) -> None:
    assert refused(read_alipay_trade(ali_bill(ali_row(), ali_refund(), again))).code == "BILL_DUPLICATE_ROW"


def test_b170_refunds_by_hand_have_no_number() -> None:
    rows = ali_refund(request=""), ali_refund(request="", 完成时间="2019-02-19 13:00:00")
    totals = TOTALS[0], TOTALS[1].replace("1笔", "2笔").replace("-0.25", "-0.50")
    bill = ali_bill(ali_row(), *rows, behind=totals)  # type: ignore[arg-type]  # passed on
    assert [row.out_refund_no for row in rows_of(read_alipay_trade(bill))] == [None, None, None]


def test_b170_a_movement_twice() -> None:
    assert refused(read_alipay_account(account(MOVES[0], MOVES[0]))).code == "BILL_DUPLICATE_ROW"


@pytest.mark.parametrize(
    "amount", ["1e5", "-0.00", "¥1.00", "1,234.00", "1.0", "1", "+1.00", "-1.00", "", "１.00", "0.001"]
)
def test_b171_amounts(amount: str) -> None:
    error = refused(read_alipay_trade(ali_bill(ali_row(**{"订单金额（元）": amount}), ali_refund())))
    assert (error.code, error.line) == ("BILL_MALFORMED_ROW", 6)


@pytest.mark.parametrize("amount", ["-0.00", "1e5", "--1.00", "(1.00)", ""])
def test_b171_amounts_of_refunds(amount: str) -> None:
    assert refused(read_alipay_trade(ali_bill(ali_row(), ali_refund(amount=amount)))).code == "BILL_MALFORMED_ROW"


@pytest.mark.parametrize(
    "row",
    [
        move(1, "在线支付", "1.00", "-1.00"), move(1, "在线支付", "-1.00", "0.00"), move(1, "在线支付", "1e2", ""),
        move(1, "在线支付", "-0.00", ""), move(1, "在线支付", "1.00", "", 发生时间="2019-02-30 00:00:00"),
    ],
)  # fmt: skip
def test_b171_movements(row: str) -> None:
    assert refused(read_alipay_account(account(row))).code == "BILL_MALFORMED_ROW"


@pytest.mark.parametrize(
    "row",
    [
        "x", ali_row() + ",", ali_row(商品名称="a,b"), ali_row(商品名称='"a,b'), ali_row(商品名称='"a"b,c"'),
        ali_row(完成时间="2019/02/19 10:00"), ali_row(完成时间="", 创建时间=""), "#comment",
    ],
)  # fmt: skip
def test_malformed_rows(row: str) -> None:
    error = refused(read_alipay_trade(ali_bill(row, ali_refund())))
    assert (error.code, error.line) == ("BILL_MALFORMED_ROW", 6)


def test_f60_a_file_that_is_cut_off_is_never_a_bill() -> None:
    text = sheet(*PAIR)
    for end in range(text.index("退款共-0.25元") + len("退款共-0.25")):  # the sums are whole after the next character
        assert refused(read_alipay_trade(zipped([(NAME, text[:end])]))).code.startswith("BILL_")


def test_something_behind_the_rows() -> None:
    bill = zipped([(NAME, sheet(*PAIR) + ali_row(2))])
    assert refused(read_alipay_trade(bill)).code == "BILL_MALFORMED_ROW"


@pytest.mark.parametrize(
    "period",
    [
        "#起始日期：[2019年02月18日 00:00:00]   终止日期：[2019年02月19日 00:00:00]",
        "#起始日期：[2019年02月19日 00:00:00]   终止日期：[2019年02月21日 00:00:00]",
        "#起始日期：[2019年02月19日 08:00:00]   终止日期：[2019年02月20日 00:00:00]",
        "#起始日期：[2019年02月31日 00:00:00]   终止日期：[2019年03月01日 00:00:00]", "#",
    ],
)  # fmt: skip
def test_f60_wrong_day(period: str) -> None:
    assert refused(read_alipay_trade(ali_bill(*PAIR, period=period), day=DAY)).code == "BILL_WRONG_DAY"


@pytest.mark.parametrize("day", ["", "2019", "2019-02", "2019-2-19", "2019-02-19\n", "2019-02-20"])
def test_f60_a_day_is_not_another(day: str) -> None:
    assert refused(read_alipay_trade(ali_bill(*PAIR, period=PERIOD), day=day)).code == "BILL_WRONG_DAY"


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16"])
def test_b166_a_file_in_unicode(charset: str) -> None:
    bill = zipped([(NAME, sheet(*PAIR).encode(charset))])
    assert refused(read_alipay_trade(bill)).code == "BILL_CHARSET"


def test_b166_bytes_that_are_no_gbk() -> None:
    bill = zipped([(NAME, sheet(*PAIR).encode("gb18030").replace("咖啡".encode("gbk"), b"\xff\xff", 1))])
    error = refused(read_alipay_trade(bill))
    assert (error.code, error.line) == ("BILL_CHARSET", 6)


@pytest.mark.parametrize("text", ["", "#only\r\n", "\r\n\r\n", sheet(*PAIR, header="a,b"), sheet(*PAIR, header="a,a")])
def test_what_is_no_bill(text: str) -> None:
    assert refused(read_alipay_trade(zipped([(NAME, text)]))).code in {"BILL_MALFORMED", "BILL_MALFORMED_ROW"}


@pytest.mark.parametrize("comment", ["#" + "x" * 2000, "\r\n".join(["#"] * 100)])
def test_comments_that_never_end(comment: str) -> None:
    assert refused(read_alipay_trade(zipped([(NAME, comment + "\r\n" + sheet(*PAIR))]))).code == "BILL_MALFORMED_ROW"


@pytest.mark.parametrize(
    "limits",
    [BillLimits(max_bytes=500), BillLimits(max_line=100), BillLimits(max_rows=6)],
    ids=["bytes", "line", "rows"],
)
def test_b161_more_than_is_believed(limits: BillLimits) -> None:
    assert refused(read_alipay_trade(whole(), limits=limits)).code == "BILL_TOO_LARGE"
