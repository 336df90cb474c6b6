"""What an owner has spent on which day: one line of text, ``739578:120,739580:60``, for the last forty days.

Days are counted as ``date.toordinal`` counts them, in the wallet's zone. The line stands in the account's own row, so
that caps and dynamic refills are decided by what the row's version guards.
"""

from __future__ import annotations

from collections.abc import Iterator

#: A month and a few days: what caps and rules may ask for.
DAYS = 40


def add(activity: str, day: int, amount: int) -> str:
    """The line with ``amount`` more on ``day``. A clock that was set back adds to the newest day there is."""
    rest, comma, last = activity.rpartition(",")
    newest, _, spent = last.partition(":")
    if newest and int(newest) >= day:
        return f"{rest}{comma}{newest}:{int(spent) + amount}"
    if not activity:
        return f"{day}:{amount}"
    if int(activity.partition(":")[0]) > day - DAYS:
        return f"{activity},{day}:{amount}"
    kept = [f"{known}:{was}" for known, was in pairs(activity) if known > day - DAYS]
    return ",".join([*kept, f"{day}:{amount}"])


def pairs(activity: str) -> Iterator[tuple[int, int]]:
    """Day and what was spent on it, oldest first."""
    for pair in activity.split(",") if activity else ():
        day, _, spent = pair.partition(":")
        yield int(day), int(spent)


def spent_within(activity: str, today: int, days: int) -> int:
    """What was spent in the last ``days`` days, today included. What lies ahead of a clock that was set back counts."""
    return sum(spent for day, spent in pairs(activity) if day > today - days)


def last_active(activity: str) -> int | None:
    """The last day on which anything was spent."""
    return int(activity.rpartition(",")[2].partition(":")[0]) if activity else None
