"""Credit bought by payments: there once, with the paid transition; gone with the refund."""

from __future__ import annotations

import pytest

from payflow.errors import PayflowError
from payflow.gateway import Answer, EventKind, Outcome
from payflow.money import Money
from payflow.records import Payment, Refund

from .test_spending import code_of
from .world import Purse


def refunded(purse: Purse, payment: Payment, key: str = "r-1", **more: object) -> int:
    refund = purse.flow.refund(payment.id, key=key, **more).refund  # type: ignore[arg-type]
    assert refund is not None
    return refund.amount


def test_a_pack_is_credited_by_the_paid_transition_and_once(purse: Purse) -> None:
    payment = purse.buy("ann")
    assert code_of(purse.wallet.account, "ann", "tokens") == "ACCOUNT_NOT_FOUND"
    event = purse.gateway.event(payment, EventKind.PAID)
    for _ in range(3):
        purse.flow.receive(purse.gateway.callback(event))
    assert purse.available("ann") == 1000
    history = purse.store.history(payment.id)
    assert history is not None
    assert [journal.kind for journal in history.journals] == ["capture", "topup"]
    assert "ann/tokens +1000 tokens" in purse.flow.trace(payment.id).text()


def test_the_same_key_is_one_order_and_another_pack_is_a_conflict(purse: Purse) -> None:
    assert purse.buy("ann").id == purse.buy("ann").id
    assert code_of(purse.buy, "ann", pack="gift") == "IDEMPOTENCY_CONFLICT"


def test_a_free_amount_is_credited_at_its_rate_rounded_down(purse: Purse) -> None:
    purse.bought("ann", amount=Money(333))
    assert purse.available("ann") == 499
    assert code_of(purse.buy, "ann", key="buy-2", amount=Money(1)) == "INVALID_AMOUNT"
    assert code_of(purse.buy, "ann", key="buy-2", pack="none") == "PACK_NOT_FOUND"


def test_a_bonus_lapses_and_what_was_paid_stays(purse: Purse) -> None:
    purse.bought("ann", pack="gift")
    assert purse.available("ann") == 1200
    purse.clock.forward(86_400)
    assert purse.available("ann") == 1000


def test_f84_a_refund_of_spent_credit_is_refused_by_default(purse: Purse) -> None:
    payment = purse.bought("ann")
    purse.wallet.spend("ann", "tokens", 300, key="s-1")
    with pytest.raises(PayflowError) as refused:
        purse.flow.refund(payment.id, key="r-1")
    assert (refused.value.code, refused.value.ids["refundable"]) == ("CREDIT_SPENT", 700)
    assert refunded(purse, payment, amount=Money(700)) == 700
    assert purse.available("ann") == 0


def test_f84_a_partial_refund_gives_back_what_is_unspent(make_purse: object) -> None:
    purse: Purse = make_purse(policies={"spent_topup": "partial"})  # type: ignore[operator]
    payment = purse.bought("ann")
    purse.wallet.spend("ann", "tokens", 300, key="s-1")
    assert refunded(purse, payment) == 700
    assert purse.available("ann") == 0
    assert purse.flow.payment(payment.id).status == "partially_refunded"


def test_f84_a_refund_into_debt_is_explicit(make_purse: object) -> None:
    purse: Purse = make_purse(policies={"spent_topup": "debt"})  # type: ignore[operator]
    payment = purse.bought("ann")
    purse.wallet.spend("ann", "tokens", 300, key="s-1")
    assert refunded(purse, payment) == 1000
    balance = purse.wallet.balance("ann", "tokens")
    assert (balance.balance, balance.debt) == (-300, 300)
    assert code_of(purse.wallet.spend, "ann", "tokens", 1, key="s-2") == "CREDIT_INSUFFICIENT"


def test_refunds_in_parts_take_back_exactly_what_was_bought(purse: Purse) -> None:
    payment = purse.bought("ann", pack="gift")  # 1200 units for 999
    for number, part in enumerate((333, 333, 333)):
        refunded(purse, payment, key=f"r-{number}", amount=Money(part))
    assert purse.available("ann") == 0
    assert purse.flow.payment(payment.id).status == "refunded"


def test_what_a_refund_took_cannot_be_spent_and_returns_when_it_fails(purse: Purse) -> None:
    payment = purse.bought("ann")
    scripted = purse.gateway

    def processing(payment: Payment, refund: Refund) -> Answer:
        event = scripted.refunded(payment, refund, EventKind.REFUND_PROCESSING, source="answer")
        return Answer(Outcome.CONFIRMED, (event,))

    scripted.will("refund", processing)
    refund = purse.flow.refund(payment.id, key="r-1", amount=Money(400)).refund
    assert refund is not None
    assert purse.available("ann") == 600
    failed = scripted.refunded(purse.flow.payment(payment.id), refund, EventKind.REFUND_FAILED)
    purse.flow.receive(scripted.callback(failed))
    assert purse.available("ann") == 1000
