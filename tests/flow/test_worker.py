"""Cancelling, expiring, asking, telling: what goes on when nobody is looking."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from payflow.doctor import broken
from payflow.errors import PayflowError
from payflow.gateway import Answer, EventKind, NextAction, Outcome
from payflow.money import Money
from payflow.records import Message, Payment, replace
from payflow.worker import Handlers, Worker

from .conftest import World
from .test_pay import refusal


def test_cancel_before_anything_was_sent(world: World) -> None:
    payment = world.pay(action="")
    assert world.flow.cancel(payment.id).payment.status == "cancelled"
    assert world.main.calls == []


def test_cancel_closes_at_the_gateway_first(world: World) -> None:
    payment = world.pay()
    assert world.flow.cancel(payment.id, key="c").payment.status == "cancelled"
    assert world.flow.cancel(payment.id, key="c").replayed
    assert [op for op, _ in world.main.calls] == ["charge", "close"]


def test_f14_the_payer_was_quicker_than_the_close(world: World) -> None:
    payment = world.pay()

    def paid_meanwhile(payment: Payment) -> Answer:
        return Answer(Outcome.REJECTED, (world.main.event(payment, EventKind.PAID, source="answer"),))

    world.main.will("close", paid_meanwhile)
    assert world.flow.cancel(payment.id).payment.status == "paid"


def test_a_close_of_unknown_outcome_stays_pending_until_it_is_known(world: World) -> None:
    payment = world.pay()
    world.main.will("close", Answer(Outcome.UNKNOWN))
    assert world.flow.cancel(payment.id).payment.status == "pending"
    world.main.will(
        "query", lambda p: Answer(Outcome.CONFIRMED, (world.main.event(p, EventKind.CLOSED, source="query"),))
    )
    world.clock.forward(5)
    world.worker.round()
    assert world.status(payment) == "cancelled"
    assert world.flow.payment(payment.id).unresolved == 0


def test_a_close_that_never_arrived_is_sent_again(world: World) -> None:
    payment = world.pay()
    world.main.will("close", Answer(Outcome.UNKNOWN))
    world.flow.cancel(payment.id)
    world.clock.forward(5)
    world.worker.round()  # asked, it is still open there
    assert world.status(payment) == "cancelled"
    assert [op for op, _ in world.main.calls] == ["charge", "close", "query", "close"]


@pytest.mark.parametrize("ended", ["paid", "cancelled", "refunded"])
def test_b155_what_has_ended_is_not_cancelled(world: World, ended: str) -> None:
    payment = world.pay() if ended == "cancelled" else world.paid()
    if ended == "cancelled":
        world.flow.cancel(payment.id)
    if ended == "refunded":
        world.flow.refund(payment.id, key="r")
    assert refusal(world.flow.cancel, payment.id) == "TRANSITION_NOT_ALLOWED"
    assert world.status(payment) == ended


def test_an_unpaid_payment_expires_by_being_closed_at_the_gateway(world: World) -> None:
    payment = world.pay()
    for _ in range(12):
        world.clock.forward(120)
        world.worker.round()
    assert world.status(payment) == "cancelled"
    assert [op for op, _ in world.main.calls][-1] == "close"


def test_f09_a_callback_that_never_came_is_found_and_said(world: World, caplog: pytest.LogCaptureFixture) -> None:
    payment = world.pay()
    world.main.will(
        "query", lambda p: Answer(Outcome.CONFIRMED, (world.main.event(p, EventKind.PAID, source="query"),))
    )
    world.clock.forward(11)
    report = world.worker.round()
    assert report.callbacks_missing == [payment.id]
    assert "its callback never came" in caplog.text
    assert world.status(payment) == "paid"


def test_questions_grow_further_apart(world: World) -> None:
    world.flow.settings = type(world.settings)(secret=b"s" * 40, payment_seconds=100_000)
    payment = world.pay()
    asked = []
    for second in range(1, 700):
        world.clock.forward(1)
        before = len(world.main.calls)
        world.worker.round()
        if len(world.main.calls) > before:
            asked.append(second)
    gaps = [b - a for a, b in zip(asked, asked[1:], strict=False)]
    assert asked[0] == 10
    assert gaps == sorted(gaps)
    assert gaps[-1] >= 160
    assert world.status(payment) == "pending"


def test_a_caller_that_died_after_sending_leaves_an_unknown_outcome_that_is_asked_about(world: World) -> None:
    def dies(payment: Payment) -> Answer:
        raise KeyboardInterrupt

    world.main.will("charge", dies)
    with pytest.raises(KeyboardInterrupt):
        world.pay()
    [payment] = world.store.recent_payments()
    assert refusal(world.pay) == "IDEMPOTENCY_IN_PROGRESS"
    world.clock.forward(31)
    world.worker.round()
    assert [op for op, _ in world.main.calls] == ["charge", "query", "charge"]  # under one number: it is one order
    assert len({number for _, number in world.main.calls}) == 1
    assert world.flow.payment(payment.id).unresolved == 0
    assert world.pay().id == payment.id


def test_a_caller_that_died_before_sending_is_taken_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(world.flow, "perform", dies)
        with pytest.raises(KeyboardInterrupt):
            world.pay()
    world.clock.forward(31)
    assert world.pay().status == "pending"  # the caller comes again with its key and finishes what it began
    assert next(op for op, _ in world.main.calls) == "charge"


def test_f13_two_workers_ask_once(world: World) -> None:
    twin = Worker(world.another_flow(), world.handlers)
    for number in range(10):
        world.pay(key=f"k-{number}")
    world.main.calls.clear()
    world.clock.forward(11)
    threads = [threading.Thread(target=worker.round) for worker in (world.worker, twin)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(op for op, _ in world.main.calls) == ["query"] * 10


# -- telling the host ----------------------------------------------------------------------------------------------


def listen(world: World, kinds: tuple[str, ...] = ("*",), name: str = "shop") -> list[str]:
    told: list[str] = []
    world.handlers.add(name, kinds, lambda message, transaction: told.append(message.kind))
    return told


def test_handlers_are_told_in_order(world: World) -> None:
    told = listen(world)
    payment = world.paid()
    world.flow.refund(payment.id, key="r")
    world.worker.round()
    assert told == [
        "payment.created", "payment.pending", "payment.paid", "refund.requested", "refund.succeeded", "payment.refunded"
    ]  # fmt: skip
    world.worker.round()
    assert len(told) == 6


def test_a_handler_is_told_only_what_it_asked_for(world: World) -> None:
    told = listen(world, ("payment.paid",))
    world.paid()
    world.worker.round()
    assert told == ["payment.paid"]
    assert world.store.counts()["waiting_messages"] == 0


def test_f51_a_handler_that_fails_is_tried_again_and_the_others_go_on(world: World) -> None:
    told = listen(world, ("payment.paid",))
    failures = [ValueError("first"), SystemExit(3)]

    def flaky(message: Message, transaction: Any) -> None:
        if failures:
            raise failures.pop(0)
        told.append("flaky")

    world.handlers.add("flaky", ["payment.paid"], flaky)
    world.paid()
    for _ in range(4):
        world.worker.round()
        world.clock.forward(60)
    assert told == ["payment.paid", "flaky"]


def test_l04_a_handler_that_always_fails_makes_a_dead_letter_and_its_queue_goes_on(world: World) -> None:
    world.worker.max_tries = 3
    told = listen(world, ("payment.refunded",))
    world.handlers.add("broken", ["payment.paid"], lambda m, t: 1 / 0)
    payment = world.paid()
    world.flow.refund(payment.id, key="r")
    for _ in range(6):
        world.worker.round()
        world.clock.forward(3600)
    assert told == ["payment.refunded"]
    assert world.store.counts()["dead_letters"] == 1


def test_a_dead_letter_is_replayed(world: World) -> None:
    world.worker.max_tries = 1
    healthy: list[str] = []
    world.handlers.add("later", ["payment.paid"], lambda m, t: healthy.append(m.kind) if healthy else 1 / 0)  # type: ignore[func-returns-value]
    world.paid()
    world.worker.round()
    assert world.store.counts()["dead_letters"] == 1
    healthy.append("ready")
    assert world.store.revive(handler="later", now=world.clock()) == 1
    world.worker.round()
    assert healthy == ["ready", "payment.paid"]


def test_f50_an_effect_commits_with_the_handlers_own_rows_or_not_at_all(world: World) -> None:
    with world.store.transaction() as transaction:
        transaction.connection.execute("create table shipped (payment_id text)")
    crash = [True]

    def ship(message: Message, transaction: Any) -> None:
        transaction.connection.execute("insert into shipped values (?)", (message.payment_id,))
        if crash:
            crash.clear()
            raise ConnectionError("died between the effect and the mark")

    world.handlers.add("ship", ["payment.paid"], ship)
    world.paid()
    for _ in range(3):
        world.worker.round()
        world.clock.forward(10)
    with world.store.transaction() as transaction:
        assert transaction.connection.execute("select count(*) from shipped").fetchone()[0] == 1


def test_f53_two_workers_deliver_once(world: World) -> None:
    told = listen(world, ("payment.paid",))
    twin = Worker(world.another_flow(), world.handlers)
    for number in range(30):
        world.paid(key=f"k-{number}")
    threads = [threading.Thread(target=worker.round) for worker in (world.worker, twin)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.worker.round()
    assert len(told) == 30


def test_a_handler_name_is_taken_once() -> None:
    handlers = Handlers()
    handlers.add("a", ["x"], lambda m, t: None)
    with pytest.raises(PayflowError, match="DUPLICATE_HANDLER"):
        handlers.add("a", ["y"], lambda m, t: None)


def test_the_worker_stops_when_told(world: World) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=world.worker.run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_keys_are_forgotten_after_their_retention(world: World) -> None:
    world.pay()
    world.clock.forward(8 * 86_400)
    assert world.worker.round().forgotten == 1


def test_the_trace_tells_the_whole_story(world: World) -> None:
    listen(world, ("payment.paid",))
    payment = world.paid()
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    world.flow.refund(payment.id, key="r")
    world.worker.round()
    trace = world.flow.trace(payment.id)
    text = trace.text()
    for words in (
        "payment: · -create→ created", "charge at main", "pending -pay→ paid  because of callback",
        "capture booked: gateway:main +12.50, sales -12.50", "stated 1 more time", "payment.paid (delivered)",
        "handler shop has done", "refund booked", "-refund_full→ refunded",
    ):  # fmt: skip
        assert words in text, words
    assert trace.as_dict()["status"] == "refunded"


def test_a_dead_letter_revived_after_its_followers_breaks_no_invariant(world: World) -> None:
    world.worker.max_tries = 1
    failing = [True]
    world.handlers.add("ship", ["payment.paid"], lambda m, t: 1 / 0 if failing else None)
    told = listen(world, ("payment.refunded",))
    payment = world.paid()
    world.flow.refund(payment.id, key="r")
    world.worker.round()
    assert told == ["payment.refunded"]
    world.store.revive(now=world.clock())
    assert broken(world.store) == []
    failing.clear()
    world.worker.round()
    assert world.store.counts()["dead_letters"] == 0


def test_a_bar_code_is_asked_about_every_few_seconds_and_then_cancelled(world: World) -> None:
    waits = Answer(Outcome.CONFIRMED, next_action=NextAction("wait"))
    world.main.capabilities = replace(world.main.capabilities, channels=frozenset({"barcode"}))
    world.main.will("charge", waits)
    payment = world.flow.pay(amount=Money(1250), channel="barcode", key="counter", action="buy").payment
    asked = []
    for second in range(1, 64):
        world.clock.forward(1)
        before = [op for op, _ in world.main.calls].count("query")
        world.worker.round()
        if [op for op, _ in world.main.calls].count("query") > before:
            asked.append(second)
    assert len(asked) >= 14
    assert max(b - a for a, b in zip(asked, asked[1:], strict=False)) <= 5
    assert world.main.calls[-1][0] == "close"
    assert world.status(payment) == "cancelled"
