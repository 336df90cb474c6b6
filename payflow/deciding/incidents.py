"""What becomes of an incident: a person's word, or the order turning up after all."""

from __future__ import annotations

from ..errors import InvalidRequest, Refused
from ..records import Incident, replace
from .draft import Draft, Needs
from .events import return_money
from .rules import Cause

#: Incidents that stand for money which really came and is booked in suspense.
WITH_MONEY = frozenset({"late_payment", "double_payment", "unexpected_payment"})


def resolve(draft: Draft, incident: Incident, how: str, operator: str) -> Incident:
    """A person settles an open incident; the operator's name stays with it."""
    if incident.status != "open":
        raise Refused(f"This incident is {incident.status}", code="INCIDENT_CLOSED", incident_id=incident.id)
    if incident.payment_id is not None:  # every decision about a payment goes through its version
        known = draft.facts.payments.get(incident.payment_id)
        if known is None:
            raise Needs(payments={incident.payment_id})
        draft.put(known)
    if how == "dismiss":
        resolved = replace(incident, status="resolved", resolution=f"dismissed by {operator}", updated_at=draft.now)
        draft.put_incident(resolved)
        return resolved
    if how != "refund" or incident.kind not in WITH_MONEY or incident.payment_id is None:
        raise InvalidRequest(
            f"An incident of kind {incident.kind} can be settled by: dismiss"
            + (", refund" if incident.kind in WITH_MONEY else ""),
            code="INVALID_RESOLUTION",
        )
    payment = draft.facts.payments.get(incident.payment_id)
    if payment is None:
        raise Needs(payments={incident.payment_id})
    resolving = replace(
        incident, status="resolving", resolution=f"refund asked for by {operator}", updated_at=draft.now
    )
    draft.put_incident(resolving)
    return_money(draft, resolving, payment, Cause("operator", operator))
    return resolving
