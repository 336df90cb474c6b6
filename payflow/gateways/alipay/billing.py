"""Alipay's trade bills as the contract wants them; see ``payflow.gateway.Bills``."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from os import PathLike

from ...gateway import BillReading, Event
from ...records import BillItem
from ..bills import read_alipay_trade
from ..bills.opening import paid_event, there
from .statements import Statements, ready_at


class AlipayBills:
    """The trade bills of one merchant. ``statements`` is called when a bill is fetched."""

    def __init__(self, statements: Callable[[], Statements], account: str, merchant: str) -> None:
        self._statements, self._account, self._merchant = statements, account, merchant

    def ready_at(self, day: str) -> int:
        """09:00 of the next day, Beijing."""
        return ready_at(day)

    def fetch(self, day: str) -> BillReading | None:
        """See :meth:`payflow.gateway.Bills.fetch`."""
        raw = self._statements().fetch(day)
        return None if raw is None else read_alipay_trade(BytesIO(raw), day=day)

    def read(self, path: str | PathLike[str], day: str) -> BillReading:
        """Read a ZIP as it was downloaded."""
        return read_alipay_trade(there(path), day=day)

    def paid(self, item: BillItem, app: str) -> Event:
        """See :meth:`payflow.gateway.Bills.paid`. The bill names no app: it is the merchant's."""
        return paid_event(item, gateway="alipay", account=self._account, merchant=self._merchant, app=app)
