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
from ...signing import Decrypts, Encrypts, Signs, Verifies, single_block
from .keys import Suite

#: What a payer's client is handed is signed too, and how that is done with SM2 is not documented to us.
CHANNELS = frozenset({"qr", "h5", "barcode"})


def _public_key(pem: bytes, path: str) -> tuple[Verifies, Encrypts]:
    public = load_sm_public_key(pem, path)
    return SmVerifier(public), SmEncrypter(public)


def _certificate(pem: bytes, path: str) -> x509.Certificate:
    _, der = single_block(pem, path, frozenset({b"CERTIFICATE"}), "a certificate")
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        said = f"The key at {path} does not hold a certificate that can be read"
        raise ConfigError(said, path=path, code="CONFIG_BAD_KEY") from None


def _certified(certificate: x509.Certificate, path: str) -> tuple[Verifies, Encrypts]:
    public = sm_certificate_key(certificate, path)
    return SmVerifier(public), SmEncrypter(public)


def _own_key(pem: bytes, path: str) -> tuple[Signs, Decrypts]:
    private, public = load_sm_private_key(pem, path)
    return SmSigner(private, public), SmDecrypter(private)


#: SM2 with SM3, and SM4.
NATIONAL = Suite(
    "WECHATPAY2-SM2-WITH-SM3", "AEAD_SM4_GCM", _public_key, _certificate, _certified, _own_key, SmSeal, 64
)  # fmt: skip
