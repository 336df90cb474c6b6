"""The desk on each database: what is found, what is said of it, what is done and written down."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from payflow import IdempotencyRefused, InvalidRequest, Money, NotFound, StoreError
from payflow.doctor import broken
from payflow.errors import OperatorRefused
from payflow.operating import POWERS, Desk, Operator
from payflow.records import OperatorAction

from .conftest import BOSS, Shop


def test_a_payment_is_found_by_each_of_its_names(shop: Shop, desk: Desk) -> None:
    payment = shop.paid(reference="tea-7")
    other = shop.pay("other", reference="tea-8")
    refund = shop.flow.refund(payment.id, key="r", amount=Money(50)).refund
    assert refund is not None
    for name in (payment.id, "tea-7", payment.out_trade_no, payment.gateway_txn, refund.out_refund_no, " tea-7 "):
        assert name
        assert [found.id for found in desk.find(name)] == [payment.id]
    assert [found.id for found in desk.find(other.out_trade_no)] == [other.id]
    for nothing in ("", "tea", "%", "x" * 500, "\x00", "\ud800", "' or 1=1 --"):
        assert desk.find(nothing) == []


def test_what_one_reference_names_often_comes_newest_first(shop: Shop, desk: Desk) -> None:
    made = [shop.pay(f"k{number}", reference="again").id for number in range(4)]
    assert [found.id for found in desk.find("again")] == sorted(made, reverse=True)


def test_only_what_is_not_finished_is_listed_with_its_reason(shop: Shop, desk: Desk) -> None:
    finished = shop.paid("done")
    waiting = shop.pay("waiting")
    shop.forward(5)
    listed = {payment.id: standing for payment, standing in desk.unfinished()}
    assert finished.id not in listed
    assert list(listed[waiting.id].reasons) == ["unpaid"]
    assert not listed[waiting.id].stuck
    shop.forward(3600)
    (_, late) = desk.unfinished()[0]
    assert set(late.reasons) >= {"unattended", "overdue"}
    assert late.stuck


def test_an_incident_is_the_weightiest_reason(shop: Shop, desk: Desk) -> None:
    payment = shop.paid_late()
    assert desk.file(payment.id).standing.reasons[0] == "incident"
    assert [one.payment_id for one in desk.incidents()] == [payment.id]


def test_a_query_asks_the_gateway_now(shop: Shop, desk: Desk) -> None:
    payment = shop.pay()
    shop.bank.payer.pay(payment.out_trade_no)
    done = desk.do(BOSS, "query", payment.id)
    assert (done.outcome, json.loads(done.result)) == ("done", {"status": "paid"})
    assert shop.flow.payment(payment.id).status == "paid"
    assert desk.actions() == [done]
    assert [step.facts["operator"] for step in desk.file(payment.id).trace.steps if step.what == "operator"] == ["li"]


def test_a_refund_is_done_once_however_often_its_form_is_sent(shop: Shop, desk: Desk) -> None:
    payment = shop.paid()
    form = desk.new_form()
    told = {"amount": "2.50", "reason": "cold tea"}
    first = desk.do(BOSS, "refund", payment.id, told, form=form)
    assert first.outcome == "done"
    assert desk.do(BOSS, "refund", payment.id, told, form=form) == first
    kept = shop.flow.payment(payment.id)
    assert (kept.refunded + kept.reserved, len(desk.file(payment.id).history.refunds)) == (250, 1)
    again = desk.do(BOSS, "refund", payment.id, told)
    assert again.id != first.id
    assert desk.file(payment.id).left == 1250 - 500
    everything = desk.do(BOSS, "refund", payment.id, {"amount": "", "reason": ""})
    assert everything.outcome == "done"
    assert desk.file(payment.id).left == 0
    assert broken(shop.flow.store) == []  # type: ignore[arg-type]  # the SQL stores are readable


def test_two_that_press_at_once_refund_once(shop: Shop, desk: Desk) -> None:
    payment = shop.paid()
    form, barrier, ended = desk.new_form(), threading.Barrier(4), []

    def press() -> None:
        barrier.wait()
        ended.append(Desk(shop.flow).do(BOSS, "refund", payment.id, {"amount": "1.00"}, form=form))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(one.outcome, one.code) for one in ended} - {("asked", "")} == {("done", "")}
    kept = shop.flow.payment(payment.id)
    assert kept.refunded + kept.reserved == 100
    assert len(desk.actions()) == 1


def test_what_the_rules_refuse_is_written_down_with_its_reason(shop: Shop, desk: Desk) -> None:
    payment = shop.paid()
    refused = desk.do(BOSS, "refund", payment.id, {"amount": "99.00"})
    assert (refused.outcome, refused.code) == ("refused", "REFUND_EXCEEDS_CAPTURED")
    unpaid = shop.pay("unpaid")
    assert desk.do(BOSS, "refund", unpaid.id, {}).code == "NOT_REFUNDABLE"
    assert [one.outcome for one in desk.actions()] == ["refused", "refused"]
    assert shop.flow.payment(payment.id).refunded == 0


@pytest.mark.parametrize("amount", ["-1", "1.234", "1e2", "0", "NaN", "1,00", "٣", "9" * 20])
def test_an_amount_that_is_none_moves_nothing(small_shop: Shop, amount: str) -> None:
    payment = small_shop.paid()
    desk = Desk(small_shop.flow)
    assert desk.do(BOSS, "refund", payment.id, {"amount": amount}).outcome == "refused"
    assert desk.file(payment.id).left == 1250


@pytest.mark.parametrize("how", ["refund", "dismiss"])
def test_an_incident_is_settled_and_says_by_whom(shop: Shop, desk: Desk, how: str) -> None:
    payment = shop.paid_late()
    (incident,) = desk.incidents()
    done = desk.do(BOSS, "resolve", incident.id, {"how": how, "reason": "called the payer"})
    assert (done.outcome, done.payment_id) == ("done", payment.id)
    shop.flow.query(payment.id)
    (after,) = desk.file(payment.id).history.incidents
    assert after.status == "resolved"
    assert "li" in json.loads(done.result)["resolution"]
    assert desk.do(BOSS, "resolve", incident.id, {"how": how}).code == "INCIDENT_CLOSED"
    assert broken(shop.flow.store) == []  # type: ignore[arg-type]


def test_a_message_that_was_given_up_is_sent_again(shop: Shop, desk: Desk) -> None:
    from payflow import Handlers, Message, Transaction, open_worker

    tries: list[int] = []

    def bake(message: Message, transaction: Transaction) -> None:
        tries.append(message.seq)
        if len(tries) <= 2:
            raise RuntimeError("the oven is cold")

    payment = shop.paid()
    handlers = Handlers()
    handlers.add("bake", ("payment.paid",), bake)
    worker = open_worker(shop.flow, handlers)
    worker.max_tries = 2
    for _ in range(4):
        worker.round()
        shop.forward(7200)
    assert desk.file(payment.id).standing.reasons[0] == "dead_letter"
    assert [one.handler for one in desk.dead_letters()] == ["bake"]
    done = desk.do(BOSS, "replay", payment.id)
    assert json.loads(done.result) == {"count": 1}
    worker.round()
    assert len(tries) == 3
    assert desk.dead_letters() == []


def test_a_refill_run_and_a_policy_are_changed_with_who_and_why(shop: Shop, desk: Desk) -> None:
    desk.wallet.open("ann", "tokens")
    while desk.wallet.refills.step():
        pass
    before = desk.wallet.balance("ann", "tokens").balance
    done = desk.do(BOSS, "policy", "daily", {"body": '{"amount": 3000}', "reason": "summer"})
    assert json.loads(done.result) == {"version": 2, "enabled": True}
    kept, versions = desk.policy("daily")
    assert (json.loads(kept.body)["amount"], kept.changed_by, versions[0].reason) == (3000, "li", "summer")
    shop.forward(2 * 86_400)
    ran = desk.do(BOSS, "refill", "")
    assert json.loads(ran.result)["granted"] == 1
    assert desk.wallet.balance("ann", "tokens").balance == 3000 > before
    off = desk.do(BOSS, "policy", "daily", {"enabled": "off", "reason": "over"})
    assert json.loads(off.result) == {"version": 3, "enabled": False}
    assert (
        desk.do(BOSS, "policy", "daily", {"body": '{"amount": -1}', "reason": "typo"}).code == "REFILL_POLICY_INVALID"
    )


@pytest.mark.parametrize("power", [name for name in POWERS if name != "view"])
def test_nobody_does_what_they_were_not_given(small_shop: Shop, power: str) -> None:
    payment = small_shop.paid()
    desk = Desk(small_shop.flow)
    others = frozenset(POWERS) - {power}
    for operator in (None, Operator("x"), Operator("x", {"view"}), Operator("x", others), Operator("x", {power})):
        with pytest.raises(OperatorRefused) as caught:
            desk.do(operator, power, payment.id, {"reason": "r", "how": "dismiss", "body": "{}"})
        assert caught.value.code == "OPERATOR_NOT_ALLOWED"
    assert desk.actions() == []


def test_a_power_that_does_not_exist_is_a_mistake_of_the_host() -> None:
    with pytest.raises(ValueError, match="no power reufnd"):
        Operator("li", {"view", "reufnd"})
    with pytest.raises(TypeError):
        Operator("li", "view")
    for name in ("", " ", "x" * 65, "a\nb"):
        with pytest.raises((ValueError, InvalidRequest)):
            Operator(name)


def test_what_is_not_there_is_not_written_down(small_shop: Shop) -> None:
    desk = Desk(small_shop.flow)
    for action, target, told in (
        ("query", "nobody", {}), ("refund", "", {}), ("resolve", "nobody", {"how": "dismiss"}),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            desk.do(BOSS, action, target, told)
    for action, told in (("launch", {}), ("resolve", {"how": "burn"}), ("policy", {"reason": "", "enabled": "on"})):
        with pytest.raises(InvalidRequest):
            desk.do(BOSS, action, "x", told)
    assert desk.actions() == []


def test_a_form_is_of_one_person_and_one_act(small_shop: Shop) -> None:
    payment = small_shop.paid()
    desk = Desk(small_shop.flow)
    form = desk.new_form()
    desk.do(BOSS, "query", payment.id, form=form)
    for operator, action, told in (
        (Operator("wang", POWERS), "query", {}), (BOSS, "refund", {}), (BOSS, "refund", {"amount": "1.00"}),
    ):  # fmt: skip
        with pytest.raises(IdempotencyRefused):
            desk.do(operator, action, payment.id, told, form=form)
    for number in ("", "x", form.lower(), form + "0"):
        with pytest.raises(InvalidRequest):
            desk.do(BOSS, "query", payment.id, form=number)


def test_an_act_that_was_cut_off_is_asked_for_until_its_form_is_sent_again(
    shop: Shop, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies behind the deed and before its end is written down; whoever sends the form again ends it."""
    payment = shop.paid()
    form = desk.new_form()

    class Died(BaseException):
        pass

    def die(_: OperatorAction) -> None:
        raise Died

    store: Any = shop.flow.store
    monkeypatch.setattr(store, "end_action", die)
    with pytest.raises(Died):
        desk.do(BOSS, "refund", payment.id, {"amount": "1.00"}, form=form)
    monkeypatch.undo()
    assert [one.outcome for one in desk.actions()] == ["asked"]
    assert desk.do(BOSS, "refund", payment.id, {"amount": "1.00"}, form=form).outcome == "done"
    kept = shop.flow.payment(payment.id)
    assert kept.refunded + kept.reserved == 100


def test_a_store_in_trouble_leaves_the_act_open_and_says_so(
    shop: Shop, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()

    def lost(*_: Any, **__: Any) -> Any:
        raise StoreError("The connection was lost", code="STORE_UNAVAILABLE")

    monkeypatch.setattr(shop.flow, "refund", lost)
    with pytest.raises(StoreError):
        desk.do(BOSS, "refund", payment.id, {})
    assert [one.outcome for one in desk.actions()] == ["asked"]


def test_old_acts_are_paged_through(small_shop: Shop) -> None:
    payment = small_shop.paid()
    desk = Desk(small_shop.flow)
    made = [desk.do(BOSS, "query", payment.id).id for _ in range(5)]
    seen: list[str] = []
    before = ""
    while page := desk.actions(2, before):
        seen += [one.id for one in page]
        before = page[-1].id
    assert seen == sorted(made, reverse=True)
