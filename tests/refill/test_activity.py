"""What was spent on which day, as a line of text that is short and quick to add to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from payflow.refill import activity

DAYS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 10**12)), max_size=40)


def told(steps: list[tuple[int, int]], start: int = 739_000) -> tuple[str, dict[int, int], int]:
    """The line after spends so many days apart, what a plain reckoning has, and the day it is."""
    line, plain, day = "", dict[int, int](), start
    for later, amount in steps:
        day += later
        line = activity.add(line, day, amount)
        plain[day] = plain.get(day, 0) + amount
    return line, plain, day


@given(DAYS, st.integers(1, activity.DAYS))
def test_it_is_a_reckoning_of_the_last_forty_days(steps: list[tuple[int, int]], days: int) -> None:
    line, plain, today = told(steps)
    assert activity.spent_within(line, today, days) == sum(n for day, n in plain.items() if day > today - days)
    assert activity.last_active(line) == (max(plain) if plain else None)
    kept = list(activity.pairs(line))
    assert kept == sorted(kept)
    assert len(kept) <= activity.DAYS


def test_a_spend_of_today_is_added_to_today() -> None:
    line = activity.add(activity.add(activity.add("", 739_578, 120), 739_580, 60), 739_580, 1)
    assert line == "739578:120,739580:61"


def test_what_is_older_than_forty_days_is_forgotten() -> None:
    line = activity.add(activity.add("", 100, 5), 139, 6)
    assert line == "100:5,139:6"
    assert activity.add(line, 140, 7) == "139:6,140:7"


def test_a_clock_that_is_set_back_adds_to_the_newest_day() -> None:
    line = activity.add(activity.add("", 200, 5), 190, 6)
    assert line == "200:11"
    assert activity.spent_within(line, 190, 1) == 11
