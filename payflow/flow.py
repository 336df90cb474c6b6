"""The walk: everything payflow does with a payment, from the host's call or the gateway's word to the stored fact.

    callback ─ gateway.read ─▶ event ─ gather ─▶ decide (pure) ─▶ write (one set, one transaction) ─▶ acknowledge
    verb ─ gather ─▶ decide ─▶ write (intent) ─▶ call the gateway ─▶ answer ─▶ decide ─▶ write (result)

No network happens inside a transaction, and no transaction is left open while the gateway is asked. A decision made on
facts that somebody changed in the meantime is refused by the store and made again.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .clock import Clock, day_of, seconds, system_clock
from .combining import Combiner
from .deciding import checks, incidents, verbs
from .deciding.answers import apply_answer, claim, refund_of
from .deciding.draft import Draft, Needs, Rules, Schedule
from .deciding.events import Verdict, apply_event
from .errors import CallbackRefused, InvalidRequest, NotFound, PayflowError, Refused, StoreConflict
from .gateway import Answer, Callback, Event, Gateway, NextAction, Outcome, Reply
from .identifiers import checked_key, checked_reference, new_id
from .machine import Table
from .money import MAX_MINOR, Money
from .records import Attempt, Incident, Payment, Refund
from .routing import RouteFacts, Router
from .store import Store, Wants
from .trace import Trace, tell
from .trust import Trust, issue_token, read_token

logger = logging.getLogger("payflow.flow")

CHANNELS = frozenset({"page", "wap", "app", "qr", "barcode", "mini_program", "jsapi", "h5"})
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """What a verb came to: the payment as it is now, and what the payer's client must do next.

    ``replayed`` is true when the idempotency key had been used for the same request before.
    """

    payment: Payment
    next_action: NextAction = field(default_factory=NextAction)
    refund: Refund | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the walk takes from the config; seconds unless the name says otherwise."""

    secret: bytes = field(repr=False)
    token_ttl_seconds: int | None = 300  # None: contexts are not retained, nothing waits for a person
    payment_seconds: int = 900
    retention_seconds: int = 7 * 86_400
    time_zone: Any = None  # a tzinfo; None is Beijing
    conflict_tries: int = 12


class Flow:
    """Payments, refunds and callbacks over one store and its gateways. Shared between threads.

    Built by :func:`payflow.open_flow` from a config; the pieces can be given by hand in tests.
    """

    def __init__(
        self,
        *,
        store: Store,
        gateways: Mapping[str, Gateway],
        router: Router,
        trust: Trust,
        tables: Mapping[str, Table],
        policies: Mapping[str, str],
        settings: Settings,
        schedule: Schedule | None = None,
        clock: Clock = system_clock,
        ids: Callable[[int], str] = new_id,
        config: Any = None,
    ) -> None:
        self.store = store
        self.gateways = dict(gateways)
        self.router = router
        self.trust = trust
        self.tables = tables
        self.settings = settings
        self.clock = clock
        self.config = config
        self._ids = ids
        self._rules = Rules(
            tables=tables,
            policies=policies,
            schedule=schedule or Schedule(),
            operations={name: gateway.capabilities.operations for name, gateway in self.gateways.items()},
        )
        self._together: Combiner[Sequence[Event], Sequence[Verdict]] = Combiner(self._apply_groups)

    def joined(self, connection: Any) -> Flow:
        """This flow inside the host's transaction: a DB-API connection, SQLAlchemy ``Connection`` or ``Session``.

        What it writes commits or rolls back with the host's own rows; payflow never commits. Since nothing may be sent
        before the host has committed, verbs only record what is to be done: :meth:`perform` after the commit, or the
        worker, does it. A ``StoreConflict`` that stays is the host's to retry, as a whole unit.
        """
        twin = object.__new__(Flow)
        twin.__dict__.update(self.__dict__)
        twin.store = self.store.join(connection)
        return twin

    # -- verbs --------------------------------------------------------------------------------------------------

    def pay(
        self,
        *,
        amount: Money,
        channel: str,
        key: str,
        action: str = "",
        reference: str = "",
        description: str = "",
        metadata: Mapping[str, Any] | None = None,
        out_trade_no: str | None = None,
        extra: Mapping[str, Any] | None = None,
        account: str | None = None,
        trace_id: str | None = None,
        scope: str = "pay",
    ) -> Result:
        """Take ``amount`` through ``channel``.

        A trusted ``action`` within its ceilings is sent to the gateway at once; any other waits in ``created``, and
        ``next_action`` of kind ``confirm`` carries the single-use token for :meth:`confirm`. ``account`` overrules the
        routes. The same ``key`` with the same request returns the payment as it is now.

        Raises ``InvalidRequest`` (``INVALID_AMOUNT``, ``INVALID_CURRENCY``, ``INVALID_CHANNEL``, ``INVALID_REFERENCE``,
        ``INVALID_METADATA``, ``IDEMPOTENCY_KEY_MISSING``), ``IdempotencyRefused``, ``Refused`` (``NO_ROUTE``,
        ``OPERATION_UNSUPPORTED``, ``DUPLICATE_REFERENCE``, ``ACTION_NOT_TRUSTED``).
        """
        return self._pay(
            amount, channel, key, action, reference, description, metadata, out_trade_no, extra, account, trace_id,
            scope, expected=False,
        )  # fmt: skip

    def expect(
        self,
        *,
        amount: Money,
        channel: str,
        key: str,
        out_trade_no: str,
        reference: str = "",
        description: str = "",
        metadata: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        account: str | None = None,
        trace_id: str | None = None,
        scope: str = "expect",
    ) -> Result:
        """Expect the payment of an order that the host has sent itself, with another SDK.

        It is ``pending`` from the start and nothing is called; callbacks and queries settle it like any other.
        """
        return self._pay(
            amount, channel, key, "", reference, description, metadata, out_trade_no, extra, account, trace_id, scope,
            expected=True,
        )  # fmt: skip

    def _pay(
        self, amount: Money, channel: str, key: str, action: str, reference: str, description: str,
        metadata: Mapping[str, Any] | None, out_trade_no: str | None, extra: Mapping[str, Any] | None,
        account: str | None, trace_id: str | None, scope: str, *, expected: bool,
    ) -> Result:  # fmt: skip
        checked_key(key)
        if not isinstance(amount, Money):
            raise InvalidRequest("Amount must be Money", code="INVALID_AMOUNT")
        if channel not in CHANNELS:
            raise InvalidRequest(f"Channel must be one of {', '.join(sorted(CHANNELS))}", code="INVALID_CHANNEL")
        for what, text, longest in (("reference", reference, 128), ("description", description, 127), ("action", action, 64)):
            _checked_text(what, text, longest)
        if out_trade_no is not None:
            checked_reference(out_trade_no)
        note = verbs.checked_metadata(metadata)
        request = verbs.Request.of(
            scope, key, seconds(self.settings.retention_seconds), amount=amount.minor, currency=amount.currency,
            channel=channel, action=action, reference=reference, description=description, metadata=note,
            out_trade_no=out_trade_no, account=account,
        )  # fmt: skip
        chosen = self._route(amount, channel, extra, account)
        gateway = self._able(chosen, channel, amount, None if expected else "charge")
        now = self.clock()
        number = self._ids(now)
        payment = Payment(
            id=number, gateway=gateway.kind, account=gateway.account, merchant=gateway.merchant, app=gateway.app,
            out_trade_no=out_trade_no or number, channel=channel, amount=amount.minor, currency=amount.currency,
            status="", action=action, reference=reference, description=description, metadata=note,
            expected=int(expected), trace_id=_checked_trace(trace_id), created_at=now, updated_at=now,
            expires_at=now + seconds(self.settings.payment_seconds),
        )  # fmt: skip
        ttl = self.settings.token_ttl_seconds
        order = verbs.Order(
            payment=payment, day=day_of(now, self.settings.time_zone) if self.settings.time_zone else day_of(now),
            token_ttl=None if ttl is None else seconds(ttl), call_lease=self._call_lease(), expected=expected,
        )  # fmt: skip
        wants = Wants(keys={(scope, key)}, orders={(payment.account, payment.out_trade_no)})

        def decide(draft: Draft) -> tuple[str, bool]:
            row = verbs.replayed(draft, request)
            if row is not None:
                return row.entity_id, True
            return verbs.create(draft, order, self.trust, request).id, False

        (payment_id, again), draft = self.settle(wants, decide, payment.trace_id)
        if not again and draft.facts.payments[payment_id].status == "pending":
            self._log_submitted(draft.facts.payments[payment_id])
        return self._finished(draft, payment_id, replayed=again)

    def confirm(self, token: str, *, payment_id: str | None = None, key: str | None = None) -> Result:
        """A person confirms a waiting payment with its token; it is sent to the gateway now.

        Raises ``TokenRefused``: ``TOKEN_FORGED``, ``TOKEN_EXPIRED``, ``TOKEN_USED``, ``TOKEN_FOREIGN`` (genuine, but not of
        ``payment_id``).
        """
        now = self.clock()
        request = None
        if key is not None:
            checked_key(key)
            request = verbs.Request.of(
                "confirm", key, seconds(self.settings.retention_seconds), token=token, payment_id=payment_id
            )
        late: PayflowError | None = None
        try:
            claims = read_token(self.settings.secret, token, now)
        except PayflowError as error:
            if error.code != "TOKEN_EXPIRED" or request is None:
                raise
            claims, late = read_token(self.settings.secret, token, 0), error  # a replay may come after the token's time
        wants = Wants(payments={claims.payment_id}, keys={("confirm", key)} if key is not None else set())

        def decide(draft: Draft) -> bool:
            if request is not None and verbs.replayed(draft, request) is not None:
                return True
            verbs.confirm(
                draft, claims, payment_id, request, call_lease=self._call_lease(), token_ttl_over=late is not None,
                expires_at=now + seconds(self.settings.payment_seconds),
            )  # fmt: skip
            return False

        again, draft = self.settle(wants, decide)
        if not again:
            self._log_submitted(draft.facts.payments[claims.payment_id])
        return self._finished(draft, claims.payment_id, replayed=again)

    def cancel(self, payment_id: str, *, key: str | None = None) -> Result:
        """Cancel an unpaid payment; one that the gateway knows is closed there first.

        If the payer was quicker, the result is ``paid``: look at its status. ``TRANSITION_NOT_ALLOWED`` for one that is
        paid or ended already.
        """
        request = None
        if key is not None:
            checked_key(key)
            request = verbs.Request.of(
                "cancel", key, seconds(self.settings.retention_seconds), payment_id=payment_id
            )
        wants = Wants(payments={payment_id}, keys={("cancel", key)} if key is not None else set())

        def decide(draft: Draft) -> bool:
            if request is not None and verbs.replayed(draft, request) is not None:
                return True
            payment = verbs.known_payment(draft, payment_id)
            if payment.status == "pending":
                self._able(payment.account, None, None, "close")
            verbs.cancel(draft, payment, request, call_lease=self._call_lease())
            return False

        again, draft = self.settle(wants, decide)
        return self._finished(draft, payment_id, replayed=again)

    def refund(
        self,
        payment_id: str,
        *,
        key: str,
        amount: Money | None = None,
        reason: str = "",
        out_refund_no: str | None = None,
    ) -> Result:
        """Give back ``amount`` of a paid payment, or all that is left of it.

        Refunds that are requested or processing reserve their amount, so that their sum never exceeds what was captured.
        Raises ``NOT_REFUNDABLE``, ``REFUND_EXCEEDS_CAPTURED``, ``CURRENCY_MISMATCH``, ``TOO_MANY_REFUNDS`` and what every money
        verb raises.
        """
        checked_key(key)
        if amount is not None and not isinstance(amount, Money):
            raise InvalidRequest("Amount must be Money", code="INVALID_AMOUNT")
        _checked_text("reason", reason, 80)
        if out_refund_no is not None:
            checked_reference(out_refund_no, "out_refund_no")
        request = verbs.Request.of(
            "refund", key, seconds(self.settings.retention_seconds), payment_id=payment_id, reason=reason,
            amount=amount.minor if amount else None, currency=amount.currency if amount else None,
            out_refund_no=out_refund_no,
        )  # fmt: skip
        wants = Wants(payments={payment_id}, keys={("refund", key)}, refunds=True)

        def decide(draft: Draft) -> tuple[str, bool]:
            row = verbs.replayed(draft, request)
            if row is not None:
                return row.entity_id, True
            payment = verbs.known_payment(draft, payment_id)
            gateway = self._able(payment.account, None, None, "refund")
            refund = verbs.refund(
                draft, payment, request, amount=amount.minor if amount else None, reason=reason,
                currency=amount.currency if amount else payment.currency, out_refund_no=out_refund_no,
                max_refunds=gateway.capabilities.max_refunds, call_lease=self._call_lease(),
            )  # fmt: skip
            return refund.id, False

        (refund_id, again), draft = self.settle(wants, decide)
        return self._finished(draft, payment_id, refund_id=refund_id, replayed=again)

    def query(self, payment_id: str) -> Result:
        """Ask the gateway about a payment and its refunds now, whatever the schedule says."""
        self.check([payment_id], on_demand=True)
        return Result(self.payment(payment_id))

    def payment(self, payment_id: str) -> Payment:
        """The payment as stored; ``PAYMENT_NOT_FOUND`` otherwise."""
        found = self.store.gather(Wants(payments={payment_id})).payments.get(payment_id)
        if found is None:
            raise NotFound("There is no such payment", code="PAYMENT_NOT_FOUND", payment_id=payment_id)
        return found

    def trace(self, payment_id: str) -> Trace:
        """The whole story of one payment; ``PAYMENT_NOT_FOUND`` if there is none."""
        history = self.store.history(payment_id)
        if history is None:
            raise NotFound("There is no such payment", code="PAYMENT_NOT_FOUND", payment_id=payment_id)
        return tell(history)

    def resolve(self, incident_id: str, how: str, operator: str) -> Incident:
        """A person settles an open incident: ``refund`` the money that came, or ``dismiss`` what was looked into.

        ``operator`` is kept with the resolution. ``INCIDENT_NOT_FOUND``, ``INCIDENT_CLOSED``, ``INVALID_RESOLUTION``.
        """
        _checked_text("operator", operator, 64)
        wants = Wants(incident_ids={incident_id}, refunds=True)

        def decide(draft: Draft) -> Incident:
            incident = next((kept for kept in draft.facts.incidents.values() if kept.id == incident_id), None)
            if incident is None:
                raise NotFound("There is no such incident", code="INCIDENT_NOT_FOUND", incident_id=incident_id)
            if how == "refund":
                self._able(incident.account, None, None, "refund")
            return incidents.resolve(draft, incident, how, operator)

        incident, draft = self.settle(wants, decide)
        self._perform_all(draft)
        return incident

    # -- callbacks ----------------------------------------------------------------------------------------------

    def receive(self, callback: Callback) -> Reply:
        """Take one callback; the reply is given only after what it states is committed.

        A forged, stale or malformed one raises ``CallbackRefused`` and costs no database write; database trouble raises
        ``StoreError`` (the gateway will send again).
        """
        gateway, events = self._read(callback)
        if self.store.joined:
            verdicts = self.apply(events)
        else:
            verdicts = self._together(events)
        return self._reply(gateway, events, verdicts)

    def receive_many(self, callbacks: Sequence[Callback]) -> list[Reply]:
        """Take several callbacks as one set in one transaction; each gets its own reply, in order.

        One that is refused is answered so and does not disturb the others.
        """
        replies: list[Reply | None] = []
        genuine: list[tuple[int, Gateway, Sequence[Event]]] = []
        for number, callback in enumerate(callbacks):
            try:
                gateway, events = self._read(callback)
            except CallbackRefused as error:
                known = self.gateways.get(callback.account)
                replies.append(
                    known.refused(error.status, error.code, error.message) if known else Reply(error.status)
                )
            else:
                replies.append(None)
                genuine.append((number, gateway, events))
        verdicts = self._apply_groups([events for _, _, events in genuine])
        for (number, gateway, events), group in zip(genuine, verdicts, strict=True):
            replies[number] = self._reply(gateway, events, group)
        return [reply for reply in replies if reply is not None]

    def apply(self, events: Sequence[Event]) -> Sequence[Verdict]:
        """Apply facts that a gateway stated, as one set: the road that callbacks, answers, queries and bills share."""
        return self._apply_groups([events])[0]

    def _apply_groups(self, groups: Sequence[Sequence[Event]]) -> Sequence[Sequence[Verdict]]:
        wants = Wants(
            orders={(event.account, event.out_trade_no) for group in groups for event in group},
            receipts={(event.account, event.key) for group in groups for event in group},
        )
        if not wants.orders:
            return [() for _ in groups]

        def decide(draft: Draft) -> list[list[Verdict]]:
            return [[apply_event(draft, event) for event in group] for group in groups]

        verdicts, _ = self.settle(wants, decide)
        for group, told in zip(groups, verdicts, strict=True):
            for event, verdict in zip(group, told, strict=True):
                self._log_verdict(event, verdict)
        return verdicts

    def _read(self, callback: Callback) -> tuple[Gateway, Sequence[Event]]:
        gateway = self.gateways.get(callback.account)
        if gateway is None:
            raise CallbackRefused("There is no such account", code="CALLBACK_UNKNOWN_ACCOUNT", status=404)
        return gateway, gateway.read(callback, self.clock())

    def _reply(self, gateway: Gateway, events: Sequence[Event], verdicts: Sequence[Verdict]) -> Reply:
        if any(verdict is Verdict.ORPHAN for verdict in verdicts):
            what = "UNKNOWN_REFUND" if any(event.out_refund_no for event in events) else "UNKNOWN_PAYMENT"
            return gateway.refused(404, what, "There is no such order yet")
        return gateway.accepted()

    # -- performing ---------------------------------------------------------------------------------------------

    def perform(self, attempt_id: str, payment_id: str) -> Payment | None:
        """Send one prepared attempt, outside any transaction, and store how it ended. ``None`` if somebody else has it."""
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
            self._wants_for(answer.events, payments={payment_id}),
            lambda draft: apply_answer(draft, attempt, answer),
        )
        return draft.facts.payments[payment_id]

    def perform_prepared(self, payment_id: str) -> Result:
        """Send what a joined call has recorded for this payment, now that the host has committed.

        Nothing is lost if this is never called: the worker finds it at once.
        """
        facts = self.store.gather(Wants(payments={payment_id}, attempts=True))
        now = self.clock()
        for attempt in sorted(facts.attempts.values(), key=lambda kept: kept.id):
            if attempt.status == "prepared" and (attempt.lease_until or 0) <= now:
                self.perform(attempt.id, payment_id)
        payment = self.payment(payment_id)
        return Result(payment, self.next_action(payment))

    def _call(self, payment: Payment, op: str, refund: Refund | None) -> Answer:
        """One call to a gateway. Whatever goes wrong on the way is an unknown outcome, never a failure."""
        gateway = self.gateways.get(payment.account)
        if gateway is None:
            return Answer(Outcome.NEVER_SENT, words={"error": "this account is not configured any more"})
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
            logger.exception("%s at %s broke; its outcome is unknown", op, payment.account, extra=_about(payment))
            answer = Answer(Outcome.UNKNOWN, words={"error": type(error).__name__})
        logger.info(
            "%s at %s: %s in %d ms payment_id=%s trace_id=%s", op, payment.account, answer.outcome,
            (time.monotonic() - began) * 1000, payment.id, payment.trace_id, extra=_about(payment),
        )  # fmt: skip
        return answer

    def check(self, payment_ids: Sequence[str], *, on_demand: bool = False) -> CheckReport:
        """Look at due payments: ask their gateways outside any transaction, then apply all answers as one set."""
        report = CheckReport()
        if not payment_ids:
            return report

        def look(draft: Draft) -> list[checks.Plan]:
            known = [draft.facts.payments[name] for name in payment_ids if name in draft.facts.payments]
            return [checks.plan(draft, payment, on_demand=on_demand) for payment in known]

        plans, draft = self.settle(Wants(payments=set(payment_ids), attempts=True, refunds=True), look)
        report.looked = len(plans)
        for plan in plans:
            for attempt_id in plan.perform:
                self.perform(attempt_id, draft.facts.attempts[attempt_id].payment_id)
                report.performed += 1
        questions = [question for plan in plans for question in plan.questions]
        answers = [self._call(question.payment, question.op, question.refund) for question in questions]
        report.asked = len(questions)
        if not questions:
            return report
        events = [event for answer in answers for event in answer.events]
        wants = self._wants_for(events, payments={question.payment.id for question in questions})
        wants.refunds = True

        def conclude(draft: Draft) -> list[bool]:
            return [
                checks.after(draft, question, answer) for question, answer in zip(questions, answers, strict=True)
            ]

        told, draft = self.settle(wants, conclude)
        for question, missed in zip(questions, told, strict=True):
            if missed:
                report.callbacks_missing.append(question.payment.id)
                logger.warning(
                    "A payment was found paid by asking; its callback never came payment_id=%s trace_id=%s",
                    question.payment.id, question.payment.trace_id, extra=_about(question.payment),
                )  # fmt: skip
        self._perform_all(draft)
        report.performed += len(draft.prepared)
        return report

    def _perform_all(self, draft: Draft) -> None:
        if self.store.joined:
            return
        for attempt_id in draft.prepared:
            self.perform(attempt_id, draft.facts.attempts[attempt_id].payment_id)

    def _wants_for(self, events: Sequence[Event], *, payments: set[str]) -> Wants:
        return Wants(
            payments=set(payments),
            orders={(event.account, event.out_trade_no) for event in events},
            receipts={(event.account, event.key) for event in events},
            attempts=True,
        )

    # -- how every decision is made -----------------------------------------------------------------------------

    def settle(self, wants: Wants, decide: Callable[[Draft], T], trace_id: str = "") -> tuple[T, Draft]:
        """Gather, decide, write; again from the start if somebody moved first or the decision needs to know more."""
        tries = self.settings.conflict_tries
        for attempt in range(1, tries + 1):
            result, draft = self._decided(wants, decide, trace_id)
            if not draft.changes:
                return result, draft
            try:
                self.store.write(draft.changes)
            except StoreConflict:
                if attempt == tries:
                    raise
                time.sleep(random.uniform(0, 0.002 * 2 ** min(attempt, 6)))  # noqa: S311 -- jitter, not a secret
            else:
                return result, draft
        raise AssertionError("unreachable")  # pragma: no cover

    def _decided(self, wants: Wants, decide: Callable[[Draft], T], trace_id: str) -> tuple[T, Draft]:
        while True:
            draft = Draft(self.store.gather(wants), self._rules, self.clock(), self._ids, wants, trace_id)
            try:
                return decide(draft), draft
            except Needs as needs:
                if not needs.add_to(wants):
                    raise RuntimeError("A decision asks again for what it was given") from needs

    # -- small pieces -------------------------------------------------------------------------------------------

    def _finished(
        self, draft: Draft, payment_id: str, *, refund_id: str | None = None, replayed: bool = False
    ) -> Result:
        self._perform_all(draft)
        if replayed and not self.store.joined and draft.facts.payments[payment_id].unresolved:
            self.check([payment_id], on_demand=True)  # the first call died on the way: finish what it began
        wants = Wants(payments={payment_id}, refund_ids={refund_id} if refund_id else set())
        facts = self.store.gather(wants) if draft.prepared or replayed else draft.facts
        payment = facts.payments[payment_id]
        refund = facts.refunds.get(refund_id) if refund_id else None
        return Result(payment, self.next_action(payment), refund, replayed)

    def next_action(self, payment: Payment) -> NextAction:
        """What the payer's client must do now, from the payment as stored."""
        import json

        if payment.status == "created" and payment.token_nonce and payment.token_expires_at is not None:
            token = issue_token(self.settings.secret, payment.id, payment.token_nonce, payment.token_expires_at)
            return NextAction("confirm", {"token": token, "expires_at": payment.token_expires_at})
        if payment.status == "pending":
            data = json.loads(payment.next_action)
            return NextAction(data.pop("kind", "wait"), data)
        return NextAction()

    def _route(self, amount: Money, channel: str, extra: Mapping[str, Any] | None, account: str | None) -> str:
        if account is None:
            return self.router.choose(RouteFacts(amount=amount, channel=channel, extra=dict(extra or {}))).account
        if account not in self.gateways:
            raise InvalidRequest("There is no such account", code="INVALID_REFERENCE", account=account)
        return account

    def _able(self, account: str, channel: str | None, amount: Money | None, operation: str | None) -> Gateway:
        """The gateway behind an account, if it can do what is asked; refused before any call otherwise."""
        gateway = self.gateways.get(account)
        if gateway is None:
            raise Refused("This account is not configured", code="OPERATION_UNSUPPORTED", account=account)
        can = gateway.capabilities
        if operation is not None and operation not in can.operations:
            raise Refused(
                f"{gateway.kind} cannot {operation} here yet", code="OPERATION_UNSUPPORTED", account=account
            )
        if channel is not None and channel not in can.channels:
            raise Refused(f"{gateway.kind} has no channel {channel}", code="OPERATION_UNSUPPORTED", account=account)
        if amount is not None:
            if amount.currency not in can.currencies:
                raise InvalidRequest(f"{gateway.kind} does not take {amount.currency}", code="INVALID_CURRENCY")
            if amount.minor > min(can.max_amount, MAX_MINOR):
                raise InvalidRequest("Amount is too large for this gateway", code="INVALID_AMOUNT")
        return gateway

    def _call_lease(self) -> int | None:
        """How long a caller that performs its own attempt keeps it; joined flows leave it to others."""
        return None if self.store.joined else self._rules.schedule.call_lease

    def _log_submitted(self, payment: Payment) -> None:
        logger.info(
            "Payment submitted successfully payment_id=%s trace_id=%s", payment.id, payment.trace_id,
            extra={"event": "payment.submitted", **_about(payment)},
        )  # fmt: skip

    def _log_verdict(self, event: Event, verdict: Verdict) -> None:
        level = logging.WARNING if verdict in (Verdict.INCIDENT, Verdict.ORPHAN) else logging.INFO
        logger.log(
            level, "%s says %s of %s: %s", event.account, event.kind, event.out_trade_no, verdict,
            extra={"event": f"event.{verdict}", "out_trade_no": event.out_trade_no, "key": event.key},
        )  # fmt: skip


@dataclass(slots=True)
class CheckReport:
    """What one look at due payments did."""

    looked: int = 0
    asked: int = 0
    performed: int = 0
    callbacks_missing: list[str] = field(default_factory=list)


def _about(payment: Payment) -> dict[str, Any]:
    return {"payment_id": payment.id, "trace_id": payment.trace_id, "account": payment.account}


def _checked_text(what: str, text: str, longest: int) -> None:
    """Text that every database stores and every log shows as it is: no control characters, no lone surrogates."""
    if not isinstance(text, str) or len(text) > longest:
        raise InvalidRequest(f"{what} is text of at most {longest} characters", code="INVALID_REFERENCE")
    if any(ord(char) < 32 or 0xD800 <= ord(char) <= 0xDFFF or ord(char) == 127 for char in text):
        raise InvalidRequest(f"{what} has a character that is not text", code="INVALID_REFERENCE")


def _checked_trace(trace_id: str | None) -> str:
    if trace_id is None:
        return secrets.token_hex(8)
    _checked_text("trace_id", trace_id, 64)
    return trace_id
