"""Reading JSON that strangers wrote: one object, UTF-8, every name once, nothing that is not JSON.

``json.loads`` takes UTF-16, keeps the last of two equal names, knows ``NaN`` and makes floats; none of that may decide
about money.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from .errors import CallbackRefused

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SHORT = 4096  # bytes; what is shorter cannot nest deep enough to hurt
_MAX_NESTED = 1000  # openers, not depth: cheap to count, and it bounds the depth


class Inexact:
    """A number that is written with a fraction or an exponent. It is not a whole number, whatever its value."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Inexact({self.text})"


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in ``raw``. Numbers are ``int`` or :class:`Inexact`, never ``float``.

    Raises ``CallbackRefused``: ``CALLBACK_CHARSET`` if it is not UTF-8 (or begins with a byte order mark),
    ``CALLBACK_DUPLICATE_FIELD`` for a name that comes twice in one object, ``CALLBACK_MALFORMED`` for everything else.
    """
    if len(raw) > _SHORT and raw.count(b"[") + raw.count(b"{") > _MAX_NESTED:
        raise _malformed("The JSON is nested too deeply")
    if raw.startswith(_BYTE_ORDER_MARK):
        raise CallbackRefused("The JSON begins with a byte order mark", code="CALLBACK_CHARSET")
    try:
        text = raw.strip(b" \t\r\n").decode("utf-8")
        found, end = _SCAN(text, 0)
        if end != len(text):
            raise _malformed("Something follows the JSON")
        if b"\\" in raw and _surrogates(found):  # one byte is found much faster than two
            raise CallbackRefused("The JSON has half a character", code="CALLBACK_CHARSET")
    except UnicodeDecodeError:
        raise CallbackRefused("The JSON is not UTF-8", code="CALLBACK_CHARSET") from None
    except (ValueError, RecursionError, StopIteration):  # StopIteration: the scanner found nothing to begin with
        raise _malformed("The body is not JSON") from None
    if not isinstance(found, dict):
        raise _malformed("The JSON is not an object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CallbackRefused("A JSON name came more than once", code="CALLBACK_DUPLICATE_FIELD")
    return found


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _surrogates(found: Any) -> bool:
    """Whether a text in it cannot be written as UTF-8 (``"\\ud800"`` alone)."""
    try:
        json.dumps(found, ensure_ascii=False, default=repr).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _malformed(why: str) -> CallbackRefused:
    return CallbackRefused(why, code="CALLBACK_MALFORMED")


# Integers of more than 4300 digits are Python's own ValueError. The scanner is the decoder without its searches for
# white space; typeshed does not know it.
_SCAN: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder(  # type: ignore[attr-defined]  # see above
    object_pairs_hook=_once, parse_float=Inexact, parse_constant=_constant, strict=True
).scan_once
