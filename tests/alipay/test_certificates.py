"""Certificate mode: only what leads to a root of ours is believed, and it is looked at when it is used."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from payflow.errors import ConfigError
from payflow.gateways.alipay import Roots
from payflow.testing.signed import private_key

from .scripted import Script, pem_of

TODAY = datetime.now(timezone.utc)
NOW = int(TODAY.timestamp()) * 1_000_000


def issued(
    name: str, by: str, *, ca: bool = False, days: int = 30, since: int = -1, signs: bool = True, common: str = ""
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, text)]
        )

    usage = x509.KeyUsage(signs, False, True, False, False, ca, ca, False, False)
    builder = x509.CertificateBuilder().subject_name(named(common or name)).issuer_name(named(by))
    builder = builder.public_key(private_key(name).public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(TODAY + timedelta(days=since)).not_valid_after(TODAY + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca, None), True).add_extension(usage, True)
    return builder.sign(private_key(by), hashes.SHA256())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


ROOT = issued("root", "root", ca=True)
MIDDLE = issued("middle", "root", ca=True)


def code(roots: Roots, text: bytes, now: int = NOW) -> str:
    with pytest.raises(ConfigError) as refused:
        roots.checked(text, now)
    return refused.value.code


def test_a_certificate_leads_to_its_root_directly_or_by_another() -> None:
    roots = Roots(pem(ROOT))
    for text in (pem(issued("leaf", "root")), pem(issued("leaf", "middle"), MIDDLE)):
        assert roots.checked(text, NOW).subject


def test_b183_a_stranger_with_the_same_name_is_refused() -> None:
    roots = Roots(pem(ROOT))
    assert code(roots, pem(issued("leaf", "stranger"))) == "CONFIG_CERT_CHAIN"
    fake = issued("stranger", "stranger", ca=True, common="root")
    assert code(roots, pem(issued("leaf", "stranger"), fake)) == "CONFIG_CERT_CHAIN"
    assert code(roots, pem(issued("leaf", "middle"))) == "CONFIG_CERT_CHAIN"  # the one in between is missing


def test_b185_a_leaf_is_no_authority_and_an_authority_no_leaf() -> None:
    roots = Roots(pem(ROOT))
    assert code(roots, pem(issued("leaf", "root", ca=True))) == "CONFIG_CERT_CHAIN"
    assert code(roots, pem(issued("leaf", "root", signs=False))) == "CONFIG_CERT_CHAIN"
    between = issued("middle", "root", ca=False)
    assert code(roots, pem(issued("leaf", "middle"), between)) == "CONFIG_CERT_CHAIN"


def test_b186_expired_and_not_yet_valid() -> None:
    roots = Roots(pem(ROOT))
    leaf = pem(issued("leaf", "root", days=10))
    assert code(roots, leaf, NOW + 20 * 86_400_000_000) == "CONFIG_CERT_EXPIRED"
    assert code(roots, leaf, NOW - 20 * 86_400_000_000) == "CONFIG_CERT_EXPIRED"


def test_b184_roots_that_are_none_and_roots_of_strangers() -> None:
    with pytest.raises(ConfigError) as refused:
        Roots(pem(ROOT, issued("leaf", "root")))
    assert refused.value.code == "CONFIG_CERT_CHAIN"
    with pytest.raises(ConfigError) as refused:
        Roots(pem(ROOT, issued("stranger", "stranger", ca=True)), pinned=Roots(pem(ROOT)).sn)
    assert refused.value.code == "CONFIG_CERT_CHAIN"


def test_roots_of_another_kind_of_key_are_skipped() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elliptic")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(TODAY).not_valid_after(TODAY + timedelta(days=1))
    other = builder.sign(key, hashes.SHA256())
    assert Roots(pem(other, ROOT)).sn == Roots(pem(ROOT)).sn
    with pytest.raises(ConfigError):
        Roots(pem(other))


def test_certificate_mode_names_its_certificates_and_checks_the_apps_own(far: Script) -> None:
    given = {"alipay_public_keys": (), "root_certificate": pem(ROOT)}
    given["surroundings"] = None  # today's clock: the certificates are of today
    ours = far.gateway(
        **given, app_certificate=pem(issued("app", "root")), alipay_certificate=pem(issued("alipay", "root"))
    )
    assert ours.capabilities.operations
    with pytest.raises(ConfigError) as refused:
        far.gateway(
            **given, app_certificate=pem(issued("leaf", "root")), alipay_certificate=pem(issued("alipay", "root"))
        )
    assert refused.value.code == "CONFIG_KEY_MISMATCH"
    with pytest.raises(ConfigError) as refused:
        far.gateway(**given, alipay_certificate=pem(issued("alipay", "stranger")), app_private_key=pem_of("app"))
    assert refused.value.code == "CONFIG_CERT_CHAIN"
