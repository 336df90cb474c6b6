"""Whether the keys of an account are the right ones, each in its place and in its time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..clock import SECOND
from ..errors import ConfigError
from ..gateways.alipay.certificates import PINNED_ROOT_SN, Roots
from ..signing import certificate_validity
from .doctor_words import DOCTOR, both
from .findings import Fact, Finding, Severity, healthy, said
from .material import OWN, THEIRS, Held, Material, Unreadable

DAY = 86_400 * SECOND
SOON_DAYS = 30
NAMES: dict[str, Fact] = {"alipay": ("Alipay", "支付宝"), "wechat": ("WeChat Pay", "微信支付")}


def key_findings(material: Material, others: Sequence[Material], now: int, *, production: bool) -> list[Finding]:
    """Everything there is to say about the keys of one account; ``others`` are the other accounts of its config."""
    found = [_unreadable(material.account, one) for one in material.unreadable]
    found += _swapped(material)
    found += _mismatched(material)
    found += _shared(material, others)
    if healthy(found) and material.keys:
        found.append(said(DOCTOR, "KEYS_LOADED", material.account, count=len(material.keys)))
    found += _in_time(material, now)
    if material.gateway == "alipay":
        found += _chain(material, now, production=production)
    return found


def why(error: ConfigError, option: str = "") -> Fact:
    """What an error of the config says, without naming the place again."""
    english = error.message
    for prefix in (f"The key at {option} ", f"The certificate at {option} ", f"The file at {option} "):
        english = english.removeprefix(prefix)
    return both(english)


def misplaced(material: Material) -> list[Finding]:
    """Keys that stand on the wrong side, or do not fit each other."""
    return [*_swapped(material), *_mismatched(material)]


def _unreadable(account: str, one: Unreadable) -> Finding:
    return said(DOCTOR, "KEY_UNREADABLE", account, option=one.option, where=one.where, why=why(one.error, one.option))


def _swapped(material: Material) -> Iterator[Finding]:
    """One key on both sides. What is called wrong is the side that does not fit the private key."""
    own = material.side(OWN)
    private = next((key for key in own if key.certificate is None), None)
    gateway = NAMES[material.gateway]
    for theirs in material.side(THEIRS):
        mine = next((key for key in own if key.is_same(theirs)), None)
        if mine is None:
            if _issued_to(theirs) == material.merchant and material.merchant:
                yield said(DOCTOR, "OWN_CERTIFICATE_AS_THEIRS", material.account, gateway=gateway,
                           theirs=theirs.option, own=f"CN={material.merchant}")  # fmt: skip
            continue
        if private is not None and not mine.is_same(private):
            code = "THEIR_CERTIFICATE_AS_OWN"
        elif theirs.certificate is None:
            code = "OWN_KEY_AS_THEIRS"
        elif any(key.certificate == theirs.certificate for key in own):
            code = "OWN_CERTIFICATE_AS_THEIRS"
            mine = next(key for key in own if key.certificate == theirs.certificate)
        else:
            code = "SAME_KEY_BOTH_SIDES"
        yield said(DOCTOR, code, material.account, gateway=gateway, theirs=theirs.option, own=mine.option)


def _mismatched(material: Material) -> Iterator[Finding]:
    """An own certificate over another key, a serial of another certificate."""
    own = material.side(OWN)
    private = next((key for key in own if key.certificate is None), None)
    certificate = next((key for key in own if key.certificate is not None), None)
    if private is not None and certificate is not None and not certificate.is_same(private):
        yield said(DOCTOR, "CERTIFICATE_NOT_OF_KEY", material.account, gateway=NAMES[material.gateway],
                   private=private.option, certificate=certificate.option)  # fmt: skip
    issued_to = "" if certificate is None else _issued_to(certificate)
    if certificate is not None and material.gateway == "wechat" and issued_to not in ("", material.merchant):
        yield said(DOCTOR, "CERTIFICATE_OF_OTHER_MERCHANT", material.account, option=certificate.option,
                   merchant=issued_to, ours=material.merchant)  # fmt: skip
    serial = plain_serial(material.options.get("certificate_serial") or "")
    if not serial or material.gateway != "wechat":
        return
    theirs = next((key for key in material.side(THEIRS) if key.certificate and plain_serial(key.name) == serial), None)
    if theirs is not None:
        yield said(DOCTOR, "PLATFORM_SERIAL_AS_OWN", material.account, theirs=theirs.option)
    elif certificate is not None and plain_serial(certificate.name) != serial:
        yield said(DOCTOR, "SERIAL_NOT_OF_CERTIFICATE", material.account, serial=certificate.name)


def _shared(material: Material, others: Sequence[Material]) -> Iterator[Finding]:
    for other in others:
        for key in other.side(OWN):
            if key.certificate is not None:
                continue
            for ours in material.keys:
                if not ours.is_same(key) or ours.certificate is not None:
                    continue
                if ours.side == THEIRS:
                    yield said(DOCTOR, "OTHER_ACCOUNTS_OWN_KEY", material.account, theirs=ours.option, own=key.option,
                               other=other.account, gateway=NAMES[material.gateway])  # fmt: skip
                elif not (material.sandbox and other.sandbox):
                    yield said(DOCTOR, "KEY_SHARED", material.account, option=ours.option, other=other.account)


def plain_serial(serial: str) -> str:
    """A serial in one spelling: capital letters, no leading zeros."""
    return serial.upper().lstrip("0")


def _issued_to(key: Held) -> str:
    """The merchant a certificate was issued to (WeChat Pay puts the number into its CN); empty for anything else."""
    if key.certificate is None:
        return ""
    names = [str(one.value) for one in key.certificate.subject if one.oid.dotted_string == "2.5.4.3"]
    return names[0] if names and names[0].isascii() and names[0].isdigit() and 8 <= len(names[0]) <= 10 else ""


# -- time ----------------------------------------------------------------------------------------------------------


def _in_time(material: Material, now: int) -> Iterator[Finding]:
    lasting = [key for key in material.side(THEIRS) if _lasts(key, now)]
    for key in material.keys:
        if key.certificate is None:
            continue
        first, last = certificate_validity(key.certificate)
        code, days = _when(first, last, now)
        severity = None
        if code in ("CERTIFICATE_EXPIRED", "CERTIFICATE_NOT_YET_VALID") and key.side == THEIRS and lasting:
            severity = Severity.WARNING  # another one takes its place
        facts: dict[str, Fact] = {"option": key.option, "name": key.name, "days": days}
        yield said(DOCTOR, code, material.account, severity, **facts)


def _when(first: int, last: int, now: int) -> tuple[str, int]:
    if now > last:
        return "CERTIFICATE_EXPIRED", (now - last) // DAY
    if now < first:
        return "CERTIFICATE_NOT_YET_VALID", -((now - first) // DAY)
    days = (last - now) // DAY
    return ("CERTIFICATE_EXPIRES_SOON" if days < SOON_DAYS else "CERTIFICATE_VALID"), days


def _lasts(key: Held, now: int) -> bool:
    if key.certificate is None:
        return True
    first, last = certificate_validity(key.certificate)
    return first <= now <= last


# -- Alipay's chain ------------------------------------------------------------------------------------------------


def _chain(material: Material, now: int, *, production: bool) -> Iterable[Finding]:
    root, leaf = material.secret("alipay_root_certificate"), material.secret("alipay_certificate")
    if root is None:
        return
    option = "alipay_root_certificate"
    try:
        roots = Roots(root, option)
    except ConfigError as error:
        yield said(DOCTOR, "ROOT_UNUSABLE", material.account, why=why(error, option))
        return
    wanted = material.options.get("alipay_root_cert_sn") or PINNED_ROOT_SN
    if roots.sn != wanted and not (material.sandbox and "alipay_root_cert_sn" not in material.options):
        severity = Severity.ERROR if production else Severity.WARNING
        yield said(DOCTOR, "ROOT_NOT_ALIPAYS", material.account, severity, name=roots.sn)
    held = material.option("alipay_certificate")
    if leaf is None or held is None:
        return
    try:
        roots.checked(leaf, now, "alipay_certificate")
    except ConfigError as error:
        if error.code == "CONFIG_CERT_EXPIRED" and not _lasts(held, now):
            return  # said where the certificate's time is
        yield said(DOCTOR, "CERTIFICATE_CHAIN", material.account, why=why(error, "alipay_certificate"))
        return
    yield said(DOCTOR, "CHAIN_HOLDS", material.account)
