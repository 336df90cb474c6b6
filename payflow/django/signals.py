"""Signals: one for each kind of message, sent after the commit, in the process that wrote it.

A receiver gets ``message`` (a :class:`payflow.Message`), ``payment_id`` and ``using``. Signals are best effort: a
process that dies right after its commit sends none. What must happen exactly once belongs in a handler (``handlers`` in
the config), which the worker calls from the outbox, with its own writes in the transaction that says it was done.
"""

from __future__ import annotations

import logging

from django.dispatch import Signal

from ..records import Message

logger = logging.getLogger("payflow.django")

payment_created = Signal()
payment_pending = Signal()
payment_paid = Signal()
payment_paid_late = Signal()
payment_failed = Signal()
payment_cancelled = Signal()
payment_partially_refunded = Signal()
payment_refunded = Signal()
refund_requested = Signal()
refund_processing = Signal()
refund_succeeded = Signal()
refund_failed = Signal()
incident_opened = Signal()
refill_ordered = Signal()
#: Every message, whatever its kind.
message_written = Signal()


def send(message: Message, using: str) -> None:
    """Tell the receivers of one message. One that fails is logged and harms nobody."""
    own = globals().get(message.kind.replace(".", "_"))
    for signal in (own, message_written):
        if isinstance(signal, Signal):
            told = signal.send_robust(Message, message=message, payment_id=message.payment_id, using=using)
            for receiver, result in told:
                if isinstance(result, Exception):
                    logger.error(
                        "A receiver of %s failed: %r payment_id=%s", message.kind, receiver, message.payment_id,
                        exc_info=result,
                    )  # fmt: skip
