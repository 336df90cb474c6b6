"""Notifications of WeChat Pay, verified and opened.

- Opening the sealed resource: https://pay.weixin.qq.com/doc/v3/merchant/4012071382
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import CallbackRefused, ConfigError
from ...gateway import Callback, Event, Reply
from ...signing import Seals, Unsealable
from ...strictjson import parse_object
from ..receiving import MAX_BODY, malformed, too_large
from .facts import Envelope, Facts
from .keys import HEADERS, PlatformKeys, proof_of, serial_of

ALGORITHM = "AEAD_AES_256_GCM"
API_V3_KEY_BYTES = 32

_ACCEPTED = Reply(204)
_JSON = (("Content-Type", "application/json"),)


class Reading:
    """The receiving half of an account."""

    kind = "wechat"

    def __init__(
        self, account: str, *, appid: str, mchid: str, api_v3_key: bytes, keys: PlatformKeys, tolerance: int, path: str
    ) -> None:
        if len(api_v3_key) != API_V3_KEY_BYTES:
            raise ConfigError(
                f"The APIv3 key has {len(api_v3_key)} bytes and needs exactly {API_V3_KEY_BYTES}",
                path=f"{path}.api_v3_key", code="CONFIG_WEAK_SECRET",
            )  # fmt: skip
        self.account = account
        self.app = appid
        self.merchant = mchid
        self._seal = keys.suite.seal(api_v3_key)
        self._keys = keys
        self._tolerance = tolerance
        self._facts = Facts(self.kind, account, mchid, appid)

    # -- replies ----------------------------------------------------------------------------------------------------

    def accepted(self) -> Reply:
        """204 without a body: received, do not send again."""
        return _ACCEPTED

    def refused(self, status: int, code: str, message: str) -> Reply:
        """``{"code": "FAIL", "message": …}``: any 4xx or 5xx makes WeChat Pay send again."""
        return Reply(status, json.dumps({"code": "FAIL", "message": f"{code}: {message}"[:256]}).encode("ascii"), _JSON)

    # -- reading ----------------------------------------------------------------------------------------------------

    def read(self, callback: Callback, now: int) -> Sequence[Event]:
        """The fact a notification states; of a combined order, one for each of its orders.

        Raises ``CallbackRefused``: ``SIGNATURE_MISSING``, ``SIGNATURE_INVALID``, ``ALGORITHM_REJECTED``,
        ``UNKNOWN_KEY``, ``KEY_EXPIRED``, ``TIMESTAMP_SKEW`` (401); ``CALLBACK_MALFORMED``, ``CALLBACK_CHARSET``,
        ``CALLBACK_DUPLICATE_FIELD``, ``CALLBACK_TOO_LARGE``, ``DECRYPTION_FAILED``; ``CALLBACK_UNKNOWN_KIND`` for a
        genuine message that names no order at all.
        """
        headers, envelope, inner = self.verified(callback, now)
        return self._facts.of_notification(envelope, inner, proof_of(headers, callback.body))

    def verified(self, callback: Callback, now: int) -> tuple[Mapping[str, str], Envelope, dict[str, Any]]:
        """The headers that prove it, the envelope and the opened resource of a genuine notification, not translated.

        Raises what :meth:`read` raises about a message that is not genuine, or not of the documented form.
        """
        if len(callback.body) > MAX_BODY:
            raise too_large()
        headers = _signature_headers(callback)
        try:
            self._keys.verify(headers, callback.body, now, self._tolerance)
        except CallbackRefused as refused:
            if refused.code == "UNKNOWN_KEY":
                self._unknown_key(serial_of(headers))
            raise
        return (headers, *self._opened(callback.body))

    def _unknown_key(self, serial: str) -> None:
        """A notification named a key we do not hold. An account that also sends goes and looks for it."""

    def _opened(self, body: bytes) -> tuple[Envelope, dict[str, Any]]:
        """The envelope, and the resource that was sealed in it."""
        outer = parse_object(body)
        resource = outer.get("resource")
        if not isinstance(resource, dict) or outer.get("resource_type") != "encrypt-resource":
            raise malformed("The notification has no sealed resource")
        opened = unsealed(self._seal, resource, self._keys.suite.sealed_with)
        return Envelope(outer.get("id"), outer.get("event_type"), resource.get("original_type")), parse_object(opened)


def unsealed(seal: Seals, sealed: Mapping[str, Any], algorithm: str = ALGORITHM) -> bytes:
    """The text in a sealed resource, or in a sealed certificate.

    Raises ``CallbackRefused``: ``ALGORITHM_REJECTED``, ``CALLBACK_MALFORMED``, ``DECRYPTION_FAILED``.
    """
    if sealed.get("algorithm") != algorithm:
        raise CallbackRefused(f"Only resources sealed with {algorithm} are opened", code="ALGORITHM_REJECTED")
    nonce, associated, text = sealed.get("nonce"), sealed.get("associated_data") or "", sealed.get("ciphertext")
    if not isinstance(nonce, str) or not isinstance(associated, str) or not isinstance(text, str):
        raise malformed("The sealed resource is incomplete")
    try:
        return seal.open(nonce.encode(), a2b_base64(text, strict_mode=True), associated.encode())
    except Unsealable:
        raise CallbackRefused("The resource does not open with our APIv3 key", code="DECRYPTION_FAILED") from None
    except ValueError:
        raise malformed("The sealed resource is not base64") from None


def _signature_headers(callback: Callback) -> dict[str, str]:
    """The five headers that matter, by their small-letter names, each at most once."""
    found: dict[str, str] = {}
    for name, value in callback.headers:
        small = name.lower()
        if small in HEADERS:
            # Servers join a header that came twice with a comma; none of these five ever has one of its own.
            if small in found or "," in value:
                raise CallbackRefused(f"Header {small} came more than once", code="CALLBACK_DUPLICATE_FIELD")
            found[small] = value
    return found
