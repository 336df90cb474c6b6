"""``payflow reconcile``: a day's bill against payments and ledger."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .findings import lang_option, spoken_here
from .opening import config_option, opened
from .reconcile_words import RUNS, STAGES, TEXT, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reconciling import Reconciler, Standing

account_option = click.option("--account", required=True, help="The account whose merchant it is about.")
day_option = click.option("--day", required=True, help="The Beijing day, yyyy-MM-dd.")

_AGREES, _DIFFERS, _NOT_YET = 0, 1, 3


@click.group("reconcile")
def command() -> None:
    """Hold a day's bill against payments and ledger: what differs, healed where that is safe, else an incident."""


@command.command("run")
@config_option
@click.option("--account", help="The account whose merchant's bill it is. Default: every one that is due.")
@click.option("--day", help="The Beijing day, yyyy-MM-dd. Default: yesterday.")
@click.option("--file", "file", type=click.Path(dir_okay=False, path_type=Path), help="The bill, already downloaded.")
@click.option("--heal/--no-heal", default=True, help="Ask the gateway about what the bill has as paid and we have not.")
@click.option("--due", is_flag=True, help="Every day that is due: for cron. Bills that were not there are tried again.")
@click.option("--days", default=7, show_default=True, help="How many days back --due looks.")
@click.option("--json", "as_json", is_flag=True, help="Print how each day stands as a JSON line.")
@lang_option
def run(
    path: str, account: str | None, day: str | None, file: Path | None, *, heal: bool, due: bool, days: int,
    as_json: bool, lang: str | None,
) -> None:  # fmt: skip
    """Reconcile a day, or all days that are due.

    Running it again changes nothing that agrees. Exit code 0: no open difference; 1: there are open differences, each
    with its incident; 2: it could not be tried at all; 3: a bill is not there yet or cannot be believed, or another
    runner is at it (nothing is said about any payment then).
    """
    if (account is None) == (not due):
        raise click.UsageError("Name an --account, or say --due")
    if due and (day or file):
        raise click.UsageError("--due chooses the days itself and fetches their bills")
    spoken = lang or spoken_here()
    with opened(path) as flow:
        from ..clock import SECOND
        from ..reconcile import Day
        from ..reconciling import Reconciler

        reconciler = Reconciler(flow)
        if account is not None:
            wanted = [(account, day or Day.at(flow.clock() - 86_400 * SECOND).name)]
        else:
            wanted = reconciler.due(days=days)
        if not wanted and not as_json:
            click.echo(said(TEXT, "nothing_due", spoken))
        worst = _AGREES
        for name, when in wanted:
            code = _one(reconciler, name, when, file, heal=heal, as_json=as_json, spoken=spoken)
            worst = max(worst, code)
    sys.exit(worst)


def _one(
    reconciler: Reconciler, account: str, day: str, file: Path | None, *, heal: bool, as_json: bool, spoken: str
) -> int:  # fmt: skip
    from ..errors import Refused
    from .reconcile_report import as_text

    try:
        with _Bars(spoken, hidden=as_json) as bars:
            standing = reconciler.run(account, day, file=file, heal=heal, progress=bars.show)
    except Refused as error:
        if error.code not in ("RECON_RUNNING", "RECON_TAKEN_OVER"):
            raise
        click.echo(f"{account} {day}: {said(TEXT, 'running', spoken)}", err=True)
        return _NOT_YET
    if as_json:
        click.echo(_as_json(standing))
    else:
        for line in as_text(standing, reconciler.differences(standing.run.id), spoken):
            click.echo(line)
    if standing.run.state != "done":
        return _NOT_YET
    return _DIFFERS if standing.open or standing.run.code else _AGREES


@command.command("status")
@config_option
@click.option("--limit", default=30, show_default=True, help="So many runs, newest days first.")
@click.option("--json", "as_json", is_flag=True, help="Print each as a JSON line.")
@lang_option
def status(path: str, limit: int, as_json: bool, lang: str | None) -> None:
    """How the newest days stand."""
    spoken = lang or spoken_here()
    with opened(path) as flow:
        from ..reconciling import Reconciler

        for standing in Reconciler(flow).latest(limit):
            one = standing.run
            if as_json:
                click.echo(_as_json(standing))
                continue
            click.echo(
                f"{one.day}  {one.account:<20} {said(RUNS, one.state, spoken)}{f' {one.code}' if one.code else ''}  "
                f"{one.bill_rows:,} {said(TEXT, 'rows', spoken)}, {one.matched:,} {said(TEXT, 'matched', spoken)}, "
                f"{standing.differences:,} {said(TEXT, 'differences', spoken)}, "
                f"{standing.open:,} {said(TEXT, 'open', spoken)}"
            )


@command.command("report")
@config_option
@account_option
@day_option
@click.option("--format", "form", type=click.Choice(("text", "html", "csv")), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@lang_option
def report(path: str, account: str, day: str, form: str, output: Path | None, lang: str | None) -> None:
    """Everything that was found on a day: for the terminal, as one HTML file, or as CSV without formulas.

    Exit code 0, or 1 if the day has not been reconciled.
    """
    from .reconcile_report import as_csv, as_html, as_text

    spoken = lang or spoken_here()
    with opened(path) as flow:
        from ..reconciling import Reconciler

        reconciler = Reconciler(flow)
        standing = reconciler.of(account, day)
        if standing is None:
            click.echo(said(TEXT, "no_run", spoken), err=True)
            sys.exit(1)
        write = {"text": as_text, "html": as_html, "csv": as_csv}[form]
        _put(write(standing, reconciler.differences(standing.run.id), spoken), output, bom=form == "csv")


@command.command("forget")
@config_option
@click.option("--before", required=True, help="The Beijing day before which the rows of bills are deleted.")
@lang_option
def forget(path: str, before: str, lang: str | None) -> None:
    """Delete the stored rows of old bills. Runs and differences stay, and so does everything that was booked."""
    with opened(path) as flow:
        from ..reconciling import Reconciler

        count = Reconciler(flow).forget(before)
    click.echo(said(TEXT, "forgotten", lang or spoken_here()).format(count=count))


def _put(lines: Iterator[str], output: Path | None, *, bom: bool) -> None:
    """To the file, with a mark that spreadsheets know UTF-8 by; or to the terminal."""
    if output is None:
        for line in lines:
            click.echo(line)
        return
    with output.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        for line in lines:
            file.write(line + "\r\n" if bom else line + "\n")


def _as_json(standing: Standing) -> str:
    told = {name: value for name, value in asdict(standing.run).items() if name not in ("runner", "lease_until")}
    named = ("side", "kind", "state", "count", "theirs", "ours")
    told["differences"] = [dict(zip(named, one, strict=True)) for one in standing.sums]
    return json.dumps(told, ensure_ascii=False)


class _Bars:
    """One progress bar for each stage, on the error output, where somebody watches."""

    def __init__(self, spoken: str, *, hidden: bool) -> None:
        self._spoken, self._hidden = spoken, hidden or not sys.stderr.isatty()
        self._stage = ""

    def __enter__(self) -> _Bars:
        return self

    def __exit__(self, *_: object) -> None:
        if self._stage and not self._hidden:
            click.echo(err=True)

    def show(self, stage: str, done: int, total: int | None) -> None:
        """Draw how far a stage has come; a new one on a line of its own."""
        if self._hidden:
            return
        if self._stage not in ("", stage):
            click.echo(err=True)
        self._stage = stage
        name = said(STAGES, stage, self._spoken)
        if total:
            filled = min(30, 30 * done // total)
            click.echo(f"\r{name}  [{'#' * filled}{'-' * (30 - filled)}]  {done:,}/{total:,}", nl=False, err=True)
        else:
            click.echo(f"\r{name}  {done:,}", nl=False, err=True)
