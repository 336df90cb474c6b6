"""``payflow replay``: dead letters, to their handlers again."""

from __future__ import annotations

import click

from .opening import config_option, opened


@click.command("replay")
@config_option
@click.option("--handler", help="Only what this handler gave up on.")
@click.option("--payment", "payment_id", help="Only messages of this payment.")
def command(path: str, handler: str | None, payment_id: str | None) -> None:
    """Forget dead letters and make their messages due again; the worker delivers them."""
    with opened(path) as flow:
        count = flow.store.revive(handler=handler, payment_id=payment_id, now=flow.clock())
    click.echo(f"{count} message{'' if count == 1 else 's'} will be delivered again.")
