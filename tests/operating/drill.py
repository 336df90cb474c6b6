"""The operator's drill, in a real browser: find what is stuck, see why, query it, settle an incident, refund, export,
and read it all in the audit; then the same pages for somebody who may only look. One drill for every framework."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from payflow import Flow, Payment

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


@dataclass(frozen=True)
class World:
    """A served desk. ``stuck`` was paid and nobody heard of it; ``late`` was paid after it was cancelled."""

    address: str  # of the desk, without a slash at its end
    flow: Flow
    stuck: str
    late: str
    sign_in: Callable[[Page, str], None]  # as "boss", "reader" or "stranger"

    def payment(self, name: str) -> Payment:
        """A payment as stored; asked in a thread of its own, since Django takes the browser's loop for its own."""
        with ThreadPoolExecutor(1) as aside:
            return aside.submit(self.flow.payment, name).result()


def shot(page: Page, name: str) -> None:
    """A picture for people to look at, in ``PAYFLOW_SHOTS`` if that is set."""
    folder = os.environ.get("PAYFLOW_SHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def fits(page: Page) -> None:
    """Nothing sticks out of the window, and everything that is filled in has a name."""
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    nameless = """[...document.querySelectorAll('.pf-desk input:not([type=hidden]), .pf-desk textarea')]
        .filter(one => !one.labels.length).length"""
    assert page.evaluate(nameless) == 0
    small = """[...document.querySelectorAll('.pf-desk button, .pf-desk input:not([type=hidden])')]
        .filter(one => one.getBoundingClientRect().height < 44).length"""
    assert page.evaluate(small) == 0


def drill(browser: Browser, world: World, size: str, *, script: bool, name: str) -> None:
    """All of it, by somebody with every power."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="en-US", java_script_enabled=script
    )
    page = context.new_page()
    page.set_default_timeout(10_000)
    world.sign_in(page, "boss")
    page.goto(f"{world.address}/")
    look: Any = fits if script else lambda _: None
    look(page)
    shot(page, f"{name}-{size}-overview")

    page.locator("#pf-q").fill(world.payment(world.stuck).reference)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=world.stuck).click()
    expect(page.locator(".pf-why")).to_contain_text("is the worker running?")
    look(page)
    page.get_by_role("button", name="Query now").click()
    expect(page.get_by_role("status")).to_contain_text("Done: Query now.")
    expect(page.locator(".pf-facts .pf-badge").first).to_have_text("paid")

    page.get_by_label("Amount (empty").fill("2.50")
    page.get_by_label("Reason").first.fill("cold tea")
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_role("status")).to_contain_text("Done: Refund.")
    expect(page.locator(".pf-timeline")).to_contain_text("boss asked for Refund: done")
    shot(page, f"{name}-{size}-payment")

    page.goto(f"{world.address}/incidents")
    page.get_by_role("link", name=world.late).click()
    expect(page.locator(".pf-why")).to_contain_text("an incident is open")
    page.get_by_label("What was found").fill("called the payer")
    page.get_by_role("button", name="Send the money back").click()
    expect(page.get_by_role("status")).to_contain_text("Done: Settle it.")
    look(page)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Timeline as JSON").click()
    story = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert story["payment_id"] == world.late
    assert any(step["what"] == "operator" for step in story["steps"])

    page.goto(f"{world.address}/audit")
    told = page.locator(".pf-desk tbody tr").all_inner_texts()
    assert [row.split("\t")[2].strip() for row in told] == ["Settle it", "Refund", "Query now"]
    assert all("boss" in row and "done" in row for row in told)
    look(page)
    shot(page, f"{name}-{size}-audit")
    context.close()
    kept = world.payment(world.stuck)
    assert kept.refunded + kept.reserved == 250


def refusals(browser: Browser, world: World) -> None:
    """Who may only look finds nothing to press; a stranger finds nothing at all."""
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    world.sign_in(page, "reader")
    page.goto(f"{world.address}/payments/{world.late}")
    expect(page.locator(".pf-timeline")).to_be_visible()
    expect(page.get_by_text("您可以查看，但不能在此操作。")).to_be_visible()
    assert page.locator("form[method=post][action*='/do/']").count() == 0
    context.close()
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    world.sign_in(page, "stranger")
    for path in ("/", "/payments", f"/payments/{world.late}", f"/payments/{world.late}/trace.json", "/audit"):
        page.goto(world.address + path)
        assert world.late not in page.content().replace(page.url, "").replace(path, "")
        assert page.locator(".pf-timeline, .pf-tiles, .pf-desk tbody").count() == 0
    context.close()
