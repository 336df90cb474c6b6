"""What the gateway states: once, again, together, late, twice, or about somebody else's order."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payflow.errors import CallbackRefused
from payflow.gateway import Answer, Callback, EventKind, Outcome
from payflow.money import Money
from payflow.records import Payment

from .conftest import World


def history(world: World, payment: Payment) -> Any:
    return world.store.history(payment.id)


def kinds(world: World) -> list[str]:
    return sorted(incident.kind for incident in world.store.open_incidents())


def test_a_callback_pays_books_and_tells_in_one_go(world: World) -> None:
    payment = world.pay()
    reply = world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    assert (reply.status, reply.body) == (200, b"ok")
    told = history(world, payment)
    assert told.payment.status == "paid"
    assert told.payment.captured == 1250
    assert told.payment.gateway_txn == "txn-" + payment.out_trade_no
    assert [(e.ledger_account, e.amount) for e in told.entries] == [("gateway:main", 1250), ("sales", -1250)]
    assert [m.kind for m in told.messages] == ["payment.created", "payment.pending", "payment.paid"]
    assert json.loads(told.messages[-1].body)["captured"] == 1250


@pytest.mark.parametrize("times", [2, 10])
def test_f01_the_same_callback_again_is_acknowledged_and_counted(world: World, times: int) -> None:
    payment = world.pay()
    callback = world.main.callback(world.main.event(payment, EventKind.PAID))
    assert {world.flow.receive(callback).status for _ in range(times)} == {200}
    told = history(world, payment)
    assert len(told.journals) == 1
    assert [receipt.repeats for receipt in told.receipts] == [times - 1]


def test_f01_a_hundred_in_parallel_are_one(world: World) -> None:
    payment = world.pay()
    callback = world.main.callback(world.main.event(payment, EventKind.PAID))
    with ThreadPoolExecutor(16) as pool:
        assert {reply.status for reply in pool.map(lambda _: world.flow.receive(callback), range(100))} == {200}
    told = history(world, payment)
    assert len(told.journals) == len(told.receipts) == 1
    assert told.receipts[0].repeats == 99


def test_many_are_one_set_and_each_gets_its_own_reply(world: World) -> None:
    payments = [world.pay(key=f"k-{n}") for n in range(20)]
    callbacks = [world.main.callback(world.main.event(payment, EventKind.PAID)) for payment in payments]
    stranger = world.main.callback(world.main.event(payments[0], EventKind.PAID, out_trade_no="nobody-s", key="paid:x"))
    forged = Callback("main", (), b"forged")
    nowhere = Callback("nowhere", (), b"{}")
    replies = world.flow.receive_many([forged, *callbacks, stranger, callbacks[3], nowhere])
    assert [reply.status for reply in replies] == [401, *[200] * 20, 404, 200, 404]
    assert {world.status(payment) for payment in payments} == {"paid"}
    assert history(world, payments[3]).receipts[0].repeats == 1


def test_a_forged_callback_costs_no_write(world: World) -> None:
    world.store.write = None  # type: ignore[assignment]  # a write would raise TypeError
    with pytest.raises(CallbackRefused):
        world.flow.receive(Callback("main", (), b"forged"))
    del world.store.write


def test_f02_a_callback_and_an_answer_about_one_fact_meet(world: World) -> None:
    payment = world.pay()
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    world.flow.apply([world.main.event(payment, EventKind.PAID, source="query")])
    told = history(world, payment)
    assert len(told.receipts) == 1
    assert told.receipts[0].repeats == 1


def test_f12_a_stale_pending_after_paid_changes_nothing(world: World) -> None:
    payment = world.paid()
    world.flow.apply([world.main.event(payment, EventKind.PENDING)])
    assert world.status(payment) == "paid"


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"amount": 1249}, "amount_mismatch"),
        ({"amount": 1251}, "amount_mismatch"),
        ({"amount": 0}, "amount_mismatch"),
        ({"amount": None}, "amount_mismatch"),
        ({"currency": "USD"}, "currency_mismatch"),
        ({"currency": "cny"}, "currency_mismatch"),
        ({"currency": None}, "currency_mismatch"),
        ({"app": "another"}, "app_mismatch"),
        ({"app": None}, "app_mismatch"),
        ({"merchant": "another"}, "seller_mismatch"),
        ({"merchant": None}, "seller_mismatch"),
    ],
)
def test_b061_to_b066_genuine_and_not_ours_is_an_incident(world: World, wrong: dict[str, Any], kind: str) -> None:
    payment = world.pay()
    callback = world.main.callback(world.main.event(payment, EventKind.PAID, **wrong))
    assert world.flow.receive(callback).status == 200
    assert world.status(payment) == "pending"
    assert kinds(world) == [kind]
    world.flow.receive(callback)
    assert [incident.count for incident in world.store.open_incidents()] == [2]
    assert [m.kind for m in history(world, payment).messages][-1] == "incident.opened"


def test_a_mismatch_does_not_stand_in_the_way_of_the_truth(world: World) -> None:
    payment = world.pay()
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID, app="another")))
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    assert world.status(payment) == "paid"


def test_b060_another_account_naming_our_order(world: World) -> None:
    payment = world.pay()
    event = world.main.event(payment, EventKind.PAID, account="other", merchant="m-2", app="a-2")
    assert world.flow.receive(world.other.callback(event)).status == 200
    assert world.status(payment) == "pending"
    assert kinds(world) == ["gateway_mismatch"]


def test_b068_an_order_nobody_knows_is_sent_again_and_kept(world: World) -> None:
    payment = world.pay()
    callback = world.main.callback(world.main.event(payment, EventKind.PAID, out_trade_no="unknown-1"))
    assert world.flow.receive(callback).status == 404
    assert world.flow.receive(callback).status == 404
    assert [(i.kind, i.count) for i in world.store.open_incidents()] == [("unknown_payment", 2)]


def test_f04_a_callback_before_its_order_is_applied_when_the_order_turns_up(world: World) -> None:
    other = world.pay()
    early = world.main.event(other, EventKind.PAID, out_trade_no="early-bird", gateway_txn="t-9", key="paid:t-9")
    assert world.flow.receive(world.main.callback(early)).status == 404
    payment = world.pay(out_trade_no="early-bird", key="k-2")
    world.worker.round()
    assert world.status(payment) == "paid"
    assert world.store.open_incidents() == []


def test_b045_same_fact_other_content_is_a_conflict(world: World) -> None:
    payment = world.paid()
    liar = world.main.event(payment, EventKind.PAID, amount=1)
    assert world.flow.receive(world.main.callback(liar)).status == 200
    assert kinds(world) == ["fact_conflict"]
    assert world.flow.payment(payment.id).captured == 1250


def test_refunded_never_becomes_paid_again(world: World) -> None:
    payment = world.paid()
    world.flow.refund(payment.id, key="r")
    again = world.main.event(payment, EventKind.PAID, gateway_txn="t-2", key="paid:t-2")
    assert world.flow.receive(world.main.callback(again)).status == 200
    assert world.status(payment) == "refunded"
    assert kinds(world) == ["double_payment"]


def cancelled(world: World) -> Payment:
    payment = world.pay()
    world.flow.cancel(payment.id)
    assert world.status(payment) == "cancelled"
    return payment


def test_f15_late_money_is_held_for_a_person(world: World) -> None:
    payment = cancelled(world)
    callback = world.main.callback(world.main.event(payment, EventKind.PAID))
    assert [world.flow.receive(callback).status for _ in range(3)] == [200] * 3
    assert world.status(payment) == "cancelled"
    assert [(i.kind, i.status, i.policy, i.amount) for i in world.store.open_incidents()] == [
        ("late_payment", "open", "hold", 1250)
    ]
    assert [(e.ledger_account, e.amount) for e in history(world, payment).entries] == [
        ("gateway:main", 1250), ("suspense", -1250),
    ]  # fmt: skip


def test_f15_late_money_is_accepted_where_the_policy_says_so(make_world: Any) -> None:
    world = make_world(policies={"late_payment": "accept"})
    payment = cancelled(world)
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    told = history(world, payment)
    assert told.payment.status == "paid"
    assert told.messages[-2].kind == "payment.paid_late"
    assert [(i.kind, i.status) for i in told.incidents] == [("late_payment", "resolved")]


def test_f15_late_money_goes_back_once_where_the_policy_says_so(make_world: Any) -> None:
    world = make_world(policies={"late_payment": "refund"})
    payment = cancelled(world)
    callback = world.main.callback(world.main.event(payment, EventKind.PAID))
    for _ in range(3):
        world.flow.receive(callback)
        world.worker.round()
    told = history(world, payment)
    assert told.payment.status == "cancelled"
    assert [(r.status, r.amount) for r in told.refunds] == [("succeeded", 1250)]
    assert [op for op, _ in world.main.calls].count("refund") == 1
    assert sum(e.amount for e in told.entries if e.ledger_account == "suspense") == 0
    assert [(i.status) for i in told.incidents] == ["resolved"]


def test_a_person_sends_held_money_back(world: World) -> None:
    payment = cancelled(world)
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    [incident] = world.store.open_incidents()
    world.flow.resolve(incident.id, "refund", operator="duty")
    told = history(world, payment)
    assert [r.status for r in told.refunds] == ["succeeded"]
    assert world.store.open_incidents() == []
    assert {t.cause_kind for t in told.transitions if t.entity == "refund" and t.seq == 1} == {"operator"}


def test_f16_a_second_payment_of_one_order_is_held(world: World) -> None:
    payment = world.paid()
    second = world.main.event(payment, EventKind.PAID, gateway_txn="t-2", key="paid:t-2")
    world.flow.receive(world.main.callback(second))
    assert kinds(world) == ["double_payment"]
    assert world.flow.payment(payment.id).captured == 1250


def test_f16_a_second_payment_goes_back_where_the_policy_says_so(make_world: Any) -> None:
    world = make_world(policies={"late_payment": "refund"})
    payment = world.paid()
    second = world.main.event(payment, EventKind.PAID, gateway_txn="t-2", key="paid:t-2")
    world.flow.receive(world.main.callback(second))
    world.worker.round()
    told = history(world, payment)
    assert [(r.status, r.gateway_txn) for r in told.refunds] == [("succeeded", "t-2")]
    assert (told.payment.status, told.payment.refunded) == ("paid", 0)


def test_a_genuine_failure_fails_and_a_closed_order_is_cancelled(world: World) -> None:
    first, second = world.pay(key="1"), world.pay(key="2")
    world.flow.receive(world.main.callback(world.main.event(first, EventKind.FAILED)))
    world.flow.receive(world.main.callback(world.main.event(second, EventKind.CLOSED)))
    assert (world.status(first), world.status(second)) == ("failed", "cancelled")


def test_closed_after_paid_is_an_incident_and_changes_nothing(world: World) -> None:
    payment = world.paid()
    assert world.flow.receive(world.main.callback(world.main.event(payment, EventKind.CLOSED))).status == 200
    assert world.status(payment) == "paid"
    assert kinds(world) == ["illegal_event"]


def test_b078_a_word_without_translation_is_kept_and_asked_about(world: World) -> None:
    payment = world.pay()
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.UNKNOWN)))
    assert kinds(world) == ["unknown_event"]
    world.worker.round()
    assert ("query", payment.out_trade_no) in world.main.calls


def test_an_unknown_charge_is_settled_by_the_callback(world: World) -> None:
    world.main.will("charge", Answer(Outcome.UNKNOWN))
    payment = world.paid()
    assert payment.status == "paid"
    assert [a.status for a in history(world, payment).attempts] == ["confirmed"]
    assert payment.next_check_at is None


def test_a_callback_quicker_than_the_answer(world: World) -> None:
    def paid_first(payment: Payment) -> Answer:
        world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
        return Answer(Outcome.UNKNOWN)

    world.main.will("charge", paid_first)
    payment = world.pay()
    assert payment.status == "paid"
    assert payment.unresolved == 0


def test_the_proof_is_kept_with_the_receipt(world: World) -> None:
    payment = world.paid()
    [receipt] = history(world, payment).receipts
    assert payment.out_trade_no in json.loads(receipt.proof)["body"]


def test_a_failing_event_in_a_set_fails_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import payflow.flow.receiving as flow_module

    good, bad = world.pay(key="1"), world.pay(key="2")
    real = flow_module.apply_event

    def sometimes(draft: Any, event: Any) -> Any:
        if event.out_trade_no == bad.out_trade_no:
            raise ZeroDivisionError
        return real(draft, event)

    monkeypatch.setattr(flow_module, "apply_event", sometimes)
    world.flow._together._limit = 8
    calls = [world.main.callback(world.main.event(payment, EventKind.PAID)) for payment in (good, bad)] * 4

    def call(callback: Callback) -> str:
        try:
            return str(world.flow.receive(callback).status)
        except ZeroDivisionError:
            return "broke"

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, calls)) == ["200", "broke"] * 4
    assert (world.status(good), world.status(bad)) == ("paid", "pending")


def test_two_flows_on_one_store_apply_a_fact_once(world: World) -> None:
    twin = world.another_flow()
    payments = [world.pay(key=f"k-{n}") for n in range(20)]
    callbacks = [world.main.callback(world.main.event(payment, EventKind.PAID)) for payment in payments] * 5

    def call(number: int) -> int:
        return (twin if number % 2 else world.flow).receive(callbacks[number]).status

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(call, range(len(callbacks)))) == {200}
    assert all(len(history(world, payment).journals) == 1 for payment in payments)


def test_an_expected_payment_is_paid_by_its_callback(world: World) -> None:
    payment = world.flow.expect(amount=Money(10), channel="page", key="e", out_trade_no="order-77").payment
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.PAID)))
    assert world.status(payment) == "paid"
