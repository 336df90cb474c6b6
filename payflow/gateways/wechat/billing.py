"""WeChat Pay's trade bills as the contract wants them; see ``payflow.gateway.Bills``. Never whole in memory as text."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain
from os import PathLike

from ...clock import BEIJING, from_datetime
from ...gateway import BillReading, Event
from ...records import BillItem
from ..bills import checked_sha1, gunzipped, read_wechat_trade
from ..bills.opening import cut, is_gzip, paid_event, pieces, there
from .statements import Download


class WeChatBills:
    """The trade bills of one merchant. ``download`` asks for one."""

    def __init__(self, download: Callable[[str], Download | None], account: str, merchant: str) -> None:
        self._download, self._account, self._merchant = download, account, merchant

    def ready_at(self, day: str) -> int:
        """10:00 of the next day, Beijing."""
        return from_datetime(
            datetime.strptime(day, "%Y-%m-%d").replace(hour=10, tzinfo=BEIJING) + timedelta(days=1)
        )  # fmt: skip

    def fetch(self, day: str) -> BillReading | None:
        """See :meth:`payflow.gateway.Bills.fetch`. The signed hash is of the text, or of the file as it came."""
        found = self._download(day)
        if found is None:
            return None
        chunks = gunzipped(cut(found.raw)) if is_gzip(found.raw) else cut(found.raw)
        whole = hashlib.sha1(found.raw, usedforsecurity=False).hexdigest()
        if not hmac.compare_digest(whole, found.sha1):
            chunks = checked_sha1(chunks, found.sha1)
        return read_wechat_trade(chunks, day=day)

    def read(self, path: str | PathLike[str], day: str) -> BillReading:
        """Read a bill as it was downloaded, as text or in gzip."""
        file = pieces(there(path))
        first = next(file, b"")
        chunks = chain((first,), file)
        return read_wechat_trade(gunzipped(chunks) if is_gzip(first) else chunks, day=day)

    def paid(self, item: BillItem, app: str) -> Event:
        """See :meth:`payflow.gateway.Bills.paid`."""
        return paid_event(item, gateway="wechat", account=self._account, merchant=self._merchant, app=app)
