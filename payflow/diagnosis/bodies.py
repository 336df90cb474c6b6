"""What may have been done to the JSON body of a notification on its way: every usual change, undone. Pure."""

from __future__ import annotations

import html
import json
from ast import literal_eval
from collections.abc import Callable, Iterable, Iterator
from itertools import permutations
from typing import Any
from urllib.parse import unquote_to_bytes

from .findings import Fact
from .forms import Change, change

Changed = tuple[tuple[Change, ...], bytes]

_MARK = b"\xef\xbb\xbf"
#: The orders in which WeChat Pay's own documents write the names.
_OUTER = (
    ("id", "create_time", "resource_type", "event_type", "summary", "resource"),
    ("id", "create_time", "resource_type", "event_type", "resource", "summary"),
    ("id", "create_time", "event_type", "resource_type", "resource", "summary"),
    ("id", "create_time", "event_type", "resource_type", "summary", "resource"),
)
_INNER = (
    ("original_type", "algorithm", "ciphertext", "associated_data", "nonce"),
    ("algorithm", "ciphertext", "nonce", "original_type", "associated_data"),
    ("algorithm", "original_type", "ciphertext", "nonce", "associated_data"),
    ("algorithm", "ciphertext", "associated_data", "nonce", "original_type"),
    ("algorithm", "ciphertext", "associated_data", "original_type", "nonce"),
)


def undone_bodies(body: bytes) -> Iterator[Changed]:
    """The body as it came, then with one change undone, then the JSON in it written in other ways."""
    plain = [((), body), *_framed(body), *_recoded(body)]
    yield from plain
    seen = {one for _, one in plain}
    for changes, one in plain:
        for how, written in _written(one):
            if written not in seen:
                seen.add(written)
                yield (*(part for part in changes if part.code != "LINE_BREAKS"), how), written


def _framed(body: bytes) -> Iterator[Changed]:
    """Line breaks, marks and wrappings around the JSON."""
    for how, one in (
        (("without the white space at its ends", "去掉首尾空白"), body.strip()),
        (("with a line feed at its end", "末尾加上换行"), body + b"\n"),
        (("with its line breaks as LF", "换行改为 LF"), body.replace(b"\r\n", b"\n")),
        (("with its line breaks as CRLF", "换行改为 CRLF"), body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
        (("without the byte order mark", "去掉字节顺序标记"), body.removeprefix(_MARK)),
    ):
        if one != body:
            yield (change("LINE_BREAKS", how=how),), one
    if b"&quot;" in body or b"&#34;" in body:
        escaped = html.unescape(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        yield (change("HTML_ESCAPED", what="&quot;"),), escaped
    yield from _unwrapped(body)


def _unwrapped(body: bytes) -> Iterator[Changed]:
    if b"%7B" in body[:64].upper():
        once = unquote_to_bytes(body.replace(b"+", b" "))
        for inner in (once, once.removesuffix(b"="), once.partition(b"=")[2], unquote_to_bytes(body)):
            yield _wrapped(("it is percent-encoded, as a form", "按表单做了百分号编码")), inner
    if body.endswith(b"}="):
        yield _wrapped(("a form writer put = behind it", "被当作表单，末尾多了 =")), body[:-1]
    if body[:1] == b'"':
        inner = _loaded(body)
        if isinstance(inner, str):
            how = ("it stands as text inside another JSON", "作为字符串放入另一层 JSON")
            yield _wrapped(how), inner.encode("utf-8", "replace")
    if body[:2] in (b"b'", b'b"') and body.isascii():
        try:
            printed = literal_eval(body.decode("ascii"))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return
        if isinstance(printed, bytes):
            yield _wrapped(("it was printed by Python as b'…'", "被 Python 打印为 b'…'")), printed


def _wrapped(how: Fact) -> tuple[Change, ...]:
    return (change("BODY_WRAPPED", how=how),)


def _recoded(body: bytes) -> Iterator[Changed]:
    if body.isascii():
        return
    for source, target, shown in (
        ("gb18030", "utf-8", ("GBK", "UTF-8")), ("utf-8", "latin-1", ("UTF-8", "ISO-8859-1")),
        ("utf-8", "gb18030", ("UTF-8", "GBK")), ("latin-1", "utf-8", ("ISO-8859-1", "UTF-8")),
    ):  # fmt: skip
        try:
            one = body.decode(source).encode(target)
        except UnicodeError:
            continue
        if one != body:
            yield (change("CHARSET_CHANGED", source=shown[0], target=shown[1]),), one


# -- written anew --------------------------------------------------------------------------------------------------

Style = tuple[Fact, Callable[[Any, bool], str]]

_STYLES: tuple[Style, ...] = (
    (("without spaces", "不带空格"), lambda said, plain: json.dumps(said, ensure_ascii=plain, separators=(",", ":"))),
    (("with a space behind each comma and colon", "逗号和冒号后各一个空格"),
     lambda said, plain: json.dumps(said, ensure_ascii=plain)),
    (("with a space behind each comma", "逗号后一个空格"),
     lambda said, plain: json.dumps(said, ensure_ascii=plain, separators=(", ", ":"))),
    (("with a space behind each colon", "冒号后一个空格"),
     lambda said, plain: json.dumps(said, ensure_ascii=plain, separators=(",", ": "))),
    (("indented by 2", "缩进 2 格"), lambda said, plain: json.dumps(said, ensure_ascii=plain, indent=2)),
    (("indented by 4", "缩进 4 格"), lambda said, plain: json.dumps(said, ensure_ascii=plain, indent=4)),
    (("indented by tabs", "制表符缩进"), lambda said, plain: json.dumps(said, ensure_ascii=plain, indent="\t")),
)  # fmt: skip


def _written(body: bytes) -> Iterator[tuple[Change, bytes]]:
    """The JSON in ``body`` in every usual way of writing it."""
    said = _loaded(body)
    if not isinstance(said, dict) or len(said) > 50:
        return
    for order, ordered in _orders(said):
        for style, write in _STYLES:
            for plain in (False, True):
                text = write(ordered, plain)
                for also, one in _spelled(text, ascii_only=plain):
                    raw = one.encode("utf-8", "surrogatepass")
                    yield _how(style, order, also), raw
                    yield _how(style, order, (*also, ("a line feed at its end", "末尾换行"))), raw + b"\n"
    another = ("names in another order", "字段顺序不同")
    for (style, _), comma, colon in ((_STYLES[0], ",", ":"), (_STYLES[1], ", ", ": ")):
        how = _how(style, another, ())
        for raw in _all_orders(said, comma, colon):
            yield how, raw


def _spelled(text: str, *, ascii_only: bool) -> Iterator[tuple[tuple[Fact, ...], str]]:
    chinese: tuple[Fact, ...] = ()
    if ascii_only:
        chinese = (("other characters as \\u…", "非 ASCII 字符写为 \\u…"),)
    elif not text.isascii():
        chinese = (("other characters as they are", "非 ASCII 字符保持原样"),)
    yield chinese, text
    if "/" in text:
        yield (*chinese, ("/ written \\/", "/ 写为 \\/")), text.replace("/", "\\/")


def _how(style: Fact, order: Fact, also: tuple[Fact, ...]) -> Change:
    parts = [part for part in (style, order, *also) if part]
    english = ", ".join(str(part[0]) if isinstance(part, tuple) else str(part) for part in parts)
    chinese = "、".join(str(part[1]) if isinstance(part, tuple) else str(part) for part in parts)
    return change("RESERIALISED", how=(f"written {english}", chinese))


def _orders(said: dict[str, Any]) -> Iterator[tuple[Fact, dict[str, Any]]]:
    """The names as they stand, in the orders WeChat Pay writes them, and sorted."""
    yield "", said
    resource = said.get("resource")
    inner_orders = [tuple(resource)] if isinstance(resource, dict) else []
    inner_orders += _INNER
    for outer in (tuple(said), *_OUTER):
        for inner in inner_orders:
            yield ("names in WeChat Pay's order", "字段按微信支付的顺序"), _ordered(said, outer, inner)
    yield ("names sorted", "字段按字母排序"), json.loads(json.dumps(said, sort_keys=True))


def _all_orders(said: dict[str, Any], comma: str, colon: str) -> Iterator[bytes]:
    """Every order of the outer names with the usual inner ones, and every inner order with the usual outer ones."""
    resource = said.get("resource")
    if not isinstance(resource, dict) or len(said) > 6 or len(resource) > 5:
        return
    inner, outer = _members(resource, comma, colon), _members(said, comma, colon)
    name = json.dumps("resource") + colon

    def joined(order: Iterable[str], within: Iterable[str]) -> bytes:
        sealed = name + "{" + comma.join(inner[one] for one in within if one in inner) + "}"
        whole = comma.join(sealed if one == "resource" else outer[one] for one in order if one in outer)
        return ("{" + whole + "}").encode("utf-8", "surrogatepass")

    for order in permutations(said):
        for within in (tuple(resource), *_INNER):
            yield joined(order, within)
    for within in permutations(resource):
        for order in (tuple(said), *_OUTER):
            yield joined(order, within)


def _members(said: dict[str, Any], comma: str, colon: str) -> dict[str, str]:
    """Each name with its value, as they stand in the JSON."""
    write = json.JSONEncoder(ensure_ascii=False, separators=(comma, colon)).encode
    return {name: write(name) + colon + write(value) for name, value in said.items()}


def _ordered(said: dict[str, Any], outer: tuple[str, ...], inner: tuple[str, ...]) -> dict[str, Any]:
    found = {name: said[name] for name in outer if name in said} | said
    resource = said.get("resource")
    if isinstance(resource, dict):
        found["resource"] = {name: resource[name] for name in inner if name in resource} | resource
    return found


def _loaded(body: bytes) -> Any:
    try:
        return json.loads(body.removeprefix(_MARK).strip())
    except (ValueError, RecursionError):
        return None
