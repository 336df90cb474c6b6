"""``payflow replay``: dead letters, to their handlers again."""

from __future__ import annotations

import getpass

import click

from .acting import acted
from .opening import config_option, opened


@click.command("replay")
@config_option
@click.option("--handler", help="Only what this handler gave up on.")
@click.option("--payment", "payment_id", help="Only messages of this payment.")
@click.option("--operator", default=getpass.getuser, help="Who asks for it; kept with the record.")
def command(path: str, handler: str | None, payment_id: str | None, operator: str) -> None:
    """Forget dead letters and make their messages due again; the worker delivers them."""
    import json

    with opened(path) as flow:
        done = acted(flow, operator, "replay", payment_id or "", {"handler": handler or ""})
        count = json.loads(done.result)["count"]
    click.echo(f"{count} message{'' if count == 1 else 's'} will be delivered again.")
