"""The operator's drill through Django's admin."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings
from playwright.sync_api import Page
from werkzeug.serving import make_server

from payflow import Callback, Money
from payflow.django import access, payflow

from ..browser import opened_chromium
from ..operating.drill import World, drill, refusals
from .conftest import CONFIG, emptied

pytestmark = pytest.mark.browser


class OneDatabase:
    """Users and sessions live where the payments do: each thread of a server can open that one."""

    def __init__(self, using: str) -> None:
        self.using = using

    def db_for_read(self, model: object, **_: object) -> str:
        return self.using

    db_for_write = db_for_read


@pytest.fixture
def world(migrated: Callable[[str], str]) -> Iterator[World]:
    """The admin with two payments that somebody has to look at, served on a free port; users are kept beside them."""
    using = migrated("sqlite")
    emptied(using)
    config = {**CONFIG, "policies": {"late_payment": "hold"}}
    now = [1_790_000_000_000_000]
    told = {"PAYFLOW": {"CONFIG": config, "USING": using}, "DATABASE_ROUTERS": [OneDatabase(using)]}
    with override_settings(**told):
        flow = access.base_flow()
        flow.clock = lambda: now.__setitem__(0, now[0] + 1000) or now[0]  # type: ignore[func-returns-value]
        bank = flow.gateways["mock"]
        bank.clock = flow.clock  # type: ignore[attr-defined]
        pay = {"amount": Money(1250), "channel": "qr", "action": "buy"}
        stuck = payflow().pay(key="stuck", reference="tea-7", **pay).payment  # type: ignore[arg-type]
        bank.payer.pay(stuck.out_trade_no)  # type: ignore[attr-defined]
        late = payflow().pay(key="late", reference="tea-8", **pay).payment  # type: ignore[arg-type]
        payflow().cancel(late.id)
        bank.payer.pay_late(late.out_trade_no)  # type: ignore[attr-defined]
        told_of = bank.callbacks(late.out_trade_no)[-1]  # type: ignore[attr-defined]
        payflow().receive(Callback("mock", told_of.headers, told_of.body))
        now[0] += 600_000_000
        server = make_server("127.0.0.1", 0, StaticFilesHandler(WSGIHandler()), threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.port}"
        yield World(f"{address}/admin/payflow/payment/desk", flow, stuck.id, late.id, sign_in_at(address))
        server.shutdown()


def sign_in_at(address: str) -> Callable[[Page, str], None]:
    """Users as the admin knows them, signed in by its own form."""
    users = get_user_model().objects
    users.all().delete()
    users.create_user("boss", password="boss", is_staff=True, is_superuser=True)
    reader = users.create_user("reader", password="reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_payment", content_type__app_label="payflow"))
    users.create_user("stranger", password="stranger", is_staff=True)

    def sign_in(page: Page, name: str) -> None:
        page.goto(f"{address}/admin/login/")
        page.fill("#id_username", name)
        page.fill("#id_password", name)
        page.click("[type=submit]")

    return sign_in


@pytest.mark.parametrize(("size", "script"), [("desktop", True), ("phone", True), ("phone", False)])
def test_the_operators_drill(world: World, size: str, script: bool) -> None:
    with opened_chromium() as browser:
        drill(browser, world, size, script=script, name="django")


def test_who_may_not_is_refused(world: World) -> None:
    with opened_chromium() as browser:
        refusals(browser, world)
