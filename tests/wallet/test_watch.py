"""The watch: a balance that nothing explains, or that is negative without debt, becomes an incident and an error."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from payflow.assembly import chores_of
from payflow.records import Incident
from payflow.store import AccountEnd
from payflow.wallet import watch as room
from payflow.wallet.watch import NEGATIVE, UNEXPLAINED, judged
from payflow.worker import Worker

from .test_audit import sql
from .world import Purse

END = AccountEnd("ann/tokens", 70, 0, 3, 2, "h", '[["paid","paid",70,0,null]]', "spend:x", 70, "h", None)


@pytest.fixture
def shop(store_url: str) -> Iterator[Purse]:
    """Ann and Bob have credit; their balances are broken by the tests."""
    purse = Purse(store_url)
    purse.given("ann", 100)
    purse.wallet.spend("ann", "tokens", 30, key="s-1")
    purse.given("bob", 50)
    yield purse
    purse.store.close()


def looked(purse: Purse) -> int:
    purse.clock.forward(1)
    return purse.wallet.watch()


def incidents(purse: Purse) -> list[Incident]:
    return purse.store.open_incidents()


# -- what is strange ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "kind", "says"),
    [
        ({}, None, ""),
        ({"balance": 71}, UNEXPLAINED, "it has 71, and its last entry says 70"),
        ({"entry_balance": 69}, UNEXPLAINED, "it has 70, and its last entry says 69"),
        ({"entry_journal": None, "entry_balance": None, "entry_hash": None}, UNEXPLAINED,
         "entry 2, its last, is missing"),
        ({"behind": "grant:x"}, UNEXPLAINED, "an entry of grant:x stands behind its last one"),
        ({"chain": "g"}, UNEXPLAINED, "its hash is not that of its last entry"),
        ({"buckets": '[["paid","paid",71,0,null]]'}, UNEXPLAINED, "its buckets come to 71"),
        ({"buckets": "[7]"}, UNEXPLAINED, "its buckets cannot be read"),
        ({"balance": -5}, NEGATIVE, "it has -5, and that is not booked as debt"),
        ({"balance": -5, "entry_balance": -5, "buckets": '[["debt","debt",-4,0,null]]'}, NEGATIVE, "it has -5"),
        ({"balance": -5, "entry_balance": -5, "buckets": '[["debt","debt",-5,0,null]]'}, None, ""),
        ({"seq": 0, "chain": "", "balance": 0, "buckets": "[]", "entry_journal": None, "entry_balance": None,
          "entry_hash": None}, None, ""),
        ({"seq": 0, "chain": "", "entry_journal": None, "entry_balance": None, "entry_hash": None}, UNEXPLAINED,
         "it has 70, and its last entry says 0"),
    ],
)  # fmt: skip
def test_an_account_is_judged_by_its_last_entry_and_its_buckets(changed: dict[str, Any], kind: str, says: str) -> None:
    found = judged(END._replace(**changed))
    assert (None if found is None else found.kind) == kind
    assert found is None or says in found.says


# -- what becomes of it ---------------------------------------------------------------------------------------------


def test_honest_books_say_nothing(shop: Purse) -> None:
    shop.wallet.change("ann", "tokens", by="anna", credit_limit=100)
    shop.wallet.spend("ann", "tokens", 120, key="s-2", debt=True)
    shop.wallet.hold("bob", "tokens", 20, key="h-1")
    shop.wallet.open("eve", "tokens")
    assert shop.wallet.account("ann", "tokens").balance == -50
    assert [looked(shop) for _ in range(3)] == [0, 0, 0]
    assert incidents(shop) == []


def test_a_balance_without_a_cause_is_one_incident_and_one_error(shop: Purse, caplog: pytest.LogCaptureFixture) -> None:
    sql(shop, "update pf_account set balance = balance + 1000 where id = 'ann/tokens'")  # updated_at stays as it was
    with caplog.at_level(logging.INFO, "payflow.wallet"):
        assert looked(shop) == 1
        assert [looked(shop) for _ in range(3)] == [0, 0, 0]  # once
    (incident,) = incidents(shop)
    assert (incident.kind, incident.ref, incident.status, incident.count) == (UNEXPLAINED, "ann/tokens", "open", 1)
    assert json.loads(incident.event) == {
        "account": "ann/tokens", "entry": 2, "says": "it has 1070, and its last entry says 70",
    }  # fmt: skip
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    said = record.getMessage()
    assert "balance_unexplained account=ann/tokens entry=2 journal=spend:ann/tokens:s-1" in said
    assert incident.id in said


def test_a_negative_balance_that_nobody_owes_is_named_so(shop: Purse) -> None:
    sql(shop, "update pf_account set balance = -10, floor = -10 where id = 'bob/tokens'")
    assert looked(shop) == 1
    (incident,) = incidents(shop)
    assert (incident.kind, incident.ref) == (NEGATIVE, "bob/tokens")


def test_an_incident_that_was_dismissed_comes_back_only_with_other_figures(shop: Purse) -> None:
    sql(shop, "update pf_account set balance = balance + 1000 where id = 'ann/tokens'")
    looked(shop)
    shop.flow.resolve(incidents(shop)[0].id, "dismiss", "anna")
    assert looked(shop) == 0
    sql(shop, "update pf_account set balance = balance + 1 where id = 'ann/tokens'")
    assert looked(shop) == 1
    (incident,) = incidents(shop)
    assert (incident.count, incident.resolution) == (2, "")


def test_it_rests_between_two_looks(shop: Purse) -> None:
    assert looked(shop) == 0
    sql(shop, "update pf_account set balance = balance + 1000 where id = 'ann/tokens'")
    assert shop.wallet.watch() == 0  # within the same second
    shop.clock.forward(-3600)  # a clock that was set back does not put it to sleep
    assert shop.wallet.watch() == 1


@pytest.mark.parametrize("start", [0, 7, 24])
def test_every_account_is_come_round_to_wherever_it_begins(
    shop: Purse, monkeypatch: pytest.MonkeyPatch, start: int
) -> None:
    monkeypatch.setattr(room, "SLICE", 4)
    monkeypatch.setattr(room.random, "randrange", lambda _: start)
    for number in range(23):
        shop.given(f"user-{number:02}", 5)
    sql(shop, "update pf_account set balance = 6 where balance = 5")
    told = 0
    for _ in range(14):
        told += looked(shop)
    assert told == 23
    assert {one.ref for one in incidents(shop)} == {f"user-{number:02}/tokens" for number in range(23)}


def test_spends_go_on_while_it_looks(shop: Purse) -> None:
    for number in range(10):
        shop.wallet.spend("ann", "tokens", 1, key=f"m-{number}")
        assert looked(shop) == 0


def test_the_worker_does_it(shop: Purse) -> None:
    sql(shop, "update pf_account set balance = balance + 1000 where id = 'ann/tokens'")
    worker = Worker(shop.flow, chores={"watch": shop.wallet.watch})
    assert worker.round().chores == {"watch": 1}


def test_it_is_among_the_worker_s_chores_where_there_are_units(tmp_path: Any) -> None:
    from tests.commands.books import Books

    books = Books(tmp_path)
    assert "watch" in chores_of(books.flow)
    books.wallet.grant("eve", "tokens", 5, key="k")
    with books.flow.store.transaction() as transaction:
        transaction.connection.execute("update pf_account set balance = 9 where id = 'eve/tokens'")
    assert chores_of(books.flow)["watch"]() == 1
    assert "eve/tokens" in books.types("incidents").output
    books.flow.store.close()
