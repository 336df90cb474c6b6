"""``payflow migrate``: bring the database schema up to date."""

from __future__ import annotations

import click

from .opening import config_at, config_option, said_plainly, store_at


@click.command("migrate")
@config_option
def command(path: str) -> None:
    """Bring the database schema up to date.

    Safe while other processes start, and safe to run again: each step runs once, whoever comes first.
    """
    with said_plainly():
        config = config_at(path)
        store = store_at(path)
        applied = store.migrate()
        store.check_schema()
        store.close()
    ledger = config.wallet.store
    where = config.store.shown_url + (f", {ledger.shown_url}" if ledger is not None else "")
    click.echo(f"{where}: {'applied ' + ', '.join(map(str, applied)) if applied else 'already up to date'}")
