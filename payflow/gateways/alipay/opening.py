"""An account's keys, checked against each other before the first call."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ...errors import ConfigError
from ...signing import ContentCipher, load_certificate, load_public_key
from .certificates import Roots, cert_sn, private_matches


def origin_of(address: str) -> tuple[str, str]:
    """Origin and target of the gateway's address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}", parts.path or "/"


def cipher(key: bytes | None, path: str) -> ContentCipher | None:
    """The content cipher of an ``aes_key``, if there is one; ``CONFIG_BAD_KEY``."""
    if key is None:
        return None
    try:
        return ContentCipher(b64decode(b"".join(key.split()), validate=True))
    except ValueError:
        raise ConfigError(
            "The AES key is not the base64 of 16 bytes", path=f"{path}.aes_key", code="CONFIG_BAD_KEY"
        ) from None


def refuse_own_key(public_keys: Sequence[bytes], certificate: bytes | None, own: RSAPublicKey, path: str) -> None:
    """The app's own public key, or certificate, where Alipay's belongs is the most common mistake of all."""
    if certificate is not None and private_matches(load_certificate(certificate, f"{path}.alipay_certificate"), own):
        raise ConfigError(
            "This is the app's own certificate (appCertPublicKey); Alipay's is alipayCertPublicKey_RSA2.crt",
            path=f"{path}.alipay_certificate", code="CONFIG_KEY_MISMATCH",
        )  # fmt: skip
    for key in public_keys:
        if load_public_key(key).public_numbers() == own.public_numbers():
            raise ConfigError(
                "This is the app's own public key; Alipay's is shown beside it in the console, as 支付宝公钥",
                path=f"{path}.alipay_public_key", code="CONFIG_KEY_MISMATCH",
            )  # fmt: skip


def own_certificate(certificate: bytes | None, own: RSAPublicKey, roots: Roots | None, path: str) -> str:
    """The ``app_cert_sn``; empty in key mode. ``CONFIG_KEY_MISMATCH`` if the certificate is over another key."""
    if certificate is None:
        if roots is not None:
            raise ConfigError(
                "Certificate mode needs app_certificate too",
                path=f"{path}.app_certificate",
                code="CONFIG_MISSING_FIELD",
            )
        return ""
    found = load_certificate(certificate, f"{path}.app_certificate")
    if not private_matches(found, own):
        raise ConfigError(
            "The app's certificate is over another key than app_private_key",
            path=f"{path}.app_certificate", code="CONFIG_KEY_MISMATCH",
        )  # fmt: skip
    return cert_sn(found)
