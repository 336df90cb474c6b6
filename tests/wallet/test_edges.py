"""Where credit systems go wrong at the edges: names, keys, limits, debt beside credit that was held."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from payflow.ledger.book import MAX_BALANCE
from payflow.money import Money

from .test_spending import code_of
from .world import Purse

DAY = 86_400


def place(purse: Purse, owner: str = "ann") -> tuple[int, int, int]:
    """Balance, held, available."""
    found = purse.wallet.balance(owner, "tokens")
    return found.balance, found.held, found.available


# -- names and keys ------------------------------------------------------------------------------------------------


def test_an_owner_and_a_key_cannot_be_read_as_another_owner_and_key(purse: Purse) -> None:
    for owner in ("a", "a/tokens:b"):
        purse.given(owner, 100)
    purse.wallet.spend("a", "tokens", 60, key="b/tokens:k")
    done = purse.wallet.spend("a/tokens:b", "tokens", 60, key="k")
    assert (done.replayed, purse.available("a"), purse.available("a/tokens:b")) == (False, 40, 40)
    first = purse.wallet.hold("a", "tokens", 10, key="b/tokens:h")
    second = purse.wallet.hold("a/tokens:b", "tokens", 10, key="h")
    assert (first.account, second.account) == ("a/tokens", "a/tokens:b/tokens")


OWNERS = [
    "小明的账户", "Ünïcode", "a/b", "a/tokens", "%", "_", "x' or ''='", "\N{GRINNING FACE}" * 96, "字" * 96,
    "e\N{COMBINING ACUTE ACCENT}", "\N{LATIN SMALL LETTER E WITH ACUTE}", "ANN", "ann", "ann:tokens", "ann#1", "{}",
]  # fmt: skip


def test_owners_of_any_language_are_themselves_on_every_database(purse: Purse) -> None:
    key = "k" * 255
    for number, owner in enumerate(OWNERS, start=1):
        purse.given(owner, 100 + number, key=key)
        assert purse.wallet.spend(owner, "tokens", number, key=key).available == 100
        hold = purse.wallet.hold(owner, "tokens", 30, key=key)
        assert purse.wallet.hold(owner, "tokens", 30, key=key).id == hold.id
        assert purse.wallet.settle(hold.id, 10).available == 90
    for number, owner in enumerate(OWNERS, start=1):
        assert purse.wallet.spend(owner, "tokens", number, key=key).replayed
        assert place(purse, owner) == (90, 0, 90)
        assert [kept.owner for kept in purse.store.accounts_of(owner)] == [owner]


def test_a_top_up_of_the_longest_owner_is_credited(purse: Purse) -> None:
    owner = "\N{GRINNING FACE}" * 96
    payment = purse.bought(owner, pack="gift")
    purse.flow.refund(payment.id, key="r", amount=Money(333))
    assert purse.available(owner) == 800


@pytest.mark.parametrize("owner", ["", " ann", "ann ", "a\nb", "a\x00b", "x" * 97, "\ud800", None, 7, b"ann"])
def test_what_is_no_owner_is_refused(purse: Purse, owner: Any) -> None:
    assert code_of(purse.wallet.grant, owner, "tokens", 1, key="k") == "INVALID_REFERENCE"


@pytest.mark.parametrize("unit", ["", "to kens", "t" * 25, "fish", None, "tokens/x", "TOKENS"])
def test_what_is_no_unit_is_refused(purse: Purse, unit: Any) -> None:
    assert code_of(purse.wallet.grant, "ann", unit, 1, key="k") in {"INVALID_REFERENCE", "UNIT_UNKNOWN"}


def test_the_same_key_is_another_operation_for_another_verb_and_owner(purse: Purse) -> None:
    purse.given("ann", 100, key="k")
    purse.given("bob", 100, key="k")
    purse.wallet.spend("ann", "tokens", 10, key="k")
    purse.wallet.transfer("ann", "bob", "tokens", 10, key="k")
    purse.wallet.adjust("ann", "tokens", -10, key="k", by="ops", memo="why")
    purse.wallet.release(purse.wallet.hold("ann", "tokens", 10, key="k").id)
    assert (purse.available("ann"), purse.available("bob")) == (70, 110)


# -- limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [0, -1, 1.0, float("nan"), float("inf"), True, "5", None, 2**53, 2**63, Decimal(1)])
def test_b118_what_is_no_amount_is_refused_by_every_verb(purse: Purse, amount: Any) -> None:
    purse.given("ann", 100)
    purse.wallet.open("bob", "tokens")
    hold = purse.wallet.hold("ann", "tokens", 10, key="h")
    wallet = purse.wallet
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (wallet.grant, ("ann", "tokens", amount), {}), (wallet.spend, ("ann", "tokens", amount), {}),
        (wallet.spending, ("ann", "tokens", amount), {}), (wallet.hold, ("ann", "tokens", amount), {}),
        (wallet.transfer, ("ann", "bob", "tokens", amount), {}),
    ]  # fmt: skip
    if amount != -1:
        calls.append((wallet.adjust, ("ann", "tokens", amount), {"by": "ops", "memo": "why"}))
    for call, given, named in calls:
        assert code_of(call, *given, key="k", **named) == "CREDIT_INVALID_AMOUNT", call
    if amount != 0:
        assert code_of(wallet.settle, hold.id, amount) == "CREDIT_INVALID_AMOUNT"
        assert code_of(wallet.change, "ann", "tokens", by="ops", credit_limit=amount) == "CREDIT_INVALID_AMOUNT"
    if amount is not None:
        assert code_of(wallet.change, "ann", "tokens", by="ops", caps={"per_day": amount}) == "CREDIT_INVALID_AMOUNT"
    assert place(purse) == (100, 10, 90)


@pytest.mark.parametrize("nothing", [Decimal(0), 0.0, False])
def test_nothing_that_is_no_whole_number_is_refused(purse: Purse, nothing: Any) -> None:
    purse.given("ann", 100)
    hold = purse.wallet.hold("ann", "tokens", 10, key="h")
    assert code_of(purse.wallet.settle, hold.id, nothing) == "CREDIT_INVALID_AMOUNT"
    assert code_of(purse.wallet.change, "ann", "tokens", by="ops", credit_limit=nothing) == "CREDIT_INVALID_AMOUNT"


@pytest.mark.parametrize("until", [0, -1, 1.5e15, float("nan"), "tomorrow", True, 2**63])
def test_credit_lapses_at_an_instant_to_come(purse: Purse, until: Any) -> None:
    refused = code_of(purse.wallet.grant, "ann", "tokens", 1, key="k", expires_at=until)
    assert refused == "CREDIT_INVALID_EXPIRY"


def test_b119_a_balance_that_would_be_too_large_is_refused_and_nothing_changes(purse: Purse) -> None:
    purse.given("ann", MAX_BALANCE)
    purse.given("bob", 1)
    assert code_of(purse.given, "ann", 1, key="more") == "CREDIT_OVERFLOW"
    assert code_of(purse.wallet.adjust, "ann", "tokens", 1, key="a", by="o", memo="m") == "CREDIT_OVERFLOW"
    assert code_of(purse.wallet.transfer, "bob", "ann", "tokens", 1, key="t") == "CREDIT_OVERFLOW"
    assert (purse.available("ann"), purse.available("bob")) == (MAX_BALANCE, 1)
    purse.given("ann", MAX_BALANCE)  # the key of the first: a repeat, though it would not fit once more
    assert purse.available("ann") == MAX_BALANCE
    more: dict[str, Any] = {"by": "o", "memo": "m", "debt": True}
    purse.wallet.adjust("bob", "tokens", -MAX_BALANCE, key="a", **more)
    assert code_of(purse.wallet.adjust, "bob", "tokens", -2, key="b", **more) == "CREDIT_OVERFLOW"
    assert purse.wallet.account("bob", "tokens").balance == 1 - MAX_BALANCE


def test_what_was_done_is_repeated_though_it_could_not_be_done_again(purse: Purse) -> None:
    purse.given("ann", MAX_BALANCE - 10)
    purse.given("bob", 20)
    assert not purse.wallet.transfer("bob", "ann", "tokens", 7, key="t").replayed
    assert purse.wallet.transfer("bob", "ann", "tokens", 7, key="t").replayed
    assert not purse.wallet.adjust("ann", "tokens", 2, key="a", by="o", memo="m").replayed
    assert purse.wallet.adjust("ann", "tokens", 2, key="a", by="o", memo="m").replayed
    until = purse.clock() + 5_000_000
    assert not purse.wallet.grant("ann", "tokens", 1, key="g", expires_at=until).replayed
    assert purse.wallet.grant("ann", "tokens", 1, key="g", expires_at=until).replayed
    purse.clock.forward(5)
    assert purse.wallet.grant("ann", "tokens", 1, key="g", expires_at=until).replayed
    purse.wallet.spend("bob", "tokens", 13, key="s")
    purse.wallet.change("bob", "tokens", by="ops", caps={"per_spend": 1})
    assert purse.wallet.spend("bob", "tokens", 13, key="s").replayed  # nothing left, and above the cap
    assert purse.wallet.transfer("bob", "ann", "tokens", 7, key="t").replayed
    purse.wallet.adjust("bob", "tokens", -5, key="d", by="o", memo="m", debt=True)
    assert purse.wallet.spend("bob", "tokens", 13, key="s").replayed  # in debt
    assert code_of(purse.wallet.spend, "bob", "tokens", 12, key="s") == "IDEMPOTENCY_CONFLICT"
    assert place(purse, "bob") == (-5, 0, -5)


def test_money_that_buys_more_than_the_account_holds_is_an_incident_and_goes_back(make_purse: Any) -> None:
    purse: Purse = make_purse(policies={"spent_topup": "debt"})
    payment = purse.buy("ann")
    purse.given("ann", MAX_BALANCE)
    purse.pay(payment)
    (incident,) = purse.store.open_incidents()
    assert (incident.kind, incident.ref) == ("credit_undeliverable", payment.id)
    purse.wallet.spend("ann", "tokens", MAX_BALANCE - 50, key="s")
    assert purse.flow.refund(payment.id, key="r").payment.status == "refunded"
    assert place(purse) == (50, 0, 50)  # what was never given is not taken back


def test_a_refund_that_fails_when_its_credit_does_not_fit_any_more(purse: Purse) -> None:
    from payflow.gateway import Answer, EventKind, Outcome

    payment, gateway = purse.bought("ann"), purse.gateway
    gateway.will("refund", Answer(Outcome.UNKNOWN))
    refund = purse.flow.refund(payment.id, key="r").refund
    assert refund is not None
    purse.given("ann", MAX_BALANCE)
    failed = gateway.callback(gateway.refunded(purse.flow.payment(payment.id), refund, EventKind.REFUND_FAILED))
    assert purse.flow.receive(failed).status == 200  # a fact is never refused
    assert [one.kind for one in purse.store.open_incidents()] == ["credit_undeliverable"]
    assert purse.available("ann") == MAX_BALANCE
    assert purse.flow.payment(payment.id).reserved == 0


# -- debt, beside credit that was held -----------------------------------------------------------------------------


def indebted(purse: Purse, *, expires_in: int | None = None) -> str:
    """100 held, and 50 owed; the hold's id."""
    until = None if expires_in is None else purse.clock() + expires_in * 1_000_000
    purse.given("ann", 100, kind="promo", expires_at=until)
    hold = purse.wallet.hold("ann", "tokens", 100, key="h")
    purse.wallet.adjust("ann", "tokens", -50, key="a", by="ops", memo="a chargeback", debt=True)
    assert place(purse) == (50, 100, -50)
    return hold.id


def test_credit_that_is_free_again_pays_what_is_owed(purse: Purse) -> None:
    purse.wallet.release(indebted(purse))
    found = purse.wallet.balance("ann", "tokens")
    assert (found.balance, found.available, found.debt, found.account.floor) == (50, 50, 0, 0)
    assert [(one.kind, one.remaining) for one in found.buckets] == [("promo", 50)]
    journals = purse.store.select("select kind from pf_journal where account = 'ann/tokens' order by at, id", 10)
    assert ("repayment",) in journals


def test_credit_that_is_free_again_pays_what_is_owed_when_its_hold_is_settled(purse: Purse) -> None:
    moved = purse.wallet.settle(indebted(purse), 20)
    assert (moved.balance, moved.available) == (30, 30)
    assert purse.wallet.balance("ann", "tokens").debt == 0


def test_credit_that_is_free_again_pays_what_is_owed_when_time_frees_it(purse: Purse) -> None:
    indebted(purse)
    purse.clock.forward(3600)
    assert purse.wallet.sweep() == 1
    assert (purse.wallet.balance("ann", "tokens").debt, place(purse)) == (0, (50, 0, 50))
    assert purse.wallet.sweep() == 0


def test_what_lapsed_while_it_was_held_pays_nothing(purse: Purse) -> None:
    hold = indebted(purse, expires_in=60)
    purse.clock.forward(61)
    purse.wallet.release(hold)
    assert place(purse) == (-50, 0, -50)
    purse.given("ann", 60, key="more")
    assert (place(purse), purse.wallet.account("ann", "tokens").floor) == ((10, 0, 10), 0)


def test_a_top_up_that_was_held_beside_debt_is_refunded_no_further_than_it_is_there(make_purse: Any) -> None:
    for policy, outcome in (("refuse", "CREDIT_SPENT"), ("debt", -500)):
        purse: Purse = make_purse(policies={"spent_topup": policy})
        owner = f"ann-{policy}"
        payment = purse.bought(owner, key=f"buy-{policy}")
        hold = purse.wallet.hold(owner, "tokens", 1000, key="h")
        purse.wallet.adjust(owner, "tokens", -500, key="a", by="ops", memo="a chargeback", debt=True)
        purse.wallet.release(hold.id)
        if policy == "refuse":
            assert code_of(purse.flow.refund, payment.id, key=f"r-{policy}") == outcome
        else:
            purse.flow.refund(payment.id, key=f"r-{policy}")
            assert purse.available(owner) == outcome


def test_a_reset_refill_beside_debt_and_freed_credit(make_purse: Any) -> None:
    body = {"name": "daily", "unit": "tokens", "mode": "reset", "amount": 30, "every": {"days": 1}, "trigger": "both"}
    purse: Purse = make_purse(refills=[body])
    purse.wallet.open("ann", "tokens")
    assert purse.wallet.refills.run().granted == 1
    purse.given("ann", 70, kind="refill")
    hold = purse.wallet.hold("ann", "tokens", 100, key="h", ttl_seconds=3 * DAY)
    purse.wallet.adjust("ann", "tokens", -80, key="a", by="ops", memo="a chargeback", debt=True)
    purse.wallet.release(hold.id)
    purse.clock.forward(DAY)
    purse.wallet.refills.run()
    assert place(purse) == (30, 0, 30)


def test_a_limit_that_shrinks_below_what_is_owed(purse: Purse) -> None:
    purse.given("ann", 100)
    purse.wallet.change("ann", "tokens", by="ops", credit_limit=50)
    purse.wallet.spend("ann", "tokens", 150, key="s", debt=True)
    purse.wallet.change("ann", "tokens", by="ops", credit_limit=10)
    assert code_of(purse.wallet.spend, "ann", "tokens", 1, key="s-2", debt=True) == "CREDIT_INSUFFICIENT"
    purse.given("ann", 45, key="more")
    assert purse.wallet.account("ann", "tokens").floor == -10
    assert purse.wallet.spend("ann", "tokens", 5, key="s-2", debt=True).balance == -10
    assert code_of(purse.wallet.spend, "ann", "tokens", 1, key="s-3", debt=True) == "CREDIT_INSUFFICIENT"


# -- holds ---------------------------------------------------------------------------------------------------------


def test_what_is_held_counts_against_a_cap(purse: Purse) -> None:
    purse.given("ann", 1000)
    purse.wallet.change("ann", "tokens", by="ops", caps={"per_day": 100})
    first = purse.wallet.hold("ann", "tokens", 80, key="h-1", ttl_seconds=60)
    assert code_of(purse.wallet.hold, "ann", "tokens", 80, key="h-2") == "CREDIT_CAP_EXCEEDED"
    assert code_of(purse.wallet.spend, "ann", "tokens", 21, key="s") == "CREDIT_CAP_EXCEEDED"
    purse.wallet.settle(first.id, 30)
    purse.wallet.hold("ann", "tokens", 70, key="h-2", ttl_seconds=60)
    assert code_of(purse.wallet.spend, "ann", "tokens", 1, key="s") == "CREDIT_CAP_EXCEEDED"
    purse.clock.forward(60)
    assert purse.wallet.spend("ann", "tokens", 70, key="s").available == 900  # its time was over


def test_holds_whose_time_is_over_are_in_nobodys_way(purse: Purse) -> None:
    purse.given("ann", 100)
    purse.wallet.hold("ann", "tokens", 50, key="h-1", ttl_seconds=60)
    second = purse.wallet.hold("ann", "tokens", 30, key="h-2", ttl_seconds=600)
    purse.clock.forward(60)
    assert purse.wallet.settle(second.id, 90, over="spend").available == 10
    purse.wallet.hold("ann", "tokens", 10, key="h-3", ttl_seconds=60)
    purse.clock.forward(60)
    assert purse.wallet.adjust("ann", "tokens", -10, key="a", by="ops", memo="why").available == 0


def test_an_account_that_is_there_is_not_changed_by_opening_it_again(purse: Purse) -> None:
    purse.wallet.open("ann", "tokens", tier="heavy", credit_limit=5)
    purse.wallet.change("ann", "tokens", by="ops", credit_limit=50)
    again = purse.wallet.open("ann", "tokens", tier="ordinary", credit_limit=5)
    assert (again.tier, again.credit_limit) == ("heavy", 50)


def test_credit_that_goes_round_does_not_crumble(purse: Purse) -> None:
    until = purse.clock() + DAY * 1_000_000
    for owner in ("ann", "bob"):
        purse.given(owner, 100, kind="promo", expires_at=until)
    for number in range(10):
        purse.wallet.transfer("ann", "bob", "tokens", 7, key=f"t-{number}")
        purse.wallet.transfer("bob", "ann", "tokens", 7, key=f"t-{number}")
    assert len(purse.wallet.balance("ann", "tokens").buckets) == 1


# -- many at once --------------------------------------------------------------------------------------------------


def test_a_set_of_spends_is_done_or_refused_one_by_one(purse: Purse) -> None:
    purse.given("ann", 100)
    purse.given("bob", 50)
    purse.wallet.spend("ann", "tokens", 10, key="done")
    spends = [
        purse.wallet.spending("ann", "tokens", 40, key="1"), purse.wallet.spending("nobody", "tokens", 1, key="2"),
        purse.wallet.spending("bob", "tokens", 51, key="3"), purse.wallet.spending("ann", "tokens", 10, key="done"),
        purse.wallet.spending("ann", "tokens", 11, key="done"), purse.wallet.spending("ann", "tokens", 40, key="1"),
        purse.wallet.spending("ann", "tokens", 41, key="1"), purse.wallet.spending("ann", "tokens", 51, key="4"),
        purse.wallet.spending("ann", "tokens", 50, key="5"), purse.wallet.spending("ann", "tokens", 1, key="6"),
    ]  # fmt: skip
    for _ in range(2):
        done = purse.wallet.spend_many(spends)
        told = [getattr(one, "code", None) or ("replayed" if one.replayed else "spent") for one in done]  # type: ignore[union-attr]
        assert told[1:3] == ["ACCOUNT_NOT_FOUND", "CREDIT_INSUFFICIENT"]
        assert told[3:5] == ["replayed", "IDEMPOTENCY_CONFLICT"]
        assert told[5:8] == ["replayed", "IDEMPOTENCY_CONFLICT", "CREDIT_INSUFFICIENT"]
        assert told[9] == "CREDIT_INSUFFICIENT"
        assert place(purse) == (0, 0, 0)
    assert (told[0], told[8], purse.available("bob")) == ("replayed", "replayed", 50)
