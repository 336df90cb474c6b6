"""Bills: the address, its token, the hash, the columns, the sums."""

from __future__ import annotations

import csv
import gzip
import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from payflow.gateways.bills import BillKind, BillRow, BillSummary, read_wechat_fund_flow, read_wechat_trade
from payflow.sandbox import Sandbox

from ..vectors.vectors import data, vector
from .merchant import PAY, Client, Watch, code

BEIJING = timezone(timedelta(hours=8))
#: https://pay.weixin.qq.com/doc/v3/merchant/4012791866 and the official example of a bill.
ALL = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
NIGHT = 86_400 + 9 * 3600  # until the bill of a noon is there


@pytest.fixture
def day(sandbox: Sandbox) -> str:
    """Tomorrow, at noon in Beijing: the machine's own time of day decides nothing."""
    now = datetime.fromtimestamp(sandbox.clock() / 1e6, BEIJING)
    noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    sandbox.advance((noon - now).total_seconds())
    return noon.strftime("%Y-%m-%d")


def _ask(client: Client, day: str, kind: str = "trade", more: str = "") -> requests.Response:
    return client.get(f"/v3/bill/{kind}bill?bill_date={day}{more}")


def _target(said: dict[str, Any]) -> str:
    parts = urlsplit(said["download_url"])
    return f"{parts.path}?{parts.query}"


def _text(client: Client, day: str, kind: str = "trade", more: str = "") -> str:
    said = _ask(client, day, kind, more).json()
    answer = client.get(_target(said), headers={"Accept": "*/*"})
    assert answer.status_code == 200
    assert said["hash_value"] == hashlib.sha1(answer.content).hexdigest()
    return answer.content.decode("utf-8")


def _rows(text: str) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The rows by their columns, and the sums; every cell has its mark taken off."""
    assert text.startswith("\ufeff")
    lines = text.removeprefix("\ufeff").split("\r\n")
    assert lines.pop() == ""
    *body, names, sums = lines
    cells = [[cell.removeprefix("`") for cell in row] for row in csv.reader([*body[1:], sums])]
    assert all(line.startswith("`") and line.count(",`") == line.count(",") for line in [*body[1:], sums])
    header = body[0].split(",")
    *rows, total = cells
    return [dict(zip(header, row, strict=True)) for row in rows], dict(zip(names.split(","), total, strict=True))


def test_a_days_bill_has_its_payments_and_refunds(client: Client, public: Client, sandbox: Sandbox, day: str) -> None:
    client.order("ORDER01", attach="桌,4")
    number = sandbox.pay("ORDER01").number
    refund = client.refund("ORDER01", 250).json()["refund_id"]
    client.order("ORDER02")
    public.paid("OTHER01", 900)
    sandbox.advance(NIGHT)
    text = _text(client, day)
    assert text.removeprefix("\ufeff").split("\r\n")[0] == ALL
    (paid, back), sums = _rows(text)
    assert (paid["微信订单号"], paid["商户订单号"], paid["交易状态"], paid["交易类型"]) == (
        number,
        "ORDER01",
        "SUCCESS",
        "NATIVE",
    )
    assert (paid["订单金额"], paid["应结订单金额"], paid["手续费"], paid["费率"]) == (
        "12.50",
        "12.50",
        "0.07500",
        "0.60%",
    )
    assert (paid["微信退款单号"], paid["商户退款单号"], paid["退款金额"], paid["退款状态"]) == ("0", "0", "0.00", "")
    assert (paid["特约商户号"], paid["商户数据包"], paid["交易时间"][:10]) == ("0", "桌\\ 4", day)
    assert (back["微信退款单号"], back["商户退款单号"], back["交易状态"]) == (refund, "RORDER01", "REFUND")
    assert (back["退款金额"], back["申请退款金额"], back["订单金额"]) == ("2.50", "2.50", "0.00")
    assert (back["退款类型"], back["退款状态"]) == ("ORIGINAL", "SUCCESS")
    assert sums == {
        "总交易单数": "2", "应结订单总金额": "12.50", "退款总金额": "2.50", "充值券退款总金额": "0.00",
        "手续费总金额": "0.07500", "订单总金额": "12.50", "申请退款总金额": "2.50",
    }  # fmt: skip


def test_the_layout_is_that_of_the_published_bill(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("ORDER01")
    sandbox.advance(NIGHT)
    published = data(vector("wx-bill-csv")[0]["file"])
    ours = _text(client, day).encode()
    assert ours.split(b"\r\n")[0] == published.split(b"\r\n")[0]
    assert ours.split(b"\r\n")[-3] == published.rstrip().split(b"\r\n")[-2]


@pytest.mark.parametrize("more", ["", "&bill_type=SUCCESS", "&bill_type=REFUND"])
def test_payflow_reads_the_trade_bill(client: Client, sandbox: Sandbox, day: str, more: str) -> None:
    number = client.paid("ORDER01")
    client.refund("ORDER01", 250)
    client.post(f"{PAY}/codepay", client.code_body("ORDER02", total=300))
    client.reverse("ORDER02")
    sandbox.advance(NIGHT)
    *rows, summary = read_wechat_trade([_text(client, day, more=more).encode()], day=day)
    known = {
        (BillKind.PAYMENT, "ORDER01", 1250), (BillKind.PAYMENT, "ORDER02", 300), (BillKind.REFUND, "ORDER01", 250),
        (BillKind.REVERSAL, "ORDER02", 300),
    }  # fmt: skip
    wanted = {one for one in known if not more or more.endswith("SUCCESS") is (one[0] is BillKind.PAYMENT)}
    assert {(row.kind, row.out_trade_no, row.amount) for row in rows if isinstance(row, BillRow)} == wanted
    assert number in {row.gateway_txn for row in rows if isinstance(row, BillRow)}
    assert isinstance(summary, BillSummary)
    assert summary.rows == len(wanted)


def test_payflow_reads_the_fund_flow_bill(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("ORDER01")
    client.refund("ORDER01", 250)
    sandbox.advance(NIGHT)
    *rows, summary = read_wechat_fund_flow([_text(client, day, "fundflow").encode()], day=day)
    said = [(row.kind, row.amount, row.incoming) for row in rows if isinstance(row, BillRow)]
    assert said == [(BillKind.PAYMENT, 1250, True), (BillKind.FEE, 8, False), (BillKind.REFUND, 250, False)]
    assert isinstance(summary, BillSummary)


def test_bills_of_payments_and_of_refunds_have_columns_of_their_own(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("ORDER01")
    client.refund("ORDER01", 250)
    sandbox.advance(NIGHT)
    (paid,), _ = _rows(_text(client, day, more="&bill_type=SUCCESS"))
    assert not [name for name in paid if "退款" in name]
    (back,), _ = _rows(_text(client, day, more="&bill_type=REFUND"))
    assert back["交易状态"] == "REFUND"
    assert back["退款申请时间"] <= back["退款成功时间"]


def test_a_bill_never_changes(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("ORDER01")
    sandbox.fault("refund_slow", value=3 * 86_400)
    client.refund("ORDER01", 250)
    sandbox.advance(NIGHT)
    before = _text(client, day)
    assert _rows(before)[0][1]["退款状态"] == "PROCESSING"
    sandbox.advance(3 * 86_400)
    assert sandbox.order("ORDER01").refunded == 250
    assert _text(client, day) == before


def test_a_reversed_payment_has_a_row_of_its_own(client: Client, sandbox: Sandbox, day: str) -> None:
    client.post(f"{PAY}/codepay", client.code_body("ORDER01"))
    client.reverse("ORDER01")
    sandbox.advance(NIGHT)
    rows, sums = _rows(_text(client, day))
    assert [row["交易状态"] for row in rows] == ["SUCCESS", "REVOKED"]
    assert (rows[1]["退款金额"], sums["订单总金额"], sums["退款总金额"]) == ("12.50", "12.50", "12.50")


def test_the_second_of_two_payments_is_in_the_bill(client: Client, sandbox: Sandbox, day: str) -> None:
    sandbox.fault("double_payment")
    client.paid("ORDER01")
    sandbox.advance(NIGHT)
    rows, _ = _rows(_text(client, day))
    assert [row["商户订单号"] for row in rows] == ["ORDER01", "ORDER01"]
    assert len({row["微信订单号"] for row in rows}) == 2


def test_the_fund_flow_keeps_a_balance(client: Client, sandbox: Sandbox, day: str) -> None:
    number = client.paid("ORDER01")
    sandbox.advance(60)
    client.refund("ORDER01", 250)
    sandbox.advance(NIGHT)
    rows, sums = _rows(_text(client, day, "fundflow"))
    said = [
        (row["业务类型"], row["收支类型"], row["收支金额(元)"], row["账户结余(元)"], row["业务凭证号"]) for row in rows
    ]
    assert said == [
        ("交易", "收入", "12.50", "12.50", "ORDER01"), ("扣除交易手续费", "支出", "0.08", "12.42", "ORDER01"),
        ("退款", "支出", "2.50", "9.92", "RORDER01"),
    ]  # fmt: skip
    assert [row["微信支付业务单号"] for row in rows[:2]] == [number, number]
    assert len({row["资金流水单号"] for row in rows}) == 3
    assert sums == {"资金流水总笔数": "3", "收入笔数": "1", "收入金额": "12.50", "支出笔数": "2", "支出金额": "2.58"}
    assert code(_ask(client, day, "fundflow", "&account_type=FEES")) == (400, "NO_STATEMENT_EXIST")


def test_a_packed_bill_is_hashed_before_packing(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("ORDER01")
    sandbox.advance(NIGHT)
    said = _ask(client, day, more="&tar_type=GZIP").json()
    assert "tartype=gzip" in said["download_url"]
    text = gzip.decompress(client.get(_target(said)).content)
    assert (said["hash_type"], said["hash_value"]) == ("SHA1", hashlib.sha1(text).hexdigest())
    assert text.decode() == _text(client, day)


def test_the_address_is_signed_and_the_file_is_not(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("ORDER01")
    sandbox.advance(NIGHT)
    answer = _ask(client, day)
    assert client.verifies(answer)
    file = client.get(_target(answer.json()))
    assert not [name for name in file.headers if name.lower().startswith("wechatpay-")]
    assert code(client.get(_target(answer.json()), signature="AAAA")) == (401, "SIGN_ERROR")


def test_an_address_is_good_for_five_minutes_and_for_its_merchant(
    client: Client, public: Client, sandbox: Sandbox, watch: Watch, day: str
) -> None:
    client.paid("ORDER01")
    sandbox.advance(NIGHT)
    target = _target(_ask(client, day).json())
    assert code(public.get(target)) == (403, "NO_AUTH")
    watch.ahead += 295 * 1_000_000
    assert client.get(target).status_code == 200
    watch.ahead += 10 * 1_000_000
    assert code(client.get(target)) == (403, "NO_AUTH")


def test_a_token_is_not_made_up(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("ORDER01")
    sandbox.advance(NIGHT)
    token = parse_qs(urlsplit(_ask(client, day).json()["download_url"]).query)["token"][0]
    for wrong in ("", "x", "00.00", token[:-1], token[::-1], f"{token}0", "é"):
        assert client.get(f"/v3/billdownload/file?token={wrong}").status_code == 400


def test_a_day_without_trades_has_no_bill(client: Client, sandbox: Sandbox, day: str) -> None:
    sandbox.advance(NIGHT)
    assert code(_ask(client, day)) == (400, "NO_STATEMENT_EXIST")
    assert code(_ask(client, day, "fundflow")) == (400, "NO_STATEMENT_EXIST")


def test_a_bill_takes_until_morning(client: Client, sandbox: Sandbox, day: str) -> None:
    client.paid("ORDER01")
    assert code(_ask(client, day)) == (400, "PARAM_ERROR")  # the day is not over
    sandbox.advance(12 * 3600 + 60)
    assert code(_ask(client, day)) == (400, "STATEMENT_CREATING")
    sandbox.advance(9 * 3600)
    assert _ask(client, day).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["", "bill_date=", "bill_date=20260101", "bill_date=2026-02-30", "bill_date=2099-01-01",
     "bill_date=2026-01-01&bill_type=SOME", "bill_date=2026-01-01&tar_type=ZIP"],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(client: Client, query: str) -> None:
    answer = client.get(f"/v3/bill/tradebill?{query}")
    assert code(answer) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["location"] == "query"
