"""A bill of any length is read in the same memory, but for the marks of its rows."""

from __future__ import annotations

import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

import pytest

from payflow.gateways.bills import BillRow, BillSummary, read_alipay_trade, read_wechat_trade

from .making import DAY, NAME, TRADE, TRADE_SUMS, ali_row, sheet, wx_row

MEBIBYTE = 1 << 20


def wechat_chunks(rows: int) -> Iterator[bytes]:
    """Chunks of a bill that is nowhere as a whole."""
    template = wx_row(0)
    yield f"{TRADE}\r\n".encode()
    for start in range(0, rows, 200):
        lines = [
            template.replace("00000000", f"{at:08d}", 1).replace("_000000", f"_{at}")
            for at in range(start, start + 200)
        ]
        yield ("\r\n".join(lines) + "\r\n").encode()
    yuan = f"{rows * 3 // 100}.{rows * 3 % 100:02d}"
    fees = f"{rows // 100}.{rows % 100:02d}"
    yield f"{TRADE_SUMS}\r\n`{rows}.0,`{yuan},`0.00,`0.0,`{fees},`{yuan},`0.00\r\n".encode()


def alipay_zip(rows: int) -> bytes:
    """Only ever compressed."""
    yuan = f"{rows * 125 // 100}.{rows * 125 % 100:02d}"
    behind = f"#交易合计：{rows}笔，商家实收共{yuan}元", "#退款合计：0笔，商家实收退款共0.00元"
    head, tail = sheet("ROWS", behind=behind).split("ROWS\r\n")
    template = ali_row(0)
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(NAME, "w") as member:
        member.write(head.encode("gb18030"))
        for at in range(rows):
            noise = zlib.crc32(b"%d" % at)  # genuine numbers do not shrink to nothing either
            line = template.replace("00000000000000", f"{noise:010d}{at:08d}", 1).replace("_000000", f"_{noise}{at}")
            member.write(f"{line}\r\n".encode("gb18030"))
        member.write(tail.encode("gb18030"))
    return held.getvalue()


def peak_of(reading: Iterator[BillRow | BillSummary], rows: int) -> int:
    tracemalloc.start()
    try:
        last: BillRow | BillSummary | None = None
        for item in reading:
            last = item
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(last, BillSummary)
    assert last.rows == rows
    return peak


@pytest.mark.parametrize("rows", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_rows_of_wechat(rows: int) -> None:
    assert peak_of(read_wechat_trade(wechat_chunks(rows), day=DAY), rows) < 3 * MEBIBYTE + 48 * rows


@pytest.mark.parametrize("rows", [10_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_rows_of_alipay(rows: int) -> None:
    bill = alipay_zip(rows)
    assert peak_of(read_alipay_trade(bill, day=DAY), rows) < 3 * MEBIBYTE + 48 * rows
