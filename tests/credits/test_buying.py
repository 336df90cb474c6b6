"""Packs and free amounts: paid on the phone, credited once."""

from __future__ import annotations

import pytest

from .world import STORY_COST, UNIT, Chat, Visitor


def test_a_pack_is_paid_and_its_credit_is_there(chat: Chat, visitor: Visitor) -> None:
    assert "5,000 credit" in visitor.page("/buy")
    payment = visitor.order(pack="small")
    assert payment.status == "pending"
    assert "Scan to pay ¥5.00" in visitor.page(f"/payments/{payment.id}")
    assert visitor.has.available == 0
    visitor.client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": "pay"})
    chat.mock.pump()
    assert "5,000 credit is yours" in visitor.page(f"/payments/{payment.id}")
    assert visitor.has.available == 5000
    assert "a question that finds too little fills you up to 1,000" in visitor.page()


def test_two_callbacks_credit_once(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.order(pack="small")
    visitor.client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": "pay_twice"})
    chat.mock.pump()
    assert chat.flow.trace(payment.id).steps
    assert visitor.has.available == 5000


def test_a_bonus_is_spent_first_and_lapses(chat: Chat, visitor: Visitor) -> None:
    visitor.buy(pack="large")
    assert [(part.kind, part.remaining) for part in visitor.has.buckets] == [("promo", 3000), ("paid", 20000)]
    assert "Bonus until" in visitor.page()
    visitor.asked()
    assert [part.remaining for part in visitor.has.buckets] == [3000 - STORY_COST, 20000]
    chat.clock.pass_days(31)
    assert visitor.has.available == 20000
    chat.worker.round()
    lapsed = next(iter(chat.wallet.statement(visitor.owner, UNIT, order="newest")))
    assert (lapsed.kind, lapsed.amount, visitor.has.balance) == ("expiry", STORY_COST - 3000, 20000)
    assert "Lapsed its time was over Bonus" in visitor.page("/statement")


@pytest.mark.parametrize(
    ("amount", "credit"),
    [("10.00", 9000), ("1", 900), ("2.5", 2250), (" 3.33 ", 2997), ("¥1.00", 900), ("200.00", 180000)],
)
def test_a_free_amount_buys_by_the_rate(visitor: Visitor, amount: str, credit: int) -> None:
    visitor.buy(amount=amount)
    assert visitor.has.available == credit


@pytest.mark.parametrize(
    "amount", ["", "0", "0.99", "200.01", "-1", "1e3", "1.005", "１", "nan", "9" * 400, "1,000", "0x10", " "]
)
def test_an_amount_that_is_none_is_refused_where_the_person_stands(chat: Chat, visitor: Visitor, amount: str) -> None:
    reply = visitor.client.post("/buy", data={"key": "k", "amount": amount})
    assert reply.status_code == 400
    assert "INVALID_AMOUNT" in reply.text
    assert 'id="buy-amount"' in reply.text
    assert chat.flow.store.recent_payments(5) == []


def test_a_pack_that_is_not_sold_is_refused(visitor: Visitor) -> None:
    reply = visitor.client.post("/buy", data={"key": "k", "pack": "free"})
    assert (reply.status_code, "PACK_NOT_FOUND" in reply.text) == (404, True)


def test_a_double_click_is_one_payment(visitor: Visitor) -> None:
    assert visitor.order(pack="small", key="same").id == visitor.order(pack="small", key="same").id
    assert visitor.order(pack="large", key="same").id != visitor.order(pack="small", key="same").id


def test_a_payment_is_seen_by_whom_it_is_of(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.order(pack="small")
    stranger = chat.visitor()
    assert stranger.client.get(f"/payments/{payment.id}").status_code == 404
    assert stranger.client.get("/payments/nothing").status_code == 404


def test_declined_on_the_phone_nothing_is_bought(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.order(pack="small")
    visitor.client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": "decline"})
    chat.mock.pump()
    assert "The payment failed" in visitor.page(f"/payments/{payment.id}")
    assert visitor.has.balance == 0
    for what in ("pay", "decline"):
        assert visitor.client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": what}).status_code == 303
    assert visitor.client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": "rob"}).status_code == 400
    assert visitor.has.balance == 0


def test_paid_too_late_the_credit_comes_all_the_same(chat: Chat, visitor: Visitor) -> None:
    payment = visitor.order(pack="small")
    chat.clock.pass_seconds(3600)
    for _ in range(5):
        chat.worker.round()
        chat.mock.pump()
    status = chat.flow.payment(payment.id).status
    assert status in ("cancelled", "failed")
    assert "The payment failed" in visitor.page(f"/payments/{payment.id}")
    assert visitor.has.balance == 0
