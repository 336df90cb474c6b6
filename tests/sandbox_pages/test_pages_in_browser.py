"""A person with a browser: pays at the cashier, watches the dashboard, on a desktop and on a phone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from payflow.sandbox import Sandbox

from .conftest import put

pytestmark = pytest.mark.browser

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
ONE = "/cashier/alipay/ORDER_0001"


@pytest.fixture
def page(request: pytest.FixtureRequest, chromium: Any, sandbox: Sandbox) -> Iterator[Page]:
    """A tab; whatever its console complains of fails the test, but for refusals, which are shown and said."""
    width, height = SIZES[getattr(request, "param", "desktop")]
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-US")
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.set_default_timeout(10_000)
    yield opened
    context.close()
    said = ("400 (Bad Request)", "404 (Not Found)")
    assert [problem for problem in problems if not any(one in problem for one in said)] == []


def shot(page: Page, tmp_path: Path, name: str) -> None:
    """A picture for people to look at (in ``PAYFLOW_SHOTS`` if that is set); nothing scrolls sideways."""
    folder = Path(os.environ.get("PAYFLOW_SHOTS", tmp_path))
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.screenshot(path=folder / f"sandbox-{width}-{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} scrolls sideways by {wide} pixels"


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_a_payer_pays_and_goes_back_to_the_shop(page: Page, sandbox: Sandbox, tmp_path: Path) -> None:
    put(sandbox, return_url=f"{sandbox.url}/setup")
    page.goto(sandbox.url + ONE)
    shot(page, tmp_path, "cashier")
    page.click("#decline")
    expect(page.locator(".said")).to_have_text("The bank declined. You can try again.")
    page.click("#pay")
    expect(page.locator("#done")).to_have_text("The payment has been made.")
    shot(page, tmp_path, "paid")
    page.click("#return")
    page.wait_for_url("**/setup?out_trade_no=ORDER_0001")


@pytest.mark.parametrize("page", ["phone"], indirect=True)
def test_an_open_cashier_follows_what_happens_elsewhere(page: Page, sandbox: Sandbox) -> None:
    put(sandbox)
    page.goto(sandbox.url + ONE)
    before = page.inner_text(".left span")
    sandbox.trades.close(sandbox.order("ORDER_0001"))
    expect(page.locator("#done")).to_have_text("This order is closed.")
    assert before.startswith("14:")


def test_the_time_left_counts_down(page: Page, sandbox: Sandbox) -> None:
    put(sandbox)
    sandbox.clock.run_at(60)
    page.goto(sandbox.url + ONE)
    expect(page.locator(".left span")).not_to_have_text(page.inner_text(".left span"))


def test_what_was_closed_meanwhile_is_not_paid(chromium: Any, sandbox: Sandbox) -> None:
    put(sandbox)
    context = chromium.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    page.goto(sandbox.url + ONE)
    sandbox.trades.close(sandbox.order("ORDER_0001"))
    page.click("#pay")
    assert page.inner_text("#notice") == "It is closed"
    context.close()


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_the_dashboard_is_live(page: Page, sandbox: Sandbox, tmp_path: Path) -> None:
    page.goto(sandbox.url)
    shot(page, tmp_path, "empty")
    expect(page.locator("#live")).to_be_visible()
    put(sandbox, subject="Flat white", notify_url="http://127.0.0.1:9/none")
    expect(page.locator(".orders .name")).to_have_text("Flat white")
    sandbox.pay("ORDER_0001")
    expect(page.locator(".orders .badge")).to_have_text("paid")
    expect(page.locator(".timeline svg")).to_have_attribute("aria-label", "ordered, opened, paid, told: paid")
    shot(page, tmp_path, "dashboard")
    page.click(".orders .name")
    expect(page.locator("#story .badge")).to_have_text("paid")
    shot(page, tmp_path, "order")


def test_a_page_without_a_stream_asks_again_and_again(page: Page, sandbox: Sandbox) -> None:
    page.add_init_script("delete window.EventSource")
    page.goto(sandbox.url)
    put(sandbox)
    expect(page.locator(".orders .name")).to_have_text("Flat white")
    expect(page.locator("#live")).to_be_visible()


def test_too_many_streams_mean_asking(page: Page, sandbox: Sandbox) -> None:
    page.route("**/sandbox/live", lambda route: route.fulfill(status=204))
    page.goto(sandbox.url)
    put(sandbox)
    expect(page.locator(".orders .name")).to_have_text("Flat white")


def test_forms_do_not_leave_the_page(page: Page, sandbox: Sandbox) -> None:
    page.goto(sandbox.url)
    page.select_option("#kind", "callback_lost")
    page.fill("#new-fault [name=times]", "x")
    page.click("#order-fault")
    expect(page.locator("#notice")).to_have_text("times is a number")
    assert page.input_value("#new-fault [name=times]") == "x"  # what was filled in stays
    page.fill("#new-fault [name=times]", "2")
    page.click("#order-fault")
    expect(page.locator("#faults code")).to_have_text("callback_lost")
    expect(page.locator("#notice")).to_be_empty()
    page.click("#faults button")
    expect(page.locator("#faults .empty")).to_be_visible()
    page.click("text=+1 d")
    expect(page.locator("#clock")).to_contain_text("ahead 1 d")
    assert page.url == f"{sandbox.url}/"


def test_an_empty_rate_is_its_default(page: Page, sandbox: Sandbox) -> None:
    page.goto(sandbox.url)
    page.fill("#new-fault [name=rate]", "")
    page.click("#order-fault")
    expect(page.locator("#faults code")).to_have_text("delay")
    assert sandbox.books.faults()[0].rate == 1.0


def test_a_keyboard_is_enough(page: Page, sandbox: Sandbox) -> None:
    put(sandbox)
    page.goto(sandbox.url + ONE)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "pay":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#done")).to_be_visible()


@pytest.mark.parametrize("page", SIZES, indirect=True)
@pytest.mark.parametrize("path", ["/", "/setup", "/setup/python", "/setup/php", "/nothing", ONE])
def test_every_control_has_a_name_and_fits(page: Page, sandbox: Sandbox, path: str, tmp_path: Path) -> None:
    put(sandbox, subject="A coffee with a very long name, " * 8, notify_url="http://127.0.0.1:9/" + "x" * 200)
    sandbox.fault("delay", out_trade_no="X" * 64)
    answer = page.goto(f"{sandbox.url}{path}?lang=zh")
    assert answer is not None
    shot(page, tmp_path, "zh" + path.replace("/", "-"))
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input:not([type=hidden]), select, a")].filter((one) =>
          !(one.innerText || one.labels && one.labels.length || one.getAttribute("aria-label")))
          .map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    small = page.evaluate(
        """() => [...document.querySelectorAll("button")].filter((one) => one.offsetHeight < 36)
          .map((one) => one.outerHTML)"""
    )
    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(chromium: Any, sandbox: Sandbox, scheme: str) -> None:
    """Contrast of every piece of text against what is behind it: at least 4.5, WCAG 2.2 AA."""
    put(sandbox, notify_url="http://127.0.0.1:9/none")
    sandbox.pay("ORDER_0001")
    put(sandbox, "ORDER_0002")
    sandbox.fault("delay")
    context = chromium.new_context(color_scheme=scheme, locale="en-US")
    page = context.new_page()
    poor = []
    for path in ("/", ONE, "/cashier/alipay/ORDER_0002", "/orders/alipay/ORDER_0001", "/setup", "/setup/python"):
        page.goto(sandbox.url + path)
        poor += [f"{path}: {one}" for one in page.evaluate(CONTRAST)]
    context.close()
    assert poor == []


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => {
    const part = (c) => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
    return .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  };
  const poor = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, one = node.parentElement;
    if (!node.data.trim() || !one.checkVisibility() || one.closest(".skip, option, optgroup, title")) continue;
    let behind = one;
    while (behind && rgba(getComputedStyle(behind).backgroundColor)[3] < 255) behind = behind.parentElement;
    const style = getComputedStyle(one);
    const front = light(rgba(one.closest("svg") ? style.fill : style.color));
    const back = light(rgba(behind ? getComputedStyle(behind).backgroundColor : "#fff"));
    const ratio = (Math.max(front, back) + .05) / (Math.min(front, back) + .05);
    const name = `${one.tagName}.${one.className.baseVal ?? one.className}`;
    if (ratio < 4.5) poor.add(`${name} ${ratio.toFixed(2)} ${node.data.trim().slice(0, 30)}`);
  }
  return [...poor];
}"""


def test_everything_works_without_javascript(chromium: Any, sandbox: Sandbox) -> None:
    put(sandbox, notify_url="http://127.0.0.1:9/none")
    context = chromium.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(sandbox.url + ONE)
    page.click("#pay")
    assert page.inner_text("#done") == "支付成功。"
    page.goto(sandbox.url)
    assert page.inner_text(".orders .badge") == "已支付"
    page.click("#callbacks button")
    page.select_option("#kind", "busy")
    page.click("#order-fault")
    assert page.inner_text("#faults code") == "busy"
    context.close()


def test_b151_a_nasty_subject_runs_nothing(page: Page, sandbox: Sandbox) -> None:
    nasty = "\"><script>document.title='gone'</script><img src=x onerror=\"document.title='gone'\">"
    put(sandbox, subject=nasty, payer=nasty)
    for path in ("/", ONE, "/orders/alipay/ORDER_0001"):
        page.goto(sandbox.url + path)
        expect(page.locator("main")).to_contain_text(nasty)
        assert page.title().endswith("payflow sandbox")


def test_code_is_copied(page: Page, sandbox: Sandbox) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=sandbox.url)
    page.goto(f"{sandbox.url}/setup/python")
    page.locator(".copy").first.click()
    expect(page.locator(".copy").first).to_have_text("Copied")
    assert "from alipay import AliPay" in page.evaluate("navigator.clipboard.readText()")
