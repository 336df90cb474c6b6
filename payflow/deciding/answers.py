"""How one of our own operations ended, decided.

``sent`` becomes what is known: confirmed or rejected by a genuine statement, unknown in silence. A payment fails only
by a genuine refusal; silence keeps it where it is and sets the time to ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..gateway import Answer, Outcome
from ..records import Attempt, Payment, Refund
from .draft import Draft, Needs, compact
from .events import apply_event, fail_refund
from .rules import Cause

_MARGIN = 60_000_000  # between the end of an order and the question what became of it
_SOON = 2_000_000  # an unknown outcome is asked about after two seconds, then on the growing schedule


def claim(draft: Draft, payment: Payment, attempt: Attempt) -> bool:
    """Take a prepared attempt for sending: from here on its outcome may be unknown. False if somebody else has it."""
    if attempt.status != "prepared":
        return False
    if not still_wanted(draft, payment, attempt):
        # What it was for has ended meanwhile: sending it could move money twice.
        withdraw(draft, payment, attempt, Cause("timer", "withdrawn"))
        return False
    lease_until = draft.now + draft.rules.schedule.call_lease
    payment, _ = draft.move_attempt(payment, attempt, "send", Cause("api", attempt.id), lease_until=lease_until)
    # The look after the lease finds this attempt if its caller dies in the middle.
    due = payment.next_check_at
    draft.put(payment, next_check_at=lease_until if due is None else min(due, lease_until))
    return True


def still_wanted(draft: Draft, payment: Payment, attempt: Attempt) -> bool:
    """Whether a prepared attempt is still to be sent: its payment is unpaid, or its refund has not ended."""
    if attempt.op == "refund":
        return refund_of(draft, attempt).status in ("requested", "processing")
    return attempt.op not in ("charge", "close") or payment.status == "pending"


def apply_answer(draft: Draft, claimed: Attempt, answer: Answer) -> None:
    """Decide the answer to an attempt that was sent. Facts it stated are applied first: they may settle it already."""
    for event in answer.events:
        apply_event(draft, event)
    attempt = draft.facts.attempts.get(claimed.id)
    payment = draft.facts.payments[claimed.payment_id]
    cause = Cause("answer", claimed.id)
    words = compact(answer.words)
    open_still = attempt is not None and attempt.status in ("sent", "unknown")
    if answer.outcome is Outcome.CONFIRMED:
        if open_still and attempt is not None:
            payment, _ = draft.move_attempt(payment, attempt, "confirm", cause, words=words)
        _confirmed(draft, payment, claimed, answer)  # even if a callback was quicker: the payer needs what it says
    elif attempt is None or not open_still:
        return
    elif answer.outcome in (Outcome.REJECTED, Outcome.NOT_FOUND):
        payment, _ = draft.move_attempt(payment, attempt, "reject", cause, words=words)
        _rejected(draft, payment, attempt, answer.outcome, cause)
    elif attempt.status == "sent":
        payment, attempt = draft.move_attempt(payment, attempt, "lose", cause, words=words, lease_until=None)
        if answer.outcome is Outcome.NEVER_SENT:
            payment, _ = draft.move_attempt(payment, attempt, "disown", cause)
        draft.put(payment, next_check_at=_soon(draft, payment))


def _soon(draft: Draft, payment: Payment) -> int:
    """The first time soon; after looks that changed nothing, on the growing schedule."""
    return draft.now + _SOON if not payment.checks else draft.rules.schedule.next(payment, draft.now, payment.checks)


def _confirmed(draft: Draft, payment: Payment, attempt: Attempt, answer: Answer) -> None:
    if attempt.op == "charge" and payment.status == "pending":
        action = answer.next_action
        told = payment.next_action if action is None else compact({"kind": action.kind, **action.data})
        due = draft.rules.schedule.next(payment, draft.now, 0)
        draft.put(payment, next_action=told, next_check_at=_not_after_expiry(payment, due))
    elif payment.next_check_at is not None:
        draft.put(payment, next_check_at=draft.rules.schedule.next(payment, draft.now, payment.checks))


def _not_after_expiry(payment: Payment, due: int) -> int:
    return due if payment.expires_at is None else min(due, payment.expires_at)


def _rejected(draft: Draft, payment: Payment, attempt: Attempt, outcome: Outcome, cause: Cause) -> None:
    if attempt.op == "charge" and payment.status == "pending":
        if not any(other.op == "charge" for other in draft.attempts_of(payment)):
            draft.move(payment, "fail", cause, next_check_at=None, next_action="{}")
    elif attempt.op == "close" and payment.status == "pending":
        if outcome is Outcome.NOT_FOUND:  # what does not exist there can never be paid
            payment = disown(draft, payment, ("charge",), cause)
            draft.move(payment, "cancel", cause, **_last_look(draft, payment))
        else:
            draft.put(payment, next_check_at=_soon(draft, payment))
    elif attempt.op == "refund":
        refund = refund_of(draft, attempt)
        if draft.rules.tables["refund"].takes(refund.status, "fail"):
            fail_refund(draft, payment, refund, cause)


def _last_look(draft: Draft, payment: Payment) -> dict[str, Any]:
    """When a cancelled payment is looked at for the last time, and what is kept for that.

    Alipay makes a trade only when the payer opens what we have handed out. "No such trade" then closes nothing: until
    the order's own time is over, the payer may still pay. After that it is asked once more, so that money whose
    callback was lost is found, and becomes an incident.
    """
    told = payment.next_action != "{}" and payment.channel != "barcode"
    if not told or payment.expires_at is None or payment.expires_at <= draft.now:
        return {"next_check_at": None, "next_action": "{}"}
    return {"next_check_at": payment.expires_at + _MARGIN}


def refund_of(draft: Draft, attempt: Attempt) -> Refund:
    """The refund an attempt is about."""
    refund = draft.facts.refunds.get(attempt.entity_id)
    if refund is None:
        raise Needs(refund_ids={attempt.entity_id})
    return refund


def disown(draft: Draft, payment: Payment, ops: Sequence[str], cause: Cause, entity_id: str | None = None) -> Payment:
    """The gateway does not know it: attempts of unknown outcome were never there."""
    for attempt in draft.attempts_of(payment):
        if attempt.op in ops and attempt.status == "unknown" and entity_id in (None, attempt.entity_id):
            payment, _ = draft.move_attempt(payment, attempt, "disown", cause)
    return payment


def withdraw(draft: Draft, payment: Payment, attempt: Attempt, cause: Cause) -> Payment:
    """A prepared attempt that is not to be sent any more: by the table to ``never_sent``, and nothing is called."""
    words = compact({"note": "withdrawn before anything was sent"})
    for event in ("send", "lose", "disown"):
        payment, attempt = draft.move_attempt(payment, attempt, event, cause, words=words, lease_until=None)
    return payment
