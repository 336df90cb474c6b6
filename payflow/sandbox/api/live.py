"""Telling pages that something has changed: server-sent events,
https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

from ..books import Books
from ..clock import SandboxClock
from ..messages import Outgoing
from .checking import Refusal

_MOST = 64
_PATIENCE_SECONDS = 1.0
_HEARTBEAT_SECONDS = 15.0
_PAUSE_SECONDS = 0.1  # between two events: a busy run need not redraw for every one of its changes


class Live:
    """The open streams."""

    def __init__(self, books: Books, clock: SandboxClock) -> None:
        self._books, self._clock = books, clock
        self._places = threading.BoundedSemaphore(_MOST)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End all streams within a second."""
        self._stopping.set()

    def stream(self, *, head: bool = False) -> Outgoing:
        """A stream of ``change`` events. Raises :class:`Refusal` if there are too many."""
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
        if head:
            return Outgoing(200, b"", headers)
        if not self._places.acquire(blocking=False):
            raise Refusal(429, "SANDBOX_BUSY", "Too many pages follow what happens")
        return Outgoing(200, b"", headers, stream=_Place(self._events(), self._places))

    def _events(self) -> Iterator[bytes]:
        seen, heard = -1, 0.0
        yield b"retry: 1000\n\n"
        while not self._stopping.is_set():
            version = self._books.wait(seen, _PATIENCE_SECONDS)
            if version != seen:
                seen, heard = version, time.monotonic()
                told = {"version": version, "now": self._clock(), "speed": self._clock.speed}
                yield b"event: change\ndata: " + json.dumps(told).encode("ascii") + b"\n\n"
                self._stopping.wait(_PAUSE_SECONDS)
            elif time.monotonic() - heard > _HEARTBEAT_SECONDS:
                heard = time.monotonic()
                yield b": still here\n\n"


class _Place:
    """A stream that gives its place back, even if nobody ever read from it."""

    def __init__(self, events: Iterator[bytes], places: threading.BoundedSemaphore) -> None:
        self._events = events
        self._places: threading.BoundedSemaphore | None = places

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._events
        finally:
            self._leave()

    def __del__(self) -> None:
        self._leave()

    def _leave(self) -> None:
        places, self._places = self._places, None
        if places is not None:
            places.release()
