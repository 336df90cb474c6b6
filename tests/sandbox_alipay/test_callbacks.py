"""Callbacks, when they are sent and what they say; and the way back from the cashier."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
import requests

from payflow.sandbox import Sandbox
from payflow.sandbox.alipay.side import SCHEDULE, AlipaySide

from .merchant import Client, Shop, is_genuine


def test_a_payment_is_told(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    paid = client.paid("A1")
    sandbox.deliver()
    (got,) = shop.got
    assert is_genuine(got, sandbox.material.key("alipay"))
    assert (got["trade_status"], got["trade_no"], got["total_amount"]) == ("TRADE_SUCCESS", paid["trade_no"], "12.50")
    assert (got["app_id"], got["seller_id"]) == ("2021000000000001", "2088000000000001")
    assert (got["buyer_id"], got["subject"]) == ("2088000000000002", "红茶")
    assert json.loads(got["fund_bill_list"]) == [{"amount": "12.50", "fundChannel": "ALIPAYACCOUNT"}]
    assert "refund_fee" not in got
    assert shop.headers[0]["Content-Type"] == "application/x-www-form-urlencoded; text/html; charset=utf-8"
    assert sandbox.books.callbacks_of(sandbox.order("A1"))[0].state == "delivered"


def test_what_was_ordered_with_is_given_back(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.order("A1", passback_params="a%3D1", body="一百克")
    sandbox.pay("A1")
    sandbox.deliver()
    assert (shop.got[0]["passback_params"], shop.got[0]["body"]) == ("a%3D1", "一百克")


def test_refunds_are_told_with_their_sum(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.paid("A1")
    client.refund("A1", "2.50", "R1")
    client.refund("A1", "10.00", "R2")
    sandbox.deliver()
    told = {got["out_biz_no"]: got for got in shop.got if "out_biz_no" in got}
    assert (told["R1"]["trade_status"], told["R1"]["refund_fee"]) == ("TRADE_SUCCESS", "2.50")
    assert (told["R2"]["trade_status"], told["R2"]["refund_fee"]) == ("TRADE_CLOSED", "12.50")
    assert "gmt_close" in told["R2"]
    assert "gmt_close" not in told["R1"]
    assert len({got["notify_id"] for got in shop.got}) == 3


def test_a_closed_trade_is_told(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.order("A1")
    client.call("alipay.trade.close", {"out_trade_no": "A1"})
    sandbox.deliver()
    assert (shop.got[0]["trade_status"], "gmt_payment" in shop.got[0]) == ("TRADE_CLOSED", False)


@pytest.mark.parametrize(
    ("status", "says"), [(200, b"SUCCESS"), (200, b"success\n"), (200, b""), (500, b"success"), (302, b"success")]
)
def test_only_the_seven_letters_are_enough(
    client: Client, sandbox: Sandbox, shop: Shop, status: int, says: bytes
) -> None:
    shop.status, shop.says = status, says
    client.paid("A1")
    sandbox.deliver()
    assert sandbox.books.callbacks_of(sandbox.order("A1"))[0].state == "waiting"


def test_a_callback_is_sent_again_on_alipays_schedule_with_the_same_id(
    client: Client, sandbox: Sandbox, shop: Shop
) -> None:
    shop.says = b"fail"
    client.paid("A1")
    sandbox.deliver()
    for sent, seconds in enumerate(SCHEDULE, start=1):
        sandbox.advance(seconds - 2)
        assert len(shop.got) == sent
        sandbox.advance(3)
        assert len(shop.got) == sent + 1
    assert sandbox.books.callbacks_of(sandbox.order("A1"))[0].state == "given_up"
    assert len({got["notify_id"] for got in shop.got}) == 1


def test_gbk_orders_get_gbk_callbacks(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    biz = {"out_trade_no": "A1", "total_amount": "1.00", "subject": "龙井茶", "buyer_id": "2088000000000002"}
    client.call("alipay.trade.create", biz, charset="gbk", notify_url=shop.url)
    sandbox.pay("A1")
    sandbox.deliver()
    assert shop.got[0]["subject"] == "龙井茶"
    assert b"subject=%C1%FA%BE%AE%B2%E8" in shop.bodies[0]
    assert is_genuine(shop.got[0], sandbox.material.key("alipay"), "gb18030")


@pytest.mark.parametrize("fault", ["callback_bad_signature", "callback_signtest"])
def test_a_wrong_signature_is_sent_once(client: Client, sandbox: Sandbox, shop: Shop, fault: str) -> None:
    shop.says = b"fail"
    sandbox.fault(fault)
    client.paid("A1")
    sandbox.deliver()
    sandbox.advance(SCHEDULE[0] + 1)
    assert [is_genuine(got, sandbox.material.key("alipay")) for got in shop.got] == [False, True]


def test_a_wrong_amount_is_signed_all_the_same(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fault("callback_wrong_amount")
    client.paid("A1")
    sandbox.deliver()
    assert shop.got[0]["total_amount"] == "12.51"
    assert is_genuine(shop.got[0], sandbox.material.key("alipay"))


def test_a_second_payment_has_a_number_of_its_own(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fault("double_payment")
    client.paid("A1")
    sandbox.deliver()
    assert len({got["trade_no"] for got in shop.got}) == len({got["notify_id"] for got in shop.got}) == 2


def test_copies_of_a_callback_have_one_id(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fault("callback_duplicate", value=2)
    client.paid("A1")
    sandbox.deliver()
    assert len(shop.got) == 3
    assert len({got["notify_id"] for got in shop.got}) == 1


def test_alipay_confirms_that_it_has_sent_a_callback(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.paid("A1")
    sandbox.deliver()
    address = f"{sandbox.url}/alipay/notify_verify"
    known = {"partner": "2088000000000001", "notify_id": shop.got[0]["notify_id"]}
    assert requests.get(address, params=known, timeout=10).text == "true"
    assert requests.get(address, params=known | {"notify_id": "1"}, timeout=10).text == "false"


def test_certified_apps_get_callbacks_by_the_certificate_in_use(
    certified: Client, sandbox: Sandbox, shop: Shop
) -> None:
    certified.paid("A1")
    sandbox.deliver()
    sandbox.sides["alipay"].rotate()
    certified.paid("A2")
    sandbox.deliver()
    assert [got["app_id"] for got in shop.got] == ["2021000000000002"] * 2
    assert is_genuine(shop.got[0], sandbox.material.key("alipay"))
    assert is_genuine(shop.got[1], sandbox.material.key("alipay_next"))


def test_the_browser_comes_back_with_signed_facts(client: Client, sandbox: Sandbox) -> None:
    biz = {"out_trade_no": "A1", "total_amount": "0.10", "subject": "t", "product_code": "FAST_INSTANT_TRADE_PAY"}
    client.browse("alipay.trade.page.pay", biz, return_url="http://127.0.0.1/back?lang=zh")
    paid = sandbox.pay("A1")
    side = sandbox.sides["alipay"]
    assert isinstance(side, AlipaySide)
    address, _, query = side.return_address(paid).partition("?lang=zh&")
    got = dict(parse_qsl(query))
    assert address == "http://127.0.0.1/back"
    assert is_genuine(got, sandbox.material.key("alipay"))
    assert (got["method"], got["trade_no"]) == ("alipay.trade.page.pay.return", paid.number)
    assert set(got) == {
        "charset", "out_trade_no", "method", "total_amount", "sign", "trade_no", "auth_app_id", "version", "app_id",
        "sign_type", "seller_id", "timestamp",
    }  # fmt: skip


def test_without_a_return_address_the_browser_stays(client: Client, sandbox: Sandbox) -> None:
    client.order("A1")
    side = sandbox.sides["alipay"]
    assert isinstance(side, AlipaySide)
    assert side.return_address(sandbox.order("A1")) == ""
