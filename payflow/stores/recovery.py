"""Ending what was prepared in the ledger's database, by what the payments' database says of it.

Anybody may do this at any time, any number at once. A decision is never guessed: where there is none, an abort is
written into its place first, and a writer that comes late finds it there and gives up.
"""

from __future__ import annotations

import contextlib
import logging

from ..errors import StoreConflict
from ..store import Recovery
from .branches import COMMIT, Branching, age

logger = logging.getLogger("payflow.stores")


def recover(payments: Branching, ledger: Branching, prefix: str, lease: int) -> Recovery:
    """End what is prepared under ``prefix``: what is decided at once, the rest when it is ``lease`` µs old."""
    found = Recovery()
    # Decisions first: what was decided before we looked and is not prepared any more has ended.
    decided = {decision.gid for decision in payments.decisions() if decision.gid.startswith(prefix)}
    prepared = ledger.branches(prefix)
    for gid in decided.difference(prepared):
        payments.forget_decision(gid)
    for gid in prepared:
        verdict = conclude(payments, ledger, gid, may_abort=age(gid) >= lease)
        told = found.waiting if verdict is None else found.committed if verdict == COMMIT else found.rolled_back
        told.append(gid)
    return found


def conclude(payments: Branching, ledger: Branching, gid: str, *, may_abort: bool, forget: bool = True) -> str | None:
    """End one prepared transaction as it is decided, or (``may_abort``) decide that it is rolled back.

    Its verdict; ``None`` if it has to wait: for its decision, or for somebody who has it in hand. ``forget``: the
    decision goes with it, which is a write.
    """
    verdict = payments.verdict(gid)
    if verdict is None:
        if not may_abort:
            return None
        payments.decide_abort(gid)  # or somebody was quicker, or is about to be: what is there by now holds
        verdict = payments.verdict(gid)
        if verdict is None:
            return None
    try:
        done = ledger.end_branch(gid, commit=verdict == COMMIT)
    except StoreConflict:
        return None
    if verdict == COMMIT and forget:
        with contextlib.suppress(StoreConflict):  # the next recovery does
            payments.forget_decision(gid)
    if done:
        logger.warning("A prepared transaction was ended by its decision: %s %s", verdict, gid)
    return verdict
