"""A set of decisions as rows: what is inserted, what is replaced, what is compared first. One order for everybody.

Rows are sorted by their keys, so that two writers take their locks in the same order and neither waits for the other in
a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..records import Changes
from .rows import Row, check, row_of, taker
from .schema import (
    ACCOUNT,
    ACCOUNT_CHANGE,
    ALLOWANCE,
    ATTEMPT,
    DECISION,
    ENTRY,
    HOLD,
    INCIDENT,
    JOURNAL,
    KEY,
    MESSAGE,
    PAYMENT,
    POLICY,
    POLICY_CHANGE,
    RECEIPT,
    REFILL,
    REFUND,
    ROUTING,
    SCHEDULE,
    TRANSITION,
    TableSchema,
)


class Part(NamedTuple):
    """Rows for one table. ``names``: what each row's values are; what is compared comes last. Without names, nothing is
    set: each row must only be as it was read."""

    table: TableSchema
    names: tuple[str, ...]
    compared: tuple[str, ...]  # columns that say which row, and what it must still hold
    rows: list[Row]


#: Updates compare the key, and what guards the row.
_PAYMENT_AT = ("id", "version")
_PAYMENT_ROW = taker((*PAYMENT.changing, "id"))
_ROUTED = tuple(name for name in PAYMENT.changing if name not in ROUTING)
_ROUTED_ROW = taker((*_ROUTED, "id"))
_KEY_CHANGING = ("fingerprint", "entity", "entity_id", "payment_id", "created_at", "expires_at")
_KEY_ROW = taker((*_KEY_CHANGING, "scope", "key"))
_ALLOWANCE_ROW = taker(("used", "action", "currency", "day"))
_AT_VERSION = ("id", "version")
_ACCOUNT_ROW = taker((*ACCOUNT.changing, "id"))
_SCHEDULE = taker(tuple(sorted(SCHEDULE)))
_UNSCHEDULED = tuple(name for name in ACCOUNT.changing if name not in SCHEDULE)
_UNSCHEDULED_ROW = taker((*_UNSCHEDULED, "id"))
_POLICY_ROW = taker((*POLICY.changing, "name"))


def compared(changes: Changes) -> list[Part]:
    """Updates that must each find their row as it was read, or nothing of the set is written."""
    parts = []
    known = [(read, payment) for read, payment in changes.payments.values() if read is not None]
    if known:
        known.sort(key=lambda one: one[1].id)
        rows = [(*_PAYMENT_ROW(payment), read) for read, payment in known]
        parts.append(Part(PAYMENT, PAYMENT.changing, _PAYMENT_AT, rows))
    keys = [(*_KEY_ROW(key), read.created_at, read.entity_id) for read, key in changes.keys.values() if read]
    if keys:
        keys.sort(key=lambda row: row[6:8])
        parts.append(Part(KEY, _KEY_CHANGING, ("scope", "idem_key", "created_at", "entity_id"), keys))
    spent = [(*_ALLOWANCE_ROW(one), read) for read, one in changes.allowances.values() if read is not None]
    if spent:
        spent.sort(key=lambda row: row[1:4])
        parts.append(Part(ALLOWANCE, ("used",), ("action", "currency", "day", "used"), spent))
    if changes.accounts:
        parts += _accounts(changes)
    holds = _sorted_rows(HOLD, changes.holds)
    if holds:  # a hold ends once: in a host's old snapshot it may be open still, though its account is read anew
        parts.append(Part(HOLD, HOLD.changing, ("id", "status"), [(*row, "open") for row in holds]))
    policies = [(*_POLICY_ROW(new), read) for read, new in changes.policies.values() if read is not None]
    if policies:
        parts.append(Part(POLICY, POLICY.changing, ("name", "version"), sorted(policies, key=lambda row: row[-2])))
    if changes.unchanged:
        parts.append(Part(POLICY, (), ("name", "version"), sorted(changes.unchanged.items())))
    for part in parts:
        check(part.rows)
    return parts


def _accounts(changes: Changes) -> list[Part]:
    """Accounts whose schedule stays as it was, and those whose schedule changes, too."""
    whole, most = [], []
    for read, new in changes.accounts.values():
        if read is None:
            continue
        if _SCHEDULE(read) == _SCHEDULE(new):
            most.append((*_UNSCHEDULED_ROW(new), read.version))
        else:
            whole.append((*_ACCOUNT_ROW(new), read.version))
    return [
        Part(ACCOUNT, names, _AT_VERSION, sorted(rows, key=lambda row: row[-2]))
        for names, rows in ((ACCOUNT.changing, whole), (_UNSCHEDULED, most))
        if rows
    ]


def narrowed(part: Part) -> list[Part]:
    """The payments' part in two: those whose trade has its number leave the columns of the routing alone."""
    place = part.names.index("gateway_txn")
    keep = [part.names.index(name) for name in _ROUTED] + [len(part.names), len(part.names) + 1]
    routed = [row for row in part.rows if row[place] is not None]
    others = [row for row in part.rows if row[place] is None]
    parts = [part._replace(rows=others)] if others else []
    if routed:
        parts.append(Part(PAYMENT, _ROUTED, _PAYMENT_AT, [tuple([row[i] for i in keep]) for row in routed]))
    return parts


def replaced(changes: Changes) -> list[Part]:
    """Updates of rows that are guarded by their payment."""
    return [
        Part(table, table.changing, ("id",), rows)
        for table, kept in (
            (REFUND, changes.refunds),
            (ATTEMPT, changes.attempts),
            (INCIDENT, changes.incidents),
        )
        if (rows := _sorted_rows(table, kept))
    ]


def _sorted_rows(table: TableSchema, kept: Any) -> list[Row]:
    if not kept:
        return []
    take = taker((*table.changing, "id"))
    rows = [take(record) for is_new, record in kept.values() if not is_new]
    rows.sort(key=lambda row: row[-1])
    check(rows)
    return rows


def _unread(kept: Mapping[Any, tuple[Any, Any]]) -> Sequence[Any]:
    """Those of which nothing was read."""
    return [record for read, record in kept.values() if read is None] if kept else ()


def _marked_new(kept: Mapping[Any, tuple[bool, Any]]) -> Sequence[Any]:
    """Those that are said to be new."""
    return [record for is_new, record in kept.values() if is_new] if kept else ()


def inserted(changes: Changes) -> list[tuple[TableSchema, list[Row]]]:
    """Whole new rows, table by table."""
    sets: list[tuple[TableSchema, Sequence[Any]]] = [
        (PAYMENT, _unread(changes.payments)),
        (REFUND, _marked_new(changes.refunds)),
        (ATTEMPT, _marked_new(changes.attempts)),
        (INCIDENT, _marked_new(changes.incidents)),
        (KEY, _unread(changes.keys)),
        (ALLOWANCE, _unread(changes.allowances)),
        (RECEIPT, changes.receipts),
        (TRANSITION, changes.transitions),
        (JOURNAL, changes.journals),
        (ENTRY, changes.entries),
        (MESSAGE, changes.messages),
        (ACCOUNT, _unread(changes.accounts)),
        (HOLD, _marked_new(changes.holds)),
        (ACCOUNT_CHANGE, changes.account_changes),
        (REFILL, changes.refills),
        (POLICY, _unread(changes.policies)),
        (POLICY_CHANGE, changes.policy_changes),
        (DECISION, changes.decisions),
    ]
    parts = []
    for table, records in sets:
        if records:
            rows = list(map(row_of, records))
            if len(rows) > 1:
                place = tuple(table.columns.index(name) for name in table.key)
                rows.sort(key=lambda row, place=place: [row[i] for i in place])  # type: ignore[misc]  # bound here
            check(rows)
            parts.append((table, rows))
    return parts


def repeated(changes: Changes) -> list[Row]:
    """How many times more a receipt was stated, and its id."""
    return [(times, name) for name, times in sorted(changes.repeats.items())]
