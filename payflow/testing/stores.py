"""The contract of a store as a test suite: subclass it with a ``store`` fixture and every promise is tried.

class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self):
        store = open_my_store()
        store.migrate()
        yield store
        store.close()
"""

from __future__ import annotations

import pytest

from ..store import Store
from .store_joined import JoinedContract
from .store_sets import SetsContract
from .store_values import ValuesContract
from .store_work import WorkContract


class StoreContract(SetsContract, ValuesContract, WorkContract, JoinedContract):
    """Every promise of :class:`payflow.store.Store`."""

    @pytest.fixture
    def store(self) -> Store:
        """A migrated, empty store."""
        pytest.fail("subclass StoreContract with a store fixture")
