"""``payflow table``: the transition tables, printed and drawn."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import click

from ..drawing import markdown, mermaid, readme_block, svg
from ..drawing.words import LANGUAGES
from ..errors import ConfigError
from ..machine import Table
from ..machine.own import document_of
from ..tables import TABLES
from .opening import config_at


@click.command("table")
@click.argument("which", type=click.Choice([*TABLES, "all"]), default="all")
@click.option("--format", "form", type=click.Choice(["md", "mermaid", "svg", "json"]), default="md", show_default=True,
              help="json: as a host declares its own table; something to start from.")  # fmt: skip
@click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="The language of the words."
)
@click.option("--state", help="Light this state (mermaid, svg).")
@click.option("-c", "--config", "path", help="Show the tables of this config. Default: the built-in ones.")
@click.option(
    "--readme", is_flag=True, help="Print the block that stands in the README; nothing else counts but --lang."
)
def command(which: str, form: str, lang: str, state: str | None, path: str | None, readme: bool) -> None:
    """Print a transition table (payment, refund, attempt) or all of them. What is not in a table is refused.

    Exit code 2: wrong config, or something that cannot be drawn.
    """
    if readme:
        click.echo(readme_block(TABLES, lang), nl=False)
        return
    tables = TABLES if path is None else _tables_of(path)
    shown = list(tables.values()) if which == "all" else [tables[which]]
    if state is not None and form not in {"mermaid", "svg"}:
        raise click.UsageError("--state lights a state in a drawing: --format mermaid or svg")
    if len(shown) > 1 and (form in {"svg", "json"} or state is not None):
        raise click.UsageError(f"One table at a time, please: payflow table payment --format {form}")
    if state is not None and state not in shown[0].states:
        raise click.BadParameter(f"one of: {', '.join(shown[0].states)}", param_hint="--state")
    click.echo("\n".join(_written(table, form, lang, state) for table in shown), nl=False)


def _written(table: Table, form: str, lang: str, state: str | None) -> str:
    if form == "mermaid":
        return mermaid(table, state)
    if form == "svg":
        return svg(table, state, lang=lang)
    if form == "json":
        return json.dumps(document_of(table), ensure_ascii=False, indent=2) + "\n"
    return markdown(table, lang)


def _tables_of(path: str) -> Mapping[str, Table]:
    from ..assembly import tables_of

    try:
        return tables_of(config_at(path))
    except ConfigError as error:
        click.secho(f"✗ {error.message}", fg="red", err=True)
        sys.exit(2)
