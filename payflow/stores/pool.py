"""A small pool of driver connections: bounded, fair enough, safe across fork, never giving out a dirty one."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import StoreError


class Pool:
    """At most ``size`` connections; whoever comes later waits ``timeout`` seconds, then ``STORE_POOL_EXHAUSTED``."""

    def __init__(self, connect: Callable[[], Any], *, size: int, timeout: float = 30.0) -> None:
        self._connect = connect
        self._size = size
        self._timeout = timeout
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._free: list[Any] = []
        self._slots = threading.BoundedSemaphore(self._size)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection for the ``with`` block; a broken one is thrown away, not given back."""
        if self._pid != os.getpid():
            self._reset()  # forked: the parent's connections are the parent's, and stay untouched
        slots = self._slots
        if not slots.acquire(timeout=self._timeout):
            raise StoreError("Every database connection is in use", code="STORE_POOL_EXHAUSTED", retryable=True)
        try:
            connection = self._free.pop() if self._free else self._connect()
            try:
                yield connection
            except BaseException:
                with contextlib.suppress(Exception):
                    connection.rollback()
                self._drop(connection)
                raise
            else:
                self._free.append(connection)
        finally:
            slots.release()

    @staticmethod
    def _drop(connection: Any) -> None:
        with contextlib.suppress(Exception):
            connection.close()

    def close(self) -> None:
        """Close what is not in use."""
        while self._free:
            self._drop(self._free.pop())
