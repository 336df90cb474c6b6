"""The mock gateway: what a payer, an order and a refund do there when nothing goes wrong."""

from __future__ import annotations

import json
import pickle

import pytest

from payflow.errors import CallbackRefused, ConfigError, NotFound, Refused
from payflow.gateway import Outcome
from payflow.gateways.mock import MockGateway
from payflow.gateways.mock.signed import Mac
from payflow.testing.callbacks import MockSide

from .mocking import SECRET, START, Hand, a_mock, back, kinds, pay

# -- making one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("secret", "code"), [(b"", "CONFIG_MISSING_SECRET"), (b"x" * 31, "CONFIG_WEAK_SECRET")])
def test_b039_an_empty_or_short_secret_is_refused(secret, code):
    with pytest.raises(ConfigError) as refused:
        MockGateway("mock", secret)
    assert (refused.value.code, refused.value.path) == (code, "$.gateways.mock.secret")


def test_from_config_takes_what_the_config_says(tmp_path):
    options = {"secret": SECRET, "merchant": "m-1", "app": "a-1", "state": tmp_path / "m.db", "channels": ("qr", "app")}
    mock = MockGateway.from_config("till", options)
    assert (mock.account, mock.merchant, mock.app) == ("till", "m-1", "a-1")
    assert mock.capabilities.channels == {"qr", "app"}
    assert mock.trades() == []
    assert (tmp_path / "m.db").exists()


def test_from_config_without_a_secret_is_refused():
    with pytest.raises(ConfigError) as refused:
        MockGateway.from_config("till", {})
    assert refused.value.code == "CONFIG_MISSING_SECRET"


def test_nothing_is_opened_before_it_is_used(tmp_path):
    a_mock(state=tmp_path / "mock.db")
    assert not (tmp_path / "mock.db").exists()


def test_the_secret_is_not_pickled():
    with pytest.raises(TypeError):
        pickle.dumps(Mac(SECRET))


def test_a_state_of_another_version_is_refused(tmp_path):
    mock = a_mock(state=tmp_path / "mock.db")
    with mock._far.transaction() as sql:
        sql.execute("UPDATE mock_version SET version = 99")
    mock.close_far_side()
    with pytest.raises(ConfigError) as refused:
        mock.trades()
    assert refused.value.code == "CONFIG_MOCK_STATE"
    assert mock.charge(pay()).outcome is Outcome.UNKNOWN


def test_what_was_in_memory_is_gone_and_a_file_stays(tmp_path):
    for state, left in ((":memory:", []), (tmp_path / "mock.db", ["ORDER-0001"])):
        mock = a_mock(state=state)
        mock.charge(pay())
        mock.close_far_side()
        assert [trade.out_trade_no for trade in mock.trades()] == left


# -- ordering ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "kind", "data"),
    [
        ("qr", "qr", {"text", "url"}), ("page", "redirect", {"url"}), ("wap", "redirect", {"url"}),
        ("h5", "redirect", {"url"}), ("app", "sdk", {"order_string", "url"}),
        ("mini_program", "mini_program", {"params", "url"}), ("jsapi", "mini_program", {"params", "url"}),
    ],
)  # fmt: skip
def test_every_channel_says_what_to_do(channel, kind, data):
    action = a_mock().charge(pay(channel=channel)).next_action
    assert (action.kind, set(action.data)) == (kind, data)


def test_the_cashiers_address_is_a_template():
    mock = a_mock(cashier_url="https://shop.test/till/{account}?no={out_trade_no}")
    action = mock.charge(pay("A|B*C_1234")).next_action
    assert action.data["text"] == "https://shop.test/till/mock?no=A%7CB%2AC_1234"


@pytest.mark.parametrize(
    ("code", "outcome", "state", "action"),
    [
        ("280000000000000000", Outcome.CONFIRMED, "SUCCESS", "none"),
        ("280000000000000091", Outcome.REJECTED, "PAYERROR", None),
        ("280000000000000080", Outcome.CONFIRMED, "NOTPAY", "wait"),
    ],
)
def test_a_barcode_is_decided_at_once(code, outcome, state, action):
    mock = a_mock()
    answer = mock.charge(pay(channel="barcode", metadata=json.dumps({"auth_code": code})))
    assert (answer.outcome, mock.trade("ORDER-0001").state) == (outcome, state)
    assert (answer.next_action and answer.next_action.kind) == action
    assert code not in repr(mock.trade("ORDER-0001"))


@pytest.mark.parametrize("code", ["", "12", "2800000000000000a0", "２８００００００００００００００００", "2" * 25])
def test_a_barcode_without_a_code_is_rejected(code):
    answer = a_mock().charge(pay(channel="barcode", metadata=json.dumps({"auth_code": code})))
    assert (answer.outcome, answer.words["code"]) == (Outcome.REJECTED, "AUTH_CODE_INVALID")


@pytest.mark.parametrize("other", [{"amount": 1001}, {"currency": "USD"}, {"channel": "page"}])
def test_the_same_number_with_other_facts_is_a_conflict(other):
    mock = a_mock()
    mock.charge(pay())
    answer = mock.charge(pay(**other))
    assert (answer.outcome, answer.words["code"]) == (Outcome.REJECTED, "CONFLICT")


def test_a_channel_it_was_not_given_is_rejected():
    answer = a_mock(channels=("qr",)).charge(pay(channel="page"))
    assert (answer.outcome, answer.words["code"]) == (Outcome.REJECTED, "NO_AUTH")


def test_a_payment_of_another_merchant_is_rejected():
    answer = a_mock().charge(pay(merchant="somebody-else"))
    assert answer.words["code"] == "APPID_MCHID_NOT_MATCH"


# -- the payer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "state", "kind"),
    [("pay", "SUCCESS", "paid"), ("decline", "PAYERROR", "failed"), ("let_expire", "CLOSED", "closed")],
)
def test_each_step_of_the_payer_ends_the_order_and_is_told(step, state, kind):
    mock = a_mock()
    mock.charge(pay())
    assert getattr(mock.payer, step)("ORDER-0001").state == state
    (told,) = mock.callbacks("ORDER-0001")
    (event,) = mock.read(told.as_callback(), START)
    (asked,) = mock.query(pay()).events
    assert (event.kind, event.key) == (asked.kind, asked.key)
    assert str(event.kind) == kind


@pytest.mark.parametrize("first", ["pay", "decline", "let_expire"])
@pytest.mark.parametrize("second", ["pay", "decline", "let_expire"])
def test_what_has_ended_takes_no_further_step(first, second):
    mock = a_mock()
    mock.charge(pay())
    ended = getattr(mock.payer, first)("ORDER-0001")
    with pytest.raises(Refused) as refused:
        getattr(mock.payer, second)("ORDER-0001")
    assert refused.value.code == f"MOCK_TRADE_{ended.state}"
    assert mock.trade("ORDER-0001") == ended


def test_nobody_pays_what_was_not_ordered():
    with pytest.raises(NotFound) as refused:
        a_mock().payer.pay("NOBODY-001")
    assert refused.value.code == "MOCK_TRADE_NOT_FOUND"


def test_a_late_payment_only_on_demand():
    mock = a_mock()
    mock.charge(pay())
    mock.close(pay())
    with pytest.raises(Refused):
        mock.payer.pay("ORDER-0001")
    assert mock.payer.pay_late("ORDER-0001").state == "SUCCESS"
    assert kinds(mock.query(pay())) == ["paid"]


def test_paying_again_makes_a_second_transaction():
    mock = a_mock()
    mock.charge(pay())
    mock.payer.pay("ORDER-0001")
    trade = mock.payer.pay_again("ORDER-0001")
    assert len({capture.txn for capture in trade.captures}) == 2
    assert len({event.key for event in mock.query(pay()).events}) == 2


def test_closing_at_the_gateway_sends_no_callback():
    mock = a_mock()
    mock.charge(pay())
    mock.close(pay())
    assert mock.outgoing() == []


def test_the_newest_trades_come_first():
    clock = Hand()
    mock = a_mock(clock=clock)
    for number in range(5):
        mock.charge(pay(f"ORDER-000{number}"))
        clock.forward(1)
    assert [trade.out_trade_no for trade in mock.trades(2)] == ["ORDER-0004", "ORDER-0003"]
    assert mock.trade("NOBODY-001") is None


# -- refunds -------------------------------------------------------------------------------------------------------


def paid(mock, **other):
    payment = pay(**other)
    mock.charge(payment)
    mock.payer.pay(payment.out_trade_no)
    return payment


def test_a_refund_is_processing_then_told():
    mock = a_mock()
    payment = paid(mock)
    assert kinds(mock.refund(payment, back())) == ["refund_processing"]
    mock.pump()
    told = [mock.read(one.as_callback(), START)[0] for one in mock.callbacks("ORDER-0001")]
    assert [str(event.kind) for event in told] == ["paid", "refund_succeeded"]
    assert mock.trade("ORDER-0001").refunded == 300


def test_a_refund_that_ended_is_found_by_asking_and_still_told():
    mock = a_mock()
    payment = paid(mock)
    mock.refund(payment, back())
    assert kinds(mock.query_refund(payment, back())) == ["refund_succeeded"]
    assert len(mock.outgoing()) == 2


def test_what_an_abnormal_refund_held_is_free_again():
    mock = a_mock()
    payment = paid(mock, amount=1098)
    mock.refund(payment, back(amount=1098))
    assert kinds(mock.query_refund(payment, back(amount=1098))) == ["refund_failed"]
    assert mock.refund(payment, back("REFUND-002", amount=1000)).outcome is Outcome.CONFIRMED


def test_a_refund_goes_back_from_the_money_it_names():
    mock = a_mock()
    payment = paid(mock)
    second = mock.payer.pay_again("ORDER-0001").captures[1].txn
    assert mock.refund(payment, back("REFUND-001", amount=1000, gateway_txn=second)).outcome is Outcome.CONFIRMED
    assert mock.refund(payment, back("REFUND-002", amount=1, gateway_txn=second)).words["code"] == "NOT_ENOUGH"
    assert mock.refund(payment, back("REFUND-003", amount=1000)).outcome is Outcome.CONFIRMED
    assert mock.refund(payment, back("REFUND-004", gateway_txn="NOBODY")).words["code"] == "TRANSACTION_NOT_EXIST"


def test_a_refund_in_another_currency_is_rejected():
    mock = a_mock()
    assert mock.refund(paid(mock), back(currency="USD")).outcome is Outcome.REJECTED


def test_there_are_at_most_fifty_refunds():
    mock = a_mock()
    payment = paid(mock)
    answers = [mock.refund(payment, back(f"REFUND-{number:03}", amount=1)) for number in range(51)]
    assert [answer.outcome for answer in answers].count(Outcome.CONFIRMED) == mock.capabilities.max_refunds == 50
    assert answers[-1].words["code"] == "TOO_MANY_REFUNDS"


def test_a_refund_number_belongs_to_one_order():
    mock = a_mock()
    mock.refund(paid(mock), back())
    other = paid(mock, number="ORDER-0002")
    assert mock.refund(other, back()).words["code"] == "CONFLICT"
    assert mock.query_refund(other, back()).outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize(("succeeds", "kind"), [(True, "refund_succeeded"), (False, "refund_failed")])
def test_an_operator_ends_a_refund(succeeds, kind):
    mock = a_mock()
    payment = paid(mock)
    mock.refund(payment, back(amount=299))
    mock.settle_refund("REFUND-001", succeeds=succeeds)
    assert kinds(mock.query_refund(payment, back(amount=299))) == [kind]
    with pytest.raises(Refused) as refused:
        mock.settle_refund("REFUND-001")
    assert refused.value.code == "MOCK_REFUND_ENDED"
    with pytest.raises(NotFound):
        mock.settle_refund("NOBODY-001")


# -- what callbacks say --------------------------------------------------------------------------------------------

SIDE = MockSide(secret=SECRET)


@pytest.mark.parametrize(
    "said",
    [
        {"amount": 12.5}, {"amount": 1e2}, {"amount": "1234"}, {"amount": True}, {"amount": -1}, {"amount": 2**53},
        {"out_trade_no": ""}, {"out_trade_no": None}, {"out_trade_no": 7}, {"out_trade_no": "a b"},
        {"out_trade_no": "a\u202eb"}, {"out_trade_no": "a" * 65}, {"state": None}, {"state": ["SUCCESS"]},
        {"txn": None}, {"txn": ""}, {"txn": {"a": 1}}, {"refund": []}, {"refund": "x"}, {"happened_at": "today"},
        {"merchant": 5}, {"currency": ["CNY"]},
    ],
)  # fmt: skip
def test_b113_genuine_nonsense_is_malformed(said):
    with pytest.raises(CallbackRefused) as refused:
        a_mock().read(SIDE.callback(said=said, at=START), START)
    assert refused.value.code == "CALLBACK_MALFORMED"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"amount":1,"amount":2}', "CALLBACK_DUPLICATE_FIELD"), (b"[]", "CALLBACK_MALFORMED"),
        (b"", "CALLBACK_MALFORMED"), (b"null", "CALLBACK_MALFORMED"), (b"{}", "CALLBACK_MALFORMED"),
        (b'{"a":NaN}', "CALLBACK_MALFORMED"), (b"\xff", "CALLBACK_CHARSET"), (b"\xef\xbb\xbf{}", "CALLBACK_CHARSET"),
        ("{}".encode("utf-16"), "CALLBACK_CHARSET"),
    ],
)  # fmt: skip
def test_b049_genuine_bytes_that_are_no_statement(body, code):
    with pytest.raises(CallbackRefused) as refused:
        a_mock().read(SIDE.delivered(body, START), START)
    assert refused.value.code == code


@pytest.mark.parametrize("state", ["REFUND", "REVOKED", "USERPAYING", "FOO", "success"])
def test_b078_a_word_it_does_not_know_is_never_paid(state):
    (event,) = a_mock().read(SIDE.callback(said={"state": state}, at=START), START)
    assert str(event.kind) == "unknown"
    assert event.words["state"] == state


def test_an_unknown_state_of_a_refund_is_unknown():
    said = {"refund": {"out_refund_no": "REFUND-001", "refund_id": "r", "amount": 1, "state": "MAYBE"}}
    (event,) = a_mock().read(SIDE.callback("refund_succeeded", said=said, at=START), START)
    assert str(event.kind) == "unknown"


def test_unknown_fields_are_signed_and_ignored():
    (event,) = a_mock().read(SIDE.callback(said={"coupon": {"id": 7}, "note": "拿铁"}, at=START), START)
    assert str(event.kind) == "paid"


@pytest.mark.parametrize(("seconds", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_b040_exactly_three_hundred_seconds_are_taken(seconds, taken):
    clock = Hand()
    callback = SIDE.callback(at=START)
    if taken:
        assert a_mock().read(callback, clock.forward(seconds))
    else:
        with pytest.raises(CallbackRefused) as refused:
            a_mock().read(callback, clock.forward(seconds))
        assert refused.value.code == "TIMESTAMP_SKEW"


def test_replies_are_exact():
    mock = a_mock()
    assert (mock.accepted().status, mock.accepted().body) == (200, b"ok")
    reply = mock.refused(404, "UNKNOWN_PAYMENT", "There is no such order yet")
    assert json.loads(reply.body) == {
        "status": "failed", "error_code": "UNKNOWN_PAYMENT", "message": "There is no such order yet",
    }  # fmt: skip
