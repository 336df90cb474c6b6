"""The sandbox's time: the machine's own, or one that runs ahead of it.

What has to happen later (callbacks, expiry, refunds under way, bills) goes by the sandbox's time, which can be advanced
or run faster. What stands in signed headers is always the machine's own time, because whoever verifies it looks at a
real clock.
"""

from __future__ import annotations

import threading

from ..clock import SECOND, Clock, system_clock


class SandboxClock:
    """An instant in microseconds since 1970 UTC, on call. Shared between threads."""

    def __init__(self, real: Clock = system_clock, *, speed: float = 1.0) -> None:
        self._real = real
        self._speed = speed
        self._began = real()
        self._base = self._began
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """Now, as the sandbox sees it."""
        with self._lock:
            return self._base + int((self._real() - self._began) * self._speed)

    def wire(self) -> int:
        """Now, as everybody else sees it: for signed timestamps."""
        return self._real()

    @property
    def speed(self) -> float:
        """How many seconds pass here in one second of the machine's."""
        return self._speed

    @property
    def ahead_seconds(self) -> float:
        """How far this clock is ahead of the machine's."""
        return (self() - self._real()) / SECOND

    def advance(self, seconds: float) -> int:
        """Move forward; backwards is refused with ``ValueError``, since what was sent cannot be unsent."""
        if not 0 <= seconds <= 10 * 366 * 86_400:
            raise ValueError("The clock moves forward, by at most ten years at once")
        with self._lock:
            self._base += int(seconds * SECOND)
        return self()

    def run_at(self, speed: float) -> None:
        """Let time pass ``speed`` times as fast from now on (0 stops it, 1 is real, at most 100 000)."""
        if not 0 <= speed <= 100_000:
            raise ValueError("The speed is a number from 0 to 100000")
        with self._lock:
            now = self._real()
            self._base += int((now - self._began) * self._speed)
            self._began = now
            self._speed = speed
