"""The ZIP around Alipay's bills, as an attacker would make it. Every bomb is built in memory."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from payflow.gateways.bills import BillLimits, read_alipay_account, read_alipay_trade

from .making import (
    LINK,
    NAME,
    ONE_OF_EACH,
    SUMS_NAME,
    ali_bill,
    ali_refund,
    ali_row,
    refused,
    rows_of,
    sheet,
    sums_sheet,
    zipped,
)

TEXT = sheet(ali_row(), ali_refund())
CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


def patched(bill: bytes, magic: bytes, offset: int, layout: str, value: int) -> bytes:
    """One field of the last record of that kind, changed."""
    changed = bytearray(bill)
    struct.pack_into(layout, changed, bill.rindex(magic) + offset, value)
    return bytes(changed)


def test_the_names_we_know_are_taken() -> None:
    assert len(rows_of(read_alipay_trade(zipped([(NAME, TEXT), (SUMS_NAME, sums_sheet(ONE_OF_EACH))])))) == 2
    assert len(rows_of(read_alipay_trade(zipped([(NAME, TEXT)], zipfile.ZIP_STORED)))) == 2
    assert len(rows_of(read_alipay_trade(zipped([(NAME, TEXT)], mode=0o100644)))) == 2


def test_names_marked_as_utf8_are_taken() -> None:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(NAME, TEXT.encode("gbk"))
    assert len(rows_of(read_alipay_trade(held.getvalue()))) == 2


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/x", f"../{NAME}", f"/{NAME}", f"C:\\{NAME}", f"C:{NAME}", f"..\\{NAME}", f"\\\\host\\{NAME}",
        f"a/../{NAME}", f"{NAME}\0.txt", f"a\0{NAME}", f"dir/{NAME}", "dir/", "readme.txt",
        NAME.replace(".csv", ".exe"), f"{NAME} ", "..", f"\n{NAME}", "业务明细.csv", "x_账务明细.csv",
    ],
)  # fmt: skip
def test_b163_names_that_lead_elsewhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(read_alipay_trade(zipped([(name, TEXT)]))).code == "BILL_PATH_TRAVERSAL"
    assert refused(read_alipay_trade(zipped([(NAME, TEXT), (name, "x")]))).code == "BILL_PATH_TRAVERSAL"
    assert list(tmp_path.iterdir()) == []


def test_b163_a_link() -> None:
    assert refused(read_alipay_trade(zipped([(NAME, "/etc/passwd")], mode=LINK))).code == "BILL_PATH_TRAVERSAL"


@pytest.mark.parametrize("names", [[NAME, NAME], [NAME, SUMS_NAME, SUMS_NAME], [], [NAME, "x_20190219_账务明细.csv"]])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_b163_other_members(names: list[str]) -> None:
    assert refused(read_alipay_trade(zipped([(name, TEXT) for name in names]))).code == "BILL_PATH_TRAVERSAL"


def test_a_summary_alone() -> None:
    assert refused(read_alipay_trade(zipped([(SUMS_NAME, TEXT)]))).code == "BILL_MALFORMED"


def test_the_other_bill() -> None:
    assert refused(read_alipay_account(ali_bill(ali_row(), ali_refund()))).code == "BILL_PATH_TRAVERSAL"


def test_b166_a_name_that_is_no_gbk() -> None:
    bill = zipped([("xx_明细.csv", TEXT)]).replace("明".encode("gbk"), b"\xff\xff")
    assert refused(read_alipay_trade(bill)).code == "BILL_CHARSET"


@pytest.mark.parametrize("filling", [b"0", b"\r\n", b"#\r\n", b"1,2\r\n"])
def test_b164_a_ratio_bomb(filling: bytes) -> None:
    bomb = zipped([(NAME, TEXT.encode("gbk")[:600] + filling * (16_000_000 // len(filling)))])
    assert len(bomb) < 100_000
    assert refused(read_alipay_trade(bomb)).code in {"BILL_TOO_LARGE", "BILL_MALFORMED_ROW"}


def test_b164_a_ratio_bomb_of_genuine_rows() -> None:
    blank = b"\r\n" * 4_000_000
    head, tail = (part.encode("gbk") for part in TEXT.split("#-----------------业务明细列表结束"))
    bomb = zipped([(NAME, head + blank + "#---业务明细列表结束".encode("gbk") + tail)])
    assert refused(read_alipay_trade(bomb)).code == "BILL_TOO_LARGE"


def test_b164_a_bomb_in_the_second_file() -> None:
    bomb = zipped([(NAME, TEXT), (SUMS_NAME, b"\r\n" * 4_000_000)])
    assert refused(read_alipay_trade(bomb)).code == "BILL_TOO_LARGE"


def test_b164_the_size_both_files_have_together() -> None:
    bill = zipped([(NAME, TEXT), (SUMS_NAME, sums_sheet(ONE_OF_EACH))])
    size = len(TEXT.encode("gbk"))
    assert refused(read_alipay_trade(bill, limits=BillLimits(max_bytes=size + 10))).code == "BILL_TOO_LARGE"


@pytest.mark.parametrize("claimed", [0, 1, 100, len(TEXT.encode("gbk")) - 1])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_b164_an_entry_that_says_it_is_smaller(claimed: int, method: int) -> None:
    bill = patched(zipped([(NAME, TEXT)], method), CENTRAL, 24, "<L", claimed)
    assert refused(read_alipay_trade(bill)).code == "BILL_TOO_LARGE"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_entry_that_says_it_is_larger(method: int) -> None:
    bill = patched(zipped([(NAME, TEXT)], method), CENTRAL, 24, "<L", len(TEXT.encode("gbk")) + 1)
    assert refused(read_alipay_trade(bill)).code == "BILL_MALFORMED"


def test_b164_an_entry_that_claims_too_much_is_not_even_opened() -> None:
    bill = patched(zipped([(NAME, TEXT)]), CENTRAL, 24, "<L", 0xFFFFFFF0)
    assert refused(read_alipay_trade(bill, limits=BillLimits(max_bytes=1 << 30))).code == "BILL_TOO_LARGE"


def test_b164_two_entries_over_the_same_bytes() -> None:
    bill = zipped([(NAME, TEXT), (SUMS_NAME, TEXT)])
    assert refused(read_alipay_trade(patched(bill, CENTRAL, 42, "<L", 0))).code == "BILL_TOO_LARGE"


def test_b164_an_entry_that_holds_the_next_one() -> None:
    """The quoted overlap of CVE-2024-0450: the first entry's bytes reach over the header of the second."""
    bill = zipped([(NAME, TEXT), (SUMS_NAME, TEXT)], zipfile.ZIP_STORED)
    changed = bytearray(bill)
    first = bill.index(CENTRAL)
    struct.pack_into("<LL", changed, first + 20, *[len(TEXT.encode("gbk")) + 200] * 2)
    assert refused(read_alipay_trade(bytes(changed))).code == "BILL_TOO_LARGE"


def test_b164_an_entry_that_holds_the_directory() -> None:
    bill = patched(zipped([(NAME, TEXT)], zipfile.ZIP_STORED), CENTRAL, 20, "<L", len(TEXT.encode("gbk")) + 30)
    assert refused(read_alipay_trade(bill)).code == "BILL_TOO_LARGE"


@pytest.mark.parametrize("name", ["lib 0.zip", "20881021_20190219_业务明细.csv.zip", "a.ZIP"])
def test_b164_an_archive_in_an_archive(name: str) -> None:
    assert refused(read_alipay_trade(zipped([(name, zipped([(NAME, TEXT)]))]))).code == "BILL_TOO_LARGE"


def test_b164_an_archive_that_calls_itself_a_bill() -> None:
    nested = zipped([(NAME, zipped([(NAME, TEXT)]))])
    assert refused(read_alipay_trade(nested)).code.startswith("BILL_")


def test_b164_a_directory_of_many_entries() -> None:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for number in range(3000):
            archive.writestr(f"{number:04d}", b"")
    assert refused(read_alipay_trade(held.getvalue())).code == "BILL_TOO_LARGE"


def test_a_directory_that_claims_to_be_larger_than_the_file() -> None:
    bill = patched(zipped([(NAME, TEXT)]), END, 12, "<L", 0x7FFFFFFF)
    assert refused(read_alipay_trade(bill)).code == "BILL_MALFORMED"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_would_be_unpacked_at_once(method: int) -> None:
    assert refused(read_alipay_trade(zipped([(NAME, TEXT)], method))).code == "BILL_MALFORMED"


def test_an_encrypted_entry() -> None:
    assert refused(read_alipay_trade(patched(zipped([(NAME, TEXT)]), CENTRAL, 8, "<H", 1))).code == "BILL_MALFORMED"


@pytest.mark.parametrize("bill", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"{}", TEXT.encode("gbk"), bytes(100_000)])
def test_what_is_no_zip(bill: bytes) -> None:
    assert refused(read_alipay_trade(bill)).code in {"BILL_MALFORMED", "BILL_PATH_TRAVERSAL"}


def test_f60_a_download_that_was_cut_off() -> None:
    bill = zipped([(NAME, TEXT)])
    for end in range(len(bill)):
        assert refused(read_alipay_trade(bill[:end])).code == "BILL_MALFORMED"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_any_byte_of_the_text_changed(method: int) -> None:
    bill = zipped([(NAME, TEXT)], method)
    start = bill.index(NAME.encode("gbk")) + len(NAME.encode("gbk"))
    for at in range(start, bill.index(CENTRAL), 7):
        changed = bytearray(bill)
        changed[at] ^= 0x20
        assert refused(read_alipay_trade(bytes(changed))).code.startswith("BILL_")


def test_the_crc_of_the_second_file_is_checked() -> None:
    bill = zipped([(NAME, TEXT), (SUMS_NAME, sums_sheet(ONE_OF_EACH))])
    assert refused(read_alipay_trade(patched(bill, CENTRAL, 16, "<L", 1))).code == "BILL_MALFORMED"


def test_a_disk_that_fails_is_not_a_bad_bill() -> None:
    class Failing(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "I/O error")

    with pytest.raises(OSError, match="I/O error"):
        list(read_alipay_trade(Failing(zipped([(NAME, TEXT)]))))
