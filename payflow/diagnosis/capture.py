"""A callback as somebody wrote it down: the raw text of an HTTP request, or headers and a body apart."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..gateway import Callback

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) \S{1,8192}(?: HTTP/[0-9.]{1,5})?")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):[ \t]*([^\r\n]*)")
_BLANK = re.compile(rb"\r?\n\r?\n")


def captured(raw: bytes, account: str, headers: Iterable[str] = (), *, bare: bool = False) -> Callback:
    """The callback in the text of a request: request line and headers if there are any, a blank line, the body.

    A text that does not begin like a request is all body, and so is one that is ``bare``. ``headers`` are further
    ones, ``Name: value``.
    """
    method, found, body = "POST", [pair for one in headers if (pair := _pair(one.encode("utf-8"))) is not None], raw
    blank = _BLANK.search(raw)
    head, rest = (raw, b"") if blank is None else (raw[: blank.start()], raw[blank.end() :])
    lines = head.split(b"\n")
    first = _REQUEST_LINE.fullmatch(lines[0].strip(b"\r"))
    pairs = [_pair(line) for line in lines[first is not None :]]
    whole = [pair for pair in pairs if pair is not None]
    if not bare and (first is not None or whole) and len(whole) == len(pairs):
        method = first[1].decode("ascii") if first is not None else method
        found, body = [*whole, *found], rest
    return Callback(account, tuple(found), _without_editors_newline(body, found), method)


def values(callback: Callback, name: str) -> list[str]:
    """Every value of a header, its name in small letters."""
    return [value for given, value in callback.headers if given.lower() == name]


def length_of(callback: Callback) -> int | None:
    """What ``Content-Length`` says; ``None`` if it says nothing that is a length."""
    given = values(callback, "content-length")
    text = given[0].strip() if len(given) == 1 else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _pair(line: bytes) -> tuple[str, str] | None:
    """A header; its name as it was sent, also where a framework called it ``HTTP_WECHATPAY_SERIAL``."""
    found = _HEADER.fullmatch(line.strip(b"\r"))
    if found is None:
        return None
    name = found[1].decode("ascii").removeprefix("HTTP_").replace("_", "-")
    return name, found[2].strip().decode("latin-1")


def _without_editors_newline(body: bytes, headers: Iterable[tuple[str, str]]) -> bytes:
    """Editors end a file with a line break that nobody sent; where the length was sent, it tells."""
    length = length_of(Callback("", tuple(headers), b""))
    if length is not None and len(body) > length and not body[length:].strip(b"\r\n"):
        return body[:length]
    return body
