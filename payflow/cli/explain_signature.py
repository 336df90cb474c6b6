"""``payflow explain-signature``: why a callback was refused."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import BinaryIO

import click

from ..clock import SECOND, from_datetime, system_clock
from .findings import lang_option, print_findings
from .opening import config_at, config_option, said_plainly


@click.command("explain-signature")
@config_option
@click.option("--account", required=True, help="The account it came to, as the config names it.")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of it. May come often.")
@click.option("--body", type=click.File("rb"), help="Its body, where FILE is not given.")
@click.option("--at", metavar="TIME", help="When it arrived: seconds since 1970, or 2026-01-31T08:00:00+08:00.")
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON lines.")
@lang_option
def command(
    *, path: str, account: str, file: BinaryIO | None, headers: tuple[str, ...], body: BinaryIO | None, at: str | None,
    as_json: bool, lang: str | None,
) -> None:  # fmt: skip
    """Say which check of a callback fails, and the likely mistake.

    FILE (- for the standard input) holds the request as it came: request line and headers if there are any, a blank
    line, the body. The bytes have to be the ones that arrived. Nothing is sent. Exit code 0: it is genuine; 1: it is
    not.
    """
    from ..diagnosis.capture import captured
    from ..diagnosis.explain import explain
    from ..diagnosis.material import material_of

    if (file is None) == (body is None):
        raise click.UsageError("Give the request as FILE, or its body with --body.")
    now = system_clock() if at is None else instant(at)
    with said_plainly():
        config = config_at(path)
    if account not in config.accounts:
        raise click.UsageError(f"There is no account '{account}'; there are {', '.join(config.accounts)}.")
    raw = (file or body).read()  # type: ignore[union-attr]  # one of them is there
    callback = captured(raw, account, headers, bare=file is None)
    materials = {name: material_of(one) for name, one in config.accounts.items()}
    findings = explain(materials[account], callback, now, tuple(materials.values()))
    sys.exit(0 if print_findings(findings, lang, as_json=as_json) else 1)


def instant(text: str) -> int:
    """A time of the command line as an instant; a usage error for what is none, or has no offset."""
    try:
        if text.isdigit():
            return int(text) * SECOND
        given = datetime.fromisoformat(text)
    except ValueError:
        given = None
    if given is None or given.tzinfo is None:
        raise click.BadParameter("is no time with an offset, and no seconds since 1970", param_hint="--at")
    return from_datetime(given.astimezone(timezone.utc))
