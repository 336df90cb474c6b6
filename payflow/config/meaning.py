"""What a well-formed document means, and what in it cannot be meant: names, amounts, ranges that need each other.

Every function here looks only at parts that are well-formed (``problems.clean``), so that one mistake gives
one message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, InvalidRequest
from ..money import exponent, minor_from_text
from ..routing import Predicate, Rule
from ..trust import Ceiling, TrustedAction
from . import address
from .dotted import function_of, zone_of
from .problems import Path as JsonPath
from .problems import Problems, did_you_mean, json_path

#: What tells two accounts of one gateway apart.
IDENTITY = {
    "mock": ("merchant", "app"), "alipay": ("seller_id", "app_id"), "wechat": ("mchid", "appid"),
    "custom": ("class", "merchant", "app"),
}  # fmt: skip

#: The gateways' own hosts: where our keys and orders may go.
HOSTS = {
    "alipay": ("openapi.alipay.com", "openapi-sandbox.dl.alipaydev.com", "openapi.alipaydev.com"),
    "wechat": (
        "api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "api.wechatpay.cn", "api2.wechatpay.cn",
    ),
}  # fmt: skip


# -- accounts ------------------------------------------------------------------------------------------------------


def check_accounts(full: Mapping[str, Any], problems: Problems) -> None:
    """No two names for one account, nothing that only pretends to move money in production."""
    seen: dict[tuple[str, ...], str] = {}
    production = full.get("environment") == "production"
    for name, account in full.get("gateways", {}).items():
        if not problems.clean("gateways", name):
            continue
        kind = account["gateway"]
        identity = (kind, *(account[part] for part in IDENTITY[kind]))
        if identity in seen:
            said = f"is the same {kind} account as '{seen[identity]}' ({' and '.join(IDENTITY[kind])} are equal)"
            problems.add(("gateways", name), said, "CONFIG_DUPLICATE_ACCOUNT")
        seen.setdefault(identity, name)
        if production and kind == "mock":
            said = "the mock gateway moves no money and is refused in production"
            problems.add(("gateways", name, "gateway"), said, "CONFIG_MOCK_IN_PRODUCTION")
        if production and account.get("sandbox"):
            said = "a sandbox moves no money and is refused in production"
            problems.add(("gateways", name, "sandbox"), said, "CONFIG_MOCK_IN_PRODUCTION")
        for said in _unproven(kind, account):
            problems.add(("gateways", name), said, "CONFIG_MISSING_FIELD")


def _unproven(kind: str, account: Mapping[str, Any]) -> Iterator[str]:
    """What is missing to believe a callback or to sign a request."""
    if kind == "alipay" and not ("alipay_public_key" in account or "alipay_certificate" in account):
        yield "needs alipay_public_key, or alipay_certificate in certificate mode: something has to prove its callbacks"
    if kind != "wechat":
        return
    # Nothing is fetched for national cryptography: how SM2 certificates are offered is not documented to us.
    may_fetch = "private_key" in account and not account.get("national_cryptography")
    fetches = may_fetch and account.get("download_certificates")
    if not (fetches or "public_key" in account or "platform_certificates" in account):
        yield "needs platform_certificates, or public_key and public_key_id: something has to prove its callbacks"
    if "private_key" in account and not ("certificate" in account or "certificate_serial" in account):
        yield "needs certificate or certificate_serial beside private_key: requests name the key they are signed with"


# -- routes --------------------------------------------------------------------------------------------------------


def routes_of(full: Mapping[str, Any], problems: Problems) -> tuple[Rule, ...]:
    """The routing table: the routes, or ``payment_gateway`` alone as the fallback."""
    accounts = full.get("gateways", {})
    default, routes = full.get("payment_gateway"), full.get("routes", [])
    if not (problems.clean("routes") and problems.clean("payment_gateway")):
        return ()
    if default is not None:
        _known_account(default, accounts, ("payment_gateway",), problems)
    if not routes:
        if default is None:
            said = "is missing: without routes, it names the account that takes every payment"
            problems.add(("payment_gateway",), said, "CONFIG_MISSING_ROUTE")
            return ()
        return (Rule(name="payment_gateway", account=default, fallback=True),)
    rules: list[Rule] = []
    names: set[str] = set()
    for index, route in enumerate(routes):
        path: JsonPath = ("routes", index)
        if route["name"] in names:
            problems.add((*path, "name"), "is the name of an earlier route", "CONFIG_DUPLICATE_NAME")
        names.add(route["name"])
        if route.get("fallback") and index < len(routes) - 1:
            problems.add((*path, "fallback"), "the fallback has to stand last, and there can be one", "CONFIG_INVALID")
        account = route.get("gateway", default)
        if account is None:
            said = "is missing: this fallback names no account, and there is no payment_gateway"
            problems.add((*path, "gateway"), said, "CONFIG_MISSING_ROUTE")
        elif "gateway" in route:
            _known_account(account, accounts, (*path, "gateway"), problems)
        _check_otherwise(route, account, accounts, path, problems)
        if problems.clean(*path):
            rules.append(_rule(route, account, path, problems))
    return tuple(rules)


def _check_otherwise(
    route: Mapping[str, Any], account: str, accounts: Mapping[str, Any], path: JsonPath, problems: Problems
) -> None:
    for place, other in enumerate(route.get("otherwise", ())):
        _known_account(other, accounts, (*path, "otherwise", place), problems)
        if other == account:
            problems.add((*path, "otherwise", place), "is the account that could not be reached", "CONFIG_VALUE")


def _known_account(name: str, accounts: Mapping[str, Any], path: JsonPath, problems: Problems) -> None:
    if name not in accounts:
        hint = did_you_mean(name, accounts) or f"; there are {', '.join(accounts)}"
        problems.add(path, f"is no account under gateways{hint}", "CONFIG_UNKNOWN_ACCOUNT")


def _rule(route: Mapping[str, Any], account: str, path: JsonPath, problems: Problems) -> Rule:
    when = route.get("when", {})
    currencies = _listed(when.get("currency", ["CNY"] if "amount" in when else []))
    for currency in currencies:
        _known_currency(currency, (*path, "when", "currency"), problems)
    amount = when.get("amount", {})
    if amount and len(currencies) > 1:
        said = "an amount is about one currency; make one route per currency"
        problems.add((*path, "when", "amount"), said, "CONFIG_VALUE")
    bounds: dict[str, int | None] = {"min": None, "max": None}
    if problems.clean(*path, "when", "currency") and problems.clean(*path, "when", "amount"):
        for end, text in amount.items():
            bounds[end] = _minor(text, currencies[0], (*path, "when", "amount", end), problems)
    low, high = bounds["min"], bounds["max"]
    if low is not None and high is not None and low > high:
        problems.add((*path, "when", "amount"), "min is above max, so that no amount matches", "CONFIG_RANGE")
    predicate: Predicate | None = None
    name = when.get("predicate", "")
    if name:
        try:
            predicate = function_of(name, json_path((*path, "when", "predicate")))
        except ConfigError as error:
            problems.add((*path, "when", "predicate"), error.message, error.code)
    if not problems.clean(*path):
        return Rule(name=route["name"], account=account, fallback=True)  # stands in; the config is refused anyway
    return Rule(
        name=route["name"],
        account=account,
        channels=_listed(when.get("channel", [])),
        currencies=currencies,
        minimum=low,
        maximum=high,
        extra=tuple((key, _listed(value)) for key, value in when.get("extra", {}).items()),
        predicate=predicate,
        predicate_name=name,
        fallback=bool(route.get("fallback")),
        otherwise=tuple(route.get("otherwise", ())),
    )


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _known_currency(currency: str, path: JsonPath, problems: Problems) -> bool:
    try:
        exponent(currency)
    except InvalidRequest:
        problems.add(path, "is not an ISO 4217 currency", "CONFIG_VALUE")
        return False
    return True


def _minor(text: str, currency: str, path: JsonPath, problems: Problems) -> int | None:
    try:
        return minor_from_text(text, currency)
    except InvalidRequest:
        places = exponent(currency)
        said = f"has to be written with {places or 'no'} decimals, as {currency} is, and below 90 trillion"
        problems.add(path, said, "CONFIG_VALUE")
        return None


# -- trust ---------------------------------------------------------------------------------------------------------


def actions_of(full: Mapping[str, Any], problems: Problems) -> tuple[TrustedAction, ...]:
    """The trusted actions with their ceilings in minor units."""
    found: dict[str, TrustedAction] = {}
    for index, item in enumerate(full.get("trusted_actions", []) if problems.clean("trusted_actions") else ()):
        path: JsonPath = ("trusted_actions", index)
        action = item if isinstance(item, str) else item["action"]
        if action in found:
            problems.add(path, "is declared twice", "CONFIG_DUPLICATE_NAME")
        ceilings = item.get("ceilings") if isinstance(item, dict) else None
        found[action] = TrustedAction(action, None if ceilings is None else dict(_ceilings(ceilings, path, problems)))
    return tuple(found.values())


def _ceilings(declared: Mapping[str, Any], path: JsonPath, problems: Problems) -> Iterator[tuple[str, Ceiling]]:
    for currency, limits in declared.items():
        here = (*path, "ceilings", currency)
        if not _known_currency(currency, here, problems):
            continue
        minor = {name: _minor(text, currency, (*here, name), problems) for name, text in limits.items()}
        for name, value in minor.items():
            if value == 0:
                said = "has to be positive; leave the currency out to trust nothing"
                problems.add((*here, name), said, "CONFIG_RANGE")
        yield currency, Ceiling(minor.get("per_payment"), minor.get("per_day"))


# -- the rest ------------------------------------------------------------------------------------------------------


def check_durations(full: Mapping[str, Any], problems: Problems) -> None:
    """Durations that only work in a certain order."""
    for (section, low), (other, high), reason in _ORDERED:
        if not (problems.clean(section) and problems.clean(other)) or section not in full or other not in full:
            continue
        small, large = full[section][low], full[other][high]
        strictly = high == "lease_seconds"
        if small > large or (strictly and small == large):
            than = f"{section}.{low}" if section != other else low
            said = f"has to be {'longer than' if strictly else 'at least'} {than}: {reason}"
            problems.add((other, high), said, "CONFIG_UNIT")


_TOTAL = ("timeouts", "total_seconds")
_ORDERED = (
    (("timeouts", "connect_seconds"), _TOTAL, "connecting is a part of the call"),
    (("timeouts", "read_seconds"), _TOTAL, "the answer is a part of the call"),
    (_TOTAL, ("idempotency", "lease_seconds"), "a request would be taken over while its call still runs"),
    (_TOTAL, ("worker", "lease_seconds"), "another worker would repeat what still runs"),
    (("worker", "first_check_seconds"), ("worker", "longest_check_seconds"), "waits grow from the one to the other"),
)


def check_names(full: Mapping[str, Any], problems: Problems) -> None:
    """Handlers have names of their own; the time zone exists."""
    names: set[str] = set()
    for index, handler in enumerate(full.get("handlers", []) if problems.clean("handlers") else ()):
        if handler["name"] in names:
            problems.add(("handlers", index, "name"), "is the name of an earlier handler", "CONFIG_DUPLICATE_NAME")
        names.add(handler["name"])
    if problems.clean("time_zone"):
        try:
            zone_of(full["time_zone"])
        except ConfigError as error:
            problems.add(("time_zone",), error.message, error.code)


def check_base_url(full: Mapping[str, Any], problems: Problems) -> None:
    """An address the gateways can call; in production, encrypted."""
    url = full.get("callbacks", {}).get("base_url")
    if url is None or not problems.clean("callbacks", "base_url"):
        return
    path = ("callbacks", "base_url")
    wrong = address.callback_wrong(url)
    if wrong:
        problems.add(path, wrong, "CONFIG_VALUE")
    elif address.plain_http(url) and full.get("environment") == "production":
        problems.add(path, "is plain http, which is refused in production: use https", "CONFIG_INSECURE_URL")


def check_gateway_addresses(full: Mapping[str, Any], problems: Problems) -> None:
    """Requests go to the gateway's own hosts, or to a sandbox on this machine."""
    for name, account in full.get("gateways", {}).items():
        path = ("gateways", name, "base_url")
        if not problems.clean("gateways", name):
            continue
        if "base_url" not in account:
            if account["gateway"] == "wechat" and account.get("sandbox"):
                said = "WeChat Pay has no sandbox of its own: give base_url, the address of payflow's (payflow sandbox)"
                problems.add(("gateways", name, "sandbox"), said, "CONFIG_MISSING_FIELD")
            continue
        url, hosts = account["base_url"], HOSTS.get(account["gateway"], ())
        if address.callback_wrong(url):
            problems.add(path, address.callback_wrong(url), "CONFIG_VALUE")
        elif address.loopback(url):
            if not account.get("sandbox"):
                problems.add(path, "is on this machine: say sandbox as well", "CONFIG_INSECURE_URL")
        elif address.plain_http(url) or address.host_of(url) not in hosts:
            said = f"is not one of the gateway's own ({', '.join(hosts)}), and not on this machine"
            problems.add(path, said, "CONFIG_INSECURE_URL")
        elif "alipaydev" in address.host_of(url) and not account.get("sandbox"):
            problems.add(path, "is Alipay's sandbox: say sandbox as well", "CONFIG_INSECURE_URL")


def check_database(path: JsonPath, url: str, literal: bool, problems: Problems) -> None:
    """A database URL payflow can use; one that stands in the file itself has no password."""
    wrong = address.database_wrong(url)
    if wrong:
        problems.add(path, wrong, "CONFIG_VALUE")
    elif literal and address.has_password(url):
        said = 'has a password in it: give the whole URL by reference, {"env": "NAME"} or {"file": "path"}'
        problems.add(path, said, "CONFIG_LITERAL_SECRET")


def check_ledger(url: str, payments: str, problems: Problems) -> None:
    """A database that prepares transactions, and not the one that the payments are in."""
    if not problems.clean("wallet", "store") or not problems.clean("store"):
        return
    if url.startswith("sqlite"):
        said = "is SQLite, which prepares no transactions: take PostgreSQL or MariaDB, or leave wallet.store out"
        problems.add(("wallet", "store", "url"), said, "CONFIG_VALUE")
    elif url == payments:
        said = "is the database of the payments: leave wallet.store out, and one commit holds both"
        problems.add(("wallet", "store", "url"), said, "CONFIG_VALUE")


def beside_file(name: str, folder: Path) -> Path:
    """A path of the config, from the folder of its file."""
    return (folder / name).absolute()
