"""Platform certificates, fetched and renewed while the process runs.

- https://pay.weixin.qq.com/doc/v3/merchant/4012551764

One thread fetches, the others go on with the keys there are. The set is never emptied. A message that names a key we do
not hold may cause a fetch at most once a minute, whoever sends such messages. Merchants that only have the public key
are told so by WeChat Pay; then nothing is fetched for half a day.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ...clock import SECOND, Clock
from ...errors import CallbackRefused, ConfigError
from ...signing import Seals
from ...strictjson import parse_object
from ...transport import NeverSent, NoAnswer, Response
from .client import BAD_SIGNATURE, Client, error_of
from .keys import SIGNATURE_TYPE, PlatformKey, PlatformKeys, is_serial, key_name, platform_key
from .reading import unsealed
from .words import canonical

logger = logging.getLogger("payflow.gateways")

TARGET = "/v3/certificates"
EVERY_SECONDS = 12 * 3600
LEAST_SECONDS = 60
_MAX_CERTIFICATES = 32
_TYPE = "wechatpay-signature-type"
_HEADERS = {"Accept": "application/json", "User-Agent": "payflow"}


class Certificates:
    """Keeps the platform certificates of one account fresh. Shared between threads."""

    def __init__(self, keys: PlatformKeys, client: Client, seal: Seals, clock: Clock, tolerance: int) -> None:
        self._keys, self._client, self._seal, self._clock, self._tolerance = keys, client, seal, clock, tolerance
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._asked_at: int | None = None
        self._fetched_at: int | None = None
        self._none_since: int | None = None

    def before_sending(self) -> None:
        """Fetch what is missing now, and what is old in the background."""
        if self._keys and self._fetched_at is None:
            self._fetched_at = self._clock()  # the configured ones are as fresh as the process
        elif not self._keys:
            self.fetch()
        elif self._fetched_at is not None and self._clock() - self._fetched_at >= EVERY_SECONDS * SECOND:
            self.fetch_in_background()

    def look_for(self, serial: str) -> bool:
        """Fetch because an answer names a key we do not hold. Whether that key is here now."""
        if is_serial(serial) and (self._may_ask(serial) or self._fetching().locked()):
            self.fetch()  # or wait for whoever is at it
        return self._keys.find(serial) is not None

    def look_for_in_background(self, serial: str) -> None:
        """The same for a notification: it is refused now, and sent again when the key is here."""
        if self._may_ask(serial):
            self.fetch_in_background()

    def fetch_in_background(self) -> None:
        """Fetch without keeping anybody waiting."""
        if not self._too_soon() and not self._fetching().locked():
            threading.Thread(target=self.fetch, name="payflow-wechat-certificates", daemon=True).start()

    def fetch(self) -> bool:
        """Fetch now, unless that was done a moment ago; wait if somebody is at it. Whether there is a fresh set."""
        before = self._fetched_at
        with self._fetching():
            if self._fetched_at != before:
                return True  # by whoever we waited for
            if self._too_soon():
                return False
            self._asked_at = self._clock()
            fetched = self._fetched()
            if not fetched:
                return False
            self._keys.replace_fetched(fetched)
            self._fetched_at = self._clock()
            return True

    def _fetching(self) -> threading.Lock:
        """The lock of whoever fetches. One that was held at a fork would never be given back in the child."""
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.Lock()
        return self._lock

    def _may_ask(self, serial: str) -> bool:
        return is_serial(serial) and self._keys.find(serial) is None and not self._too_soon()

    def _too_soon(self) -> bool:
        return self._within(LEAST_SECONDS, self._asked_at) or self._within(EVERY_SECONDS, self._none_since)

    def _within(self, seconds: int, since: int | None) -> bool:
        return since is not None and 0 <= self._clock() - since < seconds * SECOND

    def _fetched(self) -> dict[str, PlatformKey]:
        """The valid certificates they offer; none if they offer none, or nothing genuine."""
        why = ""
        for _ in range(2):  # once more if the signature is wrong: see Client.get
            try:
                response = self._client.sent("GET", TARGET, b"", "certificates", safe=True, headers=_HEADERS)
                if response.status != 200:
                    self._refused(response)
                    return {}
                return self._believed(response)
            except (NeverSent, NoAnswer) as error:
                logger.warning("The platform certificates were not fetched: %s", error.code)
                return {}
            except (CallbackRefused, ConfigError) as error:
                why = error.code
        logger.warning("The platform certificates that came are not genuine: %s (%s)", why, BAD_SIGNATURE)
        return {}

    def _refused(self, response: Response) -> None:
        code, message = error_of(response.body)
        if canonical(code) == "RESOURCE_NOT_EXISTS":
            self._none_since = self._clock()  # not signed, so not for good: a merchant whose keys change would need it
            logger.warning("This merchant has no platform certificates, only the public key; not asking for a while")
        else:
            logger.warning("The platform certificates were not given: %s %s %s", response.status, code, message)

    def _believed(self, response: Response) -> dict[str, PlatformKey]:
        """The certificates in an answer that one of them, or a key we hold, has signed.

        The first answer of all is signed with a key that stands in it. What makes it genuine is that the certificates
        open with the APIv3 key, which only WeChat Pay and the merchant have.
        """
        now = self._clock()
        offered = certificates_in(parse_object(response.body), self._seal)
        headers = {_TYPE: SIGNATURE_TYPE, **response.headers}
        self._keys.with_fetched(offered).verify(headers, response.body, now, self._tolerance)
        return {name: key for name, key in offered.items() if key.is_valid(now)}


def certificates_in(said: Mapping[str, Any], seal: Seals) -> dict[str, PlatformKey]:
    """The certificates in the answer of ``/v3/certificates``, opened; each is the one its serial says.

    Raises ``CallbackRefused`` for what is not of the documented form or does not open, ``ConfigError`` for a
    certificate that cannot be read or is another one.
    """
    listed = said.get("data")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or len(listed) > _MAX_CERTIFICATES:
        raise CallbackRefused("There is no list of certificates in it")
    found = {}
    for entry in listed:
        sealed = entry.get("encrypt_certificate") if isinstance(entry, dict) else None
        serial = entry.get("serial_no") if isinstance(entry, dict) else None
        if not isinstance(sealed, dict) or not isinstance(serial, str):
            raise CallbackRefused("An entry is not a certificate")
        found[key_name(serial)] = platform_key(serial, _certificate(unsealed(seal, sealed)), f"$.data.{serial[:64]}")
    return found


def _certificate(pem: bytes) -> bytes:
    """A bare key under a serial would have no end to its validity."""
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        raise CallbackRefused("What was sealed is not a certificate")
    return pem
