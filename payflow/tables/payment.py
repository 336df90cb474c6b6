"""The table of a payment.

``refunded`` has no exit. ``cancelled`` and ``failed`` are left only by money that came late, and only where the policy
``late_payment`` is ``accept``; otherwise that money is an incident. A payment that needs a person's confirmation waits
in ``created``.
"""

from __future__ import annotations

from ..machine.declaring import Declaration, State, books, compiled, only_where, tells


class PaymentTable(Declaration):
    """One attempt to take one amount at one gateway."""

    entity = "payment"
    first_tells = "payment.created"

    created = State("ordered, awaiting payment: nothing was sent yet", initial=True)
    pending = State("sent to the gateway, not paid yet")
    paid = State("the gateway says it is paid, in full")
    partially_refunded = State("paid, and a part went back")
    refunded = State("all of it went back", final=True)
    cancelled = State("closed unpaid")
    failed = State("the gateway says it failed")

    # event = from → to, what it books, what it tells, and where only

    submit = created.to(pending, on=tells("payment.pending"))

    cancel = cancelled.from_(created, pending, on=tells("payment.cancelled"))

    pay = pending.to(paid, on=[books("capture"), tells("payment.paid")])

    fail = pending.to(failed, on=tells("payment.failed"))

    refund_part = partially_refunded.from_(
        paid, partially_refunded, on=[books("refund"), tells("payment.partially_refunded")]
    )

    refund_full = refunded.from_(
        paid, partially_refunded, on=[books("refund"), tells("payment.refunded")]
    )  # fmt: skip

    pay_late = paid.from_(
        cancelled, failed, on=[books("capture"), tells("payment.paid_late")], cond=only_where("late_payment", "accept")
    )

    # A gateway may say once more, or in other words, that nothing was paid: that is old news.
    stays = {"cancelled": "cancel fail", "failed": "cancel fail"}

    # A host's own table may do without refunds or late money, and may have states of its own once the money is there.
    # Before that it may not: an unpaid payment is asked about, expired and closed in these states and no others.
    leaves_out = "refund_part refund_full pay_late"
    grows_after = "paid partially_refunded"


PAYMENT = compiled(PaymentTable)
