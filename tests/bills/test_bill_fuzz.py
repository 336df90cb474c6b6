"""B-143: whatever the bytes are, a reading ends with a summary or with a BillError, and with nothing else."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payflow.gateways.bills import (
    BillError,
    BillLimits,
    BillSummary,
    gunzipped,
    read_alipay_account,
    read_alipay_trade,
    read_wechat_fund_flow,
    read_wechat_trade,
)

from .making import (
    ACCOUNT,
    ACCOUNT_NAME,
    DAY,
    FLOW,
    FLOW_SUMS,
    NAME,
    ONE_OF_EACH,
    SUMS_NAME,
    ali_refund,
    ali_row,
    flow_row,
    move,
    sheet,
    sums_sheet,
    wx_bill,
    wx_refund,
    wx_row,
    zipped,
)

SMALL = BillLimits(max_bytes=1 << 20, max_line=5000, max_rows=100)
TRADE = wx_bill(wx_row(), wx_refund(), sums="2.0,0.03,0.02,0.0,0.01,0.03,0.02")
FUNDS = wx_bill(
    flow_row(1, "交易", "收入", "0.30"), flow_row(2, "退款", "支出", "0.02"),
    header=FLOW, sums_header=FLOW_SUMS, sums="2,1,0.30,1,0.02",
)  # fmt: skip
DETAIL, SUMS = sheet(ali_row(), ali_refund()).encode("gb18030"), sums_sheet(ONE_OF_EACH).encode("gb18030")
MOVES = sheet(
    move(1, "在线支付", "2.00", "0.00"), header=ACCOUNT, what="账务明细",
    behind=("#支出合计：0笔，共0.00元", "#收入合计：1笔，共2.00元"),
).encode("gb18030")  # fmt: skip

READERS: dict[str, tuple[bytes, Callable[[bytes], Iterator[Any]]]] = {
    "wechat trade": (TRADE, lambda data: read_wechat_trade([data], limits=SMALL)),
    "wechat gzip": (gzip.compress(TRADE), lambda data: read_wechat_trade(gunzipped([data], SMALL), limits=SMALL)),
    "wechat funds": (FUNDS, lambda data: read_wechat_fund_flow([data], day=DAY, limits=SMALL)),
    "alipay zip": (zipped([(NAME, DETAIL), (SUMS_NAME, SUMS)]), lambda data: read_alipay_trade(data, limits=SMALL)),
    "alipay stored": (zipped([(NAME, DETAIL)], 0), lambda data: read_alipay_trade(data, limits=SMALL)),
    "alipay trade": (DETAIL, lambda data: read_alipay_trade(zipped([(NAME, data)]), limits=SMALL)),
    "alipay sums": (SUMS, lambda data: read_alipay_trade(zipped([(NAME, DETAIL), (SUMS_NAME, data)]), limits=SMALL)),
    "alipay account": (MOVES, lambda data: read_alipay_account(zipped([(ACCOUNT_NAME, data)]), day=DAY, limits=SMALL)),
}
TOKENS = [
    b"", b"\n", b"\r\n", b",", b",`", b"`", b'"', b"\t", b"#", b"\0", b"\xff", b"-", b"-0.00", b"1e5", b"9" * 30,
    b"PK\x01\x02", b"PK\x05\x06", b"\xff\xff\xff\xff", "合计".encode("gbk"), "列表结束".encode("gbk"), "１".encode(),
    "\u2028".encode(),
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, genuine: bytes) -> bytes:
    """Genuine bytes with some places cut out, put in, or written over."""
    data = genuine
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([0, 0, 1, 1, 2, 8, 100]))
        piece = draw(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=6), st.just(data[at : at + 60])))
        data = data[:at] + piece + data[at + length :]
    return data


def ends_well_or_with_a_bill_error(reading: Iterator[Any]) -> None:
    last: Any = None
    try:
        for item in reading:
            assert not isinstance(last, BillSummary)
            last = item
    except BillError:
        return
    assert isinstance(last, BillSummary)


@pytest.mark.parametrize("name", READERS)
def test_the_genuine_bytes_are_read(name: str) -> None:
    genuine, read = READERS[name]
    assert isinstance(list(read(genuine))[-1], BillSummary)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draw=st.data())
def test_b143_mutated_bytes(name: str, draw: st.DataObject) -> None:
    genuine, read = READERS[name]
    ends_well_or_with_a_bill_error(read(draw.draw(mutated(genuine))))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=400))
def test_b143_random_bytes(name: str, data: bytes) -> None:
    ends_well_or_with_a_bill_error(READERS[name][1](data))


@pytest.mark.parametrize("name", READERS)
def test_b143_every_byte_turned(name: str) -> None:
    genuine, read = READERS[name]
    for at in range(0, len(genuine), max(1, len(genuine) // 300)):
        for turned in (0x01, 0x80, 0xFF):
            changed = bytearray(genuine)
            changed[at] ^= turned
            ends_well_or_with_a_bill_error(read(bytes(changed)))
