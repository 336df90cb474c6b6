"""An account open for posting: its figures change in memory, and come out as one record at the end."""

from __future__ import annotations

from typing import Any

from ..errors import Refused
from ..records import Account, replace
from . import buckets as credit
from .buckets import DEBT, Bucket, Parts

#: The largest balance, in either direction: sums of many accounts fit into 64 bits, and every JSON reader holds it.
MAX_BALANCE = 9_007_199_254_740_991


class Book:
    """``account`` is as it was read (or new); the figures beside it are as they are now."""

    __slots__ = (
        "account", "activity", "balance", "buckets", "chain", "forced", "held", "is_new", "read", "seq", "touched",
    )  # fmt: skip

    def __init__(self, account: Account, *, is_new: bool = False) -> None:
        self.account = account
        self.read = account
        self.is_new = is_new
        self.balance = account.balance
        self.held = account.held
        self.seq = account.seq
        self.chain = account.chain
        self.activity = account.activity
        self.buckets = credit.read(account.buckets)
        self.touched = is_new
        self.forced = False  # debt was put on it without asking whether it may have any

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account.id

    @property
    def debt(self) -> int:
        """What is owed, as a positive number."""
        return -next((kept.remaining for kept in self.buckets if kept.kind == DEBT), 0)

    def available(self, now: int) -> int:
        """What can be spent without debt; negative where there is debt."""
        return sum(kept.free(now) for kept in self.buckets) - self.debt

    def has_room(self, amount: int) -> bool:
        """Whether the balance may be larger by so much."""
        return self.balance + amount <= MAX_BALANCE

    def set(self, **fields: Any) -> None:
        """Change what is no figure: tier, schedule, limits."""
        self.account = replace(self.account, **fields)
        self.touched = True

    # -- movements: what each takes and gives, bucket by bucket --------------------------------------------------

    def give(self, bucket: Bucket) -> Parts:
        """Put credit in. Debt is paid first. ``CREDIT_OVERFLOW`` above ``MAX_BALANCE``."""
        amount = bucket.remaining
        if not self.has_room(amount):
            raise Refused("The balance would be larger than it can be", code="CREDIT_OVERFLOW", account=self.id)
        parts: Parts = []
        owed = min(self.debt, amount)
        if owed:
            credit.change(self.buckets, DEBT, remaining=owed)
            parts.append((DEBT, owed))
        if amount > owed:
            credit.put(self.buckets, bucket._replace(remaining=amount - owed))
            parts.append((bucket.id, amount - owed))
        return self._moved(parts)

    def take(self, amount: int, now: int, *, only: frozenset[str] | None = None) -> tuple[Parts, int]:
        """Take credit out, in its order; what was taken and how much was not there."""
        parts, lacking = credit.allot(self.buckets, amount, now, only)
        for name, share in parts:
            credit.change(self.buckets, name, remaining=-share)
        return self._moved([(name, -share) for name, share in parts]), lacking

    def owe(self, amount: int, *, forced: bool = False) -> Parts:
        """Go into debt; ``forced``: whatever the credit limit. ``CREDIT_OVERFLOW`` below ``-MAX_BALANCE``."""
        if self.balance - amount < -MAX_BALANCE:
            raise Refused("The debt would be larger than it can be", code="CREDIT_OVERFLOW", account=self.id)
        self.forced |= forced
        credit.put(self.buckets, Bucket(DEBT, DEBT, -amount))
        return self._moved([(DEBT, -amount)])

    def lapse(self, now: int) -> Parts:
        """Take out what has lapsed."""
        parts = credit.lapsed(self.buckets, now)
        self.forced |= bool(parts) and self.debt > 0
        for name, share in parts:
            credit.change(self.buckets, name, remaining=-share)
        return self._moved([(name, -share) for name, share in parts]) if parts else []

    def repay(self, now: int) -> Parts:
        """Pay what is owed with credit that is free again, so that there never is both."""
        parts, lacking = credit.allot(self.buckets, self.debt, now)
        if not parts:
            return []
        paid = self.debt - lacking
        for name, share in parts:
            credit.change(self.buckets, name, remaining=-share)
        credit.change(self.buckets, DEBT, remaining=paid)
        return self._moved([*((name, -share) for name, share in parts), (DEBT, paid)])

    def _moved(self, parts: Parts) -> Parts:
        self.balance += sum(share for _, share in parts)
        self.touched = True
        return parts

    # -- holds --------------------------------------------------------------------------------------------------

    def hold(self, amount: int, now: int) -> Parts:
        """Reserve credit that is there; from which buckets."""
        parts, lacking = credit.allot(self.buckets, amount, now)
        if lacking:
            raise AssertionError("A hold of more than is available")
        for name, share in parts:
            credit.change(self.buckets, name, held=share)
        self.held += amount
        self.touched = True
        return parts

    def free(self, allocation: Parts) -> None:
        """Give back what was reserved."""
        for name, share in allocation:
            credit.change(self.buckets, name, held=-share)
            self.held -= share
        self.touched = True

    def spend_held(self, allocation: Parts, amount: int) -> Parts:
        """Spend ``amount`` of what was reserved, in the order it was, and give back the rest."""
        parts: Parts = []
        for name, share in allocation:
            spent = min(share, amount)
            amount -= spent
            credit.change(self.buckets, name, remaining=-spent, held=-share)
            self.held -= share
            if spent:
                parts.append((name, -spent))
        return self._moved(parts)

    # -- the end ------------------------------------------------------------------------------------------------

    def closed(self, now: int) -> Account:
        """The account as it is to be stored: one version further, however much was posted."""
        free, floor = self.balance - self.held, -self.account.credit_limit
        if free < floor:
            # Debt beyond the limit was forced on it: that is its floor until it is paid, which only ever rises unless
            # more is forced on it. Whatever else went below is refused by the database's own check.
            floor = min(self.read.floor, free) if self.forced else max(self.read.floor, free)
        return replace(
            self.account, balance=self.balance, held=self.held, floor=floor, seq=self.seq, chain=self.chain,
            version=1 if self.is_new else self.read.version + 1, activity=self.activity,
            buckets=credit.written(self.buckets), next_expiry_at=credit.next_expiry(self.buckets), updated_at=now,
        )  # fmt: skip
