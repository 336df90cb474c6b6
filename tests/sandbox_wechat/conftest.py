from __future__ import annotations

from collections.abc import Iterator

import pytest

import payflow.sandbox.sandbox as whole
from payflow.sandbox import MERCHANTS, Material, Sandbox
from payflow.sandbox.delivery import Delivery

from .merchant import Client, Shop, Watch


@pytest.fixture(scope="session")
def keys() -> Material:
    return Material()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def sandbox(keys: Material, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """WeChat Pay's side alone. Notifications go out, and refunds end, when a test says so."""
    monkeypatch.setattr(whole, "SIDES", {"wechat": whole.SIDES["wechat"]})
    monkeypatch.setattr(whole, "Material", lambda folder: keys)
    monkeypatch.setattr(Delivery, "start", lambda self: None)
    with Sandbox(clock=watch, seed=1) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    """A merchant that knows WeChat Pay by its platform certificate."""
    return Client(sandbox)


@pytest.fixture
def public(sandbox: Sandbox) -> Client:
    """A merchant that knows WeChat Pay by its public key."""
    return Client(sandbox, MERCHANTS[1])


@pytest.fixture
def switching(sandbox: Sandbox) -> Client:
    """A merchant that goes over from the one to the other."""
    return Client(sandbox, MERCHANTS[2])


@pytest.fixture
def shop(client: Client, public: Client, switching: Client) -> Iterator[Shop]:
    """A merchant's server that takes notifications; every client names it."""
    running = Shop(client)
    for one in (client, public, switching):
        one.notify_url = running.url
    yield running
    running.close()
