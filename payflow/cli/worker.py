"""``payflow worker``: what goes on when nobody is looking."""

from __future__ import annotations

import signal
import threading
from dataclasses import asdict

import click

from .opening import as_json, config_option, log_to_stderr, opened


@click.command("worker")
@config_option
@click.option("--once", is_flag=True, help="One round, then exit: for cron.")
def command(path: str, once: bool) -> None:
    """Deliver messages, ask about unknown and pending payments and refunds, expire and close.

    Any number may run at the same time. SIGTERM or Ctrl-C: the round under way is finished, then exit 0.
    """
    from ..assembly import open_worker

    with opened(path) as flow:
        log_to_stderr(flow.config.log_level)
        worker = open_worker(flow)
        if once:
            click.echo(as_json(asdict(worker.round())))
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        click.echo("The worker is running; Ctrl-C stops it after its round.", err=True)
        worker.run(stop)
        click.echo("Stopped.", err=True)
