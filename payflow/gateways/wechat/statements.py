"""Bills, downloaded: the text of one day, whole and proven by its hash.

- Trade bills: https://pay.weixin.qq.com/doc/v3/merchant/4012791907
- Fund flow bills: https://pay.weixin.qq.com/doc/v3/merchant/4012791908
- Downloading: https://pay.weixin.qq.com/doc/v3/merchant/4012791909

The answer that names address and hash is signed; the file is not, so it is believed by the hash. Every byte is counted
while it is unpacked. What stands in the bill is read elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from ...errors import GatewayError, InvalidRequest
from ...transport import NoAnswer
from .client import Client, Heard, Said

#: Bills of large merchants have some hundred thousand lines of a few hundred bytes.
MAX_BYTES = 256 * 1024 * 1024
#: kind → path, and the parameter that chooses among its bills with the choices.
_KINDS = {
    "trade": ("/v3/bill/tradebill", "bill_type", frozenset({"ALL", "SUCCESS", "REFUND"})),
    "fundflow": ("/v3/bill/fundflowbill", "account_type", frozenset({"BASIC", "OPERATION", "FEES"})),
}
_GZIP = b"\x1f\x8b"
_SHA1_HEX = re.compile(r"[0-9A-Fa-f]{40}", re.ASCII)
_TARGET = re.compile(r"/v3/[!-~]{1,2000}", re.ASCII)
_HEADERS = {"Accept": "*/*", "User-Agent": "payflow"}


class Download(NamedTuple):
    """A file as it came, and the SHA-1 that was announced for it, or for the text in it."""

    raw: bytes
    sha1: str


def bill(
    client: Client, origins: Sequence[str], day: str, kind: str, which: str | None, max_bytes: int
) -> bytes:  # fmt: skip
    """The text of a bill; empty if nothing happened that day. See ``WeChat.bill``."""
    found = download(client, origins, day, kind, which, max_bytes)
    return b"" if found is None else checked(found.raw, found.sha1, max_bytes)


def download(
    client: Client, origins: Sequence[str], day: str, kind: str, which: str | None, max_bytes: int
) -> Download | None:  # fmt: skip
    """A bill's file; ``None`` if nothing happened that day. Nothing is unpacked, and the hash is not compared yet."""
    path, parameter, _ = _asked(day, kind, which)
    query = {"bill_date": day, "tar_type": "GZIP"} | ({parameter: which} if which else {})
    said = client.get(f"{path}?{urlencode(query)}", "bill")
    if not said.stated:
        if said.heard is Heard.REFUSED and said.code == "NO_STATEMENT_EXIST":
            return None
        raise _not_given(said)
    wanted, target = _announced(said, origins)
    try:
        response = client.sent("GET", target, b"", "bill_download", safe=True, headers=_HEADERS, max_bytes=max_bytes)
    except NoAnswer as error:
        if error.code == "GATEWAY_RESPONSE_TOO_LARGE":
            raise GatewayError(f"The bill has more than {max_bytes} bytes", code="BILL_TOO_LARGE") from None
        raise
    if response.status != 200:
        raise GatewayError("The bill could not be downloaded", code="BILL_REFUSED", retryable=True)
    return Download(response.body, wanted)


def _asked(day: str, kind: str, which: str | None) -> tuple[str, str, frozenset[str]]:
    found = _KINDS.get(kind)
    if found is None:
        raise InvalidRequest("A bill is of kind trade or fundflow", code="INVALID_BILL", path="$.kind")
    if which is not None and which not in found[2]:
        raise InvalidRequest(f"{found[1]} is {', '.join(sorted(found[2]))}", code="INVALID_BILL", path="$.which")
    try:
        if date.fromisoformat(day).isoformat() == day:
            return found
    except ValueError:
        pass
    raise InvalidRequest("The day of a bill is YYYY-MM-DD", code="INVALID_BILL", path="$.day")


def _not_given(said: Said) -> GatewayError:
    if said.code == "STATEMENT_CREATING":
        return GatewayError("The bill is not made yet; from 10:00 on it is", code="BILL_NOT_READY", retryable=True)
    if said.heard is Heard.REFUSED:
        return GatewayError(f"The bill is refused: {said.code} {said.message}", code="BILL_REFUSED", word=said.code)
    retryable = said.heard is not Heard.NOTHING or said.status >= 500 or not said.status
    return GatewayError(f"The bill was not given: {said.code} {said.message}", code="BILL_REFUSED", retryable=retryable)


def _announced(said: Said, origins: Sequence[str]) -> tuple[str, str]:
    """Hash and request target of a bill. The address has to be at the host we asked."""
    hash_value, url = said.body.get("hash_value"), said.body.get("download_url")
    if said.body.get("hash_type") != "SHA1" or not isinstance(hash_value, str) or not _SHA1_HEX.fullmatch(hash_value):
        raise GatewayError("The bill comes without a SHA-1 to prove it", code="BILL_HASH_MISMATCH")
    for origin in origins:
        start = origin.rstrip("/")
        target = url.removeprefix(start) if isinstance(url, str) and url.startswith(start + "/v3/") else ""
        if _TARGET.fullmatch(target) and not urlsplit(target).fragment:
            return hash_value.lower(), target
    raise GatewayError("The bill is to be fetched from somewhere else than WeChat Pay", code="BILL_URL_REJECTED")


def checked(raw: bytes, sha1: str, max_bytes: int) -> bytes:
    """The text in a downloaded file, if ``sha1`` (hex) is its hash, or else the hash of the file as it came.

    Raises ``GatewayError``: ``BILL_TOO_LARGE``, ``BILL_HASH_MISMATCH``.
    """
    text = unpacked(raw, max_bytes) if raw.startswith(_GZIP) else raw
    # With gzip the hash is over the text (their SDK and sample); their document does not say, so the file may be meant.
    for candidate in (text, raw):
        if hmac.compare_digest(hashlib.sha1(candidate, usedforsecurity=False).hexdigest(), sha1.lower()):
            return text
    raise GatewayError("The bill is not the one that was announced", code="BILL_HASH_MISMATCH", retryable=True)


def unpacked(raw: bytes, max_bytes: int) -> bytes:
    """A gzip file's content, of at most ``max_bytes``: more is refused before it is unpacked."""
    work = zlib.decompressobj(wbits=31)
    try:
        text = work.decompress(raw, max_bytes + 1)
    except zlib.error:
        raise GatewayError("The bill is no gzip file", code="BILL_HASH_MISMATCH", retryable=True) from None
    if len(text) > max_bytes:
        raise GatewayError(f"The bill has more than {max_bytes} bytes", code="BILL_TOO_LARGE")
    if not work.eof or work.unused_data:
        raise GatewayError("The bill is cut off, or something follows it", code="BILL_HASH_MISMATCH", retryable=True)
    return text
