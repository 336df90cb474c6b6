"""The reference of the command line: what click knows of every command, its arguments and options."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from payflow.cli import COMMANDS, main

from .chinese import COMMANDS as IN_CHINESE
from .words import escaped, table, words


def markdown(lang: str) -> str:
    """Every command under a heading of its own."""
    parts = []
    for path, command in tree():
        depth = "#" * min(1 + len(path), 4)
        parts.append(f"{depth} `{' '.join(('payflow', *path))}`\n\n{_one(path, command, lang)}")
    return "\n\n".join(parts) + "\n"


def tree() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it, in the order of ``payflow --help``."""
    for name in COMMANDS:
        yield from _below((name,), _of(main, name))


def _below(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from _below((*path, name), _of(command, name))


def _of(group: click.Group, name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    if found is None:
        raise LookupError(f"there is no command {name}")
    return found


def _one(path: tuple[str, ...], command: click.Command, lang: str) -> str:
    said = words(lang)
    context = click.Context(command, info_name=" ".join(("payflow", *path)))
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [_told(path, command, lang), f"```text\npayflow {' '.join(path)} {usage}\n```"]
    rows = [_row(option, context, lang) for option in command.params if isinstance(option, click.Option)]
    if rows:
        parts.append(table([said["option"], said["meaning"], said["default"]], rows))
    return "\n\n".join(parts)


def _told(path: tuple[str, ...], command: click.Command, lang: str) -> str:
    help_ = inspect.cleandoc(command.help or "").split("\f")[0].replace("\b\n", "")
    if lang == "zh":
        return IN_CHINESE[" ".join(path)]
    return escaped(help_).replace("``", "`")


def _row(option: click.Option, context: click.Context, lang: str) -> list[str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = "" if option.is_flag else option.make_metavar(context)
    takes = f" `{kind}`" if kind and not option.count else ""
    default = option.get_default(context, call=False)
    shown = ""
    if default not in (None, False, (), "") and not callable(default) and not repr(default).startswith("Sentinel"):
        shown = f"`{default}`"
    if option.envvar:
        shown = f"{shown} ({words(lang)['environment']} `{option.envvar}`)".strip()
    return [names + takes, escaped(option.help or ""), shown]
