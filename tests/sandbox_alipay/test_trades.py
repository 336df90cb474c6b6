"""Orders, questions about them, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from payflow.sandbox import Sandbox

from .merchant import Client


def test_a_trade_is_created_paid_and_asked_about(client: Client, sandbox: Sandbox) -> None:
    made = client.order("A1")
    assert made.code == "10000"
    assert len(made["trade_no"]) == 28
    assert client.query("A1")["trade_status"] == "WAIT_BUYER_PAY"
    assert client.query("A1")["buyer_pay_amount"] == "0.00"
    sandbox.pay("A1")
    asked = client.query("A1")
    assert (asked["trade_status"], asked["total_amount"], asked["buyer_pay_amount"]) == (
        "TRADE_SUCCESS", "12.50", "12.50",
    )  # fmt: skip
    assert asked["trade_no"] == made["trade_no"]


def test_the_trade_number_wins_over_the_merchants(client: Client) -> None:
    first = client.order("A1")
    client.order("A2")
    assert client.query("A2", trade_no=first["trade_no"])["out_trade_no"] == "A1"


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("alipay.trade.page.pay", {"product_code": "FAST_INSTANT_TRADE_PAY"}),
        ("alipay.trade.wap.pay", {"product_code": "QUICK_WAP_WAY", "quit_url": "http://127.0.0.1/back"}),
    ],
)
def test_a_page_leads_to_the_cashier_and_makes_no_trade_yet(
    client: Client, sandbox: Sandbox, method: str, more: dict[str, str]
) -> None:
    biz = {"out_trade_no": "A1", "total_amount": "0.10", "subject": "红茶", **more}
    shown = client.browse(method, biz)
    assert (shown.status_code, shown.headers["Location"]) == (302, f"{sandbox.url}/cashier/alipay/A1")
    assert client.query("A1").sub_code == "ACQ.TRADE_NOT_EXIST"
    sandbox.trades.show(sandbox.order("A1"))
    assert client.query("A1")["trade_status"] == "WAIT_BUYER_PAY"


def test_a_page_order_may_come_as_a_form(client: Client, sandbox: Sandbox) -> None:
    biz = {"out_trade_no": "A1", "total_amount": "0.10", "subject": "红茶", "product_code": "FAST_INSTANT_TRADE_PAY"}
    url, _, query = client.page_url("alipay.trade.page.pay", biz).partition("?")
    shown = requests.post(
        url, data=query, timeout=10, allow_redirects=False,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert shown.status_code == 302


def test_a_wrong_page_order_shows_what_is_wrong(client: Client) -> None:
    shown = client.browse("alipay.trade.page.pay", {"out_trade_no": "A1", "subject": "<script>"})
    assert shown.status_code == 200
    assert "ACQ.INVALID_PARAMETER" in shown.text
    forged = client.browse("alipay.trade.page.pay", {"out_trade_no": "A<b>"}, sign="AAAA")
    assert "isv.invalid-signature" in forged.text
    assert "<b>" not in forged.text


def test_a_qr_code_can_be_opened_with_a_browser(client: Client, sandbox: Sandbox) -> None:
    made = client.order("A1", method="alipay.trade.precreate")
    assert made["qr_code"] == f"{sandbox.url}/cashier/alipay/A1"
    assert client.query("A1").sub_code == "ACQ.TRADE_NOT_EXIST"


def test_an_app_order_is_opened_with_its_order_string(client: Client, sandbox: Sandbox) -> None:
    biz = {"out_trade_no": "A1", "total_amount": "0.10", "subject": "红茶"}
    order_string = client.page_url("alipay.trade.app.pay", biz).partition("?")[2]
    opened = requests.post(f"{sandbox.url}/sandbox/alipay/app", data=order_string, timeout=10)
    assert opened.json() == {
        "out_trade_no": "A1",
        "state": "prepared",
        "cashier_url": f"{sandbox.url}/cashier/alipay/A1",
    }
    assert sandbox.order("A1").product == "app"
    forged = requests.post(f"{sandbox.url}/sandbox/alipay/app", data=order_string.replace("0.10", "0.01"), timeout=10)
    assert (forged.status_code, forged.json()["sub_code"]) == (400, "isv.invalid-signature")


@pytest.mark.parametrize(
    ("auth_code", "code", "state"),
    [
        ("280000000000000001", "10000", "paid"),
        ("280000000000000002", "10003", "paying"),
        ("280000000000000003", "10003", "paying"),
        ("280000000000000004", "40004", "failed"),
        ("280000000000000005", "20000", "paid"),
        ("280000000000000006", "10003", "paying"),
        ("280000000000000007", "20000", "paying"),
        ("280000000000000099", "10000", "paid"),
        ("123", "40004", None),
    ],
)
def test_the_auth_code_chooses_what_comes_of_it(
    client: Client, sandbox: Sandbox, auth_code: str, code: str, state: str | None
) -> None:
    biz = {"out_trade_no": "A1", "total_amount": "0.10", "subject": "红茶", "auth_code": auth_code}
    assert client.call("alipay.trade.pay", biz).code == code
    found = sandbox.books.order("alipay", client.app.seller_id, "A1")
    assert (found.state if found else None) == state


def test_a_payer_who_takes_a_moment_confirms_by_itself(client: Client, sandbox: Sandbox) -> None:
    biz = {"out_trade_no": "A1", "total_amount": "0.10", "subject": "红茶", "auth_code": "280000000000000006"}
    client.call("alipay.trade.pay", biz)
    assert client.query("A1")["trade_status"] == "WAIT_BUYER_PAY"
    sandbox.advance(4)
    assert client.query("A1")["trade_status"] == "TRADE_SUCCESS"


def test_the_same_order_again_is_the_same_trade(client: Client) -> None:
    assert client.order("A1")["trade_no"] == client.order("A1")["trade_no"]
    assert client.order("A1", amount="12.51").sub_code == "ACQ.CONTEXT_INCONSISTENT"


def test_paid_and_closed_numbers_are_used_up(client: Client) -> None:
    client.paid("A1")
    client.order("A2")
    client.call("alipay.trade.close", {"out_trade_no": "A2"})
    assert client.order("A1").sub_code == "ACQ.TRADE_HAS_SUCCESS"
    assert client.order("A2").sub_code == "ACQ.TRADE_HAS_CLOSE"


@pytest.mark.parametrize(
    ("more", "sub_code"),
    [
        ({"out_trade_no": ""}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "with space"}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": "A" * 65}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "0"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "0.001"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "-1"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "1e2"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": True}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "100000000.01"}, "ACQ.TOTAL_FEE_EXCEED"),
        ({"subject": "a/b"}, "ACQ.INVALID_PARAMETER"),
        ({"subject": "茶" * 257}, "ACQ.INVALID_PARAMETER"),
        ({"timeout_express": "16d"}, "ACQ.INVALID_PARAMETER"),
        ({"timeout_express": "1.5h"}, "ACQ.INVALID_PARAMETER"),
        ({"time_expire": "tomorrow"}, "ACQ.INVALID_PARAMETER"),
        ({"time_expire": "2020-01-01 00:00:00"}, "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"),
        ({"seller_id": "2088000000000009"}, "ACQ.SELLER_NOT_EXIST"),
        ({"buyer_id": "2088000000000001"}, "ACQ.BUYER_SELLER_EQUAL"),
        ({"buyer_id": ""}, "ACQ.INVALID_PARAMETER"),
        ({"product_code": "QUICK_WAP_WAY"}, "isv.insufficient-isv-permissions"),
        ({"discountable_amount": "1.00", "undiscountable_amount": "1.00"}, "ACQ.TOTAL_FEE_EXCEED"),
    ],
)
def test_an_order_that_cannot_be_is_refused(client: Client, more: dict[str, Any], sub_code: str) -> None:
    number = str(more.pop("out_trade_no", "A1"))
    amount = more.pop("total_amount", "12.50")
    assert client.order(number, amount, **more).sub_code == sub_code


@pytest.mark.parametrize("amount", ["0.1", "100000000", 5, 0.29])
def test_amounts_may_be_written_shorter_or_as_numbers(client: Client, amount: Any) -> None:
    assert client.order("A1", amount).code == "10000"


@pytest.mark.parametrize(("timeout", "seconds"), [("1m", 60), ("2h", 7200), ("15d", 15 * 86_400)])
def test_an_order_ends_when_it_said(client: Client, sandbox: Sandbox, timeout: str, seconds: int) -> None:
    client.order("A1", timeout_express=timeout)
    sandbox.advance(seconds - 5)
    assert client.query("A1")["trade_status"] == "WAIT_BUYER_PAY"
    sandbox.advance(6)
    assert client.query("A1")["trade_status"] == "TRADE_CLOSED"


def test_a_qr_code_is_good_for_two_hours_at_most(client: Client, sandbox: Sandbox) -> None:
    client.order("A1", method="alipay.trade.precreate", timeout_express="1d")
    sandbox.advance(7300)
    assert sandbox.order("A1").state == "closed"
    assert client.query("A1").sub_code == "ACQ.TRADE_NOT_EXIST"


def test_only_an_unpaid_trade_can_be_closed(client: Client) -> None:
    client.order("A1")
    client.paid("A2")
    assert client.call("alipay.trade.close", {"out_trade_no": "A1"}).code == "10000"
    assert client.query("A1")["trade_status"] == "TRADE_CLOSED"
    assert client.call("alipay.trade.close", {"out_trade_no": "A1"}).sub_code == "ACQ.TRADE_STATUS_ERROR"
    assert client.call("alipay.trade.close", {"out_trade_no": "A2"}).sub_code == "ACQ.TRADE_STATUS_ERROR"
    assert client.call("alipay.trade.close", {"out_trade_no": "A3"}).sub_code == "ACQ.TRADE_NOT_EXIST"


def test_cancelling_closes_what_is_unpaid_and_refunds_what_is_paid(client: Client, sandbox: Sandbox) -> None:
    client.order("A1")
    client.paid("A2")
    closed = client.call("alipay.trade.cancel", {"out_trade_no": "A1"})
    refunded = client.call("alipay.trade.cancel", {"out_trade_no": "A2"})
    nothing = client.call("alipay.trade.cancel", {"out_trade_no": "A3"})
    assert (closed["action"], closed["retry_flag"]) == ("close", "N")
    assert refunded["action"] == "refund"
    assert (nothing.code, "action" in nothing.node) == ("10000", False)
    assert client.query("A2")["trade_status"] == "TRADE_CLOSED"
    assert sandbox.order("A2").refunded == 1250
    assert client.call("alipay.trade.cancel", {"out_trade_no": "A2"})["action"] == "refund"


def test_a_trade_is_cancelled_within_a_day_or_not_at_all(client: Client, sandbox: Sandbox) -> None:
    client.paid("A1")
    sandbox.advance(86_500)
    late = client.call("alipay.trade.cancel", {"out_trade_no": "A1"})
    assert (late.sub_code, late["retry_flag"]) == ("ACQ.TRADE_CANCEL_TIME_OUT", "N")


def test_a_buyer_without_a_user_id_is_known_by_open_id(client: Client, sandbox: Sandbox) -> None:
    biz = {"out_trade_no": "A1", "total_amount": "1.00", "subject": "t", "buyer_open_id": "open_1"}
    client.call("alipay.trade.create", biz)
    sandbox.pay("A1")
    asked = client.query("A1")
    assert asked["buyer_open_id"] == "open_1"
    assert "buyer_user_id" not in asked.node


def test_the_calls_stand_in_the_books(client: Client, sandbox: Sandbox) -> None:
    client.order("A1")
    client.query("A2")
    last, first = sandbox.books.newest_calls()
    assert (first.operation, first.out_trade_no, first.code, first.status) == ("charge", "A1", "10000", 200)
    assert (last.operation, last.out_trade_no, last.code) == ("query", "A2", "ACQ.TRADE_NOT_EXIST")
