"""Days in the wallet's zone, as instants."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from ..clock import BEIJING, from_datetime
from ..errors import InvalidRequest

#: Later than anything.
NEVER = 1 << 62


def period(since: date | None, until: date | None, zone: tzinfo | None) -> tuple[int, int]:
    """The instants of ``since <= at < …``, ``until`` included as a whole day; without them, all time.

    ``INVALID_PERIOD`` for what is no day, or ends before it begins.
    """
    for day in (since, until):
        if day is not None and (not isinstance(day, date) or isinstance(day, datetime)):
            raise InvalidRequest("A period is given in days (datetime.date)", code="INVALID_PERIOD")
    if since is not None and until is not None and until < since:
        raise InvalidRequest("A period does not end before it begins", code="INVALID_PERIOD")
    begins = 0 if since is None else _begins(since, zone)
    ends = NEVER if until is None or until == date.max else _begins(until + timedelta(days=1), zone)
    return begins, ends


def _begins(day: date, zone: tzinfo | None) -> int:
    return from_datetime(datetime.combine(day, time.min, tzinfo=zone or BEIJING))
