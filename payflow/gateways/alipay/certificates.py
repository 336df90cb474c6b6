"""Certificate mode: serial names, the root file, and the chain from Alipay's certificate to a root.

- How the ``cert_sn`` values are made, and which certificates of the root file count:
  https://opendocs.alipay.com/common/057k53
- Fetching the certificate that replaces ours: https://opendocs.alipay.com/common/06ue2z
"""

from __future__ import annotations

import hashlib
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from ...errors import ConfigError
from ...signing import certificate_key, certificate_validity

#: The ``alipay_root_cert_sn`` of Alipay's own root file. In production no other root is believed unless it is named.
PINNED_ROOT_SN = "687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf3d3b83462e1dfcf6"

_RSA_SIGNATURES = "1.2.840.113549.1.1."
_SHORT = {
    NameOID.COMMON_NAME: "CN", NameOID.ORGANIZATIONAL_UNIT_NAME: "OU", NameOID.ORGANIZATION_NAME: "O",
    NameOID.LOCALITY_NAME: "L", NameOID.STATE_OR_PROVINCE_NAME: "ST", NameOID.COUNTRY_NAME: "C",
    NameOID.EMAIL_ADDRESS: "E",
}  # fmt: skip
_MAX_CERTIFICATES = 20
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def cert_sn(certificate: x509.Certificate) -> str:
    """The name of a certificate: the MD5, as 32 hex digits, of its issuer's name and its decimal serial.

    The issuer is written with its parts in reverse order, ``CN=…,OU=…,O=…,C=CN``. MD5 only names here; it proves
    nothing.
    """
    parts = [
        f"{_SHORT.get(one.oid, one.oid.dotted_string)}={one.value!s}" for one in reversed(list(certificate.issuer))
    ]
    text = ",".join(parts) + str(certificate.serial_number)
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()


def holder(certificate: x509.Certificate) -> str:
    """Whose it is: the common name. Alipay's own has its company and our number there, an app's its merchant and app.

    The organisation does not tell them apart: it is the merchant's in both.
    """
    return "\n".join(str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def certificates_in(pem: bytes, path: str) -> list[x509.Certificate]:
    """Every readable certificate of a PEM text, in its order. What cannot be read is not RSA, and not ours to use.

    (Alipay's root file holds an SM2 root, and an ECDSA one that today's ``cryptography`` refuses to read.)
    Raises ``CONFIG_BAD_KEY`` if there is none, or far too many.
    """
    blocks = pem.split(_BEGIN)[1:]
    if not 1 <= len(blocks) <= _MAX_CERTIFICATES:
        raise ConfigError(f"The file at {path} holds no certificate", path=path, code="CONFIG_BAD_KEY")
    found = []
    for block in blocks:
        body, end, _ = block.partition(_END)
        try:
            found.append(x509.load_pem_x509_certificate(_BEGIN + body + end + b"\n"))
        except (ValueError, UnsupportedAlgorithm):
            continue
    if not found:
        raise ConfigError(f"No certificate at {path} can be read", path=path, code="CONFIG_BAD_KEY")
    return found


class Roots:
    """The roots we believe: the RSA-signed certificates of Alipay's root file. ``sn`` is their name in requests."""

    def __init__(self, pem: bytes, path: str = "$", *, pinned: str | None = None) -> None:
        """Raises ``CONFIG_BAD_KEY`` for a file without roots, ``CONFIG_CERT_CHAIN`` for one with other roots than
        ``pinned``."""
        roots = [
            one
            for one in certificates_in(pem, path)
            if one.signature_algorithm_oid.dotted_string.startswith(_RSA_SIGNATURES)
        ]
        if not roots:
            raise ConfigError(f"There is no RSA root at {path}", path=path, code="CONFIG_BAD_KEY")
        for root in roots:
            if not _is_authority(root):
                raise ConfigError(
                    f"The file at {path} holds a certificate that is no root", path=path, code="CONFIG_CERT_CHAIN"
                )
        self.sn = "_".join(map(cert_sn, roots))
        if pinned is not None and self.sn != pinned:
            raise ConfigError(
                f"The roots at {path} are not Alipay's own; download alipayRootCert.crt again, or name them with "
                "alipay_root_cert_sn if Alipay has new ones",
                path=path, code="CONFIG_CERT_CHAIN",
            )  # fmt: skip
        self._roots = tuple(roots)

    def checked(self, pem: bytes, now: int, path: str = "$") -> x509.Certificate:
        """The first certificate of ``pem``, if it is valid at ``now`` and leads to one of the roots.

        Intermediates are looked for in ``pem`` and among the roots. Raises ``CONFIG_CERT_CHAIN``,
        ``CONFIG_CERT_EXPIRED`` (or not yet valid), ``CONFIG_BAD_KEY``.
        """
        leaf, *others = certificates_in(pem, path)
        if _is_authority(leaf) or not _may_sign(leaf):
            _broken(path, "is not one that signs messages")
        certificate_key(leaf, path)
        current, seen = leaf, 0
        while True:
            first, last = certificate_validity(current)
            if not first <= now <= last:
                raise ConfigError(f"The certificate at {path} is not valid now", path=path, code="CONFIG_CERT_EXPIRED")
            if any(_issued(current, root) and _valid(root, now) for root in self._roots):
                return leaf
            issuer = next((one for one in others if _is_authority(one) and _issued(current, one)), None)
            seen += 1
            if issuer is None or issuer == current or seen > _MAX_CERTIFICATES:
                _broken(
                    path,
                    "does not lead to one of the roots (the file as downloaded also holds the certificate in between)",
                )
            current = issuer


def private_matches(certificate: x509.Certificate, public: rsa.RSAPublicKey) -> bool:
    """Whether a certificate is over this public key."""
    key = certificate.public_key()
    return isinstance(key, rsa.RSAPublicKey) and key.public_numbers() == public.public_numbers()


def _broken(path: str, why: str) -> NoReturn:
    raise ConfigError(f"The certificate at {path} {why}", path=path, code="CONFIG_CERT_CHAIN")


def _valid(certificate: x509.Certificate, now: int) -> bool:
    first, last = certificate_validity(certificate)
    return first <= now <= last


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False
    return usage.digital_signature


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
