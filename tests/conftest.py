"""The three databases, for every test that wants them: SQLite files, and throwaway PostgreSQL and MariaDB servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser

from payflow.testing import services

from .browser import opened_chromium

# How long an example takes says something about the machine, not about payflow.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")

DATABASES = ("sqlite", "postgresql", "mariadb")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a file."""
    with opened_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with services.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    with services.mariadb() as url:
        yield url


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Makes a fresh, empty database of the kind asked for; its URL."""
    made = 0

    def make(kind: str) -> str:
        nonlocal made
        made += 1
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/pf{made}.db"
        server = "postgres_server" if kind == "postgresql" else "mariadb_server"
        return services.fresh_database(request.getfixturevalue(server))

    return make


@pytest.fixture(params=DATABASES)
def store_url(request: pytest.FixtureRequest, database: Callable[[str], str]) -> str:
    """The URL of a fresh database, once for each of the three."""
    return database(request.param)


@pytest.fixture
def postgres_url(database: Callable[[str], str]) -> str:
    return database("postgresql")


@pytest.fixture
def mariadb_url(database: Callable[[str], str]) -> str:
    return database("mariadb")
