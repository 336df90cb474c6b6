"""The guide's own code, in both languages: it runs, and the theme is a template for Flask and for Django."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template

from .conftest import CONFIG, Shop

DOCS = Path(__file__).parent.parent.parent / "docs"


def block(name: str, lang: str) -> str:
    """One of the guide's blocks."""
    text = (DOCS / ("checkout.md" if lang == "en" else "checkout.zh.md")).read_text(encoding="utf-8")
    (found,) = re.findall(rf"<!-- docs-test:{name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    return str(found)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_flask_code_leads_to_the_page(lang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = {**CONFIG, "store": {"url": f"sqlite:///{tmp_path}/payflow.db"}}
    (tmp_path / "payflow.json").write_text(json.dumps(config))
    from payflow import open as open_payflow

    open_payflow(migrate=True).store.close()
    made: dict[str, Any] = {"__name__": "shop"}
    exec(compile(block("flask", lang), "app.py", "exec"), made)  # noqa: S102 -- it is what the test is about
    client = made["app"].test_client()
    page = client.post("/orders/7/pay", follow_redirects=True)
    assert page.status_code == 200
    assert 'id="payflow-qr"' in page.text
    assert 'href="/orders/7"' in page.text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_django_code_leads_to_the_page(lang: str, django_shop: Shop) -> None:
    made: dict[str, Any] = {}
    exec(compile(block("django", lang), "views.py", "exec"), made)  # noqa: S102 -- it is what the test is about
    sent = made["pay"](None, 7)
    page = django_shop.ask("GET", sent.url).text
    assert 'id="payflow-qr"' in page
    assert 'href="/orders/7/"' in page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_theme_is_a_template_for_flask(lang: str, flask_app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "payflow"
    folder.mkdir(parents=True)
    (folder / "checkout.html").write_text(block("theme", lang))
    app = Flask("themed", template_folder=str(folder.parent))
    app.register_blueprint(flask_app.blueprints["payflow_checkout"], url_prefix="/checkout")
    with app.test_request_context():
        page = render_template("payflow/checkout.html", page={"settled": "1", "say": {}, "title": "x"})
    assert "Tea &amp; Sons" in page
    assert "/static/tea.css" in page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_theme_is_a_template_for_django(lang: str, django_shop: Shop, tmp_path: Path) -> None:
    from django.template import engines
    from django.test.utils import override_settings

    folder = tmp_path / "own" / "payflow"
    folder.mkdir(parents=True)
    (folder / "checkout.html").write_text(block("theme", lang))
    from django.conf import settings

    (engine,) = settings.TEMPLATES
    with override_settings(TEMPLATES=[{**engine, "DIRS": [str(folder.parent)]}]):
        assert engines.all()
        page = django_shop.ask("GET", django_shop.link(django_shop.pay().id)).text
    assert "Tea &amp; Sons" in page
    assert 'id="payflow-qr"' in page


def test_both_guides_have_the_same_code() -> None:
    blocks = [
        re.findall(r"```(\w+)\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)
        for name in ("checkout.md", "checkout.zh.md")
    ]
    assert blocks[0] == blocks[1]


def test_what_the_guide_says_of_a_status_is_what_is_answered(flask_shop: Shop) -> None:
    text = (DOCS / "checkout.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    link = flask_shop.link(flask_shop.pay().id)
    assert json.loads(told).keys() == json.loads(flask_shop.ask("GET", f"{link}/status").body).keys()
