"""Addresses, drivers, passwords, and sessions that would keep something else than they are given."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pymysql
import pytest

from payflow.errors import ConfigError, StoreError
from payflow.store import Wants
from payflow.stores import open_store
from payflow.testing.store_records import payment, stored

CANARY = "c4n4ry-p4ss/w0rd%"


@pytest.mark.parametrize("url", ["oracle://x/y", "payflow.db", "", "sqlite", "http://x/sqlite:///y"])
def test_an_address_of_no_known_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(url)
    assert refused.value.code == "CONFIG_INVALID"


@pytest.mark.parametrize("url", ["mariadb://u@h", "mariadb://u@h/", "mysql://u@h:port/d", "mariadb://h/d?speed=high",
                                 "sqlite:///x.db?mode=ro"])  # fmt: skip
def test_an_address_that_says_too_little_or_too_much_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(url)
    assert refused.value.code == "CONFIG_INVALID"


@pytest.mark.parametrize(("url", "module", "extra"), [("postgresql://h/d", "psycopg", "postgres"),
                                                      ("mariadb://h/d", "pymysql", "mysql")])  # fmt: skip
def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"payflow-gateway\[{extra}\]") as refused:
        open_store(url)
    assert refused.value.code == "CONFIG_MISSING_DRIVER"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:{}@127.0.0.1:1/db",
        "postgresql://user:{}@127.0.0.1:notaport/db",
        "postgresql://user:{}@[::1/db",
        "mariadb://user:{}@127.0.0.1:1/db",
        "mariadb://user:{}@127.0.0.1:1/db?ssl_ca=/nowhere",
    ],
)
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises((StoreError, ConfigError)) as failed:
        open_store(url.format(CANARY)).migrate()
    shown = "".join(traceback.format_exception(failed.value)) + repr(failed.value) + str(failed.value.ids)
    assert "c4n4ry" not in shown


def test_a_password_that_is_not_right_is_not_shown(postgres_url: str, mariadb_url: str) -> None:
    with pytest.raises(StoreError) as failed:
        open_store(mariadb_url.replace("root@", f"nobody:{CANARY.replace('/', '%2F').replace('%', '%25')}@")).migrate()
    assert failed.value.code == "STORE_UNAVAILABLE"
    assert "c4n4ry" not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize("url", ["postgresql://payflow@127.0.0.1:1/x", "mariadb://root@127.0.0.1:1/x"])
def test_a_server_that_does_not_answer_is_unavailable(url: str) -> None:
    with pytest.raises(StoreError) as failed:
        open_store(url).gather(Wants(payments={"x"}))
    assert failed.value.code == "STORE_UNAVAILABLE"
    assert failed.value.retryable


def test_the_folder_of_a_sqlite_file_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist") as failed:
        open_store(f"sqlite:///{tmp_path}/no/such/payflow.db").migrate()
    assert failed.value.code == "STORE_UNAVAILABLE"


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "shopping-list.db"
    file.write_text("milk, beans\n" * 100)
    with pytest.raises(StoreError) as failed:
        open_store(f"sqlite:///{file}").migrate()
    assert failed.value.code == "STORE_UNAVAILABLE"
    assert file.read_text() == "milk, beans\n" * 100


def test_f47_a_file_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/pf.db"
    store = open_store(url, pool_size=1)
    store.migrate()
    with store._cursor() as cursor:
        cursor.execute("pragma query_only=on")
    with pytest.raises(StoreError) as failed:
        stored(store, payment())
    with store._cursor() as cursor:
        cursor.execute("pragma query_only=off")
    assert failed.value.code == "STORE_READ_ONLY"
    stored(store, payment())
    store.close()


def test_f47_a_full_disk_says_so_and_nothing_is_broken(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/pf.db", pool_size=1)
    store.migrate()
    with store._cursor() as cursor:
        pages = cursor.execute("pragma page_count").fetchone()[0]
        cursor.execute(f"pragma max_page_count={pages + 2}")
    with pytest.raises(StoreError) as failed:
        stored(store, payment(1, metadata="x" * 200_000))
    assert failed.value.code == "STORE_FULL"
    stored(store, payment(2))
    assert [one.id for one in store.recent_payments()] == [payment(2).id]
    with store._cursor() as cursor:
        assert cursor.execute("pragma integrity_check").fetchone() == ("ok",)
    store.close()


def test_f47_a_read_only_postgresql_says_so(postgres_url: str) -> None:
    store = open_store(postgres_url)
    store.migrate()
    store.close()
    reader = open_store(f"{postgres_url}?options=-c%20default_transaction_read_only%3Don")
    reader.check_schema()
    with pytest.raises(StoreError) as failed:
        stored(reader, payment())
    assert failed.value.code == "STORE_READ_ONLY"
    reader.close()


def test_sqlite_survives_a_power_cut_by_its_settings(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/pf.db")
    store.migrate()
    with store._cursor() as cursor:
        settings = {
            name: cursor.execute(f"pragma {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    store.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize("mode", ["", "NO_ENGINE_SUBSTITUTION"])
def test_b123_a_session_that_is_not_strict_is_refused(mariadb_url: str, mode: str) -> None:
    store = open_store(f"{mariadb_url}?sql_mode={mode}")
    for call in (store.migrate, store.check_schema, store.recent_payments):
        with pytest.raises(StoreError) as refused:
            call()
        assert refused.value.code == "STORE_NOT_STRICT"


def test_b123_a_host_whose_session_is_not_strict_is_not_joined(
    mariadb_url: str, mariadb_connection: Callable[..., pymysql.Connection]
) -> None:
    store = open_store(mariadb_url)
    store.migrate()
    for settings in ({"sql_mode": ""}, {"charset": "latin1"}):
        joined = store.join(mariadb_connection(mariadb_url, **settings))
        with pytest.raises(StoreError) as refused:
            stored(joined, payment())
        assert refused.value.code == "STORE_NOT_STRICT"
    assert store.recent_payments() == []
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "alter table pf_payment modify out_trade_no varchar(191) collate utf8mb4_general_ci not null",
        "alter table pf_receipt modify fact varchar(191) collate utf8mb4_bin not null",
        "alter table pf_entry engine=myisam",
    ],
    ids=["folds case", "pads", "no transactions"],
)
def test_b121_tables_that_do_not_compare_bytes_are_refused(
    mariadb_url: str, mariadb_connection: Callable[..., pymysql.Connection], change: str
) -> None:
    store = open_store(mariadb_url)
    store.migrate()
    mariadb_connection(mariadb_url).cursor().execute(change)
    for call in (store.check_schema, store.migrate):
        with pytest.raises(StoreError) as refused:
            call()
        assert refused.value.code == "STORE_NOT_STRICT"
    store.close()
