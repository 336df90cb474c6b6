"""The statements that write, built once from the schema. Names come from the schema; every value is a parameter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from ..records import Allowance, Attempt, Changes, Effect, IdempotencyKey, Incident, Payment, Refund
from .schema import BY_RECORD, TableSchema

PAYMENT, REFUND, ATTEMPT, INCIDENT = (BY_RECORD[kind] for kind in (Payment, Refund, Attempt, Incident))
KEY, ALLOWANCE, EFFECT = (BY_RECORD[kind] for kind in (IdempotencyKey, Allowance, Effect))

#: What of a payment may change after it was created.
CHANGING = (
    "gateway", "account", "merchant", "app", "status", "version", "seq", "told", "captured", "reserved", "refunded",
    "unresolved", "gateway_txn", "next_action", "token_used_at", "updated_at", "expires_at", "paid_at", "next_check_at",
    "checks",
)  # fmt: skip
CHANGING_REFUND = ("status", "seq", "gateway_refund", "updated_at", "finished_at")
CHANGING_ATTEMPT = ("status", "seq", "words", "lease_until", "updated_at")
CHANGING_INCIDENT = ("status", "policy", "resolution", "count", "updated_at")


@cache
def values(table: TableSchema, names: tuple[str, ...] = ()) -> Callable[[Any], tuple[Any, ...]]:
    """Takes the fields of a table's record as a row, in their order."""
    return attrgetter(*(names or table.record.__slots__))


def entities(changes: Changes) -> Iterator[tuple[TableSchema, tuple[str, ...], list[Any], list[Any]]]:
    """What hangs on payments and may change: table, what may change of it, new records, changed records."""
    refunds, attempts, incidents = changes.refunds.values(), changes.attempts.values(), changes.incidents.values()
    yield REFUND, CHANGING_REFUND, [one for new, one in refunds if new], [one for new, one in refunds if not new]
    yield ATTEMPT, CHANGING_ATTEMPT, [one for new, one in attempts if new], [one for new, one in attempts if not new]
    yield INCIDENT, CHANGING_INCIDENT, [o for new, o in incidents if new], [o for new, o in incidents if not new]


def additions(changes: Changes) -> Iterator[tuple[TableSchema, Sequence[Any]]]:
    """What is only ever added to."""
    for rows in (changes.receipts, changes.transitions, changes.journals, changes.entries, changes.messages):
        if rows:
            yield BY_RECORD[type(rows[0])], rows


@cache
def insert(table: TableSchema) -> str:
    """``insert`` of one whole row."""
    marks = ", ".join("?" * len(table.columns))
    return f"insert into {table.name} ({', '.join(table.columns)}) values ({marks})"


@cache
def update(table: TableSchema, names: tuple[str, ...], where: str) -> str:
    """``update`` of these columns."""
    return f"update {table.name} set {', '.join(f'{name} = ?' for name in names)} where {where}"


# -- the one statement of PostgreSQL -------------------------------------------------------------------------------
# Each part takes its rows as one JSON parameter. `guard` says whether every payment is still at the version it was read
# at; every other part writes only if it is, so that the whole statement does all or nothing.

_PG_TYPES = {True: "bigint", False: "text"}


def _pg_row(table: TableSchema, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {_PG_TYPES[name == 'was' or table.is_number(name)]}" for name in names)


PG_GUARD = f"""data as materialized (
    select * from json_to_recordset(?::json) as d({_pg_row(PAYMENT, ("was", "id", *CHANGING))})),
  locked as materialized (
    select p.id from pf_payment p join data d on d.id = p.id and d.was = p.version order by p.id for update of p),
  guard as materialized (select count(*) = ? as ok from locked)"""
PG_UPDATE_PAYMENT = f"""u0 as (
    update pf_payment p set {", ".join(f"{name} = d.{name}" for name in CHANGING)}
    from data d, guard where guard.ok and p.id = d.id)"""
PG_REPEATS = """r0 as (
    update pf_receipt r set repeats = r.repeats + d.times
    from json_to_recordset(?::json) as d(id text, times bigint), guard where guard.ok and r.id = d.id)"""


@cache
def pg_insert(table: TableSchema) -> str:
    names = ", ".join(table.columns)
    return f"""i_{table.name} as (insert into {table.name} ({names}) select {", ".join("d." + c for c in table.columns)}
    from json_to_recordset(?::json) as d({_pg_row(table, table.columns)}), guard where guard.ok)"""


@cache
def pg_update(table: TableSchema, names: tuple[str, ...]) -> str:
    return f"""u_{table.name} as (update {table.name} t set {", ".join(f"{name} = d.{name}" for name in names)}
    from json_to_recordset(?::json) as d({_pg_row(table, ("id", *names))}), guard where guard.ok and t.id = d.id)"""


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def json_rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return _encode([dict(zip(names, row, strict=True)) for row in rows])
