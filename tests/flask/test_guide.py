"""The guide, followed literally from an empty folder to a payment over the real protocol that is given back; then the
code of its how-tos."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from payflow import Money

from ..browser import opened_chromium
from ..django.newcomer import ROOT, Newcomer, block
from .test_flask import flow_in

GUIDE = (ROOT / "docs" / "flask.md").read_text(encoding="utf-8")  # the Chinese page has the same code: tests/docs


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Steps 1 to 4 of the tutorial."""
    newcomer = Newcomer(tmp_path_factory.mktemp("shop"), GUIDE)
    newcomer.opens(f"{newcomer.block('sandbox').strip()} --port {newcomer.sandbox_port}", "The sandbox is open")
    newcomer.puts_into_config("into-payflow.json")
    newcomer.writes("shop.py", "handlers.py")
    newcomer.types(newcomer.block("prepare"))
    serve, work = newcomer.block("serve").splitlines()
    newcomer.opens(serve.replace("--port 8000", f"--port {newcomer.port}"), "")
    newcomer.opens(work, "")
    newcomer.waits_for_the_server()
    yield newcomer
    newcomer.closes()


@pytest.mark.browser
def test_the_tutorial_leads_to_a_payment_and_back(shop: Newcomer) -> None:
    with opened_chromium() as browser:
        word = (shop.folder / "desk.password").read_text(encoding="ascii")
        context = browser.new_context(locale="en-US", http_credentials={"username": "ops", "password": word})
        page = context.new_page()
        page.set_default_timeout(10_000)
        number = pays(page, shop)
        told = shop.types(re.sub(r"A-\w+", number, shop.block("trace")))
        assert "capture" in told
        assert "alipay" in told
        is_given_back(page, shop, number)
        comes_to(page, shop, f"{number}: refunded")
        page.goto(f"{shop.address}/desk/audit")
        expect(page.locator("tbody")).to_contain_text("ops")
        context.close()
    assert requests.get(f"{shop.address}/desk/", timeout=10).status_code == 401
    assert "✗" not in shop.types("flask --app shop payflow doctor")


def pays(page: Page, shop: Newcomer) -> str:
    """Step 5; the order's number."""
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
    """Step 6."""
    page.goto(f"{shop.address}/desk/")
    page.fill("#pf-q", number)
    page.click("button >> text=Search")
    page.locator("tbody a").first.click()
    page.click("button >> text=Refund")
    expect(page.get_by_role("status")).to_contain_text("Done: Refund.")


def comes_to(page: Page, shop: Newcomer, line: str) -> None:
    """The shop's page says so, at the latest after some seconds of reloading."""
    for _ in range(60):
        page.goto(shop.address)
        if page.locator("li").first.inner_text() == line:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{page.inner_text('ul')}, not {line}")


def code(name: str, **given: Any) -> dict[str, Any]:
    """A how-to's code, run in a module of its own."""
    made: dict[str, Any] = {"__name__": "newcomer", **given}
    exec(compile(block(GUIDE, name), f"{name}.py", "exec"), made)  # noqa: S102 -- it is what the test is about
    return made


def config_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``payflow.json`` and its migrated database in the current folder."""
    import json
    import secrets

    from payflow import open as open_payflow

    from .test_flask import CONFIG

    monkeypatch.chdir(folder)
    for name in ("SECRET", "MOCK_SECRET"):
        monkeypatch.setenv(name, secrets.token_urlsafe(48))
    config = {**CONFIG, "store": {"url": f"sqlite:///{folder}/payflow.db"}}
    (folder / "payflow.json").write_text(json.dumps(config))
    open_payflow(migrate=True).store.close()


def test_a_session_of_your_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from payflow.flask import current_payflow, joined_payflow

    config_in(tmp_path, monkeypatch)
    made = code("session")
    with made["app"].app_context():
        lost = joined_payflow().pay(amount=Money(100), channel="qr", key="a", action="buy").payment
        made["session"].rollback()
        kept = joined_payflow().pay(amount=Money(100), channel="qr", key="b", action="buy").payment
        made["session"].commit()
        assert [one.id for one in current_payflow().store.recent_payments()] == [kept.id]
        assert lost.id != kept.id
        made["session"].remove()


def test_two_apps_of_one_factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_in(tmp_path, monkeypatch)
    made = code("factory")
    one, other = (made["create_app"]("payflow.json") for _ in range(2))
    assert one.extensions["payflow"] is not other.extensions["payflow"]


def test_signals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from flask import Flask

    from payflow.flask import PayFlow

    flow = flow_in(tmp_path)
    PayFlow(Flask(__name__), flow=flow)
    made = code("signals")
    payment = flow.pay(amount=Money(100), channel="qr", key="k", action="buy").payment
    bank: Any = flow.gateways["mock"]
    bank.payer.pay(payment.out_trade_no)
    flow.query(payment.id)
    assert f"paid: {payment.id}" in capsys.readouterr().out
    assert made["thank"] is not None
    flow.store.close()
