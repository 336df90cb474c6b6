from __future__ import annotations

from collections.abc import Iterator

import pytest

import payflow.sandbox.sandbox as whole
from payflow.sandbox import APPS, Material, Sandbox

from .merchant import Client, Shop, Watch


@pytest.fixture(scope="session")
def keys() -> Material:
    return Material()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def sandbox(keys: Material, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Alipay's side alone. Callbacks go out when a test says so, not in the background."""
    monkeypatch.setattr(whole, "SIDES", {"alipay": whole.SIDES["alipay"]})
    monkeypatch.setattr(whole, "Material", lambda folder: keys)
    monkeypatch.setattr(whole.Delivery, "start", lambda self: None)
    with Sandbox(clock=watch, seed=1) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return Client(sandbox)


@pytest.fixture
def certified(sandbox: Sandbox) -> Client:
    """An app in certificate mode."""
    return Client(sandbox, APPS[1])


@pytest.fixture
def shop(client: Client, certified: Client) -> Iterator[Shop]:
    """A merchant's server that takes callbacks; both apps name it."""
    running = Shop()
    client.notify_url = certified.notify_url = running.url
    yield running
    running.close()
