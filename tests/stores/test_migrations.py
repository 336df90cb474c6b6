"""The schema: made once whoever comes first, finished after a crash, refused when it is not the one this code knows."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payflow.errors import StoreConflict, StoreError
from payflow.store import Wants
from payflow.stores import SqlStore, migrations, open_store
from payflow.stores.rows import row_of
from payflow.stores.schema import PAYMENT, TABLES
from payflow.testing.store_records import paid, payment, stored, version


def tables_of(store: SqlStore) -> set[str]:
    """Names of payflow's tables."""
    asked = {
        "SQLite": "select name from sqlite_master where type = 'table' and name like 'pf%'",
        "PostgreSQL": "select tablename from pg_tables where tablename like 'pf%'",
        "MariaDB": "select table_name from information_schema.tables where table_schema = database()",
    }
    return {row[0] for row in store.select(asked[store.dialect.name], 100)}


def execute(store: SqlStore, *statements: str) -> None:
    """As somebody at a console would."""
    with store._cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def migrate_when(url: str, at: float, answers: Any) -> None:
    store = open_store(url)
    time.sleep(max(0.0, at - time.time()))
    try:
        answers.put(store.migrate())
    except StoreError as error:
        answers.put(repr(error))
    store.close()


def test_f49_many_processes_migrate_at_once_and_one_does_it(store_url: str) -> None:
    spawn = multiprocessing.get_context("fork")
    answers = spawn.Queue()
    crowd = [spawn.Process(target=migrate_when, args=(store_url, time.time() + 0.3, answers)) for _ in range(4)]
    for process in crowd:
        process.start()
    got = sorted(answers.get(timeout=60) for _ in crowd)
    for process in crowd:
        process.join()
    assert got == [[], [], [], list(range(1, migrations.VERSION + 1))]


def test_f49_many_threads_migrate_at_once_and_one_does_it(store_url: str) -> None:
    stores = [open_store(store_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        got = sorted(pool.map(lambda store: store.migrate(), stores))
    assert got == [[], [], [], list(range(1, migrations.VERSION + 1))]
    for store in stores:
        store.check_schema()
        store.close()


def test_a_database_without_a_schema_says_what_to_do(store_url: str) -> None:
    store = open_store(store_url)
    with pytest.raises(StoreError, match="payflow migrate") as refused:
        store.check_schema()
    assert refused.value.code == "STORE_SCHEMA_VERSION"
    assert (refused.value.found, refused.value.needed) == (0, migrations.VERSION)
    with pytest.raises(StoreError) as failed:
        stored(store, payment())
    assert failed.value.code == "STORE_NOT_MIGRATED"
    assert not failed.value.retryable
    store.close()


@pytest.mark.parametrize(("number", "word"), [(migrations.VERSION + 1, "too old"), (1_000_000, "too old")])
def test_f49_a_newer_schema_is_refused(store_url: str, number: int, word: str) -> None:
    store = open_store(store_url)
    store.migrate()
    execute(store, f"insert into pf_schema (version, applied_at) values ({number}, 0)")
    for call in (store.check_schema, store.migrate):
        with pytest.raises(StoreError, match=word) as refused:
            call()
        assert refused.value.code == "STORE_SCHEMA_VERSION"
        assert refused.value.found == number
    store.close()


def with_a_second_step(monkeypatch: pytest.MonkeyPatch, step: Callable[[Any], list[str]]) -> None:
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, step))
    monkeypatch.setattr(migrations, "VERSION", migrations.VERSION + 1)


def test_f49_an_older_schema_is_refused_and_brought_up_to_date(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(store_url)
    store.migrate()
    stored(store, payment())
    with_a_second_step(monkeypatch, lambda dialect: ["create table if not exists pf_more (id bigint not null)"])
    with pytest.raises(StoreError, match="payflow migrate") as refused:
        store.check_schema()
    assert refused.value.code == "STORE_SCHEMA_VERSION"
    assert store.migrate() == [migrations.VERSION]
    store.check_schema()
    assert store.migrate() == []
    assert version(store, payment()) == 1
    store.close()


def test_steps_can_be_taken_one_by_one(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_a_second_step(monkeypatch, lambda dialect: ["create table if not exists pf_more (id bigint not null)"])
    store = open_store(store_url)
    assert store.migrate(to=1) == [1]
    assert store.migrate() == list(range(2, migrations.VERSION + 1))
    assert store.migrate(to=1) == []
    for wrong in (0, -1, migrations.VERSION + 1):
        with pytest.raises(StoreError) as refused:
            store.migrate(to=wrong)
        assert refused.value.code == "STORE_SCHEMA_VERSION"
    store.close()


@pytest.mark.parametrize("done", [0, 1, 7, 20, 10_000])
def test_f49_a_migration_that_was_killed_is_finished_by_the_next(
    store_url: str, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    class Killed(BaseException):
        pass

    steps = migrations.STEPS
    store = open_store(store_url)
    for number, step in enumerate(steps):

        def until_killed(dialect: Any, step: Any = step) -> Any:
            yield from step(dialect)[:done]
            raise Killed

        monkeypatch.setattr(migrations, "STEPS", (*steps[:number], until_killed, *steps[number + 1 :]))
        with pytest.raises(Killed):
            store.migrate(to=number + 1)
        with pytest.raises(StoreError) as refused:
            store.check_schema()
        assert refused.value.code == "STORE_SCHEMA_VERSION"
        monkeypatch.setattr(migrations, "STEPS", steps)
        assert store.migrate(to=number + 1) == [number + 1]
    stored(store, payment())
    store.write(paid(payment()))
    assert tables_of(store) == {table.name for table in TABLES} | {"pf_schema"}
    store.close()


def test_a_migrator_that_waits_too_long_gives_up(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = open_store(store_url), open_store(store_url, busy_timeout_seconds=0.2)
    monkeypatch.setattr("payflow.stores.dialect.MIGRATION_SECONDS", 1)
    with first._connection() as connection:
        first.dialect.lock_schema(connection)
        with pytest.raises(StoreConflict):
            second.migrate()
        first.dialect.unlock_schema(connection, done=False)
    assert second.migrate() == list(range(1, migrations.VERSION + 1))
    first.close()
    second.close()


def test_two_databases_on_one_server_do_not_wait_for_each_other(database: Callable[[str], str]) -> None:
    for kind in ("postgresql", "mariadb"):
        first, second = open_store(database(kind)), open_store(database(kind))
        with first._connection() as connection:
            first.dialect.lock_schema(connection)
            assert second.migrate() == list(range(1, migrations.VERSION + 1))
            first.dialect.unlock_schema(connection, done=False)
        first.close()
        second.close()


def test_f93_what_an_older_version_wrote_is_kept_and_its_books_go_on(store_url: str) -> None:
    """A shop of the first schema, brought up to date: its payments, journals and entries are as they were."""
    store = open_store(store_url)
    store.migrate(to=1)
    old = ", ".join(PAYMENT.columns_of(1))
    row = dict(zip(PAYMENT.columns, row_of(payment()), strict=True))
    with store.transaction() as transaction:
        cursor = store.dialect.cursor(transaction.connection)
        values = tuple(row[name] for name in PAYMENT.columns_of(1))
        store.dialect.run(cursor, f"insert into pf_payment ({old}) values ({', '.join('?' * len(values))})", values)
        booked = ("capture:old", "capture", "old", "old", "c", 1)
        columns = "id, kind, ref, payment_id, cause_id, at"
        store.dialect.run(cursor, f"insert into pf_journal ({columns}) values (?, ?, ?, ?, ?, ?)", booked)
        for line, amount in ((1, 100), (2, -100)):
            store.dialect.run(
                cursor, "insert into pf_entry (journal_id, line, ledger_account, currency, amount)"
                " values (?, ?, ?, ?, ?)", ("capture:old", line, "sales", "CNY", amount),
            )  # fmt: skip
    assert store.migrate() == list(range(2, migrations.VERSION + 1))
    kept = store.gather(Wants(payments={payment().id})).payments[payment().id]
    assert kept == payment()
    store.write(paid(kept))
    history = store.history(kept.id)
    assert history is not None
    assert [entry.amount for entry in history.entries] == [100, -100]
    assert list(store.select("select id, seq, hash from pf_journal where id = 'capture:old'", 5)) == [
        ("capture:old", 0, ""),
    ]  # fmt: skip
    store.close()
