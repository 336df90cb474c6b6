"""Every page in both languages, for hostile visitors, and for a database in trouble."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import examples.credits
from examples.credits.model import answer
from examples.credits.words import TEXTS
from payflow import StoreError

from .world import STORY, Chat, Visitor

PAGES = ("/", "/buy", "/statement", "/usage", "/office")
STORY_TOLD = f"{STORY} {''.join(answer(STORY))}"
FOLDER = Path(examples.credits.__file__).parent


@pytest.mark.parametrize("path", PAGES)
def test_pages_speak_chinese(visitor: Visitor, path: str) -> None:
    visitor.buy(pack="large")
    visitor.asked()
    reply = visitor.client.get(f"{path}?lang=zh")
    assert '<html lang="zh-CN">' in reply.text
    shown = re.sub(r"<code>.*?</code>|<title>.*?</title>|visitor-\w+", " ", reply.text)
    shown = " ".join(re.sub(r"<[^>]+>", " ", shown.partition("<main id=")[2].partition(">")[2]).split())
    words = set(re.findall(r"[A-Za-z]{3,}", shown)) - {"token"}
    # What was asked and answered in English stands there as it was; names of policies and zones are names.
    assert words <= set(re.findall(r"\w+", STORY_TOLD)) | {"Asia", "Shanghai", "free", "daily"}
    assert '<html lang="zh-CN">' in visitor.client.get(path).text


@pytest.mark.parametrize(
    ("header", "lang"),
    [("zh-CN,zh;q=0.9,en;q=0.5", "zh-CN"), ("zh", "zh-CN"), ("en-GB", "en"), ("fr", "en"), ("", "en")],
)
def test_pages_speak_the_visitor_s_language(chat: Chat, header: str, lang: str) -> None:
    reply = chat.app.test_client().get("/", headers={"Accept-Language": header})
    assert f'<html lang="{lang}">' in reply.text


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_have_every_text_with_the_same_facts(key: str) -> None:
    english, chinese = ({name for _, name, _, _ in string.Formatter().parse(text) if name} for text in TEXTS[key])
    assert english == chinese
    assert all(TEXTS[key])


def test_every_text_is_used_and_every_text_that_is_used_is_there() -> None:
    code = "\n".join(
        file.read_text()
        for pattern in ("*.py", "templates/*.html")
        for file in FOLDER.glob(pattern)
        if file.name != "words.py"
    )
    asked = set(re.findall(r"say\('(\w+)'[,)]", code)) | set(re.findall(r'say\("(\w+)"', code))
    assert asked - set(TEXTS) == set()
    made = {"small", "large", "ordinary", "heavy"}  # names of the config, shown as they are said
    spare = {name for name in TEXTS if not re.search(rf"['\"]{name}['\"]", code)} - made
    kinds = ("kind_", "cost_", "done_", "promo", "refill", "paid", "debt", "created", "pending")
    ended = {"cancelled", "failed", "refunded", "partially_refunded"}
    assert {name for name in spare - ended if not name.startswith(kinds) and not name.isupper()} == set()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404), ("POST", "/", 405), ("GET", "/ask", 405), ("POST", "/answers/nothing/stop", 404),
        ("GET", "/answers/nothing/words", 404), ("GET", "/payments/%00%ff'--", 404),
        ("GET", "/payments/" + "x" * 999, 404),
        ("GET", "/mock/cashier/mock/nothing", 404), ("POST", "/mock/cashier/mock/nothing", 404),
        ("POST", "/office/refund", 404), ("POST", "/office/tier", 400),
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(visitor: Visitor, method: str, path: str, status: int) -> None:
    reply = visitor.client.open(path, method=method, data={"do": "pay"} if method == "POST" else None)
    assert reply.status_code == status
    assert "<h1" in reply.text


@pytest.mark.parametrize("path", ["/ask", "/buy", "/office/refund", "/office/tier"])
def test_a_form_of_another_site_presses_nothing(chat: Chat, visitor: Visitor, path: str) -> None:
    reply = visitor.client.post(
        path, data={"key": "k", "question": "hi", "pack": "small"}, headers={"Origin": "http://evil"}
    )
    assert reply.status_code == 403
    assert chat.flow.store.recent_payments(5) == []
    assert visitor.answers() == []


@pytest.mark.parametrize("cookie", ["", "short", "x" * 5000, "a b" * 20, "é" * 40, "'; drop table answer;--" * 2])
def test_a_cookie_that_is_none_of_ours_is_replaced(chat: Chat, cookie: str) -> None:
    reply = chat.app.test_client().get("/", headers={"Cookie": f"visitor={cookie}".encode().decode("latin-1")})
    assert reply.status_code == 200
    given = next(header for header in reply.headers.getlist("Set-Cookie") if header.startswith("visitor="))
    assert "HttpOnly" in given
    assert "SameSite=Lax" in given


def test_a_gateway_is_given_no_cookie_and_gets_its_own_words(chat: Chat) -> None:
    reply = chat.app.test_client().post("/callbacks/mock", data=b"{}")
    assert reply.status_code == 415
    assert "Set-Cookie" not in reply.headers
    assert b"<html" not in reply.data


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_what_it_may_load(visitor: Visitor, path: str) -> None:
    reply = visitor.client.get(path)
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "unsafe" not in reply.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "no-store"
    assert not re.search(r'(?:src|href)="(?:https?:)?//', reply.text)  # nothing from elsewhere
    assert not re.search(r"\son\w+=|style=", reply.text)


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/ask"), ("POST", "/buy"), ("GET", "/statement")])
def test_a_database_in_trouble_is_said_without_asking_it_again(
    visitor: Visitor, chat: Chat, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise StoreError("The database did not answer", code="STORE_UNAVAILABLE")

    visitor.asked("hello")
    with monkeypatch.context() as patched:
        for name in ("gather", "write", "accounts"):
            patched.setattr(chat.flow.store, name, refuse)
        form = {"question": "hi", "key": "k", "pack": "small"}
        reply = visitor.client.open(path, method=method, **({"data": form} if method == "POST" else {}))
        assert reply.status_code == 503
        assert "STORE_UNAVAILABLE" in reply.text


def test_files_of_the_example_are_in_its_folder() -> None:
    found = {
        file.relative_to(FOLDER).as_posix()
        for file in FOLDER.rglob("*")
        if file.suffix in (".html", ".css", ".js", ".svg")
    }
    assert {"static/credits.css", "static/follow.js", "static/parrot.svg", "templates/chat.html"} <= found


def test_the_toy_says_what_it_is(make_chat: Callable[..., Chat]) -> None:
    visitor = make_chat().visitor()
    assert "A toy answers here" in visitor.page()
    assert "There is no login in this toy" in visitor.page("/office")
