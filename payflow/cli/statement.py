"""``payflow statement``: every movement of an account, and why."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any

import click

from .findings import lang_option, spoken_here
from .opening import config_option, opened
from .statement_words import said

if TYPE_CHECKING:
    from ..wallet import Line, Statement

#: So many lines are shown before the next are read.
_AT_ONCE = 40
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

#: The columns of a CSV file, and the fields of a JSON line. ``time`` is the config's zone's, ``at`` is UTC.
COLUMNS = (
    "seq", "at", "time", "kind", "amount", "balance", "use", "memo", "key", "by", "other", "payment_id", "out_trade_no",
    "gateway", "gateway_txn", "paid", "currency", "refund_id", "out_refund_no", "refunded", "hold_id", "held", "policy",
    "policy_version", "trigger", "cause_kind", "cause_id", "parts", "journal_id",
)  # fmt: skip


class Day(click.ParamType[date]):
    """A day as ``2026-01-31``."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=timezone.utc).date()
        except ValueError:
            self.fail(f"{value!r} is no day like 2026-01-31", param, ctx)


since_option = click.option("--since", type=Day(), help="The first day, in the config's time zone.")
until_option = click.option("--until", type=Day(), help="The last day.")


@click.command("statement")
@config_option
@click.argument("account", metavar="OWNER/UNIT")
@since_option
@until_option
@click.option("--order", type=click.Choice(("oldest", "newest")), default="oldest", show_default=True)
@click.option("--limit", type=click.IntRange(0), help="At most so many movements.")
@click.option("--format", "form", type=click.Choice(("text", "csv", "json")), default="text", show_default=True,
              help="json: one object a line.")  # fmt: skip
@lang_option
def command(
    path: str, account: str, since: date | None, until: date | None, *, order: str, limit: int | None, form: str,
    lang: str | None,
) -> None:  # fmt: skip
    """Every movement of OWNER/UNIT with what caused it: the payment, the spend, the hold, the refill, the operator.

    With the balances before and after. Amounts are units of credit; in CSV and JSON, paid and refunded are minor units
    of their currency. Reads only. Exit code 1 if the account does not have what its entries come to.
    """
    with opened(path) as flow:
        from ..ledger import owner_and_unit
        from ..wallet import Wallet

        owner, unit = owner_and_unit(account)
        told = Wallet(flow).statement(owner, unit, since=since, until=until, order=order, limit=limit)
        zone = flow.rules.credit.zone or flow.settings.time_zone or timezone(timedelta(hours=8))
        write = {"text": _text, "csv": _csv, "json": _json}[form]
        write(told, zone, lang or spoken_here())
        if not told.agrees:
            sys.stdout.flush()
            words = said("differs", lang or spoken_here())
            click.secho(words.format(balance=told.account.balance, closing=told.closing), fg="red", err=True)
            sys.exit(1)


class _Counted:
    """Lines as they pass, and whether all of them did."""

    def __init__(self, told: Statement) -> None:
        self.told = told
        self.lines = 0
        self.last = 0
        self.parts = 0

    def __iter__(self) -> Iterator[Line]:
        for line in self.told:
            self.lines += 1
            self.parts += len(line.parts)
            yield line
            if self.lines == _AT_ONCE:
                sys.stdout.flush()

    @property
    def all(self) -> bool:
        """Whether every entry of the period was told; a limit ends before."""
        return self.told.limit is None or self.lines < self.told.limit or self.parts >= self.told.entries


def _figures(told: Statement) -> tuple[tuple[str, int], tuple[str, int]]:
    """What stands before the first line and behind the last."""
    first, last = ("opening", told.opening), ("closing", told.closing)
    return (first, last) if told.order == "oldest" else (last, first)


# -- for people ----------------------------------------------------------------------------------------------------


def _text(told: Statement, zone: tzinfo, lang: str) -> None:
    write = sys.stdout.write
    before, behind = _figures(told)
    write(f"{plain(told.account.id)}\n{_figure(before, lang)}")
    lines = _Counted(told)
    for line in lines:
        write(f"{_time(line.at, zone):<19}  {line.amount:>+16,}  {line.balance:>17,}  {_why(line, lang)}\n")
    if not lines.lines and told.limit != 0:
        write(f"{'':<19}  {said('nothing', lang)}\n")
    if lines.all:
        write(_figure(behind, lang))
    else:
        write(f"{'':<19}  {said('more', lang).format(limit=told.limit)}\n")
    write(f"{'':<19}  {said('now', lang).format(balance=told.account.balance, held=told.account.held)}\n")


def _figure(figure: tuple[str, int], lang: str) -> str:
    return f"{'':<19}  {'':>16}  {figure[1]:>17,}  {said(figure[0], lang)}\n"


def _why(line: Line, lang: str) -> str:
    """A movement in words."""
    if line.at is None:
        return plain(f"{said(line.kind, lang)}  {said('no_journal', lang)}")
    parts = [said(line.kind, lang), *_causes(line, lang)]
    if line.memo and line.memo != line.policy:
        parts.append(f"“{line.memo}”")
    return plain("  ".join(parts))


def _causes(line: Line, lang: str) -> Iterator[str]:
    from ..money import figure

    def told(word: str, **facts: object) -> str:
        return said(word, lang).format(**facts)

    if line.use:
        yield line.use
    if line.payment_id:
        money = f"{figure(line.paid, line.currency)} {line.currency}"
        yield told("payment", id=line.payment_id, order=line.out_trade_no, gateway=line.gateway, money=money)
    if line.refund_id:
        money = f"{figure(line.refunded, line.currency)} {line.currency}"
        yield told("refund", order=line.out_refund_no, money=money)
    if line.policy:
        trigger = said("trigger_payment" if line.trigger == "payment" else line.trigger, lang)
        yield told("version" if line.policy_version else "policy", name=line.policy, version=line.policy_version,
                   trigger=trigger)  # fmt: skip
    if line.other:
        yield told("to" if line.amount < 0 else "from", other=line.other)
    if line.hold_id:
        yield told("hold", key=line.key, held=line.held)
    elif line.key:
        yield told("key", key=line.key)
    if line.by:
        yield told("by", by=line.by)


def _time(at: int | None, zone: tzinfo) -> str:
    return "" if at is None else (_EPOCH + timedelta(microseconds=at)).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def plain(text: str) -> str:
    """Text for a terminal: what is no letter, sign or space is shown as a mark, and moves no cursor."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "�" for char in text)


# -- for programs --------------------------------------------------------------------------------------------------


def _csv(told: Statement, zone: tzinfo, lang: str) -> None:  # noqa: ARG001 -- all three are called alike
    from ..gateways.bills.exporting import safe_cell

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _rows(told, zone):
        cells = (row.get(name, "") for name in COLUMNS)
        # Our own figures: a minus before digits is a number. Whatever else somebody named is never a formula.
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in cells])


def _json(told: Statement, zone: tzinfo, lang: str) -> None:  # noqa: ARG001 -- all three are called alike
    encode = json.JSONEncoder(ensure_ascii=False).encode
    for row in _rows(told, zone):
        if "parts" in row:
            row["parts"] = json.loads(row["parts"])
        sys.stdout.write(encode(row) + "\n")


def _rows(told: Statement, zone: tzinfo) -> Iterator[dict[str, Any]]:
    """Opening figure, movements, closing figure. Where a limit ends before the period does, the last one is missing."""
    from ..clock import iso

    before, behind = _figures(told)
    yield {"kind": before[0], "balance": before[1]}
    lines = _Counted(told)
    names = [name for name in COLUMNS if name not in ("at", "time", "parts")]
    for line in lines:
        row: dict[str, Any] = {"at": iso(line.at) or "", "time": _time(line.at, zone)}
        row |= {name: getattr(line, name) for name in names}
        row["parts"] = json.dumps([list(part) for part in line.parts], ensure_ascii=False)
        yield row
    if lines.all:
        yield {"kind": behind[0], "balance": behind[1]}
