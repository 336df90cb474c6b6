"""The store on Django's own connection keeps the contract of every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connections

from payflow.django.store import django_store
from payflow.store import Store
from payflow.testing.stores import StoreContract

from .conftest import emptied


class OnDjango(StoreContract):
    kind = ""

    @pytest.fixture
    def store(self, migrated: Callable[[str], str]) -> Iterator[Store]:
        using = migrated(self.kind)
        emptied(using)
        yield django_store(using)
        connections[using].close()


class TestSQLite(OnDjango):
    kind = "sqlite"


@pytest.mark.services
class TestPostgreSQL(OnDjango):
    kind = "postgresql"


@pytest.mark.services
class TestMariaDB(OnDjango):
    kind = "mariadb"
