"""Keys that are wrong, each made wrong for real."""

from __future__ import annotations

import pytest

from payflow.diagnosis.findings import Severity
from payflow.diagnosis.keys import key_findings
from payflow.sandbox.material import pem
from payflow.testing.signed import private_key, public_pem

from .world import ALIPAY, NOW, OWN, WECHAT, alipay, certificate, codes, one, private_pem, sandboxed, wechat


def found(material, *others, production=False):
    return key_findings(material, others, NOW, production=production)


@pytest.fixture(scope="module")
def keys():
    return sandboxed()


@pytest.fixture
def certified(keys):
    """An account in certificate mode whose chain is right."""

    def made(**changes):
        options = {
            "alipay_public_key": None, "app_private_key": keys.private_pem("app"), "sandbox": True,
            "app_certificate": pem(keys.app_certificate), "alipay_certificate": pem(keys.alipay_certificate),
            "alipay_root_certificate": pem(keys.root_certificate),
        }  # fmt: skip
        return alipay(**(options | changes))

    return made


def test_right_keys_are_called_right():
    assert codes(found(alipay())) == ["KEYS_LOADED"]
    assert codes(found(wechat())) == ["KEYS_LOADED"]


def test_the_apps_own_public_key_given_as_alipays():
    finding = one(found(alipay(alipay_public_key=public_pem(OWN))), "OWN_KEY_AS_THEIRS")
    assert finding.severity is Severity.ERROR
    assert "alipay_public_key is your own public key" in finding.english
    assert "alipay_public_key 填的是您自己的公钥" in finding.chinese


def test_the_merchants_own_public_key_given_as_wechat_pays():
    assert "public_key is your own" in one(found(wechat(public_key=public_pem(OWN))), "OWN_KEY_AS_THEIRS").english


def test_a_platform_certificate_that_is_the_merchants_own():
    own = certificate(common=WECHAT.mchid)
    material = wechat(public_key=None, platform_certificates=[own], certificate=own)
    assert "platform_certificates[0]" in one(found(material), "OWN_CERTIFICATE_AS_THEIRS").english


def test_a_platform_certificate_that_is_the_merchants_own_is_known_by_its_name_alone():
    material = wechat(public_key=None, private_key=None, platform_certificates=[certificate(common=WECHAT.mchid)])
    assert WECHAT.mchid in one(found(material), "OWN_CERTIFICATE_AS_THEIRS").english


def test_the_same_key_on_both_sides():
    material = wechat(public_key=None, platform_certificates=[certificate()])
    assert codes(found(material))[0] == "SAME_KEY_BOTH_SIDES"


def test_alipays_certificate_given_as_the_apps(certified, keys):
    material = certified(app_certificate=pem(keys.alipay_certificate))
    assert {"THEIR_CERTIFICATE_AS_OWN", "CERTIFICATE_NOT_OF_KEY"} <= set(codes(found(material)))


def test_a_private_key_that_does_not_match_its_certificate(certified, keys):
    material = certified(app_private_key=keys.private_pem("merchant"))
    assert (
        "app_private_key does not belong to app_certificate" in one(found(material), "CERTIFICATE_NOT_OF_KEY").english
    )


def test_a_merchant_key_that_does_not_match_its_certificate():
    material = wechat(private_key=private_pem(private_key("other")), certificate=certificate())
    assert "private_key does not belong to certificate" in one(found(material), "CERTIFICATE_NOT_OF_KEY").english


def test_a_serial_that_is_not_the_certificates():
    material = wechat(certificate=certificate(serial=0xABCDEF12), certificate_serial="99887766")
    assert "ABCDEF12" in one(found(material), "SERIAL_NOT_OF_CERTIFICATE").english


def test_leading_zeros_and_small_letters_do_not_make_another_serial():
    material = wechat(certificate=certificate(serial=0xABCDEF12), certificate_serial="00abcdef12")
    assert "SERIAL_NOT_OF_CERTIFICATE" not in codes(found(material))


def test_the_platform_certificates_serial_given_as_the_merchants():
    theirs = certificate(WECHAT.key, serial=0xFEDC0123)
    material = wechat(platform_certificates=[theirs], certificate_serial="FEDC0123")
    assert "platform_certificates[0]" in one(found(material), "PLATFORM_SERIAL_AS_OWN").english


def test_a_certificate_of_another_merchant():
    finding = one(found(wechat(certificate=certificate(common="1900000099"))), "CERTIFICATE_OF_OTHER_MERCHANT")
    assert "1900000099" in finding.english
    assert finding.severity is Severity.WARNING


def test_another_accounts_own_key_given_as_wechat_pays():
    material = wechat(public_key=public_pem(private_key("shop")))
    other = alipay("shop", app_private_key=private_pem(private_key("shop")))
    assert "account 'shop'" in one(found(material, other), "OTHER_ACCOUNTS_OWN_KEY").english


def test_one_private_key_for_two_accounts():
    assert one(found(wechat(), alipay()), "KEY_SHARED").severity is Severity.WARNING


def test_one_private_key_for_two_sandbox_accounts_is_nothing():
    assert "KEY_SHARED" not in codes(found(wechat(sandbox=True), alipay(sandbox=True)))


@pytest.mark.parametrize(
    ("option", "text", "english", "chinese"),
    [
        ("app_private_key", public_pem(OWN), "is a public key", "公钥"),
        ("alipay_public_key", private_pem(), "is a private key", "私钥"),
        ("alipay_public_key", b"MIIBIjANBg not base64!", "neither PEM, nor DER", "既不是 PEM"),
        ("alipay_public_key", public_pem(OWN)[:200], "cut off", "不完整"),
        ("app_private_key", public_pem(private_key("short", 1024)), "is a public key", "公钥"),
        ("app_private_key", private_pem(private_key("short", 1024)), "has 1024 bits", "长度"),
        ("alipay_public_key", public_pem(OWN) + public_pem(OWN), "it must hold one", "只能有一个"),
    ],
)
def test_a_key_that_does_not_load_is_named_and_explained(option, text, english, chinese):
    finding = one(found(alipay(**{option: text})), "KEY_UNREADABLE")
    assert finding.english.startswith(option)
    assert english in finding.english
    assert chinese in finding.chinese


def test_one_key_that_does_not_load_does_not_hide_another_mistake():
    material = wechat(public_key=b"nothing", platform_certificates=[certificate()])
    assert {"KEY_UNREADABLE", "SAME_KEY_BOTH_SIDES"} <= set(codes(found(material)))


# -- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "code", "days"),
    [
        (-900, -3, "CERTIFICATE_EXPIRED", "expired 2 days ago"),
        (2, 900, "CERTIFICATE_NOT_YET_VALID", "becomes valid in 3 days"),
        (-900, 29, "CERTIFICATE_EXPIRES_SOON", "expires in 29 days"),
        (-900, 31, "CERTIFICATE_VALID", "31 more days"),
    ],
)
def test_the_time_of_a_certificate_is_told_in_days(first, last, code, days):
    held = certificate(WECHAT.key, first=first, last=last)
    finding = one(found(wechat(public_key=None, platform_certificates=[held])), code)
    assert days in finding.english


def test_an_expired_certificate_beside_a_key_that_lasts_is_a_warning():
    held = certificate(WECHAT.key, first=-900, last=-3)
    assert one(found(wechat(platform_certificates=[held])), "CERTIFICATE_EXPIRED").severity is Severity.WARNING


def test_an_expired_certificate_alone_is_an_error():
    held = certificate(WECHAT.key, first=-900, last=-3)
    material = wechat(public_key=None, platform_certificates=[held])
    assert one(found(material), "CERTIFICATE_EXPIRED").severity is Severity.ERROR


# -- the chain -----------------------------------------------------------------------------------------------------


def test_a_chain_that_holds_is_said_to_hold(certified):
    assert codes(found(certified()))[-1] == "CHAIN_HOLDS"


def test_a_certificate_of_another_root(certified):
    root = certificate(private_key("root"), organisation="another", ca=True)
    finding = one(found(certified(alipay_root_certificate=root)), "CERTIFICATE_CHAIN")
    assert "does not lead to one of the roots" in finding.english
    assert "不是由这些根证书签发的" in finding.chinese


def test_a_leaf_given_as_root(certified, keys):
    material = certified(alipay_root_certificate=pem(keys.alipay_certificate))
    assert "no root" in one(found(material), "ROOT_UNUSABLE").english


def test_an_expired_leaf_is_said_once(certified):
    material = certified(alipay_certificate=certificate(ALIPAY.key, first=-900, last=-3, ca=False))
    assert [code for code in codes(found(material)) if code in ("CERTIFICATE_EXPIRED", "CERTIFICATE_CHAIN")] == [
        "CERTIFICATE_EXPIRED"
    ]


def test_roots_that_are_not_alipays_own_are_an_error_in_production(certified):
    material = certified(sandbox=False)
    assert one(found(material, production=True), "ROOT_NOT_ALIPAYS").severity is Severity.ERROR
    assert one(found(material), "ROOT_NOT_ALIPAYS").severity is Severity.WARNING


def test_roots_that_are_named_in_the_config_are_taken(certified, keys):
    from payflow.gateways.alipay.certificates import cert_sn

    material = certified(sandbox=False, alipay_root_cert_sn=cert_sn(keys.root_certificate))
    assert "ROOT_NOT_ALIPAYS" not in codes(found(material, production=True))
