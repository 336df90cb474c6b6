"""What an account's credit consists of: promotional before refilled before paid, and of each what lapses first.

A bucket is credit with one origin and one end. Credit that never lapses is merged into one bucket of its kind, but for
top-ups: each is a bucket of its own, so that its refund knows what is left of it. Debt is a bucket, too, with less than
nothing in it; so the buckets of an account always add up to its balance.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

#: In this order credit is spent.
ORDER = {"promo": 0, "refill": 1, "paid": 2, "debt": 3}
DEBT = "debt"
_NEVER = 1 << 62


class Bucket(NamedTuple):
    """``remaining`` includes ``held``; ``expires_at`` is an instant, ``None`` for never."""

    id: str
    kind: str  # promo, refill, paid, debt
    remaining: int
    held: int = 0
    expires_at: int | None = None

    def free(self, now: int) -> int:
        """What can be spent or held of it."""
        if self.kind == DEBT or (self.expires_at is not None and self.expires_at <= now):
            return 0
        return self.remaining - self.held


def of_kind(kind: str, amount: int, expires_at: int | None) -> Bucket:
    """Credit of one kind and end is one bucket, however often it is given."""
    return Bucket(kind if expires_at is None else f"{kind}:{expires_at}", kind, amount, 0, expires_at)


#: What a movement takes from or gives to each bucket: its id and units, signed.
Parts = list[tuple[str, int]]


def read(text: str) -> list[Bucket]:
    """The buckets of an account, in the order in which they are spent."""
    return [Bucket(*kept) for kept in json.loads(text)] if text != "[]" else []


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def written(buckets: Iterable[Bucket]) -> str:
    """As stored; what is empty and not held is gone."""
    return _encode([bucket for bucket in buckets if bucket.remaining or bucket.held])


def put(buckets: list[Bucket], new: Bucket) -> None:
    """Add credit: to the bucket of that id, or as a new one in its place."""
    for at, kept in enumerate(buckets):
        if kept.id == new.id:
            buckets[at] = kept._replace(remaining=kept.remaining + new.remaining)
            return
    rank = _rank(new)
    at = next((at for at, kept in enumerate(buckets) if _rank(kept) > rank), len(buckets))
    buckets.insert(at, new)


def _rank(bucket: Bucket) -> tuple[int, int]:
    return ORDER[bucket.kind], _NEVER if bucket.expires_at is None else bucket.expires_at


def allot(buckets: Sequence[Bucket], amount: int, now: int, only: frozenset[str] | None = None) -> tuple[Parts, int]:
    """From which buckets ``amount`` is taken, in order, and how much of it they do not have. Changes nothing."""
    parts: Parts = []
    for bucket in buckets:
        if not amount:
            break
        if only is not None and bucket.id not in only:
            continue
        share = min(bucket.free(now), amount)
        if share > 0:
            parts.append((bucket.id, share))
            amount -= share
    return parts, amount


def change(buckets: list[Bucket], bucket_id: str, *, remaining: int = 0, held: int = 0) -> None:
    """Add to what is left of a bucket, and to what is held of it. It has to be there."""
    for at, kept in enumerate(buckets):
        if kept.id == bucket_id:
            buckets[at] = kept._replace(remaining=kept.remaining + remaining, held=kept.held + held)
            return
    raise LookupError(bucket_id)


def lapsed(buckets: Sequence[Bucket], now: int) -> Parts:
    """What has lapsed and is not held: bucket and units."""
    return [
        (kept.id, kept.remaining - kept.held)
        for kept in buckets
        if kept.expires_at is not None and kept.expires_at <= now and kept.remaining > kept.held
    ]


def next_expiry(buckets: Iterable[Bucket]) -> int | None:
    """When credit lapses next; held credit lapses once it is free again."""
    return min(
        (kept.expires_at for kept in buckets if kept.expires_at is not None and kept.remaining > kept.held),
        default=None,
    )
