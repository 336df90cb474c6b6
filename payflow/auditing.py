"""Every balance computed again from its entries, every chain from its beginning, and the first line that does not fit.

The invariants (see :mod:`payflow.doctor`) say that figures agree; this says that they are what was booked. A page of
accounts or payments is read at one moment, a long account's lines page after page: memory stays as it is however many
there are, and whoever spends meanwhile is not in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .ledger.proof import AccountProof, Break, prove_alone, prove_payment
from .records import Entry, Journal
from .store import AccountState, ExplainStore

#: Accounts and payments looked at together, and lines of a long account.
ACCOUNTS, PAYMENTS, LINES = 200, 400, 1000
#: Told how many entries and payments were looked at.
Progress = Callable[[int], object]


@dataclass(slots=True)
class Audited:
    """What an audit looked at. ``unchained``: journals from before schema version 2, which no chain holds."""

    accounts: int = 0
    entries: int = 0
    payments: int = 0
    journals: int = 0
    unchained: int = 0


class Audit:
    """One pass over all accounts and all payments of a store."""

    def __init__(self, store: ExplainStore, *, progress: Progress = lambda _: None) -> None:
        self.store = store
        self.seen = Audited()
        self._progress = progress

    def breaks(self) -> Iterator[Break]:
        """What does not fit, as it is found: the first of an account's or payment's chain, or what its row says."""
        yield from self.accounts()
        yield from self.payments()
        yield from self.alone()

    def accounts(self) -> Iterator[Break]:
        """The accounts' part of it."""
        after = ""
        while page := self.store.account_states(after, ACCOUNTS):
            after = page[-1].account.id
            short = [line for state in page for line in state.lines or ()]
            lines = self._lines_of(short)
            for state in page:
                yield from self._account(state, lines)

    def _account(self, state: AccountState, lines: dict[str, list[Entry]]) -> list[Break]:
        proof = AccountProof(state.account)
        if state.lines is not None:
            self._feed(proof, state.lines, lines)
            self._progress(state.account.seq)
        else:
            self._long(proof)
        self.seen.accounts += 1
        self.seen.entries += proof.seq
        return proof.finished(state.holds, state.behind)

    def _long(self, proof: AccountProof) -> None:
        """An account with many lines, up to its last entry as it was read; what was added since is not looked at."""
        account = proof.account
        while proof.broken is None and proof.seq < account.seq:
            began = proof.seq
            page = self.store.lines(account.id, began, account.seq, LINES)
            if not page:
                break
            self._feed(proof, page, self._lines_of(page))
            self._progress(proof.seq - began)
        self._progress(account.seq - proof.seq)

    def _feed(
        self, proof: AccountProof, page: Sequence[tuple[Entry, Journal | None]], lines: dict[str, list[Entry]]
    ) -> None:
        for entry, journal in page:
            if not proof.feed(entry, journal, lines.get(entry.journal_id, ()), lambda: self._behind(proof)):
                return

    def _behind(self, proof: AccountProof) -> Entry | None:
        """The entry behind the one that does not fit."""
        found = self.store.lines(proof.account.id, proof.seq + 1, proof.seq + 2, 1)
        return found[0][0] if found else None

    def _lines_of(self, page: Sequence[tuple[Entry, Journal | None]]) -> dict[str, list[Entry]]:
        return self.store.entries_of({entry.journal_id for entry, _ in page})

    def payments(self) -> Iterator[Break]:
        """The payments' part of it."""
        after = ""
        while page := self.store.payment_states(after, PAYMENTS):
            after = page[-1].id
            lines = self.store.entries_of({journal.id for state in page for journal in state.journals})
            for state in page:
                broken, unchained = prove_payment(state.id, state.booked, state.chain, state.journals, lines)
                self.seen.payments += 1
                self.seen.journals += len(state.journals)
                self.seen.unchained += unchained
                if broken is not None:
                    yield broken
            self._progress(len(page))

    def alone(self) -> Iterator[Break]:
        """Journals that are of no payment and no account (a day's fees): each is a chain of its own."""
        after = ""
        while page := self.store.lone_journals(after, PAYMENTS):
            after = page[-1].id
            lines = self.store.entries_of({journal.id for journal in page})
            self.seen.journals += len(page)
            for journal in page:
                broken = prove_alone(journal, lines.get(journal.id, ()))
                if broken is not None:
                    yield broken
