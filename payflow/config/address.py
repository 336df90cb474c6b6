"""Addresses in the config: the database's and our own."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

_DATABASE = re.compile(r"(sqlite|postgres|postgresql|mysql|mariadb)(\+[a-z0-9_]{1,32})?:(//.*)?", re.ASCII)
_CREDENTIALS = re.compile(r"://([^/@?#]*)@")
_SECRET_PARAMETER = re.compile(r"([?&](?:password|passwd|sslpassword|sslkey)=)[^&#]*", re.IGNORECASE)
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


def database_wrong(url: str) -> str:
    """Why this is not a database URL payflow can use; empty when it is. Never quotes the URL."""
    if not url.isprintable() or " " in url:
        return "holds a space or a control character"
    match = _DATABASE.fullmatch(url)
    if match is None:
        return "has to begin with sqlite:, postgresql:, mysql: or mariadb:"
    if match[1] == "sqlite" and not (url.partition(":")[2].startswith("///") or match[2] or url.endswith("://")):
        return "needs three slashes before its file: sqlite:///payflow.db"
    return ""


def has_password(url: str) -> bool:
    """Whether a database URL carries a password."""
    return masked(url) != url


def masked(url: str) -> str:
    """A database URL as it may be printed: passwords, also those in its query, are ``***``."""

    def without(match: re.Match[str]) -> str:
        user, colon, _ = match[1].partition(":")
        return f"://{user}{':***' if colon else ''}@"

    if url.startswith("sqlite"):
        return _SECRET_PARAMETER.sub(r"\1***", url)
    # A password may hold an unescaped @ or /; up to the last @, everything behind the colon is masked.
    head, at, tail = url.rpartition("@")
    if at and "://" in head and ":" in head.partition("://")[2]:
        scheme, _, rest = head.partition("://")
        url = f"{scheme}://{rest.partition(':')[0]}:***@{tail}"
    else:
        url = _CREDENTIALS.sub(without, url)
    return _SECRET_PARAMETER.sub(r"\1***", url)


def beside(url: str, folder: Path) -> str:
    """A SQLite URL with a relative path, made absolute from ``folder``; every other URL as it is."""
    scheme, colon, rest = url.partition(":///")
    if not colon or not scheme.startswith("sqlite") or rest in ("", ":memory:") or rest.startswith(("/", "file:", "?")):
        return url
    name, question, query = rest.partition("?")
    return f"{scheme}:///{(folder / name).absolute()}{question}{query}"


def callback_wrong(url: str) -> str:
    """Why gateways could not call this address; empty when they could, whatever its scheme."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return "holds characters that do not belong in an address; write international names in punycode"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "has to begin with https:// and a host"
    if parts.username is not None or parts.password is not None:
        return "holds a user or a password"
    if "?" in url or "#" in url:
        return "has a query or a fragment; callback paths are appended to it"
    return ""


def plain_http(url: str) -> bool:
    """Whether the address is not encrypted."""
    return urlsplit(url).scheme == "http"


def loopback(url: str) -> bool:
    """Whether the address never leaves this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def host_of(url: str) -> str:
    """The host of an address; empty for none."""
    return urlsplit(url).hostname or ""
