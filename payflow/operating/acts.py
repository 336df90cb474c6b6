"""What can be asked for at the desk, and what its form must say. Pure: text in, checked values out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest
from ..identifiers import checked_text
from ..money import Money
from ..records import Payment

Fields = Mapping[str, str]
_LONGEST_BODY = 10_000


@dataclass(frozen=True, slots=True)
class Act:
    """One kind of act: what it is done to, and how its fields are read. The power to do it has its name."""

    name: str
    target_kind: str  # payment, incident, policy, everything
    read: Callable[[Fields], dict[str, Any]]


def _nothing(_: Fields) -> dict[str, Any]:
    return {}


def _refund(fields: Fields) -> dict[str, Any]:
    """``amount`` as text ("12.50"), empty for all that is left; ``reason``."""
    return {
        "amount": checked_text("amount", fields.get("amount", "").strip(), 20),
        "reason": checked_text("reason", fields.get("reason", "").strip(), 80),
    }


def _resolve(fields: Fields) -> dict[str, Any]:
    how = fields.get("how", "")
    if how not in ("refund", "dismiss"):
        raise InvalidRequest("An incident is settled by refund or dismiss", code="INVALID_RESOLUTION")
    return {"how": how, "reason": checked_text("reason", fields.get("reason", "").strip(), 200)}


def _replay(fields: Fields) -> dict[str, Any]:
    return {"handler": checked_text("handler", fields.get("handler", "").strip(), 191)}


def _policy(fields: Fields) -> dict[str, Any]:
    """``body`` as a JSON object of the fields that change, or ``enabled`` on or off; and ``reason``."""
    reason = checked_text("reason", fields.get("reason", "").strip(), 200)
    if not reason:
        raise InvalidRequest("A change of a policy needs a reason", code="INVALID_REFERENCE", path="reason")
    switch = fields.get("enabled", "")
    if switch in ("on", "off"):
        return {"body": {"enabled": switch == "on"}, "reason": reason}
    text = fields.get("body", "")
    try:
        body = json.loads(text) if len(text) <= _LONGEST_BODY else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InvalidRequest("A policy is a JSON object", code="REFILL_POLICY_INVALID", path="$")
    return {"body": body, "reason": reason}


ACTS: Mapping[str, Act] = {
    act.name: act
    for act in (
        Act("query", "payment", _nothing),
        Act("refund", "payment", _refund),
        Act("resolve", "incident", _resolve),
        Act("replay", "payment", _replay),
        Act("refill", "everything", _nothing),
        Act("policy", "policy", _policy),
    )
}


def act_named(name: str) -> Act:
    """The act of this name; ``INVALID_EVENT`` if there is none."""
    found = ACTS.get(name)
    if found is None:
        raise InvalidRequest("There is no such act", code="INVALID_EVENT")
    return found


def money_of(amount: str, payment: Payment) -> Money | None:
    """How much is to go back, in the payment's own currency; ``None`` for all that is left."""
    return Money.parse(amount, payment.currency) if amount else None
