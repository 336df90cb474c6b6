"""A bill on its way in: rows are staged as they come, and believed when its summary has come."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import GatewayError
from ..gateway import BillReading, BillRow
from ..money import MAX_MINOR
from ..reconcile import item_of, rounded
from ..records import BillItem
from .turns import Turn

_HALF_AN_HOUR = 1_800_000_000
#: A bill that is not there, or a way that is not open: it is asked for again. Anything else is wrong with the bill.
_LATER = frozenset({
    "BILL_NOT_READY", "BILL_EMPTY", "GATEWAY_UNREACHABLE", "GATEWAY_TLS", "GATEWAY_CIRCUIT_OPEN", "GATEWAY_BUSY",
    "GATEWAY_TIMEOUT", "OUTCOME_UNKNOWN",
})  # fmt: skip
_CLEARED_AT_ONCE = 20_000


def bring_in(
    turn: Turn, reading: Callable[[], BillReading | None], origin: str, expected: Callable[[], int], batch: int
) -> bool:
    """Stage a bill. False if it cannot be believed (yet): the run says why, and nothing of the bill is left.

    ``expected`` counts our own payments and refunds of the day: a bill without a row is believed only where we have
    nothing either. It never means that all our payments are missing.
    """
    clear(turn)
    try:
        found = reading()
        if found is None:
            _finish(turn, _Tally(), [], origin)
        else:
            _stage(turn, found, origin, batch)
        if not turn.run.bill_rows and expected():
            raise GatewayError("The bill is empty, and our books of the day are not", code="BILL_EMPTY")
    except GatewayError as error:
        clear(turn)
        later = error.code in _LATER or (error.code == "BILL_REFUSED" and error.retryable)
        turn.write(
            state="waiting" if later else "refused", code=error.code, origin=origin, tries=turn.run.tries + 1,
            next_try_at=turn.clock() + _HALF_AN_HOUR,
        )  # fmt: skip
        return False
    return True


def clear(turn: Turn) -> None:
    """Forget what was staged of a bill that did not end well."""
    staged = turn.run.staged
    turn.write(state="importing", code="")
    if turn.run.kept:
        for line in range(_CLEARED_AT_ONCE, staged + _CLEARED_AT_ONCE, _CLEARED_AT_ONCE):
            turn.write(until_line=min(line, staged))
    turn.write(staged=0, kept=0, bill_rows=0)


class _Tally:
    """What the rows add up to."""

    def __init__(self) -> None:
        self.bill_rows = self.payments = self.payment_amount = self.refunds = self.refund_amount = 0
        self.moved = self.fee = self.fine_fee = 0

    def add(self, row: BillRow, item: BillItem) -> None:
        self.bill_rows += 1
        self.moved += item.moved
        self.fine_fee += row.fine_fee
        self.fee += rounded(row.fine_fee)
        if row.kind == "payment":
            self.payments += 1
            self.payment_amount += row.amount
        elif row.kind == "refund":
            self.refunds += 1
            self.refund_amount += row.amount
        if max(self.payment_amount, self.refund_amount, abs(self.fine_fee)) > MAX_MINOR:
            raise GatewayError("The bill adds up to more money than there is", code="BILL_TOO_LARGE")


def _stage(turn: Turn, reading: BillReading, origin: str, batch: int) -> None:
    run, tally, items = turn.run.id, _Tally(), list[BillItem]()
    ended = False
    for one in reading:
        if not isinstance(one, BillRow):
            ended = True
            continue
        item = item_of(run, one)
        tally.add(one, item)
        items.append(item)
        if len(items) == batch:
            turn.write(items=items, staged=one.line, kept=1)
            items = []
            turn.progress("import", tally.bill_rows, None)
    if not ended:
        raise GatewayError("The bill ends without its sums", code="BILL_MALFORMED")
    _finish(turn, tally, items, origin)


def _finish(turn: Turn, tally: _Tally, items: list[BillItem], origin: str) -> None:
    """The last rows, and that the bill is whole, in one write."""
    last = items[-1].line if items else turn.run.staged
    turn.write(items=items, staged=last, kept=1, origin=origin, state="imported", next_try_at=None, **vars(tally))
    turn.progress("import", tally.bill_rows, tally.bill_rows)
