"""What an account has, as it is at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ledger import buckets as credit
from ..ledger.book import Book
from ..ledger.buckets import Bucket
from ..records import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Figures in units. ``available`` can be spent or held now; ``held`` is reserved; ``debt`` is owed.

    ``balance`` is what the ledger says: credit that has lapsed and is not booked out yet is in it, and not in
    ``available``. ``buckets`` are in the order in which they are spent.
    """

    account: Account
    balance: int
    available: int
    held: int
    debt: int
    buckets: Sequence[Bucket]
    next_expiry_at: int | None

    @classmethod
    def of(cls, account: Account, now: int) -> Balance:
        """What ``account`` has at ``now``."""
        book = Book(account)
        alive = [kept for kept in book.buckets if kept.held or kept.free(now)]
        return cls(
            account=account, balance=account.balance, available=book.available(now), held=account.held, debt=book.debt,
            buckets=alive, next_expiry_at=credit.next_expiry(alive),
        )  # fmt: skip
