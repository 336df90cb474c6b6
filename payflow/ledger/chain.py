"""The chain: every entry of an account hangs on the one before it, every journal of a payment likewise.

Whoever changes, removes or slips in a line would have to write anew everything that came after it, and the account's or
payment's own row as well. ``payflow doctor`` computes the chains again and names the first line that does not fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from ..records import Entry, Journal


def content(journal: Journal, lines: Iterable[tuple[str, str, int, str]]) -> str:
    """A journal and its lines (account, unit, amount, bucket) as one text. No field can hold what separates them."""
    told = "\x1e".join([f"{account}\x1f{unit}\x1f{amount}\x1f{bucket}" for account, unit, amount, bucket in lines])
    return (
        f"{journal.id}\x1f{journal.kind}\x1f{journal.ref}\x1f{journal.payment_id}\x1f{journal.cause_kind}"
        f"\x1f{journal.cause_id}\x1f{journal.account}\x1f{journal.use}\x1f{journal.memo}\x1f{journal.digest}"
        f"\x1f{journal.at}\x1d{told}"
    )


def line_of(entry: Entry) -> tuple[str, str, int, str]:
    """What :func:`content` wants to know of an entry."""
    return entry.ledger_account, entry.currency, entry.amount, entry.bucket


def link(before: str, text: str, seq: int, line: int, balance: int) -> str:
    """The hash of an account's entry: of the one before it, its journal, and what it comes to."""
    return sha256(f"{before}\x1d{text}\x1d{seq}\x1f{line}\x1f{balance}".encode()).hexdigest()


def journal_link(before: str, text: str, seq: int) -> str:
    """The hash of a payment's journal: of the one before it and its own content."""
    return sha256(f"{before}\x1d{text}\x1d{seq}".encode()).hexdigest()
