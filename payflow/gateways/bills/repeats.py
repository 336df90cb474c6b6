"""Has this row been seen? For millions of rows, in a few dozen megabytes."""

from __future__ import annotations

import secrets
from array import array
from hashlib import blake2b


class Seen:
    """A set of 64-bit marks in one flat table: 16 to 32 bytes a row, where a ``set`` of numbers takes a hundred.

    The marks are keyed with a secret of this reading, so that nobody can write two rows that only look alike. By
    accident it happens once in 37 million bills of a million rows; such a bill is refused, and read again it passes.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._count = 0
        self._size = 1 << 10
        self._slots = array("Q", bytes(8 * self._size))

    def add(self, *words: str) -> bool:
        """Remember these words (none has a line feed: they come from one line); ``False`` if they were known."""
        digest = blake2b("\n".join(words).encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        mark = int.from_bytes(digest) or 1  # zero means an empty slot
        if not self._place(mark):
            return False
        self._count += 1
        if 2 * self._count > self._size:
            self._grow()
        return True

    def _place(self, mark: int) -> bool:
        slots, last = self._slots, self._size - 1
        at = mark & last
        while slots[at]:
            if slots[at] == mark:
                return False
            at = (at + 1) & last
        slots[at] = mark
        return True

    def _grow(self) -> None:
        old = self._slots
        self._size *= 2
        self._slots = array("Q", bytes(8 * self._size))
        for mark in old:
            if mark:
                self._place(mark)
