"""What a bill, our payments and the ledger make of each other: pure; facts in, differences out.

``days`` says when a business day is, ``staging`` what a row of a bill moves, ``comparing`` whether a row and what we
have agree, ``around`` what else is known about what does not, ``steps`` what a person does about it.
"""

from __future__ import annotations

from .around import Around, with_what_is_known
from .comparing import (
    Found,
    PaymentPair,
    RefundPair,
    UnmetPayment,
    UnmetRefund,
    compare_payment,
    compare_refund,
    unmet_payment,
    unmet_refund,
)
from .days import Day
from .staging import item_of, rounded
from .steps import STEPS, step_of

__all__ = [
    "STEPS", "Around", "Day", "Found", "PaymentPair", "RefundPair", "UnmetPayment", "UnmetRefund", "compare_payment",
    "compare_refund", "item_of", "rounded", "step_of", "unmet_payment", "unmet_refund", "with_what_is_known",
]  # fmt: skip
