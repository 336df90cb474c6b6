"""Holds: reserved, settled for less or more, released, and freed by time."""

from __future__ import annotations

import pytest

from payflow.errors import PayflowError

from .test_spending import code_of
from .world import Purse


def held(purse: Purse) -> int:
    return purse.wallet.account("ann", "tokens").held


def test_a_hold_reserves_and_settling_frees_the_rest(purse: Purse) -> None:
    purse.given("ann", 100)
    hold = purse.wallet.hold("ann", "tokens", 80, key="job-1", use="image")
    assert (held(purse), purse.available("ann")) == (80, 20)
    moved = purse.wallet.settle(hold.id, 30)
    assert (moved.amount, moved.balance, moved.available, held(purse)) == (-30, 70, 70, 0)
    assert purse.wallet.settle(hold.id, 30).replayed
    assert code_of(purse.wallet.settle, hold.id, 31) == "HOLD_SETTLED"
    assert code_of(purse.wallet.release, hold.id) == "HOLD_SETTLED"


def test_the_same_key_is_the_same_hold(purse: Purse) -> None:
    purse.given("ann", 100)
    first = purse.wallet.hold("ann", "tokens", 80, key="job-1")
    assert purse.wallet.hold("ann", "tokens", 80, key="job-1").id == first.id
    assert held(purse) == 80
    assert code_of(purse.wallet.hold, "ann", "tokens", 70, key="job-1") == "IDEMPOTENCY_CONFLICT"


def test_b231_what_costs_more_than_was_held_goes_by_the_declared_policy(purse: Purse) -> None:
    purse.given("ann", 100)
    hold = purse.wallet.hold("ann", "tokens", 60, key="job-1")
    assert code_of(purse.wallet.settle, hold.id, 90) == "HOLD_EXCEEDED"
    assert code_of(purse.wallet.settle, hold.id, 101, over="spend") == "CREDIT_INSUFFICIENT"
    assert purse.wallet.settle(hold.id, 90, over="spend").available == 10
    more = purse.wallet.hold("ann", "tokens", 10, key="job-2")
    assert purse.wallet.settle(more.id, 25, over="debt").balance == -15
    account = purse.wallet.account("ann", "tokens")
    assert (account.balance, account.held, account.floor) == (-15, 0, -15)
    purse.given("ann", 15, key="back")
    assert purse.wallet.account("ann", "tokens").floor == 0


def test_f82_a_hold_whose_time_is_over_frees_its_credit(purse: Purse) -> None:
    purse.given("ann", 100)
    hold = purse.wallet.hold("ann", "tokens", 80, key="job-1", ttl_seconds=60)
    purse.clock.forward(60)
    assert code_of(purse.wallet.settle, hold.id, 10) == "HOLD_EXPIRED"
    assert purse.wallet.spend("ann", "tokens", 100, key="s-1").balance == 0  # freed by the spend that needed it
    other = purse.wallet.grant("ann", "tokens", 50, key="more")
    assert other.available == 50
    late = purse.wallet.hold("ann", "tokens", 50, key="job-2", ttl_seconds=5)
    purse.clock.forward(5)
    assert purse.wallet.sweep() == 1
    assert (held(purse), purse.available("ann")) == (0, 50)
    assert purse.wallet.release(late.id).status == "expired"


def test_released_twice_is_released_once(purse: Purse) -> None:
    purse.given("ann", 100)
    hold = purse.wallet.hold("ann", "tokens", 80, key="job-1")
    assert purse.wallet.release(hold.id).status == "released"
    assert purse.wallet.release(hold.id).status == "released"
    assert purse.available("ann") == 100
    assert code_of(purse.wallet.settle, hold.id, 10) == "HOLD_RELEASED"
    assert code_of(purse.wallet.settle, "no-such", 10) == "HOLD_NOT_FOUND"


def test_held_credit_does_not_lapse_before_it_is_free(purse: Purse) -> None:
    purse.given("ann", 50, kind="promo", expires_at=purse.clock() + 10_000_000)
    hold = purse.wallet.hold("ann", "tokens", 30, key="job-1")
    purse.clock.forward(11)
    purse.wallet.sweep()
    account = purse.wallet.account("ann", "tokens")
    assert (account.balance, account.held) == (30, 30)
    purse.wallet.settle(hold.id, 20)
    account = purse.wallet.account("ann", "tokens")
    assert (account.balance, account.held) == (0, 0)


def test_settling_nothing_frees_everything(purse: Purse) -> None:
    purse.given("ann", 100)
    hold = purse.wallet.hold("ann", "tokens", 80, key="job-1")
    assert purse.wallet.settle(hold.id, 0).amount == 0
    assert purse.available("ann") == 100
    with pytest.raises(PayflowError):
        purse.wallet.settle(hold.id, -1)


@pytest.mark.parametrize("how", ["released", "expired"])
def test_credit_that_is_free_again_pays_what_is_owed(purse: Purse, how: str) -> None:
    """A hold ends while its owner owes: never both free credit and debt."""
    purse.given("ann", 100)
    purse.wallet.change("ann", "tokens", by="ops", credit_limit=80)
    hold = purse.wallet.hold("ann", "tokens", 100, key="h", ttl_seconds=60)
    purse.wallet.spend("ann", "tokens", 50, key="s", debt=True)
    assert purse.wallet.balance("ann", "tokens").debt == 50
    if how == "released":
        purse.wallet.release(hold.id)
    else:
        purse.clock.forward(61)
        purse.wallet.sweep()
    found = purse.wallet.balance("ann", "tokens")
    assert (found.available, found.debt, found.held) == (50, 0, 0)
    assert [bucket.remaining for bucket in found.buckets if bucket.remaining] == [50]
