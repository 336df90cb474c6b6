"""A record with other fields."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

R = TypeVar("R")


def replace(record: R, **changed: Any) -> R:
    """A record with some fields changed: what ``dataclasses.replace`` does, in half the time."""
    kind = type(record)
    names: tuple[str, ...] = kind.__slots__  # type: ignore[attr-defined]  # every record has slots
    return kind(**{**dict(zip(names, _fields(names)(record), strict=True)), **changed})


@cache
def _fields(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*names)
