from __future__ import annotations

from collections.abc import Iterator

import pytest

from .installing import Installed, NotInstalled, installed
from .receiver import Receiver


@pytest.fixture(scope="session")
def sdks() -> Installed:
    """The SDKs, installed from the package registries. Without them the tests fail: nothing would be proved."""
    try:
        return installed()
    except NotInstalled as why:
        pytest.fail(f"The SDKs could not be installed. {why}")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()
