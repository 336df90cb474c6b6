"""``manage.py payflow worker``: every command of ``payflow``, on Django's settings and database."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from django.core.management.base import BaseCommand, CommandParser

from ....cli import main
from ....cli.opening import HOST, Host
from ...access import base_flow, config, setting
from ...store import django_store


class DjangoHost(Host):
    """Where the commands find what they work on."""

    def config(self) -> Any:
        return config()

    def flow(self) -> Any:
        return base_flow()

    def store(self) -> Any:
        return django_store(setting("USING"))

    def place(self) -> str:
        return f"Django's database {setting('USING')!r}"


@contextmanager
def hosted() -> Iterator[None]:
    """The commands work on Django's flow within this."""
    token = HOST.set(DjangoHost())
    try:
        yield
    finally:
        HOST.reset(token)


class Command(BaseCommand):
    """Hands its arguments to the click command."""

    help = "Every command of payflow: worker, trace, doctor, reconcile, refill, statement, incidents … (payflow --help)"
    words: Sequence[str] = ()
    requires_system_checks = ()  # `payflow check` is there to be asked when they fail

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, add_help=False, **kwargs)
        parser.prefix_chars = "\0"  # options are click's
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """As typed: nothing of it is Django's."""
        sys.exit(self.called([*self.words, *argv[2:]], f"{argv[0].rsplit('/', 1)[-1]} {argv[1]}"))

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("arguments", nargs="*")

    def handle(self, *args: Any, **options: Any) -> None:
        """For ``call_command("payflow", "trace", "01M…")``."""
        code = self.called([*self.words, *map(str, args or options.get("arguments", ()))], "payflow")
        if code:
            from django.core.management.base import CommandError

            raise CommandError(f"payflow ended with code {code}", returncode=code)

    @staticmethod
    def called(arguments: Sequence[str], name: str) -> int:
        """Run it; its exit code."""
        with hosted():
            try:
                main.main(args=list(arguments), prog_name=name, standalone_mode=False)
            except click.exceptions.Exit as ended:
                return ended.exit_code
            except click.ClickException as error:
                error.show()
                return error.exit_code
            except SystemExit as ended:
                return int(ended.code or 0)
        return 0
