"""National cryptography: published values, and another implementation."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import gmalg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256

from payflow.errors import ConfigError
from payflow.gateways.wechat.national import NATIONAL
from payflow.national import (
    SmDecrypter,
    SmEncrypter,
    SmSeal,
    SmSigner,
    SmVerifier,
    load_sm_private_key,
    load_sm_public_key,
    sm3,
    sm_certificate_key,
)
from payflow.signing import Unsealable

from .material import (
    OWN_PEM,
    PRIVATE,
    PUBLIC,
    PUBLIC_PEM,
    THEIRS,
    V3,
    certificate_pem,
    der,
    number,
    pem,
    private_pem,
    public_pem,
)

# -- published values ----------------------------------------------------------------------------------------------

#: GB/T 32918.5-2017: the key of its examples, its signature of "message digest", its cipher of "encryption standard".
STANDARD = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
STANDARD_PUBLIC = bytes.fromhex(
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
STANDARD_R = bytes.fromhex("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3")
STANDARD_S = bytes.fromhex("b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa")
STANDARD_C1 = (
    bytes.fromhex("04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"),
    bytes.fromhex("e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"),
)
STANDARD_C3 = bytes.fromhex("59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766")
STANDARD_C2 = bytes.fromhex("21886ca989ca9c7d58087307ca93092d651efa")


def test_sm3_of_the_standard() -> None:
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_sm2_verifies_the_signature_of_the_standard() -> None:
    signature = der(0x30, number(STANDARD_R) + number(STANDARD_S))
    verifier = SmVerifier(STANDARD_PUBLIC)
    assert verifier.verifies(signature, b"message digest")
    assert not verifier.verifies(der(0x30, number(STANDARD_S) + number(STANDARD_R)), b"message digest")
    assert not verifier.verifies(signature + b"\x00", b"message digest")
    assert not verifier.verifies(signature, b"message digest.")


def test_sm2_opens_the_cipher_of_the_standard() -> None:
    cipher = der(0x30, number(STANDARD_C1[0]) + number(STANDARD_C1[1]) + der(4, STANDARD_C3) + der(4, STANDARD_C2))
    assert SmDecrypter(STANDARD).decrypt(base64.b64encode(cipher).decode()) == b"encryption standard"


def test_sm4_gcm_of_rfc_8998() -> None:
    seal = SmSeal(b"any")
    seal._cipher = algorithms.SM4(bytes.fromhex("0123456789abcdeffedcba9876543210"))
    nonce, aad = bytes.fromhex("00001234567800000000abcd"), bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    text = b"".join(bytes([value]) * 8 for value in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    sealed = seal.close(nonce, text, aad)
    assert sealed.hex() == (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert seal.open(nonce, sealed, aad) == text


def test_the_seal_is_sm4_under_the_first_half_of_another_implementations_sm3() -> None:
    digest = gmalg.SM3()
    digest.update(V3)
    work = Cipher(algorithms.SM4(digest.value()[:16]), modes.GCM(b"nonce-of-12b")).encryptor()
    work.authenticate_additional_data(b"certificate")
    sealed = work.update(b"text") + work.finalize() + work.tag
    assert SmSeal(V3).open(b"nonce-of-12b", sealed, b"certificate") == b"text"
    assert SmSeal(V3).close(b"nonce-of-12b", b"text", b"certificate") == sealed


def test_a_changed_seal_does_not_open() -> None:
    seal, nonce = SmSeal(V3), b"nonce-of-12b"
    sealed = seal.close(nonce, b"text", b"transaction")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Unsealable):
            seal.open(nonce, changed, b"transaction")
    for other in (
        (b"nonce-of-12c", sealed, b"transaction"), (nonce, sealed, b"refund"), (nonce, sealed[:-1], b"transaction"),
        (nonce, b"", b"transaction"), (b"", sealed, b"transaction"),
    ):  # fmt: skip
        with pytest.raises(Unsealable):
            seal.open(*other)
    with pytest.raises(Unsealable):
        SmSeal(V3[::-1]).open(nonce, sealed, b"transaction")


# -- keys ----------------------------------------------------------------------------------------------------------


def refused(read: Callable[[bytes, str], object], text: bytes) -> str:
    with pytest.raises(ConfigError) as error:
        read(text, "$.gateways.wechat.private_key")
    assert (error.value.code, error.value.path) == ("CONFIG_BAD_KEY", "$.gateways.wechat.private_key")
    return error.value.message


def test_the_public_half_is_that_of_the_standard_whether_it_is_stated_or_not() -> None:
    for stated in (STANDARD_PUBLIC, None):
        assert load_sm_private_key(private_pem(STANDARD, stated)) == (STANDARD, STANDARD_PUBLIC)


def test_a_private_key_that_is_none_of_ours_is_refused_by_what_it_is() -> None:
    rsa_kind = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    p256 = der(0x30, bytes.fromhex("06072a8648ce3d0201") + bytes.fromhex("06082a8648ce3d030107"))
    assert "do not belong together" in refused(load_sm_private_key, private_pem(PRIVATE, THEIRS[1]))
    assert "not an SM2 key" in refused(load_sm_private_key, private_pem(PRIVATE, None, p256))
    assert "not an SM2 key" in refused(load_sm_private_key, private_pem(PRIVATE, None, rsa_kind))
    assert "not an SM2 key" in refused(load_sm_private_key, private_pem(b"\x00" * 32, None))
    assert "not an SM2 key" in refused(load_sm_private_key, private_pem(b"\xff" * 32, None))
    assert "not an SM2 key" in refused(load_sm_private_key, private_pem(PRIVATE[1:], None))
    assert "a public key" in refused(load_sm_private_key, PUBLIC_PEM)
    assert "password" in refused(load_sm_private_key, pem("ENCRYPTED PRIVATE KEY", b"\x30\x00"))
    assert "2 keys" in refused(load_sm_private_key, OWN_PEM + OWN_PEM)
    assert PRIVATE.hex() not in refused(load_sm_private_key, private_pem(PRIVATE, b"\x01" * 64))


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    assert "not on the curve" in refused(load_sm_public_key, public_pem(b"\x01" * 64))
    assert "uncompressed" in refused(load_sm_public_key, public_pem(b"\xff" * 64))
    assert "uncompressed" in refused(load_sm_public_key, public_pem(PUBLIC[:63]))


def test_no_cut_off_key_is_read_and_none_breaks_the_reader() -> None:
    for text, read, label in (
        (OWN_PEM, load_sm_private_key, "PRIVATE KEY"), (PUBLIC_PEM, load_sm_public_key, "PUBLIC KEY"),
    ):  # fmt: skip
        raw = base64.b64decode(b"".join(text.splitlines()[1:-1]))
        for size in range(len(raw)):
            refused(read, pem(label, raw[:size]))


def test_the_key_in_a_certificate_is_read() -> None:
    certificate = NATIONAL.certificate(certificate_pem(THEIRS[:2], PUBLIC), "$")
    assert sm_certificate_key(certificate) == PUBLIC
    assert SmVerifier(THEIRS[1]).verifies(certificate.signature, certificate.tbs_certificate_bytes)


def test_a_certificate_over_another_kind_of_key_is_refused() -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(timezone.utc)
    built = x509.CertificateBuilder(name, name, key.public_key(), 63, now, now + timedelta(1)).sign(key, SHA256())
    assert "not an SM2 key" in refused(lambda _, path: sm_certificate_key(built, path), b"")
    assert "certificate" in refused(NATIONAL.certificate, PUBLIC_PEM)
    assert "that can be read" in refused(NATIONAL.certificate, pem("CERTIFICATE", b"\x30\x00"))


def test_keys_are_read_from_pem_and_one_line_of_base64() -> None:
    assert load_sm_private_key(OWN_PEM) == (PRIVATE, PUBLIC)
    assert load_sm_public_key(PUBLIC_PEM) == PUBLIC
    assert load_sm_public_key(b"".join(PUBLIC_PEM.splitlines()[1:-1])) == PUBLIC


@pytest.mark.parametrize(
    "bad", [b"", b"x", OWN_PEM, PUBLIC_PEM[:60], pem("PUBLIC KEY", b"\x30\x03\x02\x01\x00"), b"A" * 70_000]
)
def test_what_is_no_key_is_a_config_error(bad: bytes) -> None:
    with pytest.raises(ConfigError) as refused:
        load_sm_public_key(bad)
    assert refused.value.code == "CONFIG_BAD_KEY"


def test_another_implementation_believes_our_signatures_and_we_believe_its_own() -> None:
    message = "微信支付 SM2\n".encode()
    raw = base64.b64decode(SmSigner(PRIVATE, PUBLIC).sign(message))
    r_size = raw[3]
    r, s = raw[4 : 4 + r_size], raw[6 + r_size :]
    other = gmalg.SM2(PRIVATE, b"1234567812345678", b"\x04" + PUBLIC)
    assert other.verify(message, r[-32:].rjust(32, b"\x00"), s[-32:].rjust(32, b"\x00"))
    numbers = [
        der(0x02, b"\x00" * (part[0] >> 7) + part) for part in (one.lstrip(b"\x00") for one in other.sign(message))
    ]
    verifier = SmVerifier(PUBLIC)
    assert verifier.verifies(der(0x30, b"".join(numbers)), message)
    assert not verifier.verifies(der(0x30, b"".join(numbers)), message + b"x")
    assert not verifier.verifies(b"nonsense", message)
    assert not SmVerifier(THEIRS[1]).verifies(raw, message)


def test_a_field_is_read_by_its_owner_only() -> None:
    sealed = SmEncrypter(PUBLIC).encrypt("张三".encode())
    assert SmDecrypter(PRIVATE).decrypt(sealed).decode() == "张三"
    for reader, text in ((SmDecrypter(THEIRS[0]), sealed), (SmDecrypter(PRIVATE), "AAAA"), (SmDecrypter(PRIVATE), "!")):
        with pytest.raises(Unsealable):
            reader.decrypt(text)


def test_b175_nothing_shows_a_key() -> None:
    shown = repr(SmSigner(PRIVATE, PUBLIC)) + repr(SmDecrypter(PRIVATE)) + repr(SmSeal(V3))
    assert PRIVATE.hex() not in shown
    assert V3.decode() not in shown


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gmssl_pyx", None)
    with pytest.raises(ConfigError) as refused:
        SmVerifier(PUBLIC)
    assert (refused.value.code, "payflow-gateway[sm]" in refused.value.message) == ("CONFIG_MISSING_EXTRA", True)
