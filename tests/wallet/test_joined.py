"""Credit in the host's own transaction: both commit or neither, and what cannot be decided there is the host's to
begin again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from payflow.errors import PayflowError, StoreError
from tests.flow.test_joined import DRIVERS

from .test_edges import place
from .test_spending import code_of
from .world import Purse


class Host:
    """A chat application with a table of its own in the same database."""

    def __init__(self, purse: Purse) -> None:
        self.purse = purse
        scheme, rest = purse.url.split("://")
        self.engine = sa.create_engine(f"{DRIVERS[scheme]}://{rest}")
        with self.engine.begin() as connection:
            connection.execute(sa.text("create table orders (id varchar(20) primary key)"))

    def orders(self) -> list[str]:
        with self.engine.connect() as connection:
            return [row[0] for row in connection.execute(sa.text("select id from orders order by id"))]


def order(session: Session, name: str = "o-1") -> None:
    session.execute(sa.text("insert into orders values (:name)"), {"name": name})


@pytest.fixture
def host(purse: Purse) -> Iterator[Host]:
    made = Host(purse)
    yield made
    made.engine.dispose()


def test_the_host_rolls_back_and_nothing_remains(host: Host) -> None:
    wallet = host.purse.wallet
    host.purse.given("ann", 100)
    kept = wallet.hold("ann", "tokens", 20, key="before").id
    with Session(host.engine) as session:
        joined = wallet.joined(session)
        order(session)
        joined.spend("ann", "tokens", 30, key="s-1")
        hold = joined.hold("ann", "tokens", 10, key="h-1")
        joined.settle(kept, 5)
        joined.open("bob", "tokens")
        joined.transfer("ann", "bob", "tokens", 10, key="t-1")
        joined.grant("carl", "tokens", 10, key="g-1")
        assert place_in(joined) == (55, 10, 45)
        joined.release(hold.id)
        session.rollback()
    assert (host.orders(), place(host.purse)) == ([], (100, 20, 80))
    assert code_of(wallet.account, "bob", "tokens") == "ACCOUNT_NOT_FOUND"
    assert wallet.spend("ann", "tokens", 30, key="s-1").replayed is False


def place_in(wallet: Any) -> tuple[int, int, int]:
    found = wallet.balance("ann", "tokens")
    return found.balance, found.held, found.available


def test_the_host_commits_and_both_are_there(host: Host) -> None:
    host.purse.given("ann", 100)
    with Session(host.engine) as session, session.begin():
        order(session)
        host.purse.wallet.joined(session).spend("ann", "tokens", 30, key="s-1")
    assert (host.orders(), place(host.purse)) == (["o-1"], (70, 0, 70))


def test_what_is_refused_leaves_the_hosts_transaction_usable(host: Host) -> None:
    host.purse.given("ann", 100)
    host.purse.wallet.spend("ann", "tokens", 10, key="done")
    with Session(host.engine) as session, session.begin():
        joined = host.purse.wallet.joined(session)
        order(session)
        assert code_of(joined.spend, "ann", "tokens", 91, key="s-1") == "CREDIT_INSUFFICIENT"
        assert joined.spend("ann", "tokens", 10, key="done").replayed  # found by the collision, and undone alone
        assert code_of(joined.spend, "ann", "tokens", 11, key="done") == "IDEMPOTENCY_CONFLICT"
        joined.spend("ann", "tokens", 90, key="s-1")
    assert (host.orders(), place(host.purse)) == (["o-1"], (0, 0, 0))


def test_a_plain_connection_joins_as_well(host: Host) -> None:
    host.purse.given("ann", 100)
    connection = host.engine.raw_connection()
    joined = host.purse.wallet.joined(connection.driver_connection)
    joined.spend("ann", "tokens", 30, key="s-1")
    connection.rollback()
    joined.spend("ann", "tokens", 40, key="s-1")
    connection.commit()
    connection.close()
    assert place(host.purse) == (60, 0, 60)


def test_a_hold_that_ended_after_the_host_began_does_not_end_again(host: Host) -> None:
    """The host reads, and by that has its snapshot on some databases; meanwhile the hold is released."""
    wallet = host.purse.wallet
    host.purse.given("ann", 100)
    hold, other = (wallet.hold("ann", "tokens", 30, key=key) for key in ("h-1", "h-2"))
    isolation = "SERIALIZABLE" if "sqlite" in host.purse.url else "REPEATABLE READ"
    with host.engine.connect().execution_options(isolation_level=isolation) as connection:
        if "sqlite" in host.purse.url:
            wallet.release(hold.id)  # its writers come one after the other
        connection.execute(sa.text("select id from pf_hold")).all()
        if "sqlite" not in host.purse.url:
            wallet.release(hold.id)
        refused = code_of(wallet.joined(connection).settle, hold.id, 10)
        assert refused in {"HOLD_RELEASED", "STORE_CONFLICT", "STORE_TRANSACTION_UNDONE"}
        connection.rollback()
    assert place(host.purse) == (100, 30, 70)
    assert wallet.settle(other.id, 30).available == 70


def test_what_the_host_has_locked_stays_locked(host: Host) -> None:
    host.purse.given("ann", 100)
    with Session(host.engine) as session, session.begin():
        order(session)
    if "sqlite" in host.purse.url:  # it locks the file, not rows
        return
    with Session(host.engine) as session:
        session.execute(sa.text("select id from orders where id = 'o-1' for update")).all()
        host.purse.wallet.joined(session).spend("ann", "tokens", 30, key="s-1")
        with host.engine.connect() as another, pytest.raises(sa.exc.OperationalError):
            another.execute(sa.text("select id from orders where id = 'o-1' for update nowait")).all()
        session.rollback()
    assert place(host.purse) == (100, 0, 100)


def crossing(host: Host, first: str, then: str, barrier: threading.Barrier, told: list[Any]) -> None:
    """The host spends of one account and then of another, in one transaction of its own."""
    for turn in range(8):
        try:
            with Session(host.engine) as session, session.begin():
                order(session, f"o-{first}-{turn}")
                joined = host.purse.wallet.joined(session)
                joined.spend(first, "tokens", 10, key=f"s-{first}-{then}")
                if turn == 0:
                    barrier.wait(30)
                joined.spend(then, "tokens", 10, key=f"s-{first}-{then}-2")
        except StoreError as error:
            told.append((error.code, error.retryable))
        else:
            return
    told.append("gave up")


def test_a_deadlock_is_the_hosts_to_try_again_and_loses_nothing(host: Host) -> None:
    parties = 1 if "sqlite" in host.purse.url else 2  # one writer at a time: the second waits at its first statement
    for owner in ("ann", "bob"):
        host.purse.given(owner, 100)
    told: list[Any] = []
    barrier = threading.Barrier(parties)
    threads = [
        threading.Thread(target=crossing, args=(host, *names, barrier, told))
        for names in (("ann", "bob"), ("bob", "ann"))
    ]
    for thread in threads:
        thread.start()
        if parties == 1:
            thread.join()
    for thread in threads:
        thread.join()
    assert set(told) <= {("STORE_TRANSACTION_UNDONE", True), ("STORE_CONFLICT", True)}
    assert len(told) == parties - 1  # one of the two, and once
    assert len(host.orders()) == 2  # what was spent has its order, whoever had to begin again
    assert (host.purse.available("ann"), host.purse.available("bob")) == (80, 80)


def test_a_transaction_that_the_database_has_undone_is_not_used_again(host: Host) -> None:
    """After a deadlock nothing is written into whatever the driver begins next: the host has to know first."""
    if "sqlite" in host.purse.url:
        return
    for owner in ("ann", "bob"):
        host.purse.given(owner, 100)
    barrier, told = threading.Barrier(2), []

    def cross(first: str, then: str) -> None:
        with Session(host.engine) as session:
            joined = host.purse.wallet.joined(session)
            order(session, f"o-{first}")
            joined.spend(first, "tokens", 10, key="s-1")
            barrier.wait(30)
            for key in ("s-2", "s-3"):
                try:
                    joined.spend(then, "tokens", 10, key=key)
                except PayflowError as error:
                    told.append(error.code)
            session.rollback()

    threads = [threading.Thread(target=cross, args=names) for names in (("ann", "bob"), ("bob", "ann"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["STORE_TRANSACTION_UNDONE"] * 2
    assert (host.orders(), host.purse.available("ann"), host.purse.available("bob")) == ([], 100, 100)
