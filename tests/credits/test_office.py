"""The operator's page: tiers and refunds."""

from __future__ import annotations

import re

import pytest
from werkzeug.test import TestResponse

from payflow import Payment

from .world import STORY_COST, UNIT, Chat, Visitor


def refund(chat: Chat, visitor: Visitor, payment: Payment, *, key: str = "once") -> TestResponse:
    reply = visitor.client.post("/office/refund", data={"payment": payment.id, "key": key})
    chat.clock.pass_seconds(5)  # the gateway takes a moment
    chat.mock.pump()
    return reply


def switch(visitor: Visitor, tier: str, owner: str | None = None) -> TestResponse:
    return visitor.client.post("/office/tier", data={"owner": owner or visitor.owner, "tier": tier})


def test_what_was_not_spent_goes_back_with_its_money(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.buy(pack="small")
    for _ in range(3):
        visitor.asked()
    left = 5000 - 3 * STORY_COST
    assert f"unspent {left:,} of 5,000" in visitor.page("/office")
    assert refund(chat, visitor, payment).status_code == 303
    back = chat.flow.payment(payment.id)
    assert (back.status, back.refunded) == ("partially_refunded", left * 500 // 5000)
    # Money is whole fen: what the credit is worth is rounded down, and the credit that it takes is rounded up.
    assert 0 <= visitor.has.available < 10
    moved = next(iter(chat.wallet.statement(visitor.owner, UNIT, order="newest")))
    assert (moved.kind, moved.refunded) == ("clawback", back.refunded)
    assert f"¥{back.refunded // 100}.{back.refunded % 100:02} of the payment of ¥5.00 went back" in visitor.page(
        "/statement"
    )
    assert "went back to you" in visitor.page(f"/payments/{payment.id}")


def test_all_of_it_goes_back_where_nothing_was_spent(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.buy(pack="large")
    refund(chat, visitor, payment)
    assert chat.flow.payment(payment.id).status == "refunded"
    assert (visitor.has.available, visitor.has.debt) == (0, 0)


def test_a_refund_that_the_gateway_refuses_gives_the_credit_back(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.buy(pack="small")
    assert visitor.asked("12 * 34").cost == 13  # 4.98 is left: the mock gateway refuses amounts that end so
    assert refund(chat, visitor, payment).status_code == 303
    assert (chat.flow.payment(payment.id).refunded, visitor.has.available) == (0, 4987)
    assert "The gateway refused ¥4.98; the credit is back" in visitor.page("/office")
    kinds = [line.kind for line in chat.wallet.statement(visitor.owner, UNIT)]
    assert kinds == ["topup", "settle", "clawback", "clawback_undone"]
    assert "Refund failed" in visitor.page("/statement")
    visitor.asked()
    assert refund(chat, visitor, payment, key="again").status_code == 303
    assert chat.flow.payment(payment.id).refunded == (4987 - STORY_COST) * 500 // 5000


def test_pressed_twice_it_goes_back_once(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.buy(pack="small")
    visitor.asked()
    for _ in range(2):
        assert refund(chat, visitor, payment, key="same").status_code == 303
    assert chat.flow.payment(payment.id).refunded == (5000 - STORY_COST) * 500 // 5000


def test_what_is_spent_does_not_go_back(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.buy(amount="1")
    chat.wallet.spend(visitor.owner, UNIT, 900, key="all")
    visitor.asked()  # from what is free
    before = visitor.has.balance
    assert "Refund what is unspent" not in visitor.page("/office")
    reply = refund(chat, visitor, payment)
    assert (reply.status_code, "CREDIT_SPENT" in reply.text) == (409, True)
    assert (chat.flow.payment(payment.id).refunded, visitor.has.balance) == (0, before)


def test_what_is_held_stays_until_it_is_free(slow: Chat) -> None:
    visitor = slow.visitor()
    payment = visitor.buy(pack="small")
    visitor.ask()
    held = visitor.has.held
    refund(slow, visitor, payment)
    assert visitor.has.held == held
    assert visitor.ended().cost == STORY_COST  # the answer under way is paid
    assert visitor.has.available >= held - STORY_COST


def test_another_tier_is_another_policy_and_no_second_refill_for_the_day(chat: Chat, visitor: Visitor) -> None:
    for _ in range(5):
        visitor.asked()
    assert switch(visitor, "heavy").status_code == 303
    assert "Tier: heavy" in visitor.page()
    assert visitor.ask().status_code == 409
    chat.clock.pass_days(1)
    assert visitor.asked().status == "done"
    refills = [
        (line.policy, line.amount) for line in chat.wallet.statement(visitor.owner, UNIT) if line.kind == "refill"
    ]
    assert refills == [("free-daily", 1000), ("free-daily-heavy", 4000 - (1000 - 5 * STORY_COST))]


@pytest.mark.parametrize(("tier", "status"), [("", 400), ("royal", 400), ("heavy", 404)])
def test_a_tier_or_visitor_that_there_is_not(visitor: Visitor, tier: str, status: int) -> None:
    assert switch(visitor, tier, "visitor-nobody").status_code in (status, 303)
    assert "visitor-nobody" not in visitor.page("/office")


def test_visitors_are_shown_without_what_they_log_in_with(chat: Chat, visitor: Visitor) -> None:
    visitor.asked()
    cookie = visitor.client.get_cookie("visitor")
    assert cookie is not None
    page = visitor.page("/office")
    assert visitor.owner in page
    assert not re.search(re.escape(cookie.value), page)
    assert chat.visitor().owner not in page  # who has not asked or bought anything


def test_a_payment_that_there_is_not(visitor: Visitor) -> None:
    reply = visitor.client.post("/office/refund", data={"payment": "nothing", "key": "k"})
    assert reply.status_code == 404
