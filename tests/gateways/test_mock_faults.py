"""What can be ordered to go wrong: by the amount, by a token, by a fault. Each row of the table is a test."""

from __future__ import annotations

import json

import pytest

from payflow.clock import SECOND
from payflow.errors import CallbackRefused, InvalidRequest, Refused
from payflow.gateway import Outcome
from payflow.gateways.mock import AMOUNTS, TOKENS, Fault, faults
from payflow.gateways.mock.faults import KINDS

from .mocking import START, Host, a_mock, back, kinds, pay


def told(mock, number="ORDER-0001"):
    """What the queued callbacks of an order say."""
    return [json.loads(one.body) for one in mock.outgoing(number) if one.ended_at is None]


def both_ways(token):
    """A payment that carries the token, and one whose amount stands for it."""
    minor = next((digits for digits, name in AMOUNTS.items() if name == token), None)
    return [pay(mock=token)] + ([] if minor is None else [pay(amount=1000 + minor)])


def test_every_token_and_amount_is_in_the_table():
    text = faults.__doc__
    assert all(f"\n{digits}      {token} " in text for digits, token in AMOUNTS.items())
    assert all(token in text.split() for token in TOKENS)
    assert set(AMOUNTS.values()) <= TOKENS


# -- by amount and by token ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("payment", both_ways("decline"), ids=str)
def test_decline(payment):
    mock = a_mock()
    mock.charge(payment)
    assert mock.payer.pay("ORDER-0001").state == "PAYERROR"
    assert kinds(mock.query(payment)) == ["failed"]


@pytest.mark.parametrize("payment", both_ways("timeout_after_success"), ids=str)
def test_timeout_after_success(payment):
    mock = a_mock()
    answer = mock.charge(payment)
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())
    assert kinds(mock.query(payment)) == ["pending"]
    assert mock.charge(payment).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("payment", both_ways("lost"), ids=str)
def test_lost(payment):
    mock = a_mock()
    assert mock.charge(payment).outcome is Outcome.UNKNOWN
    assert mock.query(payment).outcome is Outcome.NOT_FOUND
    assert mock.charge(payment).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("payment", both_ways("lie"), ids=str)
def test_lie(payment):
    mock = a_mock()
    mock.charge(payment)
    mock.payer.pay("ORDER-0001")
    (event,) = mock.read(mock.callbacks("ORDER-0001")[0].as_callback(), START)
    (truth,) = mock.query(payment).events
    assert (event.amount, truth.amount) == (payment.amount - 1, payment.amount)
    assert event.key == truth.key


@pytest.mark.parametrize("payment", both_ways("duplicate"), ids=str)
def test_duplicate(payment):
    mock = a_mock(deliver=Host())
    mock.charge(payment)
    mock.payer.pay("ORDER-0001")
    assert mock.pump().accepted == 3
    assert len({one.body for one in mock.deliver.got}) == 1


@pytest.mark.parametrize("payment", both_ways("drop"), ids=str)
def test_drop(payment):
    mock = a_mock(deliver=Host())
    mock.charge(payment)
    mock.payer.pay("ORDER-0001")
    assert mock.pump().sent == 0
    assert kinds(mock.query(payment)) == ["paid"]


@pytest.mark.parametrize("payment", both_ways("delay"), ids=str)
def test_delay(payment):
    mock = a_mock(deliver=Host())
    mock.charge(payment)
    mock.payer.pay("ORDER-0001")
    assert [mock.pump(START + seconds * SECOND).sent for seconds in (0, 29, 30)] == [0, 0, 1]


def after_a_refund(*, mock_token="", amount=1000, refund=300):
    mock = a_mock()
    payment = pay(mock=mock_token, amount=amount)
    mock.charge(payment)
    if "instant" not in mock_token:
        mock.payer.pay("ORDER-0001")
    answer = mock.refund(payment, back(amount=refund))
    return mock, payment, answer


@pytest.mark.parametrize("how", [{"refund": 298}, {"mock_token": "refund_fails"}])
def test_refund_fails(how):
    mock, payment, answer = after_a_refund(**how)
    assert kinds(answer) == ["refund_processing"]
    mock.pump()
    assert told(mock)[-1]["refund"]["state"] == "ABNORMAL"
    assert kinds(mock.query_refund(payment, back(amount=how.get("refund", 300)))) == ["refund_failed"]


@pytest.mark.parametrize("how", [{"refund": 299}, {"mock_token": "refund_waits"}])
def test_refund_waits(how):
    mock, payment, answer = after_a_refund(**how)
    mock.pump(START + 86_400 * SECOND)
    assert kinds(answer) == ["refund_processing"]
    assert len(told(mock)) == 1
    assert kinds(mock.query_refund(payment, back(amount=how.get("refund", 300)))) == ["refund_succeeded"]
    assert len(told(mock)) == 1


@pytest.mark.parametrize("amount", [1098, 1099])
def test_the_payments_amount_says_nothing_about_a_partial_refund(amount):
    mock, payment, _ = after_a_refund(amount=amount)
    assert kinds(mock.query_refund(payment, back())) == ["refund_succeeded"]
    assert len(told(mock)) == 2


def test_ok_switches_the_amounts_off():
    mock, payment, _ = after_a_refund(mock_token="ok", amount=1091, refund=98)
    assert kinds(mock.query(payment)) == ["paid"]
    assert kinds(mock.query_refund(payment, back(amount=98))) == ["refund_succeeded"]


def test_instant():
    mock, payment, answer = after_a_refund(mock_token="instant")
    assert kinds(mock.charge(payment)) == kinds(mock.query(payment)) == ["paid"]
    assert kinds(answer) == ["refund_succeeded"]
    assert len(told(mock)) == 2


def test_instant_and_declined():
    answer = a_mock().charge(pay(mock="instant decline"))
    assert (answer.outcome, kinds(answer)) == (Outcome.REJECTED, ["failed"])


def test_reject():
    mock = a_mock()
    assert mock.charge(pay(mock="reject")).outcome is Outcome.REJECTED
    assert mock.trades() == []


def test_never_sent():
    mock = a_mock()
    assert mock.charge(pay(mock="never_sent")).outcome is Outcome.NEVER_SENT
    assert mock.trades() == []
    assert mock.charge(pay(mock="never_sent")).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize("closing", ["close", "let_expire"])
def test_late(closing):
    mock = a_mock()
    mock.charge(pay(mock="late"))
    if closing == "close":
        assert kinds(mock.close(pay())) == ["closed"]
    else:
        mock.payer.let_expire("ORDER-0001")
    assert kinds(mock.query(pay())) == ["paid"]
    assert told(mock)[-1]["state"] == "SUCCESS"


def test_double_payment():
    mock = a_mock()
    mock.charge(pay(mock="double_payment"))
    mock.payer.pay("ORDER-0001")
    assert len({said["txn"] for said in told(mock)}) == 2


def test_bad_signature():
    host = Host(401)
    mock = a_mock(deliver=host)
    mock.charge(pay(mock="bad_signature"))
    mock.payer.pay("ORDER-0001")
    mock.pump()
    with pytest.raises(CallbackRefused) as refused:
        mock.read(host.got[0].as_callback(), START)
    assert refused.value.code == "SIGNATURE_INVALID"
    mock.pump(START + 15 * SECOND)
    assert mock.read(host.got[1].as_callback(), START + 15 * SECOND)


def test_reorder():
    mock = a_mock(deliver=Host())
    payment = pay(mock="reorder")
    mock.charge(payment)
    mock.payer.pay("ORDER-0001")
    assert mock.pump().sent == 0
    mock.refund(payment, back())
    assert mock.pump().sent == 2
    assert ["refund" in json.loads(one.body) for one in mock.deliver.got] == [True, False]


def test_reordered_alone_comes_after_a_minute():
    mock = a_mock(deliver=Host())
    mock.charge(pay(mock="reorder"))
    mock.payer.pay("ORDER-0001")
    assert [mock.pump(START + seconds * SECOND).sent for seconds in (59, 60)] == [0, 1]


def test_tokens_combine():
    mock = a_mock()
    mock.charge(pay(mock="duplicate delay lie"))
    mock.payer.pay("ORDER-0001")
    assert [(json.loads(one.body)["amount"], one.due_at - START) for one in mock.outgoing()] == [(999, 30 * SECOND)] * 3


def test_a_misspelt_token_is_rejected_by_name():
    answer = a_mock().charge(pay(mock="dorp"))
    assert (answer.outcome, answer.words["code"]) == (Outcome.REJECTED, "MOCK_UNKNOWN_TOKEN")
    assert "dorp" in answer.words["message"]


# -- ordered faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["charge", "query", "close", "refund", "query_refund"])
@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("lost", Outcome.UNKNOWN), ("never_sent", Outcome.NEVER_SENT), ("timeout_after_success", Outcome.UNKNOWN)],
)
def test_any_call_can_be_struck_once(op, kind, outcome):
    mock = a_mock()
    payment = pay()
    mock.charge(payment)
    mock.payer.pay("ORDER-0001")
    mock.faults.add(Fault(kind=kind, op=op))
    verb = getattr(mock, op)
    given = (payment, back()) if "refund" in op else (payment,)
    first, second = verb(*given), verb(*given)
    assert (first.outcome, first.events) == (outcome, ())
    assert second.outcome not in (Outcome.UNKNOWN, Outcome.NEVER_SENT)
    assert mock.faults.waiting() == []


def test_a_refund_that_timed_out_was_done():
    mock = a_mock()
    payment = pay()
    mock.charge(payment)
    mock.payer.pay("ORDER-0001")
    mock.faults.add(Fault(kind="timeout_after_success", op="refund"))
    mock.refund(payment, back())
    assert kinds(mock.query_refund(payment, back())) == ["refund_succeeded"]


def test_a_fault_for_one_order_leaves_the_others():
    mock = a_mock()
    mock.faults.add(Fault(kind="lost", out_trade_no="ORDER-0002"))
    assert mock.charge(pay("ORDER-0001")).outcome is Outcome.CONFIRMED
    assert mock.charge(pay("ORDER-0002")).outcome is Outcome.UNKNOWN


def test_the_oldest_fault_strikes_first_and_as_often_as_ordered():
    mock = a_mock()
    mock.faults.add(Fault(kind="lost", times=2))
    mock.faults.add(Fault(kind="never_sent"))
    outcomes = [mock.charge(pay()).outcome for _ in range(4)]
    assert outcomes == [Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.NEVER_SENT, Outcome.CONFIRMED]


def test_a_fault_without_end_lasts_until_it_is_cleared():
    mock = a_mock()
    mock.faults.add(Fault(kind="lost", op="query", times=None))
    assert {mock.query(pay()).outcome for _ in range(20)} == {Outcome.UNKNOWN}
    mock.faults.clear()
    assert mock.query(pay()).outcome is Outcome.NOT_FOUND


def test_a_late_fault_lets_the_payer_pay_what_is_closed():
    mock = a_mock()
    mock.charge(pay())
    mock.close(pay())
    mock.faults.add(Fault(kind="late"))
    assert mock.payer.pay("ORDER-0001").state == "SUCCESS"


def test_a_late_fault_of_closing_pays_by_itself():
    mock = a_mock()
    mock.charge(pay())
    mock.faults.add(Fault(kind="late", op="close"))
    assert kinds(mock.close(pay())) == ["closed"]
    assert kinds(mock.query(pay())) == ["paid"]


def test_a_refused_step_of_the_payer_uses_no_fault_up():
    mock = a_mock()
    mock.charge(pay())
    mock.payer.pay("ORDER-0001")
    mock.faults.add(Fault(kind="decline"))
    with pytest.raises(Refused):
        mock.payer.pay("ORDER-0001")
    assert len(mock.faults.waiting()) == 1


@pytest.mark.parametrize(
    "changes", [{"amount": 1}, {"app": "another"}, {"currency": "USD"}, {"out_trade_no": "X-00001"}]
)
def test_a_lie_claims_what_it_is_told_to(changes):
    mock = a_mock()
    mock.charge(pay())
    mock.faults.add(Fault(kind="lie", changes=changes))
    mock.payer.pay("ORDER-0001")
    assert told(mock)[0] | changes == told(mock)[0]


def test_a_callback_fault_can_be_about_refunds_only():
    mock = a_mock()
    mock.faults.add(Fault(kind="drop", about="refund"))
    mock.charge(pay())
    mock.payer.pay("ORDER-0001")
    mock.refund(pay(), back())
    mock.pump()
    assert [one.ended_at is None for one in mock.outgoing()] == [True, False]


def test_faults_reach_everybody_who_shares_the_far_side(tmp_path):
    one, other = (a_mock(state=tmp_path / "mock.db") for _ in range(2))
    one.faults.add(Fault(kind="lost"))
    assert other.charge(pay()).outcome is Outcome.UNKNOWN
    assert one.faults.waiting() == []


def test_a_rate_is_the_same_in_every_run():
    def run(seed):
        mock = a_mock()
        mock.faults.add(Fault(kind="lost", op="query", times=None, per_mille=300, seed=seed))
        return [mock.query(pay(f"ORDER-{number:04}")).outcome is Outcome.UNKNOWN for number in range(200)]

    assert run(1) == run(1) != run(2)
    assert 40 <= sum(run(1)) <= 80


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "explode"}, {"kind": "drop", "op": "charge"}, {"kind": "reject", "op": "query"},
        {"kind": "lost", "times": 0}, {"kind": "duplicate", "copies": 0}, {"kind": "delay", "delay_seconds": -1},
        {"kind": "drop", "about": "x"},
    ],
)  # fmt: skip
def test_a_fault_that_could_never_strike_is_refused(wrong):
    with pytest.raises(InvalidRequest):
        Fault(**wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_can_be_ordered(kind):
    mock = a_mock()
    mock.faults.add(Fault(kind=kind))
    assert [fault.kind for fault in mock.faults.waiting()] == [kind]
