"""What a bill can be refused for, and how much of one is believed. Its rows are the contract's: ``payflow.gateway``."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import GatewayError
from ...gateway import BillKind as BillKind  # noqa: PLC0414 -- said twice it is exported: the readers find them here
from ...gateway import BillOutcome as BillOutcome  # noqa: PLC0414
from ...gateway import BillRow as BillRow  # noqa: PLC0414
from ...gateway import BillSummary as BillSummary  # noqa: PLC0414


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
