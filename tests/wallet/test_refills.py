"""Refills: on demand and scheduled, each once, each with its log; and those that have to be paid for."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.errors import PayflowError

from .test_spending import code_of
from .world import Purse

DAY = 86_400


def daily(**other: Any) -> dict[str, Any]:
    return {"name": "daily", "unit": "tokens", "mode": "add", "amount": 100, "every": {"days": 1}, **other}


def log(purse: Purse) -> list[tuple[Any, ...]]:
    columns = "account, policy, amount, periods, available_before, available_after, cause_kind, policy_version"
    ledger = getattr(purse.store, "ledger", purse.store)  # where it has a database of its own
    return list(ledger.select(f"select {columns} from pf_refill order by period_start, account", 100))


def test_a_spend_that_finds_too_little_is_refilled_and_logged(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="on_demand")])
    purse.wallet.open("ann", "tokens")
    moved = purse.wallet.spend("ann", "tokens", 60, key="s-1")
    assert (moved.refilled, moved.available) == (100, 40)
    assert log(purse) == [("ann/tokens", "daily", 100, 1, 0, 100, "demand", 1)]
    with pytest.raises(PayflowError) as refused:
        purse.wallet.spend("ann", "tokens", 41, key="s-2")
    error = refused.value
    assert (error.code, error.ids["next_refill_at"]) == ("CREDIT_INSUFFICIENT", purse.clock() + DAY * SECOND)
    assert error.ids["next_refill_amount"] == 100
    purse.clock.forward(DAY)
    assert purse.wallet.spend("ann", "tokens", 41, key="s-2").available == 99


def test_a_refill_that_would_not_be_enough_stays_due(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="on_demand")])
    purse.given("ann", 30)
    with pytest.raises(PayflowError) as refused:
        purse.wallet.spend("ann", "tokens", 131, key="s-1")
    ids = refused.value.ids
    assert (ids["available"], ids["missing"], ids["next_refill_amount"]) == (30, 101, 100)
    assert ids["next_refill_at"] == purse.clock()
    assert "is due now" in str(refused.value)
    assert (purse.available("ann"), log(purse)) == (30, [])
    assert purse.wallet.spend("ann", "tokens", 130, key="s-1").refilled == 100


def test_b236_what_is_due_at_this_moment_is_due_now(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="on_demand")])
    purse.wallet.open("ann", "tokens")
    now = purse.clock()
    first = purse.wallet.refills.next("ann/tokens")
    assert first is not None
    assert (first.at, first.amount, first.policy) == (now, 100, "daily")
    purse.wallet.spend("ann", "tokens", 1, key="s")
    later = purse.wallet.refills.next("ann/tokens")
    assert later is not None
    assert later.at == now + DAY * SECOND
    purse.clock.forward(DAY)
    due = purse.wallet.refills.next("ann/tokens")
    assert due is not None
    assert due.at == purse.clock()


def test_25_spends_at_once_are_refilled_once(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="on_demand", amount=250)])
    purse.wallet.open("ann", "tokens")
    barrier, got = threading.Barrier(25), []

    def spend(number: int) -> None:
        barrier.wait()
        got.append(purse.wallet.spend("ann", "tokens", 10, key=f"s-{number}").amount)

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), purse.available("ann"), len(log(purse))) == (25, 0, 1)


def test_a_run_refills_everybody_once_per_period(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="scheduled")])
    for number in range(7):
        purse.wallet.open(f"owner-{number}", "tokens")
    first = purse.wallet.refills.run(batch=3)
    assert (first.granted, first.units) == (7, 700)
    assert purse.wallet.refills.run(batch=3).granted == 0
    purse.clock.forward(DAY)
    assert purse.wallet.refills.run(batch=3).granted == 7
    assert len(log(purse)) == 14
    assert code_of(purse.wallet.spend, "owner-1", "tokens", 201, key="s") == "CREDIT_INSUFFICIENT"


def test_b235_accounts_that_were_there_before_a_policy_are_enrolled(purse: Purse) -> None:
    for number in range(5):
        purse.given(f"owner-{number}", 10)
    assert purse.wallet.refills.run().granted == 0
    body = daily(trigger="scheduled")
    purse.wallet.policies.change("daily", body, by="ops", reason="a launch")
    assert purse.wallet.refills.run(batch=2).granted == 5
    assert purse.available("owner-3") == 110


@pytest.mark.parametrize(("catch_up", "granted"), [("none", 100), ("one", 200), ("all", 500)])
def test_periods_that_nobody_was_there_for(make_purse: Any, catch_up: str, granted: int) -> None:
    body = daily(catch_up=catch_up, anchor="2026-01-01T00:00:00", zone="UTC")
    purse: Purse = make_purse(refills=[body])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.wallet.spend("ann", "tokens", 100, key="s-0")
    purse.clock.forward(5 * DAY)
    purse.wallet.refills.run()
    assert purse.available("ann") == granted


def test_f83_a_clock_that_is_set_back_grants_nothing_twice(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(anchor="2026-01-01T00:00:00", zone="UTC")])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.clock.forward(DAY)
    purse.wallet.refills.run()
    purse.clock.forward(-3 * DAY)
    assert purse.wallet.refills.run().granted == 0
    assert code_of(purse.wallet.spend, "ann", "tokens", 201, key="s") == "CREDIT_INSUFFICIENT"
    purse.clock.forward(3 * DAY)
    assert purse.wallet.refills.run().granted == 0
    assert purse.available("ann") == 200


def test_reset_lets_lapse_what_is_left_and_touches_nothing_else(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(mode="reset")])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.given("ann", 50)
    hold = purse.wallet.hold("ann", "tokens", 30, key="h")
    purse.clock.forward(DAY)
    purse.wallet.refills.run()
    assert purse.wallet.account("ann", "tokens").balance == 150
    purse.wallet.release(hold.id)
    assert purse.available("ann") == 150


def test_top_up_gives_what_is_missing_and_a_full_account_nothing(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(mode="top_up")])
    purse.given("ann", 30)
    purse.given("bob", 130)
    purse.wallet.refills.run()
    assert (purse.available("ann"), purse.available("bob")) == (100, 130)


def test_what_lapses_with_the_next_refill(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(expires="next")])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.clock.forward(DAY)
    assert purse.available("ann") == 0
    purse.wallet.refills.run()
    assert purse.wallet.account("ann", "tokens").balance == 100


def test_tiers_have_their_own_policies_and_a_change_of_tier_is_no_second_refill(make_purse: Any) -> None:
    heavy = daily(name="heavy", amount=1000, tiers=["heavy"])
    purse: Purse = make_purse(refills=[daily(), heavy])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.wallet.change("ann", "tokens", by="ops", tier="heavy")
    assert purse.wallet.refills.run().granted == 0
    purse.clock.forward(DAY)
    purse.wallet.refills.run()
    assert purse.available("ann") == 1100


def test_dynamic_rules_and_only_active_owners(make_purse: Any) -> None:
    rules = [{"spent_at_least": 50, "within_days": 7, "amount": 500}]
    purse: Purse = make_purse(refills=[daily(rules=rules, active_within_days=3, first="next")])
    for owner in ("ann", "bob"):
        purse.given(owner, 60)
    purse.wallet.spend("ann", "tokens", 55, key="s")
    purse.wallet.refills.run()
    purse.clock.forward(DAY)
    purse.wallet.refills.run()
    assert (purse.available("ann"), purse.available("bob")) == (505, 60)


def test_a_change_at_run_time_is_logged_and_counts_at_once(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily()])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.wallet.policies.change("daily", {"amount": 7}, by="ops", reason="a leaner month")
    purse.clock.forward(DAY)
    purse.wallet.refills.run()
    assert [row[2] for row in log(purse)] == [100, 7]
    assert [row[-1] for row in log(purse)] == [1, 2]
    history = purse.wallet.policies.history("daily")
    assert [(kept.version, kept.changed_by, kept.reason) for kept in history] == [
        (2, "ops", "a leaner month"), (1, "config", "the config declares it"),
    ]  # fmt: skip
    assert json.loads(history[0].body)["amount"] == 7
    assert purse.wallet.policies.take_over() == []  # the file says what it said
    purse.wallet.policies.enable("daily", False, by="ops", reason="over")
    purse.clock.forward(DAY)
    assert purse.wallet.refills.run().granted == 0


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"amount": 0}, "$.amount"), ({"amount": -1}, "$.amount"), ({"amount": 1.5}, "$.amount"),
        ({"every": {"days": 0}}, "$.every.days"), ({"every": {"fortnights": 1}}, "$.every.fortnights"),
        ({"zone": "Mars/Base"}, "$.zone"), ({"anchor": "2026-02-30T00:00"}, "$.anchor"),
        ({"mode": "fill"}, "$.mode"), ({"tiers": []}, "$.tiers"),
    ],
)  # fmt: skip
def test_b234_a_policy_that_cannot_be_is_refused_with_its_path(purse: Purse, change: dict[str, Any], path: str) -> None:
    with pytest.raises(PayflowError) as refused:
        purse.wallet.policies.change("daily", {**daily(), **change}, by="ops", reason="r")
    assert (refused.value.code, refused.value.ids["path"]) == ("REFILL_POLICY_INVALID", path)
    assert purse.wallet.policies.all() == []


PAID = {"amount": "6.00", "channel": "qr", "action": "buy"}


def test_a_refill_that_costs_money_is_one_order_and_credited_when_it_is_paid(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(price=PAID)])
    purse.wallet.open("ann", "tokens")
    assert purse.wallet.refills.run().ordered == 1
    assert purse.wallet.refills.run().ordered == 0
    with pytest.raises(PayflowError) as refused:
        purse.wallet.spend("ann", "tokens", 1, key="s-1")
    assert refused.value.code == "CREDIT_INSUFFICIENT"
    (payment,) = purse.store.recent_payments(10)
    assert (payment.amount, payment.reference, payment.status) == (600, "ann/tokens", "pending")
    purse.pay(payment)
    assert purse.available("ann") == 100
    assert [row[6] for row in log(purse)] == ["payment"]
    purse.clock.forward(DAY)
    assert purse.wallet.refills.run().ordered == 1


def test_an_order_that_nobody_pays_is_in_nobodys_way(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(price=PAID, trigger="on_demand")])
    purse.wallet.open("ann", "tokens")
    with pytest.raises(PayflowError) as refused:
        purse.wallet.spend("ann", "tokens", 1, key="s-1")
    first = refused.value.ids["payment_id"]
    with pytest.raises(PayflowError) as refused:
        purse.wallet.spend("ann", "tokens", 1, key="s-1")
    assert refused.value.ids.get("payment_id") in (None, first)
    assert len(purse.store.recent_payments(10)) == 1
    purse.flow.cancel(first)
    assert code_of(purse.wallet.spend, "ann", "tokens", 1, key="s-1") == "CREDIT_INSUFFICIENT"
    assert len(purse.store.recent_payments(10)) == 2
