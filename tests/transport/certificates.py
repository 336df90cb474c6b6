"""A certification authority for tests, and the certificates a client must refuse."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = dt.datetime.now(dt.timezone.utc)
DAY = dt.timedelta(days=1)


class Certificates:
    """Writes PEM files into ``folder``; ``ca_file`` is what a client may trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test root")])
        self._root = _certificate(self._name, self._name, self._key, self._key, [], NOW + DAY, authority=True)
        self.ca_file = str(folder / "root.pem")
        Path(self.ca_file).write_bytes(self._root.public_bytes(serialization.Encoding.PEM))

    def good(self) -> ssl.SSLContext:
        return self._server("good", "127.0.0.1", NOW + DAY)

    def expired(self) -> ssl.SSLContext:
        return self._server("expired", "127.0.0.1", NOW - DAY / 2)

    def wrong_host(self) -> ssl.SSLContext:
        return self._server("wrong-host", "127.0.0.2", NOW + DAY)

    def only_common_name(self) -> ssl.SSLContext:
        """Names the host as people did before 2000, without a subject alternative name."""
        return self._server("common-name", None, NOW + DAY, common_name="localhost")

    def self_signed(self) -> ssl.SSLContext:
        return self._server("self-signed", "127.0.0.1", NOW + DAY, self_signed=True)

    def old_protocol(self) -> ssl.SSLContext:
        """A genuine certificate, spoken with TLS 1.1 at most."""
        context = self.good()
        context.set_ciphers("ALL:@SECLEVEL=0")
        return _at_most_tls_1_1(context)

    def _server(
        self,
        file: str,
        address: str | None,
        until: dt.datetime,
        *,
        common_name: str = "server",
        self_signed: bool = False,
    ) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(address))] if address else []
        issuer, by = (name, key) if self_signed else (self._name, self._key)
        certificate = _certificate(name, issuer, key, by, names, until)
        path = self._folder / f"{file}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def old_client() -> ssl.SSLContext:
    """A client that speaks TLS 1.1 and believes everything: proves that the old server does answer somebody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    return _at_most_tls_1_1(context)


def _at_most_tls_1_1(context: ssl.SSLContext) -> ssl.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # nobody should; that is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _certificate(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey,
    names: list[x509.GeneralName], until: dt.datetime, *, authority: bool = False,
) -> x509.Certificate:  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 10 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(by, hashes.SHA256())
