"""What deciding goes by: tables, policies, times and caps; nothing here is looked up or changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..records import Payment

if TYPE_CHECKING:
    from ..machine import Table


@dataclass(frozen=True, slots=True)
class Schedule:
    """When things are looked at again, in microseconds."""

    first_check: int = 10_000_000
    longest_check: int = 3_600_000_000
    barcode_check: int = 4_000_000
    call_lease: int = 30_000_000  # how long a caller may still be working on what it sent

    def after(self, now: int, checks: int) -> int:
        """The next look after ``checks`` looks that changed nothing: doubling, capped."""
        return now + min(self.longest_check, self.first_check << min(checks, 20))

    def next(self, payment: Payment, now: int, checks: int) -> int:
        """The next look at a payment. The payer of a bar code stands at the counter: it is asked every few seconds."""
        due = self.after(now, checks)
        if payment.channel == "barcode" and payment.status == "pending" and now < (payment.expires_at or 0):
            due = min(due, now + self.barcode_check)
        return due


@dataclass(frozen=True, slots=True)
class Caps:
    """How much one owner may spend, in units of credit; ``None``: as much as there is."""

    per_spend: int | None = None
    per_day: int | None = None
    per_month: int | None = None


@dataclass(frozen=True, slots=True)
class CreditRules:
    """What deciding about credit goes by."""

    units: Mapping[str, Caps] = field(default_factory=dict)  # the units there are
    zone: Any = None  # a tzinfo for days and months; None is Beijing
    packs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # unit → packs that can be bought
    over: str = "refuse"  # a hold that costs more than it reserved: refuse, spend, debt
    hold_ttl: int = 900_000_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What deciding goes by: the compiled tables, the declared policies, the schedule, and what each account can do."""

    tables: Mapping[str, Table]
    policies: Mapping[str, str]
    schedule: Schedule = Schedule()
    operations: Mapping[str, frozenset[str]] = field(default_factory=dict)  # account → operations
    credit: CreditRules = field(default_factory=CreditRules)

    def can(self, account: str, operation: str) -> bool:
        """Whether the gateway behind ``account`` has this operation."""
        return operation in self.operations.get(account, frozenset())


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something moves: the kind and the id of what caused it."""

    kind: str  # api, callback, answer, query, reconcile, operator, timer
    id: str
