"""The operator's drill through Flask."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask, session
from playwright.sync_api import Page
from werkzeug.serving import make_server

from payflow.flask import PayFlow, desk_blueprint
from payflow.operating import POWERS, Operator

from ..browser import opened_chromium
from ..operating.conftest import Shop, served_shop  # noqa: F401 -- a fixture
from ..operating.drill import World, drill, refusals

pytestmark = pytest.mark.browser


@pytest.fixture
def world(served_shop: Shop) -> Iterator[World]:  # noqa: F811 -- a fixture
    """A shop with two payments that somebody has to look at, served on a free port."""
    shop = served_shop
    stuck = shop.pay("stuck", reference="tea-7")
    shop.bank.payer.pay(stuck.out_trade_no)
    late = shop.paid_late("late")
    shop.forward(600)
    app = Flask(__name__)
    app.secret_key = "only for this test"
    PayFlow(app, flow=shop.flow)

    def operator() -> Operator | None:
        powers = {"boss": POWERS, "reader": ("view",)}.get(session.get("user", ""))
        return Operator(session["user"], powers) if powers else None

    @app.get("/sign-in/<name>")
    def sign_in(name: str) -> str:
        session["user"] = name
        return "welcome"

    app.register_blueprint(desk_blueprint(operator), url_prefix="/desk")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.port}"

    def as_(page: Page, name: str) -> None:
        page.goto(f"{address}/sign-in/{name}")

    yield World(f"{address}/desk", shop.flow, stuck.id, late.id, as_)
    server.shutdown()


@pytest.mark.parametrize(("size", "script"), [("desktop", True), ("phone", True), ("phone", False)])
def test_the_operators_drill(world: World, size: str, script: bool) -> None:
    with opened_chromium() as browser:
        drill(browser, world, size, script=script, name="flask")


def test_who_may_not_is_refused(world: World) -> None:
    with opened_chromium() as browser:
        refusals(browser, world)
