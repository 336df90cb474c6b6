"""Keys, signatures and sealed texts: the only room that touches ``cryptography``.

Keys are parsed once, when an account is opened: loading an RSA-2048 private key costs about 36 ms, signing 0.4 ms and
verifying 0.02 ms. What is parsed is kept together with its padding and digest, which are made once as well.

There is one algorithm for signatures here, RSA PKCS#1 v1.5 with SHA-256 (Alipay's ``RSA2``, WeChat Pay's
``WECHATPAY2-SHA256-RSA2048``), and one for sealed texts, AES-GCM. No name in a message ever chooses another.
"""

from __future__ import annotations

import binascii
from datetime import datetime
from typing import NoReturn, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

from .clock import from_datetime
from .errors import ConfigError

#: RSA keys below this are refused; https://pay.weixin.qq.com/doc/v3/merchant/4012365342 and Alipay's RSA2 demand it.
MIN_KEY_BITS = 2048
#: Above this a verification would cost a forger nothing and us milliseconds.
MAX_KEY_BITS = 8192
#: The longest base64 text of a signature: one of an 8192-bit key has 1368 characters.
MAX_SIGNATURE_TEXT = 1368
_MAX_KEY_TEXT = 65_536
_SEQUENCE = b"\x30"  # what every key and certificate begins with as DER

_PADDING = padding.PKCS1v15()
_SHA256 = hashes.SHA256()
# WeChat Pay's sensitive fields are defined with it: https://pay.weixin.qq.com/doc/v3/merchant/4013053257
# The collisions that make SHA-1 unfit for signatures do not matter to OAEP.
_SHA1 = hashes.SHA1()  # noqa: S303 -- see above
_OAEP = padding.OAEP(mgf=padding.MGF1(_SHA1), algorithm=_SHA1, label=None)

_LOCKED = "is protected by a password; payflow takes keys without one, kept where only it can read them"
_PUBLIC_LABELS = frozenset({b"PUBLIC KEY", b"RSA PUBLIC KEY"})
_PRIVATE_LABELS = frozenset({b"PRIVATE KEY", b"RSA PRIVATE KEY", b"ENCRYPTED PRIVATE KEY"})


class Unsealable(ValueError):
    """A text that does not open: the wrong key, or not the bytes that were sealed."""


# -- what is asked of a key, whatever its kind ---------------------------------------------------------------------


class Verifies(Protocol):
    """A public key that verifies: :class:`Verifier`, or its national counterpart."""

    @property
    def public(self) -> bytes: ...

    def verifies(self, signature: bytes, message: bytes) -> bool: ...


class Signs(Protocol):
    """A private key that signs."""

    @property
    def verifier(self) -> Verifies: ...

    def sign(self, message: bytes) -> str: ...


class Encrypts(Protocol):
    """A public key that encrypts texts of at most ``max_bytes``."""

    max_bytes: int

    def encrypt(self, text: bytes) -> str: ...


class Decrypts(Protocol):
    """A private key that decrypts; ``Unsealable`` for what was not encrypted to it."""

    def decrypt(self, text: str) -> bytes: ...


class Seals(Protocol):
    """A symmetric key; ``Unsealable`` for what it did not seal."""

    def open(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes: ...


# -- base64 --------------------------------------------------------------------------------------------------------


def decode_base64(text: bytes | str, limit: int) -> bytes:
    """The bytes of a base64 text, taken at its word: no white space, no foreign character, canonical to the last bit.

    Raises ``ValueError`` for anything else, and for more than ``limit`` characters before looking at them.
    """
    if len(text) > limit:
        raise ValueError("base64 text is too long")
    given = text.encode("ascii") if isinstance(text, str) else text
    raw = binascii.a2b_base64(given, strict_mode=True)
    # Two texts that differ only in the unused last bits decode alike; only one of them is what the encoder writes.
    if binascii.b2a_base64(raw, newline=False) != given:
        raise ValueError("base64 text is not canonical")
    return raw


def encode_base64(raw: bytes) -> str:
    """Base64 in one line, as both gateways want their signatures."""
    return binascii.b2a_base64(raw, newline=False).decode("ascii")


# -- signatures ----------------------------------------------------------------------------------------------------


class Verifier:
    """A public RSA key, ready to verify. Shared between threads."""

    __slots__ = ("_key", "_verify")

    def __init__(self, key: rsa.RSAPublicKey) -> None:
        self._key, self._verify = key, key.verify

    @property
    def public(self) -> bytes:
        """The key as DER (SPKI): equal for equal keys, in whatever form they were given."""
        return self._key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` is this key's RSA-SHA256 (PKCS#1 v1.5) signature of exactly ``message``."""
        try:
            self._verify(signature, message, _PADDING, _SHA256)
        except InvalidSignature:
            return False
        return True


class Signer:
    """A private RSA key, ready to sign. Shared between threads; shows nothing of itself."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def sign(self, message: bytes) -> str:
        """The RSA-SHA256 (PKCS#1 v1.5) signature of ``message`` as base64."""
        return encode_base64(self._key.sign(message, _PADDING, _SHA256))

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self._key.public_key())

    def __reduce__(self) -> NoReturn:
        raise TypeError("A private key is not pickled")


# -- sealed texts --------------------------------------------------------------------------------------------------


class Seal:
    """AES-GCM under one key: 32 bytes for WeChat Pay's ``AEAD_AES_256_GCM``. Shared between threads."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def open(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        """The text that was sealed (``sealed`` ends with the 16-byte tag); ``Unsealable`` for anything else."""
        try:
            return self._aead.decrypt(nonce, sealed, associated)
        except (InvalidTag, ValueError) as error:
            raise Unsealable("The text does not open with this key") from error

    def close(self, nonce: bytes, text: bytes, associated: bytes) -> bytes:
        """Seal ``text``; a nonce must never be used twice with one key."""
        return self._aead.encrypt(nonce, text, associated)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key is not pickled")


def aes_gcm_decrypt(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Open one sealed text with a key of 16, 24 or 32 bytes; ``Unsealable`` if it does not open."""
    return Seal(key).open(nonce, sealed, associated)


def aes_gcm_encrypt(key: bytes, nonce: bytes, text: bytes, associated: bytes) -> bytes:
    """Seal one text with a key of 16, 24 or 32 bytes; the 16-byte tag stands at the end."""
    return Seal(key).close(nonce, text, associated)


class ContentCipher:
    """Alipay's ``encrypt_type=AES``: AES-128-CBC, an IV of zeros, PKCS#7. https://opendocs.alipay.com/common/02mse3

    It hides what a request or an answer says; it proves nothing, that is the signature's work. Shared between threads.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        """``key`` has 16 bytes; ``ValueError`` otherwise."""
        if len(key) != 16:
            raise ValueError("An AES content key has 16 bytes")
        self._cipher = Cipher(algorithms.AES128(key), modes.CBC(bytes(16)))

    def encrypt(self, text: bytes) -> str:
        """The text as base64."""
        padder = PKCS7(128).padder()
        padded = padder.update(text) + padder.finalize()
        work = self._cipher.encryptor()
        return encode_base64(work.update(padded) + work.finalize())

    def decrypt(self, sealed: bytes | str, limit: int) -> bytes:
        """The text of a base64 of at most ``limit`` characters; ``Unsealable`` if it is not one under this key."""
        try:
            raw = decode_base64(sealed, limit)
            work = self._cipher.decryptor()
            padded = work.update(raw) + work.finalize()
            unpadder = PKCS7(128).unpadder()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError as error:
            raise Unsealable("The text does not open with this key") from error

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key is not pickled")


# -- sensitive fields ----------------------------------------------------------------------------------------------


class Encrypter:
    """A public RSA key, ready to encrypt short texts that only its owner shall read. Shared between threads."""

    __slots__ = ("_key", "max_bytes")

    def __init__(self, key: rsa.RSAPublicKey) -> None:
        self._key = key
        #: The longest text it takes: 214 bytes for a 2048-bit key.
        self.max_bytes = key.key_size // 8 - 42

    def encrypt(self, text: bytes) -> str:
        """RSA-OAEP (SHA-1, MGF1 with SHA-1) of ``text`` as base64; ``ValueError`` for more than ``max_bytes``."""
        return encode_base64(self._key.encrypt(text, _OAEP))


class Decrypter:
    """A private RSA key, ready to decrypt what was encrypted to it. Shared between threads; shows nothing of itself."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def decrypt(self, text: str) -> bytes:
        """The text in a base64 RSA-OAEP (SHA-1, MGF1 with SHA-1) cipher; ``Unsealable`` for anything else."""
        try:
            return self._key.decrypt(decode_base64(text, MAX_SIGNATURE_TEXT), _OAEP)
        except ValueError as error:
            raise Unsealable("The text does not open with this key") from error

    def __reduce__(self) -> NoReturn:
        raise TypeError("A private key is not pickled")


# -- keys ----------------------------------------------------------------------------------------------------------


def load_public_key(data: bytes, path: str = "$") -> rsa.RSAPublicKey:
    """A public RSA key from whatever people have of it: PEM or DER or one line of base64, as SPKI, PKCS#1 or X.509.

    Raises ``CONFIG_BAD_KEY`` naming ``path`` and what was found instead; a private key is refused, since it has no
    business where a public one is asked for.
    """
    label, der = single_block(data, path, _PUBLIC_LABELS | {b"CERTIFICATE"}, "a public key or a certificate")
    key = _public_from_der(label, der, path)
    return _checked_public(key, path)


def load_private_key(data: bytes, path: str = "$") -> rsa.RSAPrivateKey:
    """A private RSA key: PEM or DER or one line of base64, as PKCS#8 or PKCS#1, without a password.

    Raises ``CONFIG_BAD_KEY`` naming ``path`` and what was found instead.
    """
    _, der = single_block(data, path, _PRIVATE_LABELS, "a private key")
    try:
        key = serialization.load_der_private_key(der, None)
    except TypeError:
        _bad(path, _LOCKED)
    except (ValueError, UnsupportedAlgorithm):
        _refuse_public(der, path)
        _bad(path, "does not hold a private key that can be read")
    if not isinstance(key, rsa.RSAPrivateKey):
        _bad(path, "is not an RSA key")
    _checked_bits(key.key_size, path)
    return key


def load_certificate(data: bytes, path: str = "$") -> x509.Certificate:
    """One X.509 certificate over an RSA key: PEM, DER or one line of base64. ``CONFIG_BAD_KEY`` otherwise."""
    _, der = single_block(data, path, frozenset({b"CERTIFICATE"}), "a certificate")
    try:
        found = x509.load_der_x509_certificate(der)
    except ValueError:
        _refuse_private(der, path)
        _bad(path, "does not hold a certificate that can be read")
    _checked_public(_key_of(found, path), path)
    return found


def certificate_key(certificate: x509.Certificate, path: str = "$") -> rsa.RSAPublicKey:
    """The RSA key a certificate vouches for; ``CONFIG_BAD_KEY`` if it is another kind of key, or a short one."""
    return _checked_public(_key_of(certificate, path), path)


def certificate_serial(certificate: x509.Certificate) -> str:
    """The serial number in capital hex digits, two for each byte, as WeChat Pay writes it."""
    digits = f"{certificate.serial_number:X}"
    return digits if len(digits) % 2 == 0 else "0" + digits


def certificate_validity(certificate: x509.Certificate) -> tuple[int, int]:
    """The first and the last instant (microseconds since 1970 UTC) at which a certificate is valid."""
    first: datetime = certificate.not_valid_before_utc
    last: datetime = certificate.not_valid_after_utc
    return from_datetime(first), from_datetime(last)


def is_certificate(data: bytes) -> bool:
    """Whether a text of ours looks like a certificate rather than a bare key."""
    return b"-----BEGIN CERTIFICATE-----" in data


def _bad(path: str, why: str) -> NoReturn:
    raise ConfigError(f"The key at {path} {why}", path=path, code="CONFIG_BAD_KEY") from None


def single_block(data: bytes, path: str, wanted: frozenset[bytes], what: str) -> tuple[bytes, bytes]:
    """The label and DER bytes of the one key in ``data``; the label is empty where the text has none.

    ``wanted`` are the labels that are taken, ``what`` says in an error what they are. Raises ``CONFIG_BAD_KEY``.
    """
    if len(data) > _MAX_KEY_TEXT:
        _bad(path, "is larger than any key")
    if data[:1] == _SEQUENCE:
        return b"", _whole_der(data)
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        _bad(path, "is empty")
    if b"-----BEGIN " not in text:
        return b"", _der_of(text, path)
    blocks = _blocks(text, path)
    if len(blocks) > 1 and any(label != b"CERTIFICATE" for label, _ in blocks):
        _bad(path, f"holds {len(blocks)} keys; it must hold one")
    label, body = blocks[0]  # of several certificates, the first is the one the others vouch for
    if label not in wanted:
        _bad(path, f"is {_named(label)}, and {what} is needed here")
    if b"ENCRYPTED" in body:  # the header of the old style: Proc-Type: 4,ENCRYPTED
        _bad(path, _LOCKED)
    try:
        return label, binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except binascii.Error:
        _bad(path, "is a PEM text whose base64 lines cannot be read")


def _blocks(text: bytes, path: str) -> list[tuple[bytes, bytes]]:
    """Label and base64 lines of every block of a PEM text; what stands between the blocks is for people."""
    blocks = []
    for piece in text.split(b"-----BEGIN ")[1:]:
        label, _, rest = piece.partition(b"-----")
        body, end, _ = rest.partition(b"-----END " + label + b"-----")
        if not end:
            _bad(path, "is a PEM text that is cut off, or whose lines have been changed")
        blocks.append((label, body))
    return blocks


def _whole_der(data: bytes) -> bytes:
    """DER bytes as long as they say they are. An editor's line break behind them is none of theirs, but a last byte
    that looks like one is."""
    first = data[1] if len(data) > 1 else 0
    counted = max(0, first - 0x80)  # bytes that the length takes, where it does not fit into one
    end = 2 + counted + (int.from_bytes(data[2 : 2 + counted]) if counted else first)
    return data if data[end:].strip() else data[:end]


def _der_of(text: bytes, path: str) -> bytes:
    try:
        return binascii.a2b_base64(b"".join(text.split()), strict_mode=True)
    except binascii.Error:
        _bad(path, "is neither PEM, nor DER, nor one line of base64")


def _named(label: bytes) -> str:
    if label in _PRIVATE_LABELS:
        return "a private key"
    if label in _PUBLIC_LABELS:
        return "a public key"
    return {b"CERTIFICATE": "a certificate"}.get(label, f"a {label[:40].decode('ascii', 'replace')}")


def _public_from_der(label: bytes, der: bytes, path: str) -> object:
    if label in (b"", b"CERTIFICATE"):
        try:
            return _key_of(x509.load_der_x509_certificate(der), path)
        except ValueError:
            if label:
                _bad(path, "does not hold a certificate that can be read")
    try:
        return serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        _refuse_private(der, path)
        _bad(path, "does not hold a public key that can be read")


def _refuse_private(der: bytes, path: str) -> None:
    try:
        serialization.load_der_private_key(der, None)
    except TypeError:
        pass  # a private key with a password: private all the same
    except (ValueError, UnsupportedAlgorithm):
        return
    _bad(path, "is a private key, and a public one is needed here")


def _refuse_public(der: bytes, path: str) -> None:
    try:
        serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return
    _bad(path, "is a public key, and a private one is needed here")


def _key_of(certificate: x509.Certificate, path: str) -> object:
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        _bad(path, "is a certificate over a key of an unknown kind")


def _checked_public(key: object, path: str) -> rsa.RSAPublicKey:
    if not isinstance(key, rsa.RSAPublicKey):
        _bad(path, "is not an RSA key")
    _checked_bits(key.key_size, path)
    return key


def _checked_bits(bits: int, path: str) -> None:
    if not MIN_KEY_BITS <= bits <= MAX_KEY_BITS:
        _bad(path, f"has {bits} bits; it needs {MIN_KEY_BITS} to {MAX_KEY_BITS}")
