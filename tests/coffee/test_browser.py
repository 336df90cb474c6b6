"""A person at the counter: a real browser drives the shop from order to refund, on a desktop and on a phone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .process import Shop, open_shop

pytestmark = pytest.mark.browser

SIZES = {"desktop": (1200, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One shop for all: every test orders for itself."""
    opened = open_shop(tmp_path_factory.mktemp("shop"))
    yield opened
    assert opened.stop() == 0, "".join(opened.lines)


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Any, shop: Shop) -> Iterator[Page]:
    """A tab that is closed before the shop is; whatever its console complains of fails the test."""
    width, height = SIZES[getattr(request, "param", "desktop")]
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-US")
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.set_default_timeout(10_000)
    yield opened
    context.close()
    assert [problem for problem in problems if "409 (CONFLICT)" not in problem] == []  # a refusal is shown, and said


def shot(page: Page, shop: Shop, name: str) -> None:
    """A picture for people to look at; in ``PAYFLOW_SHOTS`` if that is set."""
    folder = Path(os.environ.get("PAYFLOW_SHOTS", shop.folder))
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.screenshot(path=folder / f"{width}-{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} scrolls sideways by {wide} pixels"


def pay_on_the_phone(page: Page, shop: Shop, button: str, name: str) -> None:
    with page.context.expect_page() as opened:
        page.click("#open-phone")
    phone = opened.value
    phone.wait_for_load_state()
    shot(phone, shop, name)
    phone.click(button)
    phone.wait_for_selector("#done")
    phone.close()


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_a_coffee_from_order_to_refund(page: Page, shop: Shop) -> None:
    page.goto(shop.address)
    shot(page, shop, "1-menu")
    page.check("input[value=latte]", force=True)
    page.check("input[value=large]", force=True)
    page.click("#order")
    expect(page.locator("#status")).to_have_text("awaiting your word")
    shot(page, shop, "2-ordered")
    page.click("#confirm")
    expect(page.locator("#status")).to_have_text("waiting for payment")
    expect(page.locator(".qr svg")).to_be_visible()
    shot(page, shop, "3-pending")
    address = page.url
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    pay_on_the_phone(page, shop, "#pay-twice", "4-phone")
    expect(page.locator("#status")).to_have_text("paid")
    expect(page.locator(".callback")).to_contain_text("repeated 1 ×")
    assert (page.url, loads) == (address, [])  # it followed without a reload
    shot(page, shop, "5-paid")
    expect(page.locator("h1")).to_have_text("Your coffee is on the counter.")  # the worker's doing, not the payment's
    page.click("#refund-some")
    page.fill("#amount", "99.00")
    page.click("#refund-part")
    expect(page.locator("#refusal")).to_contain_text("REFUND_EXCEEDS_CAPTURED")
    shot(page, shop, "5-refused")
    page.click("#refund-some")
    page.fill("#amount", "3.00")
    page.click("#refund-part")
    expect(page.locator("#status")).to_have_text("partly refunded")
    page.click("#refund")
    expect(page.locator("#status")).to_have_text("refunded")
    shot(page, shop, "6-refunded")
    expect(page.locator(".story")).to_contain_text("Booked: gateway:mock +28.00, sales −28.00")
    expect(page.locator(".machine svg [data-state=refunded]")).to_be_visible()


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_the_usual_goes_straight_to_payment(page: Page, shop: Shop) -> None:
    page.goto(shop.address)
    page.click("#usual")
    expect(page.locator("#status")).to_have_text("waiting for payment")
    pay_on_the_phone(page, shop, "#decline", "phone-decline")
    expect(page.locator("#status")).to_have_text("failed")
    shot(page, shop, "7-failed")


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_the_page_speaks_chinese_and_survives_a_reload(page: Page, shop: Shop) -> None:
    page.goto(shop.address + "/?lang=zh")
    expect(page.locator("#order")).to_have_text("下单")
    page.click("#order")
    expect(page.locator("#status")).to_have_text("等您确认")
    page.reload()
    page.click("#cancel")
    expect(page.locator("#status")).to_have_text("已取消")
    shot(page, shop, "8-chinese")
    page.goto(shop.address)
    shot(page, shop, "9-recent")


def test_a_page_without_a_stream_asks_again_and_again(page: Page, shop: Shop) -> None:
    page.add_init_script("delete window.EventSource")
    page.goto(shop.address)
    page.click("#usual")
    expect(page.locator("#status")).to_have_text("waiting for payment")
    pay_on_the_phone(page, shop, "#pay", "phone-pay")
    expect(page.locator("#status")).to_have_text("paid")
    expect(page.locator("#live")).to_have_text("live")


def test_the_total_follows_what_is_chosen(page: Page, shop: Shop) -> None:
    page.goto(shop.address)
    expect(page.locator("#total output")).to_have_text("¥25.00")
    page.check("input[value=mocha]", force=True)
    page.check("input[value=small]", force=True)
    page.click("[data-by='1']")
    expect(page.locator("#total output")).to_have_text("¥52.00")
    page.click("#order")
    expect(page.locator(".ticket")).to_contain_text("2 × Mocha, small")
    expect(page.locator(".ticket .money").first).to_have_text("¥52.00")


def test_every_step_is_there_for_whom_wants_it(page: Page, shop: Shop) -> None:
    page.goto(shop.address)
    page.click("#usual")
    expect(page.locator(".story .attempt")).to_be_hidden()
    page.click(".toggle")
    expect(page.locator(".story .attempt")).to_be_visible()
    page.click(".toggle")
    page.focus("#all")
    page.keyboard.press("Space")
    expect(page.locator(".story .attempt")).to_be_visible()


def test_it_works_without_javascript(chromium: Any, shop: Shop) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shop.address)
    page.click("#order")
    page.click("#confirm")
    assert "waiting for payment" in page.inner_text("#status")
    context.close()


@pytest.fixture(scope="module")
def real_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop on Alipay and WeChat Pay, with the sandbox as their far side."""
    opened = open_shop(tmp_path_factory.mktemp("real"), config="payflow.sandbox.json")
    yield opened
    assert opened.stop() == 0, "".join(opened.lines)


@pytest.mark.parametrize("page", SIZES, indirect=True)
@pytest.mark.parametrize(("cups", "gateway"), [("1", "wechat"), ("3", "alipay")])
def test_a_coffee_is_paid_at_the_sandbox(page: Page, real_shop: Shop, cups: str, gateway: str) -> None:
    page.goto(real_shop.address)
    page.check("input[value=latte]", force=True)
    page.fill("#quantity", cups)
    page.click("#order")
    page.click("#confirm")
    expect(page.locator(".qr svg")).to_be_visible()
    with page.context.expect_page() as opened:
        page.click("#open-phone")
    cashier = opened.value
    cashier.wait_for_load_state()
    assert f"/cashier/{gateway}/" in cashier.url
    shot(cashier, real_shop, f"sandbox-cashier-{gateway}")
    cashier.click("#pay")
    cashier.close()
    expect(page.locator("#status")).to_have_text("paid")
    page.click("#refund")
    expect(page.locator("#status")).to_have_text("refunded")
    shot(page, real_shop, f"sandbox-refunded-{gateway}")
