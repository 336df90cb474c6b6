"""``payflow check``: is the config right, what is in force, where did it come from, and what bites."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ..clock import iso, system_clock
from ..config import Config, EffectiveValue, Problem, Secret
from ..config.advice import Advice, advise
from ..errors import ConfigError
from ..routing import Finding, analyse, unable
from .opening import config_at, place_of

#: How far two clocks may be apart before callbacks and tokens begin to suffer.
_SKEW_SECONDS = 5.0


@click.command("check")
@click.option("-c", "--config", "path", default="payflow.json", envvar="PAYFLOW_CONFIG", show_default=True,
              help="The config file.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.option("--strict", is_flag=True, help="Exit with 1 when there are warnings.")
@click.option("-q", "--quiet", is_flag=True, help="Print only what is wrong or needs a look.")
def command(path: str, as_json: bool, strict: bool, quiet: bool) -> None:
    """Validate the config, print every effective value and where it came from, and warn of what bites.

    Reads the config, its secrets and keys, and imports the functions it names. Opens no database and no
    connection. Exit code 0: right; 1: right, with warnings, under --strict; 2: wrong.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as "python -m" does: the host's own functions are found from its folder
    try:
        config = config_at(path)
        findings = (*analyse(config.routes), *unable(config.routes, deep(config)))
    except ConfigError as error:
        found = error.ids.get("problems") or (Problem(error.code, error.ids.get("path", "$"), error.message),)
        if as_json:
            click.echo(_dumped({"valid": False, "config": path, "problems": [asdict(one) for one in found]}))
        else:
            _print_problems(path, found)
        sys.exit(2)
    clock = look_at_clock(config)
    advice = (*advise(config), *surroundings(config), *clock.advice)
    if as_json:
        click.echo(_dumped(_as_json(path, config, advice, findings, clock)))
    else:
        _print_all(path, config, advice, findings, clock, quiet)
    warned = bool(advice) or any(finding.warning for finding in findings)
    sys.exit(1 if strict and warned else 0)


# -- looking closer ------------------------------------------------------------------------------------------------


def deep(config: Config) -> dict[str, frozenset[str]]:
    """Try what only shows when it is used: keys, own tables, handlers. Each account's channels; ``ConfigError``."""
    from ..assembly import open_gateways, tables_of

    for handler in config.handlers:
        handler.function()
    tables_of(config)
    real = {name: account for name, account in config.accounts.items() if account.gateway != "mock"}
    opened = open_gateways(replace(config, accounts=real))
    able = {name: gateway.capabilities.channels for name, gateway in opened.items()}
    for name, account in config.accounts.items():
        if name not in real:
            able[name] = frozenset(account.options["channels"])
    return able


def surroundings(config: Config) -> Iterable[Advice]:
    """What the file system says about the config: secrets others may read, a database folder that cannot be used."""
    if os.name == "posix":
        for path, secret in _private(config):
            if secret.file is not None and secret.file.stat().st_mode & 0o077:
                said = f"{secret.where} can be read by other users; give it mode 600"
                yield Advice("SECRET_READABLE", path, said)
    place = _database_folder(config)
    if place is not None and not (place.is_dir() and os.access(place, os.W_OK)):
        said = f"{place} is no folder this user may write to, so the database cannot be opened there"
        yield Advice("STORE_FOLDER", "store.url", said)


def _private(config: Config) -> Iterator[tuple[str, Secret]]:
    """Every secret nobody else may know, and its path; public keys and certificates are none."""
    yield "secret", config.secret
    for name, account in config.accounts.items():
        for option, value in account.options.items():
            if isinstance(value, Secret) and "public" not in option:
                yield f"gateways.{name}.{option}", value


def _database_folder(config: Config) -> Path | None:
    url = config.store.shown_url
    if not url.startswith("sqlite") or ":///" not in url or url.endswith((":memory:", ":///")):
        return None
    return Path(url.partition(":///")[2].partition("?")[0]).parent


@dataclass(frozen=True, slots=True)
class Clock:
    """What could be measured about the clock, and in which words."""

    now: str
    today: str
    zone: str
    apart_seconds: float | None
    text: str
    advice: tuple[Advice, ...]


def look_at_clock(config: Config) -> Clock:
    """Compare our clock with the time a file system puts on a new file, and with the config file's own time.

    On a local disk both are the same clock, so agreement proves little; on a network disk it is the file server's.
    It says nothing about the gateways' clocks.
    """
    folder = _database_folder(config)
    folder = folder if folder is not None and os.access(folder, os.W_OK) else Path(tempfile.gettempdir())
    apart: float | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".payflow-clock-") as file:
            before = time.time()
            file.write(b"x")
            file.flush()
            written = os.fstat(file.fileno()).st_mtime
            after = time.time()
        # File systems stamp with their tick, up to some milliseconds behind: only what lies outside counts.
        apart = 0.0 if before - 0.05 <= written <= after else written - (before if written < before else after)
    except OSError:
        pass
    advice: list[Advice] = []
    if apart is not None and abs(apart) > _SKEW_SECONDS:
        said = f"this machine's clock and the file system in {folder} are {abs(apart):.1f} s apart"
        advice.append(Advice("CLOCK_SKEW", "(clock)", said))
    if config.path is not None and config.path.stat().st_mtime - time.time() > _SKEW_SECONDS:
        said = "the config file was changed later than this machine says it is now: its clock is behind"
        advice.append(Advice("CLOCK_BEHIND", "(clock)", said))
    seen = f"a new file in {folder} could not be compared" if apart is None else (
        f"a new file in {folder} agrees within {max(abs(apart), 0.05):.2f} s"
    )  # fmt: skip
    text = f"{seen} (a local disk shares this clock; other machines and the gateways were not asked)"
    today = datetime.now(config.zone).strftime("%Y-%m-%d")
    return Clock(iso(system_clock()) or "", today, config.time_zone, apart, text, tuple(advice))


# -- printing ------------------------------------------------------------------------------------------------------

_COLOURS = {"file": None, "environment": "cyan", "default": "bright_black"}


def _print_problems(path: str, found: Iterable[Problem]) -> None:
    problems = list(found)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    click.secho(f"✗ {path}: {count}", fg="red", bold=True, err=True)
    for problem in problems:
        click.echo(err=True)
        click.echo(f"  {click.style(problem.path, bold=True)}  {click.style(problem.code, fg='red')}", err=True)
        click.echo(f"      {problem.message}", err=True)


def _print_all(
    path: str, config: Config, advice: tuple[Advice, ...], findings: tuple[Finding, ...], clock: Clock, quiet: bool
) -> None:
    counted = (_counted(len(config.accounts), "account"), _counted(len(config.routes), "route"))
    click.secho(f"✓ {path} is right", fg="green", bold=True, nl=False)
    ledger = config.wallet.store
    places = [place_of(config), *([f"ledger in {ledger.shown_url}"] if ledger is not None else [])]
    click.echo(f"  {config.environment}, {', '.join([*counted, *places])}")
    if not quiet:
        _heading("Settings")
        _print_settings(config)
        _heading("Clock")
        click.echo(f"  {clock.now}; in {clock.zone} it is {clock.today}, which daily ceilings count for")
        click.echo(f"  {clock.text}")
    shown = [finding for finding in findings if finding.warning or not quiet]
    if shown or not quiet:
        _heading("Routing")
        for finding in shown:
            mark = click.style("!", fg="yellow", bold=True) if finding.warning else click.style("·", dim=True)
            click.echo(f"  {mark} {finding.text}")
        if not shown:
            click.echo("  Every amount, channel and currency has exactly one route.")
    if advice:
        _heading("Worth a look")
        mark = click.style("!", fg="yellow", bold=True)
        for one in advice:
            click.echo(f"  {mark} {click.style(one.path, bold=True)}: {one.message}")
    click.echo()
    warnings = len(advice) + sum(finding.warning for finding in findings)
    click.echo(_counted(warnings, "warning") if warnings else "No warnings.")


def _print_settings(config: Config) -> None:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    left = max(len(value.path) for value in config.effective)
    middle = max(len(_from(value)) for value in config.effective)
    for value in config.effective:
        click.echo(f"  {value.path:<{left}}  ", nl=False)
        click.secho(f"{_from(value):<{middle}}  ", fg=_COLOURS[value.source], nl=False)
        room = max(20, columns - left - middle - 7) if columns else len(value.value)
        click.echo(value.value if len(value.value) <= room else value.value[:room] + "…")


def _from(value: EffectiveValue) -> str:
    return value.where if value.source == "environment" else value.source


def _heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _as_json(
    path: str, config: Config, advice: tuple[Advice, ...], findings: tuple[Finding, ...], clock: Clock
) -> dict[str, Any]:
    return {
        "valid": True,
        "config": path,
        "problems": [],
        "settings": [asdict(value) for value in config.effective],
        "routing": [
            {"kind": one.kind, "rules": one.rules, "text": one.text, "warning": one.warning,
             "areas": [asdict(area) for area in one.areas]}
            for one in findings
        ],
        "warnings": [asdict(one) for one in advice],
        "clock": {"now": clock.now, "today": clock.today, "zone": clock.zone, "apart_seconds": clock.apart_seconds},
    }  # fmt: skip


def _dumped(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)
