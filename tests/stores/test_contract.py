"""The store contract over the three databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payflow.store import Store
from payflow.stores import open_store
from payflow.testing.stores import StoreContract


class TestStores(StoreContract):
    @pytest.fixture
    def store(self, store_url: str) -> Iterator[Store]:
        store = open_store(store_url)
        store.migrate()
        yield store
        store.close()


class TestMemory(StoreContract):
    """SQLite without a file: for tests and trials."""

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        store = open_store("sqlite:///:memory:")
        store.migrate()
        yield store
        store.close()
