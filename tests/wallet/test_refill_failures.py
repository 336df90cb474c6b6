"""The known failures of refills: granted twice, lost, stuck for everybody because of one."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.ledger.book import MAX_BALANCE

from .test_edges import place
from .test_refills import DAY, PAID, daily, log
from .test_spending import code_of
from .world import Purse


def test_an_account_that_is_full_is_in_nobodys_way(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily()])
    purse.given("ann", MAX_BALANCE - 50)
    purse.wallet.open("bob", "tokens")
    assert purse.wallet.refills.run().granted == 1
    assert (purse.available("ann"), purse.available("bob")) == (MAX_BALANCE - 50, 100)
    hold = purse.wallet.hold("ann", "tokens", MAX_BALANCE - 50, key="h")
    assert code_of(purse.wallet.spend, "ann", "tokens", 1, key="s") == "CREDIT_INSUFFICIENT"
    purse.wallet.settle(hold.id, 1000)
    purse.clock.forward(DAY)
    assert purse.wallet.refills.run().granted == 2


@pytest.mark.parametrize("mode", ["reset", "top_up"])
def test_a_full_account_under_other_modes(make_purse: Any, mode: str) -> None:
    purse: Purse = make_purse(refills=[daily(mode=mode, amount=MAX_BALANCE)])
    purse.given("ann", 70)
    purse.given("bob", 70, kind="refill")
    purse.wallet.refills.run()
    expected = {"reset": (70, MAX_BALANCE), "top_up": (MAX_BALANCE, MAX_BALANCE)}[mode]
    assert (purse.available("ann"), purse.available("bob")) == expected


def test_two_orders_of_one_period_that_are_both_paid_in_the_end(make_purse: Any) -> None:
    """The first is cancelled, another is made and paid, and then the first is paid after all."""
    body = daily(price=PAID, anchor="2026-01-01T00:00:00")
    purse: Purse = make_purse(refills=[body], policies={"late_payment": "accept"})
    purse.wallet.open("ann", "tokens")
    assert purse.wallet.refills.run().ordered == 1
    (first,) = purse.store.recent_payments(10)
    purse.flow.cancel(first.id)
    purse.clock.forward(600)
    assert purse.wallet.refills.run().ordered == 1
    second = purse.store.recent_payments(10)[0]
    assert purse.pay(second).status == "paid"
    purse.clock.forward(1)
    assert purse.pay(first).status == "paid"
    assert (purse.available("ann"), len(log(purse))) == (200, 2)


def test_an_order_that_is_paid_late_does_not_let_two_be_under_way(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(price=PAID)], policies={"late_payment": "accept"})
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    (first,) = purse.store.recent_payments(10)
    purse.flow.cancel(first.id)
    purse.clock.forward(600)
    purse.wallet.refills.run()
    second = purse.store.recent_payments(10)[0]
    purse.pay(first)
    assert purse.wallet.account("ann", "tokens").refill_payment == second.id
    purse.clock.forward(2 * DAY)
    purse.wallet.refills.run()
    assert len(purse.store.recent_payments(10)) == 2  # the second is still under way


def test_credit_of_another_end_is_no_part_of_a_refill(make_purse: Any) -> None:
    """A host's own grant that lapses just when the next refill is due, and is held over that moment."""
    purse: Purse = make_purse(refills=[daily(anchor="2026-01-01T00:00:00", zone="UTC", expires="next", first="next")])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    due = purse.wallet.account("ann", "tokens").next_refill_at
    assert due is not None
    purse.given("ann", 10, kind="refill", expires_at=due)
    purse.wallet.hold("ann", "tokens", 10, key="h", ttl_seconds=3 * DAY)
    purse.clock.now = due
    purse.wallet.refills.run()
    assert place(purse) == (110, 10, 100)


def test_a_refund_after_one_that_failed_and_could_not_be_given_back(make_purse: Any) -> None:
    from payflow.gateway import EventKind
    from tests.wallet.test_refunds_in_parts import ask, end

    purse: Purse = make_purse(policies={"spent_topup": "debt"})
    payment = purse.bought("ann")
    refund = ask(purse, payment, None, key="r-1")
    purse.given("ann", MAX_BALANCE)
    end(purse, payment, refund, EventKind.REFUND_FAILED)
    purse.wallet.spend("ann", "tokens", MAX_BALANCE - 5, key="s")
    end(purse, payment, ask(purse, payment, None, key="r-2"), EventKind.REFUND_SUCCEEDED)
    assert place(purse) == (5, 0, 5)  # its credit was taken by the first, and is told of by the incident
