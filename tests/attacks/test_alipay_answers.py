"""Genuine answers of Alipay that are not about what was asked, and questions that cannot be asked any more.

An answer of Alipay names neither app nor request: one that was signed for another question is just as genuine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from payflow.breaker import Breakers
from payflow.gateway import Outcome
from payflow.gateways.alipay import Alipay
from payflow.transport import Limits, Surroundings

from ..alipay.scripted import NOW, Script, a_payment, a_refund

PRECREATE, CREATE, PAY = "alipay.trade.precreate", "alipay.trade.create", "alipay.trade.pay"
QUERY, CLOSE, REFUND = "alipay.trade.query", "alipay.trade.close", "alipay.trade.refund"
ASK_REFUND = "alipay.trade.fastpay.refund.query"
QR = "https://qr.alipay.com/bax000000000000000000"
TRADE = {"trade_no": "2026012822001400000000000001", "out_trade_no": "ORDER_0001", "total_amount": "12.50"}
THEIRS = {**TRADE, "trade_no": "2026012822001400000000000002", "out_trade_no": "ORDER_0002"}


@pytest.fixture
def far() -> Iterator[Script]:
    script = Script()
    yield script
    script.close()


def closed_to(far: Script, operation: str) -> Alipay:
    """An account whose circuit for one operation is open: that call never leaves this machine."""
    breakers = Breakers(failures=1)
    breakers.of("alipay", operation).failed()
    limits = Limits(connect_seconds=1, read_seconds=1, total_seconds=2)
    return far.gateway(surroundings=Surroundings(clock=lambda: NOW, limits=limits, breakers=breakers))


# -- what was sent stays sent ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sub_code", ["ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_CLOSE"])
def test_an_order_that_exists_is_not_called_never_sent_when_it_cannot_be_asked_about(
    far: Script, sub_code: str
) -> None:
    # NEVER_SENT lets the flow turn to another account, where the same payment would be paid a second time.
    far.deny(PAY, sub_code)
    assert closed_to(far, "query").charge(a_payment("barcode")).outcome is Outcome.UNKNOWN


def test_a_refund_that_was_accepted_is_not_called_never_sent(far: Script) -> None:
    far.say(REFUND, **TRADE)
    assert closed_to(far, "query_refund").refund(a_payment(), a_refund()).outcome is not Outcome.NEVER_SENT


def test_a_refused_refund_that_cannot_be_asked_about_is_unknown(far: Script) -> None:
    far.deny(REFUND, "ACQ.REASON_TRADE_REFUND_FEE_ERR")
    assert closed_to(far, "query_refund").refund(a_payment(), a_refund()).outcome is Outcome.UNKNOWN


def test_a_refund_under_way_does_not_fail_by_a_refusal_of_its_repetition(far: Script) -> None:
    # Failed, its amount would be free for a second refund under another number, and both would go out.
    far.deny(REFUND, "ACQ.REASON_TRADE_REFUND_FEE_ERR")
    far.say(ASK_REFUND, out_request_no="REFUND_0001", refund_status="REFUND_PROCESSING", **TRADE)
    assert far.gateway().refund(a_payment(), a_refund()).outcome is Outcome.UNKNOWN


# -- answers to other questions -------------------------------------------------------------------------------------


def test_the_qr_of_another_order_is_not_shown(far: Script) -> None:
    far.say(PRECREATE, out_trade_no="ORDER_0002", qr_code=QR)
    answer = far.gateway().charge(a_payment())
    assert (answer.outcome, answer.next_action) == (Outcome.UNKNOWN, None)


def test_the_trade_of_another_order_is_not_handed_to_a_mini_program(far: Script) -> None:
    far.say(CREATE, **THEIRS)
    answer = far.gateway().charge(a_payment("mini_program"))
    assert (answer.outcome, answer.next_action) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize(
    ("method", "verb", "channel", "fields"),
    [
        (PAY, "charge", "barcode", {}),
        (QUERY, "query", "qr", {"trade_status": "WAIT_BUYER_PAY"}),
        (QUERY, "query", "qr", {"trade_status": "TRADE_SUCCESS", "send_pay_date": "2026-01-28 12:00:00"}),
        (CLOSE, "close", "qr", {}),
    ],
)
def test_an_answer_about_another_order_states_nothing(
    far: Script, method: str, verb: str, channel: str, fields: dict[str, Any]
) -> None:
    far.say(method, **THEIRS, **fields)
    answer = getattr(far.gateway(), verb)(a_payment(channel))
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())


@pytest.mark.parametrize(("method", "verb"), [(QUERY, "query"), (CLOSE, "close")])
def test_that_another_order_does_not_exist_says_nothing_of_ours(far: Script, method: str, verb: str) -> None:
    far.say(method, code="40004", msg="Business Failed", sub_code="ACQ.TRADE_NOT_EXIST", out_trade_no="ORDER_0002")
    assert getattr(far.gateway(), verb)(a_payment("barcode")).outcome is Outcome.UNKNOWN


def test_the_refund_of_another_order_is_not_ours(far: Script) -> None:
    far.say(REFUND, **THEIRS, fund_change="Y", refund_fee="5.00")
    answer = far.gateway().refund(a_payment(), a_refund())
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())


def test_the_refund_of_another_trade_under_our_order_is_not_ours(far: Script) -> None:
    far.say(REFUND, **TRADE, fund_change="Y", refund_fee="5.00")
    answer = far.gateway().refund(a_payment(), a_refund(gateway_txn=THEIRS["trade_no"]))
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())


def test_the_answer_to_the_first_of_two_refunds_does_not_confirm_the_second(far: Script) -> None:
    # It does not say which refund it is about, only what has gone back in all: five yuan, and ten are wanted by now.
    far.say(REFUND, **TRADE, fund_change="Y", refund_fee="5.00")
    far.say(ASK_REFUND, out_request_no="REFUND_0002")
    answer = far.gateway().refund(a_payment(captured=1250, refunded=500), a_refund(out_refund_no="REFUND_0002"))
    assert answer.events == ()
    assert [one["method"] for one in far.seen] == [REFUND, ASK_REFUND]


@pytest.mark.parametrize("other", [{"out_request_no": "REFUND_0002"}, {"out_trade_no": "ORDER_0002"}])
def test_the_query_of_another_refund_says_nothing_of_ours(far: Script, other: dict[str, str]) -> None:
    said = {**TRADE, "out_request_no": "REFUND_0001", "refund_amount": "5.00", **other}
    far.say(ASK_REFUND, refund_status="REFUND_SUCCESS", **said)
    answer = far.gateway().query_refund(a_payment(), a_refund())
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())


def test_that_another_refund_is_not_there_says_nothing_of_ours(far: Script) -> None:
    far.say(ASK_REFUND, out_request_no="REFUND_0002", out_trade_no="ORDER_0001")
    assert far.gateway().query_refund(a_payment(), a_refund()).outcome is Outcome.UNKNOWN


# -- a code that was used up by our own first request ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("WAIT_BUYER_PAY", Outcome.UNKNOWN),  # the payer is entering the password for it right now
        ("TRADE_SUCCESS", Outcome.CONFIRMED),
        ("TRADE_CLOSED", Outcome.REJECTED),
    ],
)
def test_a_used_up_code_is_asked_about_before_the_payment_fails(far: Script, status: str, outcome: Outcome) -> None:
    # Sent again after silence and an early "not there": it may be our own first request that has used the code.
    far.deny(PAY, "ACQ.PAYMENT_AUTH_CODE_INVALID")
    far.say(QUERY, **TRADE, trade_status=status)
    assert far.gateway().charge(a_payment("barcode")).outcome is outcome


def test_a_used_up_code_of_an_order_that_is_not_there_is_refused(far: Script) -> None:
    far.deny(PAY, "ACQ.PAYMENT_AUTH_CODE_INVALID")
    far.deny(QUERY, "ACQ.TRADE_NOT_EXIST")
    assert far.gateway().charge(a_payment("barcode")).outcome is Outcome.REJECTED


def test_a_used_up_code_that_cannot_be_asked_about_is_unknown(far: Script) -> None:
    far.deny(PAY, "ACQ.PAYMENT_AUTH_CODE_INVALID")
    assert closed_to(far, "query").charge(a_payment("barcode")).outcome is Outcome.UNKNOWN
