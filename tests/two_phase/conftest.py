"""Purses over two databases; the invariants hold over both after every test, and nothing is left prepared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from payflow.auditing import Audit
from payflow.doctor import broken
from payflow.stores import SplitStore, open_split_store, open_store

from ..wallet.world import Purse

#: The payments' database and the ledger's.
PAIRS = {
    "postgresql": ("postgresql", "postgresql"), "mariadb": ("mariadb", "mariadb"), "mixed": ("sqlite", "postgresql"),
}  # fmt: skip


def opened(payments: str, ledger: str, *, busy_timeout_seconds: float = 20) -> SplitStore:
    """The store over two addresses."""
    sides = [open_store(url, pool_size=20, busy_timeout_seconds=busy_timeout_seconds) for url in (payments, ledger)]
    return open_split_store(*sides)


def whole(store: SplitStore) -> None:
    """Every invariant holds, on each side and over both, and nothing waits for its end."""
    store.recover(lease_seconds=0)
    found = broken(store)
    assert not found, "\n".join(f"{one.invariant.number} {one.invariant.says}: {one.rows}" for one in found)
    assert list(Audit(store).breaks()) == []
    assert store.counts()["in_doubt"] == 0
    assert store.payments.decisions() == []


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest, database: Callable[[str], str]) -> tuple[str, str]:
    """The addresses of two fresh databases, once for each pair."""
    payments, ledger = PAIRS[request.param]
    return database(payments), database(ledger)


@pytest.fixture
def make_purse(pair: tuple[str, str]) -> Iterator[Any]:
    purses: list[Purse] = []

    def make(**settings: Any) -> Purse:
        purses.append(Purse("", store=opened(*pair), **settings))
        return purses[-1]

    yield make
    for purse in purses:
        assert isinstance(purse.store, SplitStore)
        whole(purse.store)
        purse.store.close()


@pytest.fixture
def purse(make_purse: Any) -> Purse:
    made: Purse = make_purse()
    return made
