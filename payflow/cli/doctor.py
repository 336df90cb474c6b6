"""``payflow doctor``: run every invariant query and name what is broken; ``gateways``: look at the accounts."""

from __future__ import annotations

import json
import sys
import time

import click

from ..assembly import open_store_of, tables_of
from ..config import load
from ..doctor import examine, invariants
from .findings import lang_option, print_findings
from .opening import config_option, said_plainly


@click.group("doctor", invoke_without_command=True)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON lines.")
@click.pass_context
def command(context: click.Context, path: str, as_json: bool) -> None:
    """Run every invariant over the whole database: what must never happen, and whether it did.

    Reads only. Exit code 0: everything holds; 1: something is broken. "payflow doctor gateways" looks at keys,
    certificates, addresses and clocks instead.
    """
    if context.invoked_subcommand is not None:
        return
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


@command.command("gateways")
@click.option("-c", "--config", "path", help="The config file.  [default: that of payflow doctor]")
@click.option("--offline", is_flag=True, help="Ask neither the gateways nor the DNS.")
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON lines.")
@lang_option
@click.pass_context
def gateways(context: click.Context, path: str | None, offline: bool, as_json: bool, lang: str | None) -> None:
    """Look at every account: keys, certificates, addresses, clocks, and whether its gateway answers.

    Asks each gateway what became of an order that does not exist; nothing is ordered or changed. Exit code 0: no
    errors (there may be warnings); 1: at least one error.
    """
    from ..diagnosis.gateways import examine_gateways, refused
    from ..errors import ConfigError

    given = context.parent.params if context.parent is not None else {}
    try:
        findings = examine_gateways(load(path or given["path"]), offline=offline)
    except ConfigError as error:
        findings = iter(refused(error))
    sys.exit(0 if print_findings(findings, lang, as_json=as_json or given.get("as_json", False)) else 1)
