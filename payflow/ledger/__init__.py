"""The arithmetic of credit: accounts, what their credit consists of, and the chain that their entries form.

Pure. A :class:`~payflow.ledger.book.Book` is an account that is open for posting; what is posted to it comes out as
journals and entries that sum to zero, and the account comes out with its new balance.

    names      account and journal ids, payflow's own accounts, the kinds of journals
    buckets    which credit is spent first, what is held of it, what lapses when
    chain      the hash that makes each entry hang on the one before it
    book       an account open for posting
"""

from __future__ import annotations

from .book import Book
from .buckets import Bucket
from .names import KINDS, account_id, journal_id, owner_and_unit

__all__ = ["KINDS", "Book", "Bucket", "account_id", "journal_id", "owner_and_unit"]
