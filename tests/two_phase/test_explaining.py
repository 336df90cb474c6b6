"""Statements, usage and the watch over two databases: credit in one, the payments that bought it in the other."""

from __future__ import annotations

from payflow.money import Money
from payflow.wallet.watch import UNEXPLAINED

from ..wallet.world import Purse


def test_a_statement_reaches_the_payments_in_the_other_database(purse: Purse) -> None:
    payment = purse.bought("ann")
    refund = purse.flow.refund(payment.id, key="r-1", amount=Money(250)).refund
    purse.wallet.spend("ann", "tokens", 60, key="chat-1", use="chat")
    purse.wallet.settle(purse.wallet.hold("ann", "tokens", 80, key="job-1", use="image").id, 30)
    bought, back, spent, settled = purse.wallet.statement("ann", "tokens")
    assert refund is not None
    assert (bought.out_trade_no, bought.paid, bought.amount) == (payment.out_trade_no, 1000, 1000)
    assert (back.out_refund_no, back.refunded, back.payment_id) == (refund.out_refund_no, 250, payment.id)
    assert (spent.key, settled.key, settled.balance) == ("chat-1", "job-1", 660)
    assert [(one.use, one.amount) for one in purse.wallet.usage(unit="tokens", by="use")] == [
        ("chat", 60), ("image", 30),
    ]  # fmt: skip


def test_the_watch_looks_at_the_ledger_and_tells_where_incidents_are(purse: Purse) -> None:
    purse.given("ann", 100)
    assert purse.wallet.watch() == 0
    change = "update pf_account set balance = balance {} 7"
    for sign in "+-":
        with purse.store.ledger._whole() as (_, cursor):  # type: ignore[attr-defined]  # it is a split store
            cursor.execute(change.format(sign))
        if sign == "+":
            purse.clock.forward(1)
            assert purse.wallet.watch() == 1
    assert [(one.kind, one.ref) for one in purse.store.open_incidents()] == [(UNEXPLAINED, "ann/tokens")]
