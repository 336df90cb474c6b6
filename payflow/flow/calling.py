"""Asking the gateways: prepared attempts are sent, due payments looked at. Never inside a transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..deciding import checks, verbs
from ..deciding.answers import apply_answer, claim, refund_of
from ..deciding.draft import Draft
from ..errors import InvalidRequest, Refused
from ..gateway import Answer, Outcome
from ..money import Money
from ..records import Attempt, Payment, Refund
from ..routing import RouteFacts
from ..store import Wants
from .settling import Settling, about

logger = logging.getLogger("payflow.flow")


@dataclass(slots=True)
class CheckReport:
    """What one look at due payments did."""

    looked: int = 0
    asked: int = 0
    performed: int = 0
    callbacks_missing: list[str] = field(default_factory=list)

    def add(self, other: CheckReport) -> None:
        """Count another look with this one."""
        self.looked += other.looked
        self.asked += other.asked
        self.performed += other.performed
        self.callbacks_missing += other.callbacks_missing


class Calling(Settling):
    """The part of a flow that talks to gateways."""

    def perform(self, attempt_id: str, payment_id: str, *, tried: frozenset[str] = frozenset()) -> Payment | None:
        """Send one prepared attempt, outside any transaction, and store how it ended.

        ``None`` if somebody else has it. A charge that could not be sent turns to the accounts that its route names
        under ``otherwise``, less those ``tried``.
        """
        self._outside()
        wants = Wants(payments={payment_id}, attempts=True, refunds=True)

        def take(draft: Draft) -> tuple[Payment, Attempt, Refund | None] | None:
            payment = verbs.known_payment(draft, payment_id)
            attempt = draft.facts.attempts.get(attempt_id)
            if attempt is None or not claim(draft, payment, attempt):
                return None
            return payment, attempt, refund_of(draft, attempt) if attempt.entity == "refund" else None

        taken, _ = self.settle(wants, take)
        if taken is None:
            return None
        payment, attempt, refund = taken
        answer = self._call(payment, attempt.op, refund)
        (_, draft) = self.settle(
            self.wants_for(answer.events, payments={payment_id}),
            lambda draft: apply_answer(draft, attempt, answer),
        )
        payment = draft.facts.payments[payment_id]
        if attempt.op == "charge" and answer.outcome is Outcome.NEVER_SENT:
            return self._otherwise(payment, tried | {payment.account})
        return payment

    def _otherwise(self, payment: Payment, tried: frozenset[str]) -> Payment:
        """Nothing of it has left this machine: where the routes name another account, that one is asked."""
        facts = RouteFacts(amount=Money(payment.amount, payment.currency), channel=payment.channel)
        others = [name for name in self.router.otherwise(payment.account, facts)
                  if name in self.gateways and name not in tried]  # fmt: skip
        if not others or self._was_sent(payment):  # its history is read only where there is somewhere to turn
            return payment
        for account in others:
            try:
                gateway = self.able(account, payment.channel, facts.amount, "charge")
                self.acceptable(gateway, payment)
            except (Refused, InvalidRequest):
                continue
            moved, draft = self.settle(
                Wants(payments={payment.id}, attempts=True, orders={(account, payment.out_trade_no)}),
                lambda draft, gateway=gateway: verbs.reroute(  # type: ignore[misc]  # bound now, not when it is called
                    draft, payment.id, gateway, call_lease=self.call_lease()
                ),
            )
            if not moved:
                return draft.facts.payments[payment.id]
            logger.warning("%s cannot be reached; turning to %s payment_id=%s trace_id=%s", payment.account, account,
                           payment.id, payment.trace_id, extra=about(payment))  # fmt: skip
            return self.perform(draft.prepared[0], payment.id, tried=tried) or draft.facts.payments[payment.id]
        return payment

    def _was_sent(self, payment: Payment) -> bool:
        """Whether a charge of it may ever have left. That the gateway did not know it when it was asked does not count:
        the request may have been on its way still, and a bar code is charged the moment it arrives."""
        history = self.store.history(payment.id)
        if history is None:
            return True
        charges = {one.id for one in history.attempts if one.op == "charge"}
        words: dict[str, dict[str, tuple[str, str]]] = {name: {} for name in charges}
        for move in history.transitions:
            if move.entity_id in charges:
                words[move.entity_id][move.event] = (move.cause_kind, move.cause_id)
        # What never left is lost and disowned by one word; what a question disowned was lost before, by another.
        return any("disown" not in said or said["disown"] != said.get("lose") for said in words.values())

    def _outside(self) -> None:
        """No network inside the host's transaction."""
        if self.store.joined:
            raise Refused("A joined flow asks no gateway: do that after the host's commit", code="JOINED_FLOW")

    def _call(self, payment: Payment, op: str, refund: Refund | None) -> Answer:
        """One call to a gateway. Whatever goes wrong on the way is an unknown outcome, never a failure."""
        gateway = self.gateways.get(payment.account)
        if gateway is None:
            return Answer(Outcome.NEVER_SENT, words={"error": "this account is not configured any more"})
        if gateway.merchant != payment.merchant or (op == "charge" and gateway.app != payment.app):
            # Another merchant knows nothing of this order or its refunds: its "not there" would be true, and taken
            # for ours it would order a second time, or fail a refund that went through.
            logger.error("%s is not sent: %s is another merchant or app now payment_id=%s trace_id=%s", op,
                         payment.account, payment.id, payment.trace_id, extra=about(payment))  # fmt: skip
            return Answer(Outcome.NEVER_SENT, words={"error": "this account belongs to another merchant or app now"})
        began = time.monotonic()
        try:
            if op == "refund" and refund is not None:
                answer = gateway.refund(payment, refund)
            elif op == "query_refund" and refund is not None:
                answer = gateway.query_refund(payment, refund)
            else:
                answer = {"charge": gateway.charge, "query": gateway.query, "close": gateway.close}[op](payment)
        except Refused as error:  # the gateway's own "cannot do this", before anything was sent
            answer = Answer(Outcome.NEVER_SENT, words={"error": error.code})
        except Exception as error:
            logger.exception("%s at %s broke; its outcome is unknown", op, payment.account, extra=about(payment))
            answer = Answer(Outcome.UNKNOWN, words={"error": type(error).__name__})
        logger.info(
            "%s at %s: %s in %d ms payment_id=%s trace_id=%s",
            op,
            payment.account,
            answer.outcome,
            (time.monotonic() - began) * 1000,
            payment.id,
            payment.trace_id,
            extra=about(payment),
        )
        return answer

    def check(self, payment_ids: Sequence[str], *, on_demand: bool = False) -> CheckReport:
        """Look at due payments: ask their gateways outside any transaction, then apply all answers as one set."""
        self._outside()
        report = CheckReport()
        if not payment_ids:
            return report

        def look(draft: Draft) -> list[checks.Plan]:
            known = [draft.facts.payments[name] for name in payment_ids if name in draft.facts.payments]
            return [checks.plan(draft, payment, on_demand=on_demand) for payment in known]

        try:
            plans, draft = self.settle(Wants(payments=set(payment_ids), attempts=True, refunds=True), look)
        except Exception:
            if len(payment_ids) == 1:
                raise
            for payment_id in payment_ids:  # one of them is in the way: each alone
                self._alone(partial(self._check_into, report, payment_id), payment_id)
            return report
        report.looked = len(plans)
        for plan in plans:
            for attempt_id in plan.perform:
                payment_id = draft.facts.attempts[attempt_id].payment_id
                self._alone(partial(self.perform, attempt_id, payment_id), payment_id, again=on_demand)
                report.performed += 1
        questions = [question for plan in plans for question in plan.questions]
        answers = [self._call(question.payment, question.op, question.refund) for question in questions]
        report.asked = len(questions)
        if questions:
            self._conclude(list(zip(questions, answers, strict=True)), report, again=on_demand)
        return report

    def _check_into(self, report: CheckReport, payment_id: str) -> None:
        report.add(self.check([payment_id]))

    def _conclude(
        self, answered: Sequence[tuple[checks.Question, Answer]], report: CheckReport, *, again: bool = False
    ) -> None:
        """Apply what was answered as one set; if one answer is in the way, each alone, so that only it waits."""
        wants = self.wants_for(
            [event for _, answer in answered for event in answer.events],
            payments={question.payment.id for question, _ in answered},
        )
        wants.refunds = True

        def conclude(draft: Draft) -> list[bool]:
            return [checks.after(draft, question, answer) for question, answer in answered]

        try:
            told, draft = self.settle(wants, conclude)
        except Exception:
            if len(answered) == 1:
                raise
            for one in answered:
                self._alone(partial(self._conclude, [one], report), one[0].payment.id, again=again)
            return
        for (question, _), missed in zip(answered, told, strict=True):
            if missed:
                report.callbacks_missing.append(question.payment.id)
                logger.warning(
                    "A payment was found paid by asking; its callback never came payment_id=%s trace_id=%s",
                    question.payment.id,
                    question.payment.trace_id,
                    extra=about(question.payment),
                )
        self._perform_all(draft)
        report.performed += len(draft.prepared)

    def _alone(self, work: Callable[[], object], payment_id: str, *, again: bool = False) -> None:
        """Work on one payment of many: what goes wrong is logged, and it is looked at again when its lease is over."""
        try:
            work()
        except Exception:
            if again:
                raise
            logger.exception("Looking at a payment broke; it is tried again later payment_id=%s", payment_id)

    def _perform_all(self, draft: Draft) -> None:
        if self.store.joined:
            return
        for attempt_id in draft.prepared:
            self.perform(attempt_id, draft.facts.attempts[attempt_id].payment_id)
