"""Booked facts, and how a set ends whose ledger has a database of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a journal: ``amount`` (signed minor units, or units of credit) on ``ledger_account``.

    On an owner's account it carries the account's running ``balance`` and the next link of its chain; payflow's own
    accounts (``gateway:…``, ``sales``, ``issued:…``, ``used:…``) are only ever summed, so that no row of theirs is hot.
    """

    journal_id: str
    line: int
    ledger_account: str
    currency: str  # or the unit of credit
    amount: int
    seq: int | None = None  # number in the account's chain, gap-free from 1
    balance: int | None = None  # of the account, after this line
    bucket: str = ""  # the credit it came from or went to
    hash: str = ""  # of the line before it, its journal and itself (see ledger.chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A booked fact. Its id is ``kind:ref``, so the same fact cannot be booked twice; its entries sum to zero."""

    id: str
    kind: str  # capture, refund, fee, late_receipt, late_return; of credit: see ledger.KINDS
    ref: str  # payment id, refund id, incident id; of credit: the account and the operation's key
    payment_id: str  # "" where no payment is behind it
    cause_id: str
    at: int
    cause_kind: str = ""
    seq: int = 0  # number in its payment's chain; 0: it stands in the chains of its accounts' entries
    account: str = ""  # the owner's account it is about first; "" for a payment's own books
    use: str = ""  # the host's word for what credit was used for ("chat", "image")
    memo: str = ""
    digest: str = ""  # names the request: the same key with another digest is a conflict
    hash: str = ""  # of the payment's journal before it and of its own content


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a set ends that was prepared in the ledger's own database; kept with the payments.

    Written in the same transaction as the payments' part of the set. Whoever has to end the rest looks here: a row that
    is there says how; where there is none, an ``abort`` is written first, and the late writer finds its place taken.
    """

    gid: str  # names the transaction in the ledger's database
    verdict: str  # commit, abort
    accounts: str  # JSON: the accounts that it moves credit of, which are locked until it is ended
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which payments these are: one row, made once, that tells two hosts with one ledger apart."""

    name: str  # payments
    id: str
    at: int
