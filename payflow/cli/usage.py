"""``payflow usage``: what credit was used for."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .findings import lang_option, spoken_here
from .opening import config_option, opened
from .statement import plain, since_option, until_option
from .statement_words import said

if TYPE_CHECKING:
    from ..wallet import Usage

#: What is drawn: a label and what it consists of.
Rows = Sequence[tuple[str, Mapping[str, int]]]


@click.command("usage")
@config_option
@click.argument("account", metavar="[OWNER/UNIT]", required=False)
@click.option("--by", type=click.Choice(("day", "use", "owner")), default="day", show_default=True)
@since_option
@until_option
@click.option("--unit", help="One unit of all accounts.")
@click.option("--most", type=click.IntRange(1), default=30, show_default=True,
              help="So many uses or owners, the largest first.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(("text", "csv", "json")), default="text", show_default=True,
              help="json: one object a line.")  # fmt: skip
@click.option("--svg", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw it into this file, too.")
@lang_option
def command(
    path: str, account: str | None, *, by: str, since: date | None, until: date | None, unit: str | None, most: int,
    form: str, picture: Path | None, lang: str | None,
) -> None:  # fmt: skip
    """What credit was used for, by day and kind of use, by kind of use, or by owner: sums and a plot.

    Of OWNER/UNIT, of one --unit, or of everything. Days are the config's time zone's. What was used is spends and
    settled holds; transfers and what lapsed are none.
    """
    spoken = lang or spoken_here()
    with opened(path) as flow:
        from ..ledger import owner_and_unit
        from ..wallet import Wallet

        owner, of_unit = owner_and_unit(account) if account is not None else (None, unit)
        found = Wallet(flow).usage(owner, of_unit, by=by, since=since, until=until, most=most)
    title = said("usage", spoken).format(what=account or unit or said("all", spoken))
    {"text": _text, "csv": _csv, "json": _json}[form](found, by, title, spoken)
    if picture is not None:
        from ..drawing.bars import svg

        units = {one.unit for one in found}
        drawn = [
            (f"{label} {name}" if len(units) > 1 else label, parts)
            for name in sorted(units)
            for label, parts in _rows([one for one in found if one.unit == name], by, spoken)
        ]
        picture.write_text(svg(title, drawn, lang=spoken), encoding="utf-8")


def _rows(found: Sequence[Usage], by: str, lang: str) -> Rows:
    """Rows to be drawn, of one unit. Days on which nothing was used stand there, too."""
    if by != "day":
        return [(one.owner if by == "owner" else _use(one, lang), {"": one.amount}) for one in found]
    days: dict[date, dict[str, int]] = {}
    for one in found:
        if one.day is not None:
            days.setdefault(one.day, {})[_use(one, lang)] = one.amount
    return [(day.isoformat(), days.get(day, {})) for day in _days(min(days), max(days))] if days else []


def _days(first: date, last: date) -> Iterator[date]:
    yield from (first + timedelta(days=number) for number in range((last - first).days + 1))


def _use(one: Usage, lang: str) -> str:
    return one.use or said("no_use", lang)


def _text(found: Sequence[Usage], by: str, title: str, lang: str) -> None:
    from ..drawing.bars import bar

    click.secho(plain(title), bold=True)
    if not found:
        click.echo(said("no_usage", lang))
    for unit in sorted({one.unit for one in found}):
        of_unit = [one for one in found if one.unit == unit]
        rows = _rows(of_unit, by, lang)
        most = max(sum(parts.values()) for _, parts in rows)
        click.echo(unit)
        for label, parts in rows:
            total = sum(parts.values())
            told = ", ".join(f"{name} {amount:,}" for name, amount in parts.items()) if by == "day" else label
            name = f"{label}  " if by == "day" else ""
            click.echo(plain(f"  {name}{total:>17,}  {bar(total, most):<30}  {told}").rstrip())
        total = sum(one.amount for one in of_unit)
        indent = "            " if by == "day" else ""
        click.echo(f"  {indent}{total:>17,}  {said('total', lang)}")


def _cells(one: Usage, by: str) -> dict[str, str | int]:
    name = {"day": {"day": one.day.isoformat() if one.day else "", "use": one.use}, "use": {"use": one.use},
            "owner": {"owner": one.owner}}[by]  # fmt: skip
    return {"unit": one.unit, **name, "amount": one.amount, "spends": one.spends}


def _csv(found: Sequence[Usage], by: str, title: str, lang: str) -> None:  # noqa: ARG001 -- all are called alike
    from ..gateways.bills.exporting import safe_cell

    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = {"day": ("day", "use"), "use": ("use",), "owner": ("owner",)}[by]
    writer.writerow(["unit", *names, "amount", "spends"])
    for one in found:
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in _cells(one, by).values()])


def _json(found: Sequence[Usage], by: str, title: str, lang: str) -> None:  # noqa: ARG001 -- all are called alike
    for one in found:
        sys.stdout.write(json.dumps(_cells(one, by), ensure_ascii=False) + "\n")
