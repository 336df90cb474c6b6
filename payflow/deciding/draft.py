"""The working set of decisions: facts as read, changed in memory, collected as one set to write.

A :class:`Draft` is the only place where a record changes. Whatever moves, moves by its table, and with the move go its
transition, its booking and its message; so none of them can be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..ledger import chain
from ..ledger.book import Book
from ..records import (
    Account,
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
from .rules import Cause, Rules

#: Attempts that may still move money or stand for something we do not know.
UNRESOLVED = frozenset({"prepared", "sent", "unknown"})


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

    __slots__ = ("books", "changes", "facts", "new_id", "now", "prepared", "rules", "trace_id", "wants")

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
        self.books: dict[str, Book] = {}  # accounts that are open for posting

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
            lines = [(f"gateway:{payment.account}", payment.amount)]
            payment = self.book("capture", payment.id, payment, lines, earned(payment), cause)
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
    ) -> Payment:
        """Book a fact once: ``lines`` and one line ``against`` that makes the sum zero. The next link of its chain."""
        unit, total = payment.currency, sum(amount for _, amount in lines)
        lines = [*lines, (against, -total)]
        journal = Journal(
            id=f"{kind}:{ref}", kind=kind, ref=ref, payment_id=payment.id, cause_kind=cause.kind, cause_id=cause.id,
            at=self.now, seq=payment.booked + 1,
        )  # fmt: skip
        text = chain.content(journal, [(name, unit, amount, "") for name, amount in lines])
        sealed = replace(journal, hash=chain.journal_link(payment.chain, text, journal.seq))
        self.changes.journals.append(sealed)
        for number, (name, amount) in enumerate(lines, start=1):
            self.changes.entries.append(
                Entry(journal_id=journal.id, line=number, ledger_account=name, currency=unit, amount=amount)
            )
        return self.put(payment, booked=journal.seq, chain=sealed.hash)

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

    # -- credit -------------------------------------------------------------------------------------------------

    def open_book(self, account: Account, *, is_new: bool = False) -> Book:
        """An account opened for posting; what is posted is written when the draft is done."""
        book = self.books[account.id] = Book(account, is_new=is_new)
        return book

    def close_books(self) -> None:
        """The accounts that were posted to become changes, each one version further."""
        for name, book in self.books.items():
            if book.touched:
                account = book.closed(self.now)
                self.changes.accounts[name] = (None if book.is_new else book.read, account)
                self.facts.accounts[name] = account

    def tell_of_refill(self, payment: Payment, refill: Mapping[str, Any]) -> Payment:
        """A refill waits for its payment: told with what it is for."""
        told = payment.told + 1
        payment = self.put(payment, told=told)
        body = {"payment_id": payment.id, "amount": payment.amount, "currency": payment.currency,
                "status": payment.status, **refill}  # fmt: skip
        self._message(
            payment, "refill.ordered", seq=told, entity="refill", entity_id=payment.id, transition_seq=0, body=body
        )
        return payment

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


def earned(payment: Payment) -> str:
    """Payflow's own account that stands against the money: what is sold, or what is owed as credit."""
    return "prepaid" if payment.credit else "sales"


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
        **({"credit": json.loads(payment.credit)} if payment.credit else {}),
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
