"""The story of one payment: everything remembered about it, in the order it happened, in words a person reads.

Pure: a :class:`~payflow.store.History` in, a :class:`Trace` out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .clock import iso
from .money import figure, text_from_minor
from .records import Payment
from .store import History

#: Of things at the same instant, what comes first: the proof, then what it moved, then what was booked and told.
_KINDS = ("receipt", "attempt", "transition", "journal", "incident", "message", "effect", "operator")
_ORDER = {what: place for place, what in enumerate(_KINDS)}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened. ``at`` is microseconds UTC; ``what`` the record it comes from; ``text`` for people."""

    at: int
    what: str
    text: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trace:
    """A payment and its steps, oldest first."""

    payment: Payment
    steps: Sequence[Step]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON; instants as ISO 8601 in UTC, amounts in minor units."""
        payment = self.payment
        return {
            "payment_id": payment.id, "status": payment.status, "amount": payment.amount, "currency": payment.currency,
            "captured": payment.captured, "refunded": payment.refunded, "gateway": payment.gateway,
            "account": payment.account, "out_trade_no": payment.out_trade_no, "trace_id": payment.trace_id,
            "why": self.why(),
            "steps": [
                {"at": iso(step.at), "what": step.what, "text": step.text, **step.facts} for step in self.steps
            ],
        }  # fmt: skip

    def why(self) -> str:
        """One sentence: why the payment is where it is, and what it waits for."""
        payment = self.payment
        moved = [step for step in self.steps if step.what == "transition" and step.facts["entity"] == "payment"]
        last = moved[-1].facts if moved else {"event": "create", "cause": "api"}
        waits = f"; looked at again at {iso(payment.next_check_at)}" if payment.next_check_at is not None else ""
        return f"{payment.status} since '{last['event']}' (cause: {last['cause']}){waits}"

    def text(self) -> str:
        """The story as lines for a terminal."""
        payment = self.payment
        money = text_from_minor(payment.amount, payment.currency)
        lines = [
            f"payment {payment.id}  {money} {payment.currency}  {payment.account}/{payment.channel}  {payment.status}",
            f"  order {payment.out_trade_no}  reference {payment.reference or '-'}  trace {payment.trace_id}",
            f"  {self.why()}",
            "",
        ]
        began = self.steps[0].at if self.steps else payment.created_at
        for step in self.steps:
            offset = (step.at - began) / 1_000_000
            lines.append(
                f"  {(iso(step.at) or '')[:23].replace('T', ' ')}  +{offset:9.3f}s  {step.what:<10}  {step.text}"
            )
        return "\n".join(lines)


def tell(history: History) -> Trace:
    """Put a history in order."""
    steps = [
        *_receipts(history), *_attempts(history), *_transitions(history), *_journals(history), *_incidents(history),
        *_messages(history), *_effects(history), *_actions(history),
    ]  # fmt: skip
    steps.sort(key=lambda step: (step.at, _ORDER[step.what]))
    return Trace(history.payment, steps)


def _receipts(history: History) -> list[Step]:
    steps = []
    for kept in history.receipts:
        again = f", stated {kept.repeats} more time{'s' if kept.repeats != 1 else ''}" if kept.repeats else ""
        steps.append(
            Step(
                kept.at,
                "receipt",
                f"{kept.account} states {kept.kind} by {kept.source}: {kept.outcome}{again}",
                {
                    "receipt_id": kept.id,
                    "key": kept.key,
                    "kind": kept.kind,
                    "source": kept.source,
                    "outcome": kept.outcome,
                    "repeats": kept.repeats,
                    "event": json.loads(kept.event),
                },
            )  # fmt: skip
        )
    return steps


def _attempts(history: History) -> list[Step]:
    return [
        Step(
            kept.created_at, "attempt", f"{kept.op} at {kept.account} as {kept.request_key}: {kept.status}",
            {"attempt_id": kept.id, "op": kept.op, "account": kept.account, "status": kept.status,
             "request_key": kept.request_key, "entity": kept.entity, "entity_id": kept.entity_id,
             "words": json.loads(kept.words)},
        )
        for kept in history.attempts
    ]  # fmt: skip


def _transitions(history: History) -> list[Step]:
    ops = {kept.id: kept.op for kept in history.attempts}
    steps = []
    for kept in history.transitions:
        who = f"attempt ({ops.get(kept.entity_id, '?')})" if kept.entity == "attempt" else kept.entity
        source = kept.from_state or "·"
        steps.append(
            Step(
                kept.at,
                "transition",
                f"{who}: {source} -{kept.event}→ {kept.to_state}  because of {kept.cause_kind}",
                {
                    "entity": kept.entity,
                    "entity_id": kept.entity_id,
                    "seq": kept.seq,
                    "event": kept.event,
                    "from": kept.from_state,
                    "to": kept.to_state,
                    "cause": kept.cause_kind,
                    "cause_id": kept.cause_id,
                },
            )  # fmt: skip
        )
    return steps


def _journals(history: History) -> list[Step]:
    steps = []
    for journal in history.journals:
        lines = [entry for entry in history.entries if entry.journal_id == journal.id]
        told = ", ".join(
            f"{entry.ledger_account} {'+' if entry.amount > 0 else ''}{figure(entry.amount, entry.currency)}"
            for entry in lines
        )
        facts = {
            "journal_id": journal.id, "kind": journal.kind,
            "entries": [
                {"account": entry.ledger_account, "amount": entry.amount, "currency": entry.currency}
                for entry in lines
            ],
        }  # fmt: skip
        steps.append(Step(journal.at, "journal", f"{journal.kind} booked: {told}", facts))
    return steps


def _incidents(history: History) -> list[Step]:
    return [
        Step(
            kept.created_at, "incident",
            f"{kept.kind} ({kept.status}, policy {kept.policy}){': ' + kept.resolution if kept.resolution else ''}",
            {"incident_id": kept.id, "kind": kept.kind, "status": kept.status, "policy": kept.policy,
             "amount": kept.amount, "count": kept.count, "resolution": kept.resolution},
        )
        for kept in history.incidents
    ]  # fmt: skip


def _messages(history: History) -> list[Step]:
    steps = []
    for kept in history.messages:
        state = "dead" if kept.dead_at is not None else "delivered" if kept.delivered_at is not None else "waiting"
        facts = {"key": kept.key, "kind": kept.kind, "state": state, "tries": kept.tries, "error": kept.last_error}
        steps.append(Step(kept.created_at, "message", f"{kept.kind} ({state})", facts))
    return steps


def _effects(history: History) -> list[Step]:
    return [
        Step(
            kept.at, "effect",
            f"handler {kept.handler} {'gave up on' if kept.dead else 'has done'} message {kept.seq}",
            {"handler": kept.handler, "seq": kept.seq, "dead": bool(kept.dead), "error": kept.error},
        )
        for kept in history.effects
    ]  # fmt: skip


def _actions(history: History) -> list[Step]:
    return [
        Step(
            kept.at, "operator",
            f"{kept.operator} asks for {kept.action} of {kept.target_kind} {kept.target}: {kept.outcome}"
            f"{f' ({kept.code})' if kept.code else ''}",
            {"action_id": kept.id, "operator": kept.operator, "action": kept.action, "target": kept.target,
             "outcome": kept.outcome, "code": kept.code, "request": json.loads(kept.request)},
        )
        for kept in history.actions
    ]  # fmt: skip
