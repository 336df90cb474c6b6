"""What the rows add up to, to be held against what the bill states."""

from __future__ import annotations

from collections.abc import Mapping

from .figures import count, total
from .records import BillError, BillKind, BillSummary
from .repeats import Seen


class Tally:
    """How many payments and refunds a bill has, of how much, and that none of them comes twice."""

    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._seen = Seen()
        self.rows = self.payments = self.payment_amount = self.refunds = self.refund_amount = 0

    def book(self, line: int, kind: BillKind, amount: int, identity: tuple[str, ...]) -> None:
        """One more row; ``BILL_DUPLICATE_ROW`` if its identity was there before, with whatever amount."""
        if not self._seen.add(*identity):
            raise BillError("The same payment, refund or movement came before", code="BILL_DUPLICATE_ROW", line=line)
        self.rows += 1
        if kind is BillKind.PAYMENT:
            self.payments += 1
            self.payment_amount += amount
        elif kind is BillKind.REFUND:
            self.refunds += 1
            self.refund_amount += amount

    def summary(self, stated: Mapping[str, str]) -> BillSummary:
        """What was counted, beside what was stated."""
        return BillSummary(
            gateway=self._gateway, rows=self.rows, payments=self.payments, payment_amount=self.payment_amount,
            refunds=self.refunds, refund_amount=self.refund_amount, stated=stated,
        )  # fmt: skip


def mismatch(name: str) -> BillError:
    """``BILL_TOTALS_MISMATCH``."""
    return BillError(f"What the bill states as {name} is not what its rows add up to", code="BILL_TOTALS_MISMATCH")


def demand(stated: Mapping[str, str], *names: str) -> str:
    """The first of these sums; ``BILL_TOTALS_MISMATCH`` where the file states none of them."""
    for name in names:
        if name in stated:
            return stated[name]
    raise BillError(f"The bill does not state {names[0]}", code="BILL_TOTALS_MISMATCH")


def agree_on_count(stated: Mapping[str, str], name: str, rows: int) -> None:
    """``BILL_TOTALS_MISMATCH`` unless the bill states just as many rows under this name."""
    try:
        if count(demand(stated, name)) == rows:
            return
    except ValueError:
        pass
    raise mismatch(name)


def agree_on_sum(stated: Mapping[str, str], name: str, counted: int, tolerance: int = 0) -> None:
    """``BILL_TOTALS_MISMATCH`` unless the bill states this sum (in 0.00001 yuan, like the tolerance)."""
    try:
        if abs(total(demand(stated, name)) - counted) <= tolerance:
            return
    except ValueError:
        pass
    raise mismatch(name)
