"""How amounts, units of credit and instants are shown to the visitor."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from payflow.money import text_from_minor

from .place import here
from .words import language

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def money(minor: int, currency: str = "CNY") -> str:
    """An amount: ``¥25.00``."""
    sign = "¥" if currency == "CNY" else f"{currency} "
    return f"{sign}{text_from_minor(minor, currency)}"


def units(amount: int, *, signed: bool = False) -> str:
    """Units of credit: ``12,000``; signed ``+500`` or ``−20``."""
    text = f"{abs(amount):,}"
    if amount < 0:
        return f"−{text}"
    return f"+{text}" if signed else text


def when(at: int, *, exact: bool = False) -> str:
    """An instant in the config's time zone, as it is said in the visitor's language."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(here().flow.config.zone)
    time = f"{local:%H:%M:%S}" if exact else f"{local:%H:%M}"
    return f"{day_said(local.date().isoformat())} {time}"


def day_said(day: str) -> str:
    """A day ``YYYY-MM-DD``: ``23 Nov``, ``11月23日``."""
    found = date.fromisoformat(day)
    if language() == "zh":
        return f"{found.month}月{found.day}日"
    return f"{found.day} {_MONTHS[found.month - 1]}"
