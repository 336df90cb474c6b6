"""What is on which side, and what both sides are asked together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payflow.auditing import Audit
from payflow.doctor import broken
from payflow.money import Money
from payflow.stores import SplitStore, SqlStore

from ..wallet.world import Purse
from .conftest import opened

pytestmark = pytest.mark.services


def count(store: SqlStore, table: str, where: str = "1 = 1") -> int:
    return int(store.select(f"select count(*) from {table} where {where}", 1)[0][0])


def run(store: SqlStore, *statements: str) -> None:
    with store._whole() as (_, cursor):
        for statement in statements:
            store.dialect.run(cursor, statement)


@pytest.fixture
def bought(pair: tuple[str, str]) -> Iterator[Purse]:
    """Ann bought a pack and got part of it back. Her books may be broken afterwards."""
    purse = Purse("", store=opened(*pair))
    payment = purse.bought("ann")
    purse.wallet.spend("ann", "tokens", 100, key="s-1")
    purse.flow.refund(payment.id, key="r-1", amount=Money(500))
    yield purse
    purse.store.close()


def sides(purse: Purse) -> tuple[SqlStore, SqlStore]:
    assert isinstance(purse.store, SplitStore)
    return purse.store.payments, purse.store.ledger


def test_each_side_has_its_own_and_nothing_of_the_other(bought: Purse) -> None:
    payments, ledger = sides(bought)
    assert [count(payments, table) for table in ("pf_account", "pf_refill", "pf_hold")] == [0, 0, 0]
    assert [count(ledger, table) for table in ("pf_payment", "pf_refund", "pf_message", "pf_receipt")] == [0, 0, 0, 0]
    assert count(payments, "pf_journal", "account <> ''") == 0
    assert count(ledger, "pf_journal", "account = ''") == 0
    assert count(payments, "pf_decision") == 0
    assert not broken(bought.store)


def test_the_story_of_a_payment_is_told_from_both(bought: Purse) -> None:
    [payment] = bought.store.recent_payments()
    history = bought.store.history(payment.id)
    assert history is not None
    assert sorted(journal.kind for journal in history.journals) == ["capture", "clawback", "refund", "topup"]
    assert {entry.journal_id for entry in history.entries} == {journal.id for journal in history.journals}
    assert "ann/tokens +1000 tokens" in bought.flow.trace(payment.id).text()


@pytest.mark.parametrize(
    ("side", "statement", "number"),
    [
        ("ledger", "update pf_journal set payment_id = 'nobody' where kind = 'topup'", "I-25b"),
        ("ledger", "update pf_journal set payment_id = '' where kind = 'topup'", "I-25c"),
        ("payments", "update pf_payment set captured = captured - 1", "I-25b"),
        ("ledger", "update pf_journal set digest = 'other' where kind = 'clawback'", "I-25d"),
        ("ledger", "update pf_journal set payment_id = 'nobody' where kind = 'clawback'", "I-24e"),
        ("payments", "update pf_journal set payment_id = 'nobody' where kind = 'capture'", "I-24e"),
        ("ledger", "update pf_account set balance = balance + 1", "I-02"),
    ],
)
def test_what_does_not_fit_is_found_on_either_side_and_across(
    bought: Purse, side: str, statement: str, number: str
) -> None:
    payments, ledger = sides(bought)
    run(payments if side == "payments" else ledger, statement)
    assert number in {finding.invariant.number for finding in broken(bought.store)}


def test_an_entry_slipped_into_the_other_database_is_found(bought: Purse) -> None:
    payments, ledger = sides(bought)
    columns = "journal_id, line, ledger_account, currency, amount, bucket, hash"
    [(journal,)] = payments.select("select id from pf_journal where kind = 'capture'", 1)
    run(ledger, f"insert into pf_entry ({columns}) values ('{journal}', 3, 'sales', 'CNY', 5, '', '')")
    assert [one.name for one in Audit(bought.store).breaks()] == [bought.store.recent_payments()[0].id]
