"""One of Alipay's CSV files: comments, a header, rows, a comment that ends them, more comments."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from .records import BillError, BillLimits, malformed_row, too_large
from .streams import text_lines
from .tables import Header

_MAX_COMMENTS = 64
_MAX_COMMENT = 1000
_END = "列表结束"
_STAMP = r"\[([0-9]{4})年([0-9]{2})月([0-9]{2})日 ([0-9]{2}:[0-9]{2}:[0-9]{2})\]"
_PERIOD = re.compile(rf"起始日期[：:]{_STAMP}\s*终止日期[：:]{_STAMP}", re.ASCII)
_DAY = re.compile(r"([0-9]{4}-[0-9]{2})(-[0-9]{2})?", re.ASCII)


class Sheet:
    """A file being read: first :attr:`header`, then once :meth:`rows`, then :attr:`comments` is complete."""

    def __init__(self, chunks: Iterable[bytes], limits: BillLimits) -> None:
        self._lines = enumerate(text_lines(chunks, "gb18030", limits), 1)
        self._max_rows = limits.max_rows
        self.comments: list[str] = []
        for number, text in self._lines:
            if text.startswith("#"):
                self._note(text, number)
            elif text:
                self.header = Header(text.split(","), number)
                return
        raise BillError("The file has no header: it is empty or cut off")

    def rows(self) -> Iterator[tuple[int, list[str], str]]:
        """Number, cells and text of every row; ``BILL_MALFORMED`` where the comment that ends them is missing."""
        for number, text in self._lines:
            if text.startswith("#"):
                if _END not in text:
                    raise malformed_row(number, "a comment stands between the rows")
                break
            if number > self._max_rows:
                raise too_large(f"The bill has more than {self._max_rows} rows")
            if text:
                yield number, self._cells(number, text), text
        else:
            raise BillError("The rows do not end as they should: the file is cut off")
        for number, text in self._lines:
            if text.startswith("#"):
                self._note(text, number)
            elif text:
                raise malformed_row(number, "something follows the end of the rows")

    def _cells(self, number: int, text: str) -> list[str]:
        cells = self.header.filled([cell.strip("\t ") for cell in text.split(",", self.header.width)])
        if cells is None and '"' in text:  # a comma inside quotes; none has been seen, CSV writers know no other way
            cells = self.header.filled(_quoted(number, text))
        if cells is None:
            raise malformed_row(number, "it has more or fewer cells than the header")
        return cells

    def _note(self, text: str, number: int) -> None:
        if len(text) > _MAX_COMMENT or len(self.comments) == _MAX_COMMENTS:
            raise malformed_row(number, "there are too many comments, or one is too long")
        self.comments.append(text)

    def check_period(self, day: str) -> None:
        """``BILL_WRONG_DAY`` unless the file says that it is about this day ``yyyy-MM-dd`` or month ``yyyy-MM``."""
        wanted = _DAY.fullmatch(day)
        if wanted is None:
            raise BillError("The day of a bill is written yyyy-MM-dd or yyyy-MM", code="BILL_WRONG_DAY")
        for match in filter(None, map(_PERIOD.search, self.comments)):
            first, last = "-".join(match.group(1, 2, 3)), "-".join(match.group(5, 6, 7))
            begins, ends = match[4] == "00:00:00", match[8]
            if begins and first == day + ("" if wanted[2] else "-01") and (last, ends) in _ends(first, bool(wanted[2])):
                return
            break
        raise BillError("The bill is not about the day that was asked for", code="BILL_WRONG_DAY")


def _ends(first: str, is_day: bool) -> set[tuple[str, str]]:
    """How the end of the day or month that begins on ``first`` may be written; both ways are seen."""
    try:
        begin = date.fromisoformat(first)
    except ValueError:
        return set()
    after = begin + timedelta(days=1) if is_day else (begin + timedelta(days=31)).replace(day=1)
    return {(after.isoformat(), "00:00:00"), ((after - timedelta(days=1)).isoformat(), "23:59:59")}


def _quoted(number: int, text: str) -> list[str]:
    try:
        cells = next(csv.reader([text.replace("\t,", ",").rstrip("\t")], strict=True))
    except (csv.Error, StopIteration):
        raise malformed_row(number, "its quotes do not match") from None
    return [cell.strip("\t ") for cell in cells]
