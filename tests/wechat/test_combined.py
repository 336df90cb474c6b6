"""Several orders paid by one payment of the payer's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payflow.clock import system_clock
from payflow.errors import CallbackRefused, InvalidRequest
from payflow.gateway import EventKind, Outcome
from payflow.gateways.wechat import WeChat
from payflow.records import Payment

from .far_side import NOTIFY_URL, FarSide, Reply, error
from .scenes import PAYER, order

BASE = "/v3/combine-transactions"
WHOLE = "WHOLE_0001"
ONE = f"{BASE}/out-trade-no/{WHOLE}"
NUMBERS = ("COFFEE_001", "CAKE_00001")


def part(gateway: WeChat, number: str, channel: str = "qr", **other: Any) -> Payment:
    said = {**PAYER[channel], "client_ip": "203.0.113.7", "combine_out_trade_no": WHOLE}
    return order(gateway, channel, out_trade_no=number, metadata=said, expected=1, **other)


def parts(gateway: WeChat, channel: str = "qr") -> list[Payment]:
    return [part(gateway, NUMBERS[0], channel), part(gateway, NUMBERS[1], channel, amount=900)]


def told(far: FarSide, *states: str, **changes: Any) -> dict[str, Any]:
    orders = []
    for number, state, total in zip(NUMBERS, states, (1250, 900), strict=True):
        paid = {"transaction_id": f"42000000{number}", "success_time": "2026-01-31T08:00:00+08:00"}
        amount = {"total_amount": total, "payer_amount": total - 100, "currency": "CNY"}
        orders.append({
            "mchid": far.signer.mchid, "trade_type": "JSAPI", "trade_state": state, "attach": "a",
            "out_trade_no": number, "amount": amount, **(paid if state == "SUCCESS" else {}),
        })  # fmt: skip
    whole = {"combine_appid": far.signer.appid, "combine_mchid": far.signer.mchid, "combine_out_trade_no": WHOLE}
    return {**whole, "sub_orders": orders, **changes}


def kinds(events: Any) -> list[EventKind]:
    return [event.kind for event in events]


@pytest.mark.parametrize(("channel", "path"), [("qr", "native"), ("jsapi", "jsapi"), ("mini_program", "miniprogram")])
def test_what_is_sent(far: FarSide, channel: str, path: str) -> None:
    answered = {"code_url": "weixin://wxpay/bizpayurl?pr=1", "prepay_id": "wx1"}
    far.says("POST", f"{BASE}/{path}", Reply(body=answered))
    gateway = far.gateway()
    answer = gateway.combined.charge(WHOLE, parts(gateway, channel))
    assert answer.outcome is Outcome.CONFIRMED
    assert answer.next_action is not None
    assert answer.next_action.kind == ("qr" if channel == "qr" else "mini_program")
    said = far.heard[0].said
    assert (said["combine_appid"], said["combine_mchid"], said["combine_out_trade_no"]) == (
        far.signer.appid, far.signer.mchid, WHOLE,
    )  # fmt: skip
    assert said["scene_info"] == {"payer_client_ip": "203.0.113.7"}
    assert said["notify_url"] == NOTIFY_URL
    assert said["sub_orders"][1] == {
        "mchid": far.signer.mchid, "attach": NUMBERS[1], "amount": {"total_amount": 900, "currency": "CNY"},
        "out_trade_no": NUMBERS[1], "description": "拿铁 latte",
    }  # fmt: skip
    assert ("combine_payer_info" in said) is (channel != "qr")


@pytest.mark.parametrize("which", ["none", "two channels", "barcode", "twice", "another whole", "no address", "51"])
def test_what_can_never_be_one_order(far: FarSide, which: str) -> None:
    gateway = far.gateway()
    two = parts(gateway)
    wrong: list[Payment] = {
        "none": [],
        "two channels": [two[0], part(gateway, NUMBERS[1], "jsapi")],
        "barcode": [part(gateway, NUMBERS[0], "barcode")],
        "twice": [two[0], two[0]],
        "another whole": [
            two[0],
            order(gateway, out_trade_no=NUMBERS[1], metadata={"combine_out_trade_no": "OTHER_1"}),
        ],
        "no address": [order(gateway, metadata={"combine_out_trade_no": WHOLE})],
        "51": [part(gateway, f"ORDER_{number:05}") for number in range(51)],
    }[which]
    with pytest.raises(InvalidRequest):
        gateway.combined.charge(WHOLE, wrong)
    assert far.heard == []


@pytest.mark.parametrize(
    ("states", "outcome"),
    [(("SUCCESS", "SUCCESS"), Outcome.CONFIRMED), (("NOTPAY", "NOTPAY"), Outcome.UNKNOWN),
     (("CLOSED", "CLOSED"), Outcome.REJECTED), (("SUCCESS", "REFUND"), Outcome.UNKNOWN)],
)  # fmt: skip
def test_a_refused_order_is_asked_about(far: FarSide, states: tuple[str, str], outcome: Outcome) -> None:
    far.says("POST", f"{BASE}/native", error(403, "OUT_TRADE_NO_USED"))
    far.says("GET", ONE, Reply(body=told(far, *states)))
    gateway = far.gateway()
    assert gateway.combined.charge(WHOLE, parts(gateway)).outcome is outcome


def test_a_refused_order_that_is_not_there(far: FarSide) -> None:
    far.says("POST", f"{BASE}/native", error(400, "INVALID_REQUEST"))
    far.says("GET", ONE, error(404, "ORDER_NOT_EXIST"))
    gateway = far.gateway()
    assert gateway.combined.charge(WHOLE, parts(gateway)).outcome is Outcome.REJECTED


def test_a_query_about_one_of_them_asks_for_the_whole(far: FarSide) -> None:
    far.says("GET", ONE, Reply(body=told(far, "SUCCESS", "SUCCESS")))
    gateway = far.gateway()
    answer = gateway.query(part(gateway, NUMBERS[0]))
    assert (answer.outcome, kinds(answer.events)) == (Outcome.CONFIRMED, [EventKind.PAID] * 2)
    first, second = answer.events
    assert (first.out_trade_no, first.amount, first.key) == (NUMBERS[0], 1250, f"paid:42000000{NUMBERS[0]}")
    assert (second.amount, second.merchant, second.app) == (900, far.signer.mchid, far.signer.appid)
    assert first.words["combine_out_trade_no"] == WHOLE


def test_a_whole_that_does_not_have_it_says_nothing_of_it(far: FarSide) -> None:
    far.says("GET", ONE, Reply(body=told(far, "SUCCESS", "SUCCESS")))
    gateway = far.gateway()
    assert gateway.query(part(gateway, "SOMETHING1")).outcome is Outcome.UNKNOWN


def test_an_answer_about_another_whole(far: FarSide) -> None:
    far.says("GET", ONE, Reply(body=told(far, "SUCCESS", "SUCCESS", combine_out_trade_no="WHOLE_0002")))
    gateway = far.gateway()
    answer = gateway.query(part(gateway, NUMBERS[0]))
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())


def test_closing_one_closes_all(far: FarSide) -> None:
    far.says("GET", ONE, Reply(body=told(far, "NOTPAY", "NOTPAY")), Reply(body=told(far, "CLOSED", "CLOSED")))
    far.says("POST", f"{ONE}/close", Reply(204))
    gateway = far.gateway()
    answer = gateway.close(part(gateway, NUMBERS[0]))
    assert (answer.outcome, kinds(answer.events)) == (Outcome.CONFIRMED, [EventKind.CLOSED] * 2)
    orders = [{"mchid": far.signer.mchid, "out_trade_no": number} for number in NUMBERS]
    assert far.heard[1].said == {"combine_appid": far.signer.appid, "sub_orders": orders}


@pytest.mark.parametrize(
    ("found", "outcome"), [("SUCCESS", Outcome.REJECTED), ("CLOSED", Outcome.CONFIRMED), ("", Outcome.NOT_FOUND)]
)
def test_what_is_not_open_is_not_closed(far: FarSide, found: str, outcome: Outcome) -> None:
    far.says("GET", ONE, Reply(body=told(far, found, found)) if found else error(404, "ORDER_NOT_EXIST"))
    gateway = far.gateway()
    assert gateway.close(part(gateway, NUMBERS[0])).outcome is outcome
    assert [heard.method for heard in far.heard] == ["GET"]


def test_a_close_without_an_answer_is_unknown(far: FarSide) -> None:
    far.says("GET", ONE, Reply(body=told(far, "NOTPAY", "NOTPAY")))
    far.says("POST", f"{ONE}/close", error(500, "SYSTEM_ERROR"))
    gateway = far.gateway()
    assert gateway.close(part(gateway, NUMBERS[0])).outcome is Outcome.UNKNOWN


# -- notifications ---


def test_a_notification_states_one_fact_for_each_order(far: FarSide) -> None:
    now = system_clock()
    callback = far.signer.callback(told(far, "SUCCESS", "SUCCESS"), now=now)
    far.says("GET", ONE, Reply(body=told(far, "SUCCESS", "SUCCESS")))
    gateway = far.gateway()
    events = gateway.read(callback, now)
    assert [(event.kind, event.source) for event in events] == [(EventKind.PAID, "callback")] * 2
    asked = gateway.query(part(gateway, NUMBERS[0])).events
    assert [event.key for event in events] == [event.key for event in asked]
    assert all(json.loads(event.proof)["body"] == callback.body.decode() for event in events)


@pytest.mark.parametrize(
    "orders",
    [[], None, {}, "x", [1], [[]], [{}], [{"out_trade_no": "A00001"}] * 51,
     [{"out_trade_no": "A00001", "trade_state": "CLOSED"}] * 2, [{"out_trade_no": "A00001", "amount": 5}]],
)  # fmt: skip
def test_b143_orders_that_are_none(far: FarSide, orders: Any) -> None:
    now = system_clock()
    with pytest.raises(CallbackRefused) as caught:
        far.gateway().read(far.signer.callback(told(far, "SUCCESS", "SUCCESS", sub_orders=orders), now=now), now)
    assert caught.value.status == 400
