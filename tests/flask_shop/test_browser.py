"""Customers and staff in a real browser, with the sandbox as Alipay and WeChat Pay: from the basket to the refund."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from payflow.doctor import broken
from payflow.stores import open_store

from .process import PASSWORD, Shop, open_shop

pytestmark = pytest.mark.browser

SOON = 20_000
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1200, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "user_agent": "Mozilla/5.0 (Linux; Android 15) Mobile Safari"},
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Opened once: every test is a customer of its own. At the end it closes cleanly, and its books agree."""
    shop = open_shop(tmp_path_factory.mktemp("teas"))
    yield shop
    assert shop.stop() == 0, "".join(shop.lines)
    assert not [line for line in shop.lines if "Traceback" in line], "".join(shop.lines)
    store = open_store(f"sqlite:///{shop.folder}/var/shop.db")
    assert broken(store) == []
    store.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Any, opened: Shop) -> Iterator[Page]:
    """A tab; whatever its console complains of fails the test, so the strict policy is one that holds."""
    context = chromium.new_context(**SIZES[getattr(request, "param", "desktop")], locale="en-US")
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: wrong.append(f"{said.text} {said.location}") if said.type == "error" else None)
    tab.set_default_timeout(10_000)
    yield tab
    context.close()
    assert [one for one in wrong if "409 (CONFLICT)" not in one] == []


def shot(page: Page, name: str) -> None:
    """A picture for people to look at, in ``PAYFLOW_SHOTS`` if that is set; nothing may scroll sideways."""
    page.wait_for_load_state()
    folder = os.environ.get("PAYFLOW_SHOTS")
    width = page.viewport_size["width"] if page.viewport_size else 0
    if folder:
        page.screenshot(path=Path(folder) / f"{width}-teas-{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} scrolls sideways by {wide} pixels"


def ordered(page: Page, shop: Shop, way: str, tea: str = "longjing") -> str:
    """Two bags, ordered; the number of the order."""
    page.goto(shop.address)
    shot(page, "1-teas")
    page.goto(f"{shop.address}/teas/{tea}")
    page.fill("#quantity", "2")
    page.click("#add")
    page.goto(f"{shop.address}/basket")
    page.check(f"input[value={way}]")
    shot(page, "2-basket")
    page.click("#order")
    expect(page.locator("#payflow-checkout")).to_have_attribute("data-settled", "0")
    shot(page, f"3-checkout-{way}")
    back = page.locator("#payflow-back").get_attribute("href") or ""
    return back.rpartition("/")[2]


def paid(page: Page, shop: Shop, number: str) -> None:
    """From the checkout to the cashier and back: by its button, or, where a code is scanned, on a second screen."""
    if page.locator("#payflow-qr").count():
        with page.context.expect_page() as second:
            page.click("#payer")
        second.value.click("#pay")
        second.value.wait_for_selector("#done")
        second.value.close()
        expect(page.locator("#payflow-checkout")).to_have_attribute("data-outcome", "paid", timeout=SOON)
        page.click("#payflow-back")
    else:
        page.click("#payflow-pay")
        page.wait_for_url(f"{shop.sandbox}/**")
        page.click("#pay")
        page.wait_for_selector("#done")
        page.click("#return")
    page.wait_for_url(f"{shop.address}/orders/{number}**")


def office(chromium: Any, shop: Shop) -> Page:
    """The staff, signed in."""
    page: Page = chromium.new_context(viewport={"width": 1200, "height": 900}, locale="en-US").new_page()
    page.goto(f"{shop.address}/office")
    page.fill("#name", "staff")
    page.fill("#password", PASSWORD)
    page.click("main form button")
    return page


@pytest.mark.parametrize("page", SIZES, indirect=True)
@pytest.mark.parametrize("way", ["alipay", "wechat"])
def test_from_the_basket_to_the_refund(page: Page, chromium: Any, opened: Shop, way: str) -> None:
    number = ordered(page, opened, way)
    paid(page, opened, number)
    expect(page.locator("#parcel")).to_be_visible(timeout=SOON)
    shot(page, "4-packed")
    page.click("#ask summary")
    page.fill("#why", "it was meant to be white tea")
    page.click("#ask-send")
    expect(page.locator("#asked")).to_be_visible()
    staff = office(chromium, opened)
    shot(staff, "5-office")
    staff.locator(f"#asks-{number} form.refund button").click()
    expect(page.locator("#refunded")).to_be_visible(timeout=SOON)  # the customer's page follows without a reload
    shot(page, "6-refunded")
    staff.click("#desk")
    staff.locator("#pf-q").fill(number)
    staff.get_by_role("button", name="Search").click()
    staff.locator("tbody a").first.click()
    expect(staff.locator(".pf-facts .pf-badge").first).to_have_text("refunded")
    shot(staff, "7-desk")
    staff.context.close()


def test_a_gateway_that_calls_three_times_packs_one_parcel(page: Page, opened: Shop) -> None:
    number = ordered(page, opened, "wechat")
    cashier = page.get_attribute("#payer", "href")
    assert cashier is not None
    fault = {"kind": "callback_duplicate", "out_trade_no": cashier.rpartition("/")[2], "value": 3}
    assert requests.post(f"{opened.sandbox}/sandbox/faults", json=fault, timeout=10).status_code in (200, 201)
    requests.post(f"{cashier}/pay", timeout=10)
    expect(page.locator("#payflow-checkout")).to_have_attribute("data-outcome", "paid", timeout=SOON)
    page.click("#payflow-back")
    first = page.locator("#parcel").inner_text(timeout=SOON)
    page.wait_for_timeout(700)
    page.reload()
    assert page.inner_text("#parcel") == first
    assert len(re.findall(rf"Order {number} is packed", "".join(opened.lines))) == 1


def test_a_double_click_is_one_order(page: Page, opened: Shop) -> None:
    page.goto(opened.address)
    page.click("#add-souchong")
    page.goto(f"{opened.address}/basket")
    page.dblclick("#order")
    expect(page.locator("#payflow-checkout")).to_have_attribute("data-settled", "0")
    page.goto(f"{opened.address}/orders")
    expect(page.locator(".list li")).to_have_count(1)


def test_the_order_survives_a_lost_page(page: Page, opened: Shop) -> None:
    ordered(page, opened, "wechat", "dahongpao")
    context = page.context
    page.close()
    again = context.new_page()
    again.goto(f"{opened.address}/orders")
    again.click(".list a")
    expect(again.locator("#pay")).to_be_visible()
    again.click("#cancel")
    expect(again.locator("#status")).to_have_attribute("data-status", "cancelled")


def test_a_customer_has_no_business_at_the_desk(page: Page, opened: Shop) -> None:
    page.goto(f"{opened.address}/office/desk/payments")
    assert page.url.endswith("/office/door")
    assert page.locator("tbody").count() == 0


def test_it_works_without_javascript(chromium: Any, opened: Shop) -> None:
    context = chromium.new_context(java_script_enabled=False, **SIZES["phone"])
    page = context.new_page()
    number = ordered(page, opened, "alipay", "silver")
    paid(page, opened, number)
    for _ in range(20):
        if page.locator("#parcel").count():
            break
        page.wait_for_timeout(500)
        page.goto(f"{opened.address}/orders/{number}")
    expect(page.locator("#parcel")).to_be_visible()
    context.close()


def test_it_speaks_chinese(chromium: Any, opened: Shop) -> None:
    context = chromium.new_context(locale="zh-CN", **SIZES["phone"])
    page = context.new_page()
    ordered(page, opened, "wechat", "puer")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    expect(page.locator("header.shop")).to_contain_text("八叶茶铺")
    shot(page, "zh-checkout")
    context.close()
