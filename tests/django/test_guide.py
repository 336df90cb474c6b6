"""The guide, followed literally from an empty folder to a payment over the real protocol that is given back; then its
how-tos, each in a copy of what the tutorial has made."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ..browser import opened_chromium
from .newcomer import PASSWORD, ROOT, Newcomer, follows_to_an_open_shop

GUIDE = (ROOT / "docs" / "django.md").read_text(encoding="utf-8")  # the Chinese page has the same code: tests/docs


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """The tutorial's shop, open."""
    newcomer = follows_to_an_open_shop(tmp_path_factory.mktemp("shop"), GUIDE)
    yield newcomer
    newcomer.closes()


@pytest.fixture
def copied(shop: Newcomer, tmp_path: Path) -> Newcomer:
    """The same project, closed, for a how-to to change."""
    folder = tmp_path / "copy"
    shutil.copytree(shop.folder, folder, ignore=shutil.ignore_patterns("sandbox", "__pycache__"))
    return replace(shop, folder=folder, opened=[])


def says(newcomer: Newcomer, code: str) -> str:
    """What a few lines say in the project's shell."""
    return newcomer.types(f"python manage.py shell -v 0 -c {shlex.quote(code)}").strip()


# -- the tutorial --------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_tutorial_leads_to_a_payment_and_back(shop: Newcomer) -> None:
    with opened_chromium() as browser:
        context = browser.new_context(locale="en-US")
        page = context.new_page()
        page.set_default_timeout(10_000)
        number = pays(page, shop)
        told = shop.types(re.sub(r"A-\w+", number, shop.block("trace")))
        assert "capture" in told
        assert "alipay" in told
        is_given_back(page, shop, number)
        comes_to(page, shop, f"{number}: refunded")
        context.close()
    assert number in shop.types(f"python manage.py payflow trace {number}")
    assert "✗" not in shop.types("python manage.py payflow_doctor")


def pays(page: Page, shop: Newcomer) -> str:
    """Step 6; the order's number."""
    page.goto(shop.address)
    page.click("text=Buy")
    expect(page.locator("#payflow-checkout")).to_have_attribute("data-status", "pending")
    page.click("#payflow-pay")
    page.wait_for_url(f"{shop.sandbox}/**")
    page.click("#pay")
    page.click("#return")
    page.wait_for_url(f"{shop.address}/**")
    number = page.inner_text("li").partition(":")[0]
    comes_to(page, shop, f"{number}: paid")
    return number


def is_given_back(page: Page, shop: Newcomer, number: str) -> None:
    """Step 7."""
    page.goto(f"{shop.address}/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.click("#content-main .model-payment th a")
    page.fill("#searchbar", number)
    page.keyboard.press("Enter")
    page.click("th.field-id a")
    page.click("button >> text=Refund")
    expect(page.locator("body")).to_contain_text("admin")


def comes_to(page: Page, shop: Newcomer, line: str) -> None:
    """The shop's page says so, at the latest after some seconds of reloading."""
    for _ in range(60):
        page.goto(shop.address)
        if page.locator("li").first.inner_text() == line:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{page.inner_text('ul')}, not {line}")


# -- the how-tos ---------------------------------------------------------------------------------------------------

_BUY = (
    "from django.test import Client; from orders.models import Order; "
    "print(Client(HTTP_HOST='localhost').post('/buy/').status_code, Order.objects.last().payment[:2])"
)


def test_atomic_requests(copied: Newcomer) -> None:
    copied.appends("atomic-requests", to="shop/settings.py")
    assert says(copied, _BUY).split()[0] == "302"


def test_conflicts_and_merchants(copied: Newcomer) -> None:
    (copied.folder / "orders" / "whole.py").write_text(copied.block("conflicts"), encoding="utf-8")
    work = (
        "from orders.whole import whole; from payflow import Money, StoreConflict; from payflow.django import payflow\n"
        "tried = []\n"
        "def work():\n"
        "    tried.append(1)\n"
        "    if len(tried) < 3:\n"
        "        raise StoreConflict()\n"
        f"    return {' '.join(copied.block('merchants').split())}\n"
        "result = whole(work)\n"
        "print(len(tried), payflow().payment(result.payment.id).account)"
    )
    assert says(copied, work) == "3 alipay"


def test_signals(copied: Newcomer) -> None:
    (copied.folder / "orders" / "listening.py").write_text(copied.block("signals"), encoding="utf-8")
    told = says(
        copied,
        "import orders.listening; from payflow import Message; from payflow.django import signals\n"
        "signals.payment_paid.send(None, message=None, payment_id='P-1', using='default')",
    )
    assert told == "paid: P-1"


def test_several_databases(copied: Newcomer) -> None:
    copied.appends("several-databases", to="shop/settings.py")
    (copied.folder / "shop" / "routers.py").write_text(copied.block("routers"), encoding="utf-8")
    copied.types(copied.block("migrate-payments"))
    assert says(copied, _BUY).split()[0] == "302"
    counted = (
        "from django.db import connections\n"
        "for name in ('default', 'payments'):\n"
        "    print(name, 'pf_payment' in connections[name].introspection.table_names(), end=' ')\n"
        "print(connections['payments'].cursor().execute('select count(*) from pf_payment').fetchone()[0])"
    )
    assert says(copied, counted).endswith("payments True 1")
    assert "no issues" in copied.types("python manage.py check")


def test_asgi(copied: Newcomer) -> None:
    copied.appends("asgi", to="orders/views.py")
    with (copied.folder / "shop" / "urls.py").open("a", encoding="utf-8") as urls:
        urls.write('\nurlpatterns.append(path("order/<str:number>", views.order))\n')
    told = says(
        copied,
        "import asyncio; from django.conf import settings; from django.test import AsyncClient\n"
        "settings.ALLOWED_HOSTS.append('testserver')\n"
        "print(asyncio.run(AsyncClient().get('/order/A-9')).json()['payment'][:2])",
    )
    assert told == "01"


def test_what_is_said_before_deploying(copied: Newcomer) -> None:
    told = says(
        copied,
        "from django.core.checks import run_checks\n"
        "found = {one.id for one in run_checks(include_deployment_checks=True)}\n"
        "print(*sorted(name for name in found if name.startswith('payflow')))",
    )
    assert told == "payflow.W002 payflow.W003 payflow.W004"
    assert all(name.removeprefix("payflow.") in GUIDE for name in told.split())
