"""A payer in a real browser: on a phone and at a desk, without a network for a while, without JavaScript, from another
shop's page."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string, request
from playwright.sync_api import BrowserContext, Page, expect
from werkzeug.serving import make_server

from payflow import Flow, Money, Payment, load, open_flow
from payflow.checkout.checkout import Checkout
from payflow.flask import PayFlow, checkout_url
from payflow.flask import checkout as door

from .conftest import CONFIG

pytestmark = pytest.mark.browser

SIZES = {"desktop": (1200, 900), "phone": (360, 740)}
#: The contrast of what is read against what is behind it, as WCAG 2 defines it; large text needs 3, other text 4.5.
CONTRAST = """() => {
  const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => { v /= 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (one) => { for (; one; one = one.parentElement) { const c = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)|transparent/.test(c)) return c; } return "rgb(255, 255, 255)"; };
  const poor = [];
  for (const one of document.querySelectorAll("h1, p, dt, dd, a, button, time, bdi")) {
    if (!one.innerText?.trim() || !one.getClientRects().length || one.closest(".payflow-skip, svg")) continue;
    const style = getComputedStyle(one);
    const [a, b] = [light(style.color), light(behind(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) poor.push([one.tagName, one.innerText, ratio]);
  }
  return poor; }"""


@dataclass
class World:
    """A shop's server with payflow in it, and another site on another port."""

    flow: Flow
    app: Flask
    address: str
    other: str

    @property
    def bank(self) -> Any:
        return self.flow.gateways["mock"]

    def pay(self, channel: str = "qr", *, action: str = "buy", key: str = "k") -> Payment:
        return self.flow.pay(
            amount=Money(128000), channel=channel, action=action, key=key, reference="order-7",
            description="Long Jing, first pick, in a tin that has a rather long name",
        ).payment  # fmt: skip

    def link(self, payment: Payment, **told: Any) -> str:
        with self.app.test_request_context():
            return self.address + checkout_url(payment.id, **told)

    def paid(self, payment: Payment) -> None:
        """The payer's phone pays; the gateway's callback is on its way to nobody."""
        self.bank.payer.pay(payment.out_trade_no)

    def heard(self, payment: Payment) -> None:
        self.flow.query(payment.id)


def _serve(app: Any) -> tuple[Any, str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.port}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    flow = open_flow(load({**CONFIG, "store": {"url": f"sqlite:///{tmp_path}/payflow.db"}}), migrate=True)
    app, shop = Flask("pays", root_path=str(tmp_path)), Flask("shops", root_path=str(tmp_path))
    foreign, other = _serve(shop)
    app.config["PAYFLOW_CHECKOUT_ORIGINS"] = [other]
    PayFlow(app, flow=flow)
    app.get("/orders/7")(lambda: "your order")
    server, address = _serve(app)

    @shop.get("/")
    def page() -> str:
        return render_template_string(
            "<!doctype html><p id=told>…</p><script src='{{ address }}/checkout/static/payflow-checkout.js'></script>"
            "<script>const told = document.getElementById('told');"
            "payflowFollow({url: {{ url|tojson }}, element: told, everySeconds: 0.2,"
            "{% if listens %}onStatus: (now) => { told.textContent = now.outcome; },{% endif %}"
            "onError: (problem) => { document.title = problem.code; }});</script>",
            address=address, url=request.args["url"], listens=request.args.get("listens", "1") == "1",
        )  # fmt: skip

    yield World(flow, app, address, other)
    for running in (server, foreign):
        running.shutdown()
    flow.store.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Callable[..., Page]]:
    """Opens a page in a context of its own; whatever is wrong with a script fails the test."""
    opened: list[BrowserContext] = []
    wrong: list[str] = []

    def open_tab(size: str = "desktop", **told: Any) -> Page:
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height}, **{"locale": "en-US", **told})
        opened.append(context)
        page: Page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None,
        )
        page.set_default_timeout(10_000)
        return page

    yield open_tab
    for context in opened:
        context.close()
    assert wrong == []


def sound(page: Page, name: str) -> None:
    """It fits, it can be read, it has its landmarks, and everything to press is large enough and has a name."""
    folder = os.environ.get("PAYFLOW_SHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"checkout-{name}.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(CONTRAST) == []
    assert page.locator("main").count() == page.locator("h1").count() == 1
    assert page.locator("#payflow-status[aria-live=polite]").count() == 1
    for thing in page.locator("main button, main a").all():
        assert thing.inner_text().strip()
        box = thing.bounding_box()
        assert box is not None
        assert box["height"] >= 44


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_code_is_shown_and_the_page_follows_by_itself(world: World, tab: Any, size: str, scheme: str) -> None:
    payment = world.pay()
    page = tab(size, color_scheme=scheme)
    page.goto(world.link(payment, back="/orders/7"))
    expect(page.locator("#payflow-qr svg")).to_be_visible()
    expect(page.locator("#payflow-deadline")).to_have_text(re.compile(r"^\d+:\d\d$"))
    sound(page, f"qr-{size}-{scheme}")
    world.paid(payment)
    world.heard(payment)
    expect(page.locator("main")).to_have_attribute("data-outcome", "paid")
    expect(page.locator("#payflow-status")).to_contain_text("Paid")
    expect(page.locator("#payflow-qr")).to_have_count(0)
    sound(page, f"paid-{size}-{scheme}")
    page.click("#payflow-back")
    expect(page.locator("body")).to_have_text("your order")


def test_without_a_stream_it_asks_again_and_again(world: World, tab: Any) -> None:
    world.app.extensions[door.NAME] = Checkout(world.flow, streams=0)
    payment = world.pay()
    page = tab()
    page.goto(world.link(payment))
    expect(page.locator("#payflow-connection")).to_contain_text("follows the payment")
    world.paid(payment)
    world.heard(payment)
    expect(page.locator("main")).to_have_attribute("data-outcome", "paid")


def test_a_lost_network_is_said_and_nothing_is_lost(world: World, tab: Any) -> None:
    payment = world.pay()
    page = tab("phone")
    with page.expect_response("**/events"):
        page.goto(world.link(payment))
    expect(page.locator("#payflow-connection")).to_contain_text("follows the payment")
    page.context.set_offline(True)
    expect(page.locator("#payflow-connection")).to_contain_text("not lost")
    sound(page, "offline")
    world.paid(payment)
    world.heard(payment)
    page.context.set_offline(False)
    expect(page.locator("main")).to_have_attribute("data-outcome", "paid")


def test_coming_back_has_the_gateway_asked_whatever_the_address_says(world: World, tab: Any) -> None:
    """The payer goes to the gateway by the page's button, pays, and comes back by the browser's own; no callback."""
    payment = world.pay("page")
    page = tab()
    page.goto(world.link(payment) + "?status=paid")
    sound(page, "redirect")
    expect(page.locator("main")).to_have_attribute("data-outcome", "waiting")
    page.route("**/cashier/**", lambda route: route.fulfill(body="<p>the gateway", content_type="text/html"))
    page.click("#payflow-pay")
    expect(page.locator("body")).to_have_text("the gateway")
    world.paid(payment)
    page.go_back()
    expect(page.locator("main")).to_have_attribute("data-outcome", "paid")
    page.reload()
    expect(page.locator("main")).to_have_attribute("data-outcome", "paid")


def test_a_person_confirms(world: World, tab: Any) -> None:
    payment = world.pay(action="unknown")
    page = tab("phone", locale="zh-CN")
    page.goto(world.link(payment))
    expect(page.locator("h1")).to_have_text("请确认")
    sound(page, "confirm-zh")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('form').id") == "payflow-confirm"
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_have_attribute("data-status", "pending")


@pytest.mark.parametrize("channel", ["qr", "page"])
def test_without_javascript(world: World, tab: Any, channel: str) -> None:
    payment = world.pay(channel)
    page = tab("phone", java_script_enabled=False)
    page.goto(world.link(payment))
    assert page.locator("head meta[http-equiv=refresh]").get_attribute("content") == "5"
    world.paid(payment)
    page.click("#payflow-check button")
    expect(page.locator("main")).to_have_attribute("data-outcome", "paid")


def test_another_shops_page_follows_a_payment(world: World, tab: Any) -> None:
    payment = world.pay()
    page = tab()
    page.goto(f"{world.other}/?url={world.link(payment)}")
    expect(page.locator("#told")).to_have_text("waiting")
    world.paid(payment)
    world.heard(payment)
    expect(page.locator("#told")).to_have_text("paid")


def test_where_the_origin_is_not_allowed_it_says_so(world: World, tab: Any) -> None:
    world.app.extensions[door.NAME] = Checkout(world.flow)
    page = tab()
    page.goto(f"{world.other}/?url={world.link(world.pay())}")
    expect(page).to_have_title("NO_ANSWER")
    expect(page.locator("#told")).to_contain_text("origin allowed")


def test_where_nobody_listens_it_says_so(world: World, tab: Any) -> None:
    page = tab()
    page.goto(f"{world.other}/?listens=0&url={world.link(world.pay())}")
    expect(page).to_have_title("LISTENER_MISSING")
    expect(page.locator("#told")).to_contain_text("onStatus")


class _Odd(BaseHTTPRequestHandler):
    """Answers, but with nothing that is of any use."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", ""))
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.end_headers()
        self.wfile.write(json.dumps(None).encode() if "null" in self.path else b"<html>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize("path", ["null", "html"])
def test_where_the_answer_is_none_it_says_so(world: World, tab: Any, path: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Odd) as odd:
        threading.Thread(target=odd.serve_forever, daemon=True).start()
        page = tab()
        page.goto(f"{world.other}/?url=http://127.0.0.1:{odd.server_port}/{path}")
        expect(page).to_have_title("BAD_ANSWER")
        odd.shutdown()


def test_a_theme_of_the_hosts_own(world: World, tab: Any, tmp_path: Path) -> None:
    theme = tmp_path / "templates" / "payflow"
    theme.mkdir(parents=True)
    (theme / "checkout.html").write_text(
        '{% extends "payflow/checkout_base.html" %}{% block header %}<p id="brand">Tea &amp; Sons</p>{% endblock %}'
    )
    page = tab()
    page.goto(world.link(world.pay()))
    expect(page.locator("#brand")).to_have_text("Tea & Sons")
    expect(page.locator("#payflow-qr svg")).to_be_visible()
