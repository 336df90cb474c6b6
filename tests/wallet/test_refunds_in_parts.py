"""Refunds of a top-up in parts, of which some fail: credit and money add up, and what returns is what was taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from payflow.doctor import broken
from payflow.errors import PayflowError
from payflow.gateway import Answer, EventKind, Outcome
from payflow.money import Money
from payflow.records import Payment, Refund
from payflow.wallet import Pack, Shelf

from .test_spending import code_of
from .world import Purse

DAY = 86_400


def ask(purse: Purse, payment: Payment, minor: int | None, *, key: str) -> Refund:
    """A refund that the gateway has not decided yet."""
    purse.gateway.will("refund", Answer(Outcome.UNKNOWN))
    amount = None if minor is None else Money(minor)
    refund = purse.flow.refund(payment.id, key=key, amount=amount).refund
    assert refund is not None
    return refund


def end(purse: Purse, payment: Payment, refund: Refund, how: EventKind) -> None:
    event = purse.gateway.refunded(purse.flow.payment(payment.id), refund, how)
    assert purse.flow.receive(purse.gateway.callback(event)).status == 200


PARTS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["fails", "succeeds", "waits"]), st.integers(0, 3)), max_size=10
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(price=st.integers(1, 12), credit=st.integers(1, 9), bonus=st.integers(0, 3), parts=PARTS)
@example(  # five parts, of which the second and fourth fail: the others have taken more than their share
    price=6, credit=3, bonus=0,
    parts=[(1, "succeeds", 0), (1, "waits", 0), (1, "succeeds", 0), (1, "waits", 0), (1, "succeeds", 0),
           (1, "fails", 0), (1, "fails", 0), (1, "fails", 0)],
)  # fmt: skip
def test_f84_money_and_credit_add_up_whatever_fails_between(
    price: int, credit: int, bonus: int, parts: list[tuple[int, str, int]]
) -> None:
    purse = Purse("sqlite:///:memory:")
    purse.wallet.shelf = Shelf({"p": Pack(name="p", unit="tokens", credit=credit, bonus=bonus, price=Money(price))})
    payment = purse.bought("ann", pack="p")
    waiting: list[Refund] = []
    for number, (minor, how, which) in enumerate(parts):
        if how == "fails" and waiting:
            end(purse, payment, waiting.pop(which % len(waiting)), EventKind.REFUND_FAILED)
            continue
        left = purse.flow.payment(payment.id)
        if minor > left.captured - left.refunded - left.reserved:
            continue
        refund = ask(purse, payment, minor, key=f"r-{number}")
        assert refund.credit >= 0
        if how == "succeeds":
            end(purse, payment, refund, EventKind.REFUND_SUCCEEDED)
        else:
            waiting.append(refund)
    for refund in waiting:
        end(purse, payment, refund, EventKind.REFUND_FAILED)
    left = purse.flow.payment(payment.id)
    refunds = purse.store.history(payment.id).refunds  # type: ignore[union-attr]
    rounded = sum(one.status == "failed" for one in refunds)  # what one of them took too much, another did not take
    kept = credit + bonus - (credit + bonus) * left.refunded // left.captured
    assert kept - 1 - rounded <= purse.available("ann") <= kept + rounded
    if left.refunded < left.captured:
        end(purse, payment, ask(purse, payment, None, key="rest"), EventKind.REFUND_SUCCEEDED)
    account = purse.wallet.account("ann", "tokens")
    assert (account.balance, account.held, account.floor, json.loads(account.buckets)) == (0, 0, 0, [])
    assert broken(purse.store) == []
    purse.store.close()


def test_a_refund_that_fails_gives_back_what_it_took_as_it_was(make_purse: Any) -> None:
    purse: Purse = make_purse(policies={"spent_topup": "debt"})
    until = purse.clock() + 3 * DAY * 1_000_000
    payment = purse.bought("ann", pack="gift")  # 1000, and 200 that lapse in a day
    purse.given("ann", 50, kind="promo", key="promo", expires_at=until)
    purse.wallet.spend("ann", "tokens", 250, key="s-1")  # the bonus and the promotional 50
    purse.given("ann", 70, kind="promo", key="promo-2", expires_at=until)
    before = [tuple(kept) for kept in purse.wallet.balance("ann", "tokens").buckets]
    refund = ask(purse, payment, None, key="r-1")
    found = purse.wallet.balance("ann", "tokens")
    assert (found.available, found.debt) == (-130, 130)
    end(purse, payment, refund, EventKind.REFUND_FAILED)
    after = [tuple(kept) for kept in purse.wallet.balance("ann", "tokens").buckets]
    assert after == before
    purse.clock.forward(3 * DAY)
    assert purse.available("ann") == 1000


def test_a_bonus_is_no_lasting_credit_because_a_refund_failed(purse: Purse) -> None:
    payment = purse.bought("ann", pack="gift")
    refund = ask(purse, payment, None, key="r-1")
    assert purse.available("ann") == 0
    end(purse, payment, refund, EventKind.REFUND_FAILED)
    assert purse.available("ann") == 1200
    purse.clock.forward(DAY)
    assert purse.available("ann") == 1000


def test_what_was_owed_for_a_refund_is_paid_by_its_failure_or_given(make_purse: Any) -> None:
    purse: Purse = make_purse(policies={"spent_topup": "debt"})
    payment = purse.bought("ann")
    purse.wallet.spend("ann", "tokens", 700, key="s-1")
    refund = ask(purse, payment, None, key="r-1")
    purse.given("ann", 900, key="later", kind="promo")  # pays the 700 that are owed
    assert purse.available("ann") == 200
    end(purse, payment, refund, EventKind.REFUND_FAILED)
    kinds = {kept.kind: kept.remaining for kept in purse.wallet.balance("ann", "tokens").buckets}
    assert kinds == {"promo": 200, "paid": 1000}


def test_a_late_payment_that_is_accepted_credits_and_one_that_does_not_fit_is_told(make_purse: Any) -> None:
    from payflow.ledger.book import MAX_BALANCE

    purse: Purse = make_purse(policies={"late_payment": "accept"})
    fits, not_any_more = purse.buy("ann"), purse.buy("ann", key="buy-2")
    for payment in (fits, not_any_more):
        purse.flow.cancel(payment.id)
    assert purse.pay(fits).status == "paid"
    assert purse.available("ann") == 1000
    purse.given("ann", MAX_BALANCE - 1000)
    assert purse.pay(not_any_more).status == "paid"
    assert purse.available("ann") == MAX_BALANCE
    history = purse.store.history(not_any_more.id)
    assert history is not None
    assert sorted(one.kind for one in history.incidents) == ["credit_undeliverable", "late_payment"]
    assert [one.seq for one in history.messages] == list(range(1, len(history.messages) + 1))


def test_money_that_comes_twice_or_to_nobody_credits_once_or_not(purse: Purse) -> None:
    twice, cancelled = purse.bought("ann"), purse.buy("ann", key="buy-2")
    again = purse.gateway.event(twice, EventKind.PAID, gateway_txn="another-trade")
    assert purse.flow.receive(purse.gateway.callback(again)).status == 200
    purse.flow.cancel(cancelled.id)
    purse.pay(cancelled)
    assert purse.available("ann") == 1000
    assert sorted(one.kind for one in purse.store.open_incidents()) == ["double_payment", "late_payment"]
    for incident in purse.store.open_incidents():
        purse.flow.resolve(incident.id, "refund", "ops")
    assert purse.available("ann") == 1000  # what goes back was never credited
    assert purse.store.open_incidents() == []


@pytest.mark.parametrize("policy", ["refuse", "partial", "debt"])
def test_what_a_refund_may_take_is_what_is_neither_spent_nor_held(make_purse: Any, policy: str) -> None:
    purse: Purse = make_purse(policies={"spent_topup": policy})
    payment = purse.bought("ann")
    purse.wallet.spend("ann", "tokens", 100, key="s")
    purse.wallet.hold("ann", "tokens", 300, key="h")
    if policy == "partial":
        assert code_of(purse.flow.refund, payment.id, key="r-0", amount=Money(601)) == "CREDIT_SPENT"
    if policy == "refuse":
        with pytest.raises(PayflowError) as refused:
            purse.flow.refund(payment.id, key="r")
        assert (refused.value.code, refused.value.ids["refundable"]) == ("CREDIT_SPENT", 600)
    else:
        refund = purse.flow.refund(payment.id, key="r").refund
        assert refund is not None
        assert refund.amount == {"partial": 600, "debt": 1000}[policy]
    found = purse.wallet.balance("ann", "tokens")
    assert (found.available, found.held, found.debt) == {
        "refuse": (600, 300, 0), "partial": (0, 300, 0), "debt": (-400, 300, 400),
    }[policy]  # fmt: skip
