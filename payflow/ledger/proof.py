"""Chains computed again from their entries, and the first line that does not fit, with what is wrong with it. Pure.

A hash cannot be read backwards, but it can be asked: when a line does not fit, its old figures are worked out from what
stands around it, and if the hash fits with one of them, that is what was booked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..records import Account, Entry, Hold, Journal, replace
from . import chain
from .buckets import DEBT, Bucket

#: What can be wrong: the chain of an account, what its row says beside its entries, the chain of a payment.
CHAIN, ROW, PAYMENT = "I-24", "I-24b", "I-24c"
_KINDS = ("promo", "refill", "paid")
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Break:
    """Where the books of an account or a payment stop being what was booked.

    ``seq`` is the number of the first entry (of a payment: journal) that does not fit, or that is not there, and
    ``journal_id`` the journal it is of ("" where there is none); ``says`` what differs.
    """

    number: str
    name: str
    seq: int
    journal_id: str
    says: str


class AccountProof:
    """One account, its entries fed in the order of their numbers. Memory does not grow with them."""

    __slots__ = ("account", "balance", "broken", "buckets", "hash", "seq")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.seq = 0
        self.balance = 0
        self.hash = ""
        self.buckets: dict[str, int] = {}
        self.broken: Break | None = None

    def feed(
        self, entry: Entry, journal: Journal | None, lines: Sequence[Entry], following: Callable[[], Entry | None]
    ) -> bool:
        """Whether the next entry fits. ``lines`` are all of its journal; ``following`` finds the entry behind it."""
        expected = self.seq + 1
        if entry.seq != expected:
            last = (entry.seq or 0) - 1
            said = f"entry {expected} is" if last == expected else f"entries {expected} to {last} are"
            return self._breaks(expected, "", f"{said} missing")
        if journal is None:
            return self._breaks(expected, entry.journal_id, "its journal is missing")
        text = chain.content(journal, map(chain.line_of, lines))
        balance = self.balance + entry.amount
        fits = chain.link(self.hash, text, expected, entry.line, balance) == entry.hash
        if not fits or balance != entry.balance:
            return self._breaks(expected, entry.journal_id, self._differs(entry, journal, lines, following))
        self.seq, self.balance, self.hash = expected, balance, entry.hash
        left = self.buckets.get(entry.bucket, 0) + entry.amount
        if left:
            self.buckets[entry.bucket] = left
        else:
            self.buckets.pop(entry.bucket, None)
        return True

    def _breaks(self, seq: int, journal_id: str, says: str, number: str = CHAIN) -> bool:
        self.broken = self.broken or Break(number, self.account.id, seq, journal_id, says)
        return False

    # -- what differs -------------------------------------------------------------------------------------------

    def _differs(
        self, entry: Entry, journal: Journal, lines: Sequence[Entry], following: Callable[[], Entry | None]
    ) -> str:
        behind = following()
        known = self._worked_out(entry, journal, lines, behind) or self._exchanged(entry, journal, lines, behind)
        if known:
            return known
        if entry.balance != self.balance + entry.amount:
            return (
                f"its running balance is {entry.balance}, and {self.balance} before it and its amount "
                f"{_signed(entry.amount)} come to {self.balance + entry.amount}"
            )
        return _unknown(entry.hash, lines, f"entry {self.seq}" if self.seq else "the beginning")

    def _worked_out(self, entry: Entry, journal: Journal, lines: Sequence[Entry], behind: Entry | None) -> str:
        """The figures with which the hash fits: its amount by what stands around it, another line by the rest."""
        others = [line for line in lines if line.line != entry.line]
        amounts = [entry.amount, (entry.balance or 0) - self.balance, -sum(line.amount for line in others)]
        if behind is not None:
            amounts.append((behind.balance or 0) - behind.amount - self.balance)
        for amount in dict.fromkeys(amounts):
            own = [replace(line, amount=amount) if line.line == entry.line else line for line in lines]
            rest = sum(line.amount for line in own)
            for changed in (None, *others):
                told = [replace(one, amount=one.amount - rest) if one is changed else one for one in own]
                text = chain.content(journal, map(chain.line_of, told))
                balance = self.balance + amount
                if chain.link(self.hash, text, entry.seq or 0, entry.line, balance) == entry.hash:
                    return _said(entry, lines, told, balance)
        return ""

    def _exchanged(self, entry: Entry, journal: Journal, lines: Sequence[Entry], behind: Entry | None) -> str:
        """Two neighbours that stand in each other's place."""
        if behind is None or entry.seq is None:
            return ""
        text = chain.content(journal, map(chain.line_of, lines))
        for balance in (entry.balance or 0, behind.balance or 0):
            if chain.link(behind.hash, text, entry.seq + 1, entry.line, balance) == entry.hash:
                return f"entries {entry.seq} and {entry.seq + 1} stand in each other's place"
        return ""

    # -- the end ------------------------------------------------------------------------------------------------

    def finished(self, holds: Iterable[Hold], behind: Entry | None) -> list[Break]:
        """Everything was fed: what does not fit, and what the account's row says otherwise. Empty is what must be."""
        account = self.account
        if self.broken is None and self.seq < account.seq:
            missing = self.seq + 1
            said = f"entry {missing} is" if missing == account.seq else f"entries {missing} to {account.seq} are"
            self._breaks(missing, "", f"{said} missing at the end")
        if self.broken is None and behind is not None:
            number = behind.seq or 0
            self._breaks(number, behind.journal_id, f"stands behind entry {account.seq}, the account's last")
        if self.broken is not None:
            return [self.broken]
        return [Break(ROW, account.id, account.seq, "", says) for says in self._row(list(holds))]

    def _row(self, holds: Sequence[Hold]) -> Iterable[str]:
        account = self.account
        if account.balance != self.balance:
            yield f"the account says it has {account.balance}, and its entries come to {self.balance}"
        if account.chain != self.hash:
            yield "the account's hash is not that of its last entry"
        held = sum(hold.amount for hold in holds)
        if account.held != held:
            yield f"the account says {account.held} is held, and its open holds come to {held}"
        try:
            stored = {str(bucket[0]): Bucket(*bucket) for bucket in json.loads(account.buckets)}
        except (ValueError, TypeError):
            yield "the account's buckets cannot be read"
            return
        yield from self._buckets(stored, _held(holds))

    def _buckets(self, stored: Mapping[str, Bucket], held: Mapping[str, int]) -> Iterable[str]:
        for name in sorted(stored.keys() | self.buckets.keys() | held.keys()):
            kept = stored.get(name, Bucket(name, _kind(name), 0))
            if kept.remaining != self.buckets.get(name, 0):
                yield f"its bucket {name} has {kept.remaining}, and its entries come to {self.buckets.get(name, 0)}"
            if kept.held != held.get(name, 0):
                yield f"its bucket {name} has {kept.held} held, and the open holds took {held.get(name, 0)} of it"
            if kept.kind != _kind(name):
                yield f"its bucket {name} is {_kind(name)} credit, and it says {kept.kind}"
            lapses = _lapses(name)
            if name in stored and lapses not in (_UNKNOWN, kept.expires_at):
                yield f"its bucket {name} lapses at {lapses or 'no time'}, and it says {kept.expires_at or 'no time'}"


def _said(entry: Entry, lines: Sequence[Entry], booked: Sequence[Entry], balance: int) -> str:
    """What stands there now, and what was booked."""
    said = []
    for line, was in zip(lines, booked, strict=True):
        if line.amount != was.amount:
            what = "its amount"
            if line.line != entry.line:
                what = f"line {line.line} of its journal, on {line.ledger_account},"
            said.append(f"{what} is {_signed(line.amount)} and was booked as {_signed(was.amount)}")
    if balance != entry.balance:
        said.append(f"its running balance is {entry.balance} and was booked as {balance}")
    return "; ".join(said)


def _kind(bucket: str) -> str:
    """The kind of credit a bucket is of, by its name; top-ups have their payment's id, and what came on top a +."""
    if bucket == DEBT:
        return bucket
    before = bucket.partition(":")[0]
    if before in _KINDS:
        return before
    return "promo" if bucket.endswith("+") else "paid"


def _lapses(bucket: str) -> int | None:
    """When a bucket lapses, as its name says; ``_UNKNOWN`` for top-ups and what a policy has granted."""
    kind, colon, instant = bucket.partition(":")
    if kind in ("promo", "paid") and instant.isdecimal():
        return int(instant)
    return None if not colon and (kind in _KINDS or kind == DEBT) else _UNKNOWN


def _held(holds: Iterable[Hold]) -> dict[str, int]:
    held: dict[str, int] = {}
    for hold in holds:
        for name, share in json.loads(hold.allocation):
            held[name] = held.get(name, 0) + share
    return held


# -- payments ------------------------------------------------------------------------------------------------------


def prove_payment(
    name: str, booked: int, head: str, journals: Sequence[Journal], lines: Mapping[str, Sequence[Entry]]
) -> tuple[Break | None, int]:
    """The first journal of a payment that does not fit, and how many were booked before there were chains.

    Those have neither number nor hash, and nothing can be said of them; but none of them is younger than a chained one.
    """
    chained = sorted((one for one in journals if one.seq or one.hash), key=lambda one: (one.seq, one.at, one.id))
    plain = sorted((one for one in journals if not one.seq and not one.hash), key=lambda one: (one.at, one.id))
    before = ""
    for expected, journal in enumerate(chained, start=1):
        told = lines.get(journal.id, ())
        text = chain.content(journal, map(chain.line_of, told))
        if journal.seq > expected:
            found = _blanked(expected, before, plain, lines, (text, journal.hash))
            return _gap(name, expected, journal.seq - 1, found), len(plain)
        if journal.seq < expected:
            said = f"there are two journals numbered {journal.seq}" if journal.seq else "its number is blank"
            return Break(PAYMENT, name, journal.seq, journal.id, said), len(plain)
        if chain.journal_link(before, text, expected) != journal.hash:
            return Break(PAYMENT, name, expected, journal.id, _journal_differs(before, journal, told)), len(plain)
        before = journal.hash
    last = len(chained)
    if last < booked:
        found = _blanked(last + 1, before, plain, lines, ("", head))
        return _gap(name, last + 1, booked, found), len(plain)
    if last > booked:
        said = f"stands behind journal {booked}, the payment's last"
        return Break(PAYMENT, name, booked + 1, chained[booked].id, said), len(plain)
    if head != before:
        return Break(PAYMENT, name, last, "", "the payment's hash is not that of its last journal"), len(plain)
    for journal in plain:
        if chained and journal.at > chained[0].at:
            said = "has neither number nor hash, though an older journal of the payment has both"
            return Break(PAYMENT, name, 0, journal.id, said), len(plain)
    return None, len(plain)


def prove_alone(journal: Journal, lines: Sequence[Entry]) -> Break | None:
    """A journal that hangs on nothing: whether it is what was booked."""
    text = chain.content(journal, map(chain.line_of, lines))
    if chain.journal_link("", text, journal.seq) == journal.hash:
        return None
    return Break(PAYMENT, journal.id, journal.seq, journal.id, _journal_differs("", journal, lines))


def _blanked(
    expected: int, before: str, plain: Sequence[Journal], lines: Mapping[str, Sequence[Entry]], behind: tuple[str, str]
) -> Journal | None:
    """The journal without number and hash that fits into a gap. ``behind``: the text of the journal after the gap (""
    at the end) and its hash, or the payment's."""
    text, hashed = behind
    for journal in plain:
        told = chain.content(journal, map(chain.line_of, lines.get(journal.id, ())))
        link = chain.journal_link(before, told, expected)
        if hashed == (chain.journal_link(link, text, expected + 1) if text else link):
            return journal
    return None


def _gap(name: str, expected: int, last: int, blanked: Journal | None) -> Break:
    if blanked is not None:
        return Break(PAYMENT, name, expected, blanked.id, "its number and hash were blanked")
    said = f"journal {expected} is" if last == expected else f"journals {expected} to {last} are"
    return Break(PAYMENT, name, expected, "", f"{said} missing")


def _journal_differs(before: str, journal: Journal, lines: Sequence[Entry]) -> str:
    if not lines:
        return "its entries are missing"
    for line in lines:
        amount = line.amount - sum(other.amount for other in lines)
        told = [replace(one, amount=amount) if one.line == line.line else one for one in lines]
        text = chain.content(journal, map(chain.line_of, told))
        if chain.journal_link(before, text, journal.seq) == journal.hash:
            where = f"line {line.line}, on {line.ledger_account},"
            return f"{where} is {_signed(line.amount)} and was booked as {_signed(amount)}"
    return _unknown(journal.hash, lines, f"journal {journal.seq - 1}" if journal.seq > 1 else "the beginning")


def _unknown(hashed: str, lines: Sequence[Entry], before: str) -> str:
    total = sum(line.amount for line in lines)
    if total:
        return f"the lines of its journal come to {_signed(total)} and not to zero"
    if not hashed:
        return "its hash is blank"
    return (
        f"it does not hang on {before}: its journal (key, cause, use, memo, time) or one of its lines is not what was "
        "booked, or it was written by another hand"
    )


def _signed(amount: int) -> str:
    return f"{amount:+d}"
