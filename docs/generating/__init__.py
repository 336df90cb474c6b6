"""Fills the pages of the reference while the site is built, and makes links between the two languages work.

A page says

    ```{generated} config
    ```

and finds there, in its own language, what the schemas, tables, commands and docstrings of this very checkout say.
Nothing of it is kept in a file, so nothing of it can be out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import codes, commands, configuration, interface, messages, records, state_tables

#: what a page asks for → who writes it, in ``en`` or ``zh``, as Markdown.
SOURCES: dict[str, Callable[[str], str]] = {
    "config": configuration.markdown,
    "tables": state_tables.markdown,
    "errors": codes.markdown,
    "messages": messages.markdown,
    "commands": commands.markdown,
    "python": interface.markdown,
    "logs": records.markdown,
}

_WANTED = re.compile(r"^```\{generated\} (\w+)\n```$", re.MULTILINE)
_WIDE = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
_BREAK = re.compile(rf"(?<=[{_WIDE}])\n(?=[{_WIDE}])")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([\w./-]+?)\.md(#[^)\s]*)?\)")


def filled(text: str, lang: str) -> str:
    """The page with what it asked for."""
    return _WANTED.sub(lambda found: SOURCES[found[1]](lang), text)


def crossed(text: str, lang: str, depth: int) -> str:
    """Links to a page's other language lead into the other build; the rest is left to Sphinx, which checks it."""

    def link(found: re.Match[str]) -> str:
        said, target, anchor = found[1], found[2], found[3] or ""
        theirs = target.endswith(".zh") != (lang == "zh")
        if not theirs or target.startswith("http"):
            return found[0]
        name, other = target.removesuffix(".zh"), "en" if lang == "zh" else "zh"
        up = "../" * depth
        return f'<a href="{up}../{other}/{_from_root(name, depth)}.html{anchor}">{said}</a>'

    return _LINK.sub(link, text)


def _from_root(name: str, depth: int) -> str:
    """A target beside the page, as seen from the root of the site. Pages lie at most one folder deep."""
    if depth == 0:
        return name
    return name.removeprefix("../") if name.startswith("../") else f"reference/{name}"


def _read(app: Any, docname: str, source: list[str]) -> None:
    lang = "zh" if app.config.language == "zh_CN" else "en"
    source[0] = crossed(filled(source[0], lang), lang, docname.count("/"))


def _unbroken(app: Any, doctree: Any) -> None:
    """A line break in the source is a space between words; between Chinese characters it is nothing."""
    from docutils import nodes

    if app.config.language == "zh_CN":
        for text in list(doctree.findall(nodes.Text)):
            joined = _BREAK.sub("", text)
            if joined != text and not isinstance(text.parent, nodes.literal_block):
                text.parent.replace(text, nodes.Text(joined))


def _finish(app: Any, failed: Exception | None) -> None:
    """The page above both languages, which leads into the reader's."""
    if failed is None:
        start = (Path(app.srcdir) / "_templates" / "start.html").read_text(encoding="utf-8")
        (Path(app.outdir).parent / "index.html").write_text(start, encoding="utf-8")


def _one_language(_app: Any, config: Any) -> None:
    """MyST adds ``.md`` to whatever the config says: then a Chinese build would find every page twice."""
    if ".zh.md" in config.source_suffix:
        config.source_suffix.pop(".md", None)


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("config-inited", _one_language, priority=900)
    app.connect("source-read", _read)
    app.connect("doctree-read", _unbroken)
    app.connect("build-finished", _finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
