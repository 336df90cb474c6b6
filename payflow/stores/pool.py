"""A small pool of driver connections: bounded, safe between threads and across fork, never giving out a dirty one."""

from __future__ import annotations

import contextlib
import os
import queue
from types import TracebackType
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
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()  # a semaphore that costs a tenth of one
        for _ in range(self._size):
            self._slots.put(None)

    def connection(self) -> Lent:
        """A connection for the ``with`` block, with no transaction open before or after."""
        return Lent(self)

    def take(self) -> tuple[Any, queue.SimpleQueue[None]]:
        """A connection, and where its place is to be given back to."""
        if self._pid != os.getpid():
            # Forked: the parent's connections are the parent's. Even closing them here would speak on its sockets and
            # drop its locks, so they are kept and never touched.
            self._inherited.append(self._free)
            self._start()
        slots = self._slots
        try:
            slots.get(timeout=self._timeout)
        except queue.Empty:
            raise StoreError(
                f"All {self._size} database connections have been in use for {self._timeout:g} s",
                code="STORE_POOL_EXHAUSTED", retryable=True,
            ) from None  # fmt: skip
        try:
            return self._taken(), slots
        except BaseException:
            slots.put(None)
            raise

    def give_back(self, connection: Any, slots: queue.SimpleQueue[None], *, clean: bool) -> None:
        """Take a connection back; one that is not ``clean`` is cleaned first."""
        try:
            self._give_back(connection, clean or self._drivers.clean(connection))
        finally:
            slots.put(None)

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


class Lent:
    """One connection of a pool for the length of a ``with`` block."""

    __slots__ = ("_connection", "_pool", "_slots")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __enter__(self) -> Any:
        self._connection, self._slots = self._pool.take()
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._pool.give_back(self._connection, self._slots, clean=kind is None)


def close(connection: Any) -> None:
    """Close a connection that may be broken."""
    with contextlib.suppress(Exception):
        connection.close()
