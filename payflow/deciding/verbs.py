"""What the host asks for, decided: pay, expect, confirm, cancel, refund."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import IdempotencyRefused, InvalidRequest, NotFound, Refused, TokenRefused
from ..gateway import Gateway
from ..money import Money
from ..records import Allowance, IdempotencyKey, Payment, Refund, replace
from ..trust import TokenClaims, Trust
from . import topup
from .answers import withdraw
from .draft import Draft, Needs
from .rules import Cause

METADATA_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Request:
    """A money verb with the caller's key: what makes a repeat a repeat."""

    scope: str
    key: str
    fingerprint: str
    retention: int  # microseconds

    @classmethod
    def of(cls, scope: str, key: str, retention: int, **facts: Any) -> Request:
        """The fingerprint covers every fact of the request; the order of keys in ``metadata`` does not matter."""
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return cls(scope, key, hashlib.sha256(text.encode()).hexdigest(), retention)


def replayed(draft: Draft, request: Request) -> IdempotencyKey | None:
    """The row of a key that was used before, ``None`` for a new key.

    Same key and other facts: ``IDEMPOTENCY_CONFLICT``. Still being worked on: ``IDEMPOTENCY_IN_PROGRESS``.
    """
    row = draft.facts.keys.get((request.scope, request.key))
    if row is None or row.expires_at <= draft.now:
        return None
    if row.fingerprint != request.fingerprint:
        raise IdempotencyRefused(
            "This idempotency key belongs to another request", scope=request.scope, key=request.key
        )
    payment = draft.facts.payments.get(row.payment_id)
    if payment is None:
        raise Needs(payments={row.payment_id})
    if row.entity == "refund" and row.entity_id not in draft.facts.refunds:
        raise Needs(refund_ids={row.entity_id})
    leases = [
        attempt.lease_until or 0
        for attempt in draft.attempts_of(payment)
        if attempt.entity_id == row.entity_id and attempt.status in ("prepared", "sent")
    ]
    if leases and max(leases) > draft.now:
        wait = -(-(max(leases) - draft.now) // 1_000_000)
        raise IdempotencyRefused(
            "The first call with this idempotency key is still running",
            code="IDEMPOTENCY_IN_PROGRESS", retryable=True, scope=request.scope, key=request.key,
            retry_after_seconds=wait, payment_id=payment.id,
        )  # fmt: skip
    return row


def remember(draft: Draft, request: Request, entity: str, entity_id: str, payment_id: str) -> None:
    """Tie the caller's key to what it made, in the same set of changes."""
    name = (request.scope, request.key)
    row = IdempotencyKey(
        scope=request.scope, key=request.key, fingerprint=request.fingerprint, entity=entity, entity_id=entity_id,
        payment_id=payment_id, created_at=draft.now, expires_at=draft.now + request.retention,
    )  # fmt: skip
    draft.changes.keys[name] = (draft.facts.keys.get(name), row)
    draft.facts.keys[name] = row


def checked_metadata(metadata: Mapping[str, Any] | None) -> str:
    """A JSON object of the host's own, at most 4 KB; ``INVALID_METADATA`` naming the path of what is not JSON."""
    if metadata is None:
        return "{}"
    if not isinstance(metadata, Mapping):
        raise InvalidRequest("metadata must be an object", code="INVALID_METADATA", path="$")
    _check_json(metadata, "$", 0)
    text = json.dumps(dict(metadata), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    if len(text) > METADATA_BYTES:
        raise InvalidRequest("metadata is larger than 4 KB", code="INVALID_METADATA", path="$")
    return text


def _check_json(value: Any, path: str, depth: int) -> None:
    if depth > 16:
        raise InvalidRequest(f"metadata is nested too deep at {path[:80]}", code="INVALID_METADATA", path=path)
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise InvalidRequest(
                    f"metadata has a key that is not text at {path}", code="INVALID_METADATA", path=path
                )
            _check_json(inner, f"{path}.{name}", depth + 1)
    elif isinstance(value, list | tuple):
        if len(value) > METADATA_BYTES:
            raise InvalidRequest("metadata is larger than 4 KB", code="INVALID_METADATA", path=path)
        for index, inner in enumerate(value):
            _check_json(inner, f"{path}[{index}]", depth + 1)
    elif isinstance(value, float):
        raise InvalidRequest(f"metadata has a float at {path}: write it as text", code="INVALID_METADATA", path=path)
    elif value is not None and not isinstance(value, str | int | bool):
        raise InvalidRequest(f"metadata is not JSON at {path}", code="INVALID_METADATA", path=path)


# -- pay -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A payment about to be made, with what the walk has found out for it (route, trust, ids, times)."""

    payment: Payment  # not stored yet; status is set by the table
    day: str  # the business day its trusted amount counts on
    token_ttl: int | None  # how long a confirmation may take; None: contexts are not retained
    call_lease: int | None  # how long the caller itself is performing the charge; None: left to the worker
    expected: bool = False  # the host has sent the order itself


def create(draft: Draft, order: Order, trust: Trust, request: Request) -> Payment:
    """A payment for a new key: submitted if its action is trusted, else waiting for a person."""
    payment = order.payment
    name = (payment.account, payment.out_trade_no)
    if name not in draft.wants.orders:
        raise Needs(orders={name})
    if name in draft.facts.orders:
        raise Refused(
            "This order number is already used at this account", code="DUPLICATE_REFERENCE",
            out_trade_no=payment.out_trade_no,
        )  # fmt: skip
    cause = Cause("api", request.key)
    if order.expected:
        payment = draft.create(payment, cause)
        remember(draft, request, "payment", payment.id, payment.id)
        return _submitted(draft, payment, cause)
    allowance = (payment.action, payment.currency, order.day)
    if payment.action and allowance not in draft.wants.allowances:
        raise Needs(allowances={allowance})
    known = draft.facts.allowances.get(allowance)
    used = known.used if known else 0
    decision = trust.decide(payment.action, Money(payment.amount, payment.currency), used)
    if decision.trusted:
        payment = draft.create(payment, cause)
        if decision.per_day_ceiling is not None:  # compared and set with the payment: two cannot share the last yuan
            spent = Allowance(action=allowance[0], currency=allowance[1], day=allowance[2], used=used + payment.amount)
            draft.changes.allowances[allowance] = (known.used if known else None, spent)
        payment = _submitted(draft, payment, cause)
        lease = None if order.call_lease is None else draft.now + order.call_lease
        payment, _ = draft.prepare(payment, "charge", cause, lease_until=lease)
    elif order.token_ttl is None:
        raise Refused(
            "This action needs a person's confirmation, and contexts are not retained (context_retention.enabled)",
            code="ACTION_NOT_TRUSTED", action=payment.action, reason=decision.reason,
        )  # fmt: skip
    else:
        until = draft.now + order.token_ttl
        payment = replace(
            payment, token_nonce=draft.new_id(draft.now), token_expires_at=until, expires_at=until, next_check_at=until
        )
        payment = draft.create(payment, cause)
    if payment.credit:
        topup.ordered(draft, draft.facts.payments[payment.id])
    remember(draft, request, "payment", payment.id, payment.id)
    return payment


def _submitted(draft: Draft, payment: Payment, cause: Cause, **also: Any) -> Payment:
    due = draft.rules.schedule.next(payment, draft.now, 0)
    return draft.move(payment, "submit", cause, next_check_at=due, **also)


def reroute(draft: Draft, payment_id: str, gateway: Gateway, *, call_lease: int | None) -> bool:
    """Move a payment of which nothing was ever sent to another account, under the same number. False: too late."""
    payment = known_payment(draft, payment_id)
    name = (gateway.account, payment.out_trade_no)
    if name not in draft.wants.orders:
        raise Needs(orders={name})
    sent = payment.unresolved or draft.attempts_of(payment) or payment.next_action != "{}" or payment.gateway_txn
    if payment.status != "pending" or sent or name in draft.facts.orders:
        return False
    payment = draft.put(
        payment, gateway=gateway.kind, account=gateway.account, merchant=gateway.merchant, app=gateway.app
    )
    lease = None if call_lease is None else draft.now + call_lease
    draft.prepare(payment, "charge", Cause("api", "otherwise"), lease_until=lease)
    return True


# -- confirm -------------------------------------------------------------------------------------------------------


def confirm(
    draft: Draft,
    claims: TokenClaims,
    wanted: str | None,
    request: Request | None,
    *,
    lifetime: Callable[[str], int],
    call_lease: int | None,
    token_ttl_over: bool,
) -> Payment:
    """A person said yes: submit the waiting payment, once."""
    payment = draft.facts.payments.get(claims.payment_id)
    if wanted is not None and wanted != claims.payment_id:
        raise TokenRefused("This token confirms another payment", code="TOKEN_FOREIGN", payment_id=wanted)
    if payment is None or payment.token_nonce != claims.nonce:
        raise TokenRefused("This token confirms another payment", code="TOKEN_FOREIGN", payment_id=claims.payment_id)
    if payment.token_used_at is not None:
        raise TokenRefused("This token has confirmed its payment already", code="TOKEN_USED", payment_id=payment.id)
    if token_ttl_over or payment.status == "cancelled":
        raise TokenRefused("This token came too late", code="TOKEN_EXPIRED", payment_id=payment.id)
    cause = Cause("api", request.key if request else claims.nonce)
    payment = _submitted(
        draft, payment, cause, token_used_at=draft.now, expires_at=draft.now + lifetime(payment.channel)
    )
    lease = None if call_lease is None else draft.now + call_lease
    payment, _ = draft.prepare(payment, "charge", cause, lease_until=lease)
    if request is not None:
        remember(draft, request, "payment", payment.id, payment.id)
    return payment


# -- cancel --------------------------------------------------------------------------------------------------------


def cancel(draft: Draft, payment: Payment, request: Request | None, *, call_lease: int | None) -> Payment:
    """Cancel what is unpaid: at once if nothing was sent, else by asking the gateway to close it."""
    cause = Cause("api", request.key if request else "cancel")
    if request is not None:
        remember(draft, request, "payment", payment.id, payment.id)
    draft.rules.tables["payment"].move(
        payment.status, "cancel", draft.rules.policies
    )  # refused before anything is done
    if payment.status == "created":
        return draft.move(payment, "cancel", cause, next_check_at=None)
    if payment.expected and not draft.rules.can(payment.account, "close"):
        return draft.move(payment, "cancel", cause, next_check_at=None)  # the host has closed what it had sent itself
    attempts = draft.attempts_of(payment)
    for attempt in attempts:
        if attempt.status in ("prepared", "sent") and (attempt.lease_until or 0) > draft.now:
            raise Refused(
                "An operation on this payment is still running", code="OPERATION_IN_PROGRESS", retryable=True,
                payment_id=payment.id,
            )  # fmt: skip
    prepared = [attempt for attempt in attempts if attempt.op == "charge" and attempt.status == "prepared"]
    for attempt in prepared:
        payment = withdraw(draft, payment, attempt, cause)
    if prepared and not any(attempt.op == "charge" for attempt in draft.attempts_of(payment)):
        return draft.move(payment, "cancel", cause, next_check_at=None, next_action="{}")
    if any(attempt.op == "close" for attempt in attempts):
        return draft.put(payment, next_check_at=draft.now)  # one is under way or to be asked about
    lease = None if call_lease is None else draft.now + call_lease
    payment, _ = draft.prepare(payment, "close", cause, lease_until=lease)
    return payment


# -- refund --------------------------------------------------------------------------------------------------------


def refund(
    draft: Draft, payment: Payment, request: Request, *, amount: int | None, currency: str, reason: str,
    out_refund_no: str | None, max_refunds: int, call_lease: int | None,
) -> Refund:  # fmt: skip
    """Reserve the amount and prepare its return. Two refunds can never reserve the same unit."""
    if not payment.captured:
        raise Refused(
            f"A payment that is {payment.status} has nothing to refund", code="NOT_REFUNDABLE", payment_id=payment.id
        )
    left = payment.captured - payment.refunded - payment.reserved
    if left <= 0:
        raise Refused("Everything is refunded or being refunded", code="NOT_REFUNDABLE", payment_id=payment.id)
    if currency != payment.currency:
        raise InvalidRequest("A refund is in the currency of its payment", code="CURRENCY_MISMATCH")
    if amount is not None and amount > left:
        raise Refused("More than is left to refund", code="REFUND_EXCEEDS_CAPTURED", payment_id=payment.id, left=left)
    wanted, credit = left if amount is None else amount, 0
    if payment.credit:
        wanted, credit = topup.refundable(draft, payment, amount)
    event = "refund_full" if payment.refunded + wanted == payment.captured else "refund_part"
    draft.rules.tables["payment"].move(payment.status, event, draft.rules.policies)
    known = draft.refunds_of(payment.id)
    if len(known) >= max_refunds:
        raise Refused(f"At most {max_refunds} refunds per payment at this gateway", code="TOO_MANY_REFUNDS")
    number = draft.new_id(draft.now)
    if out_refund_no is not None and any(other.out_refund_no == out_refund_no for other in known):
        raise Refused("This refund number is already used", code="DUPLICATE_REFERENCE", out_refund_no=out_refund_no)
    record = Refund(
        id=number, payment_id=payment.id, gateway=payment.gateway, account=payment.account,
        out_refund_no=out_refund_no or number, amount=wanted, currency=payment.currency, status="", reason=reason,
        gateway_txn=payment.gateway_txn, trace_id=payment.trace_id, created_at=draft.now, updated_at=draft.now,
        credit=credit,
    )  # fmt: skip
    cause = Cause("api", request.key)
    if credit:
        record = topup.take_back(draft, payment, record, cause)
    due = draft.rules.schedule.after(draft.now, 0)
    payment = draft.put(payment, reserved=payment.reserved + wanted, next_check_at=due)
    payment, record = draft.create_refund(payment, record, cause)
    lease = None if call_lease is None else draft.now + call_lease
    draft.prepare(payment, "refund", cause, refund=record, lease_until=lease)
    remember(draft, request, "refund", record.id, payment.id)
    return record


def known_payment(draft: Draft, payment_id: str) -> Payment:
    """The payment, or ``PAYMENT_NOT_FOUND``."""
    payment = draft.facts.payments.get(payment_id)
    if payment is None:
        raise NotFound("There is no such payment", code="PAYMENT_NOT_FOUND", payment_id=payment_id)
    return payment
