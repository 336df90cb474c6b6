"""The mock gateway's bill of a day: what its far side has taken and given back. There is no file of it, and no fee."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from os import PathLike
from typing import Any

from ...clock import BEIJING, Clock, from_datetime
from ...errors import GatewayError, InvalidRequest
from ...gateway import BillKind, BillReading, BillRow, BillSummary, Event
from ...records import BillItem
from ..bills.opening import paid_event
from . import far_side as far
from .far_side import FarSide, FarSideError


class MockBills:
    """The bills of one merchant at the far side."""

    def __init__(self, side: FarSide, clock: Clock, account: str, merchant: str) -> None:
        self._far, self._clock, self._account, self._merchant = side, clock, account, merchant

    def ready_at(self, day: str) -> int:
        """The end of the day, Beijing."""
        return from_datetime(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=BEIJING) + timedelta(days=1))

    def fetch(self, day: str) -> BillReading | None:
        """See :meth:`payflow.gateway.Bills.fetch`."""
        last = self.ready_at(day)
        if self._clock() < last:
            raise GatewayError("The day is not over", code="BILL_NOT_READY", retryable=True)
        first = last - (self.ready_at("2001-01-02") - self.ready_at("2001-01-01"))
        try:
            with self._far.transaction() as sql:
                paid = far.captures_between(sql, self._merchant, first, last)
                back = far.refunds_between(sql, self._merchant, first, last)
        except FarSideError as error:
            said = f"The mock gateway's far side is out of order ({type(error).__name__})"
            raise GatewayError(said, retryable=True) from error
        return _told(paid, back) if paid or back else None

    def read(self, path: str | PathLike[str], day: str) -> BillReading:  # noqa: ARG002 -- the contract's
        """The mock gateway writes no files: ``INVALID_BILL``."""
        raise InvalidRequest("The mock gateway has no bills in files", code="INVALID_BILL", path="$.file")

    def paid(self, item: BillItem, app: str) -> Event:
        """See :meth:`payflow.gateway.Bills.paid`."""
        return paid_event(item, gateway="mock", account=self._account, merchant=self._merchant, app=app)


def _told(paid: list[tuple[Any, ...]], back: list[tuple[Any, ...]]) -> Iterator[BillRow | BillSummary]:
    line = 0
    for line, (order, txn, amount, currency, at, app) in enumerate(paid, 1):
        yield _row(BillKind.PAYMENT, line, order, txn, None, None, amount, currency, at, app)
    for number, (order, txn, refund, own, amount, currency, at, app) in enumerate(back, line + 1):
        yield _row(BillKind.REFUND, number, order, txn, refund, own, amount, currency, at, app)
    yield BillSummary(
        gateway="mock", rows=len(paid) + len(back), payments=len(paid), payment_amount=sum(one[2] for one in paid),
        refunds=len(back), refund_amount=sum(one[4] for one in back), stated={},
    )  # fmt: skip


def _row(  # noqa: PLR0917 -- the columns of a bill, in their order
    kind: BillKind, line: int, order: str, txn: str, refund: str | None, own: str | None, amount: int, currency: str,
    at: int, app: str,
) -> BillRow:  # fmt: skip
    return BillRow(
        gateway="mock", kind=kind, out_trade_no=order, gateway_txn=txn, out_refund_no=refund, gateway_refund=own,
        amount=amount, incoming=kind is BillKind.PAYMENT, fee=None, fee_text="", currency=currency, happened_at=at,
        status="SUCCESS", words={}, line=line, app=app,
    )  # fmt: skip
