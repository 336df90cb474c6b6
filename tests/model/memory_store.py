"""The store's contract in plain dictionaries: the model that the real stores are compared with.

It keeps the promises of :class:`payflow.store.Store` with one lock and no SQL: sets are written whole or not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from payflow.errors import StoreConflict
from payflow.records import (
    Allowance,
    Attempt,
    Changes,
    Effect,
    Entry,
    IdempotencyKey,
    Incident,
    Journal,
    Message,
    Payment,
    Receipt,
    Refund,
    Transition,
    replace,
)
from payflow.store import Facts, History, Wants

OPEN = frozenset({"prepared", "sent", "unknown"})


class MemoryStore:
    joined = False

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.attempts: dict[str, Attempt] = {}
        self.receipts: dict[tuple[str, str], Receipt] = {}
        self.incidents: dict[str, Incident] = {}
        self.keys: dict[tuple[str, str], IdempotencyKey] = {}
        self.allowances: dict[tuple[str, str, str], Allowance] = {}
        self.transitions: dict[tuple[str, str, int], Transition] = {}
        self.journals: dict[str, Journal] = {}
        self.entries: dict[tuple[str, int], Entry] = {}
        self.messages: dict[tuple[str, int], Message] = {}
        self.effects: dict[tuple[str, str, int], Effect] = {}

    def join(self, connection: Any) -> MemoryStore:
        return self

    def gather(self, wants: Wants) -> Facts:
        with self._lock:
            facts = Facts()
            by_order = {(p.account, p.out_trade_no): p.id for p in self.payments.values()}
            ids = set(wants.payments) | {by_order[name] for name in wants.orders if name in by_order}
            for refund_id in wants.refund_ids & self.refunds.keys():
                facts.refunds[refund_id] = self.refunds[refund_id]
                ids.add(self.refunds[refund_id].payment_id)
            facts.payments = {name: self.payments[name] for name in ids if name in self.payments}
            facts.orders = {(p.account, p.out_trade_no): p.id for p in facts.payments.values()}
            facts.receipts = {name: self.receipts[name] for name in wants.receipts if name in self.receipts}
            facts.keys = {name: self.keys[name] for name in wants.keys if name in self.keys}
            facts.allowances = {name: self.allowances[name] for name in wants.allowances if name in self.allowances}
            for incident in self.incidents.values():
                if (incident.kind, incident.ref) in wants.incidents or incident.id in wants.incident_ids:
                    facts.incidents[(incident.kind, incident.ref)] = incident
            if wants.refunds:
                facts.refunds |= {r.id: r for r in self.refunds.values() if r.payment_id in facts.payments}
            if wants.attempts:
                facts.attempts = {
                    a.id: a for a in self.attempts.values() if a.payment_id in facts.payments and a.status in OPEN
                }
            return facts

    def write(self, changes: Changes) -> None:
        with self._lock:
            self._check(changes)
            for payment_id, (_, payment) in changes.payments.items():
                self.payments[payment_id] = payment
            self.refunds |= {name: refund for name, (_, refund) in changes.refunds.items()}
            self.attempts |= {name: attempt for name, (_, attempt) in changes.attempts.items()}
            self.incidents |= {name: incident for name, (_, incident) in changes.incidents.items()}
            self.keys |= {name: key for name, (_, key) in changes.keys.items()}
            self.allowances |= {name: allowance for name, (_, allowance) in changes.allowances.items()}
            self.receipts |= {(kept.account, kept.key): kept for kept in changes.receipts}
            self.transitions |= {(t.entity, t.entity_id, t.seq): t for t in changes.transitions}
            self.journals |= {journal.id: journal for journal in changes.journals}
            self.entries |= {(entry.journal_id, entry.line): entry for entry in changes.entries}
            self.messages |= {(message.payment_id, message.seq): message for message in changes.messages}
            for name, kept in self.receipts.items():
                if kept.id in changes.repeats:
                    self.receipts[name] = replace(kept, repeats=kept.repeats + changes.repeats[kept.id])

    def _check(self, changes: Changes) -> None:
        for payment_id, (read, payment) in changes.payments.items():
            known = self.payments.get(payment_id)
            if (known.version if known else None) != read:
                raise StoreConflict
            for other in self.payments.values():
                same_order = (other.account, other.out_trade_no) == (payment.account, payment.out_trade_no)
                same_txn = payment.gateway_txn is not None and other.gateway_txn == payment.gateway_txn
                if other.id != payment_id and (same_order or (same_txn and other.account == payment.account)):
                    raise StoreConflict
        for name, (read_key, _) in changes.keys.items():
            if self.keys.get(name) != read_key:
                raise StoreConflict
        for allowance, (used, _) in changes.allowances.items():
            spent = self.allowances.get(allowance)
            if (spent.used if spent else None) != used:
                raise StoreConflict
        taken_incidents = {(i.kind, i.ref) for i in self.incidents.values()}
        for is_new, incident in changes.incidents.values():
            if is_new and (incident.kind, incident.ref) in taken_incidents:
                raise StoreConflict
        unique: list[tuple[set[Any], Any]] = [
            ({(r.account, r.key) for r in changes.receipts}, self.receipts),
            ({(t.entity, t.entity_id, t.seq) for t in changes.transitions}, self.transitions),
            ({j.id for j in changes.journals}, self.journals),
            ({(m.payment_id, m.seq) for m in changes.messages}, self.messages),
            ({n for n, (is_new, _) in changes.attempts.items() if is_new}, self.attempts),
            ({n for n, (is_new, _) in changes.refunds.items() if is_new}, self.refunds),
        ]
        if any(new & known.keys() for new, known in unique):
            raise StoreConflict

    def history(self, payment_id: str) -> History | None:
        with self._lock:
            payment = self.payments.get(payment_id)
            if payment is None:
                return None
            journals = [kept for kept in self.journals.values() if kept.payment_id == payment_id]
            named = {journal.id for journal in journals}

            def of(kept: Iterable[Any]) -> list[Any]:
                return [one for one in kept if one.payment_id == payment_id]

            return History(
                payment=payment, refunds=of(self.refunds.values()), attempts=of(self.attempts.values()),
                receipts=of(self.receipts.values()), transitions=of(self.transitions.values()), journals=journals,
                entries=[entry for entry in self.entries.values() if entry.journal_id in named],
                messages=of(self.messages.values()), effects=of(self.effects.values()),
                incidents=of(self.incidents.values()), keys=of(self.keys.values()),
            )  # fmt: skip

    def claim_due(self, now: int, limit: int, lease: int) -> list[str]:
        with self._lock:
            due = sorted((p.next_check_at, p.id) for p in self.payments.values() if (p.next_check_at or now + 1) <= now)
            for _, payment_id in due[:limit]:
                self.payments[payment_id] = replace(self.payments[payment_id], next_check_at=now + lease)
            return [payment_id for _, payment_id in due[:limit]]

    def claim_messages(self, now: int, limit: int, lease: int) -> list[Message]:
        with self._lock:
            heads: dict[str, Message] = {}
            for (payment_id, _), message in sorted(self.messages.items()):
                if payment_id not in heads and message.delivered_at is None and message.dead_at is None:
                    heads[payment_id] = message
            due = [m for m in heads.values() if m.due_at <= now and (m.lease_until or 0) <= now][:limit]
            claimed = [replace(m, lease_until=now + lease, tries=m.tries + 1) for m in due]
            self.messages |= {(m.payment_id, m.seq): m for m in claimed}
            return claimed

    def finish_messages(self, messages: Iterable[Message]) -> None:
        with self._lock:
            for message in messages:
                known = self.messages[(message.payment_id, message.seq)]
                if known.lease_until == message.lease_until:
                    self.messages[(message.payment_id, message.seq)] = replace(message, lease_until=None)
                if message.delivered_at is None and message.dead_at is None:
                    self._postpone(message)

    def _postpone(self, head: Message) -> None:
        """What stands behind a message that has to wait becomes due with it."""
        for name, behind in self.messages.items():
            waits = behind.delivered_at is None and behind.dead_at is None and behind.due_at < head.due_at
            if behind.payment_id == head.payment_id and behind.seq > head.seq and waits:
                self.messages[name] = replace(behind, due_at=head.due_at)

    def effects_of(self, messages: Iterable[Message]) -> dict[str, set[str]]:
        with self._lock:
            done: dict[str, set[str]] = {}
            for message in messages:
                for handler, payment_id, seq in self.effects:
                    if (payment_id, seq) == (message.payment_id, message.seq):
                        done.setdefault(message.key, set()).add(handler)
            return done

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._lock:
            before = dict(self.effects)
            try:
                yield _Transaction(self)
            except BaseException:
                self.effects = before
                raise

    def revive(self, *, handler: str | None = None, payment_id: str | None = None, now: int) -> int:
        with self._lock:
            dead = [
                name for name, effect in self.effects.items()
                if effect.dead and handler in (None, name[0]) and payment_id in (None, name[1])
            ]  # fmt: skip
            for name in dead:
                del self.effects[name]
                at = (name[1], name[2])
                self.messages[at] = replace(
                    self.messages[at], dead_at=None, tries=0, due_at=now, revived=self.messages[at].revived + 1
                )
            return len(dead)

    def open_incidents(self, limit: int = 100, after: str = "") -> list[Incident]:
        with self._lock:
            kept = sorted(self.incidents.values(), key=lambda one: one.id)
            return [one for one in kept if one.status != "resolved" and one.id > after][:limit]

    def recent_payments(self, limit: int = 50, before: str = "", reference: str | None = None) -> list[Payment]:
        with self._lock:
            kept = sorted(self.payments.values(), key=lambda one: one.id, reverse=True)
            return [p for p in kept if (not before or p.id < before) and reference in (None, p.reference)][:limit]

    def forget_keys(self, now: int, limit: int = 1000) -> int:
        with self._lock:
            over = [name for name, key in self.keys.items() if key.expires_at <= now][:limit]
            for name in over:
                del self.keys[name]
            return len(over)

    def counts(self) -> dict[str, int]:
        with self._lock:
            waiting = [m for m in self.messages.values() if m.delivered_at is None and m.dead_at is None]
            return {
                "waiting_messages": len(waiting),
                "dead_letters": sum(effect.dead for effect in self.effects.values()),
                "open_incidents": len(self.open_incidents(10**9)),
            }

    def migrate(self, to: int | None = None) -> list[int]:
        return []

    def check_schema(self) -> None:
        return

    def close(self) -> None:
        return


class _Transaction:
    connection = None

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def effect(self, effect: Effect) -> bool:
        name = (effect.handler, effect.payment_id, effect.seq)
        if name in self._store.effects:
            return False
        self._store.effects[name] = effect
        return True
