"""The verbs: what a host asks of payments."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..clock import day_of, seconds
from ..deciding import incidents, verbs
from ..deciding.draft import Draft
from ..deciding.rules import Cause
from ..deciding.topup import Purchase
from ..errors import InvalidRequest, NotFound, PayflowError
from ..gateway import NextAction
from ..identifiers import checked_key, checked_reference, checked_text
from ..money import Money
from ..records import Incident, Payment, Refund
from ..routing import RouteFacts
from ..store import Wants
from ..tables import PAYMENT
from ..trace import Trace, tell
from ..trust import issue_token, read_token
from .calling import Calling
from .receiving import Receiving
from .settling import about

logger = logging.getLogger("payflow.flow")

CHANNELS = frozenset({"page", "wap", "app", "qr", "barcode", "mini_program", "jsapi", "h5"})


@dataclass(frozen=True, slots=True)
class Result:
    """What a verb came to: the payment as it is now, and what the payer's client must do next.

    ``replayed`` is true when the idempotency key had been used for the same request before.
    """

    payment: Payment
    next_action: NextAction = field(default_factory=NextAction)
    refund: Refund | None = None
    replayed: bool = False


class Flow(Calling, Receiving):
    """Payments, refunds and callbacks over one store and its gateways. Shared between threads.

    Built by :func:`payflow.open` from a config; the pieces can be given by hand in tests.
    """

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
        purchase: Purchase | None = None,
    ) -> Result:
        """Take ``amount`` through ``channel``.

        A trusted ``action`` within its ceilings is sent to the gateway at once; any other waits in ``created``, and
        ``next_action`` of kind ``confirm`` carries the single-use token for :meth:`confirm`. ``account`` overrules the
        routes. The same ``key`` with the same request returns the payment as it is now. ``purchase`` is the credit that
        the payment buys (see :meth:`payflow.wallet.Wallet.top_up`): it is there in the transaction that makes it paid.

        Raises ``InvalidRequest`` (``INVALID_AMOUNT``, ``INVALID_CURRENCY``, ``INVALID_CHANNEL``, ``INVALID_REFERENCE``,
        ``INVALID_METADATA``, ``IDEMPOTENCY_KEY_MISSING``), ``IdempotencyRefused``, ``Refused`` (``NO_ROUTE``,
        ``OPERATION_UNSUPPORTED``, ``DUPLICATE_REFERENCE``, ``ACTION_NOT_TRUSTED``).
        """
        return self._pay(
            amount=amount,
            channel=channel,
            key=key,
            action=action,
            reference=reference,
            description=description,
            metadata=metadata,
            out_trade_no=out_trade_no,
            extra=extra,
            account=account,
            trace_id=trace_id,
            scope=scope,
            expected=False,
            purchase=purchase,
        )

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
            amount=amount,
            channel=channel,
            key=key,
            action="",
            reference=reference,
            description=description,
            metadata=metadata,
            out_trade_no=out_trade_no,
            extra=extra,
            account=account,
            trace_id=trace_id,
            scope=scope,
            expected=True,
        )

    def _pay(
        self,
        *,
        amount: Money,
        channel: str,
        key: str,
        action: str,
        reference: str,
        description: str,
        metadata: Mapping[str, Any] | None,
        out_trade_no: str | None,
        extra: Mapping[str, Any] | None,
        account: str | None,
        trace_id: str | None,
        scope: str,
        expected: bool,
        purchase: Purchase | None = None,
    ) -> Result:
        checked_key(key)
        if not isinstance(amount, Money):
            raise InvalidRequest("Amount must be Money", code="INVALID_AMOUNT")
        if channel not in CHANNELS:
            raise InvalidRequest(f"Channel must be one of {', '.join(sorted(CHANNELS))}", code="INVALID_CHANNEL")
        for what, text, longest in (
            ("reference", reference, 128),
            ("description", description, 127),
            ("action", action, 64),
        ):
            checked_text(what, text, longest)
        if out_trade_no is not None:
            checked_reference(out_trade_no)
        note = verbs.checked_metadata(metadata)
        request = verbs.Request.of(
            scope,
            key,
            seconds(self.settings.retention_seconds),
            amount=amount.minor,
            currency=amount.currency,
            channel=channel,
            action=action,
            reference=reference,
            description=description,
            metadata=note,
            out_trade_no=out_trade_no,
            account=account,
            **({"purchase": purchase.text()} if purchase is not None else {}),
        )
        chosen = self._route(amount, channel, extra, account)
        gateway = self.able(chosen, channel, amount, None if expected else "charge")
        now = self.clock()
        number = self._ids(now)
        payment = Payment(
            id=number,
            gateway=gateway.kind,
            account=gateway.account,
            merchant=gateway.merchant,
            app=gateway.app,
            out_trade_no=out_trade_no or number,
            channel=channel,
            amount=amount.minor,
            currency=amount.currency,
            status="",
            action=action,
            reference=reference,
            description=description,
            metadata=note,
            expected=int(expected),
            trace_id=_checked_trace(trace_id),
            created_at=now,
            updated_at=now,
            expires_at=now + self.settings.lifetime(channel),
            credit=purchase.text() if purchase is not None else "",
        )
        if not expected:
            self.acceptable(gateway, payment)
        ttl = self.settings.token_ttl_seconds
        order = verbs.Order(
            payment=payment,
            day=day_of(now, self.settings.time_zone) if self.settings.time_zone else day_of(now),
            token_ttl=None if ttl is None else seconds(ttl),
            call_lease=self.call_lease(),
            expected=expected,
        )
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

        Raises ``TokenRefused``: ``TOKEN_FORGED``, ``TOKEN_EXPIRED``, ``TOKEN_USED``, ``TOKEN_FOREIGN`` (genuine, but
        not of ``payment_id``).
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
                draft,
                claims,
                payment_id,
                request,
                call_lease=self.call_lease(),
                token_ttl_over=late is not None,
                lifetime=self.settings.lifetime,
            )
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
            request = verbs.Request.of("cancel", key, seconds(self.settings.retention_seconds), payment_id=payment_id)
        wants = Wants(payments={payment_id}, keys={("cancel", key)} if key is not None else set())

        def decide(draft: Draft) -> bool:
            if request is not None and verbs.replayed(draft, request) is not None:
                return True
            payment = verbs.known_payment(draft, payment_id)
            if payment.status == "pending" and not payment.expected:
                self.able(payment.account, None, None, "close")
            verbs.cancel(draft, payment, request, call_lease=self.call_lease())
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

        Refunds that are requested or processing reserve their amount: their sum never exceeds what was captured.
        Raises ``NOT_REFUNDABLE``, ``REFUND_EXCEEDS_CAPTURED``, ``CURRENCY_MISMATCH``, ``TOO_MANY_REFUNDS`` and what
        every money verb raises.
        """
        checked_key(key)
        if amount is not None and not isinstance(amount, Money):
            raise InvalidRequest("Amount must be Money", code="INVALID_AMOUNT")
        checked_text("reason", reason, 80)
        if out_refund_no is not None:
            checked_reference(out_refund_no, "out_refund_no")
        request = verbs.Request.of(
            "refund",
            key,
            seconds(self.settings.retention_seconds),
            payment_id=payment_id,
            reason=reason,
            amount=amount.minor if amount else None,
            currency=amount.currency if amount else None,
            out_refund_no=out_refund_no,
        )
        wants = Wants(payments={payment_id}, keys={("refund", key)}, refunds=True)

        def decide(draft: Draft) -> tuple[str, bool]:
            row = verbs.replayed(draft, request)
            if row is not None:
                return row.entity_id, True
            payment = verbs.known_payment(draft, payment_id)
            gateway = self.able(payment.account, None, None, "refund")
            refund = verbs.refund(
                draft,
                payment,
                request,
                amount=amount.minor if amount else None,
                reason=reason,
                currency=amount.currency if amount else payment.currency,
                out_refund_no=out_refund_no,
                max_refunds=gateway.capabilities.max_refunds,
                call_lease=self.call_lease(),
            )
            return refund.id, False

        (refund_id, again), draft = self.settle(wants, decide)
        return self._finished(draft, payment_id, refund_id=refund_id, replayed=again)

    def advance(self, payment_id: str, event: str, *, key: str) -> Result:
        """Send an event of the host's own table (``prepare``, ``ship`` …) to a payment.

        payflow's own events are not the host's to send: they follow from verbs and from what gateways state
        (``INVALID_EVENT``). ``TRANSITION_NOT_ALLOWED`` where the table has no such cell.
        """
        checked_key(key)
        if event in PAYMENT.events or event not in self.tables["payment"].events:
            raise InvalidRequest("This is not an event of a table of your own", code="INVALID_EVENT", event=event)
        request = verbs.Request.of(
            "advance", key, seconds(self.settings.retention_seconds), payment_id=payment_id, event=event
        )
        wants = Wants(payments={payment_id}, keys={("advance", key)})

        def decide(draft: Draft) -> bool:
            if verbs.replayed(draft, request) is not None:
                return True
            payment = verbs.known_payment(draft, payment_id)
            verbs.remember(draft, request, "payment", payment_id, payment_id)
            draft.move(payment, event, Cause("api", key))
            return False

        again, draft = self.settle(wants, decide)
        return self._finished(draft, payment_id, replayed=again)

    def query(self, payment_id: str) -> Result:
        """Ask the gateway about a payment and its refunds now, whatever the schedule says."""
        self.check([payment_id], on_demand=True)
        return Result(self.payment(payment_id))

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

    def try_prepared(self, payment_id: str) -> None:
        """:meth:`perform_prepared`, for a framework's hook after its commit: whatever goes wrong is logged and the
        worker's to do. A payment that is not there was rolled back with a savepoint."""
        try:
            self.perform_prepared(payment_id)
        except NotFound:
            return
        except PayflowError as error:
            logger.warning("%s could not be sent after the commit (%s); the worker does it", payment_id, error.code)
        except Exception:
            logger.exception("%s could not be sent after the commit; the worker does it", payment_id)

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
        checked_text("operator", operator, 64)
        wants = Wants(incident_ids={incident_id}, refunds=True)

        def decide(draft: Draft) -> Incident:
            incident = next((kept for kept in draft.facts.incidents.values() if kept.id == incident_id), None)
            if incident is None:
                raise NotFound("There is no such incident", code="INCIDENT_NOT_FOUND", incident_id=incident_id)
            if how == "refund":
                self.able(incident.account, None, None, "refund")
            return incidents.resolve(draft, incident, how, operator)

        incident, draft = self.settle(wants, decide)
        self._perform_all(draft)
        return incident

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

    def _log_submitted(self, payment: Payment) -> None:
        logger.info(
            "Payment submitted successfully payment_id=%s trace_id=%s",
            payment.id,
            payment.trace_id,
            extra={"event": "payment.submitted", **about(payment)},
        )


def _checked_trace(trace_id: str | None) -> str:
    if trace_id is None:
        return secrets.token_hex(8)
    checked_text("trace_id", trace_id, 64)
    return trace_id
