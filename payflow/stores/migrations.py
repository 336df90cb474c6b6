"""The schema's versions, brought up to date one by one.

Safe when two processes start together (one waits for the other), and safe when one is killed in the middle: every step
may run again, and its version is written last. SQLite and PostgreSQL do each step whole or not at all anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..errors import StoreError
from .dialect import Dialect
from .schema import ENTRY, JOURNAL, TABLES, Index

REGISTER = "create table if not exists pf_schema (version bigint not null primary key, applied_at bigint not null)"


def _made(dialect: Dialect, version: int) -> list[str]:
    """The tables that came with this version, with their indexes as they were then."""
    statements = []
    for table in TABLES:
        if table.since == version:
            statements.append(dialect.create_table(table))
            known = table.columns_of(version)
            indexes = [
                _AT_FIRST.get(index.name, index)
                for index in table.indexes
                if set(index.columns) <= set(known) and index.since <= version
            ]
            statements += [dialect.create_index(table, index) for index in indexes]
    return statements


def _first(dialect: Dialect) -> list[str]:
    """Payments and everything below them."""
    return _made(dialect, 1)


#: Indexes that changed later, as they were at first.
_AT_FIRST = {"pf_journal_payment": Index("pf_journal_payment", ("payment_id",))}


def _wallet(dialect: Dialect) -> list[str]:
    """Credit: accounts, holds, refills; the ledger's chains."""
    statements = [
        dialect.add_column(table, column) for table in TABLES for column, version in table.later.items() if version == 2
    ]
    statements += _made(dialect, 2)
    (by_account,) = ENTRY.indexes
    (by_payment,) = JOURNAL.indexes
    if dialect.partial_indexes:
        statements += ["drop index if exists pf_journal_payment", dialect.create_index(JOURNAL, by_payment)]
    return [*statements, dialect.create_index(ENTRY, by_account)]


def _reconciliation(dialect: Dialect) -> list[str]:
    """Bills: runs, rows, differences; a day's payments and refunds are found by an index."""
    return _made(dialect, 3) + [
        dialect.create_index(table, index)
        for table in TABLES
        for index in table.indexes
        if index.since == 3 and table.since < 3
    ]


def _second_ledger(dialect: Dialect) -> list[str]:
    """A ledger in a database of its own: how what was prepared there ends."""
    return _made(dialect, 4)


def _operators(dialect: Dialect) -> list[str]:
    """What people did at the desk."""
    return _made(dialect, 5)


#: Each step: the statements that lead to the version of its place, beginning with 1. A step that was released is never
#: edited: what comes later is a step of its own.
STEPS: tuple[Callable[[Dialect], list[str]], ...] = (_first, _wallet, _reconciliation, _second_ledger, _operators)
VERSION = len(STEPS)


def migrate(dialect: Dialect, connection: Any, to: int | None = None) -> list[int]:
    """Run the steps that are missing, up to ``to`` (the newest by default); the versions applied."""
    target = VERSION if to is None else to
    if not 1 <= target <= VERSION:
        raise StoreError(f"There are schema versions 1 to {VERSION}, no {target}", code="STORE_SCHEMA_VERSION")
    dialect.check_session(connection)
    dialect.lock_schema(connection)
    done = False
    try:
        applied = _missing_steps(dialect, dialect.cursor(connection), target)
        dialect.check_tables(connection)
        done = True
    finally:
        dialect.unlock_schema(connection, done=done)
    return applied


def _missing_steps(dialect: Dialect, cursor: Any, target: int) -> list[int]:
    applied = []
    dialect.run(cursor, REGISTER)
    known = _version(cursor)
    if known > VERSION:
        raise _wrong(known)
    for number in range(known + 1, target + 1):
        for statement in STEPS[number - 1](dialect):
            dialect.run(cursor, statement)
        now = time.time_ns() // 1000
        dialect.run(cursor, "insert into pf_schema (version, applied_at) values (?, ?)", (number, now))
        applied.append(number)
    return applied


def check(dialect: Dialect, connection: Any) -> None:
    """``STORE_SCHEMA_VERSION`` if the schema is not the one this code was written for."""
    dialect.check_session(connection)
    try:
        known = _version(dialect.cursor(connection))
    except Exception as error:
        if dialect.conflict(error) or dialect.code_of(error) != "STORE_NOT_MIGRATED":
            raise
        raise _wrong(0) from error
    if known != VERSION:
        raise _wrong(known)
    dialect.check_tables(connection)


def _version(cursor: Any) -> int:
    cursor.execute("select coalesce(max(version), 0) from pf_schema")
    return int(cursor.fetchone()[0])


def _wrong(known: int) -> StoreError:
    if known > VERSION:
        said = f"The database schema has version {known}; this payflow knows {VERSION} and is too old for it"
    elif known:
        said = f"The database schema has version {known} and {VERSION} is needed: run `payflow migrate`"
    else:
        said = "The database has no payflow schema yet: run `payflow migrate`"
    return StoreError(said, code="STORE_SCHEMA_VERSION", found=known, needed=VERSION)
