"""The schema as data: one description, rendered to each database's own DDL.

Columns are named after the fields of the records and stand in their order. Every column is a whole number or text, so
that three databases and every driver keep exactly the same thing. Keys are natural where a fact has a natural name: a
fact that is stored twice is a primary key that exists, whoever stores it.

There are no foreign keys. Everything below a payment is guarded by the payment's version, ``payflow doctor`` finds what
hangs in the air, and a foreign key would cost a look-up and a lock on the parent with every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from .. import records

#: Fields whose names SQL keeps for itself, and their columns.
COLUMN_NAMES: Mapping[tuple[str, str], str] = {
    ("Receipt", "key"): "fact", ("IdempotencyKey", "key"): "idem_key", ("Hold", "key"): "hold_key",
    ("Journal", "use"): "used_for", ("Hold", "use"): "used_for", ("Refill", "window"): "period_start",
    ("Refill", "before"): "available_before", ("Refill", "after"): "available_after",
    ("AccountChange", "before"): "was", ("AccountChange", "after"): "became",
}  # fmt: skip

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
    since: int = 1  # the schema version it came with, where its table is older


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
    since: int = 1  # the schema version that made it
    later: Mapping[str, int] = field(default_factory=dict)  # columns that came with a later version

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

    def columns_of(self, version: int) -> tuple[str, ...]:
        """The columns it had when the schema had this version."""
        return tuple(name for name in self.columns if self.later.get(name, self.since) <= version)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that hold names."""
        return tuple(name for name in self.columns if not self.is_number(name) and name not in self.texts)


_MONEY = "between 1 and 9007199254740991"

PAYMENT = TableSchema(
    "pf_payment",
    records.Payment,
    key=("id",),
    texts=frozenset({"description", "metadata", "next_action", "credit"}),
    indexes=(
        Index("pf_payment_order", ("account", "out_trade_no"), unique=True),
        Index("pf_payment_trade", ("account", "gateway_txn"), "gateway_txn is not null", unique=True),
        Index("pf_payment_due", ("next_check_at",), "next_check_at is not null"),
        Index("pf_payment_reference", ("reference", "id"), "reference <> ''"),
        Index("pf_payment_paid", ("account", "paid_at"), "paid_at is not null", since=3),  # a day's payments
    ),
    checks=(
        f"amount {_MONEY}", "captured >= 0", "reserved >= 0", "refunded >= 0", "refunded + reserved <= captured",
        "unresolved >= 0", "version >= 1",
    ),
    fixed=frozenset({
        "id", "out_trade_no", "channel", "amount", "currency", "action", "expected", "reference", "description",
        "metadata", "trace_id", "created_at", "credit",
    }),
    later={"credit": 2, "booked": 2, "chain": 2},
)  # fmt: skip
#: Who takes the money is chosen before it is sent. Once the gateway has numbered the trade it cannot change any more,
#: and an update without these columns leaves the indexes over them alone.
ROUTING = frozenset({"gateway", "account", "merchant", "app", "token_nonce", "token_expires_at", "token_used_at"})

REFUND = TableSchema(
    "pf_refund",
    records.Refund,
    key=("id",),
    texts=frozenset({"reason", "taken"}),
    indexes=(
        Index("pf_refund_number", ("account", "out_refund_no"), unique=True),
        Index("pf_refund_payment", ("payment_id",)),
        Index("pf_refund_finished", ("account", "finished_at"), "finished_at is not null", since=3),
    ),
    checks=(f"amount {_MONEY}",),
    fixed=frozenset({
        "id", "payment_id", "gateway", "account", "out_refund_no", "amount", "currency", "created_at", "credit",
        "taken",
    }),
    later={"credit": 2, "taken": 2},
)  # fmt: skip
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
#: Most journals of credit have no payment behind them and stay out of the index, where a database can leave them out.
OF_A_PAYMENT = "payment_id <> ''"
JOURNAL = TableSchema(
    "pf_journal",
    records.Journal,
    key=("id",),
    indexes=(Index("pf_journal_payment", ("payment_id",), OF_A_PAYMENT),),
    clustered=True,
    later=dict.fromkeys(("cause_kind", "seq", "account", "used_for", "memo", "digest", "hash"), 2),
)
ENTRY = TableSchema(
    "pf_entry",
    records.Entry,
    key=("journal_id", "line"),
    indexes=(Index("pf_entry_account", ("ledger_account", "seq"), "seq is not null", unique=True),),
    clustered=True,
    later=dict.fromkeys(("seq", "balance", "bucket", "hash"), 2),
)
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

#: 2**63 - 1 is what a database holds; far below it, so that sums of many accounts fit as well.
_CREDIT = "between -9007199254740991 and 9007199254740991"
ACCOUNT = TableSchema(
    "pf_account",
    records.Account,
    key=("id",),
    texts=frozenset({"buckets", "activity", "caps"}),
    indexes=(
        Index("pf_account_owner", ("owner",)),
        Index("pf_account_expiry", ("next_expiry_at",), "next_expiry_at is not null"),
        Index("pf_account_refill", ("next_refill_at",), "next_refill_at is not null"),
    ),
    checks=(
        f"balance {_CREDIT}", f"held {_CREDIT} and held >= 0", "credit_limit >= 0", "floor <= 0",
        "balance - held >= floor", "version >= 1",
    ),
    fixed=frozenset({"id", "owner", "unit", "created_at"}),
    since=2,
)  # fmt: skip
#: What most writes to an account leave as it was: an update without these leaves the indexes over them alone.
SCHEDULE = frozenset({
    "tier", "caps", "credit_limit", "next_expiry_at", "refill_policy", "refill_anchor", "refill_version",
    "refill_count", "refilled_at",
    "next_refill_at", "refill_payment",
})  # fmt: skip
HOLD = TableSchema(
    "pf_hold",
    records.Hold,
    key=("id",),
    texts=frozenset({"allocation", "memo"}),
    indexes=(
        Index("pf_hold_open", ("expires_at",), "status = 'open'", otherwise=("status", "expires_at")),
        Index("pf_hold_account", ("account", "expires_at"), "status = 'open'", otherwise=("account", "status")),
    ),
    checks=("amount >= 1", "settled >= 0"),
    fixed=frozenset({"id", "account", "hold_key", "amount", "used_for", "memo", "digest", "created_at"}),
    since=2,
)
ACCOUNT_CHANGE = TableSchema(
    "pf_account_change", records.AccountChange, key=("account", "version", "what"),
    texts=frozenset({"was", "became", "reason"}), since=2,
)  # fmt: skip
REFILL = TableSchema(
    "pf_refill", records.Refill, key=("account", "policy", "period_start"), clustered=True, since=2,
)  # fmt: skip
POLICY = TableSchema(
    "pf_refill_policy", records.Policy, key=("name",), texts=frozenset({"body", "reason"}),
    fixed=frozenset({"name"}), since=2,
)  # fmt: skip
POLICY_CHANGE = TableSchema(
    "pf_refill_policy_change", records.PolicyChange, key=("name", "version"), texts=frozenset({"body", "reason"}),
    since=2,
)  # fmt: skip

#: Reconciliation. The rows of a bill are many and short-lived; what is looked up again is their two numbers.
RECON_RUN = TableSchema(
    "pf_recon_run",
    records.ReconRun,
    key=("id",),
    indexes=(Index("pf_recon_run_day", ("day",)),),
    checks=("version >= 1",),
    fixed=frozenset({"id", "account", "gateway", "merchant", "day", "created_at"}),
    since=3,
)
BILL_ITEM = TableSchema(
    "pf_recon_item",
    records.BillItem,
    key=("run", "line"),
    indexes=(
        Index("pf_recon_item_trade", ("gateway_txn", "run"), "gateway_txn is not null"),
        Index("pf_recon_item_refund", ("out_refund_no", "run"), "out_refund_no is not null"),
    ),
    since=3,
)
DIFFERENCE = TableSchema(
    "pf_recon_difference",
    records.Difference,
    key=("run", "item"),
    indexes=(Index("pf_recon_difference_day", ("other_day",), "other_day <> ''"),),
    since=3,
)

DECISION = TableSchema(
    "pf_decision", records.Decision, key=("gid",), texts=frozenset({"accounts"}), since=4,
)  # fmt: skip
ORIGIN = TableSchema("pf_origin", records.Origin, key=("name",), since=4)

OPERATOR_ACTION = TableSchema(
    "pf_operator_action",
    records.OperatorAction,
    key=("id",),
    texts=frozenset({"request", "result"}),
    indexes=(Index("pf_operator_action_payment", ("payment_id",), OF_A_PAYMENT),),
    fixed=frozenset({"id", "operator", "action", "target_kind", "target", "payment_id", "request", "at"}),
    since=5,
)

TABLES: tuple[TableSchema, ...] = (
    PAYMENT, REFUND, ATTEMPT, RECEIPT, TRANSITION, JOURNAL, ENTRY, MESSAGE, EFFECT, INCIDENT, KEY, ALLOWANCE,
    ACCOUNT, HOLD, ACCOUNT_CHANGE, REFILL, POLICY, POLICY_CHANGE,
    RECON_RUN, BILL_ITEM, DIFFERENCE,
    DECISION, ORIGIN,
    OPERATOR_ACTION,
)  # fmt: skip
BY_RECORD: Mapping[type[Any], TableSchema] = {table.record: table for table in TABLES}
