"""The mock gateway's signature: HMAC-SHA256 over ``timestamp \\n nonce \\n body \\n``, as WeChat Pay composes its text.

===================  ====================================================
``Mock-Timestamp``   seconds since 1970 UTC, decimal
``Mock-Nonce``       1–64 letters and digits
``Mock-Signature``   64 lower-case hex digits
===================  ====================================================

The body is one JSON object: UTF-8, every name once, whole numbers only.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from ...clock import SECOND
from ...errors import CallbackRefused, ConfigError
from ...gateway import Callback
from ...strictjson import parse_object
from ..receiving import MAX_BODY, too_large, unauthentic

#: How far a callback's timestamp may be from now, in seconds; exactly this far is still taken.
TOLERANCE = 300
#: The shortest secret that is taken, in bytes.
LEAST_SECRET = 32

_TIMESTAMP = re.compile(r"[1-9][0-9]{0,10}", re.ASCII)
_NONCE = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Mac:
    """The shared secret, ready to sign and to verify. Shared between threads; shows nothing of itself."""

    __slots__ = ("_mac",)

    def __init__(self, secret: bytes, path: str = "$") -> None:
        if not secret:
            raise ConfigError("The mock gateway's secret is empty", path=path, code="CONFIG_MISSING_SECRET")
        if len(secret) < LEAST_SECRET:
            said = f"The mock gateway's secret has {len(secret)} bytes and needs at least {LEAST_SECRET}"
            raise ConfigError(said, path=path, code="CONFIG_WEAK_SECRET")
        self._mac = hmac.new(secret, digestmod="sha256")

    def sign(self, timestamp: str, nonce: str, body: bytes) -> str:
        """The signature of these, in hex."""
        mac = self._mac.copy()
        mac.update(b"%s\n%s\n%s\n" % (timestamp.encode("ascii"), nonce.encode("ascii"), body))
        return mac.hexdigest()

    def headers(self, body: bytes, at: int, nonce: str) -> tuple[tuple[str, str], ...]:
        """The headers of a callback with this body that is sent at the instant ``at``."""
        timestamp = str(at // SECOND)
        return (
            ("Content-Type", "application/json"),
            ("Mock-Timestamp", timestamp),
            ("Mock-Nonce", nonce),
            ("Mock-Signature", self.sign(timestamp, nonce, body)),
        )

    def read(self, callback: Callback, now: int) -> tuple[Mapping[str, Any], str]:
        """The statement in a genuine, fresh callback, and its proof. Raises ``CallbackRefused`` for any other.

        Codes: ``CALLBACK_TOO_LARGE``, ``CALLBACK_DUPLICATE_FIELD``, ``SIGNATURE_MISSING``, ``SIGNATURE_INVALID``,
        ``TIMESTAMP_SKEW``, ``CALLBACK_CHARSET``, ``CALLBACK_MALFORMED``.
        """
        if len(callback.body) > MAX_BODY:
            raise too_large()
        timestamp, nonce, signature = (_header(callback, name) for name in ("Timestamp", "Nonce", "Signature"))
        if not _TIMESTAMP.fullmatch(timestamp) or not _NONCE.fullmatch(nonce) or not _SIGNATURE.fullmatch(signature):
            raise unauthentic("The signature's headers are not in their form", "SIGNATURE_INVALID")
        if not hmac.compare_digest(self.sign(timestamp, nonce, callback.body), signature):
            raise unauthentic("The signature is not the mock gateway's, or not of these bytes", "SIGNATURE_INVALID")
        if abs(now // SECOND - int(timestamp)) > TOLERANCE:
            raise unauthentic("The callback was not signed just now", "TIMESTAMP_SKEW")
        said = parse_object(callback.body)
        headers = {"Mock-Timestamp": timestamp, "Mock-Nonce": nonce, "Mock-Signature": signature}
        return said, json.dumps({"headers": headers, "body": callback.body.decode("utf-8")}, ensure_ascii=False)

    def __repr__(self) -> str:
        return "Mac(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled")


def _header(callback: Callback, name: str) -> str:
    found = callback.header(f"Mock-{name}")
    if not found:
        raise CallbackRefused(f"The callback has no Mock-{name}", code="SIGNATURE_MISSING", status=401)
    return found
