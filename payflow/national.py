"""National cryptography (SM2, SM3, SM4) for WeChat Pay, as an extra: ``pip install "payflow-gateway[sm]"``.

It stands beside ``signing`` with the same small faces: an account is opened with one or the other, and no name in a
message ever chooses. SM3 and SM4-GCM come from ``cryptography``, SM2 from ``gmssl-pyx``. Formats, by WeChat Pay's
document (https://pay.weixin.qq.com/doc/v3/merchant/4012082629): signatures are the DER of (r, s) over SM3 with the
usual id ``1234567812345678``; fields are sealed to a key as the DER of C1 C3 C2; resources are sealed with SM4-GCM
under the first half of SM3(APIv3 key).

The library behind gmssl-pyx writes a line to the standard error stream for every signature it refuses; it names its
own source, nothing of the message.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .errors import ConfigError
from .signing import MAX_SIGNATURE_TEXT, Unsealable, decode_base64, encode_base64, single_block

#: 1.2.156.10197.1.301, the curve, as it stands in a key; y² = x³ + ax + b modulo p, and n times G is 0: GB/T 32918.5.
_CURVE = bytes.fromhex("06082a811ccf5501822d")
_P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
_N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
_G = (
    0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
    0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
)
_TAG_BYTES = 16
_PRIVATE_LABELS = frozenset({b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY"})
_SEQUENCE, _BITS, _OCTETS, _PUBLIC = 0x30, 0x03, 0x04, 0xA1


def _library() -> ModuleType:
    try:
        import gmssl_pyx  # type: ignore[import-untyped,unused-ignore]  # it carries no marker, and may be missing
    except ImportError:
        raise ConfigError(
            'National cryptography needs gmssl-pyx: pip install "payflow-gateway[sm]"', code="CONFIG_MISSING_EXTRA"
        ) from None
    found: ModuleType = gmssl_pyx
    return found


def sm3(text: bytes) -> bytes:
    """The 32 bytes of SM3."""
    digest = hashes.Hash(hashes.SM3())
    digest.update(text)
    return digest.finalize()


class SmVerifier:
    """A public SM2 key (64 bytes: x and y), ready to verify. Shared between threads."""

    __slots__ = ("_library", "public")

    def __init__(self, public: bytes) -> None:
        self._library, self.public = _library(), public

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` (DER) is this key's SM2-with-SM3 signature of exactly ``message``."""
        try:
            return bool(self._library.sm2_verify(self.public, message, signature))
        except (self._library.GmsslInnerError, ValueError):
            return False


class SmSigner:
    """A private SM2 key, ready to sign. Shared between threads; shows nothing of itself."""

    __slots__ = ("_library", "_private", "public")

    def __init__(self, private: bytes, public: bytes) -> None:
        self._library, self._private, self.public = _library(), private, public

    def sign(self, message: bytes) -> str:
        """The SM2-with-SM3 signature of ``message`` as base64 of DER."""
        return encode_base64(self._library.sm2_sign(self._private, self.public, message))

    @property
    def verifier(self) -> SmVerifier:
        """The public half."""
        return SmVerifier(self.public)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A private key is not pickled")


class SmEncrypter:
    """A public SM2 key, ready to encrypt short texts that only its owner shall read."""

    __slots__ = ("_library", "_public", "max_bytes")

    def __init__(self, public: bytes) -> None:
        self._library, self._public = _library(), public
        self.max_bytes = 255

    def encrypt(self, text: bytes) -> str:
        """SM2 (DER of C1 C3 C2) of ``text`` as base64; ``ValueError`` for more than ``max_bytes``."""
        if not 1 <= len(text) <= self.max_bytes:
            raise ValueError("SM2 encrypts 1 to 255 bytes")
        return encode_base64(self._library.sm2_encrypt(self._public, text))


class SmDecrypter:
    """A private SM2 key, ready to decrypt what was encrypted to it. Shows nothing of itself."""

    __slots__ = ("_library", "_private")

    def __init__(self, private: bytes) -> None:
        self._library, self._private = _library(), private

    def decrypt(self, text: str) -> bytes:
        """The text in a base64 SM2 cipher; ``Unsealable`` for anything else."""
        try:
            opened: bytes = self._library.sm2_decrypt(self._private, decode_base64(text, MAX_SIGNATURE_TEXT))
        except (self._library.GmsslInnerError, ValueError) as error:
            raise Unsealable("The text does not open with this key") from error
        return opened

    def __reduce__(self) -> NoReturn:
        raise TypeError("A private key is not pickled")


class SmSeal:
    """SM4-GCM under the first 128 bits of SM3(APIv3 key). Shared between threads."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = algorithms.SM4(sm3(key)[:16])

    def open(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        """The text that was sealed (``sealed`` ends with the 16-byte tag); ``Unsealable`` for anything else."""
        try:
            mode = modes.GCM(nonce, sealed[-_TAG_BYTES:])
            work = Cipher(self._cipher, mode).decryptor()
            work.authenticate_additional_data(associated)
            return work.update(sealed[:-_TAG_BYTES]) + work.finalize()
        except (InvalidTag, ValueError) as error:
            raise Unsealable("The text does not open with this key") from error

    def close(self, nonce: bytes, text: bytes, associated: bytes) -> bytes:
        """Seal ``text``; a nonce must never be used twice with one key."""
        work = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        work.authenticate_additional_data(associated)
        return work.update(text) + work.finalize() + work.tag

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key is not pickled")


# -- keys ----------------------------------------------------------------------------------------------------------


def load_sm_private_key(data: bytes, path: str = "$") -> tuple[bytes, bytes]:
    """Private (32 bytes) and public half (64 bytes) of an SM2 key: PKCS#8, PEM, DER or base64, without a password.

    Raises ``CONFIG_BAD_KEY`` naming ``path`` and what was found instead.
    """
    label, der = single_block(data, path, _PRIVATE_LABELS, "an SM2 private key as PKCS#8 (BEGIN PRIVATE KEY)")
    if label == b"ENCRYPTED PRIVATE KEY":
        _bad(path, "is protected by a password; payflow takes keys without one")
    try:
        _, kind, wrapped = _parts(_value(der, _SEQUENCE))[:3]
        is_sm2, inner = _CURVE in kind, _parts(_value(_value(wrapped, _OCTETS), _SEQUENCE))
        private = _value(inner[1], _OCTETS) if is_sm2 else b""
        stated = next((_value(_value(part, _PUBLIC), _BITS) for part in inner if part[0] == _PUBLIC), None)
    except (ValueError, IndexError):
        _bad(path, "does not hold a private key that can be read")
    if not is_sm2 or len(private) != 32 or not 1 <= int.from_bytes(private, "big") < _N - 1:
        _bad(path, "is not an SM2 key")
    public = _public_half(private)
    if stated is not None and _point(stated, path) != public:
        _bad(path, "holds two halves that do not belong together")
    return private, public


def load_sm_public_key(data: bytes, path: str = "$") -> bytes:
    """A public SM2 key as 64 bytes: SPKI, PEM, DER or base64. Raises ``CONFIG_BAD_KEY`` naming ``path``."""
    _, der = single_block(data, path, frozenset({b"PUBLIC KEY"}), "a public key")
    return _spki(der, path)


def sm_certificate_key(certificate: x509.Certificate, path: str = "$") -> bytes:
    """The SM2 key a certificate vouches for, as 64 bytes. Raises ``CONFIG_BAD_KEY`` for any other kind."""
    try:
        parts = _parts(_value(certificate.tbs_certificate_bytes, _SEQUENCE))
        return _spki(parts[6], path)  # version, serial, algorithm, issuer, validity, subject, key
    except (ValueError, IndexError):
        _bad(path, "is not a certificate over an SM2 key")


def _spki(der: bytes, path: str) -> bytes:
    try:
        kind, bits = _parts(_value(der, _SEQUENCE))[:2]
        public = _value(bits, _BITS)
    except (ValueError, IndexError):
        _bad(path, "does not hold a public key that can be read")
    if _CURVE not in kind:
        _bad(path, "is not an SM2 key")
    return _point(public, path)


def _point(bits: bytes, path: str) -> bytes:
    """x and y of an uncompressed point that stands in a bit string."""
    x, y = int.from_bytes(bits[2:34], "big"), int.from_bytes(bits[34:], "big")
    if len(bits) != 66 or bits[:2] != b"\x00\x04" or not (x < _P and y < _P):
        _bad(path, "is not an SM2 key with an uncompressed point")
    if (y * y - (x * x * x + _A * x + _B)) % _P:
        _bad(path, "is not an SM2 key: its point is not on the curve")
    return bits[2:]


def _public_half(private: bytes) -> bytes:
    """The private number times G. How long it takes tells of the number, so it is done when a key is loaded only."""
    found = _G
    for bit in f"{int.from_bytes(private, 'big'):b}"[1:]:
        found = _sum(found, found)
        if bit == "1":
            found = _sum(found, _G)
    return found[0].to_bytes(32, "big") + found[1].to_bytes(32, "big")


def _sum(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    """Two points of the curve, added; they are never opposite while the number is below n."""
    if one == two:
        slope = (3 * one[0] * one[0] + _A) * pow(2 * one[1], -1, _P)
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, _P)
    x = (slope * slope - one[0] - two[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _parts(value: bytes) -> list[bytes]:
    """The elements in the content of a DER sequence, each with its head."""
    return list(_elements(value))


def _elements(value: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(value):
        start, length = _content(value, at)
        yield value[at : start + length]
        at = start + length


def _value(element: bytes, tag: int) -> bytes:
    """The content of one DER element of this kind; ``ValueError`` for another kind or for bytes behind it."""
    start, length = _content(element, 0)
    if element[0] != tag or start + length != len(element):
        raise ValueError("another kind of element")
    return element[start : start + length]


def _content(value: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` begins, and how long it is."""
    first, start = value[at + 1], at + 2
    length = first
    if first & 0x80:
        count = first & 0x7F
        if not 1 <= count <= 3:
            raise ValueError("a length that is not one")
        length, start = int.from_bytes(value[start : start + count], "big"), start + count
    if start + length > len(value):
        raise ValueError("cut off")
    return start, length


def _bad(path: str, why: str) -> NoReturn:
    raise ConfigError(f"The key at {path} {why}", path=path, code="CONFIG_BAD_KEY") from None
