"""What an account is made of: its keys, loaded one by one, so that one that is wrong does not hide the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..config.settings import AccountConfig
from ..errors import ConfigError
from ..gateways.alipay.certificates import cert_sn
from ..gateways.receiving import revealed
from ..gateways.wechat.identity import suite_of
from ..gateways.wechat.keys import PlatformKeys, Suite
from ..signing import Seals, Verifies, certificate_serial, is_certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

OWN, THEIRS = "own", "theirs"

#: option → whose key it is.
SIDES = {
    "alipay": {
        "app_private_key": OWN, "app_certificate": OWN, "alipay_public_key": THEIRS, "alipay_certificate": THEIRS,
    },
    "wechat": {"private_key": OWN, "certificate": OWN, "platform_certificates": THEIRS, "public_key": THEIRS},
}  # fmt: skip
_PRIVATE = frozenset({"app_private_key", "private_key"})
_CERTIFICATES = frozenset({"app_certificate", "alipay_certificate", "certificate", "platform_certificates"})


@dataclass(frozen=True, slots=True)
class Held:
    """One key of an account. ``name`` is what its gateway calls it: a serial, a ``cert_sn``, an id; or empty."""

    option: str
    side: str
    where: str
    verifier: Verifies
    certificate: Certificate | None
    name: str

    def is_same(self, other: Held) -> bool:
        """Whether both are the same key, in whatever form."""
        return self.verifier.public == other.verifier.public


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A key that does not load, and why."""

    option: str
    where: str
    error: ConfigError


@dataclass(frozen=True, slots=True)
class Material:
    """An account as its config describes it. Shows none of its secrets."""

    account: str
    gateway: str
    app: str
    merchant: str
    keys: tuple[Held, ...]
    unreadable: tuple[Unreadable, ...]
    suite: Suite  # Alipay knows one only
    seal: Seals | None
    options: Mapping[str, Any] = field(repr=False)

    def side(self, which: str) -> list[Held]:
        """The keys of one side."""
        return [key for key in self.keys if key.side == which]

    def option(self, name: str) -> Held | None:
        """The key given as ``name``."""
        return next((key for key in self.keys if key.option == name), None)

    def secret(self, name: str) -> bytes | None:
        """The bytes of an option; ``None`` if it is not given."""
        value = self.options.get(name)
        return None if value is None else revealed(value)

    @property
    def sends(self) -> bool:
        """Whether it is meant to send requests."""
        return any(self.options.get(name) is not None for name in _PRIVATE)

    @property
    def sandbox(self) -> bool:
        """Whether it says that it moves no money."""
        return bool(self.options.get("sandbox"))


def material_of(account: AccountConfig) -> Material:
    """The material of one account of a config. Never raises for a key that is wrong."""
    return gathered(account.name, account.gateway, account.options)


def gathered(account: str, gateway: str, options: Mapping[str, Any]) -> Material:
    """The same from bare options, secrets as the config wraps them or as bytes."""
    suite = suite_of(options)
    keys: list[Held] = []
    unreadable: list[Unreadable] = []
    for option, side, value in _given(gateway, options):
        where = getattr(value, "where", "")
        try:
            keys.append(_held(suite, option, side, where, revealed(value), options))
        except ConfigError as error:
            unreadable.append(Unreadable(option, where, error))
    key = options.get("api_v3_key")
    raw = b"" if key is None else revealed(key)
    return Material(
        account, gateway, str(options.get("app_id") or options.get("appid") or ""),
        str(options.get("seller_id") or options.get("mchid") or ""), tuple(keys), tuple(unreadable),
        suite, suite.seal(raw) if len(raw) == 32 else None, options,
    )  # fmt: skip


def platform_keys(material: Material) -> PlatformKeys:
    """The keys of WeChat Pay that load, as its gateway holds them."""
    pems: dict[str, bytes] = {}
    for key in material.side(THEIRS):
        option, _, index = key.option.partition("[")
        given = material.options[option]
        pems[key.name] = revealed(given[int(index[:-1])] if index else given)
    return PlatformKeys(pems, suite=material.suite)


def _given(gateway: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for option, side in SIDES.get(gateway, {}).items():
        value = options.get(option)
        if isinstance(value, (list, tuple)):
            for index, one in enumerate(value):
                yield f"{option}[{index}]", side, one
        elif value is not None:
            yield option, side, value


def _held(suite: Suite, option: str, side: str, where: str, text: bytes, options: Mapping[str, Any]) -> Held:
    kind = option.partition("[")[0]
    if kind in _PRIVATE:
        return Held(option, side, where, suite.own_key(text, option)[0].verifier, None, "")
    if kind in _CERTIFICATES or is_certificate(text):
        found = suite.certificate(text, option)
        alipay = kind in ("app_certificate", "alipay_certificate")
        name = cert_sn(found) if alipay else certificate_serial(found)
        return Held(option, side, where, suite.certified(found, option)[0], found, name)
    name = str(options.get("public_key_id") or "") if kind == "public_key" else ""
    return Held(option, side, where, suite.public_key(text, option)[0], None, name)
