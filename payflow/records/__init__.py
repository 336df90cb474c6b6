"""What payflow remembers, as plain records. Instants are microseconds since 1970 UTC; amounts are minor units.

A payment is the root of everything about it: its refunds, attempts, receipts, transitions, journals, messages and
incidents. Every write to any of them goes through the payment's ``version``, so one compare-and-set guards them all.
Every field is an ``int`` or a ``str`` (structured things are JSON text), so that every database and driver
stores and returns exactly the same thing.
"""

from __future__ import annotations

from .changes import Changes
from .credit import Account, AccountChange, Hold, Policy, PolicyChange, Refill
from .ledger import Decision, Entry, Journal, Origin
from .payments import (
    Allowance,
    Attempt,
    Effect,
    IdempotencyKey,
    Incident,
    Message,
    OperatorAction,
    Payment,
    Receipt,
    Refund,
    Transition,
)
from .reconciliation import BillItem, Difference, ReconRun
from .replacing import replace

__all__ = [
    "Account", "AccountChange", "Allowance", "Attempt", "BillItem", "Changes", "Decision", "Difference", "Effect",
    "Entry", "Hold", "IdempotencyKey", "Incident", "Journal", "Message", "OperatorAction", "Origin", "Payment",
    "Policy", "PolicyChange", "Receipt", "ReconRun", "Refill", "Refund", "Transition", "replace",
]  # fmt: skip
