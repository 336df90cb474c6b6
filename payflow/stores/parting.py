"""What of a set is the ledger's, and what is the payments'. Pure.

The ledger's are accounts of credit and everything below them: holds, refills, policies, and the journals and entries of
credit. A payment's own journals (captures, refunds, fees) stay with the payment, in its chain.
"""

from __future__ import annotations

from dataclasses import fields

from ..records import Changes, replace
from ..store import Wants

#: The parts of a set that are only ever the ledger's.
_OF_LEDGER = frozenset({
    "accounts", "holds", "account_changes", "refills", "policies", "policy_changes", "unchanged",
})  # fmt: skip
#: How to look, and not for what.
_MANNER = ("refunds", "attempts", "again")


def parted(changes: Changes) -> tuple[Changes, Changes]:
    """The payments' part of a set and the ledger's."""
    ours, theirs = Changes(), Changes()
    for one in fields(Changes):
        setattr(theirs if one.name in _OF_LEDGER else ours, one.name, getattr(changes, one.name))
    of_credit = {journal.id for journal in changes.journals if journal.account}
    theirs.journals = [journal for journal in changes.journals if journal.account]
    theirs.entries = [entry for entry in changes.entries if entry.journal_id in of_credit]
    ours.journals = [journal for journal in changes.journals if not journal.account]
    ours.entries = [entry for entry in changes.entries if entry.journal_id not in of_credit]
    return ours, theirs


def asks(changes: Changes) -> bool:
    """Whether there is anything to write, or to compare."""
    return bool(changes) or bool(changes.unchanged)


def wanted(wants: Wants) -> tuple[Wants | None, Wants | None]:
    """What is asked of the payments and of the ledger; ``None`` where that is nothing."""
    # Journals are asked for by name only to see whether an operation on credit was done before.
    theirs = Wants(
        accounts=wants.accounts, journals=wants.journals, holds=wants.holds, holding=wants.holding,
        policies=wants.policies, again=wants.again,
    )  # fmt: skip
    ours = replace(wants, accounts=set(), journals=set(), holds=set(), holding=set(), policies=set())
    return (ours if _asks(ours) else None), (theirs if _asks(theirs) else None)


def _asks(wants: Wants) -> bool:
    return any(getattr(wants, one.name) for one in fields(Wants) if one.name not in _MANNER)
