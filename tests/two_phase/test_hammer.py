"""Several processes buy, spend and give back at once while they are killed, over and over: no unit is lost or made."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from payflow.errors import PayflowError
from payflow.money import Money
from payflow.stores import SplitStore

from ..wallet.world import Purse
from .conftest import opened
from .points import POINTS, Child, at, kill, recovered

pytestmark = pytest.mark.services

OWNERS = ("ann", "bob", "cleo")
PROCESSES, SECONDS, OFTEN = 4, 6, 0.02
#: What a process that was killed, or stands in the way of one, may be told; every other error fails the test.
EXPECTED = {"CREDIT_INSUFFICIENT", "STORE_CONFLICT", "CREDIT_SPENT", "ACCOUNT_NOT_FOUND", "NOT_REFUNDABLE"}


class Hammerer:
    """One process: whatever it was told is done goes to a file, and it may die at any point of any commit."""

    def __init__(self, pair: tuple[str, str], told: Path, number: int) -> None:
        self.pair, self.told, self.number = pair, told, number

    def __call__(self) -> None:
        chance = random.Random(self.number)
        self.purse = Purse("", store=opened(*self.pair, busy_timeout_seconds=1), migrate=False)
        point = chance.choice(POINTS)

        def maybe() -> None:
            if chance.random() < OFTEN * 5:
                kill()

        with at(point, maybe, times=1_000_000):
            for count in range(1_000_000):
                try:
                    self.one(chance, f"{self.number}-{count}")
                except PayflowError as error:
                    if error.code not in EXPECTED:
                        raise

    def one(self, chance: random.Random, key: str) -> None:
        owner, what = chance.choice(OWNERS), chance.random()
        if what < 0.5:
            payment = self.purse.bought(owner, key=key)
            self.tell("paid", payment.id, 1000)
            if chance.random() < 0.3:
                refund = self.purse.flow.refund(payment.id, key=key, amount=Money(100)).refund
                assert refund is not None
                self.tell("refunded", refund.id, refund.credit)
        else:
            amount = chance.randrange(1, 600)
            self.purse.wallet.spend(owner, "tokens", amount, key=key)
            self.tell("spent", f"{owner}/tokens:{key}", amount)

    def tell(self, *words: object) -> None:
        with self.told.open("a") as file:
            file.write(json.dumps(words) + "\n")


def sums(store: SplitStore) -> dict[str, int]:
    """Units that were issued and used, by the kind of their journals, on the ledger's side."""
    sql = """select j.kind, coalesce(sum(e.amount), 0) from pf_journal j
        join pf_entry e on e.journal_id = j.id and e.seq is not null group by j.kind"""
    return {kind: int(amount) for kind, amount in store.ledger.select(sql, 100)}


def test_nothing_is_lost_or_made(pair: tuple[str, str], purse: Purse, tmp_path: Path) -> None:
    store, told = purse.store, tmp_path / "told"
    assert isinstance(store, SplitStore)
    told.touch()
    chance = random.Random(4)
    crew = [Child(Hammerer(pair, told, number)) for number in range(PROCESSES)]
    until, deaths, waiting = time.monotonic() + SECONDS, 0, 0
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.05, 0.2))
        place = chance.randrange(PROCESSES)
        os.kill(crew[place].pid, signal.SIGKILL)
        assert crew[place].died()
        deaths += 1
        crew[place] = Child(Hammerer(pair, told, PROCESSES + deaths))
        found = store.recover(lease_seconds=0.5)  # as a worker beside them does
        waiting += len(found.waiting) + found.ended
    for child in crew:
        os.kill(child.pid, signal.SIGKILL)
        assert child.died()
    recovered(store)
    assert deaths > 10
    assert waiting  # some died in between

    bought = [json.loads(row[0]) for row in store.payments.select(
        "select credit from pf_payment where captured > 0", 1_000_000)]  # fmt: skip
    taken = store.payments.select("select credit from pf_refund where status <> 'failed'", 1_000_000)
    moved = sums(store)
    assert moved["topup"] == sum(one["amount"] + one["bonus"] for one in bought)
    assert -moved.get("clawback", 0) == sum(int(row[0]) for row in taken)
    balances = sum(one.balance for one in store.ledger.accounts(f"{owner}/tokens" for owner in OWNERS))
    assert balances == sum(moved.values())

    # Whatever a process was told is done is done.
    words = [json.loads(line) for line in told.read_text().splitlines() if line.endswith("]")]
    journals = {row[0] for row in store.ledger.select("select id from pf_journal", 1_000_000)}
    paid = {name for what, name, _ in words if what == "paid"}
    assert len(paid) > 20
    assert {f"spend:{name}" for what, name, _ in words if what == "spent"} <= journals
    credited = {row[0] for row in store.ledger.select("select payment_id from pf_journal where kind = 'topup'", 10**6)}
    assert paid <= credited
    kept = {row[0] for row in store.payments.select("select id from pf_refund", 1_000_000)}
    assert {name for what, name, _ in words if what == "refunded"} <= kept
