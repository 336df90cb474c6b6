"""A scripted far side for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .scripted import Script


@pytest.fixture
def far() -> Iterator[Script]:
    script = Script()
    yield script
    script.close()
    assert not script.answers, "the far side had more to say"
