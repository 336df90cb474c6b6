"""A gateway that cannot be reached: another one is asked, as long as nothing has been sent."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.errors import InvalidRequest
from payflow.gateway import Answer, EventKind, Outcome
from payflow.records import Payment
from payflow.routing import Router, Rule

from .conftest import World

UNREACHABLE = Answer(Outcome.NEVER_SENT, words={"error": "GATEWAY_UNREACHABLE"})
SILENT = Answer(Outcome.UNKNOWN, words={"error": "GATEWAY_TIMEOUT"})


@pytest.fixture
def two(make_world: Any) -> World:
    world: World = make_world()
    world.flow.router = Router(
        [
            Rule(name="app", account="other", channels=("app",), otherwise=("main",)),
            Rule(name="rest", account="main", fallback=True, otherwise=("other",)),
        ]
    )
    return world


def test_f34_an_unreachable_gateway_hands_over_to_the_next(two: World) -> None:
    two.main.will("charge", UNREACHABLE)
    payment = two.pay()
    assert (payment.account, payment.merchant, payment.app, payment.status) == ("other", "m-2", "a-2", "pending")
    assert two.flow.next_action(payment).kind == "qr"
    assert [op for op, _ in two.main.calls] == ["charge"]


def test_the_order_number_stays_and_its_callback_settles_it(two: World) -> None:
    two.main.will("charge", UNREACHABLE)
    payment = two.pay()
    assert two.other.calls == [("charge", payment.out_trade_no)]
    two.flow.receive(two.other.callback(two.other.event(payment, EventKind.PAID)))
    assert two.status(payment) == "paid"


def test_silence_is_no_reason_to_turn_to_another(two: World) -> None:
    two.main.will("charge", SILENT)
    payment = two.pay()
    assert (payment.account, two.other.calls) == ("main", [])


def test_both_unreachable_stays_pending_and_asks_each_once(two: World) -> None:
    two.main.will("charge", UNREACHABLE)
    two.other.will("charge", UNREACHABLE)
    payment = two.pay()
    assert payment.status == "pending"
    assert (len(two.main.calls), len(two.other.calls)) == (1, 1)


def test_what_was_told_to_the_payer_is_never_moved(two: World) -> None:
    two.main.will("query", Answer(Outcome.NOT_FOUND))
    payment = two.pay()
    two.main.will("charge", UNREACHABLE)
    two.flow.query(payment.id)
    assert (two.flow.payment(payment.id).account, two.other.calls) == ("main", [])


def test_the_trace_tells_both_accounts(two: World) -> None:
    two.main.will("charge", UNREACHABLE)
    payment = two.pay()
    attempts = two.store.history(payment.id).attempts  # type: ignore[union-attr]  # it is there
    assert sorted((one.account, one.status) for one in attempts) == [("main", "never_sent"), ("other", "confirmed")]


def test_what_a_gateway_cannot_do_without_is_refused_before_anything_is_stored(world: World) -> None:
    def check(payment: Payment) -> None:
        raise InvalidRequest("metadata needs openid", code="INVALID_METADATA", path="$.openid")

    world.main.check = check  # type: ignore[attr-defined]  # the optional part of a gateway
    with pytest.raises(InvalidRequest) as refused:
        world.pay()
    assert (refused.value.code, refused.value.path) == ("INVALID_METADATA", "$.openid")
    assert list(world.store.recent_payments(10)) == []
    assert world.main.calls == []


def test_an_order_number_the_gateway_does_not_take_is_refused(make_world: Any) -> None:
    world: World = make_world()
    with pytest.raises(InvalidRequest) as refused:
        world.pay(out_trade_no="with@sign")
    assert refused.value.code == "INVALID_REFERENCE"
