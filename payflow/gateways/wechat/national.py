"""WeChat Pay with national cryptography: SM2 signatures, SM4 seals. By arrangement with WeChat Pay, and as an extra.

https://pay.weixin.qq.com/doc/v3/merchant/4012082629
"""

from __future__ import annotations

from cryptography import x509

from ...errors import ConfigError
from ...national import (
    SmDecrypter,
    SmEncrypter,
    SmSeal,
    SmSigner,
    SmVerifier,
    load_sm_private_key,
    load_sm_public_key,
    sm_certificate_key,
)
from ...signing import Decrypts, Signs, certificate_serial, certificate_validity, is_certificate
from .keys import PlatformKey, Suite, key_name

#: What a payer's client is handed is signed too, and how that is done with SM2 is not documented to us.
CHANNELS = frozenset({"qr", "h5", "barcode"})


def certificate_in(pem: bytes, path: str) -> x509.Certificate:
    """A certificate, whatever its key. Raises ``CONFIG_BAD_KEY``."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise ConfigError(f"The key at {path} is no certificate", path=path, code="CONFIG_BAD_KEY") from None


def _platform_key(name: str, pem: bytes, path: str) -> PlatformKey:
    if not is_certificate(pem):
        public = load_sm_public_key(pem, path)
        return PlatformKey(name, SmVerifier(public), SmEncrypter(public), None)
    certificate = certificate_in(pem, path)
    serial = certificate_serial(certificate)
    if key_name(serial) != key_name(name):
        raise ConfigError(
            f"The certificate at {path} has another serial than it is listed under",
            path=path, code="CONFIG_KEY_MISMATCH",
        )  # fmt: skip
    public = sm_certificate_key(certificate, path)
    return PlatformKey(serial, SmVerifier(public), SmEncrypter(public), certificate_validity(certificate))


def _own_key(pem: bytes, path: str) -> tuple[Signs, Decrypts]:
    private, public = load_sm_private_key(pem, path)
    return SmSigner(private, public), SmDecrypter(private)


NATIONAL = Suite("WECHATPAY2-SM2-WITH-SM3", "AEAD_SM4_GCM", _platform_key, _own_key, SmSeal)
