"""What else is known about what does not agree: other days' bills, reversals, incidents that stand for the money."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from .comparing import Found


@dataclass(slots=True)
class Around:
    """What was found in one look around for a batch of differences. Everything not in here does not exist."""

    #: trade → its order number and the days of the other bills that have a payment's row of it
    trades: Mapping[str, Collection[tuple[str | None, str]]] = field(default_factory=dict)
    #: refund number → the days of the other bills that have it
    refunds: Mapping[str, Collection[str]] = field(default_factory=dict)
    #: trades that a bill says were taken back
    reversed: Collection[str] = ()
    #: (payment, trade) → the incident of the walk's own that stands for that money
    incidents: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: days whose bill is here
    days: Collection[str] = ()


def with_what_is_known(found: Found, around: Around) -> tuple[Found, str | None]:
    """The difference, and the incident that stands for it already (``None``: there is none)."""
    if found.side == "books":
        return _of_ours(found, around), None
    return _of_theirs(found, around)


def _of_theirs(found: Found, around: Around) -> tuple[Found, str | None]:
    trade = found.gateway_txn or ""
    unpaid = found.kind in ("late", "status", "amount") and found.theirs > 0 and not found.ours
    if unpaid and trade in around.reversed:
        return found._replace(kind="reversed", state="explained", heal=""), None
    incident = around.incidents.get((found.payment_id or "", trade)) if found.kind != "other_day" else None
    if incident is not None and found.out_refund_no is None:
        return found._replace(state="known", heal=""), incident
    elsewhere = _days_elsewhere(found, around)
    if elsewhere and found.theirs > 0 and found.kind in ("other_day", "missing_here"):
        # One trade in two days' bills: one of them is its own day's, and this one is the other.
        return found._replace(kind="duplicate", state="open", other_day=min(elsewhere), heal=""), None
    return found, None


def _of_ours(found: Found, around: Around) -> Found:
    days = _days_elsewhere(found, around)
    if days:
        return found._replace(kind="other_day", state="explained", other_day=min(days))
    if found.state == "waiting" and found.other_day in around.days:
        return found._replace(kind="missing_there", state="open", other_day="")
    return found


def _days_elsewhere(found: Found, around: Around) -> Collection[str]:
    if found.out_refund_no is not None:
        return around.refunds.get(found.out_refund_no, ())
    known = around.trades.get(found.gateway_txn or "", ())
    return [day for order, day in known if order == found.out_trade_no]
