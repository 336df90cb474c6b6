"""What the schema cannot say of the section ``wallet``: names that lead somewhere, prices that can be paid."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import InvalidRequest
from ..money import Money, exponent, minor_from_text
from ..refill.policy import policy_of
from .problems import Path as JsonPath
from .problems import Problems, did_you_mean
from .settings import PackConfig, RateConfig, WalletConfig

#: Where the section cannot be read.
NONE = WalletConfig(units=MappingProxyType({}), packs=(), rates=(), hold_ttl_seconds=900, over="refuse")


def wallet_of(full: Mapping[str, Any], problems: Problems) -> WalletConfig:
    """The wallet's settings; what is wrong with them is added to ``problems``."""
    wallet = full["wallet"]
    units = MappingProxyType({name: MappingProxyType(dict(unit["caps"])) for name, unit in wallet["units"].items()})
    return WalletConfig(
        units=units,
        packs=tuple(_packs(wallet, problems)),
        rates=tuple(_rates(wallet, problems)),
        hold_ttl_seconds=wallet["holds"]["ttl_seconds"],
        over=wallet["holds"]["over"],
        refills=tuple(_refills(wallet, problems)),
    )


def _packs(wallet: Mapping[str, Any], problems: Problems) -> list[PackConfig]:
    found: list[PackConfig] = []
    for index, pack in enumerate(wallet["packs"] if problems.clean("wallet", "packs") else ()):
        path: JsonPath = ("wallet", "packs", index)
        if any(known.name == pack["name"] for known in found):
            problems.add((*path, "name"), "is the name of an earlier pack", "CONFIG_DUPLICATE_NAME")
        known_unit(pack["unit"], wallet, (*path, "unit"), problems)
        currency = pack.get("currency", "CNY")
        price = _minor(pack["price"], currency, (*path, "price"), (*path, "currency"), problems)
        if price == 0:
            problems.add((*path, "price"), "has to be positive; what costs nothing is a grant", "CONFIG_RANGE")
        if price and pack["credit"] + pack.get("bonus", 0) > 9_007_199_254_740_991:
            problems.add((*path, "bonus"), "is more than an account holds, with the credit", "CONFIG_RANGE")
        if price:
            money = Money(price, currency)
            more = {name: pack[name] for name in ("bonus", "expires_days", "bonus_expires_days") if name in pack}
            found.append(
                PackConfig(name=pack["name"], unit=pack["unit"], credit=pack["credit"], price=money, **more)
            )  # fmt: skip
    return found


def _rates(wallet: Mapping[str, Any], problems: Problems) -> list[RateConfig]:
    found: list[RateConfig] = []
    for index, rate in enumerate(wallet["rates"] if problems.clean("wallet", "rates") else ()):
        path: JsonPath = ("wallet", "rates", index)
        currency = rate.get("currency", "CNY")
        known_unit(rate["unit"], wallet, (*path, "unit"), problems)
        if any((known.unit, known.currency) == (rate["unit"], currency) for known in found):
            problems.add(path, "is for the unit and currency of an earlier rate", "CONFIG_DUPLICATE_NAME")
        minor = {
            name: _minor(rate[name], currency, (*path, name), (*path, "currency"), problems)
            for name in ("per", "least", "most") if name in rate
        }  # fmt: skip
        for name, value in minor.items():
            if value == 0:
                problems.add((*path, name), "has to be positive", "CONFIG_RANGE")
        least, most = minor.get("least") or 1, minor.get("most")
        if most is not None and least > most:
            problems.add((*path, "most"), "is below least, so that no amount is sold", "CONFIG_RANGE")
        if minor["per"]:
            found.append(
                RateConfig(unit=rate["unit"], currency=currency, credit=rate["credit"], per=minor["per"], least=least,
                           most=most, expires_days=rate.get("expires_days"))
            )  # fmt: skip
    return found


def _refills(wallet: Mapping[str, Any], problems: Problems) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for index, body in enumerate(wallet["refills"] if problems.clean("wallet", "refills") else ()):
        path: JsonPath = ("wallet", "refills", index)
        if any(known["name"] == body["name"] for known in found):
            problems.add((*path, "name"), "is the name of an earlier policy", "CONFIG_DUPLICATE_NAME")
        known_unit(body["unit"], wallet, (*path, "unit"), problems)
        try:
            policy_of(body)
        except InvalidRequest as error:
            inner = str(error.ids["path"]).removeprefix("$.").split(".")
            problems.add((*path, *inner), f"does not fit: {error.message}", "CONFIG_VALUE")
        found.append(MappingProxyType(dict(body)))
    return found


def known_unit(unit: str, wallet: Mapping[str, Any], path: JsonPath, problems: Problems) -> None:
    """``CONFIG_UNKNOWN_UNIT`` for a unit that is not declared."""
    if unit not in wallet["units"]:
        hint = did_you_mean(unit, wallet["units"]) or f"; there are {', '.join(wallet['units']) or 'none'}"
        problems.add(path, f"is no unit under wallet.units{hint}", "CONFIG_UNKNOWN_UNIT")


def _minor(text: str, currency: str, path: JsonPath, currency_path: JsonPath, problems: Problems) -> int | None:
    try:
        places = exponent(currency)
    except InvalidRequest:
        problems.add(currency_path, "is not an ISO 4217 currency", "CONFIG_VALUE")
        return None
    try:
        return minor_from_text(text, currency)
    except InvalidRequest:
        said = f"has to be written with {places or 'no'} decimals, as {currency} is, and below 90 trillion"
        problems.add(path, said, "CONFIG_VALUE")
        return None
