"""A gateway whose every answer the test writes down beforehand, and whose callbacks are plain JSON.

Not a stand-in for a real one (the contract suites drive those): it lets a test of the walk say exactly what the far
side does next.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from payflow.errors import CallbackRefused
from payflow.gateway import Answer, Callback, Capabilities, Event, EventKind, NextAction, Outcome, Reply
from payflow.records import Payment, Refund

Reaction = Answer | Callable[..., Answer]


class Scripted:
    kind = "mock"

    def __init__(self, account: str = "main", *, merchant: str = "m-1", app: str = "a-1", **can: Any) -> None:
        self.account, self.merchant, self.app = account, merchant, app
        self.capabilities = Capabilities(
            **{
                "channels": frozenset({"qr", "page", "app"}),
                "operations": frozenset({"charge", "query", "close", "refund", "query_refund"}),
                "currencies": frozenset({"CNY", "USD"}),
                "max_amount": 100_000_00,
                **can,
            }
        )
        self.script: dict[str, deque[Reaction]] = {}
        self.calls: list[tuple[str, str]] = []

    def will(self, op: str, *reactions: Reaction) -> None:
        self.script.setdefault(op, deque()).extend(reactions)

    def _react(self, op: str, number: str, default: Answer, *given: Any) -> Answer:
        self.calls.append((op, number))
        queue = self.script.get(op)
        reaction = queue.popleft() if queue else default
        return reaction if isinstance(reaction, Answer) else reaction(*given)

    def charge(self, payment: Payment) -> Answer:
        action = NextAction("qr", {"text": f"pay:{payment.out_trade_no}"})
        return self._react("charge", payment.out_trade_no, Answer(Outcome.CONFIRMED, next_action=action), payment)

    def query(self, payment: Payment) -> Answer:
        default = Answer(Outcome.CONFIRMED, (self.event(payment, EventKind.PENDING, source="query"),))
        return self._react("query", payment.out_trade_no, default, payment)

    def close(self, payment: Payment) -> Answer:
        default = Answer(Outcome.CONFIRMED, (self.event(payment, EventKind.CLOSED, source="answer"),))
        return self._react("close", payment.out_trade_no, default, payment)

    def refund(self, payment: Payment, refund: Refund) -> Answer:
        default = Answer(
            Outcome.CONFIRMED, (self.refunded(payment, refund, EventKind.REFUND_SUCCEEDED, source="answer"),)
        )
        return self._react("refund", refund.out_refund_no, default, payment, refund)

    def query_refund(self, payment: Payment, refund: Refund) -> Answer:
        default = Answer(
            Outcome.CONFIRMED, (self.refunded(payment, refund, EventKind.REFUND_PROCESSING, source="query"),)
        )
        return self._react("query_refund", refund.out_refund_no, default, payment, refund)

    def event(self, payment: Payment, kind: EventKind, *, source: str = "callback", **other: Any) -> Event:
        txn = "txn-" + payment.out_trade_no if kind is EventKind.PAID else None
        key = f"paid:{other.get('gateway_txn', txn)}" if kind is EventKind.PAID else f"{kind}:{payment.out_trade_no}"
        facts = {
            "kind": kind, "key": key, "gateway": "mock", "account": self.account, "source": source,
            "out_trade_no": payment.out_trade_no, "merchant": self.merchant, "app": self.app,
            "amount": payment.amount, "currency": payment.currency, "gateway_txn": txn,
        }  # fmt: skip
        return Event(**{**facts, **other})

    def refunded(
        self, payment: Payment, refund: Refund, kind: EventKind, *, source: str = "callback", **other: Any
    ) -> Event:
        return self.event(
            payment, kind, source=source,
            **{"key": f"{kind}:{refund.out_refund_no}", "amount": refund.amount, "out_refund_no": refund.out_refund_no,
               "gateway_refund": "r-" + refund.out_refund_no, **other},
        )  # fmt: skip

    def callback(self, event: Event) -> Callback:
        facts = {name: getattr(event, name) for name in Event.__slots__ if name not in ("words", "proof")}
        return Callback(self.account, (("Content-Type", "application/json"),), json.dumps(facts).encode())

    def read(self, callback: Callback, now: int) -> Sequence[Event]:
        if callback.body == b"forged":
            raise CallbackRefused("Not signed by the gateway", code="SIGNATURE_INVALID", status=401)
        facts = json.loads(callback.body)
        facts["kind"] = EventKind(facts["kind"])
        return [Event(**facts, proof=json.dumps({"body": callback.body.decode()}))]

    def accepted(self) -> Reply:
        return Reply(200, b"ok")

    def refused(self, status: int, code: str, message: str) -> Reply:
        return Reply(status, code.encode())
