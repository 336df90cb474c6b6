"""Money back: all of it, parts of it, never more than came."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payflow.errors import PayflowError
from payflow.gateway import Answer, EventKind, Outcome
from payflow.money import Money

from .conftest import World
from .test_pay import refusal


def refunds(world: World, payment_id: str) -> list[Any]:
    history = world.store.history(payment_id)
    assert history is not None
    return list(history.refunds)


def test_a_full_refund(world: World) -> None:
    payment = world.paid()
    result = world.flow.refund(payment.id, key="r-1", reason="cold")
    assert result.refund is not None
    assert (result.payment.status, result.payment.refunded, result.payment.reserved) == ("refunded", 1250, 0)
    assert (result.refund.status, result.refund.amount, result.refund.reason) == ("succeeded", 1250, "cold")
    assert result.payment.next_check_at is None


def test_b116_refunds_in_parts_add_up(world: World) -> None:
    payment = world.paid(10_000)
    for number in range(3):
        world.flow.refund(payment.id, key=f"r-{number}", amount=Money(3333))
    assert world.status(payment) == "partially_refunded"
    world.flow.refund(payment.id, key="rest")
    assert world.status(payment) == "refunded"
    assert sorted(refund.amount for refund in refunds(world, payment.id)) == [1, 3333, 3333, 3333]


def test_the_same_key_refunds_once(world: World) -> None:
    payment = world.paid()
    first = world.flow.refund(payment.id, key="r", amount=Money(100))
    again = world.flow.refund(payment.id, key="r", amount=Money(100))
    assert again.replayed
    assert again.refund == first.refund
    assert refusal(world.flow.refund, payment.id, key="r", amount=Money(101)) == "IDEMPOTENCY_CONFLICT"


def test_f26_two_refunds_of_60_of_100_at_once(world: World) -> None:
    payment = world.paid(100)

    def call(number: int) -> str:
        try:
            world.flow.refund(payment.id, key=f"r-{number}", amount=Money(60))
        except PayflowError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(call, range(8)))
    assert found == ["REFUND_EXCEEDS_CAPTURED"] * 7 + ["ok"]


@pytest.mark.parametrize("status", ["created", "pending", "cancelled", "failed"])
def test_b221_what_is_not_paid_cannot_be_refunded(world: World, status: str) -> None:
    payment = world.pay(action="" if status == "created" else "buy")
    if status == "cancelled":
        world.flow.cancel(payment.id)
    if status == "failed":
        world.flow.receive(world.main.callback(world.main.event(payment, EventKind.FAILED)))
    assert world.status(payment) == status
    assert refusal(world.flow.refund, payment.id, key="r") == "NOT_REFUNDABLE"


def test_b220_more_than_is_left_or_in_another_currency(world: World) -> None:
    payment = world.paid()
    assert refusal(world.flow.refund, payment.id, key="r", amount=Money(1251)) == "REFUND_EXCEEDS_CAPTURED"
    assert refusal(world.flow.refund, payment.id, key="r", amount=Money(1, "USD")) == "CURRENCY_MISMATCH"
    world.flow.refund(payment.id, key="all")
    assert refusal(world.flow.refund, payment.id, key="r2") == "NOT_REFUNDABLE"


def test_i35_no_more_refunds_than_the_gateway_takes(make_world: Any) -> None:
    world = make_world()
    world.main.capabilities = type(world.main.capabilities)(
        **{
            **{n: getattr(world.main.capabilities, n) for n in type(world.main.capabilities).__slots__},
            "max_refunds": 2,
        }
    )
    payment = world.paid()
    for number in range(2):
        world.flow.refund(payment.id, key=f"r-{number}", amount=Money(1))
    assert refusal(world.flow.refund, payment.id, key="r-2", amount=Money(1)) == "TOO_MANY_REFUNDS"


def test_f27_a_refund_that_failed_frees_its_reservation(world: World) -> None:
    payment = world.paid()
    world.main.will("refund", Answer(Outcome.CONFIRMED))  # accepted, under way
    first = world.flow.refund(payment.id, key="r-1").refund
    assert first is not None
    assert world.flow.payment(payment.id).reserved == 1250
    failed = world.main.refunded(payment, first, EventKind.REFUND_FAILED)
    world.flow.receive(world.main.callback(failed))
    assert world.flow.payment(payment.id).reserved == 0
    second = world.flow.refund(payment.id, key="r-2").refund
    assert second is not None
    assert second.out_refund_no != first.out_refund_no
    assert world.status(payment) == "refunded"


def test_a_refund_that_the_gateway_refuses_fails(world: World) -> None:
    payment = world.paid()
    world.main.will("refund", Answer(Outcome.REJECTED, words={"code": "NOT_ENOUGH"}))
    result = world.flow.refund(payment.id, key="r")
    assert result.refund is not None
    assert (result.refund.status, result.payment.status, result.payment.reserved) == ("failed", "paid", 0)


def test_f25_a_refund_of_unknown_outcome_is_asked_about_and_sent_again_under_its_number(world: World) -> None:
    payment = world.paid()
    world.main.will("refund", Answer(Outcome.UNKNOWN))
    world.main.will("query_refund", Answer(Outcome.NOT_FOUND))
    refund = world.flow.refund(payment.id, key="r").refund
    assert refund is not None
    assert refund.status == "requested"
    world.clock.forward(5)
    world.worker.round()
    assert [call for call in world.main.calls if "refund" in call[0]] == [
        ("refund", refund.out_refund_no), ("query_refund", refund.out_refund_no), ("refund", refund.out_refund_no),
    ]  # fmt: skip
    assert world.status(payment) == "refunded"


def test_a_refund_that_is_processing_is_asked_about_until_it_is_known(world: World) -> None:
    payment = world.paid()
    world.main.will("refund", lambda p, r: Answer(
        Outcome.CONFIRMED, (world.main.refunded(p, r, EventKind.REFUND_PROCESSING, source="answer"),)
    ))  # fmt: skip
    refund = world.flow.refund(payment.id, key="r").refund
    assert refund is not None
    assert refund.status == "processing"
    world.main.will("query_refund", lambda p, r: Answer(
        Outcome.CONFIRMED, (world.main.refunded(p, r, EventKind.REFUND_SUCCEEDED, source="query"),)
    ))  # fmt: skip
    for _ in range(3):
        world.clock.forward(60)
        world.worker.round()
    assert world.status(payment) == "refunded"
    assert world.flow.payment(payment.id).next_check_at is None


def test_b223_a_callback_about_a_refund_nobody_knows(world: World) -> None:
    payment = world.paid()
    refund = world.flow.refund(payment.id, key="r", amount=Money(10)).refund
    assert refund is not None
    stranger = world.main.refunded(payment, refund, EventKind.REFUND_SUCCEEDED, out_refund_no="nobody", key="x")
    assert world.flow.receive(world.main.callback(stranger)).status == 404


def test_b223_a_callback_with_another_refund_amount(world: World) -> None:
    payment = world.paid()
    world.main.will("refund", Answer(Outcome.CONFIRMED))
    refund = world.flow.refund(payment.id, key="r", amount=Money(10)).refund
    assert refund is not None
    wrong = world.main.refunded(payment, refund, EventKind.REFUND_SUCCEEDED, amount=11)
    assert world.flow.receive(world.main.callback(wrong)).status == 200
    assert [i.kind for i in world.store.open_incidents()] == ["refund_amount_mismatch"]
    assert world.flow.payment(payment.id).refunded == 0


def test_b224_failed_after_succeeded_is_an_incident(world: World) -> None:
    payment = world.paid()
    refund = world.flow.refund(payment.id, key="r").refund
    assert refund is not None
    world.flow.receive(world.main.callback(world.main.refunded(payment, refund, EventKind.REFUND_FAILED)))
    assert world.status(payment) == "refunded"
    assert [i.kind for i in world.store.open_incidents()] == ["illegal_event"]


def test_messages_of_refunds_stand_in_their_payments_order(world: World) -> None:
    payment = world.paid()
    world.flow.refund(payment.id, key="r", amount=Money(10))
    history = world.store.history(payment.id)
    assert history is not None
    assert [(m.seq, m.kind) for m in history.messages] == [
        (1, "payment.created"), (2, "payment.pending"), (3, "payment.paid"), (4, "refund.requested"),
        (5, "refund.succeeded"), (6, "payment.partially_refunded"),
    ]  # fmt: skip
