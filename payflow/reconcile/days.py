"""Business days. Both gateways make their bills by the day of Beijing, wherever this machine stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..clock import BEIJING, SECOND, from_datetime
from ..errors import InvalidRequest

_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)
#: The gateway's clock and ours are not one: so near to midnight the other half may stand in the bill of the day beside.
NEAR_MIDNIGHT = 600 * SECOND


@dataclass(frozen=True, slots=True)
class Day:
    """One Beijing day: its instants are ``start <= at < end``."""

    name: str  # yyyy-MM-dd
    start: int
    end: int

    @classmethod
    def of(cls, name: str) -> Day:
        """The day of this name; ``INVALID_DAY`` for anything else."""
        try:
            if _DAY.fullmatch(name) is None:
                raise ValueError(name)
            first = datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=BEIJING)
        except (TypeError, ValueError):
            raise InvalidRequest("A day is written yyyy-MM-dd", code="INVALID_DAY") from None
        return cls(name, from_datetime(first), from_datetime(first + timedelta(days=1)))

    @classmethod
    def at(cls, instant: int) -> Day:
        """The day an instant lies in."""
        return cls.of((datetime.fromtimestamp(instant // SECOND, BEIJING)).strftime("%Y-%m-%d"))

    def __contains__(self, instant: object) -> bool:
        return isinstance(instant, int) and self.start <= instant < self.end

    def before(self, days: int = 1) -> Day:
        """The day so many days earlier."""
        return Day.at(self.start - days * 86_400 * SECOND)

    def beside(self, instant: int) -> str:
        """The day in whose bill the gateway may have put what we have at ``instant``; "" where that is not in doubt."""
        if instant - self.start < NEAR_MIDNIGHT:
            return self.before().name
        return self.before(-1).name if self.end - instant <= NEAR_MIDNIGHT else ""
