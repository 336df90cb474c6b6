"""WeChat Pay's bills, row by row."""

from __future__ import annotations

import gzip
import hashlib
from functools import partial

import pytest

from payflow.gateways.bills import (
    BillKind,
    BillLimits,
    BillSummary,
    checked_sha1,
    gunzipped,
    read_wechat_fund_flow,
    read_wechat_trade,
)
from tests.vectors.vectors import data, vector

from .making import DAY, FLOW, FLOW_SUMS, TRADE, flow_row, refused, rows_of, wx_bill, wx_refund, wx_row

zipped = partial(gzip.compress, mtime=0)  # without the time, so that all runs see the same bytes

ONE_OF_EACH = "2.0,0.03,0.02,0.0,0.01,0.03,0.02"
TWO = (wx_row(1), wx_refund(1))


def whole(sums: str = ONE_OF_EACH) -> bytes:
    return wx_bill(*TWO, sums=sums)


def test_wx_bill_csv() -> None:
    inputs, expected = vector("wx-bill-csv")
    *rows, summary = read_wechat_trade([data(inputs["file"])], day=DAY)
    assert isinstance(summary, BillSummary)
    assert (len(rows), summary.rows) == (expected["data_rows"], expected["data_rows"])
    assert len(summary.stated) == expected["summary_columns"]
    assert all(len(row.words) == expected["columns"] for row in rows)  # type: ignore[union-attr]  # rows come first
    assert (summary.payments, summary.payment_amount, summary.refunds, summary.refund_amount) == (31, 47, 14, 14)


def test_wx_bill_csv_first_refund() -> None:
    inputs, _ = vector("wx-bill-csv")
    row = rows_of(read_wechat_trade([data(inputs["file"])]))[0]
    assert (row.kind, row.amount, row.incoming, row.status, row.line) == (BillKind.REFUND, 1, False, "SUCCESS", 2)
    assert row.out_trade_no == "autotest_20190216081946_82335"
    assert row.gateway_txn == "4200000263201902167700134212"
    assert row.out_refund_no == "REF4200000263201902167700963919"
    assert row.gateway_refund == "50000709672019011908420787722"
    assert row.happened_at == 1_550_523_706_000_000  # 2019-02-18T21:01:46Z
    assert row.words["商品名称"] == "系统拨测-cheeryin-test_micropay_succ"


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_chunks_may_be_cut_anywhere(size: int) -> None:
    bill = whole()
    assert rows_of(read_wechat_trade(bill[at : at + size] for at in range(0, len(bill), size))) == rows_of(
        read_wechat_trade([bill])
    )


def test_a_payment() -> None:
    row, _ = rows_of(read_wechat_trade([whole()], day=DAY))
    assert (row.gateway, row.kind, row.amount, row.currency, row.incoming) == (
        "wechat", BillKind.PAYMENT, 3, "CNY", True,
    )  # fmt: skip
    assert (row.out_refund_no, row.gateway_refund, row.status) == (None, None, "SUCCESS")


def test_a_fee_is_kept_to_its_fifth_decimal() -> None:
    payment, refund = rows_of(read_wechat_trade([whole()]))
    assert (payment.fee, payment.fee_text) == (1, "0.01000")
    assert (refund.fee, refund.fee_text) == (None, "-0.00012")


def test_a_reversal_has_what_was_taken_back() -> None:
    revoked = wx_row(
        2,
        交易状态="REVOKED",
        应结订单金额="0.00",
        订单金额="0.00",
        退款金额="0.03",
        申请退款金额="0.03",
        手续费="0.00000",
    )
    (row,) = rows_of(read_wechat_trade([wx_bill(revoked, sums="1,0.00,0.03,0.00,0.00,0.00,0.03")]))
    assert (row.kind, row.amount, row.incoming) == (BillKind.REVERSAL, 3, False)


def test_a_word_we_do_not_know_is_other() -> None:
    (row,) = rows_of(read_wechat_trade([wx_bill(wx_row(交易状态="PAYERROR"), sums="1,0.03,0.00,0.00,0.01,0.03,0.00")]))
    assert (row.kind, row.status) == (BillKind.OTHER, "PAYERROR")


def test_a_bill_of_successes_has_fewer_columns() -> None:
    wanted = [name for name in TRADE.split(",") if "退款" not in name]
    cells = dict(zip(TRADE.split(","), wx_row()[1:].split(",`"), strict=True))
    bill = wx_bill(
        "`" + ",`".join(cells[name] for name in wanted), header=",".join(wanted),
        sums_header="总交易单数,应结订单总金额,手续费总金额,订单总金额", sums="1.0,0.03,0.01,0.03",
    )  # fmt: skip
    (row,) = rows_of(read_wechat_trade([bill], day=DAY))
    assert (row.kind, row.amount, row.out_refund_no) == (BillKind.PAYMENT, 3, None)


def test_a_day_without_payments() -> None:
    assert rows_of(read_wechat_trade([wx_bill(sums="0.0,0.00,0.00,0.00,0.00,0.00,0.00")], day=DAY)) == []


def test_columns_are_found_by_name() -> None:
    turned = ",".join(reversed(TRADE.split(",")))
    row = "`" + ",`".join(reversed(wx_row()[1:].split(",`")))
    (found,) = rows_of(read_wechat_trade([wx_bill(row, header=turned, sums="1,0.03,0.00,0.00,0.01,0.03,0.00")]))
    assert (found.amount, found.out_trade_no) == (3, "order_000001")


def test_fund_flow() -> None:
    bill = wx_bill(
        flow_row(1, "交易", "收入", "0.30", "order_1"), flow_row(2, "扣除交易手续费", "支出", "0.01", "order_1"),
        flow_row(3, "退款", "支出", "0.02", "refund_1"), flow_row(4, "提现", "支出", "0.10"),
        header=FLOW, sums_header=FLOW_SUMS, sums="4.0,1.0,0.3,3.0,0.13",
    )  # fmt: skip
    payment, fee, refund, other = rows_of(read_wechat_fund_flow([bill], day=DAY))
    assert [row.kind for row in (payment, fee, refund, other)] == ["payment", "fee", "refund", "other"]
    assert (payment.out_trade_no, payment.gateway_txn, payment.incoming) == (
        "order_1", "50000305742018020103387120001", True,
    )  # fmt: skip
    assert (refund.out_trade_no, refund.out_refund_no, refund.gateway_refund) == (
        None, "refund_1", "50000305742018020103387120003",
    )  # fmt: skip
    assert (fee.amount, fee.incoming, other.amount, other.out_trade_no) == (1, False, 10, None)


@pytest.mark.parametrize("sums", ["4,1,0.30,3,0.14", "4,2,0.30,2,0.13", "3,1,0.30,3,0.13", "4,1,0.31,3,0.13"])
def test_b169_fund_flow_sums(sums: str) -> None:
    rows = [
        flow_row(1, "交易", "收入", "0.30"), flow_row(2, "扣除交易手续费", "支出", "0.01"),
        flow_row(3, "退款", "支出", "0.02"), flow_row(4, "提现", "支出", "0.10"),
    ]  # fmt: skip
    bill = wx_bill(*rows, header=FLOW, sums_header=FLOW_SUMS, sums=sums)
    assert refused(read_wechat_fund_flow([bill])).code == "BILL_TOTALS_MISMATCH"


def test_b170_a_movement_twice() -> None:
    row = flow_row(1, "交易", "收入", "0.30")
    bill = wx_bill(row, row.replace("0.30", "0.31"), header=FLOW, sums_header=FLOW_SUMS, sums="2,2,0.61,0,0")
    assert refused(read_wechat_fund_flow([bill])).code == "BILL_DUPLICATE_ROW"


def test_fund_flow_that_goes_nowhere() -> None:
    bill = wx_bill(flow_row(1, "交易", "平", "0.30"), header=FLOW, sums_header=FLOW_SUMS, sums="1,1,0.30,0,0.00")
    assert refused(read_wechat_fund_flow([bill])).code == "BILL_MALFORMED_ROW"


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", range(7))
def test_b169_any_sum_that_is_not_the_sum(at: int) -> None:
    sums = ONE_OF_EACH.split(",")
    sums[at] = "9.00"
    assert refused(read_wechat_trade([whole(",".join(sums))])).code == "BILL_TOTALS_MISMATCH"


@pytest.mark.parametrize("lost", [0, 1])
def test_b169_a_row_that_was_lost(lost: int) -> None:
    rows = list(TWO)
    del rows[lost]
    assert refused(read_wechat_trade([wx_bill(*rows, sums=ONE_OF_EACH)])).code == "BILL_TOTALS_MISMATCH"


@pytest.mark.parametrize("fees", ["0.00988", "0.01", "0.00"])
def test_b169_fees_add_up_exactly_or_rounded_to_the_fen(fees: str) -> None:
    assert len(rows_of(read_wechat_trade([whole(f"2,0.03,0.02,0.00,{fees},0.03,0.02")]))) == 2


@pytest.mark.parametrize("fees", ["0.00989", "0.02", "-0.01", "x", "1e-2"])
def test_b169_fees_that_do_not(fees: str) -> None:
    error = refused(read_wechat_trade([whole(f"2,0.03,0.02,0.00,{fees},0.03,0.02")]))
    assert error.code == "BILL_TOTALS_MISMATCH"


def test_b169_a_sum_without_its_column() -> None:
    bill = wx_bill(*TWO, sums_header="总交易单数,应结订单总金额,总交易额", sums="2,0.03,0.03")
    assert refused(read_wechat_trade([bill])).code == "BILL_TOTALS_MISMATCH"


@pytest.mark.parametrize("names", ["应结订单总金额,订单总金额", "总交易单数,手续费总金额"])
def test_b169_sums_that_say_nothing(names: str) -> None:
    assert refused(read_wechat_trade([wx_bill(*TWO, sums_header=names, sums="2,0.03")])).code == "BILL_TOTALS_MISMATCH"


def test_b170_the_same_row_twice() -> None:
    error = refused(read_wechat_trade([wx_bill(wx_row(), wx_row(), sums="2,0.06,0.00,0.00,0.02,0.06,0.00")]))
    assert (error.code, error.line) == ("BILL_DUPLICATE_ROW", 3)


def test_b170_the_same_trade_with_another_amount() -> None:
    again = wx_row(订单金额="0.04", 应结订单金额="0.04")
    error = refused(read_wechat_trade([wx_bill(wx_row(), again, sums="2,0.07,0.00,0.00,0.02,0.07,0.00")]))
    assert error.code == "BILL_DUPLICATE_ROW"


def test_b170_two_refunds_of_one_payment_are_two_facts() -> None:
    rows = wx_refund(1), wx_refund(1, 微信退款单号="50000709672019011999999999", 商户退款单号="refund_2")
    assert len(rows_of(read_wechat_trade([wx_bill(*rows, sums="2,0.00,0.04,0.00,0.00,0.00,0.04")]))) == 2


@pytest.mark.parametrize(
    "amount",
    [
        "1e5", "-0.00", "¥1.00", "￥1.00", "1,234.00", "1.0", "1", ".50", "01.00", "+1.00", " 1.00", "1.000", "-1.00",
        "NaN", "Infinity", "１.00", "0x1", "1_0.00", "", "99999999999999.00", "1.00 ",
    ],
)  # fmt: skip
def test_b171_amounts(amount: str) -> None:
    error = refused(read_wechat_trade([wx_bill(wx_row(订单金额=amount), sums="1,0.03,0.00,0.00,0.01,0.03,0.00")]))
    assert (error.code, error.line) == ("BILL_MALFORMED_ROW", 2)
    assert not amount or amount not in error.message


@pytest.mark.parametrize("fee", ["0.1", "0.100000", "-0.00000", "1e-5", "", "0.60%"])
def test_b171_fees(fee: str) -> None:
    error = refused(read_wechat_trade([wx_bill(wx_row(手续费=fee), sums="1,0.03,0.00,0.00,0.01,0.03,0.00")]))
    assert error.code == "BILL_MALFORMED_ROW"


@pytest.mark.parametrize(
    "cells",
    [
        {"交易时间": "2019-02-29 10:00:00"}, {"交易时间": "2019-02-19 24:00:00"}, {"交易时间": "2019-02-19T10:00:00"},
        {"交易时间": "2019-02-19 10:00"}, {"交易时间": ""}, {"货币种类": "JPY"}, {"货币种类": "cny"}, {"货币种类": ""},
        {"商品名称": "a,`b"}, {"商品名称": "a\r\nb"}, {"商品名称": "a\r\n`b"},
    ],
)  # fmt: skip
def test_malformed_rows(cells: dict[str, str]) -> None:
    error = refused(read_wechat_trade([wx_bill(wx_row(**cells), sums="1,0.03,0.00,0.00,0.01,0.03,0.00")]))
    assert error.code == "BILL_MALFORMED_ROW"


def test_f60_a_bill_that_is_cut_off_is_never_a_bill() -> None:
    bill = whole()
    for end in range(len(bill) - 12):  # what is missing at last is `0.02 and the end of the line
        assert refused(read_wechat_trade([bill[:end]])).code.startswith("BILL_")


def test_f60_wrong_day() -> None:
    error = refused(read_wechat_trade([whole()], day="2019-02-18"))
    assert (error.code, error.line) == ("BILL_WRONG_DAY", 2)


@pytest.mark.parametrize("day", ["", "2019-2-19", "20190219", "2019-02", "2019-02-19 "])
def test_a_day_that_is_none(day: str) -> None:
    assert refused(read_wechat_trade([whole()], day=day)).code == "BILL_WRONG_DAY"


@pytest.mark.parametrize(
    "bill",
    [
        b"", b"\xef\xbb\xbf", b"\r\n", whole().split(b"\r\n", 1)[1], whole() + b"`1\r\n",
        whole().replace("商户订单号".encode(), b"x", 1), whole().replace("商户号,".encode(), "交易时间,".encode(), 1),
        b"<xml><return_code>FAIL</return_code></xml>", b'{"code":"NO_STATEMENT_EXIST"}',
        b"," * 4000 + b"\n", b"a,b,,\n", b",\n",
    ],
)  # fmt: skip
def test_what_is_no_bill(bill: bytes) -> None:
    assert refused(read_wechat_trade([bill])).code in {"BILL_MALFORMED", "BILL_MALFORMED_ROW"}


def test_b166_a_bill_in_gbk() -> None:
    error = refused(read_wechat_trade([whole().decode("utf-8-sig").encode("gb18030")]))
    assert (error.code, error.line) == ("BILL_CHARSET", 1)


def test_b166_one_row_in_gbk() -> None:
    error = refused(read_wechat_trade([whole().replace("咖啡".encode(), "咖啡".encode("gbk"), 1)]))
    assert (error.code, error.line) == ("BILL_CHARSET", 2)


def test_b166_without_its_bom() -> None:
    assert len(rows_of(read_wechat_trade([whole().removeprefix(b"\xef\xbb\xbf")]))) == 2


def test_lines_may_end_in_lf() -> None:
    assert len(rows_of(read_wechat_trade([whole().replace(b"\r\n", b"\n")]))) == 2


@pytest.mark.parametrize(
    "limits",
    [BillLimits(max_bytes=500), BillLimits(max_line=200), BillLimits(max_rows=2)],
    ids=["bytes", "line", "rows"],
)
@pytest.mark.parametrize("size", [10, 100_000])
def test_b161_more_than_is_believed(limits: BillLimits, size: int) -> None:
    bill = whole()
    chunks = (bill[at : at + size] for at in range(0, len(bill), size))
    assert refused(read_wechat_trade(chunks, limits=limits)).code == "BILL_TOO_LARGE"


def test_b161_a_line_that_never_ends() -> None:
    def endless():
        while True:
            yield b"`" * 65_536

    assert refused(read_wechat_trade(endless())).code == "BILL_TOO_LARGE"


def test_b161_rows_that_never_end() -> None:
    def endless():
        yield f"{TRADE}\r\n".encode()
        number = 0
        while number := number + 1:
            yield f"{wx_row(number)}\r\n".encode()

    assert refused(read_wechat_trade(endless(), limits=BillLimits(max_rows=1000))).code == "BILL_TOO_LARGE"
    assert refused(read_wechat_trade(endless(), limits=BillLimits(max_bytes=1 << 18))).code == "BILL_TOO_LARGE"


# -- the hash and gzip ------------------------------------------------------------------------------------------------


def test_b165_the_hash_is_about_the_plain_bill() -> None:
    bill = whole()
    stated = hashlib.sha1(bill).hexdigest().upper()
    packed = zipped(bill)
    download = (packed[at : at + 100] for at in range(0, len(packed), 100))
    assert len(rows_of(read_wechat_trade(checked_sha1(gunzipped(download), stated), day=DAY))) == 2


def test_b165_another_hash_comes_before_the_summary() -> None:
    got = []
    reading = read_wechat_trade(checked_sha1([whole()], "0" * 40))
    with pytest.raises(Exception, match="BILL_HASH_MISMATCH"):
        got.extend(reading)
    assert not any(isinstance(item, BillSummary) for item in got)


@pytest.mark.parametrize("stated", ["", "abc", "g" * 40, "0" * 39, "0" * 41, None])
def test_b165_no_hash(stated: str) -> None:
    assert refused(checked_sha1([whole()], stated)).code == "BILL_HASH_MISMATCH"


@pytest.mark.parametrize("size", [1, 13, 1 << 20])
def test_gzip_is_read_to_its_end(size: int) -> None:
    plain = b"".join(b"%d," % number for number in range(50_000))
    packed = zipped(plain)
    assert b"".join(gunzipped(packed[at : at + size] for at in range(0, len(packed), size))) == plain


@pytest.mark.parametrize(
    "packed",
    [b"", b"x", whole(), zipped(whole())[:-1], zipped(whole())[:-9], zipped(whole()) + b"\0",
     zipped(whole())[:-6] + b"123456", zipped(whole()) * 2],
)  # fmt: skip
def test_what_is_no_gzip(packed: bytes) -> None:
    assert refused(gunzipped([packed])).code == "BILL_MALFORMED"


def test_b164_a_gzip_bomb_by_its_ratio() -> None:
    assert refused(gunzipped([zipped(bytes(16 << 20))])).code == "BILL_TOO_LARGE"


def test_b164_a_gzip_bomb_by_its_size() -> None:
    limits = BillLimits(max_bytes=1 << 20, max_ratio=1 << 20)
    assert refused(gunzipped([zipped(bytes(2 << 20))], limits)).code == "BILL_TOO_LARGE"
