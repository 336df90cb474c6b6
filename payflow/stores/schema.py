"""The schema as data: one description, rendered to each database's own DDL.

Columns are named after the fields of the records and stand in their order. Every column is a whole number or text, so
that three databases and every driver keep exactly the same thing. Keys are natural where a fact has a natural name: a
fact that is stored twice is a primary key that exists, whoever stores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .. import records

#: Fields whose names SQL keeps for itself.
COLUMN_NAMES: Mapping[tuple[str, str], str] = {("Receipt", "key"): "fact", ("IdempotencyKey", "key"): "idem_key"}


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One table. ``texts`` are long texts (never a key); every other text is a name of at most 191 characters."""

    name: str
    record: type[Any]
    key: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, tuple[str, ...], str], ...] = ()  # (name, columns, condition where partial ones exist)
    checks: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in the order of the record's fields."""
        return tuple(COLUMN_NAMES.get((self.record.__name__, f.name), f.name) for f in fields(self.record))

    def is_number(self, column: str) -> bool:
        """Whether a column holds whole numbers."""
        kinds = {COLUMN_NAMES.get((self.record.__name__, f.name), f.name): str(f.type) for f in fields(self.record)}
        return kinds[column].startswith("int")

    def may_be_null(self, column: str) -> bool:
        """Whether the field may be ``None``."""
        kinds = {COLUMN_NAMES.get((self.record.__name__, f.name), f.name): str(f.type) for f in fields(self.record)}
        return "None" in kinds[column]


TABLES: tuple[TableSchema, ...] = (
    TableSchema(
        "pf_payment", records.Payment, ("id",),
        texts=frozenset({"description", "metadata", "next_action"}),
        unique=(("account", "out_trade_no"), ("account", "gateway_txn")),
        indexes=(
            ("pf_payment_due", ("next_check_at",), "next_check_at is not null"),
            ("pf_payment_reference", ("reference",), "reference <> ''"),
        ),
        checks=(
            "amount between 1 and 9007199254740991", "captured >= 0", "reserved >= 0", "refunded >= 0",
            "refunded + reserved <= captured", "unresolved >= 0",
        ),
    ),
    TableSchema(
        "pf_refund", records.Refund, ("id",), texts=frozenset({"reason"}),
        unique=(("account", "out_refund_no"),), indexes=(("pf_refund_payment", ("payment_id",), ""),),
        checks=("amount between 1 and 9007199254740991",),
    ),
    TableSchema(
        "pf_attempt", records.Attempt, ("id",), texts=frozenset({"words"}),
        indexes=(("pf_attempt_payment", ("payment_id",), ""),),
    ),
    TableSchema(
        "pf_receipt", records.Receipt, ("id",), texts=frozenset({"event", "proof"}),
        unique=(("account", "fact"),), indexes=(("pf_receipt_payment", ("payment_id",), ""),),
    ),
    TableSchema(
        "pf_transition", records.Transition, ("entity", "entity_id", "seq"),
        indexes=(("pf_transition_payment", ("payment_id",), ""),),
    ),
    TableSchema(
        "pf_journal", records.Journal, ("id",), indexes=(("pf_journal_payment", ("payment_id",), ""),)
    ),
    TableSchema("pf_entry", records.Entry, ("journal_id", "line")),
    TableSchema(
        "pf_message", records.Message, ("payment_id", "seq"), texts=frozenset({"body", "last_error"}),
        indexes=(
            ("pf_message_waiting", ("delivered_at", "dead_at", "due_at"), "delivered_at is null and dead_at is null"),
        ),
    ),
    TableSchema(
        "pf_effect", records.Effect, ("handler", "payment_id", "seq"), texts=frozenset({"error"}),
        indexes=(("pf_effect_message", ("payment_id", "seq"), ""),),
    ),
    TableSchema(
        "pf_incident", records.Incident, ("id",), texts=frozenset({"event", "proof", "resolution"}),
        unique=(("kind", "ref"),),
        indexes=(
            ("pf_incident_status", ("status", "id"), "status <> 'resolved'"),
            ("pf_incident_payment", ("payment_id",), ""),
        ),
    ),
    TableSchema(
        "pf_key", records.IdempotencyKey, ("scope", "idem_key"),
        indexes=(("pf_key_expiry", ("expires_at",), ""), ("pf_key_payment", ("payment_id",), "")),
    ),
    TableSchema("pf_allowance", records.Allowance, ("action", "currency", "day")),
)  # fmt: skip

BY_RECORD: Mapping[type[Any], TableSchema] = {table.record: table for table in TABLES}
