"""The contract of the store. Implementations live in ``payflow/stores/``.

The store reads sets and writes sets. ``gather`` reads everything a batch of decisions needs; the decisions are made
by pure code; ``write`` stores them all or stores nothing. A callback is a batch of one, by the same code. No lock
guards money here: versions and unique keys do, so a decision made on stale facts is refused with ``StoreConflict``
and made again.

A store either owns its transactions (each ``write`` is one) or is *joined* to the host's: then ``write`` becomes part
of the host's transaction and is committed or rolled back with it, never by payflow.
"""

from __future__ import annotations

from .contract import Store, Transaction, TwoPhaseStore
from .desks import ExplainStore, OperatorStore, ReconStore
from .facts import (
    AccountEnd,
    AccountState,
    DueAccount,
    Facts,
    History,
    PaymentState,
    PlainRefill,
    Recovery,
    Used,
    Wants,
)

__all__ = [
    "AccountEnd",
    "AccountState",
    "DueAccount",
    "ExplainStore",
    "Facts",
    "History",
    "OperatorStore",
    "PaymentState",
    "PlainRefill",
    "ReconStore",
    "Recovery",
    "Store",
    "Transaction",
    "TwoPhaseStore",
    "Used",
    "Wants",
]
