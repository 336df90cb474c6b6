"""Scheduled refills of many accounts at once: the same decision and the same booking, without a record for each step.

A run looks at a million accounts, nearly all of them alike: enrolled, without debt, nothing lapsing. Those are decided
here, from rows to rows; :mod:`.refilling` does the others, and a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..ledger import buckets as credit
from ..ledger import chain
from ..ledger.book import MAX_BALANCE
from ..ledger.buckets import Bucket
from ..ledger.names import journal_id, own
from ..records import Journal
from ..refill.choosing import Enrolment, enrolled
from ..refill.policy import RefillPolicy
from ..store import DueAccount, PlainRefill
from .postings import digest


class _Place(NamedTuple):
    """Where all accounts with one anchor and count stand: the same for thousands of them."""

    window: int
    periods: int
    anchor: int
    settled: int
    next_at: int
    digest: str
    bucket: str
    expires_at: int | None


def plain(
    accounts: Sequence[DueAccount], policy: RefillPolicy, now: int, today: int
) -> tuple[list[PlainRefill], list[str]]:
    """The refills of accounts that are nothing special, and the ids of those that have to be looked at one by one."""
    places: dict[Enrolment, _Place | None] = {}
    done: list[PlainRefill] = []
    others: list[str] = []
    if policy.mode == "reset" or policy.price is not None or not policy.scheduled:
        return done, [account.id for account in accounts]
    against, unit = own("refill", policy.unit), policy.unit
    for account in accounts:
        if (
            account.refill_payment
            or account.balance < account.held
            or account.floor != -account.credit_limit
            or (account.next_expiry_at is not None and account.next_expiry_at <= now)
        ):
            others.append(account.id)
            continue
        key = enrolled(policy, account, now)
        place = places[key] if key in places else places.setdefault(key, _place(policy, key, now))
        kept = credit.read(account.buckets)
        if place is None or any(one.kind == credit.DEBT for one in kept):
            others.append(account.id)
            continue
        before = sum(one.free(now) for one in kept)
        amount = policy.amount_by(account.activity, today)
        amount = amount * place.periods if policy.mode == "add" else amount - before
        if amount <= 0 or account.balance + amount > MAX_BALANCE or policy.leaves_out(account.activity, today):
            others.append(account.id)
            continue
        credit.put(kept, Bucket(place.bucket, "refill", amount, 0, place.expires_at))
        name = journal_id("refill", account.id, f"{policy.name}:{place.window}")
        journal = Journal(
            id=name, kind="refill", ref=name[7:], payment_id="", cause_id=policy.name, at=now, cause_kind="schedule",
            account=account.id, memo=policy.name, digest=place.digest,
        )  # fmt: skip
        text = chain.content(journal, ((account.id, unit, amount, place.bucket), (against, unit, -amount, "")))
        balance = account.balance + amount
        done.append(
            PlainRefill(
                account, balance, chain.link(account.chain, text, account.seq + 1, 1, balance), credit.written(kept),
                credit.next_expiry(kept), place.anchor, place.settled, place.next_at, journal, against, place.bucket,
                amount, place.periods, place.window, before,
            )
        )  # fmt: skip
    return done, others


def _place(policy: RefillPolicy, enrolment: Enrolment, now: int) -> _Place | None:
    """``None``: nothing is due there."""
    periods = policy.periods(enrolment.anchor)
    running = periods.number_at(now)
    if running < enrolment.settled:
        return None
    due = policy.periods_due(running - enrolment.settled + 1)
    window = periods.start(running)
    new_anchor, new_count = (now, 1) if policy.since is None else (enrolment.anchor, running + 1)
    next_at = policy.periods(new_anchor).start(new_count)
    expires_at = policy.lapses_at(now, next_at)
    bucket = credit.of_kind("refill", 0, expires_at).id
    named = digest(policy.name, policy.version, window)
    return _Place(window, due, new_anchor, new_count, next_at, named, bucket, expires_at)
