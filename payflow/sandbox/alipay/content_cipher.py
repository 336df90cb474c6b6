"""AES for ``biz_content`` and for answers, https://opendocs.alipay.com/common/02mse3.

AES-128-CBC with sixteen zero bytes in front and PKCS#7 padding: that is what Alipay demands, weak as it is. The
signature around it is what protects.
"""

from __future__ import annotations

import binascii

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ...signing import decode_base64, encode_base64

_ZEROS = bytes(16)
_LIMIT = 1_048_576


def encrypt(key: str, text: bytes) -> str:
    """``text`` under a base64 key, as base64."""
    padder = padding.PKCS7(128).padder()
    padded = padder.update(text) + padder.finalize()
    machine = Cipher(algorithms.AES(binascii.a2b_base64(key)), modes.CBC(_ZEROS)).encryptor()
    return encode_base64(machine.update(padded) + machine.finalize())


def decrypt(key: str, sealed: str) -> bytes:
    """The text; ``ValueError`` if it does not open."""
    raw = decode_base64(sealed, _LIMIT)
    machine = Cipher(algorithms.AES(binascii.a2b_base64(key)), modes.CBC(_ZEROS)).decryptor()
    padded = machine.update(raw) + machine.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()
