"""``payflow incidents``: what was authentic and refused, and now waits for a person."""

from __future__ import annotations

import getpass
from dataclasses import asdict

import click

from .acting import acted
from .opening import as_json, config_option, opened


@click.group("incidents", invoke_without_command=True)
@config_option
@click.option("--json", "json_wanted", is_flag=True, help="Print them as JSON.")
@click.pass_context
def command(context: click.Context, path: str, json_wanted: bool) -> None:
    """List the incidents that are not resolved, oldest first."""
    context.obj = path
    if context.invoked_subcommand is not None:
        return
    from ..clock import iso
    from ..money import text_from_minor

    with opened(path) as flow:
        found = flow.store.open_incidents(1000)
    if json_wanted:
        click.echo(as_json([asdict(incident) for incident in found]))
        return
    for one in found:
        money = f"{text_from_minor(one.amount, one.currency)} {one.currency}" if one.currency else "-"
        click.echo(
            f"{one.id}  {(iso(one.created_at) or '')[:19]}  {one.kind:<24} {one.status:<9} {money:>16}  "
            f"×{one.count}  {f'payment {one.payment_id}' if one.payment_id else one.ref}"
        )
    click.echo(f"{len(found)} open" if found else "No open incidents.")


@command.command("resolve")
@click.argument("incident")
@click.argument("how", type=click.Choice(["refund", "dismiss"]))
@click.option("--operator", default=getpass.getuser, help="Who decides; kept with the incident.")
@click.pass_obj
def resolve(path: str, incident: str, how: str, operator: str) -> None:
    """Settle INCIDENT: send the money back (refund), or close it as looked into (dismiss)."""
    import json

    with opened(path) as flow:
        done = acted(flow, operator, "resolve", incident, {"how": how})
        told = json.loads(done.result)
        click.echo(f"{incident}: {told['status']} ({told['resolution']})")
