"""Every movement with its cause, and what was used day by day: the ledger's figures beside the chat's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from flask import Blueprint, render_template, request
from markupsafe import Markup

from payflow import Wallet
from payflow.clock import day_of
from payflow.ledger.names import account_id
from payflow.wallet import Line, Usage

from .answers import Answer
from .place import here
from .plot import bars
from .prices import UNIT
from .purse import purse_of
from .visitor import owner
from .words import say

books = Blueprint("books", __name__)

_PAGE = 25
_DAYS = 14


@books.get("/statement")
def statement() -> str:
    """Every movement, the newest first, a page at a time; and whether they add up to what there is."""
    place, who = here(), owner()
    purse = purse_of(place.wallet, who)
    moved = movements(place.wallet, who) if purse else []
    pages = max(1, -(-len(moved) // _PAGE))
    page = min(max(request.args.get("page", 1, int), 1), pages)
    shown = moved[(page - 1) * _PAGE : page * _PAGE]
    held = place.flow.store.open_holds(account_id(who, UNIT))
    return render_template(
        "statement.html", purse=purse, shown=shown, page=page, pages=pages, count=len(moved), held=held,
        total=sum(line.amount for line in moved), zone=place.flow.config.time_zone,
        answers=place.answers.of_holds([*(line.hold_id for line in shown if line.hold_id), *(one.id for one in held)]),
        kinds={name: kind_of(name) for line in shown for name, _ in line.parts},
    )  # fmt: skip


def movements(wallet: Wallet, who: str) -> list[Line]:
    """Everything that ever moved an account, the newest first."""
    return list(wallet.statement(who, UNIT, order="newest"))


def kind_of(bucket: str) -> str:
    """What kind of credit a bucket's name stands for: a top-up's is its payment, its bonus has a plus behind it."""
    name = bucket.partition(":")[0]
    if name in ("promo", "refill", "paid", "debt"):
        return name
    return "promo" if bucket.endswith("+") else "paid"


@dataclass(frozen=True, slots=True)
class Day:
    """What was used on one day: credit as the ledger has it, tokens as the chat counted them."""

    name: str
    answers: int
    read: int
    written: int
    cost: int


def days(used: Sequence[Usage], answers: Sequence[Answer], first: date, last: date, zone: tzinfo) -> list[Day]:
    """Every day from the first to the last; those on which nothing was used among them."""
    names = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    found = {name: [0, 0, 0, 0] for name in names}
    for one in used:
        if one.day is not None and (day := found.get(one.day.isoformat())) is not None:
            day[0] += one.spends
            day[3] += one.amount
    for answer in answers:
        if (day := found.get(day_of(answer.asked_at, zone))) is not None:
            day[1] += answer.read
            day[2] += answer.written
    return [Day(name, *sums) for name, sums in found.items()]


@books.get("/usage")
def usage() -> str:
    """What was used, day by day: as a picture and as a table."""
    place, who = here(), owner()
    zone, now = place.flow.config.zone, place.flow.clock()
    last = date.fromisoformat(day_of(now, zone))
    first = last - timedelta(days=_DAYS - 1)
    used = place.wallet.usage(who, UNIT, since=first, until=last)
    answers = place.answers.done_since(who, now - (_DAYS + 1) * 86_400_000_000)
    found = days(used, answers, first, last, zone)
    drawn = bars([(day.name[8:], day.cost) for day in found], title=say("usage_plot"))
    return render_template("usage.html", days=found, plot=Markup(drawn), zone=place.flow.config.time_zone)  # noqa: S704 -- our own drawing
