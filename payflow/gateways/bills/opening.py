"""Bills as they are handed over: a file that somebody has downloaded, and the fact that a row states."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from ...errors import InvalidRequest
from ...gateway import Event, EventKind
from ...records import BillItem

_STEP = 1 << 16
_GZIP = b"\x1f\x8b"


def there(path: str | PathLike[str]) -> Path:
    """The path, if a file is there; ``INVALID_BILL`` otherwise."""
    found = Path(path)
    if not found.is_file():
        raise InvalidRequest("There is no such file", code="INVALID_BILL", path="$.file")
    return found


def pieces(path: Path) -> Iterator[bytes]:
    """A file piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(_STEP):
            yield piece


def cut(raw: bytes) -> Iterator[bytes]:
    """Bytes piece by piece."""
    view = memoryview(raw)
    for start in range(0, len(raw), _STEP):
        yield bytes(view[start : start + _STEP])


def is_gzip(start: bytes) -> bool:
    """Whether bytes begin as gzip does."""
    return start.startswith(_GZIP)


def paid_event(item: BillItem, *, gateway: str, account: str, merchant: str, app: str) -> Event:
    """What a payment's row states. The key is that of a callback or a query about the same trade."""
    return Event(
        kind=EventKind.PAID, key=f"paid:{item.gateway_txn}", gateway=gateway, account=account, source="bill",
        out_trade_no=item.out_trade_no or "", merchant=merchant, app=item.app or app, amount=item.amount,
        currency=item.currency, gateway_txn=item.gateway_txn, happened_at=item.happened_at,
        words={"bill": item.run, "line": str(item.line), "status": item.status},
    )  # fmt: skip
