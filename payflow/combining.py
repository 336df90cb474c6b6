"""Many callbacks, one commit: whoever comes first takes along whoever waits.

A commit costs far more than the rows in it. While one thread writes, others gather behind it; the next one to lead
writes for all of them. Nobody waits for a timer: a lone callback goes through at once, as a batch of one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Ticket(Generic[Item, Result]):
    __slots__ = ("error", "item", "leads", "result", "turn")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.turn: threading.Lock | None = None  # held by whoever waits: released when its result is there, or it leads
        self.leads = False
        self.result: Result | None = None
        self.error: BaseException | None = None

    def go_on(self) -> None:
        """Wake whoever waits for this."""
        if self.turn is not None:
            self.turn.release()


class Combiner(Generic[Item, Result]):
    """Calls ``work`` with what several threads brought, at most ``limit`` items at a time, in order of arrival.

    ``work`` returns one result per item. If it raises for a set of several, each item is tried alone, so that only the
    one that is wrong is told so.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result]], *, limit: int = 64) -> None:
        self._work = work
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Item, Result]] = deque()
        self._busy = False

    def __call__(self, item: Item) -> Result:
        """Have ``item`` worked on, together with others if there are any; raises what ``work`` raised for it."""
        ticket: _Ticket[Item, Result] = _Ticket(item)
        with self._lock:
            if self._busy:
                ticket.turn = threading.Lock()
                ticket.turn.acquire()
                self._waiting.append(ticket)
            else:
                self._busy = ticket.leads = True
        if ticket.turn is not None:
            ticket.turn.acquire()
        if ticket.leads:
            self._lead(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.result  # type: ignore[return-value]  # set whenever there is no error

    def _lead(self, own: _Ticket[Item, Result]) -> None:
        with self._lock:
            others = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._limit - 1))]
        tickets = [own, *others]
        try:
            self._settle(tickets)
        finally:
            with self._lock:
                heir = self._waiting.popleft() if self._waiting else None
                self._busy = heir is not None
            for ticket in others:
                ticket.go_on()
            if heir is not None:
                heir.leads = True
                heir.go_on()

    def _settle(self, tickets: Sequence[_Ticket[Item, Result]]) -> None:
        try:
            results = self._work([ticket.item for ticket in tickets])
        except BaseException as error:  # noqa: BLE001 -- whoever brought the item gets it, whatever it is
            if len(tickets) == 1 or not isinstance(error, Exception):
                for ticket in tickets:
                    ticket.error = error
                return
            for ticket in tickets:
                self._settle([ticket])
            return
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result = result
