"""One purse for each database; the invariants hold after every test, and every chain is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from payflow.doctor import broken

from .world import Purse


@pytest.fixture
def make_purse(store_url: str) -> Iterator[Any]:
    purses: list[Purse] = []

    def make(**settings: Any) -> Purse:
        purses.append(Purse(store_url, **settings))
        return purses[-1]

    yield make
    for purse in purses:
        findings = broken(purse.store)
        purse.store.close()
        assert not findings, "\n".join(f"{f.invariant.number} {f.invariant.says}: {f.rows}" for f in findings)


@pytest.fixture
def purse(make_purse: Any) -> Purse:
    made: Purse = make_purse()
    return made
