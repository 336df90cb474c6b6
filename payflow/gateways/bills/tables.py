"""The header of a bill and the cells below it. Columns differ by type and by year, so they are found by name."""

from __future__ import annotations

from collections.abc import Sequence

from .records import BillError

_BRACKETS = str.maketrans("（）／＋－　", "()/+- ")
_MAX_COLUMNS = 256


def plain(name: str) -> str:
    """``订单金额（元）`` → ``订单金额(元)``: both kinds of brackets are seen, and tabs or spaces at the ends."""
    return name.translate(_BRACKETS).strip(" \t\r`")


class Header:
    """The columns of one table.

    A column that is not there is at -1: :meth:`filled` puts an empty cell at the end of every row, so that it reads
    as "". Raises ``BILL_MALFORMED_ROW`` for a header with a name twice or with none.
    """

    def __init__(self, cells: Sequence[str], line: int) -> None:
        self.width = len(cells)
        if self.width > _MAX_COLUMNS:
            raise _no_header(line)
        self.names = tuple(plain(cell) for cell in cells)
        while self.names and not self.names[-1]:  # some files end every line with a comma
            self.names = self.names[:-1]
        self._at = {name: at for at, name in enumerate(self.names)}
        if len(self._at) != len(self.names) or "" in self._at or not self.names:
            raise _no_header(line)

    def maybe(self, *names: str) -> int:
        """Where the first of these columns is, or -1."""
        return next((self._at[name] for name in names if name in self._at), -1)

    def need(self, *names: str) -> int:
        """Where the first of these columns is; ``BILL_MALFORMED`` where there is none."""
        at = self.maybe(*names)
        if at < 0:
            raise BillError(f"The bill has no column {names[0]}")
        return at

    def filled(self, cells: list[str]) -> list[str] | None:
        """The cells with an empty one behind them, or ``None`` if they are more or fewer than the header has."""
        if len(cells) != self.width:
            return None
        cells.append("")
        return cells

    def words(self, cells: Sequence[str]) -> dict[str, str]:
        """Every cell by the name of its column."""
        return dict(zip(self.names, cells, strict=False))  # the empty cell at the end has no name


def _no_header(line: int) -> BillError:
    return BillError("This is not the header of a bill", code="BILL_MALFORMED_ROW", line=line)


def given(text: str) -> str | None:
    """A number of theirs, or ``None`` where the cell says that there is none ("" or ``0``)."""
    return None if text in {"", "0"} else text
