"""The store's connections: few, clean, replaced when they die, never shared with a forked child."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payflow.errors import StoreConflict, StoreError
from payflow.records import Changes, Effect, replace
from payflow.store import Wants
from payflow.stores import SqlStore, open_store
from payflow.stores.pool import Pool
from payflow.testing.store_records import NOW, paid, payment, stored, version

SERVERS = ("postgresql", "mariadb")


def opened(url: str, **settings: Any) -> SqlStore:
    store = open_store(url, **settings)
    store.migrate()
    return store


def kill_others(store: SqlStore) -> None:
    """Cut every connection to the store's database except the one that does it."""
    with store._cursor() as cursor:
        if store.dialect.name == "PostgreSQL":
            cursor.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid() and application_name = 'payflow'"
            )
            return
        cursor.execute("select id from information_schema.processlist where db = database() and id <> connection_id()")
        for row in cursor.fetchall():
            cursor.execute(f"kill {row[0]}")


# -- the pool ------------------------------------------------------------------------------------------------------


def test_a_pool_has_no_more_connections_than_its_size(store_url: str) -> None:
    store = opened(store_url, pool_size=2, pool_timeout_seconds=0.1)
    with store._connection() as one, store._connection() as two:
        assert one is not two
        with pytest.raises(StoreError) as failed:
            store.recent_payments()
    assert failed.value.code == "STORE_POOL_EXHAUSTED"
    assert failed.value.retryable
    assert store.recent_payments() == []
    store.close()


def test_who_waits_is_served_when_a_connection_comes_back(store_url: str) -> None:
    store = opened(store_url, pool_size=1)
    with ThreadPoolExecutor(1) as pool:
        with store._connection():
            waiting = pool.submit(store.recent_payments)
            time.sleep(0.05)
            assert not waiting.done()
        assert waiting.result(timeout=5) == []
    store.close()


def test_fifty_threads_share_three_connections(store_url: str) -> None:
    store = opened(store_url, pool_size=3)
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda number: stored(store, payment(number)), range(100)))
    assert len(store.recent_payments(200)) == 100
    assert len(store._pool._free) <= 3
    store.close()


def test_a_conflict_costs_no_connection(store_url: str) -> None:
    store = opened(store_url, pool_size=1)
    stored(store, payment())
    [before] = store._pool._free
    for _ in range(3):
        with pytest.raises(StoreConflict):
            stored(store, payment())
    assert store._pool._free == [before]
    assert store.dialect.alive(before)
    store.close()


def test_what_a_broken_off_transaction_left_is_not_given_to_the_next(store_url: str) -> None:
    store = opened(store_url, pool_size=1)

    def break_off() -> None:
        with store.transaction() as transaction:
            stored(store.join(transaction.connection), payment())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    stored(store, payment(2))
    assert [one.id for one in store.recent_payments()] == [payment(2).id]
    store.close()


def test_a_store_can_be_closed_and_used_again(store_url: str) -> None:
    store = opened(store_url)
    store.close()
    store.close()
    stored(store, payment())
    assert version(store, payment()) == 1
    store.close()


# -- fork ----------------------------------------------------------------------------------------------------------


def child_writes(store: SqlStore, number: int, answers: Any) -> None:
    try:
        stored(store, payment(number))
        answers.put((number, version(store, payment(number))))
    except StoreError as error:
        answers.put(error.code)


def test_a_forked_child_opens_connections_of_its_own(store_url: str) -> None:
    store = opened(store_url)
    stored(store, payment(100))
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    children = [fork.Process(target=child_writes, args=(store, number, answers)) for number in range(3)]
    for child in children:
        child.start()
    got = sorted(answers.get(timeout=60) for _ in children)
    for child in children:
        child.join()
    assert got == [(0, 1), (1, 1), (2, 1)]
    stored(store, payment(101))  # the parent's own is untouched
    assert len(store.recent_payments()) == 5
    store.close()


def test_a_child_forked_while_the_file_is_being_written_is_not_stuck(tmp_path: Any) -> None:
    store = opened(f"sqlite:///{tmp_path}/pf.db")
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    writing = threading.Event()

    def write_slowly() -> None:
        with store.transaction() as transaction:
            stored(store.join(transaction.connection), payment(2))
            writing.set()
            time.sleep(0.3)

    writer = threading.Thread(target=write_slowly)
    writer.start()
    writing.wait()
    child = fork.Process(target=child_writes, args=(store, 1, answers))
    child.start()
    writer.join()
    assert answers.get(timeout=30) == (1, 1)
    child.join()
    store.close()


# -- death ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SERVERS)
def test_connections_that_died_while_idle_are_replaced_unseen(database: Callable[[str], str], kind: str) -> None:
    url = database(kind)
    store, other = opened(url), opened(url)
    with store._connection(), store._connection():
        pass
    kill_others(other)
    time.sleep(0.3)
    stored(store, payment())
    assert version(store, payment()) == 1
    store.close()
    other.close()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_connection_that_dies_in_a_transaction_is_unavailable_and_nothing_is_written(
    database: Callable[[str], str], kind: str
) -> None:
    url = database(kind)
    store, other = opened(url), opened(url)

    def lose_it() -> None:
        with store.transaction() as transaction:
            joined = store.join(transaction.connection)
            stored(joined, payment())
            kill_others(other)
            time.sleep(0.1)
            joined.write(paid(payment()))

    with pytest.raises(StoreError) as failed:
        lose_it()
    assert failed.value.code == "STORE_UNAVAILABLE"
    assert store.recent_payments() == []
    store.close()
    other.close()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_connection_that_dies_at_commit_leaves_the_outcome_unknown(database: Callable[[str], str], kind: str) -> None:
    url = database(kind)
    store, other = opened(url), opened(url)

    def lose_it() -> None:
        with store.transaction() as transaction:
            transaction.effect(Effect(handler="h", payment_id="p", seq=1, at=NOW))
            kill_others(other)
            time.sleep(0.1)

    with pytest.raises(StoreError) as failed:
        lose_it()
    assert failed.value.code == "STORE_OUTCOME_UNKNOWN"
    assert failed.value.retryable
    assert not isinstance(failed.value, StoreConflict)
    store.close()
    other.close()


def test_f46_a_postgresql_that_dies_under_a_set_leaves_the_outcome_unknown(postgres_url: str) -> None:
    store, other = opened(postgres_url), opened(postgres_url)
    one = payment()
    stored(store, one)
    with other.transaction() as blocking:
        blocking.connection.execute("select * from pf_payment for update")
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(store.write, paid(one))
            time.sleep(0.3)
            blocking.connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid() and application_name = 'payflow'"
            )
            with pytest.raises(StoreError) as failed:
                writing.result(timeout=10)
    assert failed.value.code == "STORE_OUTCOME_UNKNOWN"
    store.write(paid(one))  # read again, and done
    store.close()
    other.close()


# -- waiting -------------------------------------------------------------------------------------------------------


def test_a_lock_is_waited_for_and_then_given_up(store_url: str) -> None:
    holder, waiter = opened(store_url), open_store(store_url, busy_timeout_seconds=1.0)
    stored(holder, payment())
    with holder.transaction() as transaction:
        holder.join(transaction.connection).write(paid(payment()))
        began = time.monotonic()
        with pytest.raises(StoreConflict):
            waiter.write(paid(payment()))
        assert 0.5 < time.monotonic() - began < 10
        assert version(waiter, payment()) == 1  # reading waits for nobody
    with pytest.raises(StoreConflict):
        waiter.write(paid(payment()))
    assert version(waiter, payment()) == 2
    holder.close()
    waiter.close()


def test_threads_of_one_process_queue_for_a_file_without_polling(tmp_path: Any) -> None:
    store = opened(f"sqlite:///{tmp_path}/pf.db")
    many = [payment(number) for number in range(8)]
    stored(store, *many)
    start = threading.Barrier(8)

    def work(one: Any) -> None:
        start.wait()
        for step in range(1, 26):
            store.write(Changes(payments={one.id: (step, replace(one, version=step + 1))}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, many))
    assert {kept.version for kept in store.gather(Wants(payments={one.id for one in many})).payments.values()} == {26}
    store.close()


def code_of(call: Callable[[], object]) -> str:
    try:
        call()
    except StoreError as error:
        return error.code
    return "done"


def test_f41_a_deadlock_undoes_the_joined_transaction_and_says_so(
    mariadb_url: str, mariadb_connection: Callable[..., Any]
) -> None:
    """MariaDB answers a deadlock by rolling everything back: going on would commit half of what the host meant."""
    store = opened(mariadb_url)
    one, two = payment(1), payment(2)
    stored(store, one, two)
    with mariadb_connection(mariadb_url).cursor() as cursor:
        cursor.execute("create table orders (id int primary key) engine=innodb")
    hosts = [mariadb_connection(mariadb_url) for _ in range(2)]
    start = threading.Barrier(2)

    def host(number: int) -> str:
        connection, first, second = hosts[number], (one, two)[number], (two, one)[number]
        with connection.cursor() as cursor:
            cursor.execute("insert into orders values (%s)", (number,))
        joined = store.join(connection)
        joined.write(Changes(payments={first.id: (1, replace(first, version=2))}))
        start.wait()
        codes = [code_of(lambda: joined.write(Changes(payments={second.id: (1, replace(second, version=2))})))]
        if codes == ["done"]:
            connection.commit()
        else:
            codes.append(code_of(lambda: joined.gather(Wants(payments={first.id}))))
            codes.append(code_of(lambda: joined.write(paid(first))))
            connection.rollback()
        [code] = set(codes)
        return code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(host, range(2))) == ["STORE_TRANSACTION_UNDONE", "done"]
    assert version(store, one) == version(store, two) == 2
    assert len(store.select("select id from orders", 9)) == 1
    store.close()


def test_a_pool_gives_a_broken_connection_to_nobody() -> None:
    class Drivers:
        made = 0

        def connect(self) -> Any:
            Drivers.made += 1
            return Drivers.made

        def alive(self, connection: Any) -> bool:
            return bool(connection != 1)

        def clean(self, connection: Any) -> bool:
            return bool(connection != 2)

    pool = Pool(Drivers(), size=1, timeout=1)
    with pool.connection() as first:
        assert first == 1
    given = pool.connection()
    assert given.__enter__() == 2
    assert not given.__exit__(KeyError, KeyError(), None)
    with pool.connection() as third:
        assert third == 3
