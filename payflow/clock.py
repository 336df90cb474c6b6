"""The time: microseconds since 1970-01-01 UTC, as one ``int``, everywhere inside payflow.

Deciding code never asks for the time; it is handed ``now``. Doing code gets a ``Clock``, so that tests and the
fast-forward sandbox can move it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo

Clock = Callable[[], int]

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")


def system_clock() -> int:
    """Now, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def seconds(value: float) -> int:
    """Seconds as microseconds."""
    return int(value * SECOND)


def iso(at: int | None) -> str | None:
    """``2026-01-31T08:00:00.000000Z`` for an instant; ``None`` stays ``None``."""
    return None if at is None else (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_datetime(value: datetime) -> int:
    """An aware datetime as an instant."""
    return (value - _EPOCH) // timedelta(microseconds=1)


def day_of(at: int, zone: tzinfo = BEIJING) -> str:
    """The calendar day ``YYYY-MM-DD`` of an instant in ``zone``."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).strftime("%Y-%m-%d")
