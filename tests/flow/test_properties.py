"""The walk under any order of events, answers, faults of the gateway and passing time: the invariants always hold.

A plain model of the gateway keeps the truth (who was really paid, what really went back). After the storm, with the
faults gone, payflow must have arrived at that truth: nothing lost, nothing twice.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from payflow.doctor import broken
from payflow.errors import PayflowError
from payflow.gateway import Answer, EventKind, Outcome
from payflow.money import Money
from payflow.records import Payment, Refund

from .conftest import World

TROUBLE = st.sampled_from(["fine", "fine", "fine", "lost", "answer_lost", "refused"])


class FarSide:
    """What really happened at the gateway, and how badly it is heard."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.trades: dict[str, str] = {}  # out_trade_no → open, paid, closed
        self.refunds: dict[str, int] = {}  # out_refund_no → amount
        self.trouble = "fine"
        gateway = world.main
        gateway.charge = self.charge  # type: ignore[method-assign]
        gateway.query = self.query  # type: ignore[method-assign]
        gateway.close = self.close  # type: ignore[method-assign]
        gateway.refund = self.refund  # type: ignore[method-assign]
        gateway.query_refund = self.query_refund  # type: ignore[method-assign]

    def _heard(self, do: Any) -> Answer:
        trouble, self.trouble = self.trouble, "fine"
        if trouble == "lost":
            return Answer(Outcome.UNKNOWN)
        answer = do()
        return Answer(Outcome.UNKNOWN) if trouble == "answer_lost" else answer

    def _state(self, payment: Payment, source: str) -> Answer:
        state = self.trades.get(payment.out_trade_no)
        if state is None:
            return Answer(Outcome.NOT_FOUND)
        kind = {"open": EventKind.PENDING, "paid": EventKind.PAID, "closed": EventKind.CLOSED}[state]
        return Answer(Outcome.CONFIRMED, (self.world.main.event(payment, kind, source=source),))

    def charge(self, payment: Payment) -> Answer:
        if self.trouble == "refused":
            self.trouble = "fine"
            return Answer(Outcome.REJECTED)

        def do() -> Answer:
            self.trades.setdefault(payment.out_trade_no, "open")
            return self._state(payment, "answer")

        return self._heard(do)

    def query(self, payment: Payment) -> Answer:
        return self._heard(lambda: self._state(payment, "query"))

    def close(self, payment: Payment) -> Answer:
        def do() -> Answer:
            if self.trades.get(payment.out_trade_no) == "open":
                self.trades[payment.out_trade_no] = "closed"
            answer = self._state(payment, "answer")
            if self.trades.get(payment.out_trade_no) == "paid":
                return Answer(Outcome.REJECTED, answer.events)
            return answer

        return self._heard(do)

    def refund(self, payment: Payment, refund: Refund) -> Answer:
        if self.trouble == "refused":
            self.trouble = "fine"
            return Answer(Outcome.REJECTED)

        def do() -> Answer:
            self.refunds[refund.out_refund_no] = refund.amount
            event = self.world.main.refunded(payment, refund, EventKind.REFUND_SUCCEEDED, source="answer")
            return Answer(Outcome.CONFIRMED, (event,))

        return self._heard(do)

    def query_refund(self, payment: Payment, refund: Refund) -> Answer:
        def do() -> Answer:
            if refund.out_refund_no not in self.refunds:
                return Answer(Outcome.NOT_FOUND)
            event = self.world.main.refunded(payment, refund, EventKind.REFUND_SUCCEEDED, source="query")
            return Answer(Outcome.CONFIRMED, (event,))

        return self._heard(do)


class Walk(RuleBasedStateMachine):
    payments = Bundle("payments")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(f"sqlite:///{Path(self.folder.name) / 'walk.db'}", policies={"late_payment": "refund"})
        self.far = FarSide(self.world)
        self.count = 0
        self.told: list[str] = []
        self.world.handlers.add("shop", ["payment.paid"], lambda m, t: self.told.append(m.payment_id))

    def teardown(self) -> None:
        try:
            self.converge()
        finally:
            self.world.store.close()
            self.folder.cleanup()

    @rule(target=payments, minor=st.integers(1, 500), trusted=st.booleans(), trouble=TROUBLE)
    def pay(self, minor: int, trusted: bool, trouble: str) -> str:
        self.far.trouble = trouble
        self.count += 1
        result = self.world.flow.pay(
            amount=Money(minor), channel="qr", key=f"k-{self.count}", action="buy" if trusted else ""
        )
        if not trusted:
            self.world.flow.confirm(result.next_action.data["token"])
        self.far.trouble = "fine"
        return result.payment.id

    @rule(payment_id=payments, heard=st.integers(0, 3))
    def payer_pays(self, payment_id: str, heard: int) -> None:
        payment = self.world.flow.payment(payment_id)
        if self.far.trades.get(payment.out_trade_no) == "open":
            self.far.trades[payment.out_trade_no] = "paid"
            event = self.world.main.event(payment, EventKind.PAID)
            for _ in range(heard):
                assert self.world.flow.receive(self.world.main.callback(event)).status == 200

    @rule(payment_id=payments, trouble=TROUBLE)
    def cancel(self, payment_id: str, trouble: str) -> None:
        self.far.trouble = "fine" if trouble == "refused" else trouble
        self._tolerate(lambda: self.world.flow.cancel(payment_id))

    @rule(payment_id=payments, part=st.integers(1, 600), trouble=TROUBLE)
    def refund(self, payment_id: str, part: int, trouble: str) -> None:
        self.far.trouble = trouble
        self.count += 1
        self._tolerate(lambda: self.world.flow.refund(payment_id, key=f"r-{self.count}", amount=Money(part)))

    @rule(payment_id=payments, kind=st.sampled_from([EventKind.PENDING, EventKind.UNKNOWN]))
    def old_news(self, payment_id: str, kind: EventKind) -> None:
        payment = self.world.flow.payment(payment_id)
        self.world.flow.receive(self.world.main.callback(self.world.main.event(payment, kind)))

    @rule(payment_id=payments, amount=st.integers(501, 900))
    def liar(self, payment_id: str, amount: int) -> None:
        payment = self.world.flow.payment(payment_id)
        event = self.world.main.event(payment, EventKind.PAID, amount=amount, gateway_txn="liar", key=f"paid:{amount}")
        assert self.world.flow.receive(self.world.main.callback(event)).status == 200

    @rule(seconds=st.sampled_from([1, 5, 15, 40, 400, 1000]), trouble=TROUBLE)
    def time_passes(self, seconds: int, trouble: str) -> None:
        self.world.clock.forward(seconds)
        self.far.trouble = "fine" if trouble == "refused" else trouble
        self.world.worker.round()
        self.far.trouble = "fine"

    def _tolerate(self, call: Any) -> None:
        try:
            call()
        except PayflowError as error:
            assert error.code in {  # noqa: PT017 -- either outcome is right; any other error is not
                "TRANSITION_NOT_ALLOWED", "NOT_REFUNDABLE", "REFUND_EXCEEDS_CAPTURED", "OPERATION_IN_PROGRESS",
            }  # fmt: skip
        self.far.trouble = "fine"

    @invariant()
    def nothing_is_broken(self) -> None:
        findings = broken(self.world.store)
        assert not findings, [(f.invariant.number, f.rows) for f in findings]

    def converge(self) -> None:
        """The faults are over: within a bounded time payflow knows what the gateway knows."""
        self.far.trouble = "fine"
        for _ in range(40):
            self.world.clock.forward(900)
            self.world.worker.round()
        self.nothing_is_broken()
        for payment in self.world.store.recent_payments(1000):
            truth = self.far.trades.get(payment.out_trade_no)
            history = self.world.store.history(payment.id)
            assert history is not None
            back = sum(self.far.refunds.get(refund.out_refund_no, 0) for refund in history.refunds)
            late = sum(
                refund.amount for refund in history.refunds if refund.incident_id and refund.status == "succeeded"
            )
            assert payment.unresolved == 0
            assert payment.status not in ("created", "pending")
            assert (payment.captured + late > 0) == (truth == "paid")
            assert payment.refunded + late == back
            assert (payment.id in self.told) == (payment.captured > 0)
        assert len(self.told) == len(set(self.told))


Walk.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWalk = Walk.TestCase
