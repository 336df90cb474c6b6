"""The schema's versions, brought up to date one by one.

Safe when two processes start together (one waits for the other), and safe when one is killed in the middle: every step
may run again, and its version is written last.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..errors import StoreError
from .dialects import Dialect
from .schema import TABLES


def _first(dialect: Dialect) -> list[str]:
    statements = []
    for table in TABLES:
        statements.append(dialect.create_table(table))
        statements += [dialect.create_index(table, *index) for index in table.indexes]
    return statements


#: Each step: the statements that lead to the version of its place, beginning with 1.
STEPS: tuple[Callable[[Dialect], list[str]], ...] = (_first,)
VERSION = len(STEPS)


def migrate(dialect: Dialect, connection: Any, to: int | None = None) -> list[int]:
    """Run the steps that are missing, up to ``to`` (the newest by default); the versions applied."""
    target = VERSION if to is None else to
    applied = []
    dialect.check_session(connection)
    dialect.lock_schema(connection)
    try:
        cursor = connection.cursor()
        cursor.execute(
            "create table if not exists pf_schema (version bigint not null primary key, applied_at bigint not null)"
        )
        known = _version(connection)
        for number in range(known + 1, target + 1):
            for statement in STEPS[number - 1](dialect):
                cursor.execute(statement)
            sql = dialect.spelled("insert into pf_schema (version, applied_at) values (?, ?)")
            cursor.execute(sql, (number, time.time_ns() // 1000))
            applied.append(number)
    finally:
        dialect.unlock_schema(connection)
    if known > VERSION:
        raise _wrong(known)
    return applied


def check(dialect: Dialect, connection: Any) -> None:
    """``STORE_SCHEMA_VERSION`` if the schema is not the one this code was written for."""
    dialect.check_session(connection)
    try:
        known = _version(connection)
    except Exception as error:
        if dialect.code_of(error) == "STORE_READ_ONLY":
            raise
        known = 0
    if known != VERSION:
        raise _wrong(known)


def _version(connection: Any) -> int:
    cursor = connection.cursor()
    cursor.execute("select coalesce(max(version), 0) from pf_schema")
    return int(cursor.fetchone()[0])


def _wrong(known: int) -> StoreError:
    what = "older: run `payflow migrate`" if known < VERSION else "newer: this payflow is too old for it"
    return StoreError(
        f"The database schema has version {known} and this payflow needs {VERSION}; it is {what}",
        code="STORE_SCHEMA_VERSION", found=known, needed=VERSION,
    )  # fmt: skip
