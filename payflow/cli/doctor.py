"""``payflow doctor``: run every invariant query and name what is broken; ``gateways``: look at the accounts."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from ..assembly import tables_of
from ..auditing import Audit
from ..doctor import Finding, Invariant, examine, invariants
from ..ledger.proof import CHAIN, PAYMENT, ROW
from .findings import lang_option, print_findings
from .opening import config_at, config_option, said_plainly, store_at

if TYPE_CHECKING:
    from ..auditing import Audited
    from ..store import ExplainStore


#: What an audit finds, by number.
AUDITS = {
    CHAIN: "every account's entries are what was booked, in one chain from the first to the last",
    ROW: "every account has what its entries come to, bucket by bucket",
    PAYMENT: "every payment's journals are what was booked, in one chain",
}
#: So many rows of each finding are printed.
_SAMPLE = 20


@click.group("doctor", invoke_without_command=True)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON lines.")
@click.option("--audit/--no-audit", default=True, help="Compute every balance and every chain again from the entries.")
@click.pass_context
def command(context: click.Context, path: str, *, as_json: bool, audit: bool) -> None:
    """Run every invariant over the whole database, and compute every account and every chain again from its entries.

    Names the first entry where a chain breaks, and what differs. Reads only, while everything goes on. Exit code 0:
    everything holds; 1: something is broken. "payflow doctor gateways" looks at keys, certificates, addresses and
    clocks instead.
    """
    if context.invoked_subcommand is not None:
        return
    with said_plainly():
        config = config_at(path)
        tables = tables_of(config)
        store = store_at(path)
        store.check_schema()
        began = time.monotonic()
        findings = []
        total = len(invariants(tables))
        with click.progressbar(length=total, label="invariants", file=sys.stderr, hidden=as_json) as bar:
            for finding in examine(store, tables):
                findings.append(finding)
                bar.update(1)
        seen = None
        if audit:
            seen, audited = _audit(store, hidden=as_json)
            findings += audited
        waiting = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in store.counts().items())
        store.close()
    bad = [finding for finding in findings if finding.rows]
    if as_json:
        for finding in findings:
            click.echo(_as_json(finding))
    else:
        for finding in bad:
            _print(finding)
        click.echo(f"now: {waiting}")
        if seen is not None:
            _print_seen(seen)
        click.echo(f"{len(findings) - len(bad)} of {len(findings)} invariants hold, checked in "
                   f"{time.monotonic() - began:.1f} s")  # fmt: skip
    sys.exit(1 if bad else 0)


def _audit(store: ExplainStore, *, hidden: bool) -> tuple[Audited, list[Finding]]:
    """Audit everything, with a bar; what was seen, and a finding for each number."""
    rows: dict[str, list[tuple[Any, ...]]] = {number: [] for number in AUDITS}
    more = dict.fromkeys(AUDITS, 0)
    began = time.monotonic()
    _, entries, payments = store.audit_size()
    with click.progressbar(length=entries + payments, label="chains", file=sys.stderr, hidden=hidden) as bar:
        audit = Audit(store, progress=bar.update)
        for broken in audit.breaks():
            if len(rows[broken.number]) < _SAMPLE:
                rows[broken.number].append((broken.name, broken.seq, broken.journal_id, broken.says))
            else:
                more[broken.number] += 1
    took = time.monotonic() - began
    for number, count in more.items():
        if count:
            rows[number].append(("", 0, "", f"and {count} more"))
    return audit.seen, [Finding(Invariant(number, says, ""), rows[number], took) for number, says in AUDITS.items()]


def _as_json(finding: Finding) -> str:
    return json.dumps(
        {"invariant": finding.invariant.number, "says": finding.invariant.says, "holds": not finding.rows,
         "rows": [list(row) for row in finding.rows], "seconds": round(finding.seconds, 3)},
        default=str, ensure_ascii=False,
    )  # fmt: skip


def _print(finding: Finding) -> None:
    click.secho(f"BROKEN {finding.invariant.number}: {finding.invariant.says}", fg="red")
    for row in finding.rows:
        if finding.invariant.number in AUDITS and row[0]:
            name, seq, journal, says = row
            click.echo(f"    {name}  entry {seq}{f' ({journal})' if journal else ''}: {says}")
        else:
            click.echo("    " + "  ".join(map(str, row)).strip())


def _print_seen(seen: Audited) -> None:
    click.echo(
        f"computed again: {seen.entries:,} entries of {seen.accounts:,} accounts, {seen.journals:,} journals of "
        f"{seen.payments:,} payments"
    )
    if seen.unchained:
        click.echo(f"{seen.unchained:,} journals are from before there were chains: nothing is said of those")


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
        findings = examine_gateways(config_at(path or given["path"]), offline=offline)
    except ConfigError as error:
        findings = iter(refused(error))
    sys.exit(0 if print_findings(findings, lang, as_json=as_json or given.get("as_json", False)) else 1)
