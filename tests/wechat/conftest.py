"""One far side for the whole folder, empty at the start of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .far_side import FarSide


@pytest.fixture(scope="session")
def _far() -> Iterator[FarSide]:
    side = FarSide()
    yield side
    side.stop()


@pytest.fixture
def far(_far: FarSide) -> FarSide:
    _far.clear()
    return _far
