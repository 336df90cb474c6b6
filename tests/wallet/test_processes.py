"""Races between processes: nothing below the floor, nothing done twice, nothing lost, nobody starved."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .processes import together
from .test_edges import place
from .world import Purse


def merged(results: list[dict[str, Any]]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for one in results:
        outcomes.update(one["outcomes"])
    return outcomes


def test_b230_fifty_spends_of_60_on_100_from_five_processes(purse: Purse) -> None:
    purse.given("ann", 100)
    results = together(purse.url, "crowd", [("ann", 60, f"p{number}", 10) for number in range(5)])
    assert sum(map(Counter, results), Counter()) == {"done": 1, "CREDIT_INSUFFICIENT": 49}
    assert place(purse) == (40, 0, 40)


def test_f43_a_thousand_spends_from_four_processes_on_one_account(purse: Purse) -> None:
    purse.given("ann", 1000)
    results = together(purse.url, "spends", [("ann", 1, f"p{number}", 250) for number in range(4)])
    assert merged(results) == {"done": 1000}  # none lost, and none told of a conflict
    assert place(purse) == (0, 0, 0)
    assert purse.wallet.account("ann", "tokens").seq == 1001
    assert max(one["longest"] for one in results) < 10  # nobody starves


def test_a_redeem_raced_by_processes_gives_once(purse: Purse) -> None:
    grant = ("grant", ["ann", "tokens", 100], {"key": "voucher-7"})
    results = together(purse.url, "verbs", [([grant, grant],)] * 4)
    outcomes = [outcome for one in results for outcome in one]
    assert sorted(outcomes) == ["done"] + ["replayed"] * 7
    assert place(purse) == (100, 0, 100)


def test_settled_released_expired_by_processes_at_once(purse: Purse) -> None:
    purse.given("ann", 1000)
    ids = [purse.wallet.hold("ann", "tokens", 100, key=f"h-{number}").id for number in range(10)]
    results = together(
        purse.url, "verbs",
        [
            ([("settle", [one, 30], {}) for one in ids],), ([("settle", [one, 40], {}) for one in ids],),
            ([("release", [one], {}) for one in ids],), ([("sweep_in_an_hour", [], {})],),
        ],
    )  # fmt: skip
    for number, one in enumerate(ids):
        kept, outcomes = purse.wallet._hold(one), [results[process][number] for process in range(3)]
        assert kept.status in {"settled", "released", "expired"}
        assert outcomes[:2].count("done") == (1 if kept.status == "settled" else 0), outcomes
        assert kept.settled in ({30, 40} if kept.status == "settled" else {0})
        assert set(outcomes) <= {"done", "HOLD_SETTLED", "HOLD_RELEASED", "HOLD_EXPIRED"}
    spent = sum(purse.wallet._hold(one).settled for one in ids)
    assert place(purse) == (1000 - spent, 0, 1000 - spent)


def test_credit_in_a_ring_goes_round_and_none_is_lost(purse: Purse) -> None:
    for number in range(4):
        purse.given(f"owner-{number}", 100)
    results = together(purse.url, "ring", [(4, number, 60) for number in range(4)])
    assert set(merged(results)) <= {"done", "CREDIT_INSUFFICIENT"}
    assert sum(purse.available(f"owner-{number}") for number in range(4)) == 400
    assert max(one["longest"] for one in results) < 10


def test_a_refund_raced_with_spends_of_what_it_takes_back(purse: Purse) -> None:
    owners = [f"owner-{number}" for number in range(4)]
    payments = [purse.bought(owner, key=f"buy-{owner}").id for owner in owners]
    refunds = [("refund", [payment], {"key": f"r-{payment}"}) for payment in payments]
    spends = [("spend", [owner, "tokens", 600], {"key": "s"}) for owner in owners]
    others = [("spend", [owner, "tokens", 600], {"key": "s-2"}) for owner in reversed(owners)]
    refunded, first, second = together(purse.url, "verbs", [(refunds,), (spends,), (others,)])
    for number, owner in enumerate(owners):
        spent = [first[number], second[-1 - number]]
        assert (refunded[number], spent.count("done")) in {("done", 0), ("CREDIT_SPENT", 1)}, (refunded, spent)
        assert set(spent) <= {"done", "CREDIT_INSUFFICIENT"}
        assert place(purse, owner) == ((0, 0, 0) if refunded[number] == "done" else (400, 0, 400))


def test_holds_and_spends_race_for_the_same_credit(purse: Purse) -> None:
    purse.given("ann", 100)
    holds = [("hold", ["ann", "tokens", 30], {"key": f"h-{number}"}) for number in range(6)]
    spends = [("spend", ["ann", "tokens", 20], {"key": f"s-{number}"}) for number in range(6)]
    held, spent = together(purse.url, "verbs", [(holds,), (spends,)])
    counted = 30 * held.count("done"), 20 * spent.count("done")
    assert set(held + spent) == {"done", "CREDIT_INSUFFICIENT"}
    assert place(purse) == (100 - counted[1], counted[0], 100 - sum(counted))
    assert 0 <= 100 - sum(counted) < 20


def test_the_same_spend_from_processes_at_once_is_one_spend(purse: Purse) -> None:
    purse.given("ann", 100)
    spend = ("spend", ["ann", "tokens", 60], {"key": "s-1"})
    results = together(purse.url, "verbs", [([spend] * 3,)] * 3)
    assert sorted(outcome for one in results for outcome in one) == ["done"] + ["replayed"] * 8
    assert place(purse) == (40, 0, 40)
