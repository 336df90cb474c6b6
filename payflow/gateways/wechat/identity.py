"""Who we are to WeChat Pay: the merchant's private key, the serial of its certificate, and the options of a config.

- API certificates: https://pay.weixin.qq.com/doc/v3/merchant/4013053053
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ...errors import ConfigError
from ...signing import MAX_SIGNATURE_TEXT, certificate_serial, decode_base64, is_certificate
from ..receiving import revealed
from .keys import INTERNATIONAL, TOLERANCE_SECONDS, Suite, key_name
from .products import MAX_NOTIFY_URL, is_loopback

_SERIAL = re.compile(r"[0-9A-Fa-f]{1,64}", re.ASCII)
_TRIAL = b"payflow"  # signed to see whether a certificate belongs to a key, whatever their kind
_URL_TEXT = re.compile(r"[!-~]+", re.ASCII)


class Identity:
    """The merchant's key, ready to sign and to decrypt, and the serial requests name it by."""

    __slots__ = ("decrypter", "serial", "signer")

    def __init__(
        self, key: bytes, serial: str | None, certificate: bytes | None, path: str, suite: Suite = INTERNATIONAL
    ) -> None:
        """Raises ``ConfigError``: ``CONFIG_BAD_KEY``, ``CONFIG_KEY_MISMATCH``, ``CONFIG_MISSING_FIELD``."""
        self.signer, self.decrypter = suite.own_key(key, f"{path}.private_key")
        if certificate is not None:
            found = suite.certificate(certificate, f"{path}.certificate")
            certified, _ = suite.certified(found, f"{path}.certificate")
            if not certified.verifies(decode_base64(self.signer.sign(_TRIAL), MAX_SIGNATURE_TEXT), _TRIAL):
                raise _mismatch(f"{path}.certificate", "is over another key than private_key")
            named, serial = serial, certificate_serial(found)
            if named is not None and key_name(named) != key_name(serial):
                raise _mismatch(f"{path}.certificate_serial", "is not the serial of the certificate")
        if serial is None or _SERIAL.fullmatch(serial) is None:
            raise ConfigError(
                "A private_key needs the certificate it belongs to, or certificate_serial (hex digits)",
                path=f"{path}.certificate_serial", code="CONFIG_MISSING_FIELD",
            )  # fmt: skip
        self.serial = serial.upper()


def checked_notify_url(url: str | None) -> str | None:
    """The address for notifications, if WeChat Pay takes it: https, without a query. http only to this machine.

    Raises ``ConfigError``: ``CONFIG_CALLBACK_URL``.
    """
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    clean = secure and parts.hostname and "@" not in parts.netloc and "?" not in url and "#" not in url
    if not clean or len(url) > MAX_NOTIFY_URL or _URL_TEXT.fullmatch(url) is None:
        raise ConfigError(
            f"WeChat Pay calls back to https addresses of at most {MAX_NOTIFY_URL} characters, without a query",
            path="$.callbacks.base_url", code="CONFIG_CALLBACK_URL",
        )  # fmt: skip
    return url


def options_of(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an account in a config, as the constructor takes them.

    Raises ``ConfigError``: ``CONFIG_BAD_KEY`` and ``CONFIG_MISSING_FIELD``, each with the path of the option.
    """
    path, suite = f"$.gateways.{name}", suite_of(options)
    chosen: dict[str, Any] = {
        "appid": options["appid"], "mchid": options["mchid"], "api_v3_key": revealed(options["api_v3_key"]),
        "suite": suite, "platform_keys": _platform_keys(options, path, suite),
        "tolerance_seconds": options.get("callback_tolerance_seconds") or TOLERANCE_SECONDS,
        "merchant_key": _revealed(options.get("private_key")),
        "merchant_certificate": _revealed(options.get("certificate")),
        "merchant_serial": options.get("certificate_serial"),
        "download_certificates": bool(options.get("download_certificates")), "path": path,
    }  # fmt: skip
    if options.get("base_url"):
        chosen["origins"] = (options["base_url"],)
    return chosen


def _revealed(value: Any) -> bytes | None:
    return None if value is None else revealed(value)


def suite_of(options: Mapping[str, Any]) -> Suite:
    """The algorithms an account is opened with. Its config says which; nothing else ever does."""
    if not options.get("national_cryptography"):
        return INTERNATIONAL
    from .national import NATIONAL

    return NATIONAL


def _platform_keys(options: Mapping[str, Any], path: str, suite: Suite) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for index, reference in enumerate(options.get("platform_certificates") or ()):
        pem, where = revealed(reference), f"{path}.platform_certificates[{index}]"
        found = suite.certificate(pem, where)
        suite.certified(found, where)  # here, so that an error names the option
        keys[certificate_serial(found)] = pem
    if options.get("public_key") is not None:
        pem = revealed(options["public_key"])
        if is_certificate(pem):
            raise ConfigError(
                "This is a certificate; it belongs under platform_certificates",
                path=f"{path}.public_key", code="CONFIG_BAD_KEY",
            )  # fmt: skip
        suite.public_key(pem, f"{path}.public_key")  # for the same reason
        keys[options["public_key_id"]] = pem
    return keys


def _mismatch(path: str, why: str) -> ConfigError:
    return ConfigError(f"The option at {path} {why}", path=path, code="CONFIG_KEY_MISMATCH")
