"""What a gateway stated, decided: accepted, repeated, stale — or authentic and refused, which makes an incident.

One function, :func:`apply_event`, for callbacks, answers, queries and bills alike. It checks in this order: is the
fact known (repeat, or conflict) · does its order exist · is it about this very payment (merchant, app, amount,
currency) · does the table take it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from enum import StrEnum

from ..gateway import Event, EventKind
from ..records import Incident, Payment, Receipt, Refund, replace
from . import topup
from .draft import Draft, Needs, compact, earned
from .rules import Cause


class Verdict(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    STALE = "stale"  # true, and old news
    INCIDENT = "incident"  # authentic, and refused by the table or a check
    ORPHAN = "orphan"  # no such order (yet): the gateway is asked to send it again


CAUSES = {"callback": "callback", "answer": "answer", "query": "query", "bill": "reconcile"}


def digest(event: Event) -> str:
    """Names the content of a fact: the same fact from a callback and from a query has the same digest."""
    content: tuple[object, ...]
    if event.out_refund_no is not None:
        content = (event.kind, event.out_trade_no, event.out_refund_no)
    else:
        content = (event.kind, event.out_trade_no, str(event.amount), str(event.currency), str(event.gateway_txn))
    return hashlib.blake2b("\x00".join(map(str, content)).encode("utf-8", "replace"), digest_size=12).hexdigest()


def event_json(event: Event) -> str:
    """The event as stored with its receipt or incident: our words and theirs, without the proof."""
    return compact(
        {
            "kind": event.kind,
            "key": event.key,
            "gateway": event.gateway,
            "account": event.account,
            "source": event.source,
            "out_trade_no": event.out_trade_no,
            "merchant": event.merchant,
            "app": event.app,
            "amount": event.amount,
            "currency": event.currency,
            "gateway_txn": event.gateway_txn,
            "out_refund_no": event.out_refund_no,
            "gateway_refund": event.gateway_refund,
            "happened_at": event.happened_at,
            "words": dict(event.words),
        }
    )


def event_from_json(text: str, proof: str) -> Event:
    """The event that :func:`event_json` stored."""
    facts = json.loads(text)
    return Event(**{**facts, "kind": EventKind(facts["kind"])}, proof=proof)


def apply_event(draft: Draft, event: Event) -> Verdict:
    """Decide one event. Changes go into ``draft``; a second event of the same batch sees the first one's changes."""
    fact = digest(event)
    known = draft.facts.receipts.get((event.account, event.key))
    if known is not None:
        return _again(draft, event, known, fact)
    payment_id = draft.facts.orders.get((event.account, event.out_trade_no))
    payment = draft.facts.payments.get(payment_id) if payment_id is not None else None
    if payment is None:
        return _without_payment(draft, event)
    return _HANDLERS[event.kind](draft, event, payment, fact)


def _again(draft: Draft, event: Event, known: Receipt, fact: str) -> Verdict:
    if known.digest == fact:
        if not _counted_in_this_set(draft, known):
            draft.changes.repeats[known.id] = draft.changes.repeats.get(known.id, 0) + 1
        return Verdict.REPEATED
    payment = draft.facts.payments.get(known.payment_id)
    if payment is None:
        raise Needs(payments={known.payment_id})
    return _refuse(draft, event, payment, "fact_conflict")


def _counted_in_this_set(draft: Draft, receipt: Receipt) -> bool:
    """A repeat of a fact first stated in this very set: its receipt is not stored yet, so it is counted there."""
    for index, kept in enumerate(draft.changes.receipts):
        if kept.id == receipt.id:
            counted = replace(kept, repeats=kept.repeats + 1)
            draft.changes.receipts[index] = counted
            draft.facts.receipts[(kept.account, kept.key)] = counted
            return True
    return False


def _without_payment(draft: Draft, event: Event) -> Verdict:
    """Nobody knows the order at this account. If another account does, it is that order under a false flag."""
    elsewhere = {(account, event.out_trade_no) for account in draft.rules.operations if account != event.account}
    if not elsewhere <= draft.wants.orders:
        raise Needs(orders=elsewhere)
    for name in sorted(elsewhere):
        other = draft.facts.orders.get(name)
        if other is not None:
            return _refuse(draft, event, draft.facts.payments[other], "gateway_mismatch")
    draft.raise_incident(_incident(draft, event, None, "unknown_payment", "hold", "open"), None)
    return Verdict.ORPHAN


# -- is it about this very payment? --------------------------------------------------------------------------------


def mismatch(event: Event, payment: Payment) -> str | None:
    """Which check a genuine event fails: the name of the incident it makes, or ``None`` if it is the payment's own.

    A statement that money moved must name merchant, app, amount and currency; any other only must not contradict.
    """
    must = event.kind is EventKind.PAID
    if event.gateway != payment.gateway:
        return "gateway_mismatch"
    if event.app != payment.app and (must or event.app is not None):
        return "app_mismatch"
    if event.merchant != payment.merchant and (must or event.merchant is not None):
        return "seller_mismatch"
    if event.currency != payment.currency and (must or event.currency is not None):
        return "currency_mismatch"
    if event.out_refund_no is None and event.amount != payment.amount and (must or event.amount is not None):
        return "amount_mismatch"
    return None


# -- payments ------------------------------------------------------------------------------------------------------


def _paid(draft: Draft, event: Event, payment: Payment, fact: str) -> Verdict:
    wrong = mismatch(event, payment)
    if wrong is not None:
        return _refuse(draft, event, payment, wrong)
    if payment.captured and payment.gateway_txn == event.gateway_txn:
        return _stale(draft, event, payment, fact)
    table, policies = draft.rules.tables["payment"], draft.rules.policies
    move = next((name for name in ("pay", "pay_late") if table.takes(payment.status, name, policies)), None)
    if move is None:
        return _money_without_a_place(draft, event, payment, fact)
    cause = _cause(draft, event)
    payment = _settle_attempts(draft, payment, {"charge": "confirm", "query": "confirm", "close": "reject"}, cause)
    _accept(draft, event, payment, fact, cause)
    payment = draft.move(
        payment,
        move,
        cause,
        captured=payment.amount,
        gateway_txn=event.gateway_txn,
        paid_at=event.happened_at if event.happened_at is not None else draft.now,
        next_check_at=next_look(draft, payment),
        next_action="{}",
    )
    if payment.credit:
        topup.credit(draft, payment, cause)
        payment = draft.facts.payments[payment.id]
    if move == "pay_late":
        incident = _incident(draft, event, payment, "late_payment", "accept", "resolved")
        draft.raise_incident(replace(incident, resolution="accepted by policy"), payment)
    return Verdict.ACCEPTED


def _money_without_a_place(draft: Draft, event: Event, payment: Payment, fact: str) -> Verdict:
    """Money came and the table does not take it: late, twice, or before anything was asked for.

    It is booked where it is (at the gateway, in suspense) and goes back or waits for a person, as declared.
    """
    late = payment.status in ("cancelled", "failed")
    kind = "late_payment" if late else "double_payment" if payment.captured else "unexpected_payment"
    returns = draft.rules.policies.get("late_payment") == "refund" and draft.rules.can(payment.account, "refund")
    policy = "refund" if returns and kind != "unexpected_payment" else "hold"
    incident = _incident(draft, event, payment, kind, policy, "resolving" if policy == "refund" else "open")
    first = (incident.kind, incident.ref) not in draft.facts.incidents
    incident = draft.raise_incident(incident, payment)
    payment = draft.facts.payments[payment.id]
    cause = _cause(draft, event)
    _accept(draft, event, payment, fact, cause, outcome="incident")
    if first:
        lines = [(f"gateway:{payment.account}", event.amount or 0)]
        payment = draft.book("late_receipt", incident.id, payment, lines, "suspense", cause)
        if policy == "refund":
            return_money(draft, incident, payment, cause)
    return Verdict.INCIDENT


def return_money(draft: Draft, incident: Incident, payment: Payment, cause: Cause) -> Refund:
    """Send money back that has no place here: a refund of the incident, never counted against the capture."""
    number = draft.new_id(draft.now)
    refund = Refund(
        id=number,
        payment_id=payment.id,
        gateway=payment.gateway,
        account=payment.account,
        out_refund_no=number,
        amount=incident.amount,
        currency=incident.currency,
        status="",
        reason=incident.kind,
        gateway_txn=incident.gateway_txn,
        incident_id=incident.id,
        trace_id=payment.trace_id,
        created_at=draft.now,
        updated_at=draft.now,
    )
    payment, refund = draft.create_refund(payment, refund, cause)
    draft.prepare(payment, "refund", cause, refund=refund)
    return refund


def _ended(draft: Draft, event: Event, payment: Payment, fact: str) -> Verdict:
    """The gateway says this payment failed or was closed unpaid."""
    wrong = mismatch(event, payment)
    if wrong is not None:
        return _refuse(draft, event, payment, wrong)
    if payment.status in ("cancelled", "failed"):
        return _stale(draft, event, payment, fact)
    move = "fail" if event.kind is EventKind.FAILED else "cancel"
    if payment.status == "created" or not draft.rules.tables["payment"].takes(payment.status, move):
        return _refuse(draft, event, payment, "illegal_event")
    cause = _cause(draft, event)
    payment = _settle_attempts(draft, payment, {"charge": "confirm", "query": "confirm", "close": "confirm"}, cause)
    _accept(draft, event, payment, fact, cause)
    draft.move(payment, move, cause, next_check_at=next_look(draft, payment), next_action="{}")
    return Verdict.ACCEPTED


def next_look(draft: Draft, payment: Payment) -> int | None:
    """When to look again at a payment that has ended: at once if money of an incident is still on its way back.

    More messages than moves mean that something besides the payment was told of; only then refunds are read.
    """
    if payment.told > payment.seq and _refunding(draft, payment):
        return draft.now
    return None


def _refunding(draft: Draft, payment: Payment) -> bool:
    return any(refund.status in ("requested", "processing") for refund in draft.refunds_of(payment.id))


def _pending(draft: Draft, event: Event, payment: Payment, fact: str) -> Verdict:
    """Known there and not paid yet: proves that our charge arrived, moves nothing."""
    wrong = mismatch(event, payment)
    if wrong is not None:
        return _refuse(draft, event, payment, wrong)
    cause = Cause(CAUSES[event.source], "")  # an answer leaves no receipt of this: its attempts are their own cause
    if event.source == "callback":
        cause = _cause(draft, event)
        _accept(draft, event, payment, fact, cause, outcome="stale")
    if payment.status == "pending":
        payment = _settle_attempts(draft, payment, {"charge": "confirm", "query": "confirm"}, cause)
    draft.put(payment)
    return Verdict.STALE


def _unknown(draft: Draft, event: Event, payment: Payment, _fact: str) -> Verdict:
    """A word we have no translation for: kept for a person, and the gateway is asked what it means."""
    if payment.next_check_at is None or payment.next_check_at > draft.now:
        draft.put(payment, next_check_at=draft.now)
    return _refuse(draft, event, draft.facts.payments[payment.id], "unknown_event")


# -- refunds -------------------------------------------------------------------------------------------------------


def _refund(draft: Draft, event: Event, payment: Payment, fact: str) -> Verdict:
    refund = next((kept for kept in draft.refunds_of(payment.id) if kept.out_refund_no == event.out_refund_no), None)
    if refund is None:
        draft.raise_incident(_incident(draft, event, payment, "unknown_refund", "hold", "open"), payment)
        return Verdict.ORPHAN
    wrong = mismatch(event, payment)
    if wrong is None and event.amount is not None and event.amount != refund.amount:
        wrong = "refund_amount_mismatch"
    if wrong is not None:
        return _refuse(draft, event, payment, wrong)
    move = _REFUND_MOVES[event.kind]
    if not draft.rules.tables["refund"].takes(refund.status, move):
        ended_so = {"succeed": "succeeded", "fail": "failed", "process": "processing"}[move] == refund.status
        if ended_so or move == "process":
            return _stale(draft, event, payment, fact, refund)
        return _refuse(draft, event, payment, "illegal_event")
    cause = _cause(draft, event)
    settle = {"refund": "reject" if move == "fail" else "confirm", "query_refund": "confirm"}
    payment = _settle_attempts(draft, payment, settle, cause, refund)
    _accept(draft, event, payment, fact, cause, refund=refund)
    gateway_refund = event.gateway_refund or refund.gateway_refund
    if move == "process":
        draft.move_refund(payment, refund, move, cause, gateway_refund=gateway_refund)
    elif move == "succeed":
        succeed_refund(draft, payment, refund, cause, gateway_refund=gateway_refund, at=event.happened_at)
    else:
        fail_refund(draft, payment, refund, cause, gateway_refund=gateway_refund)
    return Verdict.ACCEPTED


def succeed_refund(
    draft: Draft, payment: Payment, refund: Refund, cause: Cause, *, gateway_refund: str | None, at: int | None
) -> None:
    """The money is back with the payer: book it, and move the payment that it came from."""
    payment, refund = draft.move_refund(
        payment, refund, "succeed", cause, gateway_refund=gateway_refund, finished_at=draft.now if at is None else at
    )
    lines = [(f"gateway:{payment.account}", -refund.amount)]
    if refund.incident_id is not None:
        payment = draft.book("late_return", refund.id, payment, lines, "suspense", cause)
        _close_incident(draft, refund, "resolved", f"refunded by {refund.out_refund_no}")
        _rest(draft, payment)
        return
    payment = draft.book("refund", refund.id, payment, lines, earned(payment), cause)
    refunded = payment.refunded + refund.amount
    event = "refund_full" if refunded == payment.captured else "refund_part"
    payment = draft.move(payment, event, cause, refunded=refunded, reserved=payment.reserved - refund.amount)
    _rest(draft, payment)


def fail_refund(
    draft: Draft, payment: Payment, refund: Refund, cause: Cause, *, gateway_refund: str | None = None
) -> None:
    """The gateway says the money did not go back: its reservation is free again, its number is spent for ever."""
    payment, refund = draft.move_refund(
        payment, refund, "fail", cause, gateway_refund=gateway_refund or refund.gateway_refund, finished_at=draft.now
    )
    if refund.incident_id is not None:
        _close_incident(draft, refund, "open", f"refund {refund.out_refund_no} failed")
    else:
        payment = draft.put(payment, reserved=payment.reserved - refund.amount)
        if refund.credit:
            topup.give_back(draft, payment, refund, cause)
            payment = draft.facts.payments[payment.id]
    _rest(draft, payment)


def _close_incident(draft: Draft, refund: Refund, status: str, resolution: str) -> None:
    incident_id = refund.incident_id or ""
    incident = next((kept for kept in draft.facts.incidents.values() if kept.id == incident_id), None)
    if incident is None:
        raise Needs(incident_ids={incident_id})
    draft.put_incident(replace(incident, status=status, resolution=resolution, updated_at=draft.now))


def _rest(draft: Draft, payment: Payment) -> None:
    """A captured payment with nothing under way is not looked at any more."""
    under_way = (
        payment.unresolved
        or payment.reserved
        or any(refund.status in ("requested", "processing") for refund in draft.refunds_of(payment.id))
    )
    if payment.status != "pending" and not under_way and payment.next_check_at is not None:
        draft.put(payment, next_check_at=None)


# -- what every decision about an event leaves behind --------------------------------------------------------------


def _cause(draft: Draft, event: Event) -> Cause:
    """The receipt this event will leave is the cause of whatever it moves."""
    return Cause(CAUSES[event.source], draft.new_id(draft.now))


def _accept(
    draft: Draft,
    event: Event,
    payment: Payment,
    fact: str,
    cause: Cause,
    *,
    outcome: str = "accepted",
    refund: Refund | None = None,
) -> None:
    if (event.account, event.key) not in draft.wants.receipts:
        raise Needs(receipts={(event.account, event.key)})
    draft.keep_receipt(
        Receipt(
            id=cause.id,
            gateway=event.gateway,
            account=event.account,
            key=event.key,
            digest=fact,
            kind=event.kind,
            source=event.source,
            outcome=outcome,
            payment_id=payment.id,
            refund_id=refund.id if refund else None,
            event=event_json(event),
            proof=event.proof,
            at=draft.now,
        )
    )


def _stale(draft: Draft, event: Event, payment: Payment, fact: str, refund: Refund | None = None) -> Verdict:
    draft.put(payment)
    _accept(draft, event, payment, fact, _cause(draft, event), outcome="stale", refund=refund)
    return Verdict.STALE


def _refuse(draft: Draft, event: Event, payment: Payment, kind: str) -> Verdict:
    """Authentic and refused: kept as an incident, acknowledged, announced."""
    draft.raise_incident(_incident(draft, event, payment, kind, "hold", "open"), payment)
    return Verdict.INCIDENT


def _incident(draft: Draft, event: Event, payment: Payment | None, kind: str, policy: str, status: str) -> Incident:
    return Incident(
        id=draft.new_id(draft.now),
        kind=kind,
        ref=f"{event.account}:{event.key}:{digest(event)}"[:191],
        gateway=event.gateway,
        account=event.account,
        payment_id=payment.id if payment else None,
        status=status,
        policy=policy,
        amount=event.amount or 0,
        currency=event.currency or "",
        gateway_txn=event.gateway_txn,
        event=event_json(event),
        proof=event.proof,
        trace_id=payment.trace_id if payment else "",
        created_at=draft.now,
        updated_at=draft.now,
    )


def _settle_attempts(
    draft: Draft, payment: Payment, how: dict[str, str], cause: Cause, refund: Refund | None = None
) -> Payment:
    """A fact settles the attempts it answers; whether prepared ones are still sent is decided when they are due."""
    for attempt in draft.attempts_of(payment):
        move = how.get(attempt.op)
        about = refund.id if refund else payment.id
        if move is not None and attempt.entity_id == about and attempt.status in ("sent", "unknown"):
            payment, _ = draft.move_attempt(
                payment, attempt, move, cause if cause.id else Cause(cause.kind, attempt.id)
            )
    return payment


_REFUND_MOVES = {
    EventKind.REFUND_PROCESSING: "process",
    EventKind.REFUND_SUCCEEDED: "succeed",
    EventKind.REFUND_FAILED: "fail",
}

_HANDLERS: dict[EventKind, Callable[[Draft, Event, Payment, str], Verdict]] = {
    EventKind.PENDING: _pending,
    EventKind.PAID: _paid,
    EventKind.FAILED: _ended,
    EventKind.CLOSED: _ended,
    EventKind.UNKNOWN: _unknown,
    EventKind.REFUND_PROCESSING: _refund,
    EventKind.REFUND_SUCCEEDED: _refund,
    EventKind.REFUND_FAILED: _refund,
}
