"""Refills that cost money: one order at a time, each paid for what it promised, whatever comes in between."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.errors import PayflowError
from payflow.ledger.book import MAX_BALANCE
from payflow.records import Payment

from .test_refills import DAY, PAID, daily, log
from .test_spending import code_of
from .world import Purse

MIDNIGHT = "2026-01-01T00:00:00"


def orders(purse: Purse) -> list[Payment]:
    """Every order, the first one first."""
    return sorted(purse.store.recent_payments(99), key=lambda payment: payment.id)


def refusal(purse: Purse, verb: str = "spend", amount: int = 1, **more: Any) -> PayflowError:
    with pytest.raises(PayflowError) as refused:
        getattr(purse.wallet, verb)("ann", "tokens", amount, key="s-1", **more)
    assert refused.value.code == "CREDIT_INSUFFICIENT"
    return refused.value


@pytest.mark.parametrize("anchor", ["rolling", MIDNIGHT])
def test_what_ended_unpaid_is_ordered_again_and_no_run_goes_on_for_ever(make_purse: Any, anchor: str) -> None:
    purse: Purse = make_purse(refills=[daily(price=PAID, anchor=anchor, every={"days": 7})])
    purse.wallet.open("ann", "tokens")
    assert purse.wallet.refills.run().ordered == 1
    [first] = orders(purse)
    purse.flow.cancel(first.id)
    assert purse.wallet.refills.run().ordered == 0  # it is looked at again in a while
    second = refusal(purse).ids["payment_id"]
    assert {payment.id for payment in orders(purse)} == {first.id, second}
    assert refusal(purse, "hold").ids["payment_id"] == second  # the one that is under way
    purse.clock.forward(60)
    purse.flow.cancel(second)
    third = refusal(purse, "hold").ids["payment_id"]
    assert third not in (first.id, second)
    purse.flow.cancel(third)
    purse.clock.forward(700)
    assert purse.wallet.refills.run().ordered == 1
    assert purse.wallet.refills.run().ordered == 0
    assert len(orders(purse)) == 4


@pytest.mark.parametrize("anchor", ["rolling", MIDNIGHT])
@pytest.mark.parametrize("last_first", [True, False])
def test_former_orders_that_are_paid_late_are_credited_as_well(make_purse: Any, anchor: str, last_first: bool) -> None:
    """Paid is a fact: three orders for one period, all paid in the end, in whatever order."""
    purse: Purse = make_purse(
        policies={"late_payment": "accept"}, refills=[daily(price=PAID, anchor=anchor, every={"days": 7})]
    )
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    for _ in range(2):
        purse.clock.forward(60)
        purse.flow.cancel(orders(purse)[-1].id)
        refusal(purse)
    payments = orders(purse)
    assert len(payments) == 3
    for payment in reversed(payments) if last_first else payments:
        under_way = purse.wallet.account("ann", "tokens").refill_payment
        assert purse.pay(payment).status == "paid"
        if payment.id != payments[-1].id:
            assert purse.wallet.account("ann", "tokens").refill_payment == under_way
    assert purse.available("ann") == 300
    assert [(row[2], row[6]) for row in log(purse)] == [(100, "payment")] * 3
    statement = purse.wallet.statement("ann", "tokens")
    assert [line.policy for line in statement] == ["daily"] * 3
    assert purse.wallet.account("ann", "tokens").refill_payment == ""
    assert purse.wallet.refills.run().ordered == 0
    purse.clock.forward(7 * DAY)
    assert purse.wallet.refills.run().ordered == 1


def test_a_window_that_was_granted_meanwhile_does_not_stop_a_late_payment(make_purse: Any) -> None:
    purse: Purse = make_purse(
        policies={"late_payment": "accept"}, refills=[daily(price=PAID, anchor=MIDNIGHT, every={"days": 7})]
    )
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    [payment] = orders(purse)
    purse.flow.cancel(payment.id)
    purse.wallet.policies.change("daily", {"price": None}, by="ops", reason="free from now on")
    assert purse.wallet.refills.run().granted == 1
    assert purse.wallet.account("ann", "tokens").refill_payment == ""
    purse.pay(payment)
    assert purse.available("ann") == 200
    assert sorted(row[6] for row in log(purse)) == ["payment", "schedule"]


def test_two_that_ask_at_once_ask_for_one_order(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(price=PAID, expires="next")])
    purse.wallet.open("ann", "tokens")
    barrier, told = threading.Barrier(12), []

    def spend(number: int) -> None:
        barrier.wait()
        try:
            purse.wallet.spend("ann", "tokens", 10, key=f"s-{number}")
        except PayflowError as error:
            told.append((error.code, error.ids.get("payment_id")))

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(11)]
    threads.append(threading.Thread(target=lambda: (barrier.wait(), purse.wallet.refills.run())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [payment] = orders(purse)
    assert {code for code, _ in told} == {"CREDIT_INSUFFICIENT"}
    assert {name for _, name in told} == {payment.id}
    ordered = purse.store.select("select count(*) from pf_message where kind = 'refill.ordered'", 1)
    assert list(ordered) == [(1,)]


def test_a_bought_refill_is_credited_by_its_payment_once_and_lasts_from_then(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(price=PAID, expires="next", anchor=MIDNIGHT)])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.clock.forward(7200)
    purse.pay(orders(purse)[0])
    purse.pay(orders(purse)[0])
    [bucket] = purse.wallet.balance("ann", "tokens").buckets
    assert (bucket.remaining, bucket.expires_at) == (100, purse.clock() + DAY * SECOND)
    assert len(log(purse)) == 1


def test_what_an_account_cannot_hold_is_not_sold(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(price=PAID)])
    purse.given("ann", MAX_BALANCE - 99)
    report = purse.wallet.refills.run()
    assert (report.ordered, report.not_ordered, report.failed) == (0, 0, 0)


def test_an_order_whose_credit_does_not_fit_any_more_is_an_incident_and_in_nobodys_way(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(price=PAID)])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.given("ann", MAX_BALANCE - 99)
    purse.pay(orders(purse)[0])
    assert [incident.kind for incident in purse.store.open_incidents(9)] == ["credit_undeliverable"]
    assert purse.wallet.account("ann", "tokens").refill_payment == ""
    purse.wallet.spend("ann", "tokens", 5000, key="s")
    assert purse.wallet.refills.run().ordered == 0  # it was this period's
    purse.clock.forward(DAY)
    assert purse.wallet.refills.run().ordered == 1


def test_orders_that_cannot_be_made_are_tried_again_and_stop_nobody(make_purse: Any) -> None:
    sold = daily(name="sold", price={**PAID, "channel": "barcode"}, tiers=["paying"])
    purse: Purse = make_purse(refills=[daily(), sold])
    for number in range(3):
        purse.wallet.open(f"paying-{number}", "tokens", tier="paying")
        purse.wallet.open(f"ordinary-{number}", "tokens")
    report = purse.wallet.refills.run(batch=2)
    assert (report.granted, report.ordered, report.not_ordered) == (3, 0, 3)
    assert purse.wallet.refills.run().not_ordered == 0
    purse.clock.forward(700)
    assert purse.wallet.refills.run().not_ordered == 3
    assert code_of(purse.wallet.spend, "paying-1", "tokens", 1, key="s") == "CREDIT_INSUFFICIENT"
