"""Usage: what credit was used for, by day, by use or by owner. The database adds it up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo

from ..clock import BEIJING
from ..store import Used

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

#: How it is summed up → what the database is asked for.
GROUPED = {"day": ("quarter", "use"), "use": ("use",), "owner": ("account",)}


@dataclass(frozen=True, slots=True)
class Usage:
    """``amount`` units of ``unit``, used in ``spends`` spends and settled holds.

    By day: ``day`` and ``use`` say of what; by use: ``use``; by owner: ``owner``. The others are ``None`` or "".
    """

    unit: str
    day: date | None
    use: str
    owner: str
    amount: int
    spends: int


def of_days(found: Iterable[Used], zone: tzinfo | None) -> list[Usage]:
    """Quarters of an hour as days in ``zone``, in order."""
    sums: dict[tuple[str, date, str], tuple[int, int]] = {}
    for one in found:
        day = (_EPOCH + timedelta(microseconds=one.quarter)).astimezone(zone or BEIJING).date()
        amount, spends = sums.get((one.unit, day, one.use), (0, 0))
        sums[one.unit, day, one.use] = (amount + one.amount, spends + one.spends)
    return [Usage(unit, day, use, "", *sums[unit, day, use]) for unit, day, use in sorted(sums)]


def of_names(found: Iterable[Used]) -> list[Usage]:
    """By use or by owner, the largest first."""
    told = [Usage(one.unit, None, one.use, one.account.rpartition("/")[0], one.amount, one.spends) for one in found]
    return sorted(told, key=lambda one: (one.unit, -one.amount, one.use, one.owner))
