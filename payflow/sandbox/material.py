"""Keys and certificates of the sandbox: its own, and those of the merchants it knows. All generated, none real.

They live in memory, or in a folder of PEM files that is made on the first start and used again afterwards, so that what
was put into a client's settings stays right.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

#: Made at the start; the ``next`` ones only when a certificate is rotated.
KEYS = ("root", "app", "alipay", "merchant", "platform", "wechat_public")
LATER = ("alipay_next", "platform_next", "stranger")
_BACK = timedelta(days=1)
#: In whose name the gateways' own certificates are. A renewed one keeps the name: that is how a client knows it.
_COMMON = {"alipay": "Alipay (payflow sandbox)", "platform": "Tenpay (payflow sandbox)"}


@dataclass(frozen=True, slots=True)
class AlipayApp:
    """An app of a merchant at Alipay. ``mode``: ``key`` or ``certificate``."""

    app_id: str
    seller_id: str
    mode: str


@dataclass(frozen=True, slots=True)
class WeChatMerchant:
    """A merchant at WeChat Pay. ``mode``: ``certificate``, ``public_key``, or ``both`` while it goes over."""

    mchid: str
    appid: str
    mode: str


APPS = (
    AlipayApp("2021000000000001", "2088000000000001", "key"),
    AlipayApp("2021000000000002", "2088000000000001", "certificate"),
)
MERCHANTS = (
    WeChatMerchant("1900000001", "wx0000000000000001", "certificate"),
    WeChatMerchant("1900000002", "wx0000000000000002", "public_key"),
    WeChatMerchant("1900000003", "wx0000000000000003", "both"),
)


class Material:
    """All keys. ``folder`` keeps them; ``None`` keeps them in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self._following: dict[str, x509.Certificate] = {}
        self._renewing = threading.Lock()
        with ThreadPoolExecutor(len(KEYS)) as makers:
            self._keys.update(zip(KEYS, makers.map(self._made, KEYS), strict=True))
        self.api_v3_key = self._secret("api_v3_key", lambda: secrets.token_hex(16))
        self.aes_key = self._secret("aes_key", lambda: base64.b64encode(secrets.token_bytes(16)).decode("ascii"))
        self.public_key_id = self._secret(
            "public_key_id", lambda: f"PUB_KEY_ID_01{MERCHANTS[1].mchid}{secrets.randbelow(10**22):022d}"
        )
        self.root_certificate = self._certificate("root", None, "payflow sandbox root")
        self.app_certificate = self._certificate("app", "root", APPS[1].app_id)
        self.alipay_certificate = self._certificate("alipay", "root", _COMMON["alipay"])
        self.merchant_certificate = self._certificate("merchant", "root", "merchant (payflow sandbox)")
        self.platform_certificate = self._certificate("platform", "root", _COMMON["platform"])

    # -- keys -------------------------------------------------------------------------------------------------------

    def key(self, name: str) -> rsa.RSAPrivateKey:
        """One private key of :data:`KEYS` or :data:`LATER`."""
        if name not in self._keys:
            self._keys[name] = self._made(name)
        return self._keys[name]

    def private_pem(self, name: str) -> bytes:
        """A private key as PKCS#8 PEM."""
        return self.key(name).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def private_line(self, name: str) -> str:
        """A private key as one line of base64, PKCS#1, as Alipay's tools write it."""
        raw = self.key(name).private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return base64.b64encode(raw).decode("ascii")

    def public_pem(self, name: str) -> bytes:
        """The public half of a key as PEM."""
        return (
            self.key(name)
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )

    def public_line(self, name: str) -> str:
        """The public half as one line of base64."""
        raw = (
            self.key(name)
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return base64.b64encode(raw).decode("ascii")

    def next_certificate(self, name: str) -> x509.Certificate:
        """A certificate over ``<name>_next`` for a rotation, always the same one, in the same name as the first."""
        with self._renewing:
            if name not in self._following:
                self._following[name] = self._certificate(f"{name}_next", "root", _COMMON[name])
            return self._following[name]

    def files(self) -> dict[str, bytes]:
        """Everything a client needs, as the contents of files by their names."""
        return {
            "app_private_key.pem": self.private_pem("app"),
            "app_public_key.pem": self.public_pem("app"),
            "app_cert.crt": pem(self.app_certificate),
            "alipay_public_key.pem": self.public_pem("alipay"),
            "alipay_cert.crt": pem(self.alipay_certificate),
            "alipay_root_cert.crt": pem(self.root_certificate),
            "aes_key.txt": self.aes_key.encode("ascii"),
            "wechat_merchant_key.pem": self.private_pem("merchant"),
            "wechat_merchant_cert.pem": pem(self.merchant_certificate),
            "wechat_platform_cert.pem": pem(self.platform_certificate),
            "wechat_public_key.pem": self.public_pem("wechat_public"),
            "wechat_public_key_id.txt": self.public_key_id.encode("ascii"),
            "wechat_api_v3_key.txt": self.api_v3_key.encode("ascii"),
        }

    def write(self, folder: Path) -> dict[str, Path]:
        """:meth:`files` as files in ``folder``: where each is, by its name."""
        folder.mkdir(parents=True, exist_ok=True)
        written = {}
        for name, text in self.files().items():
            written[name] = folder / name
            written[name].touch(mode=0o600)
            written[name].write_bytes(text)
        return written

    # -- making and keeping -----------------------------------------------------------------------------------------

    def _made(self, name: str) -> rsa.RSAPrivateKey:
        kept = self._kept(f"{name}.key.pem")
        if kept is not None:
            loaded = serialization.load_pem_private_key(kept, None)
            if isinstance(loaded, rsa.RSAPrivateKey):
                return loaded
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._keep(
            f"{name}.key.pem",
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        return key

    def _secret(self, name: str, make: Callable[[], str]) -> str:
        kept = self._kept(f"{name}.txt")
        if kept is not None:
            return kept.decode("ascii").strip()
        made = make()
        self._keep(f"{name}.txt", made.encode("ascii"))
        return made

    def _certificate(self, name: str, issuer: str | None, common: str) -> x509.Certificate:
        kept = self._kept(f"{name}.cert.pem")
        if kept is not None:
            return x509.load_pem_x509_certificate(kept)
        certificate = self._issued(name, issuer, common)
        self._keep(f"{name}.cert.pem", pem(certificate))
        return certificate

    def _issued(self, name: str, issuer: str | None, common: str) -> x509.Certificate:
        subject = _name(common)
        by = subject if issuer is None else self.root_certificate.subject
        signer = self.key(issuer or name)
        today = datetime.now(timezone.utc).replace(microsecond=0)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(self.key(name).public_key())
            .serial_number(secrets.randbits(156) | 1 << 156)
            .not_valid_before(today - _BACK).not_valid_after(today + timedelta(days=1825))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        )  # fmt: skip
        if issuer is not None:
            usage = x509.KeyUsage(
                digital_signature=True, content_commitment=False, key_encipherment=True, data_encipherment=False,
                key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
            )  # fmt: skip
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(signer, hashes.SHA256())

    def _kept(self, name: str) -> bytes | None:
        if self._folder is None or not (self._folder / name).exists():
            return None
        return (self._folder / name).read_bytes()

    def _keep(self, name: str, text: bytes) -> None:
        if self._folder is not None:
            (self._folder / name).touch(mode=0o600)
            (self._folder / name).write_bytes(text)


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def serial_of(certificate: x509.Certificate) -> str:
    """A serial as WeChat Pay writes it: capital hex digits, 40 of them."""
    return f"{certificate.serial_number:040X}"


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "payflow sandbox"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "not a real authority"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )
