"""Writing HTML so that nothing from outside becomes markup: text is escaped unless :func:`tag` itself made it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Union

#: HTML has no place for these, escaped or not.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
_ADDRESSES = frozenset({"href", "src", "action", "formaction"})
_ADDRESS = re.compile(r"https?://[^\s]+|/(?!/)[^\s]*|[#?][^\s]*", re.IGNORECASE)


class Html(str):
    """Text that is markup already. Only this module makes it out of strings; templates take it as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


Child = Union[str, Html, int, None, Iterable["Child"]]  # noqa: UP007 -- it names itself, which | cannot


def escape(text: str) -> Html:
    """Text as it may stand between tags and in attributes."""
    return Html(html.escape(_CONTROL.sub("\ufffd", text), quote=True))


def join(*children: Child) -> Html:
    """Children after each other: markup as it is, text escaped, ``None`` left out."""
    return Html("".join(_parts(children)))


def _parts(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            yield child
        elif isinstance(child, str | int):
            yield escape(str(child))
        else:
            yield from _parts(child)


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """One element. ``class_`` is ``class``, ``data_id`` is ``data-id``; ``True`` is a bare attribute.

    ``ValueError`` for an address that could run something: see :func:`is_address`.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        plain = key.rstrip("_").replace("_", "-")
        if plain in _ADDRESSES and not is_address(str(value)):
            raise ValueError(f"This is no address for {plain}")
        written.append(f" {plain}" if value is True else f' {plain}="{escape(str(value))}"')
    opened = f"<{name}{''.join(written)}>"
    return Html(opened if name in _VOID else f"{opened}{join(*children)}</{name}>")


def is_address(text: str) -> bool:
    """Whether this may be linked to: http, https, or a path of our own."""
    return bool(_ADDRESS.fullmatch(text)) and "\\" not in text[:3]


def trusted(markup: str) -> Html:
    """Markup that another library made out of nothing but our own values."""
    return Html(markup)
