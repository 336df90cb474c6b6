"""The working set of decisions: facts as read, changed in memory, collected as one set to write.

A :class:`Draft` is the only place where a record changes. Whatever moves, moves by its table, and with the move go its
transition, its booking and its message; so none of them can be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..records import (
    Attempt,
    Changes,
    Entry,
    Incident,
    Journal,
    Message,
    Payment,
    Receipt,
    Refund,
    Transition,
    replace,
)
from ..store import Facts, Wants

if TYPE_CHECKING:
    from ..machine import Table

#: Attempts that may still move money or stand for something we do not know.
UNRESOLVED = frozenset({"prepared", "sent", "unknown"})


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
class Rules:
    """What deciding goes by: the compiled tables, the declared policies, the schedule, and what each account can do."""

    tables: Mapping[str, Table]
    policies: Mapping[str, str]
    schedule: Schedule = Schedule()
    operations: Mapping[str, frozenset[str]] = field(default_factory=dict)  # account → operations

    def can(self, account: str, operation: str) -> bool:
        """Whether the gateway behind ``account`` has this operation."""
        return operation in self.operations.get(account, frozenset())


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something moves: the kind and the id of what caused it."""

    kind: str  # api, callback, answer, query, reconcile, operator, timer
    id: str


class Needs(Exception):
    """Raised inside a decision to ask for facts that were not gathered; the walk reads them and decides again."""

    def __init__(self, **wants: Any) -> None:
        super().__init__()
        self.wants = wants

    def add_to(self, wants: Wants) -> bool:
        """Widen ``wants``; False if it was that wide already."""
        grown = False
        for name, value in self.wants.items():
            known = getattr(wants, name)
            if isinstance(value, bool):
                grown |= not known
                setattr(wants, name, True)
            else:
                grown |= not value <= known
                known |= value
        return grown


class Draft:
    """Facts being turned into changes."""

    __slots__ = ("changes", "facts", "new_id", "now", "prepared", "rules", "trace_id", "wants")

    def __init__(
        self, facts: Facts, rules: Rules, now: int, new_id: Callable[[int], str], wants: Wants, trace_id: str = ""
    ) -> None:
        self.facts = facts
        self.rules = rules
        self.now = now
        self.new_id = new_id
        self.wants = wants
        self.trace_id = trace_id
        self.changes = Changes()
        self.prepared: list[str] = []  # attempts that wait to be performed once this is written

    # -- payments -----------------------------------------------------------------------------------------------

    def put(self, payment: Payment, **changed: Any) -> Payment:
        """Keep a payment with what has ``changed``; its version rises once per set of changes, however often it is put.

        What has an open attempt is always looked at again, whatever else became of it.
        """
        entry = self.changes.payments.get(payment.id)
        read = self.facts.payments.get(payment.id) if entry is None else None
        if read is not None:
            changed |= {"version": read.version + 1, "updated_at": self.now}
        unresolved = changed.get("unresolved", payment.unresolved)
        if unresolved and changed.get("next_check_at", payment.next_check_at) is None:
            changed["next_check_at"] = self.now
        if changed:
            payment = replace(payment, **changed)
        was = entry[0] if entry is not None else None if read is None else read.version
        self.changes.payments[payment.id] = (was, payment)
        self.facts.payments[payment.id] = payment
        return payment

    def create(self, payment: Payment, cause: Cause) -> Payment:
        """A new payment, in its table's initial state, with its first transition and message."""
        table = self.rules.tables["payment"]
        payment = replace(payment, status=table.initial, seq=1, told=1 if table.first_tells else 0)
        self.changes.payments[payment.id] = (None, payment)
        self.facts.payments[payment.id] = payment
        self._chain(
            "payment",
            payment.id,
            payment_id=payment.id,
            seq=1,
            event="create",
            source="",
            target=payment.status,
            cause=cause,
            trace_id=payment.trace_id,
        )
        if table.first_tells:
            self._message(
                payment,
                table.first_tells,
                seq=1,
                entity="payment",
                entity_id=payment.id,
                transition_seq=1,
                body=payment_body(payment),
            )
        return payment

    def move(self, payment: Payment, event: str, cause: Cause, **also: Any) -> Payment:
        """Move a payment by its table (``TransitionNotAllowed`` if there is no such cell).

        ``also`` are the fields that change with it. Bookings other than the capture are made by the caller, who
        knows the refund.
        """
        table = self.rules.tables["payment"]
        cell = table.move(payment.status, event, self.rules.policies)
        seq = payment.seq + 1
        told = payment.told + 1 if cell.tells else payment.told
        source = payment.status
        payment = self.put(payment, status=cell.target, seq=seq, told=told, checks=0, **also)
        self._chain(
            "payment",
            payment.id,
            payment_id=payment.id,
            seq=seq,
            event=event,
            source=source,
            target=cell.target,
            cause=cause,
            trace_id=payment.trace_id,
        )
        if cell.books == "capture":
            self.book("capture", payment.id, payment, [(f"gateway:{payment.account}", payment.amount)], "sales", cause)
        if cell.tells:
            self._message(
                payment,
                cell.tells,
                seq=told,
                entity="payment",
                entity_id=payment.id,
                transition_seq=seq,
                body=payment_body(payment),
            )
        return payment

    # -- refunds ------------------------------------------------------------------------------------------------

    def refunds_of(self, payment_id: str) -> list[Refund]:
        """Every refund of a payment; asks for them if they were not gathered."""
        if not self.wants.refunds:
            raise Needs(refunds=True)
        return [refund for refund in self.facts.refunds.values() if refund.payment_id == payment_id]

    def create_refund(self, payment: Payment, refund: Refund, cause: Cause) -> tuple[Payment, Refund]:
        """A new refund in its initial state, told under its payment's numbering."""
        table = self.rules.tables["refund"]
        refund = replace(refund, status=table.initial, seq=1)
        told = payment.told + (1 if table.first_tells else 0)
        payment = self.put(payment, told=told)
        self.changes.refunds[refund.id] = (True, refund)
        self.facts.refunds[refund.id] = refund
        self._chain(
            "refund",
            refund.id,
            payment_id=payment.id,
            seq=1,
            event="create",
            source="",
            target=refund.status,
            cause=cause,
            trace_id=refund.trace_id,
        )
        if table.first_tells:
            self._message(
                payment,
                table.first_tells,
                seq=told,
                entity="refund",
                entity_id=refund.id,
                transition_seq=1,
                body=refund_body(payment, refund),
            )
        return payment, refund

    def move_refund(
        self, payment: Payment, refund: Refund, event: str, cause: Cause, **also: Any
    ) -> tuple[Payment, Refund]:
        """Move a refund by its table; its payment is put too, since messages are numbered there."""
        cell = self.rules.tables["refund"].move(refund.status, event, self.rules.policies)
        seq, source = refund.seq + 1, refund.status
        refund = replace(refund, status=cell.target, seq=seq, updated_at=self.now, **also)
        is_new = self.changes.refunds.get(refund.id, (False, refund))[0]
        self.changes.refunds[refund.id] = (is_new, refund)
        self.facts.refunds[refund.id] = refund
        told = payment.told + (1 if cell.tells else 0)
        payment = self.put(payment, told=told, checks=0)
        self._chain(
            "refund",
            refund.id,
            payment_id=payment.id,
            seq=seq,
            event=event,
            source=source,
            target=cell.target,
            cause=cause,
            trace_id=refund.trace_id,
        )
        if cell.tells:
            self._message(
                payment,
                cell.tells,
                seq=told,
                entity="refund",
                entity_id=refund.id,
                transition_seq=seq,
                body=refund_body(payment, refund),
            )
        return payment, refund

    # -- attempts -----------------------------------------------------------------------------------------------

    def attempts_of(self, payment: Payment) -> list[Attempt]:
        """The unresolved attempts of a payment; reads nothing when the payment says it has none."""
        if not payment.unresolved:
            return []
        if not self.wants.attempts:
            raise Needs(attempts=True)
        return sorted(
            (
                attempt
                for attempt in self.facts.attempts.values()
                if attempt.payment_id == payment.id and attempt.status in UNRESOLVED
            ),
            key=lambda attempt: attempt.id,
        )

    def prepare(
        self, payment: Payment, op: str, cause: Cause, *, refund: Refund | None = None, lease_until: int | None = None
    ) -> tuple[Payment, Attempt]:
        """A new attempt, to be performed once this is written. Its request key is the number the gateway will see."""
        entity, entity_id = ("refund", refund.id) if refund else ("payment", payment.id)
        attempt = Attempt(
            id=self.new_id(self.now),
            payment_id=payment.id,
            entity=entity,
            entity_id=entity_id,
            op=op,
            request_key=refund.out_refund_no if refund else payment.out_trade_no,
            account=payment.account,
            status=self.rules.tables["attempt"].initial,
            seq=1,
            lease_until=lease_until,
            trace_id=self.trace_id,
            created_at=self.now,
            updated_at=self.now,
        )
        self.changes.attempts[attempt.id] = (True, attempt)
        self.facts.attempts[attempt.id] = attempt
        due = self.now if lease_until is None else payment.next_check_at  # nobody's own: the worker's, now
        payment = self.put(payment, unresolved=payment.unresolved + 1, next_check_at=due)
        self._chain(
            "attempt",
            attempt.id,
            payment_id=payment.id,
            seq=1,
            event="create",
            source="",
            target=attempt.status,
            cause=cause,
            trace_id=attempt.trace_id,
        )
        self.prepared.append(attempt.id)
        return payment, attempt

    def move_attempt(
        self, payment: Payment, attempt: Attempt, event: str, cause: Cause, **also: Any
    ) -> tuple[Payment, Attempt]:
        """Move an attempt by its table and keep its payment's count of unresolved ones."""
        cell = self.rules.tables["attempt"].move(attempt.status, event, self.rules.policies)
        seq, source = attempt.seq + 1, attempt.status
        attempt = replace(attempt, status=cell.target, seq=seq, updated_at=self.now, **also)
        is_new = self.changes.attempts.get(attempt.id, (False, attempt))[0]
        self.changes.attempts[attempt.id] = (is_new, attempt)
        self.facts.attempts[attempt.id] = attempt
        still = payment.unresolved - (0 if cell.target in UNRESOLVED else 1)
        payment = self.put(payment, unresolved=still)
        self._chain(
            "attempt",
            attempt.id,
            payment_id=payment.id,
            seq=seq,
            event=event,
            source=source,
            target=cell.target,
            cause=cause,
            trace_id=attempt.trace_id,
        )
        return payment, attempt

    # -- books, proofs, incidents -------------------------------------------------------------------------------

    def book(
        self, kind: str, ref: str, payment: Payment, lines: Sequence[tuple[str, int]], against: str, cause: Cause
    ) -> None:
        """Book a fact once: ``lines`` and one line ``against`` that makes the sum zero."""
        journal_id = f"{kind}:{ref}"
        self.changes.journals.append(
            Journal(id=journal_id, kind=kind, ref=ref, payment_id=payment.id, cause_id=cause.id, at=self.now)
        )
        total = sum(amount for _, amount in lines)
        for number, (name, amount) in enumerate([*lines, (against, -total)], start=1):
            self.changes.entries.append(
                Entry(journal_id=journal_id, line=number, ledger_account=name, currency=payment.currency, amount=amount)
            )

    def keep_receipt(self, receipt: Receipt) -> None:
        """Keep the proof of a fact; from now on the same fact is a repeat, within this very set too."""
        self.changes.receipts.append(receipt)
        self.facts.receipts[(receipt.account, receipt.key)] = receipt

    def raise_incident(self, incident: Incident, payment: Payment | None, *, again: bool = True) -> Incident:
        """Keep an incident once per (kind, ref): the first is announced, every further one only counted."""
        name = (incident.kind, incident.ref)
        if name not in self.wants.incidents:
            raise Needs(incidents={name})
        known = self.facts.incidents.get(name)
        if known is not None:
            if again:
                self.put_incident(replace(known, count=known.count + 1, updated_at=self.now))
            return self.facts.incidents[name]
        self.changes.incidents[incident.id] = (True, incident)
        self.facts.incidents[name] = incident
        if payment is not None:
            told = payment.told + 1
            payment = self.put(payment, told=told)
            self._message(
                payment,
                "incident.opened",
                seq=told,
                entity="incident",
                entity_id=incident.id,
                transition_seq=0,
                body=incident_body(incident),
            )
        return incident

    def put_incident(self, incident: Incident) -> None:
        """Keep a changed incident."""
        is_new = self.changes.incidents.get(incident.id, (False, incident))[0]
        self.changes.incidents[incident.id] = (is_new, incident)
        self.facts.incidents[(incident.kind, incident.ref)] = incident

    # -- what goes with every move ------------------------------------------------------------------------------

    def _chain(
        self,
        entity: str,
        entity_id: str,
        *,
        payment_id: str,
        seq: int,
        event: str,
        source: str,
        target: str,
        cause: Cause,
        trace_id: str,
    ) -> None:
        self.changes.transitions.append(
            Transition(
                entity=entity,
                entity_id=entity_id,
                seq=seq,
                payment_id=payment_id,
                event=event,
                from_state=source,
                to_state=target,
                cause_kind=cause.kind,
                cause_id=cause.id,
                trace_id=trace_id,
                at=self.now,
            )
        )

    def _message(
        self,
        payment: Payment,
        kind: str,
        *,
        seq: int,
        entity: str,
        entity_id: str,
        transition_seq: int,
        body: dict[str, Any],
    ) -> None:
        self.changes.messages.append(
            Message(
                payment_id=payment.id,
                seq=seq,
                kind=kind,
                entity=entity,
                entity_id=entity_id,
                transition_seq=transition_seq,
                body=compact({"kind": kind, "key": f"{payment.id}.{seq}", **body}),
                trace_id=payment.trace_id,
                created_at=self.now,
                due_at=self.now,
            )
        )


def compact(value: Mapping[str, Any]) -> str:
    """JSON text without spaces, Chinese kept readable."""
    return _ENCODE(value)


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def payment_body(payment: Payment) -> dict[str, Any]:
    """What a message tells of a payment (see ``schemas/message.v1.schema.json``)."""
    return {
        "payment_id": payment.id,
        "out_trade_no": payment.out_trade_no,
        "reference": payment.reference,
        "gateway": payment.gateway,
        "account": payment.account,
        "channel": payment.channel,
        "status": payment.status,
        "amount": payment.amount,
        "currency": payment.currency,
        "captured": payment.captured,
        "refunded": payment.refunded,
        "gateway_txn": payment.gateway_txn,
        "paid_at": payment.paid_at,
    }


def refund_body(payment: Payment, refund: Refund) -> dict[str, Any]:
    """What a message tells of a refund."""
    return {
        "payment_id": payment.id,
        "reference": payment.reference,
        "refund_id": refund.id,
        "out_refund_no": refund.out_refund_no,
        "gateway": refund.gateway,
        "account": refund.account,
        "status": refund.status,
        "amount": refund.amount,
        "currency": refund.currency,
        "reason": refund.reason,
        "gateway_refund": refund.gateway_refund,
        "incident_id": refund.incident_id,
    }


def incident_body(incident: Incident) -> dict[str, Any]:
    """What a message tells of an incident."""
    return {
        "incident_id": incident.id,
        "incident": incident.kind,
        "payment_id": incident.payment_id,
        "gateway": incident.gateway,
        "account": incident.account,
        "status": incident.status,
        "policy": incident.policy,
        "amount": incident.amount,
        "currency": incident.currency,
        "gateway_txn": incident.gateway_txn,
    }
