"""When periods begin: always counted from their anchor, in the calendar of their zone.

``start(k)`` is the anchor and ``k`` intervals, never the period before it and one interval: so 31 January and one month
is the last day of February, and two months are 31 March again. Days, weeks, months and years keep the time on the wall:
a time that a clock change leaves out moves forward by what was left out, and one that comes twice is its first. Minutes
and hours are time that passes, whatever the clock on the wall does.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from ..clock import SECOND, from_datetime
from ..errors import InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EXACT = {"minutes": 60 * SECOND, "hours": 3600 * SECOND}
_DAYS = {"days": 1, "weeks": 7}
_MONTHS = {"months": 1, "years": 12}
#: How long an interval may be, in days: ten years.
_LONGEST_DAYS = 3660
_ROUGH_DAYS = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1, "weeks": 7, "months": 30.5, "years": 366}


@dataclass(frozen=True, slots=True)
class Interval:
    """``number`` minutes, hours, days, weeks, months or years."""

    unit: str
    number: int

    @classmethod
    def of(cls, body: Mapping[str, int]) -> Interval:
        """``{"months": 1}``: one unit, between a minute and ten years. ``REFILL_POLICY_INVALID`` otherwise."""
        if len(body) != 1:
            raise InvalidRequest("An interval has one unit", code="REFILL_POLICY_INVALID", path="$.every")
        ((unit, number),) = body.items()
        if unit not in _ROUGH_DAYS:
            raise InvalidRequest(
                f"An interval is counted in {', '.join(_ROUGH_DAYS)}", code="REFILL_POLICY_INVALID", path="$.every"
            )
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise InvalidRequest("An interval is at least one", code="REFILL_POLICY_INVALID", path=f"$.every.{unit}")
        if number * _ROUGH_DAYS[unit] > _LONGEST_DAYS:
            raise InvalidRequest("An interval is at most ten years", code="REFILL_POLICY_INVALID", path="$.every")
        return cls(unit, number)


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods from one anchor: an instant, in microseconds since 1970 UTC."""

    anchor: int
    every: Interval
    zone: tzinfo

    def start(self, number: int) -> int:
        """The instant at which period ``number`` begins; period 0 begins at the anchor."""
        unit, count = self.every.unit, self.every.number * number
        if unit in _EXACT:
            return self.anchor + count * _EXACT[unit]
        if not number:
            return self.anchor
        wall = self._wall(self.anchor)
        if unit in _DAYS:
            return self._instant(wall + timedelta(days=count * _DAYS[unit]))
        months = wall.year * 12 + wall.month - 1 + count * _MONTHS[unit]
        year, month = divmod(months, 12)
        day = min(wall.day, monthrange(year, month + 1)[1])
        return self._instant(wall.replace(year=year, month=month + 1, day=day))

    def number_at(self, now: int) -> int:
        """The period that ``now`` is in; -1 before the anchor. A guess that is put right, never a walk."""
        if now < self.anchor:
            return -1
        unit, every = self.every.unit, self.every.number
        if unit in _EXACT:
            return (now - self.anchor) // (_EXACT[unit] * every)
        first, today = self._wall(self.anchor), self._wall(now)
        if unit in _DAYS:
            guess = (today.toordinal() - first.toordinal()) // (_DAYS[unit] * every)
        else:
            guess = ((today.year - first.year) * 12 + today.month - first.month) // (_MONTHS[unit] * every)
        guess += 1  # a day or a month more: what has begun by then is certain
        while self.start(guess) > now:
            guess -= 1
        return guess

    def _wall(self, instant: int) -> datetime:
        return (_EPOCH + timedelta(microseconds=instant)).astimezone(self.zone).replace(tzinfo=None)

    def _instant(self, wall: datetime) -> int:
        return from_datetime(wall.replace(tzinfo=self.zone, fold=0))


def instant_of(wall: datetime, zone: tzinfo) -> int:
    """The instant at which a clock on the wall in ``zone`` shows ``wall`` (naive)."""
    return from_datetime(wall.replace(tzinfo=zone, fold=0))
