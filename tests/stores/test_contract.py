"""The store contract over the three databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from payflow.store import Store
from payflow.stores import SqlStore, open_store
from payflow.stores.schema import TABLES
from payflow.testing import services
from payflow.testing.stores import StoreContract

#: One database of each kind for all these tests: making one takes longer than most of them.
_MADE: dict[str, SqlStore] = {}


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _MADE:
        _MADE.popitem()[1].close()


def emptied(kind: str, make: Callable[[], str]) -> SqlStore:
    """The migrated store of a kind, with nothing in it."""
    store = _MADE.get(kind)
    if store is None:
        store = _MADE[kind] = open_store(make())
        store.migrate()
    with store._cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"delete from {table.name}")
    return store


class TestSQLite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path_factory: pytest.TempPathFactory) -> Store:
        def make() -> str:
            folder: Path = tmp_path_factory.mktemp("contract")
            return f"sqlite:///{folder}/pf.db"

        return emptied("sqlite", make)


@pytest.mark.services
class TestPostgreSQL(StoreContract):
    @pytest.fixture
    def store(self, postgres_server: str) -> Store:
        return emptied("postgresql", lambda: services.fresh_database(postgres_server))


@pytest.mark.services
class TestMariaDB(StoreContract):
    @pytest.fixture
    def store(self, mariadb_server: str) -> Store:
        return emptied("mariadb", lambda: services.fresh_database(mariadb_server))


class TestMemory(StoreContract):
    """SQLite without a file: for tests and trials."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = open_store("sqlite:///:memory:")
        store.migrate()
        yield store
        store.close()
