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
