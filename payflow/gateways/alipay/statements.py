"""Bills by day: asked for, fetched within their thirty seconds, handed on as bytes. Reading them is ``gateways.bills``.

https://opendocs.alipay.com/open/028woc
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ...clock import BEIJING, from_datetime
from ...errors import GatewayError, InvalidRequest
from ...transport import Request, Surroundings, Transport
from .client import Client

_DAY = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?", re.ASCII)
_KINDS = frozenset({"trade", "signcustomer"})
_NOTHING = frozenset({"BILL_NOT_EXIST", "NO_BILL_DATA", "ACQ.BILL_NOT_EXIST"})
_MAX_BYTES = 1 << 30


def ready_at(day: str) -> int:
    """When a bill is there: from 09:00 of the next day, that of a month from the third of the next one, Beijing."""
    year, month, *rest = map(int, day.split("-"))
    if rest:
        return from_datetime(datetime(year, month, rest[0], 9, tzinfo=BEIJING) + timedelta(days=1))
    return from_datetime(datetime(year + month // 12, month % 12 + 1, 3, 9, tzinfo=BEIJING))


class BillRefused(GatewayError):
    """A bill that cannot be had: ``BILL_NOT_READY`` (ask again later), ``BILL_URL_REJECTED``, ``BILL_REFUSED``."""

    default_code = "BILL_REFUSED"


class Statements:
    """The bills of one account."""

    def __init__(self, client: Client, account: str, origin: str, surroundings: Surroundings) -> None:
        self._client, self._account, self._origin, self._surroundings = client, account, origin, surroundings

    def fetch(self, day: str, kind: str = "trade", *, max_bytes: int = _MAX_BYTES) -> bytes | None:
        """The ZIP of a day (``2026-01-31``) or month (``2026-01``), Beijing; ``None`` where nothing happened.

        Raises ``BillRefused``, and what the transport raises. Nothing is unpacked here.
        """
        if _DAY.fullmatch(day) is None or kind not in _KINDS:
            raise InvalidRequest(
                "A bill is of a day or a month, and of kind trade or signcustomer", code="INVALID_REQUEST"
            )
        try:
            ready_at(day)
        except ValueError:
            raise InvalidRequest("There is no such day", code="INVALID_REQUEST") from None
        said = self._client.execute(
            "alipay.data.dataservice.bill.downloadurl.query", {"bill_type": kind, "bill_date": day},
            operation="bill", safe=True,
        )  # fmt: skip
        if (
            said.sub_code.removeprefix("isp.") in _NOTHING
            or said.fields.get("bill_file_code") == "EMPTY_DATA_WITH_BILL_FILE"
        ):
            if self._surroundings.clock() < ready_at(day):  # Alipay says the same while it is still being made
                raise BillRefused("Alipay has not made that bill yet", code="BILL_NOT_READY", retryable=True)
            return None
        url = said.fields.get("bill_download_url")
        if not said.done or not isinstance(url, str):
            raise BillRefused("Alipay has no bill for that day yet", code="BILL_NOT_READY", retryable=True)
        origin, target = self._checked(url)
        transport = Transport(self._account, (origin,), self._surroundings.limits)
        try:
            request = Request("GET", target, {"Accept": "*/*", "User-Agent": "payflow"})
            response = transport.send(request, operation="bill", safe=True, max_bytes=max_bytes)
        finally:
            transport.close()
        if response.status != 200:
            raise BillRefused(f"The bill's address answers {response.status}", code="BILL_NOT_READY", retryable=True)
        return response.body

    def _checked(self, url: str) -> tuple[str, str]:
        """Origin and target of a bill's address, if it is Alipay's own (or the loopback gateway we talk to)."""
        try:
            parts = urlsplit(url)
            host, port, user = parts.hostname or "", parts.port, parts.username
        except ValueError:
            raise BillRefused("The bill's address is not one", code="BILL_URL_REJECTED") from None
        origin, target = f"{parts.scheme}://{parts.netloc}", parts.path + (f"?{parts.query}" if parts.query else "")
        if not url.isascii() or len(url) > 2048 or user is not None or re.search(r"[\x00-\x20\x7f\\]", url):
            raise BillRefused("The bill's address is not one", code="BILL_URL_REJECTED")
        ours = origin == self._origin
        theirs = parts.scheme == "https" and port in (None, 443) and host.endswith((".alipay.com", ".alipaydev.com"))
        if not (ours or theirs):
            raise BillRefused("The bill's address is not Alipay's", code="BILL_URL_REJECTED")
        return origin, target or "/"
