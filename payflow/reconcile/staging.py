"""A row of a bill as it is stored: what it has moved, and what of its fee is booked."""

from __future__ import annotations

from typing import Protocol

from ..errors import GatewayError
from ..records import BillItem

#: No number of either gateway is longer, and every database keeps so much as a name.
_LONGEST = 191
_SIGNS = {"payment": 1, "refund": -1, "reversal": -1}


class Row(Protocol):
    """A row of a bill: see ``payflow.gateway.BillRow``."""

    @property
    def line(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def out_trade_no(self) -> str | None: ...
    @property
    def gateway_txn(self) -> str | None: ...
    @property
    def out_refund_no(self) -> str | None: ...
    @property
    def gateway_refund(self) -> str | None: ...
    @property
    def app(self) -> str | None: ...
    @property
    def amount(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def fee_text(self) -> str: ...
    @property
    def happened_at(self) -> int: ...
    @property
    def status(self) -> str: ...


def item_of(run: str, row: Row) -> BillItem:
    """The row as it is stored. ``BILL_MALFORMED_ROW`` for a number that no gateway gives and no database keeps."""
    for text in (row.out_trade_no, row.gateway_txn, row.out_refund_no, row.gateway_refund, row.app, row.status,
                 row.fee_text):  # fmt: skip
        if text and (len(text) > _LONGEST or not text.isprintable()):
            raise GatewayError(f"Line {row.line}: a number is not one", code="BILL_MALFORMED_ROW", line=row.line)
    done = row.outcome == "done" or row.kind != "refund"  # a payment is in the bill because it was paid
    return BillItem(
        run=run,
        line=row.line,
        kind=str(row.kind),
        outcome=str(row.outcome),
        out_trade_no=row.out_trade_no,
        gateway_txn=row.gateway_txn,
        out_refund_no=row.out_refund_no,
        gateway_refund=row.gateway_refund,
        app=row.app,
        amount=row.amount,
        moved=_SIGNS.get(row.kind, 0) * row.amount if done else 0,
        currency=row.currency,
        fee_text=row.fee_text,
        happened_at=row.happened_at,
        status=row.status,
    )


def rounded(fine_fee: int) -> int:
    """A fee in thousandths of a minor unit as whole minor units, half up: what the gateway takes off the account."""
    whole, rest = divmod(abs(fine_fee), 1000)
    size = whole + (rest >= 500)
    return size if fine_fee >= 0 else -size
