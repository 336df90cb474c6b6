"""Taking money: trust, confirmation, idempotency, and what the gateway's answer makes of a payment."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payflow.errors import IdempotencyRefused, InvalidRequest, NotFound, PayflowError, Refused, TokenRefused
from payflow.gateway import Answer, EventKind, Outcome
from payflow.money import Money

from .conftest import World


def refusal(call: Any, *given: Any, **named: Any) -> str:
    with pytest.raises(PayflowError) as caught:
        call(*given, **named)
    return caught.value.code


def test_a_trusted_action_is_sent_at_once_and_says_what_the_payer_does(world: World) -> None:
    result = world.flow.pay(amount=Money(1250), channel="qr", key="k", action="buy")
    assert result.payment.status == "pending"
    assert result.next_action.kind == "qr"
    assert result.next_action.data == {"text": f"pay:{result.payment.out_trade_no}"}
    assert world.main.calls == [("charge", result.payment.out_trade_no)]


def test_submitting_logs_with_the_trace_id(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "payflow.flow"):
        payment = world.pay(trace_id="trace-42")
    assert [
        record for record in caplog.records if "Payment submitted successfully" in record.getMessage()
        and "trace-42" in record.getMessage() and record.trace_id == "trace-42"  # type: ignore[attr-defined]
    ]  # fmt: skip
    assert payment.trace_id == "trace-42"


def test_an_untrusted_action_waits_for_a_person_and_nothing_is_sent(world: World) -> None:
    result = world.flow.pay(amount=Money(1250), channel="qr", key="k", action="unheard_of")
    assert result.payment.status == "created"
    assert result.next_action.kind == "confirm"
    assert world.main.calls == []


def test_a_person_confirms_with_the_token(world: World) -> None:
    waiting = world.flow.pay(amount=Money(1250), channel="qr", key="k")
    confirmed = world.flow.confirm(waiting.next_action.data["token"], payment_id=waiting.payment.id)
    assert confirmed.payment.status == "pending"
    assert confirmed.next_action.kind == "qr"


def test_a_token_confirms_once(world: World) -> None:
    token = world.flow.pay(amount=Money(1250), channel="qr", key="k").next_action.data["token"]
    world.flow.confirm(token)
    assert refusal(world.flow.confirm, token) == "TOKEN_USED"


def test_a_confirmation_with_a_key_is_replayed_even_after_the_token_is_over(world: World) -> None:
    token = world.flow.pay(amount=Money(1250), channel="qr", key="k").next_action.data["token"]
    first = world.flow.confirm(token, key="c-1")
    world.clock.forward(301)
    again = world.flow.confirm(token, key="c-1")
    assert again.replayed
    assert again.payment.id == first.payment.id


def test_a_late_token_is_refused_and_the_worker_cancels(world: World) -> None:
    waiting = world.flow.pay(amount=Money(1250), channel="qr", key="k")
    world.clock.forward(301)
    assert refusal(world.flow.confirm, waiting.next_action.data["token"]) == "TOKEN_EXPIRED"
    world.worker.round()
    assert world.status(waiting.payment) == "cancelled"


def test_a_foreign_token_is_refused(world: World) -> None:
    first = world.flow.pay(amount=Money(1250), channel="qr", key="k-1")
    second = world.flow.pay(amount=Money(1250), channel="qr", key="k-2")
    with pytest.raises(TokenRefused) as caught:
        world.flow.confirm(first.next_action.data["token"], payment_id=second.payment.id)
    assert caught.value.code == "TOKEN_FOREIGN"
    assert world.status(first.payment) == world.status(second.payment) == "created"


def test_a_forged_token_is_refused(world: World) -> None:
    token = world.flow.pay(amount=Money(1250), channel="qr", key="k").next_action.data["token"]
    assert refusal(world.flow.confirm, token[:-2] + ("AA" if token[-2:] != "AA" else "BB")) == "TOKEN_FORGED"


def test_contexts_that_are_not_retained_refuse_what_would_wait(make_world: Any) -> None:
    world = make_world(token_ttl_seconds=None)
    assert refusal(world.pay, action="unheard_of") == "ACTION_NOT_TRUSTED"
    assert world.store.recent_payments() == []


def test_above_the_ceiling_per_payment_a_person_is_asked(world: World) -> None:
    assert world.pay(50_00, key="a", action="small").status == "pending"
    assert world.pay(50_01, key="b", action="small").status == "created"


def test_the_ceiling_of_a_day_holds_under_a_race_and_is_new_tomorrow(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: world.pay(30_00, key=f"k-{n}", action="small").status, range(8)))
    assert Counter(found) == {"pending": 3, "created": 5}
    world.clock.forward(86_400)
    assert world.pay(30_00, key="next-day", action="small").status == "pending"


def test_same_key_and_same_request_replays(world: World) -> None:
    first = world.flow.pay(amount=Money(1250), channel="qr", key="k", action="buy", metadata={"a": 1, "b": 2})
    again = world.flow.pay(amount=Money(1250), channel="qr", key="k", action="buy", metadata={"b": 2, "a": 1})
    assert again.replayed
    assert again.payment.id == first.payment.id
    assert again.next_action == first.next_action
    assert len(world.main.calls) == 1


def test_a_replay_of_a_waiting_payment_gives_the_same_token(world: World) -> None:
    first = world.flow.pay(amount=Money(1250), channel="qr", key="k")
    assert world.flow.pay(amount=Money(1250), channel="qr", key="k").next_action == first.next_action


@pytest.mark.parametrize(
    "other", [{"amount": Money(1251)}, {"amount": Money(1250, "USD")}, {"metadata": {"a": 1}}, {"channel": "page"}]
)
def test_b211_same_key_and_another_request_is_a_conflict(world: World, other: dict[str, Any]) -> None:
    request: dict[str, Any] = {"amount": Money(1250), "channel": "qr", "key": "k", "action": "buy"}
    world.flow.pay(**request)
    assert refusal(world.flow.pay, **{**request, **other}) == "IDEMPOTENCY_CONFLICT"


def test_b213_a_key_in_flight_says_so(world: World) -> None:
    seen: list[IdempotencyRefused] = []

    def meanwhile(payment: Any) -> Answer:
        with pytest.raises(IdempotencyRefused) as caught:
            world.pay()
        seen.append(caught.value)
        return Answer(Outcome.CONFIRMED)

    world.main.will("charge", meanwhile)
    world.pay()
    assert seen[0].code == "IDEMPOTENCY_IN_PROGRESS"
    assert 0 < seen[0].retry_after_seconds <= 30


def test_b214_a_request_that_failed_validation_leaves_the_key_free(world: World) -> None:
    assert refusal(world.flow.pay, amount=Money(1250), channel="pigeon", key="k", action="buy") == "INVALID_CHANNEL"
    assert not world.flow.pay(amount=Money(1250), channel="qr", key="k", action="buy").replayed


def test_b215_a_first_call_of_unknown_outcome_replays_the_payment_as_it_is(world: World) -> None:
    world.main.will("charge", Answer(Outcome.UNKNOWN))
    first = world.pay()
    world.flow.receive(world.main.callback(world.main.event(first, EventKind.PAID)))
    assert world.pay().status == "paid"


def test_f70_fifty_parallel_calls_with_one_key_make_one_payment(world: World) -> None:
    def call(_: int) -> str:
        try:
            return world.pay().id
        except IdempotencyRefused as error:
            return error.code

    with ThreadPoolExecutor(50) as pool:
        found = Counter(pool.map(call, range(50)))
    ids = [name for name in found if name != "IDEMPOTENCY_IN_PROGRESS"]
    assert len(ids) == 1
    assert len(world.store.recent_payments()) == 1
    assert [op for op, _ in world.main.calls].count("charge") == 1


def test_f72_a_key_past_its_retention_is_a_new_request(world: World) -> None:
    first = world.pay()
    world.clock.forward(7 * 86_400 + 1)
    assert world.pay().id != first.id


@pytest.mark.parametrize("key", [None, "", "k" * 256, "two words", "a\x00b", "键"])
def test_b210_keys_that_are_none(world: World, key: Any) -> None:
    code = refusal(world.pay, key=key)
    assert code == ("IDEMPOTENCY_KEY_MISSING" if not key else "IDEMPOTENCY_KEY_INVALID")


@pytest.mark.parametrize("minor", [0, -1, 2**53, 10**30, True, 1.0, "100"])
def test_b111_amounts_that_cannot_be_paid(minor: Any) -> None:
    assert refusal(Money, minor) == "INVALID_AMOUNT"


def test_an_amount_above_the_gateways_is_refused_at_create(world: World) -> None:
    assert refusal(world.pay, 100_000_01) == "INVALID_AMOUNT"


@pytest.mark.parametrize(
    "number", ["abc", "a" * 33, "ab cdef", "abcdef\n", "../../etc", "a';drop--", "ａｂｃｄｅｆ", "abc%def"]
)
def test_b124_order_numbers_that_are_none(world: World, number: str) -> None:
    assert refusal(world.pay, out_trade_no=number) == "INVALID_REFERENCE"


def test_b121_order_numbers_are_byte_exact(world: World) -> None:
    first = world.pay(out_trade_no="abcdef", key="1")
    assert world.pay(out_trade_no="ABCDEF", key="2").id != first.id


def test_b153_an_order_number_is_used_once(world: World) -> None:
    world.pay(out_trade_no="order-1", key="1")
    assert refusal(world.pay, out_trade_no="order-1", key="2") == "DUPLICATE_REFERENCE"


@pytest.mark.parametrize(
    "metadata",
    [
        {"a": float("nan")},
        {"a": 1.5},
        {"a": b"x"},
        {1: "x"},
        {"a": "x" * 5000},
        {"a": {"b": object()}},
        [1],
        {"a": {1, 2}},
    ],
)
def test_b126_metadata_that_is_not_small_json(world: World, metadata: Any) -> None:
    assert refusal(world.pay, metadata=metadata) == "INVALID_METADATA"


def test_b126_metadata_nested_without_end_or_in_a_cycle(world: World) -> None:
    cycle: dict[str, Any] = {}
    cycle["again"] = cycle
    assert refusal(world.pay, metadata=cycle) == "INVALID_METADATA"


@pytest.mark.parametrize("text", ["line\nbreak", "nul\x00", "esc\x1b[31m", "\ud800", "x" * 129])
def test_b083_text_that_no_store_or_log_should_hold(world: World, text: str) -> None:
    assert refusal(world.pay, reference=text) == "INVALID_REFERENCE"


def test_text_of_every_language_is_kept(world: World) -> None:
    payment = world.pay(description="拿铁 大杯 ☕ 𠮷", reference="订单-1")
    assert world.flow.payment(payment.id).description == "拿铁 大杯 ☕ 𠮷"


def test_what_the_gateway_cannot_do_is_refused_before_any_call(world: World) -> None:
    assert refusal(world.flow.pay, amount=Money(1), channel="h5", key="k", action="buy") == "OPERATION_UNSUPPORTED"
    assert refusal(world.flow.pay, amount=Money(1, "JPY"), channel="qr", key="k", action="buy") == "INVALID_CURRENCY"
    assert world.main.calls == []


def test_an_account_that_is_not_there(world: World) -> None:
    assert refusal(world.pay, account="nowhere") == "INVALID_REFERENCE"


def test_a_genuine_refusal_fails_the_payment(world: World) -> None:
    world.main.will("charge", Answer(Outcome.REJECTED, words={"code": "RISK"}))
    payment = world.pay()
    assert payment.status == "failed"
    assert '"code":"RISK"' in world.store.history(payment.id).attempts[0].words  # type: ignore[union-attr]


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.NEVER_SENT])
def test_silence_is_not_failure(world: World, outcome: Outcome) -> None:
    world.main.will("charge", Answer(outcome))
    payment = world.pay()
    assert payment.status == "pending"
    assert payment.next_check_at is not None


def test_a_gateway_that_raises_leaves_the_outcome_unknown(world: World) -> None:
    def breaks(payment: Any) -> Answer:
        raise ConnectionResetError("in the middle")

    world.main.will("charge", breaks)
    payment = world.pay()
    assert payment.status == "pending"
    assert [a.status for a in world.store.history(payment.id).attempts] == ["unknown"]  # type: ignore[union-attr]


def test_f19_a_charge_that_never_arrived_is_sent_again_under_the_same_number(world: World) -> None:
    world.main.will("charge", Answer(Outcome.UNKNOWN))
    world.main.will("query", Answer(Outcome.NOT_FOUND))
    payment = world.pay()
    world.clock.forward(5)
    world.worker.round()
    assert world.main.calls == [(op, payment.out_trade_no) for op in ("charge", "query", "charge")]
    statuses = [a.status for a in world.store.history(payment.id).attempts if a.op == "charge"]  # type: ignore[union-attr]
    assert statuses == ["never_sent", "confirmed"]


def test_f18_a_charge_whose_answer_was_lost_is_found_by_asking(world: World) -> None:
    world.main.will("charge", Answer(Outcome.UNKNOWN))
    payment = world.pay()
    world.clock.forward(5)
    world.worker.round()
    # It is there. The answer that says how to pay is lost, so the same is ordered again, under the same number.
    assert world.main.calls == [(op, payment.out_trade_no) for op in ("charge", "query", "charge")]
    assert world.flow.payment(payment.id).unresolved == 0
    assert world.flow.next_action(world.flow.payment(payment.id)).kind == "qr"


def test_what_was_told_how_to_pay_is_not_ordered_again(world: World) -> None:
    payment = world.pay()
    for _ in range(3):
        world.clock.forward(60)
        world.worker.round()
    assert [op for op, _ in world.main.calls].count("charge") == 1
    assert world.status(payment) == "pending"


def test_a_sent_payment_is_never_routed_again(world: World) -> None:
    payment = world.pay()
    world.flow.router = type(world.flow.router)([])
    world.clock.forward(3600)
    world.worker.round()
    assert world.flow.payment(payment.id).account == "main"
    assert refusal(world.pay, key="new") == "NO_ROUTE"


def test_an_expected_payment_is_pending_and_nothing_is_called(world: World) -> None:
    result = world.flow.expect(amount=Money(10), channel="page", key="e", out_trade_no="20190815155618536-564-57")
    assert result.payment.status == "pending"
    assert world.main.calls == []


def test_an_expected_payment_is_never_charged(world: World) -> None:
    world.main.will("query", *[Answer(Outcome.NOT_FOUND)] * 5)
    payment = world.flow.expect(amount=Money(10), channel="page", key="e", out_trade_no="order-77").payment
    for _ in range(5):
        world.clock.forward(400)
        world.worker.round()
    assert {op for op, _ in world.main.calls} == {"query"}
    assert world.status(payment) == "cancelled"


def test_b154_a_payment_that_is_not_there(world: World) -> None:
    for call in (world.flow.payment, world.flow.trace, world.flow.cancel):
        with pytest.raises(NotFound) as caught:
            call("01ARZ3NDEKTSV4RRFFQ69G5FAV")
        assert caught.value.code == "PAYMENT_NOT_FOUND"


def test_errors_carry_ids_and_no_secrets(world: World) -> None:
    with pytest.raises(Refused) as caught:
        world.flow.refund(world.pay().id, key="r")
    assert caught.value.payment_id == world.flow.payment(caught.value.payment_id).id
    assert "sssss" not in repr(world.flow.settings)


def test_money_must_be_money(world: World) -> None:
    with pytest.raises(InvalidRequest):
        world.flow.pay(amount=1250, channel="qr", key="k", action="buy")  # type: ignore[arg-type]
