"""Refills at the edges: accounts nobody has looked at yet, changes in between, one that breaks among many."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.deciding import refilling
from payflow.errors import PayflowError, Refused
from payflow.ledger.book import MAX_BALANCE

from .test_refills import DAY, daily, log
from .test_spending import code_of
from .world import Purse

MIDNIGHT = "2026-01-01T00:00:00"


@pytest.mark.parametrize("anchor", ["rolling", MIDNIGHT])
@pytest.mark.parametrize("runs", [True, False])
def test_b235_who_waits_for_the_next_period_gets_it_though_nothing_was_written(
    make_purse: Any, anchor: str, runs: bool
) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="on_demand", first="next", anchor=anchor)])
    purse.wallet.open("ann", "tokens")
    told = set()
    for _ in range(4):
        if runs:
            purse.wallet.refills.run()
        with pytest.raises(PayflowError) as refused:
            purse.wallet.spend("ann", "tokens", 60, key="s-1")
        told.add(refused.value.ids["next_refill_at"])
        purse.clock.forward(3600)
    [next_at] = told
    purse.clock.forward((next_at - purse.clock()) / SECOND)
    assert purse.wallet.spend("ann", "tokens", 60, key="s-1").refilled == 100
    assert code_of(purse.wallet.spend, "ann", "tokens", 60, key="s-2") == "CREDIT_INSUFFICIENT"


def test_changes_of_a_policy_do_not_put_off_the_first_refill(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="scheduled", first="next")])
    purse.wallet.open("ann", "tokens")
    granted = []
    for day in range(6):
        granted.append(purse.wallet.refills.run().granted)
        purse.clock.forward(DAY / 2)
        purse.wallet.policies.change("daily", {"amount": 100 + day}, by="ops", reason="a little more")
    assert granted == [0, 0, 1, 0, 1, 0]


def test_time_in_which_a_policy_was_off_is_not_made_good(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(catch_up="all", anchor=MIDNIGHT)])
    purse.wallet.open("ann", "tokens")
    purse.wallet.refills.run()
    purse.wallet.policies.enable("daily", False, by="ops", reason="a pause")
    purse.clock.forward(10 * DAY)
    assert purse.wallet.refills.run().granted == 0
    purse.wallet.policies.enable("daily", True, by="ops", reason="it goes on")
    assert purse.wallet.refills.run().granted == 1
    purse.wallet.policies.change("daily", {"amount": 50}, by="ops", reason="less")
    purse.clock.forward(3 * DAY)
    purse.wallet.refills.run()
    assert [row[2:4] for row in log(purse)] == [(100, 1), (100, 1), (150, 3)]


def test_an_account_that_can_hold_no_more_stops_nobody(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(amount=1000)])
    purse.given("ann", MAX_BALANCE - 10)
    purse.given("bob", 1)
    report = purse.wallet.refills.run()
    assert (report.granted, report.failed) == (1, 0)
    assert (purse.available("ann"), purse.available("bob")) == (MAX_BALANCE - 10, 1001)
    purse.clock.forward(DAY)
    purse.wallet.spend("ann", "tokens", 1000, key="s")
    assert purse.wallet.refills.run().granted == 2


def test_an_account_that_fails_is_left_for_later_and_stops_nobody(
    make_purse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    purse: Purse = make_purse(refills=[daily(mode="reset")])  # these are decided one by one
    for number in range(5):
        purse.wallet.open(f"owner-{number}", "tokens")
    plain = refilling.scheduled

    def broken(draft: Any, account: str) -> Any:
        if account.startswith("owner-2/"):
            raise Refused("something is the matter with it", code="CREDIT_OVERFLOW", account=account)
        return plain(draft, account)

    monkeypatch.setattr(refilling, "scheduled", broken)
    report = purse.wallet.refills.run(batch=2)
    assert (report.granted, report.failed) == (4, 1)
    assert purse.wallet.refills.run().failed == 0
    monkeypatch.undo()
    purse.clock.forward(700)
    assert purse.wallet.refills.run().granted == 1


def test_a_refill_that_comes_to_nothing_is_not_promised(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(mode="top_up", trigger="on_demand")])
    purse.given("ann", 130)
    with pytest.raises(PayflowError) as refused:
        purse.wallet.spend("ann", "tokens", 500, key="s")
    assert refused.value.ids["next_refill_at"] is None
    assert "refill" not in str(refused.value)


def test_a_hold_that_finds_too_little_is_refilled(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="on_demand")])
    purse.wallet.open("ann", "tokens")
    hold = purse.wallet.hold("ann", "tokens", 60, key="h")
    purse.wallet.settle(hold.id, 45)
    assert (purse.available("ann"), len(log(purse))) == (55, 1)


def test_a_decision_by_an_older_policy_is_made_again(make_purse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare-and-set on everything it read: the policy changes between reading and writing."""
    purse: Purse = make_purse(refills=[daily(trigger="on_demand")])
    purse.wallet.open("ann", "tokens")
    decided = refilling.decide

    def late(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(refilling, "decide", decided)
        told = decided(*given, **named)
        purse.wallet.policies.change("daily", {"amount": 70}, by="ops", reason="less, from now on")
        return told

    monkeypatch.setattr(refilling, "decide", late)
    assert purse.wallet.spend("ann", "tokens", 60, key="s").refilled == 70
    assert log(purse) == [("ann/tokens", "daily", 70, 1, 0, 70, "demand", 2)]


def test_a_set_decided_by_an_older_policy_is_decided_again(make_purse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    purse: Purse = make_purse(refills=[daily(trigger="scheduled")])
    for number in range(4):
        purse.wallet.open(f"owner-{number}", "tokens")
    store = getattr(purse.store, "ledger", purse.store)
    written = store.write_refills

    def late(*given: Any) -> None:
        monkeypatch.setattr(store, "write_refills", written)
        purse.wallet.policies.change("daily", {"amount": 70}, by="ops", reason="less, from now on")
        written(*given)

    monkeypatch.setattr(store, "write_refills", late)
    purse.wallet.refills.run()
    assert [(row[2], row[-1]) for row in log(purse)] == [(70, 2)] * 4


def test_who_moves_between_tiers_waits_from_the_move(make_purse: Any) -> None:
    heavy = daily(name="heavy", tiers=["heavy"], first="next", trigger="on_demand")
    purse: Purse = make_purse(refills=[heavy])
    purse.wallet.open("ann", "tokens")
    purse.clock.forward(30 * DAY)
    purse.wallet.change("ann", "tokens", by="ops", tier="heavy")
    assert code_of(purse.wallet.spend, "ann", "tokens", 1, key="s") == "CREDIT_INSUFFICIENT"
    purse.clock.forward(DAY)
    assert purse.wallet.spend("ann", "tokens", 1, key="s").refilled == 100


def test_who_comes_back_is_refilled_though_a_run_left_them_out(make_purse: Any) -> None:
    purse: Purse = make_purse(refills=[daily(active_within_days=2, anchor=MIDNIGHT)])
    purse.wallet.open("ann", "tokens")
    for _ in range(3):
        assert purse.wallet.refills.run().granted == 0
        purse.clock.forward(DAY)
    purse.wallet.refills.run()
    assert purse.wallet.spend("ann", "tokens", 60, key="s").refilled == 100
    purse.clock.forward(DAY)
    assert purse.wallet.refills.run().granted == 1
