"""Periods are counted from their anchor, in the calendar of their zone."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.clock import from_datetime, iso
from payflow.errors import InvalidRequest
from payflow.refill.calendar import Interval, Periods, instant_of

UTC = timezone.utc


def periods(wall: str, zone: str = "UTC", **every: int) -> Periods:
    place = ZoneInfo(zone)
    return Periods(instant_of(datetime.fromisoformat(wall), place), Interval.of(every), place)


def walls(made: Periods, *numbers: int) -> list[str]:
    return [
        datetime.fromtimestamp(made.start(number) / 1_000_000, made.zone).strftime("%Y-%m-%d %H:%M")
        for number in numbers
    ]


def test_f83_31_january_and_a_month_is_the_end_of_february_and_then_31_march() -> None:
    made = periods("2027-01-31T00:00", months=1)
    assert walls(made, 0, 1, 2, 3) == ["2027-01-31 00:00", "2027-02-28 00:00", "2027-03-31 00:00", "2027-04-30 00:00"]
    assert walls(periods("2028-01-31T00:00", months=1), 1) == ["2028-02-29 00:00"]
    assert walls(periods("2028-02-29T00:00", years=1), 1, 4) == ["2029-02-28 00:00", "2032-02-29 00:00"]


def test_f83_days_keep_the_time_on_the_wall_across_clock_changes() -> None:
    made = periods("2026-03-28T02:30", "Europe/Berlin", days=1)  # on the 29th 02:30 does not exist
    assert [iso(made.start(number)) for number in (0, 1, 2)] == [
        "2026-03-28T01:30:00.000000Z", "2026-03-29T01:30:00.000000Z", "2026-03-30T00:30:00.000000Z",
    ]  # fmt: skip
    back = periods("2026-10-24T02:30", "Europe/Berlin", days=1)  # on the 25th 02:30 comes twice: the first counts
    assert [iso(back.start(number)) for number in (1, 2)] == [
        "2026-10-25T00:30:00.000000Z", "2026-10-26T01:30:00.000000Z",
    ]  # fmt: skip
    west = periods("2026-03-07T02:30", "America/New_York", days=1)
    assert iso(west.start(1)) == "2026-03-08T07:30:00.000000Z"


def test_hours_are_time_that_passes() -> None:
    made = periods("2026-03-29T00:00", "Europe/Berlin", hours=24)
    assert made.start(1) - made.start(0) == 86_400_000_000
    assert walls(made, 1) == ["2026-03-30 01:00"]


@pytest.mark.parametrize(
    "every", [{}, {"days": 0}, {"days": -1}, {"days": 1.5}, {"days": True}, {"fortnights": 1}, {"days": 1, "hours": 1},
              {"years": 11}, {"minutes": 10**9}],
)  # fmt: skip
def test_b234_an_interval_of_nothing_is_refused(every: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Interval.of(every)
    assert refused.value.code == "REFILL_POLICY_INVALID"


ANCHORS = st.datetimes(datetime.fromisoformat("2001-01-01"), datetime.fromisoformat("2040-12-31"))
EVERY = st.one_of(
    st.builds(lambda n: {"minutes": n}, st.integers(1, 5000)), st.builds(lambda n: {"hours": n}, st.integers(1, 800)),
    st.builds(lambda n: {"days": n}, st.integers(1, 400)), st.builds(lambda n: {"weeks": n}, st.integers(1, 60)),
    st.builds(lambda n: {"months": n}, st.integers(1, 30)), st.builds(lambda n: {"years": n}, st.integers(1, 5)),
)  # fmt: skip
ZONES = st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


@given(ANCHORS, EVERY, ZONES, st.integers(0, 3000), st.integers(0, 10**13))
def test_every_instant_is_in_exactly_one_period(
    wall: datetime, every: dict[str, int], zone: str, number: int, more: int
) -> None:
    place = ZoneInfo(zone)
    made = Periods(instant_of(wall, place), Interval.of(every), place)
    latest = from_datetime(datetime(2200, 1, 1, tzinfo=UTC))
    now = min(made.anchor + more * 100, latest)
    at = made.number_at(now)
    assert made.start(at) <= now < made.start(at + 1)
    assert made.number_at(made.anchor - 1) == -1
    if made.anchor + number * 60_000_000 < latest and "minutes" in every:
        assert made.number_at(made.start(number)) == number


@pytest.mark.parametrize(
    ("zone", "wall", "gap"),
    [("America/New_York", "2026-03-08T02:30", 1800), ("Europe/Berlin", "2026-03-29T02:00", 0),
     ("Australia/Lord_Howe", "2026-10-04T02:15", 900)],
)  # fmt: skip
def test_f83_a_time_that_is_left_out_moves_forward_by_what_was_left_out(zone: str, wall: str, gap: int) -> None:
    """``gap``: so many seconds after the first instant of the new time."""
    place = ZoneInfo(zone)
    at = instant_of(datetime.fromisoformat(wall), place)
    just_before = datetime.fromtimestamp((at - gap * 1_000_000 - 1) / 1_000_000, place)
    just_after = datetime.fromtimestamp((at - gap * 1_000_000) / 1_000_000, place)
    assert just_before.utcoffset() != just_after.utcoffset()


@pytest.mark.parametrize(("zone", "month"), [("America/New_York", 11), ("Europe/Berlin", 10)])
def test_f83_a_day_of_25_hours_is_one_day_and_one_of_23_as_well(zone: str, month: int) -> None:
    made = periods("2026-01-01T02:30", zone, days=1)
    lengths = [(made.start(day + 1) - made.start(day)) // 3_600_000_000 for day in range(365)]
    assert (lengths.count(23), lengths.count(25), lengths.count(24)) == (1, 1, 363)
    first_of_two = datetime.fromtimestamp(made.start(lengths.index(25)) / 1_000_000, made.zone)
    assert (first_of_two.month in (month, month - 1), first_of_two.hour) == (True, 2)


def test_shanghai_has_days_of_24_hours() -> None:
    made = periods("2026-01-01T00:00", "Asia/Shanghai", days=1)
    assert {made.start(day + 1) - made.start(day) for day in range(730)} == {86_400_000_000}


def test_a_day_that_a_zone_left_out_altogether_is_a_period_of_no_length() -> None:
    made = periods("2011-12-29T08:00", "Pacific/Apia", days=1)  # there was no 30 December
    assert made.start(1) == made.start(2)
    assert made.number_at(made.start(1)) == 2
    assert made.number_at(made.start(1) - 1) == 0


@given(ANCHORS, EVERY, ZONES, st.integers(0, 400), st.integers(-2, 2))
def test_the_guess_is_what_walking_would_find(
    wall: datetime, every: dict[str, int], zone: str, number: int, beside: int
) -> None:
    place = ZoneInfo(zone)
    made = Periods(instant_of(wall, place), Interval.of(every), place)
    if number * sum({"years": 366, "months": 31, "weeks": 7}.get(unit, 1) * n for unit, n in every.items()) > 60_000:
        number = number % 10
    now = made.start(number) + beside
    assert made.number_at(now) == number - (beside < 0)
