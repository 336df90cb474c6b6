"""What goes wrong with an order, and with its callbacks, at both gateways: in the end both sides agree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payflow.sandbox.alipay import refunding
from payflow.sandbox.alipay.showing import Said
from payflow.sandbox.faults import CALLBACK_FAULTS, ORDER_FAULTS

from .conftest import MakeWorld
from .world import ALIPAY, WECHAT, World

GATEWAYS = ("alipay", "wechat")
#: kind → how a refund that it strikes ends at each gateway.
REFUNDS = {
    ("alipay", "refund_slow"): "succeeded", ("wechat", "refund_slow"): "succeeded",
    ("wechat", "refund_closed"): "failed",
    ("alipay", "refund_abnormal"): "succeeded",
    ("alipay", "refund_closed"): "succeeded",
    ("alipay", "refund_refused"): "succeeded", ("wechat", "refund_refused"): "succeeded",
}  # fmt: skip


def test_every_fault_of_an_order_has_a_drill_here() -> None:
    drilled = {kind for _, kind in REFUNDS} | {"late_payment", "double_payment", "pays_by_itself"}
    assert drilled == set(ORDER_FAULTS)


@pytest.mark.parametrize(("gateway", "kind"), REFUNDS)
def test_a_refund_that_meets_trouble_ends_as_the_far_side_says(drill: World, gateway: str, kind: str) -> None:
    payment = drill.paid(gateway)
    drill.sandbox.fault(kind, out_trade_no=payment.out_trade_no)
    back = drill.refund(payment, 500)
    drill.calm()
    drill.agree()
    assert drill.flow.store.history(payment.id).refunds[0].status == REFUNDS[gateway, kind]  # type: ignore[union-attr]
    if REFUNDS[gateway, kind] == "failed":  # its number is spent; another refund is asked for by the host
        again = drill.refund(payment, 500, key="once-more")
        assert again.out_refund_no != back.out_refund_no
        drill.calm()
        drill.agree()
    assert drill.now(payment).refunded == 500


@pytest.mark.parametrize("to", ["merchant", "user"])
@pytest.mark.parametrize("account", WECHAT)
def test_a_refund_that_no_card_takes_stays_reserved_until_it_goes_elsewhere(
    drill: World, account: str, to: str
) -> None:
    payment = drill.paid(account)
    drill.sandbox.fault("refund_abnormal", out_trade_no=payment.out_trade_no)
    drill.refund(payment, 500)
    for _ in range(4):
        drill.clock.forward(20)
        drill.sandbox.deliver()
        drill.worker.round()
    (back,) = drill.refunds_of(payment)
    assert (back.status, drill.now(payment).reserved, drill.now(payment).refunded) == ("processing", 500, 0)
    card = {"bank_type": "ICBC_DEBIT", "bank_account": "6222020000000000000", "real_name": "张三"}
    gateway: Any = drill.flow.gateways[account]
    gateway.apply_abnormal_refund(drill.now(payment), back, to=to, **(card if to == "user" else {}))
    drill.calm()
    drill.agree()
    assert drill.now(payment).refunded == 500


@pytest.mark.parametrize("account", ALIPAY + WECHAT)
def test_a_payer_who_pays_by_himself_is_seen(drill: World, account: str) -> None:
    number = f"by_itself_{account.replace('-', '_')}"
    drill.sandbox.fault("pays_by_itself", out_trade_no=number, value=3)
    payment = drill.pay(account, out_trade_no=number).payment
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "paid"


@pytest.mark.parametrize("lost", [False, True], ids=["callback", "no callback"])
@pytest.mark.parametrize("policy", ["refund", "accept", "hold"])
@pytest.mark.parametrize("account", GATEWAYS)
def test_f015_money_that_comes_after_the_closing_goes_by_policy(
    make_world: MakeWorld, account: str, policy: str, lost: bool
) -> None:
    world = make_world({"policies": {"late_payment": policy}})
    payment = world.pay(account).payment
    world.sandbox.trades.show(world.sandbox.order(payment.out_trade_no))
    if lost:  # the first one at least; it is sent again
        world.sandbox.fault("callback_late", out_trade_no=payment.out_trade_no, value=4000)
    world.sandbox.fault("late_payment", out_trade_no=payment.out_trade_no)
    world.flow.cancel(payment.id)
    assert world.now(payment).status == "cancelled"
    world.clock.forward(2)
    world.calm()
    world.agree()
    ended = {"refund": ("cancelled", "resolved"), "accept": ("paid", "resolved"), "hold": ("cancelled", "open")}
    status, incident = ended[policy]
    assert world.now(payment).status == status
    assert world.incidents(payment) == [("late_payment", incident)]
    assert world.sandbox.order(payment.out_trade_no).refunded == (1250 if policy == "refund" else 0)


@pytest.mark.parametrize("account", ALIPAY + WECHAT)
def test_f016_who_pays_twice_gets_the_second_payment_back(drill: World, account: str) -> None:
    payment = drill.pay(account).payment
    drill.sandbox.fault("double_payment", out_trade_no=payment.out_trade_no)
    drill.payer_pays(payment)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "paid"
    assert drill.incidents(payment) == [("double_payment", "resolved")]
    orders = [one for one in drill.books.newest_orders(1000) if one.merchants_no == payment.out_trade_no]
    assert sorted(one.refunded for one in orders) == [0, 1250]


@pytest.mark.parametrize("kind", CALLBACK_FAULTS)
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_callback_that_meets_trouble_changes_nothing_in_the_end(drill: World, gateway: str, kind: str) -> None:
    payment = drill.pay(gateway).payment
    drill.sandbox.fault(kind, out_trade_no=payment.out_trade_no, times=-1)
    drill.payer_pays(payment)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "paid"
    assert drill.incidents(payment) == ([("amount_mismatch", "open")] if kind == "callback_wrong_amount" else [])
    drill.sandbox.fault(kind, out_trade_no=payment.out_trade_no, times=-1)
    drill.refund(payment, 250)
    drill.sandbox.deliver()
    drill.refund(payment)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "refunded"
    told = [message.kind for message in drill.told if message.payment_id == payment.id]
    assert (told.count("payment.paid"), told.count("payment.refunded")) == (1, 1)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_f011_notices_in_any_order_come_to_the_same(drill: World, gateway: str) -> None:
    payment = drill.pay(gateway).payment
    drill.sandbox.fault("callback_reordered", out_trade_no=payment.out_trade_no, value=900)
    drill.payer_pays(payment)
    drill.flow.query(payment.id)
    drill.refund(payment)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "refunded"
    assert json.loads(drill.now(payment).next_action) == {}


def test_f028_an_empty_refund_status_says_no_more_than_none(drill: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refund did not come to be, and the field that would say so is there without a word in it."""
    payment = drill.paid("alipay")
    monkeypatch.setattr(refunding, "success", lambda **said: Said({"code": "10000", "msg": "Success", **said}))
    drill.sandbox.fault("refund_closed", out_trade_no=payment.out_trade_no)
    back = drill.refund(payment, 500)
    drill.calm()
    drill.agree()
    assert drill.now(payment).refunded == 500
    assert [one.out_refund_no for one in drill.refunds_of(payment)] == [back.out_refund_no]


@pytest.mark.parametrize("channel", ["qr", "page", "wap", "app"])
@pytest.mark.parametrize("account", ALIPAY)
def test_f015_what_alipay_cannot_close_yet_is_still_payable_and_goes_back(
    drill: World, account: str, channel: str
) -> None:
    """Alipay makes the trade when its payer comes: until then there is nothing there to close."""
    result = drill.pay(account, channel)
    payment = result.payment
    if channel == "app":  # the payer's phone has it already
        drill.open_as_payer(result.next_action)
    drill.flow.cancel(payment.id)
    assert drill.now(payment).status == "cancelled"
    drill.click(drill.open_as_payer(result.next_action))
    drill.calm()
    drill.agree()
    assert drill.incidents(payment) == [("late_payment", "resolved")]
    assert drill.sandbox.order(payment.out_trade_no).refunded == 1250
