"""Statements: every movement with its cause, figures that add up, pages, days, and clocks that disagree."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.money import Money
from payflow.wallet import Line, Statement, Wallet
from payflow.wallet import statement as room

from .test_spending import code_of
from .world import Purse

DAY = 86_400
PRICE = {"amount": "9.99", "channel": "qr", "action": "buy"}
REFILL = {
    "name": "daily", "unit": "tokens", "mode": "top_up", "amount": 50, "every": {"days": 1}, "trigger": "on_demand",
}  # fmt: skip


def told(purse: Purse, owner: str = "ann", **more: Any) -> Statement:
    return purse.wallet.statement(owner, "tokens", **more)


def one(purse: Purse, kind: str, owner: str = "ann") -> Line:
    (line,) = [line for line in told(purse, owner) if line.kind == kind]
    return line


def adds_up(statement: Statement) -> None:
    """What a statement promises: from the opening to the closing figure, line by line."""
    balance = statement.opening
    for line in statement:
        balance += line.amount
        assert (line.balance, sum(share for _, share in line.parts)) == (balance, line.amount)
    assert balance == statement.closing
    assert statement.agrees


# -- causes --------------------------------------------------------------------------------------------------------


def test_a_top_up_is_told_down_to_its_payment(purse: Purse) -> None:
    payment = purse.bought("ann", pack="gift")
    line = one(purse, "topup")
    assert (line.amount, line.balance, line.memo) == (1200, 1200, "gift")
    assert (line.payment_id, line.out_trade_no, line.gateway) == (payment.id, payment.out_trade_no, "mock")
    assert (line.paid, line.currency, line.gateway_txn) == (999, "CNY", payment.gateway_txn)
    assert line.parts == ((payment.id, 1000), (f"{payment.id}+", 200))
    assert line.cause_kind == "callback"


def test_a_refund_of_a_top_up_is_told_with_its_number_and_its_money(purse: Purse) -> None:
    payment = purse.bought("ann")
    refund = purse.flow.refund(payment.id, key="r-1", amount=Money(250), reason="sour").refund
    assert refund is not None
    line = one(purse, "clawback")
    assert (line.amount, line.refund_id, line.out_refund_no) == (-250, refund.id, refund.out_refund_no)
    assert (line.refunded, line.payment_id, line.memo) == (250, payment.id, "sour")


def test_a_spend_is_told_with_key_use_and_memo_and_as_one_line_whatever_it_took_from(purse: Purse) -> None:
    purse.given("ann", 30, kind="promo")
    purse.given("ann", 100, key="more")
    purse.wallet.spend("ann", "tokens", 50, key="chat-1", use="chat", memo="about ships")
    line = one(purse, "spend")
    assert (line.amount, line.balance, line.key, line.use, line.memo) == (-50, 80, "chat-1", "chat", "about ships")
    assert line.parts == (("promo", -30), ("paid", -20))
    assert len(list(told(purse))) == 3
    assert told(purse).entries == 4


def test_a_key_too_long_for_a_journal_s_name_is_told_in_full(purse: Purse) -> None:
    purse.given("ann", 30)
    key = "k" * 128
    purse.wallet.spend("ann", "tokens", 5, key=key)
    assert one(purse, "spend").key == key


def test_a_settled_hold_is_told_with_what_it_had_reserved(purse: Purse) -> None:
    purse.given("ann", 100)
    hold = purse.wallet.hold("ann", "tokens", 80, key="job-1", use="image", memo="a cat")
    purse.wallet.settle(hold.id, 30)
    line = one(purse, "settle")
    assert (line.amount, line.hold_id, line.held, line.key) == (-30, hold.id, 80, "job-1")
    assert (line.use, line.memo) == ("image", "a cat")


def test_a_transfer_is_told_on_both_sides(purse: Purse) -> None:
    purse.given("ann", 100)
    purse.wallet.open("bob", "tokens")
    purse.wallet.transfer("ann", "bob", "tokens", 40, key="gift")
    assert (one(purse, "transfer").amount, one(purse, "transfer").other) == (-40, "bob/tokens")
    assert (one(purse, "transfer", "bob").amount, one(purse, "transfer", "bob").other) == (40, "ann/tokens")


def test_a_correction_is_told_with_its_operator(purse: Purse) -> None:
    purse.given("ann", 100)
    purse.wallet.adjust("ann", "tokens", -7, key="fix-1", by="anna", memo="counted twice")
    line = one(purse, "adjustment")
    assert (line.amount, line.by, line.memo, line.key) == (-7, "anna", "counted twice", "fix-1")


def test_credit_that_lapsed_is_told(purse: Purse) -> None:
    purse.given("ann", 100, kind="promo", expires_at=purse.clock() + 60 * SECOND)
    purse.clock.forward(60)
    purse.wallet.sweep()
    line = one(purse, "expiry")
    assert (line.amount, line.balance, line.cause_kind) == (-100, 0, "timer")


def test_a_refill_is_told_with_its_policy_version_and_trigger(make_purse: Any) -> None:
    purse = make_purse(refills=[REFILL])
    purse.given("ann", 10)
    purse.wallet.spend("ann", "tokens", 40, key="s-1")
    line = one(purse, "refill")
    assert (line.amount, line.policy, line.policy_version, line.trigger) == (40, "daily", 1, "demand")


def test_an_owner_with_a_colon_has_the_same_causes(make_purse: Any) -> None:
    purse = make_purse(refills=[REFILL])
    purse.given("org:7", 10)
    purse.wallet.spend("org:7", "tokens", 40, key="chat#1", use="chat")
    refill, spend = one(purse, "refill", "org:7"), one(purse, "spend", "org:7")
    assert (refill.policy, refill.policy_version, refill.trigger) == ("daily", 1, "demand")
    assert (spend.key, spend.use) == ("chat#1", "chat")


def test_a_refill_that_was_bought_is_told_with_payment_and_policy(make_purse: Any) -> None:
    purse = make_purse(refills=[{**REFILL, "name": "sold", "mode": "add", "price": PRICE}])
    purse.given("ann", 10)
    assert code_of(purse.wallet.spend, "ann", "tokens", 40, key="s-1") == "CREDIT_INSUFFICIENT"
    (payment,) = purse.store.recent_payments(5)
    purse.pay(payment)
    line = one(purse, "topup")
    assert (line.payment_id, line.paid, line.policy, line.trigger) == (payment.id, 999, "sold", "payment")


# -- figures -------------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(purse: Purse, monkeypatch: pytest.MonkeyPatch) -> Purse:
    """Ann has 60 movements over ten days; pages are small."""
    monkeypatch.setattr(room, "FIRST_PAGE", 3)
    monkeypatch.setattr(room, "PAGE", 7)
    purse.given("ann", 40, kind="promo")
    purse.given("ann", 1000, key="more")
    for number in range(58):
        purse.clock.forward(DAY // 6)
        purse.wallet.spend("ann", "tokens", 1 + number % 5, key=f"s-{number}", use="chat")
    return purse


def test_figures_add_up_over_all_pages(busy: Purse) -> None:
    statement = told(busy)
    adds_up(statement)
    lines = list(statement)
    assert [line.key for line in lines][2:] == [f"s-{number}" for number in range(58)]
    assert list(told(busy, order="newest")) == lines[::-1]
    assert list(statement) == lines  # as often as you like


def test_a_limit_ends_it_early_from_either_end(busy: Purse) -> None:
    lines = list(told(busy))
    assert list(told(busy, limit=5)) == lines[:5]
    assert list(told(busy, limit=5, order="newest")) == lines[::-1][:5]
    assert list(told(busy, limit=0)) == []


def days(purse: Purse) -> list[date]:
    first = date(2026, 5, 29)  # the world begins on this day in Shanghai
    return [first + timedelta(days=number) for number in range(11)]


def test_days_divide_it_without_a_rest(busy: Purse) -> None:
    whole, seen = told(busy), []
    before = whole.opening
    for day in days(busy):
        statement = told(busy, since=day, until=day)
        adds_up(statement)
        assert statement.opening == before
        before = statement.closing
        seen += list(statement)
    assert seen == list(whole)
    assert before == whole.closing
    assert list(told(busy, since=days(busy)[2], until=days(busy)[4])) == [
        line for day in days(busy)[2:5] for line in told(busy, since=day, until=day)
    ]


def test_a_day_before_and_a_day_after_everything(busy: Purse) -> None:
    early = told(busy, until=date(2026, 1, 1))
    assert (early.opening, early.closing, list(early)) == (0, 0, [])
    late = told(busy, since=date(2027, 1, 1))
    assert (late.opening, late.closing, list(late)) == (whole := told(busy).closing, whole, [])


def test_a_day_is_the_config_s_time_zone_s(make_purse: Any) -> None:
    from zoneinfo import ZoneInfo

    for zone, day in (("Asia/Shanghai", date(2026, 5, 29)), ("America/New_York", date(2026, 5, 28))):
        purse = make_purse(zone=ZoneInfo(zone))
        if not purse.store.accounts(["ann/tokens"]):
            purse.given("ann", 10)
        assert len(list(told(purse, since=day, until=day))) == 1
        assert list(told(purse, until=day - timedelta(days=1))) == []


def test_what_stands_behind_a_younger_entry_is_told_with_it(purse: Purse) -> None:
    """Two clocks: one is past midnight, the other not yet. Every entry is in exactly one day, and figures add up."""
    midnight = 1_780_070_400 * SECOND  # 30 May 2026 begins in Shanghai
    purse.clock.now = midnight - 10 * SECOND
    purse.given("ann", 100)
    for number, offset in enumerate((-3, 2, -2, 3, -1, 4, 5)):
        purse.clock.now = midnight + offset * SECOND
        purse.wallet.spend("ann", "tokens", 1, key=f"s-{number}")
    first, second = told(purse, until=date(2026, 5, 29)), told(purse, since=date(2026, 5, 30))
    assert [line.key for line in first][1:] == ["s-0", "s-1", "s-2", "s-3", "s-4"]
    assert [line.key for line in second] == ["s-5", "s-6"]
    assert first.closing == second.opening == 95
    adds_up(first)
    adds_up(second)


def test_what_is_booked_while_it_is_told_is_not_in_it(busy: Purse) -> None:
    statement = told(busy)
    lines = []
    for line in statement:
        lines.append(line)
        if len(lines) % 10 == 0:
            busy.wallet.spend("ann", "tokens", 1, key=f"meanwhile-{len(lines)}")
    assert len(lines) == 60
    assert lines[-1].balance == statement.closing


def test_an_account_without_movements(purse: Purse) -> None:
    purse.wallet.open("eve", "tokens")
    statement = told(purse, "eve")
    assert (statement.opening, statement.closing, list(statement), statement.agrees) == (0, 0, [], True)


def test_what_cannot_be_asked_for(purse: Purse) -> None:
    purse.given("ann", 10)
    ask = purse.wallet.statement
    assert code_of(ask, "nobody", "tokens") == "ACCOUNT_NOT_FOUND"
    assert code_of(ask, "ann", "tokens", order="random") == "INVALID_REFERENCE"
    assert code_of(ask, "ann", "tokens", limit=-1) == "INVALID_REFERENCE"
    assert code_of(ask, "ann", "tokens", since=date(2026, 2, 2), until=date(2026, 2, 1)) == "INVALID_PERIOD"
    assert code_of(ask, "ann", "tokens", since="2026-02-01") == "INVALID_PERIOD"
    assert code_of(ask, "ann", "to kens") == "INVALID_REFERENCE"


def test_a_unit_that_the_config_has_no_more_can_still_be_read(purse: Purse) -> None:
    purse.wallet.grant("ann", "CNY", 500, key="g-1")
    purse.flow.rules.credit.units.pop("CNY")  # type: ignore[attr-defined]  # a dict in this world
    assert code_of(purse.wallet.grant, "ann", "CNY", 1, key="g-2") == "UNIT_UNKNOWN"
    assert [line.amount for line in Wallet(purse.flow).statement("ann", "CNY")] == [500]


# -- books that were touched ----------------------------------------------------------------------------------------


def test_damaged_books_are_told_as_they_are(store_url: str) -> None:
    purse = Purse(store_url)
    purse.given("ann", 100)
    for number in range(4):
        purse.wallet.spend("ann", "tokens", 10, key=f"s-{number}")
    with purse.store._whole() as (_, cursor):
        run = purse.store.dialect.run
        run(cursor, "delete from pf_journal where id = 'spend:ann/tokens:s-1'")
        run(cursor, "delete from pf_entry where journal_id = 'spend:ann/tokens:s-2'")
        run(cursor, "update pf_account set balance = 999 where id = 'ann/tokens'")
    statement = told(purse)
    assert [(line.seq, line.at is None, line.kind) for line in statement] == [
        (1, False, "grant"), (2, False, "spend"), (3, True, "spend"), (5, False, "spend"),
    ]  # fmt: skip
    assert (statement.closing, statement.agrees) == (60, False)
    purse.store.close()


def test_nothing_of_a_payment_that_is_nobody_s_business_is_in_a_line(purse: Purse) -> None:
    payment = purse.pay(purse.wallet.top_up("ann", "tokens", pack="starter", channel="qr", key="b-1", action="buy",
                                            metadata={"auth_code": "canary-17"}).payment)  # fmt: skip
    said = repr(list(told(purse))) + repr(told(purse))
    assert "canary-17" in payment.metadata
    assert "canary-17" not in said
