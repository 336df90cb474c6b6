"""What has to be asked, resent, expired or closed by now.

:func:`plan` looks at one payment that is due and says which questions the gateway must be asked; :func:`after` takes
the answers and prepares what follows from them (send again, close). Nothing here calls anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..gateway import Answer, EventKind, Outcome
from ..records import Attempt, Payment, Refund
from .answers import disown, refund_of, still_wanted, withdraw
from .draft import Draft, compact
from .events import Verdict, apply_event, next_look
from .rules import Cause


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask a gateway: about the payment (``refund`` is ``None``) or about one of its refunds."""

    payment: Payment
    refund: Refund | None = None

    @property
    def op(self) -> str:
        """The gateway's operation that answers it."""
        return "query_refund" if self.refund else "query"


@dataclass(slots=True)
class Plan:
    """What a due payment needs: attempts to perform now, and questions to ask."""

    perform: list[str]
    questions: list[Question]


TIMER = Cause("timer", "check")
_DAY = 86_400_000_000


def plan(draft: Draft, payment: Payment, *, on_demand: bool = False) -> Plan:
    """Decide what a payment needs. Its leases that are over become unknown; what expired unsent is cancelled.

    ``on_demand`` is a host asking right now: due times are not waited for.
    """
    rules = draft.rules
    if payment.status == "created":
        if payment.token_expires_at is not None and payment.token_expires_at <= draft.now:
            payment = draft.move(payment, "cancel", TIMER, next_check_at=next_look(draft, payment))
        if not payment.unresolved and next_look(draft, payment) is None:
            return Plan([], [])
    payment, perform = _unfinished(draft, payment)
    if perform:
        return Plan(perform, [])
    questions = _questions(draft, payment)
    if not questions and not on_demand and not payment.unresolved and not rules.can(payment.account, "query"):
        _wait_to_be_told(draft, payment)
    elif not questions or on_demand:
        checks = payment.checks + (0 if on_demand else 1)
        due = rules.schedule.next(payment, draft.now, checks)
        waiting = payment.status in ("created", "pending") or payment.unresolved or payment.reserved
        if payment.status == "created" and payment.token_expires_at is not None:
            due = min(due, payment.token_expires_at)
        draft.put(payment, checks=checks, next_check_at=due if waiting or questions else None)
    return Plan([], questions)


def _unfinished(draft: Draft, payment: Payment) -> tuple[Payment, list[str]]:
    """Attempts whose caller is gone: sent ones are unknown now, prepared ones are performed if still wanted."""
    perform: list[str] = []
    for attempt in draft.attempts_of(payment):
        if attempt.lease_until is not None and attempt.lease_until > draft.now:
            continue  # its caller is still at it
        if attempt.status == "sent":
            words = compact({"note": "its caller never came back"})
            payment, _ = draft.move_attempt(payment, attempt, "lose", TIMER, words=words, lease_until=None)
        elif attempt.status == "prepared":
            late = attempt.op == "charge" and _expired(payment, draft.now)
            if late or not still_wanted(draft, payment, attempt):
                payment = withdraw(draft, payment, attempt, TIMER)
            else:
                perform.append(attempt.id)
        elif attempt.op == "query_refund" and refund_of(draft, attempt).status in ("succeeded", "failed"):
            payment, _ = draft.move_attempt(payment, attempt, "disown", TIMER)  # nobody needs its answer any more
    return payment, perform


def _questions(draft: Draft, payment: Payment) -> list[Question]:
    """What the gateway must be asked about a payment and its refunds."""
    rules = draft.rules
    questions: list[Question] = []
    open_ops = {attempt.op for attempt in draft.attempts_of(payment)}
    # A cancelled payment that still knows what its payer was told may have been paid after all: see `_last_look`.
    open_still = payment.status == "pending" or (payment.status == "cancelled" and payment.next_action != "{}")
    if rules.can(payment.account, "query") and (open_still or open_ops & {"charge", "query", "close"}):
        questions.append(Question(payment))
    if rules.can(payment.account, "query_refund"):
        under_way = [kept for kept in draft.refunds_of(payment.id) if kept.status in ("requested", "processing")]
        questions += [Question(payment, refund) for refund in sorted(under_way, key=lambda kept: kept.id)]
    return questions


def _wait_to_be_told(draft: Draft, payment: Payment) -> None:
    """An account that cannot be asked: its payments wait for their callback, and are looked at once a day."""
    if payment.status == "created":
        due = payment.token_expires_at
    elif payment.status == "pending" or payment.reserved:
        alive = payment.expires_at is not None and payment.expires_at > draft.now
        due = payment.expires_at if alive else draft.now + _DAY
    else:
        due = None
    draft.put(payment, next_check_at=due)


def _expired(payment: Payment, now: int) -> bool:
    return payment.expires_at is not None and payment.expires_at <= now


def after(draft: Draft, question: Question, answer: Answer) -> bool:
    """Apply the answer to one question. True if it told of a payment whose callback never came."""
    payment = draft.facts.payments[question.payment.id]
    if payment.account != question.payment.account:
        # It has turned to another account since. That the first one does not know it says nothing of the order there.
        for event in answer.events:
            apply_event(draft, event)
        return False
    payment, attempt = _record(draft, payment, question, answer)
    cause = Cause("query", attempt.id)
    found_out = False
    for event in answer.events:
        verdict = apply_event(draft, event)
        found_out |= event.kind is EventKind.PAID and verdict is Verdict.ACCEPTED
    payment = draft.facts.payments[payment.id]
    if answer.outcome is Outcome.CONFIRMED:
        if question.refund is None:
            payment = _close_what_should_be(draft, payment, cause)
        else:
            payment = _settle_refund_calls(draft, payment, question.refund)
    elif answer.outcome is Outcome.NOT_FOUND:
        if question.refund is None:
            payment = _not_there(draft, payment, cause)
        else:
            payment = _refund_not_there(draft, payment, question.refund, cause)
    payment = _seen_for_the_last_time(draft, payment, answer.outcome)
    _again_later(draft, payment)
    return found_out


def _record(draft: Draft, payment: Payment, question: Question, answer: Answer) -> tuple[Payment, Attempt]:
    """Every call can be read back; a question without an answer stays one open attempt until it is answered."""
    entity_id = question.refund.id if question.refund else payment.id
    words = compact(answer.words)
    known = [
        attempt
        for attempt in draft.attempts_of(payment)
        if attempt.op == question.op and attempt.entity_id == entity_id and attempt.status == "unknown"
    ]
    if known:
        attempt = known[0]
    else:
        payment, attempt = draft.prepare(payment, question.op, TIMER, refund=question.refund)
        draft.prepared.remove(attempt.id)  # it has been performed
        payment, attempt = draft.move_attempt(payment, attempt, "send", TIMER)
    cause = Cause("query", attempt.id)
    if answer.outcome in (Outcome.CONFIRMED, Outcome.NOT_FOUND):
        payment, attempt = draft.move_attempt(payment, attempt, "confirm", cause, words=words)
    elif answer.outcome is Outcome.REJECTED and attempt.status == "sent":
        payment, attempt = draft.move_attempt(payment, attempt, "reject", cause, words=words)
    elif attempt.status == "sent":
        payment, attempt = draft.move_attempt(payment, attempt, "lose", cause, words=words)
        if answer.outcome is Outcome.NEVER_SENT:
            payment, attempt = draft.move_attempt(payment, attempt, "disown", cause)
    return payment, attempt


def _close_what_should_be(draft: Draft, payment: Payment, cause: Cause) -> Payment:
    """Still unpaid there. A close that did not arrive is sent again; what has expired is closed."""
    if payment.status != "pending":
        settled = {"charge": "confirm", "close": "confirm" if payment.status == "cancelled" else "reject"}
        for attempt in draft.attempts_of(payment):
            if attempt.op in settled and attempt.status == "unknown":
                payment, _ = draft.move_attempt(payment, attempt, settled[attempt.op], cause)
        return payment
    before = payment.unresolved
    payment = disown(draft, payment, ("close",), cause)
    wanted = payment.unresolved < before or _expired(payment, draft.now)
    closing = any(attempt.op == "close" for attempt in draft.attempts_of(payment))
    if wanted and not closing and draft.rules.can(payment.account, "close"):
        payment, _ = draft.prepare(payment, "close", TIMER)
    elif not wanted and _told_nobody(draft, payment):
        payment, _ = draft.prepare(payment, "charge", TIMER)
    return payment


def _told_nobody(draft: Draft, payment: Payment) -> bool:
    """The order is there, but the answer that says how to pay was lost: ordering the same again brings it.

    Not for bar codes: their order is the payment itself.
    """
    if payment.expected or payment.channel == "barcode" or payment.next_action != "{}":
        return False
    under_way = any(attempt.op in ("charge", "close") for attempt in draft.attempts_of(payment))
    return not under_way and draft.rules.can(payment.account, "charge")


def _not_there(draft: Draft, payment: Payment, cause: Cause) -> Payment:
    """The gateway does not know the order: our charge never arrived. Send it again under the same number, in time."""
    payment = disown(draft, payment, ("charge", "close"), cause)
    still_open = any(attempt.op in ("charge", "close") for attempt in draft.attempts_of(payment))
    if payment.status != "pending" or still_open:
        return payment  # a call is on its way at this moment: what it does will be known next time
    if _expired(payment, draft.now):
        return draft.move(payment, "cancel", TIMER, next_check_at=None, next_action="{}")
    if not payment.expected and draft.rules.can(payment.account, "charge"):
        payment, _ = draft.prepare(payment, "charge", TIMER)
    return payment


def _settle_refund_calls(draft: Draft, payment: Payment, refund: Refund) -> Payment:
    """The gateway knows the refund: whatever became of our call, it arrived."""
    for attempt in draft.attempts_of(payment):
        if attempt.op == "refund" and attempt.entity_id == refund.id and attempt.status in ("sent", "unknown"):
            payment, _ = draft.move_attempt(payment, attempt, "confirm", Cause("query", attempt.id))
    return payment


def _refund_not_there(draft: Draft, payment: Payment, refund: Refund, cause: Cause) -> Payment:
    """The gateway does not know the refund: send it again under the same number."""
    refund = draft.facts.refunds.get(refund.id, refund)
    payment = disown(draft, payment, ("refund",), cause, refund.id)
    pending = any(a.op == "refund" and a.entity_id == refund.id for a in draft.attempts_of(payment))
    if refund.status in ("requested", "processing") and not pending and draft.rules.can(payment.account, "refund"):
        payment, _ = draft.prepare(payment, "refund", TIMER, refund=refund)
    return payment


def _seen_for_the_last_time(draft: Draft, payment: Payment, outcome: Outcome) -> Payment:
    """A cancelled payment has been asked about, after its time: what its payer was told is not needed any more."""
    answered = outcome in (Outcome.CONFIRMED, Outcome.NOT_FOUND) and _expired(payment, draft.now)
    if payment.status != "cancelled" or payment.next_action == "{}" or not answered:
        return payment
    return draft.put(payment, next_action="{}")


def _again_later(draft: Draft, payment: Payment) -> None:
    """Set the next look: growing while nothing changes, never past the expiry, none when nothing is under way."""
    waiting: Sequence[bool] = (
        payment.status == "pending",
        bool(payment.unresolved),
        bool(payment.reserved),
        any(kept.status in ("requested", "processing") for kept in draft.refunds_of(payment.id)),
    )
    if not any(waiting):
        last = payment.expires_at if payment.status == "cancelled" and payment.next_action != "{}" else None
        if payment.next_check_at is not None or last is not None:
            draft.put(payment, next_check_at=last)
        return
    checks = payment.checks + 1
    due = draft.rules.schedule.next(payment, draft.now, checks)
    if payment.status == "pending" and payment.expires_at is not None and draft.now < payment.expires_at:
        due = min(due, payment.expires_at)
    draft.put(payment, checks=checks, next_check_at=due)
