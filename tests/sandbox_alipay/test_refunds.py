"""Refunds: what they answer, and what is told of them."""

from __future__ import annotations

import pytest

from payflow.sandbox import Sandbox

from .merchant import Client, Shop


def test_a_part_goes_back_and_then_the_rest(client: Client, sandbox: Sandbox) -> None:
    client.paid("A1")
    first = client.refund("A1", "2.50", "R1")
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "2.50")
    assert client.query("A1")["trade_status"] == "TRADE_SUCCESS"
    second = client.refund("A1", "10.00", "R2")
    assert (second["fund_change"], second["refund_fee"]) == ("Y", "12.50")
    assert client.query("A1")["trade_status"] == "TRADE_CLOSED"


def test_the_same_refund_again_moves_nothing(client: Client, sandbox: Sandbox) -> None:
    client.paid("A1")
    client.refund("A1", "2.50", "R1")
    again = client.refund("A1", "2.50", "R1")
    assert (again.code, again["fund_change"], again["refund_fee"]) == ("10000", "N", "2.50")
    assert client.refund("A1", "2.60", "R1").sub_code == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert sandbox.order("A1").refunded == 250


def test_a_refund_of_everything_needs_no_number(client: Client) -> None:
    client.paid("A1")
    assert client.refund("A1", "1.00").sub_code == "ACQ.INVALID_PARAMETER"
    assert client.refund("A1", "12.50")["fund_change"] == "Y"
    asked = client.call("alipay.trade.fastpay.refund.query", {"out_trade_no": "A1", "out_request_no": "A1"})
    assert asked["refund_status"] == "REFUND_SUCCESS"


def test_two_orders_may_number_their_refunds_alike(client: Client) -> None:
    client.paid("A1")
    client.paid("A2")
    assert client.refund("A1", "1.00", "1")["fund_change"] == "Y"
    assert client.refund("A2", "2.00", "1")["fund_change"] == "Y"
    assert client.refund("A2", "2.00", "1")["fund_change"] == "N"
    asked = client.call("alipay.trade.fastpay.refund.query", {"out_trade_no": "A2", "out_request_no": "1"})
    assert (asked["refund_amount"], asked["out_request_no"]) == ("2.00", "1")


@pytest.mark.parametrize(
    ("number", "amount", "sub_code"),
    [
        ("paid", "12.51", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
        ("paid", "0.00", "ACQ.INVALID_PARAMETER"),
        ("open", "1.00", "ACQ.TRADE_STATUS_ERROR"),
        ("none", "1.00", "ACQ.TRADE_NOT_EXIST"),
    ],
)
def test_a_refund_that_cannot_be_is_refused(client: Client, number: str, amount: str, sub_code: str) -> None:
    client.paid("paid")
    client.order("open")
    assert client.refund(number, amount, "R1").sub_code == sub_code


def test_a_refunded_trade_has_nothing_left(client: Client) -> None:
    client.paid("A1")
    client.refund("A1", "12.50", "R1")
    assert client.refund("A1", "0.01", "R2").sub_code == "ACQ.TRADE_HAS_CLOSE"
    assert client.refund("A1", "12.50", "R1")["fund_change"] == "N"


def test_a_seller_without_money_refunds_nothing_and_may_ask_again(client: Client, sandbox: Sandbox) -> None:
    client.paid("A1")
    sandbox.fault("refund_refused")
    assert client.refund("A1", "1.00", "R1").sub_code == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert client.refund("A1", "1.00", "R1")["fund_change"] == "Y"


def test_a_refund_under_way_has_no_status_until_it_is_made(client: Client, sandbox: Sandbox) -> None:
    client.paid("A1")
    sandbox.fault("refund_slow", value=60)
    assert client.refund("A1", "1.00", "R1")["fund_change"] == "N"
    biz = {"out_trade_no": "A1", "out_request_no": "R1", "query_options": ["gmt_refund_pay"]}
    asked = client.call("alipay.trade.fastpay.refund.query", biz)
    assert (asked["refund_amount"], "refund_status" in asked.node) == ("1.00", False)
    sandbox.advance(61)
    asked = client.call("alipay.trade.fastpay.refund.query", biz)
    assert asked["refund_status"] == "REFUND_SUCCESS"
    assert len(asked["gmt_refund_pay"]) == 19


@pytest.mark.parametrize("fault", ["refund_abnormal", "refund_closed"])
def test_a_refund_that_failed_is_made_when_it_is_asked_for_again(
    client: Client, sandbox: Sandbox, shop: Shop, fault: str
) -> None:
    client.paid("A1")
    sandbox.fault(fault)
    assert client.refund("A1", "1.00", "R1")["fund_change"] == "N"
    asked = client.call("alipay.trade.fastpay.refund.query", {"out_trade_no": "A1", "out_request_no": "R1"})
    assert "refund_status" not in asked.node
    sandbox.deliver()
    assert len(shop.got) == 1  # of a refund that was not made nothing is told
    assert client.refund("A1", "1.00", "R1")["fund_change"] == "Y"
    assert sandbox.order("A1").refunded == 100


def test_an_unknown_refund_is_a_success_that_says_nothing(client: Client) -> None:
    client.paid("A1")
    asked = client.call("alipay.trade.fastpay.refund.query", {"out_trade_no": "A1", "out_request_no": "R9"})
    assert asked.node == {"code": "10000", "msg": "Success"}


def test_where_the_money_went_is_told_on_request(client: Client) -> None:
    client.paid("A1")
    biz = {
        "out_trade_no": "A1", "refund_amount": "1.00", "out_request_no": "R1",
        "query_options": ["refund_detail_item_list"],
    }  # fmt: skip
    details = client.call("alipay.trade.refund", biz)["refund_detail_item_list"]
    assert details == [{"amount": "1.00", "fund_channel": "ALIPAYACCOUNT"}]


def test_each_of_two_payments_goes_back_by_its_own_number(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fault("double_payment")
    first = client.paid("A1")["trade_no"]
    sandbox.deliver()
    (second,) = {got["trade_no"] for got in shop.got} - {first}
    biz = {"trade_no": second, "refund_amount": "12.50", "out_request_no": "R1"}
    answer = client.call("alipay.trade.refund", biz)
    assert (answer["out_trade_no"], answer["trade_no"], answer["fund_change"]) == ("A1", second, "Y")
    assert client.call("alipay.trade.query", {"trade_no": second})["trade_status"] == "TRADE_CLOSED"
    assert client.query("A1")["trade_status"] == "TRADE_SUCCESS"
    assert client.query("A1")["trade_no"] == first
    sandbox.deliver()
    assert (shop.got[-1]["trade_no"], shop.got[-1]["out_trade_no"], shop.got[-1]["out_biz_no"]) == (second, "A1", "R1")
