"""The ``payflow`` command. Each subcommand lives in the module of its name and is loaded only when it is asked for."""

from __future__ import annotations

from importlib import import_module

import click

from .._version import __version__

#: subcommand → what it is for. The order is the order of ``payflow --help``.
COMMANDS = {
    "demo": "Tell the story of one coffee in the terminal: ordered, paid, called back twice, booked once, refunded.",
    "check": "Validate the config, print every effective value and where it came from, warn of what bites.",
    "route": "Explain which gateway an amount and a channel would go to, and why.",
    "table": "Print the transition tables as Markdown, Mermaid or SVG.",
    "migrate": "Bring the database schema up to date.",
    "sandbox": "Be Alipay and WeChat Pay on this machine: real protocols, no account, no money.",
    "worker": "Deliver messages, ask about unknown and pending payments, expire and close.",
    "reconcile": "Hold a day's bill against payments and ledger: what differs, healed or reported.",
    "credit": "What an owner has; give credit, correct it, change tier, limit or caps.",
    "refill": "Refill what is due; look after refill policies.",
    "statement": "Every movement of an account with what caused it, down to the payment; text, CSV or JSON.",
    "usage": "What credit was used for, by day, use or owner, with a plot.",
    "trace": "Tell the whole story of one payment.",
    "doctor": "Run every invariant, compute every balance and chain again, and name what is broken.",
    "recover": "End what is in doubt between the payments' database and the ledger's own.",
    "explain-signature": "Say why a callback was refused: which check fails, and the likely mistake.",
    "incidents": "List incidents and resolve them.",
    "replay": "Send dead messages to their handlers again.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, so that ``--help`` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="payflow")
def main() -> None:
    """payflow: take money through Alipay, WeChat Pay or a mock gateway, and never be wrong about it."""
