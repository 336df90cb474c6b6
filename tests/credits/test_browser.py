"""A person in a real browser: buys, asks, stops, runs out; on a wide screen and a small phone, by mouse and by keys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .process import Running, check_books, start
from .world import STORY_COST, STORY_HELD

pytestmark = pytest.mark.browser

SIZES = {"wide": (1280, 900), "small": (360, 740)}
PAGES = ("/", "/buy", "/statement", "/usage", "/office")

#: Texts whose contrast to what is behind them is below what WCAG AA asks for.
CONTRAST = """() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const parse = (text) => {
    if (!text.startsWith("color(srgb")) return numbers(text);
    const [r, g, b, a] = numbers(text.slice(10));
    return [r * 255, g * 255, b * 255, ...(a === undefined ? [] : [a])];
  };
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const style = getComputedStyle(element);
    if (!own || !element.getClientRects().length || element.closest("option")) continue;
    const ink = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [a, b] = [light(parse(ink)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 600);
    const said = element.textContent.trim().slice(0, 30);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${element.tagName} "${said}" ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
#: What can be pressed or filled in: without a name, or too small for a finger.
CONTROLS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select")].flatMap((element) => {
  const box = element.getBoundingClientRect();
  if (!box.width || element.matches(".skip")) return [];
  const label = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent;
  const wrong = [];
  if (!label.trim()) wrong.push("no name");
  const inText = element.tagName === "A" && getComputedStyle(element).display === "inline";
  if (!inText && (box.height < 43.5 || box.width < 40)) wrong.push(`${box.width}×${box.height}`);
  return wrong.map((what) => `${element.outerHTML.slice(0, 80)}: ${what}`);
})"""


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One chat for all: every test is a visitor of its own."""
    folder = tmp_path_factory.mktemp("chat")
    running = start(folder, pause_ms=40)
    yield running
    assert running.stop() == 0, "".join(running.lines)
    assert not [line for line in running.lines if "Traceback" in line], "".join(running.lines)
    check_books(folder)


@pytest.fixture
def context(request: pytest.FixtureRequest, chromium: Any, chat: Running) -> Iterator[BrowserContext]:
    width, height = SIZES[getattr(request, "param", "wide")]
    opened = chromium.new_context(
        viewport={"width": width, "height": height}, locale="en-US", base_url=chat.address, reduced_motion="reduce"
    )  # colours are measured when they have settled
    yield opened
    opened.close()
    check_books(chat.folder)


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; whatever its console complains of fails the test."""
    yield from watched(context)


def watched(context: BrowserContext) -> Iterator[Page]:
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.set_default_timeout(10_000)
    yield opened
    assert [problem for problem in problems if "409 (CONFLICT)" not in problem] == []  # a refusal is shown, and said


def look(page: Page, chat: Running, name: str) -> None:
    """A picture for people to look at, in ``PAYFLOW_SHOTS`` if that is set; and what can be measured of the page."""
    folder = Path(os.environ.get("PAYFLOW_SHOTS", chat.folder))
    width = page.viewport_size["width"] if page.viewport_size else 0
    page.screenshot(path=folder / f"credits-{width}-{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} scrolls sideways by {wide} pixels"
    assert page.evaluate(CONTROLS) == [], name
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate(CONTRAST) == [], f"{name}, {scheme}"


def ask(page: Page, question: str) -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")


def pay(page: Page, button: str = "#pay") -> None:
    """On the phone that lies beside the page."""
    with page.context.expect_page() as opened:
        page.click("#open-phone")
    phone = opened.value
    phone.wait_for_load_state()
    phone.click(button)
    phone.wait_for_selector("#done")
    phone.close()


@pytest.mark.parametrize("context", SIZES, indirect=True)
def test_bought_asked_held_settled_and_every_unit_explained(page: Page, chat: Running) -> None:
    page.goto("/buy")
    expect(page.locator("#available")).to_have_text("0")
    look(page, chat, "1-buy")
    page.click("#pack-large")
    expect(page.locator(".qr svg")).to_be_visible()
    look(page, chat, "2-payment")
    pay(page, "#pay-twice")
    expect(page.locator("#status")).to_have_text("paid")
    expect(page.locator("h1")).to_have_text("23,000 credit is yours")
    look(page, chat, "3-paid")
    page.click("#to-chat")
    expect(page.locator("#available")).to_have_text("23,000")
    expect(page.locator(".mix-key")).to_contain_text("Bonus until")
    address = page.url
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    page.click("#try_story")
    expect(page.locator("#held")).to_have_text(f"{STORY_HELD} held for answers")
    expect(page.locator(".answer.writing .words")).to_contain_text("Once there")
    look(page, chat, "4-writing")
    expect(page.locator(".answer.done .words")).to_contain_text("and it cost him nothing.")
    expect(page.locator(".cost")).to_contain_text(f"{STORY_COST} credit: 5 tokens read, 87 written")
    expect(page.locator("#held")).to_have_count(0)
    expect(page.locator("#available")).to_have_text(f"{23_000 - STORY_COST:,}")
    assert (page.url, loads) == (address, [])  # without leaving the page
    look(page, chat, "5-answered")
    page.click("nav >> text=Statement")
    expect(page.locator("#adds-up")).to_have_text(
        f"2 movements add up to {23_000 - STORY_COST:,}: that is the balance."
    )
    expect(page.locator("tr.settle")).to_contain_text(
        f"Tell me a story 5 read × 1 + 87 written × 2 Bonus −{STORY_COST}"
    )
    expect(page.locator("tr.topup")).to_contain_text("Large, payment of ¥20.00")
    look(page, chat, "6-statement")
    page.click("nav >> text=Usage")
    expect(page.locator("#total-cost")).to_have_text(str(STORY_COST))
    expect(page.locator(".plot .bar")).to_have_count(1)
    look(page, chat, "7-usage")


@pytest.mark.parametrize("context", SIZES, indirect=True)
def test_stopped_in_the_middle_it_costs_nothing(page: Page, chat: Running) -> None:
    page.goto("/")
    look(page, chat, "8-empty")
    ask(page, "tell me a story")
    expect(page.locator(".answer.writing .words")).to_contain_text("Once there was")
    page.fill("#question", "half a thou")
    page.click(".stop")
    expect(page.locator(".answer.stopped .words")).to_contain_text("Once there was")
    expect(page.locator(".cost")).to_have_text(re.compile(f"it cost nothing, {STORY_HELD} released"))
    expect(page.locator("#available")).to_have_text("1,000")
    expect(page.locator("#held")).to_have_count(0)
    expect(page.locator("#question")).to_have_value("half a thou")  # what was being typed stays
    look(page, chat, "9-stopped")


#: What the page asks for again is answered at once, and arrives late.
LATE = """() => {
  const plain = window.fetch;
  window.fetch = async (url, how = {}) => {
    const answer = await plain(url, how);
    if (how.method !== "POST") { await new Promise((go) => setTimeout(go, 1500)); window.late = true; }
    return answer;
  };
}"""


@pytest.mark.parametrize("context", ["wide"], indirect=True)
def test_an_older_page_that_arrives_late_takes_no_answer_away(page: Page, chat: Running) -> None:
    page.goto("/")
    page.evaluate(LATE)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # asks for the page as it is now
    page.wait_for_timeout(200)
    ask(page, "what do you cost?")
    expect(page.locator(".answer").first).to_be_visible()
    page.wait_for_timeout(2000)
    assert page.evaluate("window.late")
    expect(page.locator(".answer").first).to_be_visible()


@pytest.mark.parametrize("context", SIZES, indirect=True)
def test_five_tabs_get_one_refill_and_who_runs_out_is_told_how_to_go_on(context: BrowserContext, chat: Running) -> None:
    tabs = [context.new_page() for _ in range(5)]
    for tab in tabs:
        tab.goto("/")
    for tab in tabs:  # none waits for the other
        tab.evaluate("document.getElementById('try_story').click()")
    for tab in tabs:
        expect(tab.locator(".answer.writing, #refusal").first).to_be_visible()
    refused = [tab for tab in tabs if tab.locator("#refusal").count()]
    assert len(refused) == 1  # four times 205 of the 1,000 that came once
    page = refused[0]
    expect(page.locator("#refusal")).to_contain_text("credit missing")
    expect(page.locator("#refusal")).to_contain_text("Free credit comes again at")
    expect(page.locator("#question")).to_have_value("Tell me a story")
    look(page, chat, "10-insufficient")
    for tab in tabs:
        expect(tab.locator(".answer.writing")).to_have_count(0, timeout=30_000)
    page.goto("/statement")
    expect(page.locator("tr.refill")).to_have_count(1)
    expect(page.locator("tr.settle")).to_have_count(4)
    expect(page.locator("tbody tr").first.locator("td").last).to_have_text(str(1000 - 4 * STORY_COST))
    page.goto("/")
    page.fill("#question", "x " * 200)
    page.click("#send")
    expect(page.locator("#buy-now")).to_be_visible()
    page.click("#buy-now")
    page.fill("#amount", "2.5")
    expect(page.locator("#brings")).to_have_text("brings 2,250 credit")
    page.click("#buy-amount")
    pay(page)
    expect(page.locator("h1")).to_have_text("2,250 credit is yours")


@pytest.mark.parametrize("context", SIZES, indirect=True)
def test_the_operator_switches_the_tier_and_refunds_what_is_left(page: Page, chat: Running) -> None:
    page.goto("/buy")
    page.click("#pack-small")
    payment = page.url.rpartition("/")[2]
    pay(page)
    page.click("#to-chat")
    ask(page, "hello")
    expect(page.locator(".answer.done .words")).to_contain_text("I am Parrot")
    page.goto("/office")
    row = page.locator(".visitor").first
    row.locator("select").select_option("heavy")
    row.locator("button").click()
    expect(page.locator(".visitor").first.locator("select")).to_have_value("heavy")
    look(page, chat, "11-office")
    page.locator(".top-up").first.locator("button.refund").click()
    expect(page.locator(".top-up").first).to_contain_text("partly refunded")
    page.goto(f"/payments/{payment}")
    expect(page.locator("h1")).to_contain_text("went back to you")
    page.goto("/")
    expect(page.locator("#tier")).to_have_text("heavy")
    page.goto("/statement")
    expect(page.locator("tr.clawback")).to_contain_text("of the payment of ¥5.00 went back")
    expect(page.locator("#adds-up")).to_have_class("check good")


@pytest.mark.parametrize("context", SIZES, indirect=True)
def test_the_pages_speak_chinese(page: Page, chat: Running) -> None:
    page.goto("/?lang=zh")
    ask(page, "讲个故事")
    expect(page.locator("#held")).to_contain_text("预留中")
    expect(page.locator(".answer.done .words")).to_contain_text("分文不收")
    look(page, chat, "12-chinese")
    for path in PAGES[1:]:
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        look(page, chat, f"13-chinese{path.replace('/', '-')}")


@pytest.mark.parametrize("context", SIZES, indirect=True)
def test_everything_can_be_done_with_keys(page: Page, chat: Running) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(12):  # to the first of the tries
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "try_story":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".answer.writing")).to_be_visible()
    expect(page.locator("#question")).to_be_focused()
    page.locator(".stop").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".answer.stopped")).to_be_visible()
    page.locator("#question").focus()
    page.keyboard.type("hello")
    page.keyboard.press("Enter")
    expect(page.locator(".answer.done .words")).to_contain_text("I am Parrot")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#send")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_reload_in_the_middle_goes_on_where_it_was(page: Page) -> None:
    page.goto("/")
    ask(page, "tell me a story")
    expect(page.locator(".words")).to_contain_text("anything")
    page.reload()
    expect(page.locator(".answer.done .words")).to_have_text(
        re.compile("^Once there was a parrot who .* cost him nothing.$")
    )


def test_without_streams_the_page_asks_again(page: Page) -> None:
    page.add_init_script("delete window.EventSource")
    page.goto("/")
    ask(page, "hello")
    expect(page.locator(".answer.done .words")).to_contain_text("I am Parrot", timeout=15_000)


@pytest.mark.parametrize("size", SIZES)
def test_it_works_without_javascript(chromium: Any, chat: Running, size: str) -> None:
    width, height = SIZES[size]
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": width, "height": height}, base_url=chat.address, locale="en-US"
    )
    page = context.new_page()
    page.goto("/")
    ask(page, "tell me a story")
    assert f"{STORY_HELD} held for answers" in page.inner_text("#held")
    page.click(".stop")
    assert "it cost nothing" in page.inner_text(".cost")
    ask(page, "hello")
    expect(page.locator(".answer.done .words")).to_contain_text(
        "I am Parrot", timeout=15_000
    )  # it asks again by itself
    page.goto("/buy")
    page.click("#pack-small")
    with context.expect_page() as opened:
        page.click("#open-phone")
    opened.value.click("#pay")
    expect(page.locator("h1")).to_have_text("5,000 credit is yours", timeout=15_000)
    context.close()
    check_books(chat.folder)
