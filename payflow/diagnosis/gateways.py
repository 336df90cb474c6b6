"""``payflow doctor gateways``: everything that can be told about the accounts of a config, one after the other."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType

from ..assembly import open_gateways
from ..clock import Clock, system_clock
from ..config import Config
from ..config.problems import Problem
from ..errors import ConfigError, PayflowError
from ..transport import Limits
from .answer_words import ANSWERS
from .asking import ask, ask_the_time
from .doctor_words import DOCTOR, both
from .findings import Finding, healthy, said
from .keys import key_findings, why
from .material import SIDES, Material, material_of
from .place import Resolve, callback_findings, place_findings, zone_finding


def resolved(host: str) -> Sequence[str]:
    """The addresses of a name, as the DNS has them; none for a name it does not know."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):
        return ()


def unasked(host: str) -> None:  # noqa: ARG001 -- offline, nobody is asked
    """The DNS, offline."""
    return


def refused(error: ConfigError) -> list[Finding]:
    """A config that does not load, problem by problem, each with the account it is about."""
    problems = getattr(error, "problems", None) or (Problem(error.code, error.path or "$", error.message),)
    found = []
    for problem in problems:
        parts = problem.path.split(".")
        account = parts[2].partition("[")[0] if len(parts) > 2 and parts[1] == "gateways" else ""
        english, chinese = both(problem.message)
        reason = (f"{problem.path} {english}", f"{problem.path} {chinese}")
        found.append(said(DOCTOR, "CONFIG_REFUSED", account, config_code=problem.code, why=reason))
    return found


def examine_gateways(
    config: Config, *, offline: bool = False, clock: Clock = system_clock, resolve: Resolve | None = None
) -> Iterator[Finding]:
    """Every finding about every account of ``config``; sends one or two harmless questions to each gateway.

    ``offline`` asks neither the gateways nor the DNS. ``resolve`` stands in for the DNS. Raises nothing.
    """
    ask_names = resolve or (unasked if offline else resolved)
    yield zone_finding(clock())
    materials = {name: material_of(account) for name, account in config.accounts.items()}
    for name, material in materials.items():
        if material.gateway not in SIDES:
            yield said(DOCTOR, "NOTHING_TO_CHECK", name, kind=material.gateway)
            continue
        others = [other for other in materials.values() if other.account != name and other.gateway in SIDES]
        production = config.environment == "production"
        keys = key_findings(material, others, clock(), production=production)
        yield from keys
        yield from place_findings(material, others, config.environment)
        path = config.accounts[name].callback_path
        yield from callback_findings(material, config.notify_url(name), path, config.environment, ask_names)
        if healthy(keys) and (refusal := _unopened(config, name, clock)) is not None:
            yield refusal
        if not offline:
            yield from _asked(config, material, keys, clock)


def _unopened(config: Config, name: str, clock: Clock) -> Finding | None:
    """Whether payflow would open the account at all, for whatever reason that was not found before."""
    account = config.accounts[name]
    alone = replace(config, accounts=MappingProxyType({name: account}))
    try:
        open_gateways(alone, clock)
    except PayflowError as error:
        reason = why(error) if isinstance(error, ConfigError) else both(error.message)
        return said(DOCTOR, "GATEWAY_REFUSED", name, config_code=error.code, why=reason)
    return None


def _asked(config: Config, material: Material, keys: list[Finding], clock: Clock) -> Iterator[Finding]:
    if not material.sends:
        yield said(ANSWERS, "RECEIVES_ONLY", material.account)
        return
    limits = Limits(
        connect_seconds=config.timeouts.connect_seconds, read_seconds=config.timeouts.read_seconds,
        total_seconds=config.timeouts.total_seconds,
    )  # fmt: skip
    if not healthy(keys):
        yield said(ANSWERS, "NOT_ASKED", material.account)
        yield from ask_the_time(material, limits, clock)
        return
    try:
        yield from ask(material, limits, clock)
    except ConfigError as error:
        yield said(DOCTOR, "GATEWAY_REFUSED", material.account, config_code=error.code, why=why(error))
