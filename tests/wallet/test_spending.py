"""Credit is given and spent; never below the floor, never twice for one key."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from payflow.errors import PayflowError

from .world import Purse


def code_of(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(PayflowError) as refused:
        call(*args, **named)
    return refused.value.code


def test_what_was_given_is_spent_to_the_last_unit(purse: Purse) -> None:
    purse.given("ann", 100)
    moved = purse.wallet.spend("ann", "tokens", 60, key="s-1", use="chat")
    assert (moved.amount, moved.balance, moved.available) == (-60, 40, 40)
    assert purse.wallet.spend("ann", "tokens", 40, key="s-2").balance == 0


def test_b230_more_than_there_is_is_refused_and_changes_nothing(purse: Purse) -> None:
    purse.given("ann", 100)
    with pytest.raises(PayflowError) as refused:
        purse.wallet.spend("ann", "tokens", 101, key="s-1")
    error = refused.value
    assert (error.code, error.ids["available"], error.ids["missing"]) == ("CREDIT_INSUFFICIENT", 100, 1)
    assert purse.available("ann") == 100


def test_i27_the_same_key_spends_once_and_another_amount_is_a_conflict(purse: Purse) -> None:
    purse.given("ann", 100)
    first = purse.wallet.spend("ann", "tokens", 60, key="s-1")
    again = purse.wallet.spend("ann", "tokens", 60, key="s-1")
    assert (again.replayed, again.journal_id, again.balance) == (True, first.journal_id, 40)
    assert code_of(purse.wallet.spend, "ann", "tokens", 61, key="s-1") == "IDEMPOTENCY_CONFLICT"
    assert purse.available("ann") == 40


@pytest.mark.parametrize("amount", [0, -1, 1.0, float("nan"), True, "5", None, 2**63, 10**30])
def test_b118_an_amount_that_is_no_number_of_units_is_refused(purse: Purse, amount: Any) -> None:
    purse.given("ann", 100)
    for verb in (purse.wallet.spend, purse.wallet.grant, purse.wallet.hold):
        assert code_of(verb, "ann", "tokens", amount, key="s-1") == "CREDIT_INVALID_AMOUNT"
    assert purse.available("ann") == 100


def test_b119_a_balance_that_cannot_be_is_refused(purse: Purse) -> None:
    purse.given("ann", 9_007_199_254_740_991)
    assert code_of(purse.wallet.grant, "ann", "tokens", 1, key="one-more") == "CREDIT_OVERFLOW"
    assert purse.available("ann") == 9_007_199_254_740_991


def test_fifty_threads_that_spend_60_of_100_get_one_spend(purse: Purse) -> None:
    purse.given("ann", 100)
    got: list[str] = []
    barrier = threading.Barrier(50)

    def spend(number: int) -> None:
        barrier.wait()
        try:
            purse.wallet.spend("ann", "tokens", 60, key=f"s-{number}")
            got.append("spent")
        except PayflowError as error:
            got.append(error.code)

    threads = [threading.Thread(target=spend, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(["spent"] + ["CREDIT_INSUFFICIENT"] * 49)
    assert purse.available("ann") == 40


def test_promotional_credit_goes_first_and_lapses(purse: Purse) -> None:
    now = purse.clock()
    purse.given("ann", 100, key="paid")
    purse.given("ann", 50, key="promo", kind="promo", expires_at=now + 10_000_000)
    purse.wallet.spend("ann", "tokens", 20, key="s-1")
    assert [(one.kind, one.remaining) for one in purse.wallet.balance("ann", "tokens").buckets] == [
        ("promo", 30), ("paid", 100),
    ]  # fmt: skip
    purse.clock.forward(10)
    assert purse.available("ann") == 100
    assert purse.wallet.sweep() == 1
    assert purse.wallet.account("ann", "tokens").balance == 100
    assert purse.wallet.sweep() == 0


def test_debt_only_where_it_is_allowed_and_asked_for(purse: Purse) -> None:
    purse.given("ann", 100)
    purse.wallet.change("ann", "tokens", by="ops", reason="a good customer", credit_limit=50)
    assert code_of(purse.wallet.spend, "ann", "tokens", 120, key="s-1") == "CREDIT_INSUFFICIENT"
    moved = purse.wallet.spend("ann", "tokens", 120, key="s-1", debt=True)
    assert (moved.balance, moved.available) == (-20, -20)
    assert code_of(purse.wallet.spend, "ann", "tokens", 31, key="s-2", debt=True) == "CREDIT_INSUFFICIENT"
    purse.given("ann", 30, key="more")
    assert (purse.available("ann"), purse.wallet.balance("ann", "tokens").debt) == (10, 0)


def test_a_transfer_moves_what_it_is(purse: Purse) -> None:
    until = purse.clock() + 60_000_000
    purse.given("ann", 100)
    purse.given("ann", 10, key="promo", kind="promo", expires_at=until)
    purse.wallet.open("bob", "tokens")
    purse.wallet.transfer("ann", "bob", "tokens", 30, key="t-1")
    assert (purse.available("ann"), purse.available("bob")) == (80, 30)
    kinds = [(one.kind, one.remaining, one.expires_at) for one in purse.wallet.balance("bob", "tokens").buckets]
    assert kinds == [("promo", 10, until), ("paid", 20, None)]
    assert code_of(purse.wallet.transfer, "ann", "ann", "tokens", 1, key="t-2") == "INVALID_TRANSFER"
    assert code_of(purse.wallet.transfer, "ann", "nobody", "tokens", 1, key="t-2") == "ACCOUNT_NOT_FOUND"
