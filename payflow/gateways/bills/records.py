"""What a bill says, row by row, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ...errors import GatewayError


class BillError(GatewayError):
    """Bytes that are not a bill that can be trusted. Whatever was read of that bill before does not count.

    Codes: ``BILL_CHARSET`` (not the charset this gateway writes), ``BILL_MALFORMED`` (no such file as a whole: not an
    archive, cut off, a column is missing), ``BILL_MALFORMED_ROW``, ``BILL_TOO_LARGE`` (by the bytes that come out),
    ``BILL_PATH_TRAVERSAL`` (an archive with entries that no bill has), ``BILL_TOTALS_MISMATCH``,
    ``BILL_DUPLICATE_ROW``, ``BILL_WRONG_DAY``, ``BILL_HASH_MISMATCH``. ``line`` is the number of the line it
    happened in, from 1, where there is one. What stands in the cells is never part of the message.
    """

    default_code = "BILL_MALFORMED"

    def __init__(self, message: str, *, code: str | None = None, line: int | None = None) -> None:
        super().__init__(message if line is None else f"Line {line}: {message}", code=code, line=line)


class BillKind(StrEnum):
    """What a row is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"  # WeChat's code payment, taken back
    FEE = "fee"  # rows of the account: what the gateway keeps, or gives back
    OTHER = "other"  # a word we have no translation for, or one that concerns no order: transfers, withdrawals …


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    """One row of a bill.

    ``amount`` is in minor units and never negative: what was ordered (payments), what went back (refunds, reversals),
    what was moved (other rows); ``incoming`` says which way. ``fee_text`` is the fee exactly as written, in yuan, with
    WeChat's five decimals and each gateway's own sign, "" where the bill has none; ``fee`` is the same in minor units
    where that is a whole number, else ``None``, and is positive where the merchant pays it. ``happened_at`` is an
    instant. ``words`` holds every cell by the name of its column (its brackets as ASCII), as written, without
    backticks and without tabs at its ends. ``line`` counts from 1 in its file.
    """

    gateway: str
    kind: BillKind
    out_trade_no: str | None
    gateway_txn: str | None
    out_refund_no: str | None
    gateway_refund: str | None
    amount: int
    incoming: bool
    fee: int | None
    fee_text: str
    currency: str
    happened_at: int
    status: str
    words: Mapping[str, str]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BillSummary:
    """The last thing a reading gives: every check has passed, and what is counted here agrees with what is stated.

    Amounts are minor units, none negative; ``stated`` is what the file says of its own sums, word for word by name.
    """

    gateway: str
    rows: int
    payments: int
    payment_amount: int
    refunds: int
    refund_amount: int
    stated: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLimits:
    """How much of a file is believed. Above any of these it is ``BILL_TOO_LARGE``.

    ``max_bytes`` and ``max_ratio`` count what comes out of an archive, not what it claims. The rows set the memory:
    16 to 32 bytes each, to see one that comes twice. Genuine bills shrink by a factor of 5 to 20.
    """

    max_bytes: int = 4 << 30
    max_line: int = 1 << 20  # characters
    max_rows: int = 10_000_000
    max_ratio: int = 100  # bytes out for each byte in, once more than a mebibyte came out


#: What is asked for unless the caller says otherwise.
DEFAULT_LIMITS = BillLimits()


def malformed_row(line: int, why: str) -> BillError:
    """``BILL_MALFORMED_ROW``."""
    return BillError(why, code="BILL_MALFORMED_ROW", line=line)


def too_large(why: str) -> BillError:
    """``BILL_TOO_LARGE``."""
    return BillError(why, code="BILL_TOO_LARGE")
