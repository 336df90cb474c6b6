"""Scripted faults: a process that ends at a point, two that meet at one, and everything that was passed on the way.

A point is a place where a process can end with a difference: before or after an operation of the store, before or after
a call to a gateway. ``faults.watch(flow)`` lets a flow pass them; the fixture ``payflow_opened`` has done so::

    payflow_faults.crash("after", "refund")        # the gateway has done it, and its answer is lost
    with pytest.raises(Crash):
        flow.refund(payment.id, amount=Money(500), key="r")
    flow = payflow_opened()                        # the process comes again, over the same database

Names are those of the operations: of a store ``write`` (a set of decisions and its commit), ``transaction`` (a handler
with its effect), ``claim_due``, ``claim_messages``, ``finish_messages`` and the rest of :data:`WRITES`; of a gateway
``charge``, ``query``, ``close``, ``refund``, ``query_refund``, or ``send`` for any of them. ``commit`` is the COMMIT of
payflow's own transactions: everything is written and nobody sees it. (On PostgreSQL a set is one statement, which is
its own transaction: there it is the statement.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ..flow import Flow

F = TypeVar("F", bound="Flow")

#: The operations of a store that write, less ``transaction`` and ``together``, which are blocks.
WRITES = (
    "write", "claim_due", "claim_messages", "finish_messages", "forget_keys", "revive", "enrol", "write_refills",
    "recon_begin", "recon_write",
)  # fmt: skip
SENDS = ("charge", "query", "close", "refund", "query_refund")
_WHEN = ("before", "after")
_KNOWN = frozenset({*WRITES, *SENDS, "transaction", "commit", "send"})


class Crash(BaseException):
    """This process ends here. No ``except Exception`` catches it, and the flow it struck does nothing any more."""


@dataclass(slots=True)
class _Process:
    """What a flow stands for: once it is dead, nothing of it happens."""

    dead: bool = False


@dataclass(slots=True)
class _Scripted:
    """Something that is to happen at a point, the ``left``-th time it is passed."""

    point: str  # "" for any point
    left: int
    strike: Callable[[_Process], None]
    again: int = 0  # how many more may come and take part
    struck: bool = False


class Faults:
    """What goes wrong, and where. Everything scripted has to happen: :meth:`check` fails for what did not."""

    def __init__(self) -> None:
        #: Every point that was passed, in order: ``"before write"``, ``"after write"`` …
        self.passed: list[str] = []
        self._scripted: list[_Scripted] = []
        self._lock = threading.Lock()

    # -- the script -------------------------------------------------------------------------------------------------

    def crash(self, when: str, what: str, *, number: int = 1) -> None:
        """:class:`Crash` at a point, the ``number``-th time from now that it is passed."""
        self._script(_point(when, what), number, _crash)

    def crash_at(self, number: int) -> None:
        """:class:`Crash` at the ``number``-th point from now, whichever it is: to try them all, one after the other."""
        self._script("", number, _crash)

    def kill(self, when: str, what: str, *, number: int = 1) -> None:
        """SIGKILL to this very process: only inside :func:`in_a_process`."""
        self._script(_point(when, what), number, _kill)

    def meet(self, when: str, what: str, *, parties: int = 2, seconds: float = 10) -> None:
        """Whoever comes to a point first waits there for the others, so that all go on from it together.

        They have to be flows of their own, as processes are: callbacks to one flow share a commit. ``AssertionError``
        in who waited longer than ``seconds``.
        """
        barrier = threading.Barrier(parties)

        def wait(_: _Process) -> None:
            try:
                barrier.wait(seconds)
            except threading.BrokenBarrierError:
                raise AssertionError(f"Not all {parties} came {when} {what} within {seconds:g} s") from None

        self._script(_point(when, what), 1, wait, again=parties - 1)

    def check(self) -> None:
        """``AssertionError`` for what was scripted and never happened: such a test has proved nothing."""
        missed = [one.point or "any point" for one in self._scripted if not one.struck or one.again > 0]
        assert not missed, f"Never came to: {', '.join(missed)}; passed: {', '.join(self.passed) or 'nothing'}"

    def _script(self, point: str, number: int, strike: Callable[[_Process], None], *, again: int = 0) -> None:
        with self._lock:
            self._scripted.append(_Scripted(point, number, strike, again))

    # -- flows ------------------------------------------------------------------------------------------------------

    def watch(self, flow: F) -> F:
        """Let this flow pass its points, as one process; the same flow."""
        process = _Process()
        self._watch_store(flow.store, process)
        for gateway in flow.gateways.values():
            for name in SENDS:
                self._around(gateway, name, process)
        return flow

    def _watch_store(self, store: Any, process: _Process) -> None:
        for name in WRITES:
            self._around(store, name, process)
        for name in ("_commit", "_write_at_once"):
            self._around(store, name, process, called="commit")
        transaction, together, join = store.transaction, store.together, store.join

        @contextlib.contextmanager
        def transaction_() -> Iterator[Any]:
            with self._points("transaction", process), transaction() as inner:
                yield inner

        @contextlib.contextmanager
        def together_() -> Iterator[Any]:
            with together() as inner:
                write = inner.write

                def write_(changes: Any) -> None:
                    self._pass("before", "write", process)
                    write(changes)

                inner.write = write_
                yield inner
            self._pass("after", "write", process)  # what was written is there only now

        def join_(connection: Any) -> Any:
            joined = join(connection)
            self._watch_store(joined, process)
            return joined

        store.transaction, store.together, store.join = transaction_, together_, join_

    def _around(self, thing: Any, name: str, process: _Process, *, called: str = "") -> None:
        real = getattr(thing, name, None)
        if real is None:  # not every store reconciles, not every gateway refunds
            return

        def watched(*given: Any, **named: Any) -> Any:
            with self._points(called or name, process):
                return real(*given, **named)

        setattr(thing, name, watched)

    @contextlib.contextmanager
    def _points(self, what: str, process: _Process) -> Iterator[None]:
        self._pass("before", what, process)
        yield
        self._pass("after", what, process)

    def _pass(self, when: str, what: str, process: _Process) -> None:
        if process.dead:
            raise Crash("This process has ended; open another flow")
        point = f"{when} {what}"
        with self._lock:
            self.passed.append(point)
            due = [scripted for scripted in self._scripted if _comes(scripted, point)]
        for scripted in due:
            scripted.strike(process)

    # -- several at once --------------------------------------------------------------------------------------------

    @staticmethod
    def at_once(*calls: Callable[[], Any]) -> list[Any]:
        """Call all of these, each in a thread of its own, all starting together; what each returned or raised."""
        barrier = threading.Barrier(len(calls))
        results: list[Any] = [None] * len(calls)

        def run(place: int, call: Callable[[], Any]) -> None:
            barrier.wait()
            try:
                results[place] = call()
            except BaseException as error:  # noqa: BLE001 -- whatever it is, whoever asked gets it
                results[place] = error

        threads = [threading.Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


def in_a_process(work: Callable[[], object]) -> int:
    """Run ``work`` in a forked process: 0, or the number of the signal that ended it. ``AssertionError`` if it raised.

    It opens a flow of its own inside (``payflow_opened()``). Only where processes can be forked.
    """
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 -- whatever it was, this process ends here and says so
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the process raised: see its traceback above"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _point(when: str, what: str) -> str:
    if when not in _WHEN or what not in _KNOWN:
        raise ValueError(f"There is no point {when!r} {what!r}: {', '.join(_WHEN)}; {', '.join(sorted(_KNOWN))}")
    return f"{when} {what}"


def _comes(scripted: _Scripted, point: str) -> bool:
    """Whether it is this one's turn; counts it."""
    when, _, what = point.partition(" ")
    if scripted.point not in ("", point) and not (scripted.point == f"{when} send" and what in SENDS):
        return False
    if scripted.struck:
        scripted.again -= 1
        return scripted.again >= 0
    scripted.left -= 1
    scripted.struck = scripted.left == 0
    return scripted.struck


def _crash(process: _Process) -> None:
    process.dead = True
    raise Crash("The process ends here, as scripted")


def _kill(process: _Process) -> None:
    process.dead = True
    os.kill(os.getpid(), signal.SIGKILL)
