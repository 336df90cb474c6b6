"""The link to a payment's page: signed, so that nobody finds another's payment by counting, and nobody changes where it
leads back to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import InvalidRequest, NotFound
from ..identifiers import checked_text
from ..language import LANGUAGES

_PURPOSE = b"payflow checkout 1\0"
_LONGEST = 2048
_TOKEN = re.compile(r"[0-9A-Za-z_\-]{1,2000}\.[0-9A-Za-z_\-]{43}", re.ASCII)
#: What a browser drops or turns round before it follows an address: none of it belongs into one.
_ODD = re.compile(r"[\\\s\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a link says: a payment, where its page leads back to ("": nowhere), and its language ("": the browser's)."""

    payment_id: str
    back: str = ""
    lang: str = ""


def issue(secret: bytes, claims: Claims) -> str:
    """The token of a link, safe in a path. The same claims always make the same token."""
    text = json.dumps([claims.payment_id, claims.back, claims.lang], ensure_ascii=True, separators=(",", ":"))
    return f"{_written(text.encode())}.{_written(_mac(secret, text))}"


def read(secret: bytes, token: str) -> Claims:
    """What a token of ours says; ``CHECKOUT_NOT_FOUND`` for anything that we have not made letter by letter."""
    claims = _claims(token)
    if claims is None or not hmac.compare_digest(issue(secret, claims).encode(), token.encode()):
        raise NotFound("There is no such checkout", code="CHECKOUT_NOT_FOUND")
    return claims


def checked_back(back: str, origins: Collection[str]) -> str:
    """Where a page may lead back to: a path of the same site, or an address of one of ``origins``.

    ``CHECKOUT_BACK_REFUSED`` for everything else: a link that sends people to other people's pages is a gift to them.
    """
    checked_text("back", back, 1000)
    if not back:
        return ""
    try:
        parts = urlsplit(back)
        origin = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        parts, origin = None, ""
    here = parts is not None and not parts.scheme and not parts.netloc and back.startswith("/") and back[:2] != "//"
    if _ODD.search(back) or not (here or origin in origins):
        raise InvalidRequest(
            "back is a path of this site, or an address of an origin that was allowed", code="CHECKOUT_BACK_REFUSED"
        )
    return back


def checked_origins(origins: Collection[str]) -> frozenset[str]:
    """Exact origins (``https://shop.example.com``); ``INVALID_REFERENCE`` for anything that could stand for more."""
    for origin in origins:
        parts = urlsplit(origin)
        exact = parts.scheme in ("http", "https") and parts.netloc and origin == f"{parts.scheme}://{parts.netloc}"
        if not exact or "*" in origin or "@" in origin or origin != origin.lower():
            raise InvalidRequest(
                f"An origin is a scheme, a host and a port if it is not the usual one: not {origin!r}",
                code="INVALID_REFERENCE",
            )
    return frozenset(origins)


def checked_lang(lang: str | None) -> str:
    """A language of ours, or "" for the browser's; ``INVALID_REFERENCE``."""
    if lang is None or lang == "":
        return ""
    if lang not in LANGUAGES:
        raise InvalidRequest(f"lang is one of {', '.join(LANGUAGES)}", code="INVALID_REFERENCE")
    return lang


def _mac(secret: bytes, text: str) -> bytes:
    return hmac.new(secret, _PURPOSE + text.encode(), hashlib.sha256).digest()


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _claims(token: str) -> Claims | None:
    if len(token) > _LONGEST or _TOKEN.fullmatch(token) is None:
        return None
    text = token.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not (isinstance(found, list) and len(found) == 3 and all(isinstance(part, str) for part in found)):
        return None
    return Claims(*found)
