"""A set of decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from .credit import Account, AccountChange, Hold, Policy, PolicyChange, Refill
from .ledger import Decision, Entry, Journal
from .payments import Allowance, Attempt, IdempotencyKey, Incident, Message, Payment, Receipt, Refund, Transition


@dataclass(slots=True)
class Changes:
    """A set of decisions, to be written as one: all of it, or nothing (``StoreConflict``).

    ``payments`` maps each touched payment to the version it was read at (``None``: it is new); the new record carries
    the version to store. ``accounts``, ``policies``, ``allowances`` and ``keys`` likewise carry what was read.
    Everything else is guarded by its payment's or account's version and by unique keys. ``unchanged`` names what was
    only read, and must still be so.
    """

    payments: dict[str, tuple[int | None, Payment]] = field(default_factory=dict)
    refunds: dict[str, tuple[bool, Refund]] = field(default_factory=dict)  # (is new, record)
    attempts: dict[str, tuple[bool, Attempt]] = field(default_factory=dict)  # (is new, record)
    incidents: dict[str, tuple[bool, Incident]] = field(default_factory=dict)  # (is new, record)
    keys: dict[tuple[str, str], tuple[IdempotencyKey | None, IdempotencyKey]] = field(default_factory=dict)  # read, new
    allowances: dict[tuple[str, str, str], tuple[int | None, Allowance]] = field(default_factory=dict)  # used as read
    receipts: list[Receipt] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    repeats: dict[str, int] = field(default_factory=dict)  # receipt id → how many times more it was stated
    accounts: dict[str, tuple[Account | None, Account]] = field(default_factory=dict)  # as read (None: new), new
    holds: dict[str, tuple[bool, Hold]] = field(default_factory=dict)  # (is new, record)
    account_changes: list[AccountChange] = field(default_factory=list)
    refills: list[Refill] = field(default_factory=list)
    policies: dict[str, tuple[int | None, Policy]] = field(default_factory=dict)  # version as read, new
    policy_changes: list[PolicyChange] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    unchanged: dict[str, int] = field(default_factory=dict)  # policy name → the version a decision went by

    def __bool__(self) -> bool:
        return any(_KEPT(self))

    def prepared(self) -> set[str]:
        """The payments of which something is to be sent."""
        return {one.payment_id for _, one in self.attempts.values() if one.status == "prepared"}

    def merge_payment(self, read_version: int | None, payment: Payment) -> None:
        """Keep the version the payment was first read at; store the newest record."""
        known = self.payments.get(payment.id)
        self.payments[payment.id] = (read_version if known is None else known[0], payment)

    def __reduce__(self) -> Any:  # a set of decisions is never sent anywhere
        raise TypeError("Changes are not pickled")


#: What is written of a set of decisions; ``unchanged`` is only compared.
_KEPT = attrgetter(*(name for name in Changes.__slots__ if name != "unchanged"))
