"""The table of a refund.

A refund that failed frees its reservation; money goes back only under a new number, by an explicit call.
"""

from __future__ import annotations

from ..machine.declaring import Declaration, State, compiled, tells


class RefundTable(Declaration):
    """Money back from one payment. What it books is booked by the payment's move, or by its incident."""

    entity = "refund"
    first_tells = "refund.requested"

    requested = State("its amount is reserved; the gateway has not said anything yet", initial=True)
    processing = State("the gateway is working on it")
    succeeded = State("the money is back with the payer", final=True)
    failed = State("the gateway says it failed; its number is spent for ever", final=True)

    # event = from → to, and what it tells

    process = requested.to(processing, on=tells("refund.processing"))

    succeed = succeeded.from_(requested, processing, on=tells("refund.succeeded"))

    fail = failed.from_(requested, processing, on=tells("refund.failed"))

    # A gateway may repeat itself, and "processing" may arrive after the end: that is old news.
    stays = {"processing": "process", "succeeded": "process succeed", "failed": "process fail"}


REFUND = compiled(RefundTable)
