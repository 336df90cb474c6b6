"""Identifiers: made here, checked here, never spliced into anything.

Made ids sort by time and cannot be guessed: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32.
They fit what every gateway takes as an order number (6–32 letters and digits).
"""

from __future__ import annotations

import re
import secrets

from .errors import InvalidRequest

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE = re.compile(r"[0-9A-Za-z_\-|*@]{6,32}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)


def new_id(now: int) -> str:
    """A 26-character id for the instant ``now`` (microseconds since 1970 UTC)."""
    number = (now // 1000 & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return "".join(_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10))


def checked_reference(text: str, what: str = "out_trade_no") -> str:
    """``text`` if it may stand as an order or refund number: 6–32 of ``0-9A-Za-z_-|*@``; else ``INVALID_REFERENCE``."""
    if not isinstance(text, str) or _REFERENCE.fullmatch(text) is None:
        raise InvalidRequest(
            f"{what} must be 6 to 32 of the characters 0-9 A-Z a-z _ - | * @", code="INVALID_REFERENCE"
        )
    return text


def checked_text(what: str, text: str, longest: int) -> str:
    """Text that every database stores and every log shows as it is: no control characters, no lone surrogates.

    ``INVALID_REFERENCE`` for anything else, and for more than ``longest`` characters.
    """
    if not isinstance(text, str) or len(text) > longest:
        raise InvalidRequest(f"{what} is text of at most {longest} characters", code="INVALID_REFERENCE")
    if _NO_TEXT.search(text) is not None:
        raise InvalidRequest(f"{what} has a character that is not text", code="INVALID_REFERENCE")
    return text


def checked_key(key: str | None) -> str:
    """An idempotency key: 1–255 printable ASCII characters without spaces."""
    if key is None or key == "":
        raise InvalidRequest("This call moves money and needs an idempotency key", code="IDEMPOTENCY_KEY_MISSING")
    if not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise InvalidRequest(
            "An idempotency key is 1 to 255 printable ASCII characters without spaces", code="IDEMPOTENCY_KEY_INVALID"
        )
    return key
