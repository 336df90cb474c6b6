"""What Alipay calls the SN of a certificate, https://opendocs.alipay.com/common/057k53."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

_NAMES = {
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COMMON_NAME: "CN",
}
_RSA_FAMILY = "1.2.840.113549.1.1."


def cert_sn(certificate: x509.Certificate) -> str:
    """MD5 of the issuer's name, last part first, and the decimal serial number."""
    parts = [f"{_NAMES.get(one.oid, one.oid.dotted_string)}={one.value!s}" for one in certificate.issuer]
    text = ",".join(reversed(parts)) + str(certificate.serial_number)
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()


def root_cert_sn(certificates: Sequence[x509.Certificate]) -> str:
    """The SNs of those roots that an RSA key has signed, joined by ``_``."""
    counted = [one for one in certificates if one.signature_algorithm_oid.dotted_string.startswith(_RSA_FAMILY)]
    return "_".join(cert_sn(one) for one in counted)
