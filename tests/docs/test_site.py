"""The site is built without a warning, in both languages, and everything in it leads somewhere on this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .guides import DOCS, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    builds = []
    for lang, tags in (("en", []), ("zh", ["-t", "zh"])):
        line = [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            "-W",
            "--keep-going",
            "-E",
            *tags,
            "-d",
            str(out / ".doctrees" / lang),
        ]
        line += [str(DOCS), str(out / lang)]
        builds.append(subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    for build in builds:
        said, _ = build.communicate(timeout=120)
        assert build.returncode == 0, said
        assert said == ""
    return out


class Page(HTMLParser):
    """The ids of a page, where its links lead, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.lang = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "html":
            self.lang = given.get("lang", "")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") not in ("index", "search", "next", "prev"):
            self.loads.append(given["href"])
        if tag in ("script", "img", "iframe") and "src" in given:
            self.loads.append(given["src"])


@pytest.fixture(scope="module")
def built(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def _inside(built: dict[Path, Page]) -> Iterator[tuple[Path, str, Path, str]]:
    for path, page in built.items():
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if not parts.scheme:
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                yield path, link, target, unquote(parts.fragment)


def test_every_link_inside_leads_to_something(built: dict[Path, Page]) -> None:
    broken = [
        (path.name, link)
        for path, link, target, anchor in _inside(built)
        if not target.exists() or (anchor and target in built and anchor not in built[target].ids)
    ]
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(built: dict[Path, Page], site: Path) -> None:
    assert [(path.name, one) for path, page in built.items() for one in page.loads if urlsplit(one).scheme] == []
    for style in site.rglob("*.css"):
        assert "url(http" not in style.read_text(encoding="utf-8")


def test_every_page_has_its_other_language_and_says_which_it_is(built: dict[Path, Page], site: Path) -> None:
    english = {path.relative_to(site / "en") for path in built if path.is_relative_to(site / "en")}
    chinese = {path.relative_to(site / "zh") for path in built if path.is_relative_to(site / "zh")}
    assert english == chinese
    assert len(english) > 15
    for path, page in built.items():
        lang = path.relative_to(site).parts[0]
        if lang in ("en", "zh"):
            name, other = path.relative_to(site / lang), "zh" if lang == "en" else "en"
            assert page.lang == ("en" if lang == "en" else "zh-CN")
            assert (site / other / name).resolve() in {(path.parent / link).resolve() for link in page.links}, path


def test_the_page_above_both_leads_into_both(built: dict[Path, Page], site: Path) -> None:
    assert set(built[site / "index.html"].links) == {"en/index.html", "zh/index.html"}


def test_the_reference_is_that_of_this_checkout(site: Path) -> None:
    for lang in ("en", "zh"):
        folder = site / lang / "reference"
        assert "timeouts.read_seconds" in (folder / "config.html").read_text(encoding="utf-8")
        assert "TRANSITION_NOT_ALLOWED" in (folder / "errors.html").read_text(encoding="utf-8")
        assert 'data-event="refund_part"' in (folder / "tables.html").read_text(encoding="utf-8")
        assert "payment.partially_refunded" in (folder / "messages.html").read_text(encoding="utf-8")
        assert "--write-config" in (folder / "commands.html").read_text(encoding="utf-8")
        assert "joined_payflow" in (folder / "python.html").read_text(encoding="utf-8")
        assert "payflow.intake" in (folder / "logs.html").read_text(encoding="utf-8")
