"""The store contract over two databases: payments in one, the ledger in the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from payflow.store import ExplainStore, ReconStore, Store
from payflow.stores import SplitStore, SqlStore, open_split_store, open_store
from payflow.stores.branches import Branching
from payflow.stores.claiming import Claiming
from payflow.stores.operating import Operating
from payflow.stores.reconciling import Reconciling
from payflow.stores.schema import TABLES
from payflow.stores.split import CREDIT, OF_PAYMENTS
from payflow.testing import services
from payflow.testing.stores import StoreContract

#: One pair of databases of each kind for all these tests: making one takes longer than most of them.
_MADE: dict[str, SplitStore] = {}


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _MADE:
        _MADE.popitem()[1].close()


def emptied(kind: str, payments: Callable[[], str], ledger: Callable[[], str]) -> SplitStore:
    """The migrated store over two of a kind, with nothing in it."""
    store = _MADE.get(kind)
    if store is None:
        store = _MADE[kind] = open_split_store(open_store(payments()), open_store(ledger()))
        store.migrate()
    for side in (store.payments, store.ledger):
        with side._cursor() as cursor:
            for table in TABLES:
                if table.name != "pf_origin":
                    cursor.execute(f"delete from {table.name}")
    return store


@pytest.mark.services
class TestPostgreSQL(StoreContract):
    @pytest.fixture
    def store(self, postgres_server: str) -> Store:
        make = services.fresh_database
        return emptied("postgresql", lambda: make(postgres_server), lambda: make(postgres_server))


@pytest.mark.services
class TestMariaDB(StoreContract):
    @pytest.fixture
    def store(self, mariadb_server: str) -> Store:
        make = services.fresh_database
        return emptied("mariadb", lambda: make(mariadb_server), lambda: make(mariadb_server))


@pytest.mark.services
class TestSQLiteAndPostgreSQL(StoreContract):
    @pytest.fixture
    def store(self, tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Store:
        def file() -> str:
            folder: Path = tmp_path_factory.mktemp("split")
            return f"sqlite:///{folder}/pf.db"

        return emptied("sqlite", file, lambda: services.fresh_database(postgres_server))


def test_every_method_about_credit_is_asked_of_the_ledger() -> None:
    about_credit = {name for part in CREDIT for name in vars(part) if not name.startswith("_")}
    assert vars(SplitStore).keys() >= about_credit - OF_PAYMENTS


def test_every_part_of_a_store_is_known_to_be_about_credit_or_about_payments() -> None:
    """A part that is added has to be put on one side: what it asks would silently be asked of the other."""
    assert set(SqlStore.__bases__) == {Branching, Claiming, Operating, Reconciling, *CREDIT}


@pytest.mark.services
def test_it_is_a_whole_store(postgres_url: str, tmp_path: Path) -> None:
    store: SqlStore = open_split_store(open_store(f"sqlite:///{tmp_path}/pf.db"), open_store(postgres_url))
    assert isinstance(store, Store)
    assert isinstance(store, ReconStore)
    assert isinstance(store, ExplainStore)
    store.close()
