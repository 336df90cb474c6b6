"""The host's order row and the payment: together, or not at all. With SQLAlchemy, and with a plain connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from payflow.doctor import broken
from payflow.errors import StoreConflict, StoreError
from payflow.gateway import EventKind
from payflow.money import Money

from .conftest import World

DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}


class Host:
    """A host with an ``orders`` table of its own, in the same database as payflow."""

    def __init__(self, url: str) -> None:
        self.world = World(url)
        scheme, rest = url.split("://")
        self.engine = sa.create_engine(f"{DRIVERS[scheme]}://{rest}")
        with self.engine.begin() as connection:
            connection.execute(sa.text("create table orders (id varchar(20) primary key)"))

    def orders(self) -> list[str]:
        with self.engine.connect() as connection:
            return [row[0] for row in connection.execute(sa.text("select id from orders order by id"))]


@pytest.fixture
def host(store_url: str) -> Iterator[Host]:
    made = Host(store_url)
    yield made
    assert broken(made.world.store) == []
    made.engine.dispose()
    made.world.store.close()


def order(session: Session, name: str = "o-1") -> None:
    session.execute(sa.text("insert into orders values (:name)"), {"name": name})


def pay(host: Host, session: Any, key: str = "k") -> Any:
    return host.world.flow.joined(session).pay(amount=Money(100), channel="qr", key=key, action="buy").payment


@pytest.mark.parametrize("payflow_first", [True, False])
def test_f56_the_host_rolls_back_and_nothing_remains(host: Host, payflow_first: bool) -> None:
    with Session(host.engine) as session:
        if payflow_first:
            pay(host, session)
            order(session)
        else:
            order(session)
            pay(host, session)
        session.rollback()
    assert host.orders() == []
    assert host.world.store.recent_payments() == []
    assert host.world.worker.round().performed == 0
    assert host.world.main.calls == []


def test_f56_the_host_commits_and_both_are_there(host: Host) -> None:
    with Session(host.engine) as session:
        order(session)
        payment = pay(host, session)
        assert host.world.main.calls == []  # nothing is sent before the host has committed
        session.commit()
    assert host.orders() == ["o-1"]
    assert host.world.status(payment) == "pending"
    result = host.world.flow.perform_prepared(payment.id)
    assert result.next_action.kind == "qr"
    assert [op for op, _ in host.world.main.calls] == ["charge"]


def test_f57_nobody_performs_after_the_commit_and_the_worker_does(host: Host) -> None:
    with Session(host.engine) as session:
        pay(host, session)
        session.commit()
    assert host.world.worker.round().performed == 1
    assert [op for op, _ in host.world.main.calls] == ["charge"]


def test_a_callback_in_the_hosts_transaction(host: Host) -> None:
    payment = host.world.pay()
    callback = host.world.main.callback(host.world.main.event(payment, EventKind.PAID))
    for commits in (False, True):
        with Session(host.engine) as session:
            order(session)
            assert host.world.flow.joined(session).receive(callback).status == 200
            if commits:
                session.commit()
        assert (host.world.status(payment), host.orders()) == (("paid", ["o-1"]) if commits else ("pending", []))


def test_a_conflict_leaves_the_hosts_transaction_usable(host: Host) -> None:
    payment = host.world.pay()
    with Session(host.engine) as session:
        order(session)
        store = host.world.flow.joined(session).store
        from payflow.records import Changes, replace

        stale = Changes(payments={payment.id: (99, replace(payment, version=100))})
        with pytest.raises(StoreConflict):
            store.write(stale)
        order(session, "o-2")
        session.commit()
    assert host.orders() == ["o-1", "o-2"]


def test_a_savepoint_of_the_host_that_is_rolled_back_takes_the_payment_with_it(host: Host) -> None:
    with Session(host.engine) as session:
        order(session)
        nested = session.begin_nested()
        pay(host, session)
        nested.rollback()
        session.commit()
    assert host.orders() == ["o-1"]
    assert host.world.store.recent_payments() == []


def test_a_refund_and_a_confirmation_join_too(host: Host) -> None:
    waiting = host.world.flow.pay(amount=Money(100), channel="qr", key="w")
    paid = host.world.paid(100, key="p")
    with Session(host.engine) as session:
        joined = host.world.flow.joined(session)
        joined.confirm(waiting.next_action.data["token"])
        joined.refund(paid.id, key="r")
        session.rollback()
    assert host.world.status(waiting.payment) == "created"
    assert host.world.flow.payment(paid.id).reserved == 0
    with Session(host.engine) as session:
        joined = host.world.flow.joined(session)
        joined.confirm(waiting.next_action.data["token"])
        joined.refund(paid.id, key="r")
        session.commit()
    host.world.worker.round()
    assert host.world.status(waiting.payment) == "pending"
    assert host.world.status(paid) == "refunded"


def test_a_plain_connection_in_autocommit_cannot_be_joined(database: Callable[[str], str]) -> None:
    url = database("sqlite")
    world = World(url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    with pytest.raises(StoreError, match="STORE_NOT_IN_TRANSACTION"):
        world.flow.joined(connection).pay(amount=Money(100), channel="qr", key="k", action="buy")
    connection.execute("begin")
    world.flow.joined(connection).pay(amount=Money(100), channel="qr", key="k", action="buy")
    connection.execute("rollback")
    connection.close()
    assert world.store.recent_payments() == []
    world.store.close()
