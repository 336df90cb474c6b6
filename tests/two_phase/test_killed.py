"""A process is killed, paused, or loses a database at every point of a commit over two: both sides end alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from payflow.errors import PayflowError, StoreError
from payflow.gateway import EventKind
from payflow.money import Money
from payflow.records import Payment
from payflow.stores import SplitStore
from payflow.stores.connections import outcome_unknown
from payflow.stores.mariadb import MariaDB
from payflow.wallet import Wallet

from ..wallet.world import Purse
from .conftest import opened
from .points import DECIDED, POINTS, Child, at, kill, pause, recovered

pytestmark = pytest.mark.services


@pytest.fixture
def ordered(purse: Purse) -> Payment:
    """A pack that was ordered and not paid yet."""
    return purse.buy("ann")


def split(purse: Purse) -> SplitStore:
    assert isinstance(purse.store, SplitStore)
    return purse.store


def states(purse: Purse, payment: Payment) -> tuple[str, int]:
    """The payment's status on its side, Ann's balance on the other."""
    kept = split(purse).ledger.accounts(["ann/tokens"])
    return purse.flow.payment(payment.id).status, kept[0].balance if kept else 0


def paying(pair: tuple[str, str], payment: Payment) -> Callable[[], None]:
    """Another process that is told that the payment is paid."""

    def tell() -> None:
        Purse("", store=opened(*pair), migrate=False).pay(payment)

    return tell


def refunding(pair: tuple[str, str], payment: Payment) -> Callable[[], None]:
    """Another process that gives money back, and takes its credit."""

    def refund() -> None:
        Purse("", store=opened(*pair), migrate=False).flow.refund(payment.id, key="r-1", amount=Money(400))

    return refund


# -- killed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_a_payment_is_credited(pair: tuple[str, str], purse: Purse, ordered: Payment, point: str) -> None:
    assert Child(paying(pair, ordered), point).died()
    recovered(split(purse))
    assert states(purse, ordered) == (("paid", 1000) if point in DECIDED else ("pending", 0))
    purse.pay(ordered)  # the gateway says it again
    assert states(purse, ordered) == ("paid", 1000)


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_a_refund_takes_its_credit(
    pair: tuple[str, str], purse: Purse, ordered: Payment, point: str
) -> None:
    purse.pay(ordered)
    assert Child(refunding(pair, ordered), point).died()
    recovered(split(purse))
    refunds = split(purse).history(ordered.id)
    assert refunds is not None
    taken = (1, 600) if point in DECIDED else (0, 1000)
    assert (len(refunds.refunds), states(purse, ordered)[1]) == taken
    purse.clock.forward(60)  # the dead caller's lease is over
    purse.flow.refund(ordered.id, key="r-1", amount=Money(400))  # and the caller comes again, with the same key
    assert states(purse, ordered)[1] == 600


@pytest.mark.parametrize("point", DECIDED[:1])
def test_what_a_dead_process_decided_is_ended_by_whoever_wants_the_account(
    pair: tuple[str, str], purse: Purse, ordered: Payment, point: str
) -> None:
    assert Child(paying(pair, ordered), point).died()
    # Nobody recovers: a refund, and then a spend, find the credit all the same.
    refund = purse.flow.refund(ordered.id, key="r-1", amount=Money(100)).refund
    assert refund is not None
    assert refund.credit == 100
    assert purse.wallet.spend("ann", "tokens", 900, key="s-1").balance == 0


def test_a_spender_does_not_wait_for_a_dead_process(pair: tuple[str, str], purse: Purse, ordered: Payment) -> None:
    purse.given("ann", 10)
    quick = Purse("", store=opened(*pair, busy_timeout_seconds=1), migrate=False)
    assert Child(paying(pair, ordered), "after decision").died()
    assert quick.wallet.spend("ann", "tokens", 1010, key="s-1").balance == 0
    quick.store.close()


# -- paused --------------------------------------------------------------------------------------------------------


def test_a_paused_writer_finds_its_place_taken_and_does_it_again(
    pair: tuple[str, str], purse: Purse, ordered: Payment
) -> None:
    store = split(purse)
    child = Child(paying(pair, ordered), "after prepare", pause)
    child.stopped()
    assert store.recover().waiting  # it is given its time
    assert states(purse, ordered) == ("pending", 0)
    found = store.recover(lease_seconds=0)
    [gid] = found.rolled_back + found.waiting  # MariaDB: its session still holds it, and cannot commit it any more
    assert store.payments.verdict(gid) == "abort"
    child.goes_on()
    assert states(purse, ordered) == ("paid", 1000)
    assert store.payments.verdict(gid) == "abort"  # for ever: it may have been anybody's


def test_a_paused_writer_whose_set_was_ended_by_others_goes_on(
    pair: tuple[str, str], purse: Purse, ordered: Payment
) -> None:
    store = split(purse)
    child = Child(paying(pair, ordered), "after decision", pause)
    child.stopped()
    found = store.recover(lease_seconds=0)
    assert len(found.committed) == (0 if isinstance(store.ledger.dialect, MariaDB) else 1)
    child.goes_on()
    assert states(purse, ordered) == ("paid", 1000)


def test_many_recoveries_at_once_do_it_once(pair: tuple[str, str], purse: Purse) -> None:
    owners = dict(zip(("ann", "bob", "cleo", "dan", "eve"), POINTS, strict=True))
    for owner, point in owners.items():
        assert Child(paying(pair, purse.buy(owner, key=owner)), point).died()
    helpers = [Child(lambda: recovered(opened(*pair))) for _ in range(4)]
    assert [helper.died() for helper in helpers] == [False] * 4
    kept = split(purse).ledger.accounts(f"{owner}/tokens" for owner in owners)
    assert {one.owner: one.balance for one in kept} == dict.fromkeys(("cleo", "dan", "eve"), 1000)


# -- databases that go away ----------------------------------------------------------------------------------------


def cut(store: SplitStore) -> None:
    """End every other connection to the ledger's database, as a restart of it does."""
    with store.ledger._cursor() as cursor:
        if isinstance(store.ledger.dialect, MariaDB):
            cursor.execute("select id from information_schema.processlist where db = database()"
                           " and id <> connection_id()")  # fmt: skip
            for (number,) in cursor.fetchall():
                cursor.execute(f"kill connection {number}")
        else:
            cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity"
                           " where datname = current_database() and pid <> pg_backend_pid()")  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_the_ledgers_connection_is_lost(pair: tuple[str, str], purse: Purse, ordered: Payment, point: str) -> None:
    other = opened(*pair)
    with at(point, lambda: cut(other)):
        if point == "before prepare":
            with pytest.raises(StoreError) as failed:
                purse.pay(ordered)
            assert failed.value.code == "STORE_UNAVAILABLE"
        else:
            purse.pay(ordered)
    recovered(split(purse))
    assert states(purse, ordered) == (("pending", 0) if point == "before prepare" else ("paid", 1000))
    other.close()
    purse.pay(ordered)


@pytest.mark.parametrize("stored", [True, False])
def test_an_unknown_outcome_is_left_in_doubt_until_it_is_known(
    purse: Purse, ordered: Payment, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    real = SplitStore._write_with

    def lost(self: SplitStore, *given: Any) -> None:
        if stored:
            real(self, *given)
        raise outcome_unknown()

    monkeypatch.setattr(SplitStore, "_write_with", lost)
    with pytest.raises(StoreError) as failed:
        purse.pay(ordered)
    assert failed.value.code == "STORE_OUTCOME_UNKNOWN"
    monkeypatch.undo()
    assert split(purse).counts()["in_doubt"] == 1
    recovered(split(purse))
    assert states(purse, ordered) == (("paid", 1000) if stored else ("pending", 0))
    purse.pay(ordered)
    assert states(purse, ordered) == ("paid", 1000)


def test_what_breaks_in_between_is_left_in_doubt(purse: Purse, ordered: Payment) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), at("after decision", interrupted):
        purse.pay(ordered)
    recovered(split(purse))
    assert states(purse, ordered) == ("paid", 1000)


def test_a_conflict_of_the_payments_leaves_nothing_prepared(purse: Purse, ordered: Payment) -> None:
    """Somebody moves the payment between prepare and decision: it is done again, and its first part is gone at once."""

    def quicker() -> None:
        purse.flow.cancel(ordered.id)

    event = purse.gateway.event(ordered, EventKind.PAID)
    with at("after prepare", quicker):
        purse.flow.receive(purse.gateway.callback(event))
    assert split(purse).counts()["in_doubt"] == 0
    assert states(purse, ordered)[1] == 0  # paid late: an incident, and no credit
    assert [one.kind for one in purse.store.open_incidents()] == ["late_payment"]


def test_payments_go_on_while_the_ledger_is_away(pair: tuple[str, str], purse: Purse, ordered: Payment) -> None:
    nowhere = pair[1].replace("127.0.0.1:", "127.0.0.1:1").partition("127.0.0.1:")[0] + "127.0.0.1:1/x"
    alone = Purse("", store=opened(pair[0], nowhere), migrate=False, take_over=False)
    alone.store._prefix = "payflow:000000000000:"  # type: ignore[attr-defined]  # it was opened before
    plain = alone.flow.pay(amount=Money(100), channel="qr", key="plain", action="buy").payment
    assert alone.pay(plain).status == "paid"
    with pytest.raises(PayflowError) as failed:  # not acknowledged: the gateway comes again
        alone.pay(ordered)
    assert failed.value.code == "STORE_UNAVAILABLE"
    assert alone.flow.payment(ordered.id).status == "pending"
    alone.store.close()
    assert purse.pay(ordered).status == "paid"


def test_wallets_of_two_hosts_share_a_ledger_and_leave_each_others_alone(
    pair: tuple[str, str], purse: Purse, ordered: Payment, database: Callable[[str], str]
) -> None:
    """Two hosts with their own payments and one ledger: a recovery of one ends nothing of the other's."""
    kind = "sqlite" if pair[0].startswith("sqlite") else pair[0].partition(":")[0]
    other = Purse("", store=opened(database(kind), pair[1]))
    assert Child(paying(pair, ordered), "after decision").died()
    found = split(other).recover(lease_seconds=0)
    assert (found.committed, found.rolled_back, found.waiting) == ([], [], [])
    recovered(split(purse))
    assert states(purse, ordered) == ("paid", 1000)
    assert Wallet(other.flow).account("ann", "tokens").balance == 1000
    other.store.close()


def test_killing_is_killing() -> None:
    assert Child(kill).died()
