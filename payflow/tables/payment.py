"""The payment table. ``created`` is "ordered, awaiting payment"; ``refunded`` has no exit."""

from __future__ import annotations

from typing import Any

from statemachine import State, StateChart

from ..machine import compile_table


class PaymentChart(StateChart[Any]):
    """Where a payment can be, and what moves it."""

    allow_event_without_transition = False
    catch_errors_as_events = False
    atomic_configuration_update = True
    enable_self_transition_entries = False

    created = State(initial=True)
    pending = State()
    paid = State()
    partially_refunded = State()
    refunded = State(final=True)
    cancelled = State()
    failed = State()

    submit = created.to(pending)
    cancel = created.to(cancelled) | pending.to(cancelled)
    pay = pending.to(paid)
    fail = pending.to(failed)
    refund_part = paid.to(partially_refunded) | partially_refunded.to(partially_refunded)
    refund_full = paid.to(refunded) | partially_refunded.to(refunded)
    pay_late = cancelled.to(paid) | failed.to(paid)


PAYMENT = compile_table(
    "payment",
    PaymentChart,
    books={"pay": "capture", "pay_late": "capture", "refund_part": "refund", "refund_full": "refund"},
    tells={
        "submit": "payment.pending",
        "cancel": "payment.cancelled",
        "pay": "payment.paid",
        "fail": "payment.failed",
        "refund_part": "payment.partially_refunded",
        "refund_full": "payment.refunded",
        "pay_late": "payment.paid_late",
    },
    policies={"pay_late": ("late_payment", "accept")},
    first_tells="payment.created",
)
