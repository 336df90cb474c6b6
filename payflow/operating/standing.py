"""What a payment waits for, and whether that is as it should be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..clock import seconds
from ..records import Payment

#: A payment that should have been looked at so long ago is looked at by nobody: the worker is not there, or far behind.
UNATTENDED = seconds(120)


@dataclass(frozen=True, slots=True)
class Standing:
    """Why a payment is not finished. ``reasons`` are words of the catalog, the weightiest first; none: it is."""

    reasons: Sequence[str]

    @property
    def stuck(self) -> bool:
        """Whether somebody should look: it will not go on by itself, or should have by now."""
        return any(reason in _STUCK for reason in self.reasons)


_STUCK = frozenset({"incident", "dead_letter", "unattended", "overdue"})


def standing(payment: Payment, now: int, *, incidents: int = 0, dead: int = 0) -> Standing:
    """What holds a payment up at the instant ``now``; ``incidents`` of it are open, ``dead`` messages were given up."""
    waits = payment.next_check_at
    unpaid = payment.status in ("created", "pending")
    over = unpaid and payment.expires_at is not None and payment.expires_at <= now
    found = [
        ("incident", incidents > 0),
        ("dead_letter", dead > 0),
        ("unattended", waits is not None and waits < now - UNATTENDED),
        ("overdue", over and payment.expires_at is not None and payment.expires_at < now - UNATTENDED),
        ("unknown", payment.unresolved > 0),
        ("refunding", payment.reserved > 0),
        ("unconfirmed", payment.status == "created" and not over),
        ("unpaid", payment.status == "pending" and not over),
    ]
    return Standing([reason for reason, holds in found if holds])
