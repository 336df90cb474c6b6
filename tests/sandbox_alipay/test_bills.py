"""Bills: the address, the archive, the columns, the sums."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import datetime, timedelta, timezone

import pytest
import requests

from payflow.sandbox import Sandbox

from .merchant import Answer, Client, Watch

METHOD = "alipay.data.dataservice.bill.downloadurl.query"
BEIJING = timezone(timedelta(hours=8))


@pytest.fixture
def day(sandbox: Sandbox) -> str:
    """Tomorrow, at noon: the machine's own time of day decides nothing."""
    now = datetime.fromtimestamp(sandbox.clock() / 1e6, BEIJING)
    noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    sandbox.advance((noon - now).total_seconds())
    return noon.strftime("%Y-%m-%d")


def _ask(client: Client, day: str, kind: str = "trade") -> Answer:
    return client.call(METHOD, {"bill_type": kind, "bill_date": day})


def _files(client: Client, day: str, kind: str = "trade") -> dict[str, list[str]]:
    response = requests.get(_ask(client, day, kind)["bill_download_url"], timeout=10)
    archive = zipfile.ZipFile(io.BytesIO(response.content), metadata_encoding="gbk")
    return {name: archive.read(name).decode("gbk").split("\r\n") for name in archive.namelist()}


def _rows(lines: list[str]) -> list[dict[str, str]]:
    return list(csv.DictReader([line for line in lines if line and not line.startswith("#")]))


def test_a_days_bill_has_its_payments_and_refunds(client: Client, sandbox: Sandbox, day: str) -> None:
    paid = client.paid("A1")
    client.refund("A1", "2.50", "R1")
    client.order("A2")
    sandbox.advance(86_400)
    files = _files(client, day)
    stamp = day.replace("-", "")
    assert list(files) == [
        f"20880000000000010156_{stamp}_业务明细.csv",
        f"20880000000000010156_{stamp}_业务明细(汇总).csv",
    ]
    first, second = _rows(next(iter(files.values())))
    assert len(first) == 25
    assert (first["支付宝交易号"], first["商户订单号"], first["业务类型"]) == (f"{paid['trade_no']}\t", "A1\t", "交易")
    assert (first["订单金额（元）"], first["服务费（元）"], first["退款批次号/请求号"]) == ("12.50", "-0.08", "")
    assert (second["业务类型"], second["订单金额（元）"], second["退款批次号/请求号"]) == ("退款", "-2.50", "R1\t")


def test_the_summary_adds_up(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("A1")
    client.paid("A2", "7.50")
    client.refund("A1", "2.50", "R1")
    sandbox.advance(86_400)
    total = _rows(list(_files(client, day).values())[1])[-1]
    assert (total["门店编号"], total["交易订单总笔数"], total["退款订单总笔数"]) == ("合计", "2", "1")
    assert (total["订单金额（元）"], total["服务费（元）"], total["实收净额（元）"]) == ("17.50", "-0.13", "17.37")


def test_the_file_is_framed_by_comments(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("A1")
    sandbox.advance(86_400)
    lines = next(iter(_files(client, day).values()))
    comments = [line.strip("-#") for line in lines if line.startswith("#")]
    assert comments[0] == "支付宝业务明细查询"
    assert comments[3].startswith("业务明细列表") or "业务明细列表" in lines[3]
    assert any("业务明细列表结束" in line for line in lines)
    assert lines[-2].startswith("#导出时间：[")


def test_the_account_bill_keeps_a_balance(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("A1")
    client.refund("A1", "2.50", "R1")
    sandbox.advance(86_400)
    ((name, lines),) = _files(client, day, "signcustomer").items()
    assert name.endswith("_账务明细.csv")
    rows = _rows(lines)
    assert [row["业务类型"] for row in rows] == ["在线支付", "收费", "交易退款"]
    assert [row["账户余额（元）"] for row in rows] == ["12.50", "12.42", "9.92"]


def test_a_payment_made_twice_stands_there_twice(client: Client, sandbox: Sandbox, day: str) -> None:
    sandbox.fault("double_payment")
    client.paid("A1")
    sandbox.advance(86_400)
    rows = _rows(next(iter(_files(client, day).values())))
    assert len({row["支付宝交易号"] for row in rows}) == len(rows) == 2


def test_a_bill_is_there_at_nine_on_the_next_day(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("A1")
    assert _ask(client, day).sub_code == "BILL_NOT_EXIST"
    sandbox.advance(20.9 * 3600)
    assert _ask(client, day).sub_code == "BILL_NOT_EXIST"
    sandbox.advance(0.2 * 3600)
    assert _ask(client, day).code == "10000"


def test_a_month_has_a_bill_of_its_own(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("A1")
    sandbox.advance(40 * 86_400)
    (row,) = _rows(next(iter(_files(client, day[:7]).values())))
    assert row["商户订单号"] == "A1\t"


@pytest.mark.parametrize(
    ("kind", "date", "sub_code"),
    [
        ("trade", "2020-01-01", "BILL_NOT_EXIST"),
        ("trade", "20200101", "INVAILID_ARGUMENTS"),
        ("trade", "2020-13", "INVAILID_ARGUMENTS"),
        ("merchant_act", "2020-01-01", "TYPE_NOT_SUPPORTED"),
        ("", "2020-01-01", "ACQ.INVALID_PARAMETER"),
    ],
)
def test_a_bill_that_cannot_be_is_refused(client: Client, kind: str, date: str, sub_code: str) -> None:
    assert _ask(client, date, kind).sub_code == sub_code


def test_the_address_is_good_for_thirty_seconds(client: Client, sandbox: Sandbox, day: str, watch: Watch) -> None:
    client.paid("A1")
    sandbox.advance(86_400)
    url = _ask(client, day)["bill_download_url"]
    assert requests.get(url, timeout=10).content.startswith(b"PK")
    watch.ahead = 32_000_000
    assert requests.get(url, timeout=10).status_code == 403
    later = url.replace("expires=", "expires=9")
    assert requests.get(later, timeout=10).status_code == 403


def test_the_download_itself_can_break(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("A1")
    sandbox.advance(86_400)
    url = _ask(client, day)["bill_download_url"]
    sandbox.fault("malformed", operation="bill")
    assert not zipfile.is_zipfile(io.BytesIO(requests.get(url, timeout=10).content))
    assert zipfile.is_zipfile(io.BytesIO(requests.get(url, timeout=10).content))
