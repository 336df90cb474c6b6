"""``payflow migrate``: bring the database schema up to date."""

from __future__ import annotations

import click

from .opening import config_option, said_plainly


@click.command("migrate")
@config_option
def command(path: str) -> None:
    """Bring the database schema up to date.

    Safe while other processes start, and safe to run again: each step runs once, whoever comes first.
    """
    from ..assembly import open_store_of
    from ..config import load

    with said_plainly():
        config = load(path)
        store = open_store_of(config)
        applied = store.migrate()
        store.check_schema()
        store.close()
    ledger = config.wallet.store
    where = config.store.shown_url + (f", {ledger.shown_url}" if ledger is not None else "")
    click.echo(f"{where}: {'applied ' + ', '.join(map(str, applied)) if applied else 'already up to date'}")
