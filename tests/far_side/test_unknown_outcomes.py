"""The unknown outcome drill: never a second order number, never a second refund number, never FAILED from silence."""

from __future__ import annotations

from itertools import count

import pytest

from payflow.records import Payment

from .world import ALIPAY, WECHAT, World

#: What happens to the call → the fault, and whether it was done all the same.
SILENCES = {
    "request lost": "drop_before",
    "answer lost": "drop_after",
    "5xx after commit": "bad_gateway_after",
    "their own error after commit": "system_error_after",
    "5xx, nothing done": "bad_gateway",
    "their own error, nothing done": "system_error",
    "unsigned": "unsigned",
    "another key's signature": "bad_signature",
    "malformed": "malformed",
}
#: One product of each gateway every time, the others where there is time.
QUICK = (("alipay", "qr"), ("wechat", "jsapi"))
CHARGES = [
    pytest.param(account, channel, marks=() if (account, channel) in QUICK else pytest.mark.slow)
    for accounts, channels in ((ALIPAY, ("qr", "mini_program")), (WECHAT, ("jsapi", "app", "h5", "qr")))
    for account in accounts
    for channel in channels
]
_numbers = count(1)


def ordered(world: World, account: str, channel: str, minor: int = 1250, **fault: str) -> Payment:
    """A payment whose calls go wrong again and again from the first one on."""
    number = f"unknown_{next(_numbers):05d}"
    for operation, kind in fault.items():
        world.sandbox.fault(kind, operation=operation, out_trade_no=number, times=-1)
    return world.pay(account, channel, minor, out_trade_no=number).payment


def time_passes(world: World, payment: Payment, rounds: int) -> None:
    for _ in range(rounds):
        now = world.now(payment)
        assert now.status != "failed"
        if now.next_check_at is None:
            return
        world.clock.until(now.next_check_at)
        world.worker.round()


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize(("account", "channel"), CHARGES)
def test_f018_an_order_whose_outcome_is_unknown_keeps_its_number(
    drill: World, account: str, channel: str, silence: str
) -> None:
    payment = ordered(drill, account, channel, charge=SILENCES[silence])
    assert drill.now(payment).status == "pending"
    time_passes(drill, payment, 3)
    assert drill.now(payment).status == "pending"
    drill.no_more_faults()
    time_passes(drill, payment, 3)
    drill.payer_pays(payment)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "paid"


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_f025_a_refund_whose_outcome_is_unknown_keeps_its_number(drill: World, account: str, silence: str) -> None:
    payment = drill.paid(account, "qr", 1000)
    drill.sandbox.fault(SILENCES[silence], operation="refund", out_trade_no=payment.out_trade_no, times=-1)
    back = drill.refund(payment, 300)
    assert back.status in ("requested", "processing", "succeeded")
    time_passes(drill, payment, 3)
    again = drill.refund(payment, 300)
    assert again.out_refund_no == back.out_refund_no, "The host asks again with the same key"
    drill.calm()
    drill.agree()
    theirs = drill.books.refunds_of(drill.sandbox.order(payment.out_trade_no))
    assert [(one.out_refund_no, one.amount, one.state) for one in theirs] == [(back.out_refund_no, 300, "succeeded")]


@pytest.mark.slow
@pytest.mark.parametrize("paid", [True, False])
@pytest.mark.parametrize("account", ["alipay", "wechat"])
@pytest.mark.parametrize("silence", SILENCES)
def test_a_gateway_that_is_silent_for_hours_fails_nothing(
    drill: World, account: str, silence: str, paid: bool
) -> None:  # fmt: skip
    kind = SILENCES[silence]
    payment = drill.pay(account, "qr", out_trade_no=f"hours_{next(_numbers):05d}").payment
    drill.sandbox.fault("callback_lost", out_trade_no=payment.out_trade_no, times=-1)
    if paid:
        drill.sandbox.pay(payment.out_trade_no)
    for operation in ("query", "close"):
        drill.sandbox.fault(kind, operation=operation, out_trade_no=payment.out_trade_no, times=-1)
    for _ in range(3):
        drill.clock.forward(3600)
        drill.worker.round()
        assert drill.now(payment).status == "pending" or (drill.now(payment).status == "cancelled" and not paid)
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == ("paid" if paid else "cancelled")


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize(("account", "code"), [("alipay", "2876344382566439"), ("wechat", "1300000000000000")])
def test_a_code_payment_whose_outcome_is_unknown_is_paid_once_or_cancelled(
    drill: World, account: str, code: str, silence: str
) -> None:
    """The payer stands at the counter: whatever the answer, they pay once, or nothing."""
    number = f"code_{next(_numbers):05d}"
    drill.sandbox.fault(SILENCES[silence], operation="charge", out_trade_no=number)
    payment = drill.pay(account, "barcode", out_trade_no=number, metadata={"auth_code": code + "01"}).payment
    assert drill.now(payment).status in ("pending", "paid")
    drill.calm()
    drill.agree()
    assert drill.now(payment).status == "paid"
