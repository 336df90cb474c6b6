"""Every way in which a bill and our books can differ, and what becomes of it (F-61, F-64, I-60 … I-62, L-08, L-12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.gateway import Answer, BillKind, BillOutcome, EventKind, Outcome
from payflow.reconcile import STEPS

from .conftest import MakeWorld
from .world import DAY, NEXT, World


def asked(world: World, kind: EventKind = EventKind.PAID, **other: Any) -> None:
    """The gateway answers the next question about a payment."""
    facts = {"source": "query", "happened_at": DAY.start + 3600 * SECOND, **other}
    world.main.will("query", lambda payment: Answer(Outcome.CONFIRMED, (world.main.event(payment, kind, **facts),)))


# -- agreement ------------------------------------------------------------------------------------------------------


def test_all_agree(world: World) -> None:
    first = world.paid()
    world.paid(999)
    world.refunded(first, 250)
    standing = world.reconcile()
    run = standing.run
    assert (run.state, run.bill_rows, run.matched, run.book_items, run.met) == ("done", 3, 3, 3, 3)
    assert (run.moved, run.booked, run.fee, standing.differences) == (1999, 1999, 16, 0)
    assert world.incidents() == []


def test_l12_a_second_run_changes_nothing(world: World) -> None:
    world.paid()
    world.put(world.row(world.pay()), world.row(world.paid(billed=False), amount=1))
    world.paid(77, billed=False)
    asked(world)
    world.reconcile()
    before = world.everything()
    assert world.reconcile().run.state == "done"
    assert world.everything() == before
    assert world.bills.asked == [DAY.name]


def test_fees_are_booked_once_a_day_and_rounded_row_by_row(world: World) -> None:
    for fine, text in ((7500, "0.07500"), (499, "0.00499"), (500, "0.00500"), (-7500, "-0.07500")):
        payment = world.paid(billed=False)
        world.put(world.row(payment, fine_fee=fine, fee_text=text))
    world.reconcile()
    world.reconcile()
    entries = world.store.select("select ledger_account, amount from pf_entry where journal_id like 'fee:%'", 10)
    assert sorted(entries) == [("fees", 1), ("gateway:main", -1)]
    texts = world.store.select("select fee_text from pf_recon_item order by line", 10)
    assert [text for (text,) in texts] == ["0.07500", "0.00499", "0.00500", "-0.07500"]


def test_without_a_fee_nothing_is_booked(world: World) -> None:
    world.put(world.row(world.paid(billed=False), fine_fee=0, fee_text=""))
    world.reconcile()
    assert world.store.select("select id from pf_journal where kind = 'fee'", 10) == []


# -- paid there, not here -------------------------------------------------------------------------------------------


def test_f61_a_lost_callback_is_healed_by_asking(world: World) -> None:
    payment = world.pay()
    world.put(world.row(payment))
    asked(world)
    standing = world.reconcile()
    assert world.flow.payment(payment.id).status == "paid"
    assert world.found() == [("status", "healed", 1250, 1250)]
    assert (standing.open, standing.run.booked) == (0, 1250)
    assert world.incidents() == []
    caused = world.store.select("select cause_kind from pf_transition where event = 'pay'", 10)
    assert caused == [("query",)]  # the walk's one road


def test_without_healing_nobody_is_asked(world: World) -> None:
    payment = world.pay()
    world.put(world.row(payment))
    calls = len(world.main.calls)
    assert world.reconcile(heal=False).open == 1
    assert world.flow.payment(payment.id).status == "pending"
    assert len(world.main.calls) == calls
    assert world.incidents() == [("recon_status", "open")]
    asked(world)
    assert world.reconcile().open == 0
    assert world.found() == [("status", "healed", 1250, 1250)]
    assert world.incidents() == [("recon_status", "resolved")]


def test_an_answer_that_says_unpaid_closes_it_and_what_the_bill_says_is_late_money(world: World) -> None:
    payment = world.pay()
    world.put(world.row(payment))
    world.reconcile()
    assert world.flow.payment(payment.id).status == "cancelled"  # it has expired, and the gateway has closed it
    assert world.found() == [("late", "known", 1250, 0)]
    assert world.incidents() == [("late_payment", "open")]


def test_an_account_that_cannot_be_asked_leaves_it_to_a_person(make_world: MakeWorld) -> None:
    world = make_world()
    able = world.main.capabilities
    world.main.capabilities = replace(able, operations=frozenset({"charge"}))
    world.flow = world.another_flow()
    payment = world.pay()
    world.put(world.row(payment))
    world.reconcile(file="paper")
    (one,) = world.differences()
    assert (one.kind, one.state, one.step) == ("status", "open", "ask_gateway")
    assert world.incidents() == [("recon_status", "open")]
    assert world.flow.payment(payment.id).status == "pending"


def test_without_an_answer_it_waits_and_is_due_again(world: World) -> None:
    payment = world.pay()
    world.put(world.row(payment))
    world.main.will("query", Answer(Outcome.UNKNOWN))
    standing = world.reconcile()
    assert (standing.waiting, standing.open, world.incidents()) == (1, 0, [])
    assert ("main", DAY.name) not in world.reconciler.due()
    world.clock.now += 1801 * SECOND
    assert ("main", DAY.name) in world.reconciler.due()
    asked(world)
    assert world.reconcile().waiting == 0
    assert world.found() == [("status", "healed", 1250, 1250)]
    assert ("main", DAY.name) not in world.reconciler.due()


def test_a_callback_that_comes_after_all_settles_it(world: World) -> None:
    payment = world.pay()
    world.put(world.row(payment))
    world.reconcile(heal=False)
    world.callback(payment, DAY.start + SECOND)
    world.reconcile()
    assert world.found() == [("status", "settled", 1250, 1250)]
    assert world.incidents() == [("recon_status", "resolved")]


def test_money_that_came_late_is_stated_by_the_bill(world: World) -> None:
    payment = world.pay()
    world.flow.cancel(payment.id)
    world.put(world.row(payment))
    world.reconcile()
    assert world.found() == [("late", "known", 1250, 0)]
    assert world.incidents() == [("late_payment", "open")]
    suspense = world.store.select("select amount from pf_entry where ledger_account = 'suspense'", 10)
    assert suspense == [(-1250,)]


def test_money_that_came_late_is_accepted_where_the_policy_says_so(make_world: MakeWorld) -> None:
    world = make_world(policies={"late_payment": "accept"})
    payment = world.pay()
    world.flow.cancel(payment.id)
    world.put(world.row(payment, happened_at=DAY.start + SECOND))
    world.reconcile()
    assert world.flow.payment(payment.id).status == "paid"
    assert world.found() == [("late", "healed", 1250, 1250)]


def test_a_file_states_nothing(world: World) -> None:
    payment = world.pay()
    world.flow.cancel(payment.id)
    world.put(world.row(payment))
    world.reconcile(file="paper")
    assert world.found() == [("late", "open", 1250, 0)]
    assert world.incidents() == [("recon_late", "open")]
    assert world.bills.asked == []


def test_an_unknown_order_is_an_incident_with_its_money(world: World) -> None:
    stranger = world.row(world.paid(), out_trade_no="SOMEBODY_ELSES", gateway_txn="t-99", amount=4200)
    world.put(stranger)
    world.reconcile()
    assert world.found() == [("missing_here", "open", 4200, 0)]
    rows = world.store.select("select kind, amount, payment_id, gateway_txn from pf_incident", 10)
    assert rows == [("recon_missing_here", 4200, None, "t-99")]


def test_a_row_without_an_order_vanishes_no_more_than_others(world: World) -> None:
    world.put(world.row(world.paid(), out_trade_no=None, gateway_txn=None, kind=BillKind.OTHER))
    world.put(world.row(world.paid(), out_trade_no=None, gateway_txn=None))
    world.reconcile()
    assert sorted(world.found()) == [("missing_here", "open", 1250, 0), ("other", "explained", 0, 0)]


# -- twice ------------------------------------------------------------------------------------------------------------


def test_a_second_payment_whose_callback_was_lost_comes_to_light(world: World) -> None:
    payment = world.paid()
    world.put(world.row(payment, gateway_txn="the-second"))
    world.reconcile()
    (one,) = world.differences()
    assert (one.kind, one.state, one.theirs, one.ours, one.step) == (
        "duplicate", "known", 1250, 0, "settle_incident",
    )  # fmt: skip
    assert world.incidents() == [("double_payment", "open")]
    rows = world.store.select("select amount, gateway_txn, id from pf_incident", 10)
    assert rows == [(1250, "the-second", one.incident_id)]
    sources = world.store.select("select source, outcome from pf_receipt where source = 'bill'", 10)
    assert sources == [("bill", "incident")]


def test_a_second_payment_goes_back_by_policy(make_world: MakeWorld) -> None:
    world = make_world(policies={"late_payment": "refund"})
    payment = world.paid()
    world.put(world.row(payment, gateway_txn="the-second"))
    world.reconcile()
    world.flow.check([payment.id])
    assert world.incidents() == [("double_payment", "resolved")]
    assert ("refund", 1250) in [(op, 1250) for op, _ in world.main.calls]


def test_a_second_payment_that_is_known_stays_known(world: World) -> None:
    payment = world.paid()
    world.callback(payment, gateway_txn="the-second")
    world.put(world.row(payment, gateway_txn="the-second"))
    world.reconcile()
    assert world.found() == [("duplicate", "known", 1250, 0)]
    assert world.incidents() == [("double_payment", "open")]


def test_a_second_payment_in_a_file_is_an_incident_of_reconciliation(world: World) -> None:
    payment = world.paid()
    world.put(world.row(payment, gateway_txn="the-second"))
    world.reconcile(file="paper")
    assert world.found() == [("duplicate", "open", 1250, 0)]
    rows = world.store.select("select kind, amount, payment_id from pf_incident", 10)
    assert rows == [("recon_duplicate", 1250, payment.id)]


@pytest.mark.parametrize("later_first", [False, True])
def test_one_trade_in_the_bills_of_two_days(world: World, later_first: bool) -> None:
    payment = world.paid()
    world.put(world.row(payment), day=NEXT)
    for day in (NEXT, DAY) if later_first else (DAY, NEXT):
        world.reconcile(day)
    assert world.found(DAY) == []
    assert world.found(NEXT) == [("duplicate", "open", 1250, 0)]
    assert world.incidents() == [("recon_duplicate", "open")]


# -- paid here, not there ---------------------------------------------------------------------------------------------


def test_a_payment_the_bill_does_not_have(world: World) -> None:
    world.paid()
    world.paid(500, billed=False)
    world.reconcile()
    assert world.found() == [("missing_there", "open", 0, 500)]
    assert world.incidents() == [("recon_missing_there", "open")]
    assert world.flow.store.open_incidents()[0].payment_id is not None


def test_a_refund_the_bill_does_not_have(world: World) -> None:
    world.refunded(world.paid(), billed=False)
    world.reconcile()
    assert world.found() == [("missing_there", "open", 0, -100)]


def test_what_a_person_has_looked_into_is_dismissed(world: World) -> None:
    world.paid()
    world.paid(500, billed=False)
    world.reconcile()
    (incident,) = world.store.open_incidents()
    world.flow.resolve(incident.id, "dismiss", "alice")
    world.reconcile()
    assert world.found() == [("missing_there", "dismissed", 0, 500)]
    before = world.everything()
    world.reconcile()
    assert world.everything() == before


# -- amounts, ledger --------------------------------------------------------------------------------------------------


def test_another_amount_of_what_is_paid(world: World) -> None:
    payment = world.paid(billed=False)
    world.put(world.row(payment, amount=1300))
    world.reconcile()
    assert world.found() == [("amount", "open", 1300, 1250)]
    rows = world.store.select("select kind, amount from pf_incident", 10)
    assert rows == [("recon_amount", 50)]


def test_another_amount_of_what_is_not_paid_here(world: World) -> None:
    payment = world.pay()
    world.put(world.row(payment, amount=1))
    asked(world, amount=1, happened_at=None)
    world.reconcile()
    assert world.found() == [("amount", "known", 1, 0)]
    assert world.incidents() == [("amount_mismatch", "open")]
    assert world.flow.payment(payment.id).captured == 0


def test_another_currency(world: World) -> None:
    payment = world.paid(billed=False)
    world.put(world.row(payment, currency="USD"))
    world.reconcile()
    assert world.found() == [("amount", "open", 1250, 1250)]


def test_a_ledger_that_says_otherwise(world: World) -> None:
    payment = world.paid()
    with world.store._cursor() as cursor:
        cursor.execute("update pf_entry set amount = amount * 2")
    world.reconcile()
    assert world.found() == [("ledger", "open", 1250, 1250)]
    assert world.incidents() == [("recon_ledger", "open")]
    with world.store._cursor() as cursor:
        cursor.execute(f"update pf_entry set amount = amount / 2 where journal_id = 'capture:{payment.id}'")
    world.reconcile()
    assert world.found() == [("ledger", "settled", 1250, 1250)]


# -- refunds ----------------------------------------------------------------------------------------------------------


def test_a_refund_made_by_hand_at_the_gateway(world: World) -> None:
    payment = world.paid()
    world.put(world.row(payment, kind=BillKind.REFUND, amount=40, out_refund_no="BY_HAND"))
    world.put(world.row(payment, kind=BillKind.REFUND, amount=41, out_refund_no=None))
    world.reconcile()
    assert world.found() == [("missing_here", "open", -40, 0), ("missing_here", "open", -41, 0)]
    assert {one.step for one in world.differences()} == {"find_refund"}


def test_a_refund_that_has_succeeded_there_is_asked_about(world: World) -> None:
    payment = world.paid()
    refund = world.refunded(payment, done=False)

    def succeeded(payment: Any, refund: Any) -> Answer:
        said = world.main.refunded(payment, refund, EventKind.REFUND_SUCCEEDED, source="query", happened_at=DAY.end - 1)
        return Answer(Outcome.CONFIRMED, (said,))

    world.main.will("query_refund", succeeded)
    world.reconcile()
    assert world.found() == [("status", "healed", -100, -100)]
    assert world.flow.payment(payment.id).refunded == refund.amount


@pytest.mark.parametrize(
    ("outcome", "done", "expected"),
    [
        (BillOutcome.UNDER_WAY, False, []),
        (BillOutcome.FAILED, False, [("status", "open", 0, 0)]),
        (BillOutcome.FAILED, True, [("status", "open", 0, -100)]),
        (BillOutcome.UNDER_WAY, True, [("other_day", "explained", 0, -100)]),
    ],
)
def test_a_refund_that_is_not_done_in_the_bill(
    world: World, outcome: BillOutcome, done: bool, expected: list[tuple[Any, ...]]
) -> None:
    payment = world.paid()
    refund = world.refunded(payment, billed=False, done=done)
    world.put(world.refund_row(payment, refund, outcome=outcome))
    world.reconcile()
    assert world.found() == expected


def test_a_refund_that_ends_on_the_next_day_is_of_the_day_it_was_asked_for(world: World) -> None:
    payment = world.paid()
    refund = world.refunded(payment, billed=False, done=False)
    world.put(world.refund_row(payment, refund, outcome=BillOutcome.UNDER_WAY))
    world.clock.now = NEXT.start + 5 * 3600 * SECOND
    said = world.main.refunded(payment, refund, EventKind.REFUND_SUCCEEDED, happened_at=world.clock())
    world.flow.receive(world.main.callback(said))
    world.reconcile()
    assert world.found() == []
    world.paid(77, billed=False)
    world.put(world.row(world.paid(78, billed=False)), day=NEXT)
    world.reconcile(NEXT)
    assert ("other_day", "explained", 0, -100) in world.found(NEXT)


def test_a_refund_that_waits_for_the_bill_of_its_own_day(world: World) -> None:
    payment = world.paid()
    refund = world.refunded(payment, billed=False, done=False)
    world.clock.now = NEXT.start + 5 * 3600 * SECOND
    said = world.main.refunded(payment, refund, EventKind.REFUND_SUCCEEDED, happened_at=world.clock())
    world.flow.receive(world.main.callback(said))
    world.put(world.row(world.paid(78, billed=False)), day=NEXT)
    world.reconcile(NEXT)
    assert world.found(NEXT) == [("other_day", "waiting", 0, -100)]
    assert world.incidents() == []
    world.reconcile(DAY)  # its bill has no such refund either
    assert world.found(NEXT) == [("missing_there", "open", 0, -100)]
    assert world.incidents() == [("recon_missing_there", "open")]


def test_another_amount_of_a_refund_and_the_same_refund_twice(world: World) -> None:
    payment = world.paid()
    refund = world.refunded(payment)
    world.put(world.refund_row(payment, refund, gateway_refund="another"))
    other = world.refunded(payment, 30, billed=False)
    world.put(world.refund_row(payment, other, amount=31))
    world.reconcile()
    assert world.found() == [("duplicate", "open", -100, 0), ("amount", "open", -31, -30)]


def test_a_refund_that_has_failed_here(world: World) -> None:
    payment = world.paid()
    refund = world.refunded(payment, done=False)
    said = world.main.refunded(payment, refund, EventKind.REFUND_FAILED)
    world.flow.receive(world.main.callback(said))
    world.reconcile()
    assert world.found() == [("status", "open", -100, 0)]


# -- reversals --------------------------------------------------------------------------------------------------------


def test_a_payment_that_was_taken_back_is_explained(world: World) -> None:
    payment = world.pay()
    world.flow.cancel(payment.id)
    world.put(world.row(payment), world.row(payment, kind=BillKind.REVERSAL, fine_fee=-8000))
    world.reconcile()
    assert world.found() == [("reversed", "explained", 1250, 0), ("reversed", "explained", -1250, 0)]
    assert world.incidents() == []


def test_paid_here_and_taken_back_there(world: World) -> None:
    payment = world.paid()
    world.put(world.row(payment, kind=BillKind.REVERSAL))
    world.reconcile()
    (one,) = world.differences()
    assert (one.kind, one.state, one.step) == ("status", "open", "check_reversal")


# -- midnight ---------------------------------------------------------------------------------------------------------


def test_f64_created_before_midnight_and_paid_after_it(world: World) -> None:
    world.paid()
    world.clock.now = DAY.end - 2 * SECOND
    payment = world.pay(88)
    world.clock.now = DAY.end + 3 * SECOND
    world.callback(payment)
    world.put(world.row(world.flow.payment(payment.id)), day=NEXT)
    assert world.reconcile(DAY).differences == 0
    assert world.reconcile(NEXT).differences == 0


@pytest.mark.parametrize("billed_first", [True, False])
def test_f64_a_payment_that_the_gateway_puts_into_the_day_beside(world: World, billed_first: bool) -> None:
    world.paid()
    late = world.paid(88, at=DAY.end - SECOND, billed=False)  # here it is the last second, there the first
    world.put(world.row(late), day=NEXT)
    if billed_first:
        world.reconcile(NEXT)
        world.reconcile(DAY)
    else:
        assert world.reconcile(DAY).waiting == 1
        world.reconcile(NEXT)
    assert world.found(DAY) == [("other_day", "explained", 0, 88)]
    assert world.found(NEXT) == [("other_day", "explained", 88, 0)]
    assert world.incidents() == []


def test_what_no_day_has_is_missing_in_the_end(world: World) -> None:
    world.paid()
    world.paid(88, at=DAY.end - SECOND, billed=False)
    world.put(world.row(world.paid(5, at=NEXT.start + 7200 * SECOND, billed=False)), day=NEXT)
    world.reconcile(DAY)
    assert (world.found(DAY), world.incidents()) == ([("other_day", "waiting", 0, 88)], [])
    world.reconcile(NEXT)
    assert world.found(DAY) == [("missing_there", "open", 0, 88)]
    assert world.incidents() == [("recon_missing_there", "open")]


def test_what_was_missed_at_noon_is_found_in_the_next_bill(world: World) -> None:
    world.paid()
    noon = world.paid(88, billed=False)
    world.put(world.row(noon), day=NEXT)
    world.reconcile(DAY)
    assert (world.found(DAY), world.incidents()) == (
        [("missing_there", "open", 0, 88)], [("recon_missing_there", "open")],
    )  # fmt: skip
    world.reconcile(NEXT)
    assert world.found(DAY) == [("other_day", "explained", 0, 88)]
    assert world.incidents() == [("recon_missing_there", "resolved")]


# -- more than one account --------------------------------------------------------------------------------------------


def test_accounts_of_one_merchant_share_a_bill(make_world: MakeWorld) -> None:
    world = make_world(accounts=("main", "app"))
    world.paid()
    other = world.paid(600, account="app")
    world.refunded(other)
    world.paid(7, account="app", billed=False)
    world.reconcile()
    assert world.found() == [("missing_there", "open", 0, 7)]
    again = world.reconciler.run("app", DAY.name)
    assert again.run.id == "mock:m-1:2026-03-10"
    assert len(world.reconciler.latest()) == 1
    assert {account for account, _ in world.reconciler.due()} <= {"main"}


def test_every_suggestion_has_its_sentences() -> None:
    from payflow.cli.reconcile_words import KINDS, STATES, SUGGESTIONS

    assert {"", *STEPS} == set(SUGGESTIONS)
    for words in (KINDS, STATES, SUGGESTIONS):
        assert all(len(pair) == 2 and all(pair) for code, pair in words.items() if code)
