"""The host's own transaction, and a ledger in another database: what the host commits is moved, all else is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from payflow.errors import PayflowError, Refused
from payflow.records import Effect, Message
from payflow.stores import SplitStore
from payflow.worker import Handlers, Worker

from ..wallet.world import Purse
from .conftest import opened
from .points import Child, kill, recovered

pytestmark = pytest.mark.services


def split(purse: Purse) -> SplitStore:
    assert isinstance(purse.store, SplitStore)
    return purse.store


@pytest.fixture
def shop(purse: Purse) -> Purse:
    """Ann has 100 tokens, and the host has a table of its own beside the payments."""
    purse.given("ann", 100)
    with purse.store.transaction() as transaction:
        transaction.connection.cursor().execute("create table host_order (id varchar(20) primary key)")
    return purse


@contextmanager
def hosts(purse: Purse) -> Iterator[Any]:
    """A connection of the host's, in a transaction that the host ends itself."""
    payments = split(purse).payments
    connection = payments.dialect.connect()
    payments.dialect.begin(payments.dialect.cursor(connection))
    try:
        yield connection
    finally:
        connection.close()


def orders(purse: Purse) -> int:
    return int(split(purse).select("select count(*) from host_order", 1)[0][0])


def balance(purse: Purse, owner: str = "ann") -> int:
    return purse.wallet.account(owner, "tokens").balance


def ordering(purse: Purse, connection: Any, amount: int = 60) -> Any:
    """The host's order and what it costs, in the host's transaction; the wallet that is joined."""
    connection.cursor().execute("insert into host_order values ('o-1')")
    wallet = purse.wallet.joined(connection)
    assert wallet.spend("ann", "tokens", amount, key="o-1").balance == 100 - amount
    return wallet


@pytest.mark.parametrize("told", [True, False], ids=["told", "recovered"])
@pytest.mark.parametrize("committed", [True, False], ids=["committed", "rolled back"])
def test_both_sides_end_as_the_host_ends(shop: Purse, *, committed: bool, told: bool) -> None:
    with hosts(shop) as connection:
        wallet = ordering(shop, connection)
        assert balance(shop) == 100  # nobody sees it yet
        connection.cursor().execute("commit" if committed else "rollback")
        if told:
            wallet.flow.after_commit()
        else:
            recovered(split(shop))
    assert (orders(shop), balance(shop)) == ((1, 40) if committed else (0, 100))
    assert split(shop).counts()["in_doubt"] == 0


def test_a_savepoint_that_the_host_undoes_undoes_both(shop: Purse) -> None:
    with hosts(shop) as connection:
        connection.cursor().execute("savepoint mine")
        wallet = ordering(shop, connection)
        connection.cursor().execute("rollback to savepoint mine")
        connection.cursor().execute("commit")
        wallet.flow.after_commit()
    assert (orders(shop), balance(shop)) == (0, 100)


def test_nothing_ends_a_transaction_that_the_host_has_not_ended(pair: tuple[str, str], shop: Purse) -> None:
    """However short the lease: as long as the host may commit, nobody decides otherwise."""
    impatient = opened(*pair, busy_timeout_seconds=1)
    with hosts(shop) as connection:
        wallet = ordering(shop, connection)
        found = impatient.recover(lease_seconds=0)
        assert (len(found.waiting), found.ended) == (1, 0)
        connection.cursor().execute("commit")
        wallet.flow.after_commit()
    impatient.close()
    assert (orders(shop), balance(shop)) == (1, 40)


def test_told_too_early_is_told_in_vain(pair: tuple[str, str], shop: Purse) -> None:
    quick = Purse("", store=opened(*pair, busy_timeout_seconds=1), migrate=False)
    with hosts(quick) as connection:
        wallet = ordering(quick, connection)
        wallet.flow.after_commit()  # the host has not committed
        connection.cursor().execute("commit")
    quick.store.close()
    recovered(split(shop))
    assert (orders(shop), balance(shop)) == (1, 40)


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not yet"])
def test_a_host_that_is_killed(pair: tuple[str, str], shop: Purse, *, committed: bool) -> None:
    def order() -> None:
        own = Purse("", store=opened(*pair), migrate=False)
        with hosts(own) as connection:
            ordering(own, connection)
            if committed:
                connection.cursor().execute("commit")
            kill()

    assert Child(order).died()
    recovered(split(shop))
    assert (orders(shop), balance(shop)) == ((1, 40) if committed else (0, 100))


def test_one_transaction_moves_credit_of_an_account_once(shop: Purse) -> None:
    shop.given("bob", 5)
    with hosts(shop) as connection:
        wallet = ordering(shop, connection)
        for joined in (wallet, shop.wallet.joined(connection)):  # whoever joins
            with pytest.raises(PayflowError) as refused:
                joined.spend("ann", "tokens", 1, key="o-2")
            assert refused.value.code == "STORE_ACCOUNT_PREPARED"
        wallet.spend("bob", "tokens", 5, key="o-1")  # another account
        connection.cursor().execute("commit")
        wallet.flow.after_commit()
    assert (balance(shop), balance(shop, "bob")) == (40, 0)


def test_the_next_one_finds_what_the_last_one_decided(pair: tuple[str, str], shop: Purse) -> None:
    """A host that never tells: whoever wants the account next ends what is decided, joined or not."""
    quick = Purse("", store=opened(*pair, busy_timeout_seconds=1), migrate=False)
    for number in range(3):
        with hosts(quick) as connection:
            quick.wallet.joined(connection).spend("ann", "tokens", 10, key=f"o-{number}")
            connection.cursor().execute("commit")
    assert quick.wallet.spend("ann", "tokens", 70, key="rest").balance == 0
    quick.store.close()


def test_what_is_refused_leaves_nothing_behind(shop: Purse) -> None:
    with hosts(shop) as connection:
        with pytest.raises(PayflowError) as refused:
            shop.wallet.joined(connection).spend("ann", "tokens", 101, key="o-1")
        assert refused.value.code == "CREDIT_INSUFFICIENT"
        connection.cursor().execute("insert into host_order values ('o-1')")
        connection.cursor().execute("commit")
    assert (orders(shop), balance(shop), split(shop).counts()["in_doubt"]) == (1, 100, 0)


def test_a_handler_that_spends_does_it_once(shop: Purse) -> None:
    failed: list[str] = []

    def deliver(message: Message, transaction: Any) -> None:
        shop.wallet.joined(transaction.connection).spend("ann", "tokens", 30, key=message.key)
        if not failed:
            failed.append(message.key)
            raise RuntimeError("the parcel office is closed")

    handlers = Handlers()
    handlers.add("deliver", ["payment.paid"], deliver)
    payment = shop.pay(shop.buy("bob"))
    worker = Worker(shop.flow, handlers, chores={"recover": lambda: split(shop).recover().ended})
    assert worker.round().failed == 1
    recovered(split(shop))
    assert balance(shop) == 100
    shop.clock.forward(60)
    assert worker.round().chores == {"recover": 1}  # the effect is committed with its decision; here the spend follows
    assert balance(shop) == 70
    history = shop.store.history(payment.id)
    assert history is not None
    assert [effect.handler for effect in history.effects] == ["deliver"]


def test_what_a_worker_does_by_itself_is_not_joined(shop: Purse) -> None:
    with hosts(shop) as connection, pytest.raises(Refused) as refused:
        split(shop).join(connection).write_refills([], "p", 1, 0)
    assert refused.value.code == "JOINED_FLOW"


def test_what_moves_no_credit_asks_nothing_of_the_ledger(shop: Purse, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("the ledger's database is asked")

    payment = shop.buy("bob")
    monkeypatch.setattr(split(shop).ledger, "_connection", never)
    with shop.store.transaction() as transaction:
        assert transaction.effect(Effect(handler="h", payment_id=payment.id, seq=1, at=1))
        shop.flow.joined(transaction.connection).cancel(payment.id)
    monkeypatch.undo()
