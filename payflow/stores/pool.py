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
        """A connection for the ``with`` block; given back clean, or thrown away if it is broken."""
        if self._pid != os.getpid():
            self._reset()  # forked: the parent's connections are the parent's, and stay untouched
        slots = self._slots
        if not slots.acquire(timeout=self._timeout):
            raise StoreError("Every database connection is in use", code="STORE_POOL_EXHAUSTED", retryable=True)
        try:
            connection = self._free.pop() if self._free else self._connect()
            try:
                yield connection
            except Exception:
                self._give_back(connection)
                raise
            except BaseException:  # broken off in the middle of who knows what
                self._drop(connection)
                raise
            else:
                self._free.append(connection)
        finally:
            slots.release()

    def _give_back(self, connection: Any) -> None:
        """After an error: clean again, or gone."""
        try:
            connection.rollback()
        except Exception:  # noqa: BLE001 -- whatever is wrong with it, it is not used again
            self._drop(connection)
        else:
            self._free.append(connection)

    @staticmethod
    def _drop(connection: Any) -> None:
        with contextlib.suppress(Exception):
            connection.close()

    def close(self) -> None:
        """Close what is not in use."""
        while self._free:
            self._drop(self._free.pop())
