"""Names in the ledger: whose account, which journal, and payflow's own accounts on the other side."""

from __future__ import annotations

import hashlib
import re

from ..errors import InvalidRequest
from ..identifiers import checked_text

#: Journals of credit, and payflow's own account that stands against the owner's. ``transfer`` has two owners.
KINDS = {
    "topup": "issued",  # bought by a payment
    "grant": "issued",  # given by the host: a welcome, a bonus
    "refill": "issued",  # given by a policy
    "spend": "used",
    "settle": "used",  # what a hold came to
    "transfer": "",
    "expiry": "expired",  # promotional credit whose time is over
    "clawback": "issued",  # a top-up is refunded
    "clawback_undone": "issued",  # and its refund failed
    "repayment": "",  # credit that was held is free again, and pays what is owed: within one account
    "adjustment": "adjusted",  # a person's correction
}

_UNIT = re.compile(r"[A-Za-z0-9_-]{1,24}", re.ASCII)
_OWNER = 96
#: What every database takes as a key.
_LONGEST = 191


def account_id(owner: str, unit: str) -> str:
    """``user-17`` and ``tokens`` → ``user-17/tokens``.

    An owner is 1 to 96 characters of text without control characters, a unit 1 to 24 of ``A-Z a-z 0-9 _ -``;
    ``INVALID_REFERENCE`` otherwise.
    """
    if not isinstance(owner, str) or not 1 <= len(owner) <= _OWNER or owner != owner.strip():
        raise InvalidRequest(f"An owner is 1 to {_OWNER} characters, none of them a space at its ends",
                             code="INVALID_REFERENCE")  # fmt: skip
    checked_text("An owner", owner, _OWNER)
    if not isinstance(unit, str) or _UNIT.fullmatch(unit) is None:
        raise InvalidRequest("A unit is 1 to 24 of the characters A-Z a-z 0-9 _ -", code="INVALID_REFERENCE")
    return f"{owner}/{unit}"


def owner_and_unit(account: str) -> tuple[str, str]:
    """``user-17/tokens`` → ``user-17`` and ``tokens``; ``INVALID_REFERENCE`` for what is no account id."""
    owner, _, unit = account.rpartition("/")
    account_id(owner, unit)
    return owner, unit


def journal_id(kind: str, account: str, key: str) -> str:
    """The name of a booked fact: the same operation on the same account has the same, whoever books it.

    No two operations share a name. Where it could be read in two ways (an owner with a colon in it), be taken for a
    digest, or be too long for a database's key, a digest of account and key stands in the key's place.
    """
    name = f"{kind}:{account}:{key}"
    if ":" not in account and "#" not in key and len(name) <= _LONGEST:
        return name
    return f"{kind}:{account}:#{_digest(account, key)[:40]}"


def hold_id(account: str, key: str) -> str:
    """The name of a hold, 33 characters: the same key on the same account is the same hold."""
    return f"h{_digest(account, key)[:32]}"


def _digest(account: str, key: str) -> str:
    return hashlib.sha256(f"{account}\x00{key}".encode()).hexdigest()


def own(kind: str, unit: str) -> str:
    """Payflow's own account against which a journal of this kind is booked."""
    return f"{KINDS[kind]}:{unit}"
