"""What an attacker of this code found, kept so that it stays found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from payflow.doctor import broken
from payflow.errors import PayflowError
from payflow.gateway import Answer, EventKind, Outcome
from payflow.money import Money
from payflow.records import Payment

from .conftest import World
from .test_pay import refusal


def refund_calls(world: World) -> list[str]:
    return [number for op, number in world.main.calls if op == "refund"]


def test_a_prepared_refund_is_not_sent_once_its_refund_has_failed(world: World) -> None:
    payment = world.paid()
    world.main.will("refund", Answer(Outcome.UNKNOWN))
    old = world.flow.refund(payment.id, key="r-1").refund
    assert old is not None

    def fails_meanwhile(*_: Any) -> Answer:
        return Answer(Outcome.NOT_FOUND)

    world.main.will("query_refund", fails_meanwhile)
    real = world.flow.perform

    def perform(attempt_id: str, payment_id: str) -> Any:
        """Between the decision to send again and the sending: the refund fails, and the host refunds anew."""
        if world.flow.store.gather_refund(old.id) != "failed":
            world.flow.receive(world.main.callback(world.main.refunded(payment, old, EventKind.REFUND_FAILED)))
            world.flow.perform = real  # type: ignore[method-assign]
            world.flow.refund(payment.id, key="r-2")
        return real(attempt_id, payment_id)

    world.flow.store.gather_refund = lambda name: world.store.history(payment.id).refunds[0].status  # type: ignore[union-attr]
    world.flow.perform = perform  # type: ignore[method-assign]
    world.clock.forward(5)
    world.worker.round()
    del world.flow.store.gather_refund
    assert refund_calls(world).count(old.out_refund_no) == 1
    assert len(refund_calls(world)) == 2
    assert world.flow.payment(payment.id).refunded == 1250


def test_one_answer_that_cannot_be_stored_does_not_stand_in_the_way_of_others(world: World) -> None:
    payments = [world.pay(key=f"k-{number}") for number in range(3)]

    def answer(payment: Payment) -> Answer:
        txn = "x" * 300 if payment.id == payments[1].id else f"t-{payment.id}"
        event = world.main.event(payment, EventKind.PAID, source="query", gateway_txn=txn, key=f"paid:{txn}"[:60])
        return Answer(Outcome.CONFIRMED, (event,))

    told: list[str] = []
    world.handlers.add("shop", ["payment.paid"], lambda message, _: told.append(message.payment_id))
    world.main.will("query", answer, answer, answer)
    world.clock.forward(11)
    world.worker.round()
    assert [world.status(payment) for payment in payments] == ["paid", "pending", "paid"]
    assert sorted(told) == sorted([payments[0].id, payments[2].id])


def test_orphans_behind_many_other_incidents_are_healed(world: World) -> None:
    world.worker.batch = 5
    known = world.pay(key="known")
    for number in range(12):
        stranger = world.main.event(known, EventKind.PAID, out_trade_no=f"foreign-{number}", key=f"paid:f{number}")
        assert world.flow.receive(world.main.callback(stranger)).status == 404
        world.clock.forward(0.01)
    early = world.main.event(known, EventKind.PAID, out_trade_no="early-bird", gateway_txn="t-9", key="paid:t-9")
    world.flow.receive(world.main.callback(early))
    payment = world.pay(out_trade_no="early-bird", key="late")
    for _ in range(4):
        world.clock.forward(11)
        world.worker.round()
    assert world.status(payment) == "paid"


def test_a_close_for_a_payment_that_is_paid_meanwhile_is_withdrawn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = world.pay()
    with monkeypatch.context() as patch:
        patch.setattr(world.flow, "perform", lambda *_: None)  # its caller dies before it is sent
        world.flow.cancel(payment.id)
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    world.clock.forward(40)
    world.worker.round()
    assert [op for op, _ in world.main.calls] == ["charge"]
    assert world.flow.payment(payment.id).unresolved == 0


def test_a_question_about_a_refund_that_has_ended_is_not_asked_for_ever(world: World) -> None:
    payment = world.paid()
    world.main.will("refund", Answer(Outcome.UNKNOWN))
    world.main.will("query_refund", Answer(Outcome.UNKNOWN))
    refund = world.flow.refund(payment.id, key="r").refund
    assert refund is not None
    world.clock.forward(5)
    world.worker.round()
    world.flow.receive(world.main.callback(world.main.refunded(payment, refund, EventKind.REFUND_SUCCEEDED)))
    for _ in range(3):
        world.clock.forward(4000)
        world.worker.round()
    settled = world.flow.payment(payment.id)
    assert (settled.status, settled.unresolved, settled.next_check_at) == ("refunded", 0, None)


def test_money_of_an_incident_is_followed_although_its_payment_has_ended(world: World) -> None:
    payment = world.flow.pay(amount=Money(1250), channel="qr", key="w").payment
    assert payment.status == "created"
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    [incident] = world.store.open_incidents()
    world.main.will("refund", lambda p, r: Answer(
        Outcome.CONFIRMED, (world.main.refunded(p, r, EventKind.REFUND_PROCESSING, source="answer"),)
    ))  # fmt: skip
    world.flow.resolve(incident.id, "refund", "duty")
    world.main.will("query_refund", *[lambda p, r: Answer(
        Outcome.CONFIRMED, (world.main.refunded(p, r, EventKind.REFUND_SUCCEEDED, source="query"),)
    )] * 3)  # fmt: skip
    for _ in range(4):
        world.clock.forward(301)
        world.worker.round()
    history = world.store.history(payment.id)
    assert history is not None
    assert (history.payment.status, [refund.status for refund in history.refunds]) == ("cancelled", ["succeeded"])


def test_a_gateway_that_never_answers_is_asked_less_and_less(world: World) -> None:
    payment = world.paid()
    world.main.will("refund", *[Answer(Outcome.NEVER_SENT)] * 5000)
    world.main.will("query_refund", *[Answer(Outcome.NOT_FOUND)] * 5000)
    world.flow.refund(payment.id, key="r")
    before = len(world.main.calls)
    for _ in range(3600):
        world.clock.forward(1)
        world.worker.round()
    assert len(world.main.calls) - before < 60


def test_no_gateway_is_asked_inside_the_hosts_transaction(world: World) -> None:
    payment = world.pay()
    with world.store.transaction() as transaction:
        joined = world.flow.joined(transaction.connection)
        assert refusal(joined.query, payment.id) == "JOINED_FLOW"


def test_an_error_that_a_handler_swallows_is_not_taken_for_done(database: Callable[[str], str]) -> None:
    world = World(database("postgresql"))
    with world.store.transaction() as transaction:
        transaction.connection.execute("create table once (id int primary key)")
        transaction.connection.execute("insert into once values (1)")
    tries: list[int] = []

    def swallows(message: Any, transaction: Any) -> None:
        tries.append(message.tries)
        if len(tries) == 1:
            try:
                transaction.connection.execute("insert into once values (1)")
            except Exception:  # noqa: BLE001 -- what the test is about
                return

    world.handlers.add("careless", ["payment.paid"], swallows)
    world.paid()
    for _ in range(3):
        world.worker.round()
        world.clock.forward(30)
    assert tries == [1, 2]
    assert broken(world.store) == []
    world.store.close()


def test_an_incident_is_settled_once(world: World) -> None:
    payment = world.pay()
    world.flow.cancel(payment.id)
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    [incident] = world.store.open_incidents()
    world.flow.resolve(incident.id, "dismiss", "al")
    with pytest.raises(PayflowError, match="INCIDENT_CLOSED"):
        world.flow.resolve(incident.id, "refund", "bo")
    assert refund_calls(world) == []


def test_the_doctor_sees_a_refund_that_is_booked_twice_or_with_another_amount(tmp_path: Path) -> None:
    world = World(f"sqlite:///{tmp_path}/books.db")
    payment = world.paid()
    world.flow.refund(payment.id, key="r", amount=Money(500))
    assert broken(world.store) == []
    with world.store.transaction() as transaction:
        run = transaction.connection.execute
        booked = "from pf_journal where kind = 'refund'"
        lines = "from pf_entry where journal_id like 'refund:%'"
        columns = "kind, ref, payment_id, cause_id, at"
        run(f"insert into pf_journal (id, {columns}) select 'again', {columns} {booked}")
        what = "line, ledger_account, currency, amount"
        run(f"insert into pf_entry (journal_id, {what}) select 'again', {what} {lines}")
        off_by_one = "amount + case line when 1 then -1 else 1 end"
        run(f"update pf_entry set amount = {off_by_one} where journal_id like 'refund:%'")
    assert {"I-33c", "I-33d"} <= {finding.invariant.number for finding in broken(world.store)}
    world.store.close()


def lazily_cancelled(world: World) -> Payment:
    """Cancelled while the gateway knew nothing of it, though the payer holds its QR."""
    payment = world.pay()
    world.main.will("close", Answer(Outcome.NOT_FOUND))
    world.flow.cancel(payment.id)
    return world.flow.payment(payment.id)


def test_f15_a_cancelled_order_that_was_handed_out_is_asked_about_once_its_time_is_over(world: World) -> None:
    payment = lazily_cancelled(world)
    assert payment.status == "cancelled"
    world.clock.forward(600)
    world.worker.round()
    assert [op for op, _ in world.main.calls] == ["charge", "close"]  # not yet
    paid = world.main.event(payment, EventKind.PAID, source="query")
    world.main.will("query", Answer(Outcome.CONFIRMED, (paid,)))
    world.clock.forward(600)
    world.worker.round()
    [incident] = world.store.open_incidents()
    assert (incident.kind, incident.amount) == ("late_payment", payment.amount)


def test_a_cancelled_order_nobody_paid_is_asked_about_once(world: World) -> None:
    payment = lazily_cancelled(world)
    world.main.will("query", Answer(Outcome.NOT_FOUND))
    for _ in range(5):
        world.clock.forward(1000)
        world.worker.round()
    assert [op for op, _ in world.main.calls] == ["charge", "close", "query"]
    assert world.flow.payment(payment.id).next_check_at is None
    assert world.status(payment) == "cancelled"


def test_a_last_question_without_an_answer_is_asked_again(world: World) -> None:
    payment = lazily_cancelled(world)
    world.main.will("query", Answer(Outcome.UNKNOWN), Answer(Outcome.UNKNOWN), Answer(Outcome.NOT_FOUND))
    for _ in range(12):
        world.clock.forward(4000)
        world.worker.round()
    assert [op for op, _ in world.main.calls].count("query") == 3
    assert world.flow.payment(payment.id).next_check_at is None
