"""The points of a commit over two databases, and what can happen at each of them."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from payflow.stores import SplitStore
from payflow.stores.branches import Branch, Branching

#: What is stored at each of them: nothing for good before the decision, everything for good after it.
UNDECIDED = ("before prepare", "after prepare")
DECIDED = ("after decision", "after commit", "after forgetting")
POINTS = UNDECIDED + DECIDED


@contextmanager
def at(point: str, happens: Callable[[], None], *, times: int = 1) -> Iterator[None]:
    """Have something happen at a point of a commit, the first so many times that it is reached."""
    left = [times]

    def reached(name: str) -> None:
        if name == point and left[0]:
            left[0] -= 1
            happens()

    prepare, end, forget = Branch.prepare, SplitStore._end, Branching.forget_decision

    def preparing(self: Branch) -> Any:
        reached("before prepare")
        decision = prepare(self)
        reached("after prepare")
        return decision

    def ending(self: SplitStore, branch: Branch, *, commit: bool) -> bool:
        if commit:
            reached("after decision")
        return end(self, branch, commit=commit)

    def forgetting(self: Branching, gid: str) -> None:
        reached("after commit")
        forget(self, gid)
        reached("after forgetting")

    with (
        mock.patch.object(Branch, "prepare", preparing),
        mock.patch.object(SplitStore, "_end", ending),
        mock.patch.object(Branching, "forget_decision", forgetting),
    ):
        yield


def kill() -> None:
    """What no program survives."""
    os.kill(os.getpid(), signal.SIGKILL)


def pause() -> None:
    """Stand still until somebody says go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


class Child:
    """A process of its own that does one thing; ``happens`` at a point of its commit."""

    def __init__(self, does: Callable[[], None], point: str = "", happens: Callable[[], None] = kill) -> None:
        self.pid = os.fork()
        if not self.pid:
            status = 1
            try:
                with at(point, happens):
                    does()
                status = 0
            except BaseException:  # noqa: BLE001 -- whatever it is, it ends here
                traceback.print_exc()
            os._exit(status)

    def died(self) -> bool:
        """Wait for its end: whether it was killed."""
        status = os.waitpid(self.pid, 0)[1]
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed; its words are above"
        return os.WIFSIGNALED(status)

    def stopped(self) -> None:
        """Wait until it stands still."""
        assert os.WIFSTOPPED(os.waitpid(self.pid, os.WUNTRACED)[1])

    def goes_on(self) -> None:
        """Let it go on, to its end."""
        os.kill(self.pid, signal.SIGCONT)
        assert not self.died()


def recovered(store: SplitStore) -> None:
    """Recover until nothing waits: a server notices a dead client a moment later."""
    until = time.monotonic() + 20
    while store.recover(lease_seconds=0).waiting:
        assert time.monotonic() < until, "something is still waiting"
        time.sleep(0.05)
