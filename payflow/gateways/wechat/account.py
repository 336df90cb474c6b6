"""One account at WeChat Pay, opened: its keys parsed, its way out prepared. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from ...errors import ConfigError, InvalidRequest, Refused
from ...gateway import Answer, Outcome
from ...records import Payment, Refund
from ...transport import Surroundings, Transport
from .certificates import Certificates
from .client import Client
from .identity import Identity, checked_notify_url, options_of
from .keys import INTERNATIONAL, TOLERANCE_SECONDS, PlatformKeys, Suite
from .reading import Reading
from .words import CAPABILITIES, OPERATIONS

#: The main host and the one that stands in for it.
ORIGINS = ("https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com")


class Account(Reading):
    """What all verbs need: who we are, whom we believe, and the way there."""

    def __init__(
        self,
        account: str,
        *,
        appid: str,
        mchid: str,
        api_v3_key: bytes,
        platform_keys: Mapping[str, bytes],
        tolerance_seconds: int = TOLERANCE_SECONDS,
        merchant_key: bytes | None = None,
        merchant_serial: str | None = None,
        merchant_certificate: bytes | None = None,
        origins: Sequence[str] = ORIGINS,
        download_certificates: bool = False,
        surroundings: Surroundings | None = None,
        suite: Suite = INTERNATIONAL,
        path: str = "$",
    ) -> None:
        """Parse the keys, once. Nothing is sent.

        Raises ``ConfigError`` with the ``path``: ``CONFIG_BAD_KEY``, ``CONFIG_WEAK_SECRET``, ``CONFIG_KEY_MISMATCH``,
        ``CONFIG_MISSING_FIELD``, ``CONFIG_CALLBACK_URL``, ``CONFIG_INSECURE_URL``.
        """
        international = suite is INTERNATIONAL
        fetches = download_certificates and merchant_key is not None and international
        if not platform_keys and not fetches:
            raise ConfigError(
                "A WeChat Pay account needs platform_certificates, or public_key with public_key_id",
                path=path, code="CONFIG_MISSING_FIELD",
            )  # fmt: skip
        keys = PlatformKeys(platform_keys, f"{path}.platform_keys", suite)
        super().__init__(
            account, appid=appid, mchid=mchid, api_v3_key=api_v3_key, keys=keys, tolerance=tolerance_seconds, path=path
        )
        self._certificates: Certificates | None = None
        self._client: Client | None = None
        if merchant_key is None:
            self.capabilities = CAPABILITIES
            return
        around = surroundings or Surroundings()
        self.capabilities = replace(CAPABILITIES, operations=OPERATIONS)
        if not international:
            from .national import CHANNELS

            self.capabilities = replace(self.capabilities, channels=CHANNELS)
        self._clock = around.clock
        self._notify_url = checked_notify_url(around.notify_url)
        self._origins = tuple(origin.rstrip("/") for origin in origins)
        own = Identity(merchant_key, merchant_serial, merchant_certificate, path, suite)
        self._signer, self._decrypter = own.signer, own.decrypter
        self._transport = Transport(account, self._origins, around.limits, breakers=around.breakers)
        self._client = Client(
            mchid=mchid, serial=own.serial, signer=own.signer, keys=keys, transport=self._transport,
            clock=around.clock, tolerance=tolerance_seconds,
        )  # fmt: skip
        if international and (fetches or keys.certificates()):
            self._certificates = Certificates(keys, self._client, self._seal, around.clock, tolerance_seconds)
            self._client.keeper = self._certificates

    @classmethod
    def from_config(cls, name: str, options: Mapping[str, Any], surroundings: Surroundings | None = None) -> Self:
        """The account ``name`` of a config; see the schema for its options. Raises what the constructor raises."""
        return cls(name, **options_of(name, options), surroundings=surroundings)

    def __repr__(self) -> str:
        return f"WeChat({self.account!r}, app={self.app!r}, merchant={self.merchant!r})"

    def close_connections(self) -> None:
        """Close the connections to WeChat Pay that are kept alive; a later call opens new ones."""
        if self._client is not None:
            self._transport.close()

    def _unknown_key(self, serial: str) -> None:
        if self._certificates is not None:
            self._certificates.look_for_in_background(serial)

    def _sending(self, operation: str, payment: Payment | None = None, refund: Refund | None = None) -> Client:
        if self._client is not None:
            return self._client
        raise Refused(
            f"This account only receives, as it has no private_key: it cannot {operation}",
            code="OPERATION_UNSUPPORTED", operation=operation,
            payment_id=payment.id if payment else None, refund_id=refund.id if refund else None,
        )  # fmt: skip


def not_sendable(error: InvalidRequest) -> Answer:
    """A number that cannot be asked about."""
    return Answer(Outcome.NEVER_SENT, words={"code": error.code, "message": error.message})
