"""Django on each of the three databases, migrated once; every test begins with empty tables."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from payflow.testing import services

from .settings import ready

ready()

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test.utils import override_settings

from payflow.django import access
from payflow.stores.schema import TABLES

KINDS = ("sqlite", "postgresql", "mariadb")
ENGINES = {"sqlite": "sqlite3", "postgresql": "postgresql", "mariadb": "mysql"}
CONFIG: dict[str, Any] = {
    "version": 1, "secret": {"env": "DJANGO_TEST_SECRET"}, "payment_gateway": "mock", "auto_confirm_order": True,
    "trusted_actions": [{"action": "buy"}],
    "gateways": {"mock": {"gateway": "mock", "secret": {"env": "DJANGO_TEST_MOCK"}}},
    "wallet": {"units": {"tokens": {}}},
}  # fmt: skip
os.environ.setdefault("DJANGO_TEST_SECRET", secrets.token_urlsafe(48))
os.environ.setdefault("DJANGO_TEST_MOCK", secrets.token_urlsafe(48))


@dataclass
class Host:
    """One of Django's databases with payflow in it."""

    using: str

    @property
    def connection(self) -> Any:
        return connections[self.using]

    def count(self, table: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(f"select count(*) from {table}")
            return int(cursor.fetchone()[0])

    @property
    def gateway(self) -> Any:
        return access.base_flow().gateways["mock"]


def database_settings(kind: str, url: str) -> dict[str, Any]:
    """``DATABASES`` of a URL."""
    parts = urlsplit(url)
    made: dict[str, Any] = {"ENGINE": f"django.db.backends.{ENGINES[kind]}", "NAME": parts.path.lstrip("/")}
    if kind == "sqlite":
        return {**made, "NAME": url.removeprefix("sqlite:///"), "OPTIONS": {"transaction_mode": "IMMEDIATE"}}
    return {
        **made, "HOST": parts.hostname, "PORT": str(parts.port or ""), "USER": parts.username or "",
        "PASSWORD": parts.password or "",
    }  # fmt: skip


def add_database(name: str, given: dict[str, Any]) -> None:
    """Django learns of a database while it runs."""
    whole = connections.configure_settings({"default": settings.DATABASES["default"], name: given})[name]
    settings.DATABASES[name] = whole
    connections.settings[name] = whole


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes the database of a kind, once, by ``manage.py migrate``; its name."""
    made: set[str] = set()

    def make(kind: str) -> str:
        if kind not in made:
            if kind == "sqlite":
                folder: Path = tmp_path_factory.mktemp("django")
                url = f"sqlite:///{folder}/db.sqlite3"
            else:
                server = {"postgresql": "postgres_server", "mariadb": "mariadb_server"}[kind]
                url = services.fresh_database(request.getfixturevalue(server))
            add_database(kind, database_settings(kind, url))
            call_command("migrate", database=kind, verbosity=0)
            from .shop.models import Order

            with connections[kind].schema_editor() as editor:
                editor.create_model(Order)
            made.add(kind)
        return kind

    return make


@pytest.fixture(params=KINDS)
def host(request: pytest.FixtureRequest, migrated: Callable[[str], str]) -> Iterator[Host]:
    """Django with payflow on one of the databases, nothing in its tables."""
    yield from hosted(migrated(request.param))


def hosted(using: str) -> Iterator[Host]:
    emptied(using)
    with override_settings(PAYFLOW={"CONFIG": CONFIG, "USING": using}):
        yield Host(using)
    access.forget()
    for connection in connections.all(initialized_only=True):
        if connection.alias != "default":
            connection.close()


def emptied(using: str) -> None:
    with connections[using].cursor() as cursor:
        for name in [*(table.name for table in TABLES), "shop_order", "django_session", "django_admin_log"]:
            cursor.execute(f"delete from {name}")
