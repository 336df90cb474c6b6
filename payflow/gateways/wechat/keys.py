"""Whose signature it is: the keys of WeChat Pay that we hold, and what they prove.

- Verifying signatures: https://pay.weixin.qq.com/doc/v3/merchant/4013053420
- Platform certificates and the public key: https://pay.weixin.qq.com/doc/v3/merchant/4012153196

There may be several keys at once: while WeChat Pay goes over from one to the next, either signs. The key is looked up
by exactly the name the message gives. WeChat Pay sends deliberately wrong signatures (``WECHATPAY/SIGNTEST/…``) to
see whether anybody looks. They are bad signatures like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from cryptography import x509

from ...clock import SECOND
from ...errors import ConfigError
from ...signing import (
    MAX_SIGNATURE_TEXT,
    Decrypter,
    Decrypts,
    Encrypter,
    Encrypts,
    Seal,
    Seals,
    Signer,
    Signs,
    Verifier,
    Verifies,
    certificate_key,
    certificate_serial,
    certificate_validity,
    decode_base64,
    is_certificate,
    load_certificate,
    load_private_key,
    load_public_key,
)
from ..receiving import escaped, unauthentic

SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
TOLERANCE_SECONDS = 300

_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP, _TYPE = (
    "wechatpay-signature", "wechatpay-serial", "wechatpay-nonce", "wechatpay-timestamp", "wechatpay-signature-type",
)  # fmt: skip
_NEEDED = itemgetter(_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP)
_PROOF = (
    f'{{"headers":{{"{_SIGNATURE}":"%s","{_SERIAL}":"%s","{_NONCE}":"%s","{_TIMESTAMP}":"%s","{_TYPE}":"%s"}},'
    '"body":"%s"}'
)
#: The headers a signature stands in, by their small-letter names.
HEADERS = frozenset({_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP, _TYPE})

_HEX_SERIAL = re.compile(r"[0-9A-Fa-f]{1,64}", re.ASCII)
_NONCE_TEXT = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}", re.ASCII)  # visible, and neither quote nor backslash
_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class PlatformKey:
    """A key of WeChat Pay, and while it may be used (``None``: a bare public key, which does not expire)."""

    name: str  # as they write it: a serial, or PUB_KEY_ID_…
    verifier: Verifies
    encrypter: Encrypts
    valid: tuple[int, int] | None

    def is_valid(self, now: int) -> bool:
        """Whether it may be used at this instant."""
        return self.valid is None or self.valid[0] <= now <= self.valid[1]


@dataclass(frozen=True, slots=True)
class Suite:
    """One family of algorithms. An account has one, from its config; no message ever chooses another."""

    signature_type: str  # the scheme of Authorization, and Wechatpay-Signature-Type
    sealed_with: str  # what a sealed resource says of itself
    # A text and its path in the config → what it holds, or CONFIG_BAD_KEY.
    public_key: Callable[[bytes, str], tuple[Verifies, Encrypts]]
    certificate: Callable[[bytes, str], x509.Certificate]
    certified: Callable[[x509.Certificate, str], tuple[Verifies, Encrypts]]
    own_key: Callable[[bytes, str], tuple[Signs, Decrypts]]
    seal: Callable[[bytes], Seals]
    shortest_signature: int  # in bytes; anything shorter was cut


class PlatformKeys:
    """The keys we hold. Those of the config stay; those that were fetched are replaced as one by the next fetch."""

    __slots__ = ("_all", "_configured", "public", "suite")

    def __init__(self, pems: Mapping[str, bytes], path: str = "$", suite: Suite | None = None) -> None:
        """Raises ``ConfigError``: ``CONFIG_BAD_KEY``, ``CONFIG_KEY_MISMATCH``."""
        self.suite = suite or INTERNATIONAL
        self._configured = {key_name(name): platform_key(name, pem, path, self.suite) for name, pem in pems.items()}
        self._all = self._configured
        self.public = next((key for key in self._configured.values() if key.valid is None), None)

    def __bool__(self) -> bool:
        return bool(self._all)

    def find(self, serial: str) -> PlatformKey | None:
        """The key of exactly this name."""
        return self._all.get(serial) or self._all.get(key_name(serial))

    def with_fetched(self, fetched: Mapping[str, PlatformKey]) -> PlatformKeys:
        """All keys there are and these, as a set of its own."""
        other = object.__new__(PlatformKeys)
        other._configured, other.public, other.suite = self._configured, self.public, self.suite
        other._all = {**self._all, **fetched, **self._configured}
        return other

    def replace_fetched(self, fetched: Mapping[str, PlatformKey]) -> None:
        """Hold these beside the configured ones; nothing changes if there are none.

        It is one assignment: readers see the old set or the new one.
        """
        if fetched:
            self._all = {**fetched, **self._configured}

    def certificates(self) -> list[PlatformKey]:
        """Those that stand in certificates."""
        return [key for key in self._all.values() if key.valid is not None]

    def to_encrypt(self, now: int) -> PlatformKey | None:
        """What sensitive fields are encrypted to: the public key, or the certificate that became valid last."""
        if self.public is not None:
            return self.public
        valid = [key for key in self.certificates() if key.is_valid(now)]
        return max(valid, key=lambda key: key.valid or (0, 0), default=None)

    def verify(self, headers: Mapping[str, str], body: bytes, now: int, tolerance: int) -> None:
        """Freshness, the key, its validity at this moment, then the signature over the raw bytes.

        ``tolerance`` in seconds. Raises ``CallbackRefused``: ``SIGNATURE_MISSING``, ``SIGNATURE_INVALID``,
        ``ALGORITHM_REJECTED``, ``UNKNOWN_KEY``, ``KEY_EXPIRED``, ``TIMESTAMP_SKEW``.
        """
        try:
            text, serial, nonce, timestamp = _NEEDED(headers)
        except KeyError as missing:
            code = "UNKNOWN_KEY" if missing.args[0] == _SERIAL else "SIGNATURE_MISSING"
            raise unauthentic(f"The header {missing.args[0]} is missing", code) from None
        wanted = self.suite.signature_type
        if headers.get(_TYPE) != wanted:
            raise unauthentic(f"Only signatures of type {wanted} are taken", "ALGORITHM_REJECTED")
        is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_DIGITS
        if not is_number or abs(now // SECOND - int(timestamp)) > tolerance:
            raise unauthentic("The message is not of this time", "TIMESTAMP_SKEW")
        if _NONCE_TEXT.fullmatch(nonce) is None:
            raise unauthentic("The nonce is not one", "SIGNATURE_INVALID")
        key = self.find(serial)
        if key is None:
            raise unauthentic("The message is signed with a key we do not know", "UNKNOWN_KEY")
        if not key.is_valid(now):
            raise unauthentic("The message is signed with a certificate that is not valid now", "KEY_EXPIRED")
        try:
            signature = decode_base64(text, MAX_SIGNATURE_TEXT)
        except ValueError:
            raise unauthentic("The signature is not one", "SIGNATURE_INVALID") from None
        if not key.verifier.verifies(signature, signed_text(timestamp, nonce, body)):
            raise unauthentic("The signature is not WeChat Pay's, or not of these bytes", "SIGNATURE_INVALID")


def signed_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The bytes WeChat Pay signs in answers and notifications: three lines, each with its line feed."""
    return f"{timestamp}\n{nonce}\n".encode("ascii") + body + b"\n"


def proof_of(headers: Mapping[str, str], body: bytes) -> str:
    """What was verified, as JSON. Nothing in a verified header has to be escaped: see their patterns."""
    return _PROOF % (*_NEEDED(headers), headers[_TYPE], escaped(body))


def serial_of(headers: Mapping[str, str]) -> str:
    """The name of the key a message says it is signed with."""
    return headers.get(_SERIAL, "")


def is_serial(name: str) -> bool:
    """Whether a key's name can be the serial of a certificate, rather than the id of a public key."""
    return _HEX_SERIAL.fullmatch(name) is not None


def key_name(serial: str) -> str:
    """A serial in one spelling: SDKs differ in its case and in leading zeros. Ids of public keys stay as they are."""
    return serial.upper().lstrip("0") if is_serial(serial) else serial


def platform_key(name: str, pem: bytes, path: str, suite: Suite | None = None) -> PlatformKey:
    """The key in ``pem``, which has to be the one it is listed as.

    Raises ``ConfigError``: ``CONFIG_BAD_KEY``, ``CONFIG_KEY_MISMATCH``.
    """
    suite = suite or INTERNATIONAL
    if not is_certificate(pem):
        return PlatformKey(name, *suite.public_key(pem, path), None)
    certificate = suite.certificate(pem, path)
    serial = certificate_serial(certificate)
    if key_name(serial) != key_name(name):
        raise ConfigError(
            f"The certificate at {path} has another serial than it is listed under",
            path=path, code="CONFIG_KEY_MISMATCH",
        )  # fmt: skip
    return PlatformKey(serial, *suite.certified(certificate, path), certificate_validity(certificate))


def _public_key(pem: bytes, path: str) -> tuple[Verifies, Encrypts]:
    public = load_public_key(pem, path)
    return Verifier(public), Encrypter(public)


def _certified(certificate: x509.Certificate, path: str) -> tuple[Verifies, Encrypts]:
    public = certificate_key(certificate, path)
    return Verifier(public), Encrypter(public)


def _own_key(pem: bytes, path: str) -> tuple[Signs, Decrypts]:
    private = load_private_key(pem, path)
    return Signer(private), Decrypter(private)


#: RSA and AES: what every merchant has who has not arranged anything else.
INTERNATIONAL = Suite(
    SIGNATURE_TYPE, "AEAD_AES_256_GCM", _public_key, load_certificate, _certified, _own_key, Seal, 256
)  # fmt: skip
