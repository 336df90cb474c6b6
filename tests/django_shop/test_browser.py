"""A person at the hall's pages: from the programme to tickets, and from tickets to money given back by the office."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from .process import Hall

pytestmark = pytest.mark.browser
#: What waits for the worker, on a machine that has much to do.
SOON = 20_000

SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1200, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "user_agent": "Mozilla/5.0 (Linux; Android 15) Mobile Safari"},
}


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Any, hall: Hall) -> Iterator[Page]:
    """A tab; whatever its console complains of fails the test, so the strict policy is one that holds."""
    context = chromium.new_context(**SIZES[getattr(request, "param", "desktop")], locale="en-US")
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(f"{said.text} {said.location}") if said.type == "error" else None)
    opened.set_default_timeout(10_000)
    yield opened
    context.close()
    assert [problem for problem in problems if "409 (Conflict)" not in problem] == []


def shot(page: Page, hall: Hall, name: str) -> None:
    """A picture for people to look at, in ``PAYFLOW_SHOTS`` if that is set; nothing may scroll sideways."""
    folder = os.environ.get("PAYFLOW_SHOTS")
    width = page.viewport_size["width"] if page.viewport_size else 0
    if folder:
        page.screenshot(path=Path(folder) / f"{width}-{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} scrolls sideways by {wide} pixels"


def ordered(page: Page, hall: Hall, slug: str, way: str, name: str = "") -> str:
    """Two seats, ordered; the number of the order."""
    page.goto(f"{hall.address}/concerts/{slug}/")
    if name:
        shot(page, hall, "2-concert")
    page.select_option("#seats", "2")
    page.click("#add")
    page.check(f"input[value={way}]")
    if name:
        shot(page, hall, "3-basket")
    page.click("#order")
    expect(page.locator("#payflow-checkout")).to_have_attribute("data-settled", "0")
    back = page.locator("#payflow-back").get_attribute("href") or ""
    return back.strip("/").rpartition("/")[2]


def paid(page: Page, hall: Hall, name: str) -> None:
    """From the checkout to the cashier: by its button, or, where a code would be scanned, on the simulated phone."""
    if page.locator("#payflow-qr").count():
        with page.context.expect_page() as opened:
            page.click("#hall-cashier")
        pays(opened.value, hall, name)
        opened.value.close()
        expect(page.locator("#payflow-checkout")).to_have_attribute(
            "data-outcome", "paid", timeout=SOON
        )  # it follows, too
        return
    page.click("#payflow-pay")
    page.wait_for_url(f"{hall.sandbox}/**")
    pays(page, hall, name)


def pays(cashier: Page, hall: Hall, name: str) -> None:
    cashier.click("#pay")
    cashier.wait_for_selector("#done")
    shot(cashier, hall, name)


@pytest.mark.parametrize("page", SIZES, indirect=True)
@pytest.mark.parametrize(("way", "slug"), [("alipay", "water-music"), ("wechat", "last-train-jazz")])
def test_from_the_programme_to_the_refund(page: Page, chromium: Any, hall: Hall, way: str, slug: str) -> None:
    page.goto(hall.address)
    shot(page, hall, "1-programme")
    number = ordered(page, hall, slug, way, name=way)
    shot(page, hall, f"4-checkout-{way}")
    page.click("#payflow-back")
    expect(page.locator("#state")).to_have_text("waiting for payment")
    shot(page, hall, "4-waiting")
    page.click("#pay")
    paid(page, hall, f"5-cashier-{way}")
    if f"/orders/{number}/" not in urlsplit(page.url).path:
        page.click("#payflow-back" if page.locator("#payflow-back").count() else "#return")
    page.wait_for_url(f"{hall.address}/orders/{number}/**")  # what the gateway puts behind it is not believed
    expect(page.locator("#state")).to_have_text("tickets ready", timeout=SOON)
    expect(page.locator(".ticket")).to_have_count(2)
    shot(page, hall, "6-tickets")
    page.click("#return")
    page.click("#ask")
    expect(page.locator("#state")).to_have_text("return asked for")
    shot(page, hall, "7-asked")
    given_back(chromium, hall, number, way)
    if way == "alipay":
        expect(page.locator("#refunded")).to_have_text("¥360.00", timeout=SOON)  # in two parts
    expect(page.locator("#state")).to_have_text("given back", timeout=SOON)  # it follows without a reload
    expect(page.locator(".ticket.void")).to_have_count(2, timeout=SOON)
    shot(page, hall, "8-returned")
    page.click("nav a >> text=My orders")
    shot(page, hall, "9-orders")


def given_back(chromium: Any, hall: Hall, number: str, way: str) -> None:
    """The box office does it, in Django's admin: all at once from its list, or a part at the payment's page before."""
    context = chromium.new_context(viewport={"width": 1300, "height": 900}, locale="en-US")
    office = context.new_page()
    office.goto(f"{hall.address}/office/")
    office.fill("#id_username", hall.name)
    office.fill("#id_password", hall.password)
    office.click("[type=submit]")
    office.goto(f"{hall.address}/office/hall/order/?q={number}")
    shot(office, hall, "office-1-orders")
    if way == "alipay":
        office.click("td.field-payment_page a")
        office.fill("#pf-amount", "100.00")
        office.fill("#pf-reason", "one seat less")
        office.click("button >> text=Refund")
        expect(office.locator("body")).to_contain_text("100.00")
        shot(office, hall, "office-3-part")
        office.goto(f"{hall.address}/office/hall/order/?q={number}")
    office.check(".action-select")
    office.select_option("select[name=action]", "give_back")
    office.click("button[name=index]")
    expect(office.locator(".messagelist")).to_contain_text("1 refund is on its way")
    office.click("td.field-payment_page a")
    expect(office.locator("h1")).to_be_visible()
    shot(office, hall, "office-2-payment")
    context.close()


def test_it_works_without_javascript(chromium: Any, hall: Hall) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="zh-CN", **SIZES["phone"])
    page = context.new_page()
    page.set_default_timeout(10_000)
    number = ordered(page, hall, "brass-at-noon", "wechat")
    expect(page.locator("#payflow-pay")).to_be_visible()
    expect(page.locator("#payflow-deadline")).to_have_text(re.compile(r"^1[45]:\d\d$"))
    shot(page, hall, "noscript-checkout")
    paid(page, hall, "noscript-cashier")
    page.goto(f"{hall.address}/orders/{number}/")
    expect(page.locator("#state")).to_have_text("已出票", timeout=SOON)  # the page asks again by itself
    expect(page.locator(".ticket")).to_have_count(2)
    shot(page, hall, "noscript-tickets")
    context.close()


#: What a person who does not see the page would miss; each rule returns what breaks it.
RULES = """() => {
  const named = (one) => one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") || one.labels?.length
    || one.textContent.trim() || one.querySelector("img[alt]:not([alt=''])");
  const shown = (one) => one.offsetParent !== null && one.type !== "hidden";
  const small = (one) => { const box = one.getBoundingClientRect(); return box.height < 24 || box.width < 24; };
  const all = (what) => [...document.querySelectorAll(what)].filter(shown);
  const levels = all("h1, h2, h3").map((one) => +one.tagName[1]);
  return [
    ...all("a, button, select, input, summary").filter((one) => !named(one)).map((one) => "no name: " + one.outerHTML),
    ...all("button, select, .button, nav a").filter(small).map((one) => "too small: " + one.outerHTML),
    ...[...document.images].filter((one) => !one.hasAttribute("alt")).map((one) => "no alt: " + one.src),
    ...levels.filter((level, at) => level > (levels[at - 1] ?? 0) + 1).map((level) => "a level is left out: h" + level),
    ...(document.querySelectorAll("h1").length === 1 ? [] : ["not one h1"]),
    ...(document.documentElement.lang ? [] : ["no language"]),
  ];
}"""


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_the_pages_can_be_used_by_whoever_does_not_see_them(page: Page, hall: Hall) -> None:
    number = ordered(page, hall, "a-hundred-voices", "wechat")
    page.goto(f"{hall.address}/concerts/night-piano/")
    page.click("#add")
    checkout = page.evaluate("fetch('/orders/NUMBER/').then(answer => answer.text())".replace("NUMBER", number))
    to_pay = checkout.partition('id="pay" href="')[2].partition('"')[0]
    for path in ("/", "/concerts/night-piano/", "/basket/", "/orders/", f"/orders/{number}/", to_pay):
        page.goto(hall.address + path)
        assert page.evaluate(RULES) == [], path
    page.goto(hall.address)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{hall.address}/#main")


def test_in_the_dark_it_is_dark(chromium: Any, hall: Hall) -> None:
    context = chromium.new_context(color_scheme="dark", locale="zh-CN", **SIZES["desktop"])
    page = context.new_page()
    page.goto(hall.address)
    red, green, blue = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
    assert max(red, green, blue) < 60
    shot(page, hall, "dark")
    context.close()
