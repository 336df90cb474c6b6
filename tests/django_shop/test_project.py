"""The project as Django sees it, and its pages as a browser without scripts, or with another language, does."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable

import pytest
from babel.messages.pofile import read_po

from .conftest import Visitor
from .process import EXAMPLE, Hall, manage

LOCALE = EXAMPLE / "hall" / "locale" / "zh_Hans" / "LC_MESSAGES"
PAGES = ("/", "/concerts/night-piano/", "/basket/", "/orders/", "/nowhere/")


def test_migrations_are_complete_and_checks_find_nothing(hall: Hall) -> None:
    for words in (("makemigrations", "--check", "--dry-run"), ("check",)):
        done = manage(hall.folder, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues" in done.stdout


def test_the_story_of_an_order_is_told(hall: Hall, visitor: Visitor) -> None:
    number = visitor.order("night-piano", 1, "wechat")
    told = manage(hall.folder, "payflow", "trace", number)
    assert told.returncode == 0, told.stderr
    assert number in told.stdout


def test_every_text_is_in_the_catalog_in_chinese() -> None:
    with (LOCALE / "django.po").open("rb") as file:
        catalog = read_po(file)
    with (LOCALE / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in catalog:
        if message.id:
            one = message.id[0] if isinstance(message.id, tuple) else message.id
            said = message.string[0] if isinstance(message.string, tuple) else message.string
            told = compiled.pgettext(message.context, one) if message.context else compiled.gettext(one)
            if isinstance(message.id, tuple):
                told = compiled.ngettext(*message.id, 1)
            assert said, f"{one} has no translation"
            assert told == said, f"{one}: compile the catalog again"
    known = {name for message in catalog for name in ([*message.id] if isinstance(message.id, tuple) else [message.id])}
    texts = set()
    for file in (EXAMPLE / "hall").rglob("*"):
        if file.suffix == ".html":
            text = file.read_text(encoding="utf-8")
            texts |= {found[1] for found in re.finditer(r"""{% translate (?:"([^"]+)"|'([^']+)')""", text) if found[1]}
        elif file.suffix == ".py":
            texts |= set(re.findall(r'\b_\(\s*"([^"]+)"', file.read_text(encoding="utf-8")))
    assert len(texts) > 80
    assert texts - known == set()


def test_the_colours_can_be_told_apart() -> None:
    """Text on what is behind it has at least the contrast of 4.5 to 1, by day and by night."""
    css = (EXAMPLE / "hall" / "static" / "hall" / "hall.css").read_text(encoding="utf-8")
    schemes = css.split("@media (prefers-color-scheme: dark)")
    day, night = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in schemes)
    pairs = ["ink paper", "ink card", "soft paper", "soft card", "soft wash", "accent paper", "accent-ink accent",
             "good good-wash", "bad bad-wash", "wait wait-wash", "ink accent-wash"]  # fmt: skip
    for colours in (day, night):
        for pair in pairs:
            front, behind = (luminance(colours[name]) for name in pair.split())
            ratio = (max(front, behind) + 0.05) / (min(front, behind) + 0.05)
            assert ratio >= 4.5, f"{pair}: {ratio:.2f}"


def luminance(colour: str) -> float:
    """How bright a colour is to the eye, from 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("path", PAGES)
def test_a_page_holds_nothing_that_its_policy_forbids(visitor: Visitor, path: str) -> None:
    visitor.choose("night-piano", 1)
    answer = visitor.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://(?!127)", answer.text)
    assert answer.text.count("<h1") == 1
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_the_language_follows_the_browser_and_the_button(another: Callable[..., Visitor]) -> None:
    reader = another(**{"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"})
    text = reader.get("/").text
    assert '<html lang="zh-CN">' in text
    assert "灯火下的音乐" in text
    assert "夜之钢琴" in text
    reader.post("/i18n/setlang/", language="en", next="/")
    assert "Night Piano" in reader.get("/").text
