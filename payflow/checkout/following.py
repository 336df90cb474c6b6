"""A stream of events that says when a payment has changed. Each keeps a thread of its server (or a task), so there are
only so many of them; pages that find no seat ask again and again instead."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

#: How often the store is asked, and how long one stream lasts, in seconds; a browser comes back by itself.
PAUSE, LONGEST = 0.5, 55.0


class Seats:
    """So many streams at once and no more, in one process."""

    def __init__(self, count: int) -> None:
        self._free = threading.BoundedSemaphore(count) if count > 0 else None

    def taken(self) -> bool:
        """Take one; False if there is none."""
        return self._free is not None and self._free.acquire(blocking=False)

    def give_back(self) -> None:
        """Somebody has gone."""
        if self._free is not None:
            self._free.release()


class Stream(Iterator[bytes]):
    """What one browser is sent. Iterated by a server's thread; :meth:`step` is for those who wait in their own way."""

    def __init__(self, look: Callable[[], dict[str, Any]], left: Callable[[], None]) -> None:
        self._look = look
        self._left: Callable[[], None] | None = left
        self._known = ""
        self._until = time.monotonic() + LONGEST
        self._begun = False

    def step(self) -> bytes | None:
        """What is to be sent now; ``None`` when the stream is over."""
        if self._left is None or time.monotonic() > self._until:
            self.close()
            return None
        told = self._look()
        before = b"" if self._begun else b"retry: 1000\n\n"
        self._begun = True
        if told["stamp"] == self._known:
            return before + b":\n\n"  # a browser that has gone is noticed by writing to it
        self._known = told["stamp"]
        return before + b"data: " + json.dumps(told).encode() + b"\n\n"

    def __next__(self) -> bytes:
        if self._begun:
            time.sleep(PAUSE)
        piece = self.step()
        if piece is None:
            raise StopIteration
        return piece

    def close(self) -> None:
        """The seat is free again; called by the server, however it ends."""
        left, self._left = self._left, None
        if left is not None:
            left()
