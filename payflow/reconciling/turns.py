"""One runner at a time: a lease says whose turn it is, and every write is fenced by the run's version.

A runner that was paused past its lease finds another version when it comes back, stores nothing any more, and stops.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..clock import Clock
from ..errors import Refused, StoreConflict
from ..records import BillItem, Difference, ReconRun, replace
from ..store import ReconStore

#: Told as it goes on: what is done, how far, and of how much (``None``: not known).
Progress = Callable[[str, int, "int | None"], None]
_TRIES = 8


def silent(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


class Turn:
    """A run that is ours for now. ``run`` is the run as stored."""

    def __init__(self, store: ReconStore, clock: Clock, run: ReconRun, lease: int, progress: Progress) -> None:
        self.store, self.clock, self.run, self.progress = store, clock, run, progress
        self._lease = lease

    @classmethod
    def take(
        cls, store: ReconStore, clock: Clock, wanted: ReconRun, lease: int, progress: Progress = silent
    ) -> Turn:  # fmt: skip
        """Take the run, or begin it. ``Refused``, ``RECON_RUNNING``, while somebody else is at it."""
        me = secrets.token_hex(8)
        for attempt in range(1, _TRIES + 1):
            now = clock()
            known = store.recon_run(wanted.id)
            if known is None:
                mine = replace(wanted, runner=me, lease_until=now + lease, created_at=now, updated_at=now)
                if _begun(store, mine):
                    return cls(store, clock, mine, lease, progress)
            elif known.runner and (known.lease_until or 0) > now:
                raise Refused(
                    "This day is being reconciled by another runner", code="RECON_RUNNING", retryable=True,
                    run=known.id, retry_after_seconds=((known.lease_until or 0) - now) // 1_000_000 + 1,
                )  # fmt: skip
            else:
                turn = cls(store, clock, known, lease, progress)
                if turn._stored(replace(known, runner=me), {}):
                    return turn
            time.sleep(random.uniform(0, 0.002 * 2**attempt))
        raise StoreConflict("The run cannot be taken: somebody else is always quicker", run=wanted.id)

    def write(
        self,
        *,
        items: Sequence[BillItem] = (),
        differences: Sequence[Difference] = (),
        gone: Sequence[str] = (),
        until_line: int | None = None,
        **changed: Any,
    ) -> None:
        """Store what has come of it and go on being the runner. ``Refused``, ``RECON_TAKEN_OVER``: somebody else is."""
        sets = {"items": items, "differences": differences, "gone": gone, "until_line": until_line}
        if not self._stored(replace(self.run, **changed), sets):
            raise Refused("Another runner has taken over", code="RECON_TAKEN_OVER", retryable=True, run=self.run.id)

    def go_on(self) -> None:
        """Keep the lease during work that stores nothing."""
        if (self.run.lease_until or 0) - self.clock() < self._lease // 2:
            self.write()

    def release(self, **changed: Any) -> ReconRun:
        """The last write: nobody is at it any more."""
        self._lease = 0
        self.write(runner="", **changed)
        return self.run

    def _stored(self, run: ReconRun, sets: dict[str, Any]) -> bool:
        now = self.clock()
        until = now + self._lease if self._lease else None
        after = replace(run, version=self.run.version + 1, lease_until=until, updated_at=now)
        for attempt in range(1, _TRIES + 1):
            try:
                stored = self.store.recon_write(self.run.version, after, **sets)
            except StoreConflict:  # a busy file or a deadlock: nothing is written
                if attempt == _TRIES:
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
            else:
                if stored:
                    self.run = after
                return stored
        raise AssertionError("unreachable")  # pragma: no cover


def _begun(store: ReconStore, run: ReconRun) -> bool:
    try:
        store.recon_begin(run)
    except StoreConflict:
        return False
    return True
