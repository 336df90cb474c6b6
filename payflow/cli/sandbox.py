"""``payflow sandbox``: the far side of Alipay and WeChat Pay on this machine."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path

import click


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8800, show_default=True, type=click.IntRange(0, 65_535), help="The port; 0: a free one."
)
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path),
    help="A folder that keeps keys and orders; without it both live in memory.",
)  # fmt: skip
@click.option(
    "--speed", default=1.0, show_default=True, type=click.FloatRange(0, 100_000),
    help="How many seconds pass in the sandbox in one second.",
)  # fmt: skip
@click.option("--seed", type=int, help="Makes faults at a rate repeatable.")
@click.option(
    "--write-config", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write a payflow.json with accounts that point here, and a folder secrets beside it.",
)  # fmt: skip
@click.option("-v", "--verbose", count=True, help="Log every callback (-v), every request too (-vv).")
def command(
    *, host: str, port: int, state: Path | None, speed: float, seed: int | None, write_config: Path | None, verbose: int
) -> None:
    """Be Alipay and WeChat Pay on this machine: real protocols and cryptography, no account, no money.

    SIGTERM or Ctrl-C ends it.
    """
    from ..sandbox import Sandbox
    from ..sandbox.api.keys import write_config as written

    if verbose:
        level = logging.DEBUG if verbose > 1 else logging.INFO
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(message)s", force=True)
        logging.getLogger("payflow.sandbox").setLevel(level)
    if write_config is not None and write_config.exists():
        raise click.ClickException(f"{write_config} is there already; it is not written over.")
    try:
        sandbox = Sandbox(host=host, port=port, state=state, speed=speed, seed=seed)
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror or error}") from None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with sandbox:
        if write_config is not None:
            written(sandbox.material, sandbox.url, write_config)
            click.echo(f"Written: {write_config}, and its keys in {write_config.parent / 'secrets'}")
        click.echo(_welcome(sandbox.url))
        stop.wait()
    click.echo("Stopped.", err=True)


def _welcome(url: str) -> str:
    lines = (
        ("Alipay", f"{url}/gateway.do"),
        ("WeChat Pay", url),
        ("Dashboard", f"{url}/"),
        ("Cashier", f"{url}/cashier/GATEWAY/ORDER_NUMBER"),
        ("Set up a client", f"{url}/setup"),
        ("Control API", f"{url}/openapi.json"),
    )
    return "The sandbox is open. Ctrl-C closes it.\n" + "\n".join(f"  {name:<16} {where}" for name, where in lines)
