"""Figures and times of a bill, read strictly: a pattern first, then whole numbers. No float, no Decimal, no guessing.

Every function raises ``ValueError`` with a word for the error message; the reader adds the line. What they have read
is remembered, because a bill says ``0.00`` a million times; only short texts that match a pattern get that far.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from ...clock import SECOND
from ...errors import InvalidRequest
from ...money import exponent

_YUAN = re.compile(r"(-?)(0|[1-9][0-9]{0,12})\.([0-9]{2})", re.ASCII)
_FINE = re.compile(r"(-?)(0|[1-9][0-9]{0,12})\.([0-9]{2,5})", re.ASCII)
_TOTAL = re.compile(r"(-?)(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,5}))?", re.ASCII)
_COUNT = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.0{1,2})?", re.ASCII)
_TIME = re.compile(r"(2[01][0-9]{2}-[01][0-9]-[0-3][0-9]) ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])", re.ASCII)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_BEIJING_SECONDS = 8 * 3600

#: How many of the units of :func:`fine` and :func:`total` are one fen: they count in 0.00001 yuan.
FEN = 1000


@lru_cache(maxsize=4096)
def signed_fen(text: str) -> int:
    """``-12.50`` → ``-1250``: exactly two decimals, no plus sign, no separators, no ``-0.00``."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("an amount is not written as yuan with two decimals")
    sign, yuan, rest = match.groups()
    return _signed(sign, int(yuan + rest))


@lru_cache(maxsize=4096)
def fen(text: str) -> int:
    """``12.50`` → ``1250``: like :func:`signed_fen`, and not negative."""
    value = signed_fen(text)
    if value < 0:
        raise ValueError("an amount is negative where no negative amount can be")
    return value


@lru_cache(maxsize=4096)
def fine(text: str) -> int:
    """A fee of two to five decimals, in 0.00001 yuan: ``0.01000`` → ``1000``, which is one fen."""
    match = _FINE.fullmatch(text)
    if match is None:
        raise ValueError("a fee is not written as yuan with two to five decimals")
    sign, yuan, rest = match.groups()
    return _signed(sign, int(yuan + rest.ljust(5, "0")))


def total(text: str) -> int:
    """A sum as a summary writes it (``0.47``, ``0.0``, ``3``), in 0.00001 yuan."""
    match = _TOTAL.fullmatch(text)
    if match is None:
        raise ValueError("a sum is not written as yuan")
    sign, yuan, rest = match.groups()
    return _signed(sign, int(yuan + (rest or "").ljust(5, "0")))


def count(text: str) -> int:
    """A number of rows as a summary writes it: ``45`` or ``45.0``."""
    match = _COUNT.fullmatch(text)
    if match is None:
        raise ValueError("a count is not a whole number")
    return int(match[1])


def whole(fee: int) -> int | None:
    """A fee of :func:`fine` in fen, where it is a whole number of them."""
    fens, rest = divmod(fee, FEN)
    return None if rest else fens


@lru_cache(maxsize=64)
def two_decimals(currency: str) -> str:
    """The same currency, if its amounts have the two decimals that everything in a bill is written with."""
    try:
        if exponent(currency) == 2:
            return currency
    except InvalidRequest:
        pass
    raise ValueError("a currency is none with two decimals")


def _signed(sign: str, value: int) -> int:
    if not sign:
        return value
    if value == 0:
        raise ValueError("an amount is written as minus zero")
    return -value


def beijing(text: str) -> int:
    """``2019-02-19 05:01:46``, Beijing time (UTC+8 since 1991), as an instant in microseconds."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("a time is not written as yyyy-MM-dd HH:mm:ss")
    day, hour, minute, second = match.groups()
    return (_midnight(day) + int(hour) * 3600 + int(minute) * 60 + int(second)) * SECOND


@lru_cache(maxsize=64)
def _midnight(day: str) -> int:
    """Seconds since 1970 UTC at 00:00 in Beijing; ``ValueError`` for a day that is not."""
    try:
        return (date.fromisoformat(day).toordinal() - _EPOCH_DAY) * 86_400 - _BEIJING_SECONDS
    except ValueError:
        raise ValueError("a time has a day that does not exist") from None
