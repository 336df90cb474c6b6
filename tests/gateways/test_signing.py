"""Keys, signatures, sealed texts and base64: what is taken, and how precisely everything else is refused."""

from __future__ import annotations

import base64
import pickle

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from payflow import signing
from payflow.errors import ConfigError
from payflow.testing.signed import certificate_pem, private_key, public_pem

KEY = private_key("signing")
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
NONE = serialization.NoEncryption()
PKCS8, PKCS1 = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
CERTIFICATE = certificate_pem(KEY, serial=0x0ABC, first=0, last=10**15)


def one_line(pem: bytes) -> bytes:
    return b"".join(line for line in pem.splitlines() if b"-----" not in line)


PUBLIC = {
    "SPKI PEM": public_pem(KEY),
    "PKCS#1 PEM": KEY.public_key().public_bytes(PEM, serialization.PublicFormat.PKCS1),
    "SPKI DER": KEY.public_key().public_bytes(DER, SPKI),
    "PKCS#1 DER": KEY.public_key().public_bytes(DER, serialization.PublicFormat.PKCS1),
    "SPKI in one line": one_line(public_pem(KEY)),
    "certificate PEM": CERTIFICATE,
    "certificate DER": base64.b64decode(one_line(CERTIFICATE)),
    "certificate in one line": one_line(CERTIFICATE),
    "certificate and the one above it": CERTIFICATE
    + certificate_pem(private_key("above"), serial=1, first=0, last=10**15),
    "CRLF": public_pem(KEY).replace(b"\n", b"\r\n"),
    "BOM and blank lines": b"\xef\xbb\xbf\n\n" + public_pem(KEY) + b"\n\n",
    "text around it": b"Alipay's key:\n" + public_pem(KEY) + b"end\n",
}


@pytest.mark.parametrize("form", PUBLIC)
def test_b180_public_keys_in_every_form(form: str) -> None:
    assert signing.load_public_key(PUBLIC[form]).public_numbers() == KEY.public_key().public_numbers()


PRIVATE = {
    "PKCS#8 PEM": KEY.private_bytes(PEM, PKCS8, NONE),
    "PKCS#1 PEM": KEY.private_bytes(PEM, PKCS1, NONE),
    "PKCS#8 DER": KEY.private_bytes(DER, PKCS8, NONE),
    "PKCS#1 in one line": one_line(KEY.private_bytes(PEM, PKCS1, NONE)),
    "PKCS#8 in one line": one_line(KEY.private_bytes(PEM, PKCS8, NONE)) + b"\n",
    "CRLF": KEY.private_bytes(PEM, PKCS8, NONE).replace(b"\n", b"\r\n"),
}


def test_der_is_taken_to_its_last_byte_whatever_that_is() -> None:
    """About one key in forty ends with a byte that is white space in a text."""
    ends = KEY.public_key().public_numbers()
    for exponent in (0x1000A, 0x10009, 0x10020, 0x1000D):  # no key anybody uses; the last bytes of its PKCS#1 form
        der = b"\x30\x82\x01\x0a\x02\x82\x01\x01\x00" + ends.n.to_bytes(256) + b"\x02\x03" + exponent.to_bytes(3)
        for behind in (b"", b"\n", b"\r\n"):
            assert signing.single_block(der + behind, "$", frozenset(), "a key") == (b"", der)


@pytest.mark.parametrize("form", PRIVATE)
def test_b180_private_keys_in_every_form(form: str) -> None:
    assert signing.load_private_key(PRIVATE[form]).private_numbers() == KEY.private_numbers()


SECRET = serialization.BestAvailableEncryption(b"pass")
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- to be refused
CURVE = ec.generate_private_key(ec.SECP256R1())
BAD_PUBLIC = {
    "empty": (b"", "is empty"),
    "white space": (b" \n ", "is empty"),
    "nonsense": (b"hello world!", "neither PEM"),
    "cut off": (public_pem(KEY)[:-30], "cut off"),
    "changed lines": (public_pem(KEY).replace(b"M", b"*"), "base64 lines"),
    "truncated der": (PUBLIC["SPKI DER"][:-9], "does not hold a public key"),
    "two keys": (public_pem(KEY) * 2, "holds 2 keys"),
    "private PEM": (PRIVATE["PKCS#8 PEM"], "is a private key, and a public key or a certificate is needed"),
    "private PKCS#1 PEM": (PRIVATE["PKCS#1 PEM"], "is a private key, and a public key"),
    "private DER": (PRIVATE["PKCS#8 DER"], "is a private key, and a public one"),
    "private in one line": (PRIVATE["PKCS#1 in one line"], "is a private key, and a public one"),
    "private with a password": (one_line(KEY.private_bytes(PEM, PKCS8, SECRET)), "is a private key, and a public one"),
    "another thing": (
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "CERTIFICATE REQUEST"),
    "1024 bits": (public_pem(SHORT), "has 1024 bits"),
    "no RSA": (CURVE.public_key().public_bytes(PEM, SPKI), "not an RSA key"),
    "huge": (b"A" * 70_000, "larger than any key"),
}  # fmt: skip


@pytest.mark.parametrize("which", BAD_PUBLIC)
def test_b180_b181_public_keys_that_are_none(which: str) -> None:
    data, why = BAD_PUBLIC[which]
    with pytest.raises(ConfigError) as caught:
        signing.load_public_key(data, "$.gateways.shop.key")
    assert (caught.value.code, caught.value.path) == ("CONFIG_BAD_KEY", "$.gateways.shop.key")
    assert why in caught.value.message


BAD_PRIVATE = {
    "public PEM": (public_pem(KEY), "is a public key, and a private key is needed"),
    "public in one line": (PUBLIC["SPKI in one line"], "is a public key, and a private one"),
    "certificate": (CERTIFICATE, "is a certificate, and a private key"),
    "password, new style": (KEY.private_bytes(PEM, PKCS8, SECRET), "password"),
    "password, old style": (KEY.private_bytes(PEM, PKCS1, SECRET), "password"),
    "password, DER": (KEY.private_bytes(DER, PKCS8, SECRET), "password"),
    "nonsense": (b"MIIB", "does not hold a private key"),
    "1024 bits": (SHORT.private_bytes(PEM, PKCS8, NONE), "has 1024 bits"),
    "no RSA": (CURVE.private_bytes(PEM, PKCS8, NONE), "not an RSA key"),
}


@pytest.mark.parametrize("which", BAD_PRIVATE)
def test_b180_b181_private_keys_that_are_none(which: str) -> None:
    data, why = BAD_PRIVATE[which]
    with pytest.raises(ConfigError) as caught:
        signing.load_private_key(data)
    assert caught.value.code == "CONFIG_BAD_KEY"
    assert why in caught.value.message


@pytest.mark.parametrize("data", [public_pem(KEY), PRIVATE["PKCS#8 DER"], PUBLIC["SPKI DER"], b"MIIB"])
def test_what_is_no_certificate(data: bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        signing.load_certificate(data)
    assert caught.value.code == "CONFIG_BAD_KEY"


def test_b175_no_error_quotes_the_key() -> None:
    line = one_line(PRIVATE["PKCS#8 PEM"])
    with pytest.raises(ConfigError) as caught:
        signing.load_public_key(line)
    assert line[40:80].decode() not in str(caught.value)


@given(st.binary(max_size=200))
def test_b143_any_bytes_are_a_key_or_a_config_error(data: bytes) -> None:
    for load in (signing.load_public_key, signing.load_private_key, signing.load_certificate):
        with pytest.raises(ConfigError):
            load(data)


def test_a_certificate_tells_its_serial_and_its_time() -> None:
    found = signing.load_certificate(CERTIFICATE)
    assert signing.certificate_serial(found) == "0ABC"
    assert signing.certificate_validity(found) == (0, 10**15)


# -- signatures ----------------------------------------------------------------------------------------------------


@given(st.binary(max_size=100), st.integers(0, 2047))
def test_only_the_signature_of_these_bytes_verifies(message: bytes, bit: int) -> None:
    signer = signing.Signer(KEY)
    raw = bytearray(signing.decode_base64(signer.sign(message), signing.MAX_SIGNATURE_TEXT))
    assert signer.verifier.verifies(bytes(raw), message)
    assert not signer.verifier.verifies(bytes(raw), message + b"\x00")
    raw[bit // 8] ^= 1 << bit % 8
    assert not signer.verifier.verifies(bytes(raw), message)


@pytest.mark.parametrize("signature", [b"", b"\x00" * 256, b"\xff" * 256, b"x" * 255, b"x" * 2000])
def test_signatures_of_any_length_are_just_wrong(signature: bytes) -> None:
    assert signing.Verifier(KEY.public_key()).verifies(signature, b"message") is False


def test_b175_what_holds_a_key_is_not_pickled() -> None:
    for holder in (signing.Signer(KEY), signing.Seal(b"k" * 32)):
        with pytest.raises(TypeError):
            pickle.dumps(holder)


# -- base64 --------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=60))
def test_base64_round_trip(raw: bytes) -> None:
    assert signing.decode_base64(signing.encode_base64(raw), 100) == raw


@pytest.mark.parametrize(
    "text",
    ["QQ", "QQ=", "QQ===", "QR==", "Q Q==", "QQ==\n", " QQ==", "QQ==QQ==", "Q!==", "QQ-_", "签QQ=", "=", "QUJD="],
)
def test_b030_base64_that_only_lenient_readers_take(text: str) -> None:
    with pytest.raises(ValueError):
        signing.decode_base64(text, 100)


def test_b030_base64_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(ValueError, match="too long"):
        signing.decode_base64("A" * 1_000_000, 2048)


# -- sealed texts --------------------------------------------------------------------------------------------------


@given(st.binary(max_size=60), st.binary(max_size=20), st.sampled_from([16, 24, 32]))
def test_sealed_and_opened(text: bytes, associated: bytes, size: int) -> None:
    sealed = signing.aes_gcm_encrypt(b"k" * size, b"n" * 12, text, associated)
    assert signing.aes_gcm_decrypt(b"k" * size, b"n" * 12, sealed, associated) == text
    with pytest.raises(signing.Unsealable):
        signing.aes_gcm_decrypt(b"K" * size, b"n" * 12, sealed, associated)
    with pytest.raises(signing.Unsealable):
        signing.aes_gcm_decrypt(b"k" * size, b"n" * 12, sealed, associated + b"x")


@pytest.mark.parametrize(
    ("nonce", "sealed"), [(b"", b"x" * 32), (b"n" * 12, b""), (b"n" * 12, b"short"), (b"n" * 500, b"x" * 32)]
)
def test_what_cannot_be_opened_is_unsealable(nonce: bytes, sealed: bytes) -> None:
    with pytest.raises(signing.Unsealable):
        signing.aes_gcm_decrypt(b"k" * 32, nonce, sealed, b"")
