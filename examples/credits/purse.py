"""What a visitor has, as the pages show it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from payflow import NotFound, Wallet
from payflow.ledger.buckets import Bucket
from payflow.wallet.refilling import NextRefill

from .prices import UNIT


@dataclass(frozen=True, slots=True)
class Purse:
    """Units of credit. ``parts`` stand in the order in which they are spent; ``next`` is the next free credit, which
    fills up to ``refilled_to``."""

    account: str
    available: int
    held: int
    balance: int
    tier: str
    parts: Sequence[Bucket]
    next: NextRefill | None
    refilled_to: int
    now: int

    @property
    def due(self) -> bool:
        """Whether free credit comes with the next question that needs it."""
        return self.next is not None and self.next.at <= self.now


def purse_of(wallet: Wallet, owner: str) -> Purse | None:
    """What an owner has; ``None`` for somebody who has not asked or bought anything yet."""
    try:
        has = wallet.balance(owner, UNIT)
    except NotFound:
        return None
    comes = wallet.refills.next(has.account.id)
    policy = json.loads(wallet.policies.one(comes.policy).body) if comes is not None else {}
    return Purse(
        account=has.account.id, available=max(0, has.available), held=has.held, balance=has.balance,
        tier=has.account.tier, parts=[part for part in has.buckets if part.remaining > 0],
        next=comes, refilled_to=policy.get("amount", 0), now=wallet.flow.clock(),
    )  # fmt: skip
