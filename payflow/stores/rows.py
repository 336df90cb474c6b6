"""Records as rows and rows as records: tuples in the order of the fields, which is the order of the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from ..errors import StoreError
from .schema import TableSchema

R = TypeVar("R")
Row = tuple[Any, ...]


@cache
def taker(names: tuple[str, ...]) -> Callable[[Any], Row]:
    """Takes these fields of a record, in this order."""
    return attrgetter(*names) if len(names) > 1 else lambda record: (getattr(record, names[0]),)


def row_of(record: Any) -> Row:
    """All fields of a record."""
    return taker(type(record).__slots__)(record)


def record_of(kind: type[R], row: Sequence[Any]) -> R:
    """The record a row was."""
    names: tuple[str, ...] = kind.__slots__  # type: ignore[attr-defined]  # every record has slots
    return kind(**dict(zip(names, row, strict=True)))


def check(rows: Iterable[Row]) -> None:
    """Refuse text that one database keeps and another does not: NUL, and halves of surrogate pairs.

    Raises ``STORE_VALUE_REFUSED``, before anything is sent.
    """
    for row in rows:
        # All texts of a row at once; what stands between them cannot complete half a character.
        if not storable(" ".join([value for value in row if type(value) is str])):
            raise refused()


def refused() -> StoreError:
    """The error for a value that no database here keeps."""
    return StoreError(
        "A value cannot be stored: it is too long, out of range, or holds a NUL or half a character",
        code="STORE_VALUE_REFUSED",
    )


def storable(text: str) -> bool:
    """Whether every database keeps this text."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(text: str) -> str:
    """A text for people (what went wrong) as every database keeps it: what cannot be kept is spelled out."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


# -- statements, with ? for each value; names come from the schema ---------------------------------------------------


@cache
def select(table: TableSchema) -> str:
    """``select`` of whole rows; what follows ``where`` is missing."""
    return f"select {', '.join(table.columns)} from {table.name} where "


@cache
def insert(table: TableSchema) -> str:
    """``insert`` of one whole row."""
    marks = ", ".join("?" * len(table.columns))
    return f"insert into {table.name} ({', '.join(table.columns)}) values ({marks})"


@cache
def update(table: TableSchema, names: tuple[str, ...], where: tuple[str, ...]) -> str:
    """``update`` of these columns of the row that has these values in the columns ``where``."""
    told = ", ".join(f"{name} = ?" for name in names)
    return f"update {table.name} set {told} where {' and '.join(f'{name} = ?' for name in where)}"
