"""The codes payers show at the counter: their last two digits say what comes of it."""

from __future__ import annotations

import pytest

from .world import ACCOUNTS, World, kind_of

CODES = {"alipay": "28763443825664{:02d}", "wechat": "1300000000000000{:02d}"}


def shown(world: World, account: str, ending: int) -> str:
    metadata = {"auth_code": CODES[kind_of(account)].format(ending)}
    return world.pay(account, "barcode", 1250, metadata=metadata).payment.id


def ask_again(world: World, payment_id: str, rounds: int) -> None:
    for _ in range(rounds):
        due = world.flow.payment(payment_id).next_check_at
        if due is not None:
            world.clock.until(due)
        world.worker.round()


@pytest.mark.parametrize("account", ACCOUNTS)
def test_01_is_paid_at_once_and_goes_back_in_two_parts(drill: World, account: str) -> None:
    payment = drill.flow.payment(shown(drill, account, 1))
    assert (payment.status, payment.captured) == ("paid", 1250)
    drill.refund(payment, 1000)
    drill.refund(payment)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "refunded"


@pytest.mark.parametrize("account", ACCOUNTS)
def test_02_is_asked_about_until_the_payer_has_entered_the_password(drill: World, account: str) -> None:
    payment_id = shown(drill, account, 2)
    assert drill.flow.next_action(drill.flow.payment(payment_id)).kind == "wait"
    ask_again(drill, payment_id, 3)
    assert drill.flow.payment(payment_id).status == "pending"
    drill.payer_pays(drill.flow.payment(payment_id))
    ask_again(drill, payment_id, 1)
    assert drill.flow.payment(payment_id).status == "paid"
    drill.calm()
    drill.agree()


@pytest.mark.parametrize("account", ACCOUNTS)
def test_03_is_cancelled_when_its_time_is_over(drill: World, account: str) -> None:
    payment = drill.flow.payment(shown(drill, account, 3))
    assert payment.status == "pending"
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "cancelled"
    # Alipay was told when its time is over and closes it by itself; WeChat Pay has to be asked to reverse it.
    order = drill.sandbox.order(payment.out_trade_no)
    assert order.state == ("closed" if kind_of(account) == "alipay" else "reversed")


@pytest.mark.parametrize("account", ACCOUNTS)
def test_04_is_refused(drill: World, account: str) -> None:
    payment = drill.flow.payment(shown(drill, account, 4))
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "failed"


@pytest.mark.parametrize("account", ACCOUNTS)
def test_05_has_no_answer_and_is_paid_all_the_same(drill: World, account: str) -> None:
    payment = drill.flow.payment(shown(drill, account, 5))
    assert payment.status in ("pending", "paid")
    ask_again(drill, payment.id, 2)
    assert drill.now(payment).status == "paid"
    drill.calm()
    drill.agree()
    assert len(drill.calls(payment, "charge")) == 1


@pytest.mark.parametrize("ending", [6, 7])
def test_a_payer_who_takes_his_time_at_alipay(drill: World, ending: int) -> None:
    """06: the payer confirms after three seconds. 07: no answer, and the payer has still to confirm."""
    payment = drill.flow.payment(shown(drill, "alipay", ending))
    assert payment.status == "pending"
    if ending == 7:
        drill.payer_pays(payment)
    drill.clock.forward(4)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "paid"


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_f014_who_pays_while_we_cancel_is_paid_and_not_given_back(drill: World, account: str) -> None:
    payment = drill.flow.payment(shown(drill, account, 2))
    drill.sandbox.trades.pay(drill.sandbox.order(payment.out_trade_no))
    drill.flow.cancel(payment.id)
    assert drill.now(payment).status == "paid"
    drill.calm()
    drill.agree()
    assert drill.sandbox.order(payment.out_trade_no).refunded == 0


@pytest.mark.parametrize("account", ["alipay", "wechat"])
@pytest.mark.parametrize("silence", ["drop_before", "drop_after", "bad_gateway_after", "unsigned", "malformed", "busy"])
def test_a_cancelling_without_an_answer_is_asked_about_and_done_again(drill: World, account: str, silence: str) -> None:
    payment = drill.flow.payment(shown(drill, account, 3))
    drill.sandbox.fault(silence, operation="close", out_trade_no=payment.out_trade_no, times=4)
    drill.flow.cancel(payment.id)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "cancelled"


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("late", [0, 30])
def test_f014_who_pays_between_our_question_and_our_cancelling_has_the_money_back(
    drill: World, account: str, late: int
) -> None:
    """Cancelling gives back what is paid by then. Where we are told of the payment as well, a person is told of it."""
    payment = drill.flow.payment(shown(drill, account, 2))
    drill.sandbox.fault("stale_query", out_trade_no=payment.out_trade_no)
    drill.sandbox.fault("callback_late" if late else "callback_lost", out_trade_no=payment.out_trade_no, value=late)
    drill.sandbox.trades.pay(drill.sandbox.order(payment.out_trade_no))
    drill.flow.cancel(payment.id)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "cancelled"
    assert drill.sandbox.order(payment.out_trade_no).refunded == 1250
    if late and kind_of(account) == "alipay":
        assert ("late_payment", "open") in drill.incidents(payment)
