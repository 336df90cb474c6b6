"""A flow, and its checkout as each framework serves it: what they answer has to be the same."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from payflow import Flow, Money, Payment, load, open_flow
from payflow.flask import PayFlow

from ..django.settings import ready

ready()

ORIGIN = "https://shop.example.com"
CONFIG: dict[str, Any] = {
    "version": 1, "secret": {"env": "CHECKOUT_SECRET"}, "payment_gateway": "mock", "auto_confirm_order": True,
    "trusted_actions": [{"action": "buy"}],
    "gateways": {"mock": {"gateway": "mock", "secret": {"env": "CHECKOUT_MOCK"}}},
}  # fmt: skip
HOSTILE = '<script>alert(1)</script>"'
for _name in ("CHECKOUT_SECRET", "CHECKOUT_MOCK"):
    os.environ.setdefault(_name, secrets.token_urlsafe(48))


@dataclass(frozen=True)
class Reply:
    """What a framework answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Shop:
    """A flow, and how one framework serves its checkout."""

    flow: Flow
    link: Callable[..., str]
    ask: Callable[..., Reply]

    @property
    def bank(self) -> Any:
        return self.flow.gateways["mock"]

    def pay(self, channel: str = "qr", *, action: str = "buy", key: str = "k") -> Payment:
        return self.flow.pay(
            amount=Money(1250), channel=channel, action=action, key=key, reference="order-7", description=HOSTILE
        ).payment


@pytest.fixture
def flask_app(tmp_path: Path) -> Iterator[Flask]:
    flow = open_flow(load({**CONFIG, "store": {"url": f"sqlite:///{tmp_path}/payflow.db"}}), migrate=True)
    app = Flask(__name__)
    app.config["PAYFLOW_CHECKOUT_ORIGINS"] = [ORIGIN]
    PayFlow(app, flow=flow)
    yield app
    flow.store.close()


@pytest.fixture
def flask_shop(flask_app: Flask) -> Iterator[Shop]:
    from payflow.flask import checkout_url, current_payflow

    client = flask_app.test_client()

    def link(*given: Any, **told: Any) -> str:
        with flask_app.test_request_context():
            return checkout_url(*given, **told)

    def ask(method: str, path: str, *, form: Any = None, **headers: str) -> Reply:
        got = client.open(path, method=method, data=form, headers={n.replace("_", "-"): v for n, v in headers.items()})
        streamed = got.mimetype == "text/event-stream"
        body = next(iter(got.response)) if streamed else got.data  # type: ignore[call-overload]
        got.close()
        return Reply(got.status_code, got.headers, body)

    with flask_app.app_context():
        yield Shop(current_payflow(), link, ask)


@pytest.fixture
def django_shop(tmp_path: Path) -> Iterator[Shop]:
    from django.core.management import call_command
    from django.db import connections
    from django.test import Client
    from django.test.utils import override_settings

    from payflow.django import access, checkout_url

    from ..django.conftest import add_database, database_settings

    name = f"checkout_{tmp_path.name}"
    add_database(name, database_settings("sqlite", f"sqlite:///{tmp_path}/db.sqlite3"))
    call_command("migrate", "payflow", database=name, verbosity=0)
    client = Client()

    def ask(method: str, path: str, *, form: Any = None, **headers: str) -> Reply:
        got = client.generic(
            method, path, *(() if form is None else (_encoded(form), "application/x-www-form-urlencoded")),
            headers={given.replace("_", "-"): value for given, value in headers.items()},
        )  # fmt: skip
        streamed = getattr(got, "streaming", False)
        body = next(iter(got.streaming_content)) if streamed else got.content
        got.close()
        return Reply(got.status_code, got.headers, body)

    with override_settings(PAYFLOW={"CONFIG": CONFIG, "USING": name, "CHECKOUT_ORIGINS": [ORIGIN]}):
        yield Shop(access.base_flow(), checkout_url, ask)
    access.forget()
    connections[name].close()


def _encoded(form: Mapping[str, str]) -> str:
    from urllib.parse import urlencode

    return urlencode(form)


@pytest.fixture(params=["flask", "django"])
def shop(request: pytest.FixtureRequest) -> Any:
    """The same tests over both."""
    return request.getfixturevalue(f"{request.param}_shop")
