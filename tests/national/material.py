"""Keys of national cryptography as they are written down, made for the test."""

from __future__ import annotations

import base64

import gmalg

from payflow.national import SmSigner

KEY_ID, V3 = "PUB_KEY_ID_0000000000000000000000000000000001", b"kT7w0qPzR4mX9cVb2nLs6dYf1hGj8aEu"


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    raw = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (raw if size < 128 else bytes([0x80 | len(raw)]) + raw) + content


KIND = der(0x30, bytes.fromhex("06072a8648ce3d0201") + bytes.fromhex("06082a811ccf5501822d"))


def pem(label: str, raw: bytes) -> bytes:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(raw).decode()}-----END {label}-----\n".encode()


def made() -> tuple[bytes, bytes, bytes, bytes]:
    """Private and public half, and both as PEM."""
    private, public = gmalg.SM2().generate_keypair()
    bits = der(0x03, b"\x00" + public)
    inner = der(0x30, der(0x02, b"\x01") + der(0x04, private) + der(0xA1, bits))
    own = pem("PRIVATE KEY", der(0x30, der(0x02, b"\x00") + KIND + der(0x04, inner)))
    return private, public[1:], own, pem("PUBLIC KEY", der(0x30, KIND + bits))


def number(raw: bytes) -> bytes:
    raw = raw.lstrip(b"\x00")
    return der(0x02, b"\x00" * (raw[0] >> 7) + raw)


def private_pem(private: bytes, public: bytes | None, kind: bytes = KIND) -> bytes:
    half = b"" if public is None else der(0xA1, der(0x03, b"\x00\x04" + public))
    inner = der(0x30, der(0x02, b"\x01") + der(0x04, private) + half)
    return pem("PRIVATE KEY", der(0x30, der(0x02, b"\x00") + kind + der(0x04, inner)))


def public_pem(public: bytes) -> bytes:
    return pem("PUBLIC KEY", der(0x30, KIND + der(0x03, b"\x00\x04" + public)))


def certificate_pem(owner: tuple[bytes, bytes], subject: bytes, serial: int = 0x3F) -> bytes:
    """A certificate over a key of ``subject``, signed by ``owner`` with SM2-with-SM3."""
    algorithm = der(0x30, bytes.fromhex("06082a811ccf55018375"))
    name = der(0x30, der(0x31, der(0x30, bytes.fromhex("0603550403") + der(0x0C, b"test"))))
    validity = der(0x30, der(0x17, b"250101000000Z") + der(0x17, b"450101000000Z"))
    key = der(0x30, KIND + der(0x03, b"\x00\x04" + subject))
    head = der(0xA0, der(0x02, b"\x02")) + number(serial.to_bytes(20, "big"))
    inner = der(0x30, head + algorithm + name + validity + name + key)
    signature = base64.b64decode(SmSigner(*owner).sign(inner))
    return pem("CERTIFICATE", der(0x30, inner + algorithm + der(0x03, b"\x00" + signature)))


PRIVATE, PUBLIC, OWN_PEM, PUBLIC_PEM = made()
THEIRS = made()
