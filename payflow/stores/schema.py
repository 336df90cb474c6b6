"""The schema as data: one description, rendered to each database's own DDL.

Columns are named after the fields of the records and stand in their order. Every column is a whole number or text, so
that three databases and every driver keep exactly the same thing. Keys are natural where a fact has a natural name: a
fact that is stored twice is a primary key that exists, whoever stores it.

There are no foreign keys. Everything below a payment is guarded by the payment's version, ``payflow doctor`` finds what
hangs in the air, and a foreign key would cost a look-up and a lock on the parent with every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from .. import records

#: Fields whose names SQL keeps for itself, and their columns.
COLUMN_NAMES: Mapping[tuple[str, str], str] = {("Receipt", "key"): "fact", ("IdempotencyKey", "key"): "idem_key"}

#: A name (every text that is not a long one) has at most so many characters: four bytes each fit into any key.
NAME_LENGTH = 191


@dataclass(frozen=True)
class Index:
    """``condition``: which rows are in it, where the database has partial indexes; elsewhere it has all rows, and the
    columns of ``otherwise``."""

    name: str
    columns: tuple[str, ...]
    condition: str = ""
    unique: bool = False
    otherwise: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)  # each is itself: statements are kept by their table, which must be quick to look up
class TableSchema:
    """One table. ``texts`` are long texts (never a key); every other text is a name."""

    name: str
    record: type[Any]
    key: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    indexes: tuple[Index, ...] = ()
    checks: tuple[str, ...] = ()
    fixed: frozenset[str] = frozenset()  # columns that never change; empty: rows are only ever inserted
    clustered: bool = False  # rows live in the tree of their key (SQLite; InnoDB always does): small rows only

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Column names in the order of the record's fields."""
        return tuple(self._kinds)

    @cached_property
    def changing(self) -> tuple[str, ...]:
        """The columns that an update of a whole record writes; named like their fields."""
        return tuple(name for name in self.columns if name not in self.fixed)

    @cached_property
    def _kinds(self) -> dict[str, str]:
        record = self.record
        return {COLUMN_NAMES.get((record.__name__, one.name), one.name): str(one.type) for one in fields(record)}

    def is_number(self, column: str) -> bool:
        """Whether a column holds whole numbers."""
        return self._kinds[column].startswith("int")

    def may_be_null(self, column: str) -> bool:
        """Whether the field may be ``None``."""
        return "None" in self._kinds[column]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that hold names."""
        return tuple(name for name in self.columns if not self.is_number(name) and name not in self.texts)


_MONEY = "between 1 and 9007199254740991"

PAYMENT = TableSchema(
    "pf_payment",
    records.Payment,
    key=("id",),
    texts=frozenset({"description", "metadata", "next_action"}),
    indexes=(
        Index("pf_payment_order", ("account", "out_trade_no"), unique=True),
        Index("pf_payment_trade", ("account", "gateway_txn"), "gateway_txn is not null", unique=True),
        Index("pf_payment_due", ("next_check_at",), "next_check_at is not null"),
        Index("pf_payment_reference", ("reference", "id"), "reference <> ''"),
    ),
    checks=(
        f"amount {_MONEY}", "captured >= 0", "reserved >= 0", "refunded >= 0", "refunded + reserved <= captured",
        "unresolved >= 0", "version >= 1",
    ),
    fixed=frozenset({
        "id", "out_trade_no", "channel", "amount", "currency", "action", "expected", "reference", "description",
        "metadata", "trace_id", "created_at",
    }),
)  # fmt: skip
#: Who takes the money is chosen before it is sent. Once the gateway has numbered the trade it cannot change any more,
#: and an update without these columns leaves the indexes over them alone.
ROUTING = frozenset({"gateway", "account", "merchant", "app", "token_nonce", "token_expires_at", "token_used_at"})

REFUND = TableSchema(
    "pf_refund",
    records.Refund,
    key=("id",),
    texts=frozenset({"reason"}),
    indexes=(
        Index("pf_refund_number", ("account", "out_refund_no"), unique=True),
        Index("pf_refund_payment", ("payment_id",)),
    ),
    checks=(f"amount {_MONEY}",),
    fixed=frozenset({"id", "payment_id", "gateway", "account", "out_refund_no", "amount", "currency", "created_at"}),
)
ATTEMPT = TableSchema(
    "pf_attempt",
    records.Attempt,
    key=("id",),
    texts=frozenset({"words"}),
    indexes=(Index("pf_attempt_payment", ("payment_id",)),),
    fixed=frozenset({"id", "payment_id", "entity", "entity_id", "op", "request_key", "account", "created_at"}),
)
RECEIPT = TableSchema(
    "pf_receipt",
    records.Receipt,
    key=("id",),
    texts=frozenset({"event", "proof"}),
    indexes=(
        Index("pf_receipt_fact", ("account", "fact"), unique=True),
        Index("pf_receipt_payment", ("payment_id",)),
    ),
)
TRANSITION = TableSchema(
    "pf_transition",
    records.Transition,
    key=("entity", "entity_id", "seq"),  # a payment's history asks for its own, its refunds' and its attempts'
    clustered=True,
)
JOURNAL = TableSchema(
    "pf_journal",
    records.Journal,
    key=("id",),
    indexes=(Index("pf_journal_payment", ("payment_id",)),),
    clustered=True,
)
ENTRY = TableSchema("pf_entry", records.Entry, key=("journal_id", "line"), clustered=True)
MESSAGE = TableSchema(
    "pf_message",
    records.Message,
    key=("payment_id", "seq"),
    texts=frozenset({"body", "last_error"}),
    indexes=(
        Index(
            "pf_message_waiting", ("due_at",), "delivered_at is null and dead_at is null",
            otherwise=("delivered_at", "dead_at", "due_at"),
        ),
    ),
)  # fmt: skip
EFFECT = TableSchema(
    "pf_effect",
    records.Effect,
    key=("payment_id", "seq", "handler"),
    texts=frozenset({"error"}),
    indexes=(Index("pf_effect_dead", ("dead",), "dead = 1"),),
    clustered=True,
)
INCIDENT = TableSchema(
    "pf_incident",
    records.Incident,
    key=("id",),
    texts=frozenset({"event", "proof", "resolution"}),
    indexes=(
        Index("pf_incident_ref", ("kind", "ref"), unique=True),
        Index("pf_incident_open", ("status", "id"), "status <> 'resolved'"),
        Index("pf_incident_payment", ("payment_id",), "payment_id is not null"),
    ),
    fixed=frozenset({"id", "kind", "ref", "gateway", "account", "created_at"}),
)
KEY = TableSchema(
    "pf_key",
    records.IdempotencyKey,
    key=("scope", "idem_key"),
    indexes=(Index("pf_key_expiry", ("expires_at",)), Index("pf_key_payment", ("payment_id",))),
    clustered=True,
)
ALLOWANCE = TableSchema(
    "pf_allowance",
    records.Allowance,
    key=("action", "currency", "day"),
    checks=("used >= 0",),
    clustered=True,
)

TABLES: tuple[TableSchema, ...] = (
    PAYMENT, REFUND, ATTEMPT, RECEIPT, TRANSITION, JOURNAL, ENTRY, MESSAGE, EFFECT, INCIDENT, KEY, ALLOWANCE,
)  # fmt: skip
BY_RECORD: Mapping[type[Any], TableSchema] = {table.record: table for table in TABLES}
