"""A payment turns to another account only if nothing of it was ever sent, and old answers do not follow it there."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from payflow.gateway import Answer, Outcome
from payflow.records import Payment
from payflow.routing import Router, Rule

from ..flow.conftest import World, make_world, world  # noqa: F401 -- fixtures

UNREACHABLE = Answer(Outcome.NEVER_SENT, words={"error": "GATEWAY_UNREACHABLE"})
SILENT = Answer(Outcome.UNKNOWN, words={"error": "GATEWAY_TIMEOUT"})
NOT_THERE = Answer(Outcome.NOT_FOUND)


@pytest.fixture
def two(make_world: Any) -> World:  # noqa: F811 -- the fixture
    made: World = make_world()
    made.flow.router = Router([Rule(name="rest", account="main", fallback=True, otherwise=("other",))])
    return made


def test_a_payment_that_was_sent_once_is_never_moved(two: World) -> None:
    # "Not there" may be too early: the first request can still arrive, and a bar code is charged when it does.
    two.main.will("charge", SILENT, UNREACHABLE)
    two.main.will("query", NOT_THERE)
    payment = two.pay()
    two.flow.query(payment.id)
    assert two.main.calls == [("charge", payment.out_trade_no), ("query", payment.out_trade_no),
                              ("charge", payment.out_trade_no)]  # fmt: skip
    assert (two.flow.payment(payment.id).account, two.other.calls) == ("main", [])


def test_what_was_never_sent_may_still_move_later(two: World) -> None:
    two.main.will("charge", UNREACHABLE, UNREACHABLE)
    two.other.will("charge", UNREACHABLE)
    payment = two.pay()  # both are out of reach; it stays with the one that was asked last
    assert two.flow.payment(payment.id).account == "other"
    assert len(two.main.calls) == 1


def test_an_answer_of_the_account_it_left_says_nothing_of_the_one_it_is_at(two: World) -> None:
    # Asked at the first account, answered when the payment had moved and its charge there was of unknown outcome.
    may_answer, asked = threading.Event(), threading.Event()
    others: list[threading.Thread] = []

    def slow_question(_payment: Payment) -> Answer:
        asked.set()
        may_answer.wait(5)
        return NOT_THERE

    def out_of_reach(payment: Payment) -> Answer:  # and at the same time somebody looks at the payment's page
        others.append(threading.Thread(target=two.flow.query, args=(payment.id,)))
        others[0].start()
        assert asked.wait(5)
        return UNREACHABLE

    two.main.will("charge", out_of_reach)
    two.main.will("query", slow_question)
    two.other.will("charge", SILENT)
    payment = two.pay()
    may_answer.set()
    others[0].join(5)
    assert payment.account == "other"
    attempts = two.store.history(payment.id).attempts  # type: ignore[union-attr]  # it is there
    assert sorted((one.account, one.status) for one in attempts if one.op == "charge") == [
        ("main", "never_sent"), ("other", "unknown"),
    ]  # fmt: skip
    assert two.other.calls == [("charge", payment.out_trade_no)]
