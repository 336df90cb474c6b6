"""``payflow doctor``: run every invariant query and name what is broken."""

from __future__ import annotations

import json
import sys
import time

import click

from ..assembly import open_store_of, tables_of
from ..config import load
from ..doctor import examine, invariants
from .opening import config_option, said_plainly


@click.command("doctor")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON lines.")
def command(path: str, as_json: bool) -> None:
    """Run every invariant over the whole database: what must never happen, and whether it did.

    Reads only. Exit code 0: everything holds; 1: something is broken.
    """
    with said_plainly():
        config = load(path)
        tables = tables_of(config)
        store = open_store_of(config)
        store.check_schema()
    began = time.monotonic()
    findings = []
    total = len(invariants(tables))
    with click.progressbar(length=total, label="invariants", file=sys.stderr, hidden=as_json) as bar:
        for finding in examine(store, tables):  # type: ignore[arg-type]  # the stores we ship can select
            findings.append(finding)
            bar.update(1)
    bad = [finding for finding in findings if finding.rows]
    if as_json:
        for finding in findings:
            click.echo(
                json.dumps(
                    {"invariant": finding.invariant.number, "says": finding.invariant.says,
                     "holds": not finding.rows, "rows": [list(row) for row in finding.rows],
                     "seconds": round(finding.seconds, 3)},
                    default=str,
                )
            )  # fmt: skip
    else:
        for finding in bad:
            click.secho(f"BROKEN {finding.invariant.number}: {finding.invariant.says}", fg="red")
            for row in finding.rows:
                click.echo("    " + "  ".join(map(str, row)))
        waiting = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in store.counts().items())
        click.echo(f"now: {waiting}")
        click.echo(f"{total - len(bad)} of {total} invariants hold, checked in {time.monotonic() - began:.1f} s")
    store.close()
    sys.exit(1 if bad else 0)
