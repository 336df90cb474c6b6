"""``load``: the file, the environment and the defaults become one checked :class:`Config`, or one ``ConfigError``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from . import address, credit, meaning
from .problems import Path as JsonPath
from .problems import Problems, error_of
from .reading import from_mapping, read_file
from .secret import Environment, Secret, fetch, missing, pem_kind, weakness
from .settings import (
    AccountConfig,
    BreakerConfig,
    CallbackConfig,
    Config,
    ContextRetention,
    EffectiveValue,
    HandlerConfig,
    Idempotency,
    LedgerStoreConfig,
    StoreConfig,
    Timeouts,
    WorkerConfig,
)
from .shape import Leaf, complete, examine, override

#: Where the addresses of databases stand.
_STORE: JsonPath = ("store", "url")
_LEDGER: JsonPath = ("wallet", "store", "url")
_HMAC_BYTES = 32
_API_V3_BYTES = 32
#: Gateways whose callbacks carry a time that has to be fresh.
_TIMED = frozenset(("mock", "wechat"))
#: What a PEM in this place has to be; anything else was put in the wrong place.
_PEM = {
    "alipay_public_key": "public key", "public_key": "public key", "app_private_key": "private key",
    "private_key": "private key", "platform_certificates": "certificate", "certificate": "certificate",
    "app_certificate": "certificate", "alipay_certificate": "certificate", "alipay_root_certificate": "certificate",
}  # fmt: skip
#: What has a form of its own, which its gateway checks.
_OWN_FORM = frozenset(("url", "redis", "aes_key", "app_auth_token"))


def load(source: str | os.PathLike[str] | Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Config:
    """The config in a file, or given as a mapping that holds what the file would hold.

    ``environ`` (default: ``os.environ``) gives the secrets referred to by ``env`` and the ``PAYFLOW__…`` overrides.
    Relative paths inside the config are relative to the file; to the working directory for a mapping.

    Raises ``ConfigError`` with everything that is wrong in ``.problems``: each has ``code``, ``path`` (JSON path) and
    ``message``. No value is ever quoted. ``code`` and ``path`` of the error are those of the first problem.
    """
    # The variables themselves stay out of the local variables of every frame a traceback might print.
    environment = Environment(os.environ if environ is None else environ)
    environ = None
    path = None if isinstance(source, Mapping) else Path(source)
    place = _Place(environment, path, path.parent if path else Path(), str(path) if path else "config")
    document = from_mapping(source) if isinstance(source, Mapping) else read_file(Path(source))
    problems = Problems()
    by = override(document, environment, problems)
    examine(document, by, problems)
    if not _usable(document):
        raise error_of(problems.found, place.name)
    full, leaves = complete(document)
    return _meant(full, leaves, by, place, problems)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the config stands: the variables and the folder it may refer to, and what messages call it."""

    environment: Environment
    path: Path | None
    folder: Path
    name: str


def _usable(document: dict[str, Any]) -> bool:
    """Whether the sections have their types, so that the rest can be looked at in spite of other problems."""
    sections = (
        "context_retention",
        "gateways",
        "policies",
        "timeouts",
        "idempotency",
        "worker",
        "store",
        "callbacks",
        "breakers",
        "wallet",
    )
    return all(isinstance(document.get(section, {}), dict) for section in sections)


def _meant(
    full: dict[str, Any],
    leaves: list[Leaf],
    by: Mapping[JsonPath, str],
    place: _Place,
    problems: Problems,
) -> Config:
    """Everything the schema cannot say, then the ``Config``; ``ConfigError`` if anything was wrong."""
    meaning.check_accounts(full, problems)
    meaning.check_durations(full, problems)
    meaning.check_names(full, problems)
    meaning.check_base_url(full, problems)
    meaning.check_gateway_addresses(full, problems)
    routes = meaning.routes_of(full, problems)
    actions = meaning.actions_of(full, problems)
    wallet = credit.wallet_of(full, problems) if _has_wallet(full, problems) else credit.NONE
    secrets = _secrets(leaves, place, problems)
    url = _database(_STORE, full["store"], secrets, by, place.folder, problems)
    urls = {_STORE: url}
    ledger = full["wallet"].get("store") if _has_wallet(full, problems) else None
    if ledger is not None:
        urls[_LEDGER] = _database(_LEDGER, ledger, secrets, by, place.folder, problems)
        meaning.check_ledger(urls[_LEDGER].text(), url.text(), problems)
    problems.raise_any(place.name)
    shown = _effective(leaves, by, place.name, secrets, urls)
    given = full["callbacks"].get("base_url")
    return Config(
        environment=full["environment"],
        auto_confirm_order=full["auto_confirm_order"],
        payment_gateway=full.get("payment_gateway"),
        context_retention=ContextRetention(**full["context_retention"]),
        trusted_actions=actions,
        secret=secrets[("secret",)],
        accounts=MappingProxyType(_accounts(full, secrets, place.folder)),
        routes=routes,
        policies=MappingProxyType(full["policies"]),
        timeouts=Timeouts(**full["timeouts"]),
        idempotency=Idempotency(**full["idempotency"]),
        worker=WorkerConfig(**full["worker"]),
        breakers=BreakerConfig(**{**full["breakers"], "redis": secrets.get(("breakers", "redis"))}),
        store=StoreConfig(**{**full["store"], "url": url, "shown_url": address.masked(url.text())}),
        callbacks=CallbackConfig(base_url=given and given.rstrip("/"), max_bytes=full["callbacks"]["max_bytes"]),
        handlers=tuple(HandlerConfig(**{**one, "on": tuple(one["on"])}) for one in full["handlers"]),
        wallet=wallet if ledger is None else replace(wallet, store=_ledger_store(ledger, urls[_LEDGER])),
        tables=MappingProxyType(full["tables"]),
        time_zone=full["time_zone"],
        log_level=full["log_level"],
        effective=shown,
        path=place.path,
    )


def _ledger_store(given: Mapping[str, Any], url: Secret) -> LedgerStoreConfig:
    return LedgerStoreConfig(**{**given, "url": url, "shown_url": address.masked(url.text())})


def _has_wallet(full: Mapping[str, Any], problems: Problems) -> bool:
    """Whether the section can be looked at: whatever else is wrong in it was said."""
    return problems.clean("wallet") and isinstance(full.get("wallet"), dict)


def _accounts(full: Mapping[str, Any], secrets: Mapping[JsonPath, Secret], folder: Path) -> dict[str, AccountConfig]:
    found: dict[str, AccountConfig] = {}
    for name, account in full["gateways"].items():
        options: dict[str, Any] = {}
        for key, value in account.items():
            path = ("gateways", name, key)
            if path in secrets:
                options[key] = secrets[path]
            elif (*path, 0) in secrets:
                options[key] = tuple(secrets[(*path, index)] for index in range(len(value)))
            elif key == "secrets":
                options[key] = MappingProxyType({one: secrets[(*path, one)] for one in value})
            elif key == "state":
                options[key] = meaning.beside_file(value, folder)
            elif key != "gateway":
                options[key] = tuple(value) if isinstance(value, list) else value
        if account["gateway"] in _TIMED:
            options.setdefault("callback_tolerance_seconds", full["timeouts"]["callback_tolerance_seconds"])
        callback = options.pop("callback_path", None) or f"/callbacks/{name}"
        found[name] = AccountConfig(
            name=name, gateway=account["gateway"], options=MappingProxyType(options), callback_path=callback
        )
    return found


# -- secrets -------------------------------------------------------------------------------------------------------


def _secrets(leaves: list[Leaf], place: _Place, problems: Problems) -> dict[JsonPath, Secret]:
    """Every secret that is referred to, fetched and measured."""
    found: dict[JsonPath, Secret] = {}
    for leaf in leaves:
        if not (leaf.secret and leaf.given and problems.clean(*leaf.path)):
            continue
        setting = next(part for part in reversed(leaf.path) if isinstance(part, str))
        secret, why = fetch(leaf.value, place.environment, place.folder, setting)
        if secret is None or (why := missing(secret)):
            problems.add(leaf.path, why, "CONFIG_MISSING_SECRET")
            continue
        wrong = _unfit(leaf.path, secret)
        if wrong:
            problems.add(leaf.path, *wrong)
        found[leaf.path] = secret
    return found


def _unfit(path: JsonPath, secret: Secret) -> tuple[str, str] | None:
    """Why the secret cannot be what its place needs, with the code."""
    name = next(part for part in reversed(path) if isinstance(part, str))
    kind = pem_kind(secret)
    if name in _PEM:
        if kind and kind != _PEM[name]:
            return f"{secret.where} holds a {kind}, and a {_PEM[name]} belongs here", "CONFIG_KEY_MISMATCH"
        if not kind and _PEM[name] == "certificate":
            return f"{secret.where} holds no PEM certificate", "CONFIG_BAD_KEY"
        return None
    if name in _OWN_FORM or "secrets" in path:
        return None
    if kind:
        return f"{secret.where} holds a {kind}, and a symmetric key belongs here", "CONFIG_KEY_MISMATCH"
    exactly = _API_V3_BYTES if name == "api_v3_key" else 0
    weak = weakness(secret, least=_HMAC_BYTES, exactly=exactly)
    return (weak, "CONFIG_WEAK_SECRET") if weak else None


def _database(
    path: JsonPath,
    section: Mapping[str, Any],
    secrets: Mapping[JsonPath, Secret],
    by: Mapping[JsonPath, str],
    folder: Path,
    problems: Problems,
) -> Secret:
    given = section.get("url")
    if isinstance(given, str):
        secret = Secret(given.encode("utf-8"), str(folder))
    elif path in secrets:
        secret = secrets[path]
    else:
        return Secret(b"", "")  # what is wrong with it was said already
    try:
        text = secret.text().strip()
    except UnicodeDecodeError:
        text = ""
    if problems.clean(*path):
        meaning.check_database(path, text, isinstance(given, str) and path not in by, problems)
    url = address.beside(text, folder)
    return Secret(url.encode("utf-8"), address.masked(url))


# -- what is in force ----------------------------------------------------------------------------------------------


def _effective(
    leaves: list[Leaf],
    by: Mapping[JsonPath, str],
    file: str,
    secrets: Mapping[JsonPath, Secret],
    urls: Mapping[JsonPath, Secret],
) -> tuple[EffectiveValue, ...]:
    rows: list[EffectiveValue] = []
    for leaf in leaves:
        variable = next((by[leaf.path[:end]] for end in range(1, len(leaf.path) + 1) if leaf.path[:end] in by), None)
        variable = variable or next((name for path, name in by.items() if path[: len(leaf.path)] == leaf.path), None)
        if leaf.path in urls:
            value = urls[leaf.path].where
        elif leaf.secret and leaf.given:
            value = f"(secret, {secrets[leaf.path].where})"
        else:
            value = _said(leaf.value)
        source = ("environment", variable) if variable else ("file", file) if leaf.given else ("default", "")
        rows.append(EffectiveValue(leaf.name, value, *source))
    return tuple(rows)


def _said(value: Any) -> str:
    """A value as one line of text."""
    import json

    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
