"""``payflow trace``: why is this payment where it is."""

from __future__ import annotations

import click

from .opening import as_json, config_option, opened


@click.command("trace")
@config_option
@click.argument("payment")
@click.option("--json", "json_wanted", is_flag=True, help="Print the story as JSON.")
def command(path: str, payment: str, json_wanted: bool) -> None:
    """Tell the whole story of PAYMENT: its id, or your own reference for it (then its newest payment)."""
    with opened(path) as flow:
        known = flow.store.recent_payments(1, reference=payment)
        trace = flow.trace(known[0].id if known else payment)
        click.echo(as_json(trace.as_dict()) if json_wanted else trace.text())
