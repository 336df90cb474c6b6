"""Signals (blinker): one for each kind of message, after the commit, in the process that wrote it. The flow sends it.

    @payment_paid.connect
    def thank(flow, message): ...

Best effort: a process that dies right after its commit sends none. What must happen exactly once belongs in a handler.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from blinker import Namespace

if TYPE_CHECKING:
    from ..flow.settling import Settling
    from ..records import Message

logger = logging.getLogger("payflow.flask")

_names = Namespace()
payment_created = _names.signal("payment.created")
payment_pending = _names.signal("payment.pending")
payment_paid = _names.signal("payment.paid")
payment_paid_late = _names.signal("payment.paid_late")
payment_failed = _names.signal("payment.failed")
payment_cancelled = _names.signal("payment.cancelled")
payment_partially_refunded = _names.signal("payment.partially_refunded")
payment_refunded = _names.signal("payment.refunded")
refund_requested = _names.signal("refund.requested")
refund_processing = _names.signal("refund.processing")
refund_succeeded = _names.signal("refund.succeeded")
refund_failed = _names.signal("refund.failed")
incident_opened = _names.signal("incident.opened")
refill_ordered = _names.signal("refill.ordered")
#: Every message, whatever its kind.
message_written = _names.signal("message")


def send(flow: Settling, message: Message) -> None:
    """Tell the receivers of one message. One that fails is logged and harms nobody."""
    for signal in (_names.signal(message.kind), message_written):
        for receiver in signal.receivers_for(flow):
            try:
                receiver(flow, message=message)
            except Exception:
                logger.exception("A receiver of %s failed payment_id=%s", message.kind, message.payment_id)
