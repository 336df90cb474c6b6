"""A small pool of driver connections: bounded, safe between threads and across fork, never giving out a dirty one."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from ..errors import StoreError


class Drivers(Protocol):
    """What the pool needs to know of a dialect."""

    def connect(self) -> Any:
        """A new connection."""
        ...

    def alive(self, connection: Any) -> bool:
        """Whether an idle connection can be given out: cheap, without asking the server."""
        ...

    def clean(self, connection: Any) -> bool:
        """End whatever transaction is open; whether the connection may be used again."""
        ...


class Pool:
    """At most ``size`` connections; whoever comes later waits ``timeout`` seconds, then ``STORE_POOL_EXHAUSTED``."""

    def __init__(self, drivers: Drivers, *, size: int, timeout: float) -> None:
        self._drivers = drivers
        self._size = size
        self._timeout = timeout
        self._inherited: list[Any] = []
        self._start()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._free: list[Any] = []
        self._slots = threading.BoundedSemaphore(self._size)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection for the ``with`` block, with no transaction open before or after."""
        if self._pid != os.getpid():
            # Forked: the parent's connections are the parent's. Even closing them here would speak on its sockets and
            # drop its locks, so they are kept and never touched.
            self._inherited.append(self._free)
            self._start()
        slots = self._slots
        if not slots.acquire(timeout=self._timeout):
            raise StoreError(
                f"All {self._size} database connections have been in use for {self._timeout:g} s",
                code="STORE_POOL_EXHAUSTED", retryable=True,
            )  # fmt: skip
        try:
            connection = self._taken()
            try:
                yield connection
            except BaseException:
                self._give_back(connection, self._drivers.clean(connection))
                raise
            self._give_back(connection, True)
        finally:
            slots.release()

    def _taken(self) -> Any:
        while True:
            try:
                connection = self._free.pop()  # the one used last: its caches are warm
            except IndexError:
                return self._drivers.connect()
            if self._drivers.alive(connection):
                return connection
            close(connection)

    def _give_back(self, connection: Any, usable: bool) -> None:
        if usable:
            self._free.append(connection)
        else:
            close(connection)

    def close(self) -> None:
        """Close what is not in use."""
        if self._pid != os.getpid():
            return
        while self._free:
            close(self._free.pop())


def close(connection: Any) -> None:
    """Close a connection that may be broken."""
    with contextlib.suppress(Exception):
        connection.close()
