"""What the faults that strike a call do to it. Deciding only; the side does it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from ..clock import SECOND
from .books import Fault
from .faults import CALL_FAULTS
from .messages import Outgoing

_BEFORE = ("drop_before", "bad_gateway", "busy", "system_error")
_QUERIES = frozenset({"stale_query"})
_AMOUNTS = frozenset({"wrong_amount"})


def kinds_for(operation: str) -> list[str]:
    """The faults that can strike an operation: one that could do nothing there is kept for a call where it can."""
    left_out: set[str] = set()
    if operation != "query":
        left_out |= _QUERIES
    if operation not in ("query", "charge", "query_refund"):
        left_out |= _AMOUNTS
    return [kind for kind in CALL_FAULTS if kind not in left_out]


def before(struck: Mapping[str, Fault], now: int) -> str:
    """Which fault ends the call before anything is done; "" if none does."""
    flapping = struck.get("flapping")
    if flapping is not None and is_down(flapping, now):
        return "drop_before"
    return next((kind for kind in _BEFORE if kind in struck), "")


def is_down(flapping: Fault, now: int) -> bool:
    """Whether a gateway that is up and down by turns is down; it begins up."""
    period = int(flapping.value * SECOND) or SECOND
    return (now - flapping.created_at) // period % 2 == 1


def wait(struck: Mapping[str, Fault]) -> None:
    """``delay``: the answer is late by the machine's own clock, since the caller waits by it."""
    if "delay" in struck:
        time.sleep(struck["delay"].value)


def travelled(answer: Outgoing, struck: Mapping[str, Fault]) -> Outgoing:
    """The answer after what happens to it on its way."""
    if "drop_after" in struck:
        return Outgoing(0, drop=True)
    if "malformed" in struck:
        answer = replace(answer, body=answer.body[: len(answer.body) // 2])
    if "slow_bytes" in struck:
        answer = replace(answer, bytes_per_second=struck["slow_bytes"].value or 1.0)
    return answer


def bad_gateway() -> Outgoing:
    """What stands before a server that does not answer: 502 and a page."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
    return Outgoing(502, page, {"Content-Type": "text/html"})
