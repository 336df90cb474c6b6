"""Several processes with several callers each, started together: payflow's half and the raw one.

The children stay for the whole run, with their connections open and their keys parsed, and wait for work. What is
timed is from the common start to the last one's end.
"""

from __future__ import annotations

import gc
import multiprocessing
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from payflow.gateway import Callback

from .measuring import Job, in_sets
from .raw import Piece, RawPostgres

Shares = Sequence[Sequence[Any]]  # one share of the work per caller


class Crowd:
    """``processes`` times ``callers``, all on one database."""

    def __init__(self, url: str, private_key: bytes, processes: int, callers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._callers = callers
        self._lines: list[Connection] = []
        self._children = []
        for _ in range(processes):
            here, there = context.Pipe()
            child = context.Process(target=_live, args=(there, url, private_key, callers), daemon=True)
            child.start()
            there.close()
            self._lines.append(here)
            self._children.append(child)
        for line in self._lines:
            assert line.recv() == "open"

    def jobs(self, kind: str, work: Sequence[Any]) -> list[Job]:
        """Hand out ``work`` (``Piece`` for ``raw``, ``Callback`` for ``ours``) now; each job starts one slice of it.

        Slices are few here: starting and gathering a crowd is not what is measured.
        """
        return [self._job(f"{kind} {number}", part) for number, part in enumerate(in_sets(work, -(-len(work) // 3)))]

    def _job(self, kind: str, work: Sequence[Any]) -> Job:
        total = len(self._lines) * self._callers
        shares = [work[number::total] for number in range(total)]
        for number, line in enumerate(self._lines):
            line.send(("take", kind, shares[number * self._callers : (number + 1) * self._callers]))
        for line in self._lines:
            assert line.recv() == "ready"

        def go() -> int:
            for line in self._lines:
                line.send(("go", kind, ()))
            done = [line.recv() for line in self._lines]
            assert all(isinstance(one, int) for one in done), done
            return sum(done)

        return go

    def close(self) -> None:
        for line in self._lines:
            line.send(None)
            line.close()
        for child in self._children:
            child.join(10)


def _live(line: Connection, url: str, private_key: bytes, callers: int) -> None:
    """The life of one child: take work of either kind, go when told, say how much was done."""
    from payflow.stores import open_store

    from .material import AlipayDesk
    from .world import open_bench_flow

    flow = open_bench_flow(open_store(url, pool_size=callers), AlipayDesk(private_key))
    connections = [RawPostgres(url) for _ in range(callers)]

    def raw(caller: int, share: Sequence[Piece]) -> int:
        return connections[caller].one_by_one(share)

    def ours(_caller: int, share: Sequence[Callback]) -> int:
        replies = [flow.receive(callback) for callback in share]
        assert all(reply.body == b"success" for reply in replies)
        return len(replies)

    waiting: dict[str, Shares] = {}
    line.send("open")
    while (order := line.recv()) is not None:
        what, kind, shares = order
        if what == "take":
            waiting[kind] = shares
            gc.collect()
            line.send("ready")
        else:
            line.send(_together(raw if kind.startswith("raw") else ours, waiting.pop(kind)))
    for connection in connections:
        connection.close()
    flow.store.close()


def _together(work: Callable[[int, Sequence[Any]], int], shares: Shares) -> int | str:
    """One thread per share; what all of them did, or what went wrong."""
    done: list[int] = []
    wrong: list[str] = []

    def call(caller: int, share: Sequence[Any]) -> None:
        try:
            done.append(work(caller, share))
        except Exception as error:  # noqa: BLE001 -- told to the parent, which stops
            wrong.append(repr(error))

    threads = [threading.Thread(target=call, args=(number, share)) for number, share in enumerate(shares)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong[0] if wrong else sum(done)
