"""Refills by schedule: a run looks at every account that is due, a few hundred at a time, each set in one transaction.

A run that is killed has done whole sets and nothing else; the next one goes on where it was. Any number may run: what
two of them look at, one of them writes.
"""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from ..deciding import refill_rows, refilling
from ..deciding.draft import Draft
from ..deciding.postings import today
from ..deciding.topup import Purchase
from ..errors import PayflowError, StoreConflict
from ..flow import Flow, Result
from ..ledger.names import owner_and_unit
from ..refill.choosing import choose
from ..refill.policy import Price, RefillPolicy, stored
from ..store import DueAccount, PlainRefill, Wants
from .policies import Policies

logger = logging.getLogger("payflow.wallet")

BATCH = 500
#: Runs that meet each other go apart: each begins so many sets further on at most.
_APART = 8


@dataclass(slots=True)
class RunReport:
    """What a run did: accounts it looked at, refills it granted, units they came to, orders it made, those it could
    not make, accounts it failed at and left for later, and accounts it was told of by new or changed policies."""

    looked: int = 0
    granted: int = 0
    units: int = 0
    ordered: int = 0
    not_ordered: int = 0
    failed: int = 0
    enrolled: int = 0


@dataclass(frozen=True, slots=True)
class NextRefill:
    """What comes next: ``amount`` units at ``at``, an instant (past or now: it is due); its ``price`` if it has one."""

    policy: str
    at: int
    amount: int
    on_demand: bool
    price: Price | None


class Refills:
    """Scheduled refills over a flow, and those that have to be paid for."""

    def __init__(self, flow: Flow, policies: Policies) -> None:
        self.flow = flow
        self.policies = policies
        self._aside = 0  # how many sets another run is given to itself

    def run(self, *, batch: int = BATCH, progress: Callable[[RunReport], None] | None = None) -> RunReport:
        """Refill whatever is due by now; ``progress`` is called after every set."""
        report = RunReport()
        while self.step(report, batch=batch):
            if progress is not None:
                progress(report)
        return report

    def step(self, report: RunReport | None = None, *, batch: int = BATCH) -> int:
        """One set: accounts that a changed policy has to be told to, else accounts that are due; how many."""
        report = RunReport() if report is None else report
        return self._enrol(report, batch) or self._look(report, batch)

    def _enrol(self, report: RunReport, batch: int) -> int:
        now = self.flow.clock()
        for policy in self.policies.all():
            if policy.enrol_after is not None:
                told = self.flow.store.enrol(policy, now, 10 * batch)
                report.enrolled += told
                return max(told, 1)
        return 0

    def _look(self, report: RunReport, batch: int) -> int:
        now = self.flow.clock()
        due = self.flow.store.due_accounts(now, batch, self._aside * batch)
        if not due and self._aside:
            self._aside = 0
            due = self.flow.store.due_accounts(now, batch)
        if not due:
            return 0
        others = self._plain(due, report)
        try:
            orders = self._looked(others, report) if others else []
        except PayflowError:  # other writers, another run, or one that fails: each alone, so that none stops another
            orders = [name for account in others for name in self._alone(account, report)]
        report.looked += len(due)
        for account in orders:
            self._order(account, report)
        return len(due)

    def _order(self, account: str, report: RunReport) -> None:
        """Order a refill, or leave it for later; whatever comes of it, this run does not come back to it."""
        try:
            ordered = self.order(account)
        except PayflowError as error:
            if error.code != "REFILL_IN_FLIGHT":  # somebody else was faster
                report.not_ordered += 1
                logger.warning("A refill could not be ordered (%s) account=%s", error.code, account)
        else:
            report.ordered += ordered is not None and not ordered.replayed
        self._later(account)

    def _plain(self, due: list[DueAccount], report: RunReport) -> list[str]:
        """Refill those that are nothing special, as one set for each policy; the ids of the others."""
        now = self.flow.clock()
        day = today(now, self.flow.rules.credit.zone)[0]
        policies = [stored(kept) for kept in self.policies.all()]
        groups: dict[tuple[str, str], list[DueAccount]] = {}
        for account in due:
            groups.setdefault((account.unit, account.tier), []).append(account)
        others: list[str] = []
        for (unit, tier), accounts in groups.items():
            policy = choose(policies, unit, tier)
            if policy is None:
                others += [account.id for account in accounts]
                continue
            refills, rest = refill_rows.plain(accounts, policy, now, day)
            others += rest
            if not self._written(refills, policy, now, report):
                others += self._again(refills, policy, now, report)
        return others

    def _written(self, refills: list[PlainRefill], policy: RefillPolicy, now: int, report: RunReport) -> bool:
        """Whether they were still as they were read, so that they are refilled now."""
        try:
            if refills:
                self.flow.store.write_refills(refills, policy, now)
        except StoreConflict:
            return False
        report.granted += len(refills)
        report.units += sum(one.amount for one in refills)
        return True

    def _again(self, refills: list[PlainRefill], policy: RefillPolicy, now: int, report: RunReport) -> list[str]:
        """Some of them were written to meanwhile. The rest goes through as a set; what another run has done is done;
        the ids of those that somebody spent from or the like, to be looked at with what is there now."""
        known = {account.id: account for account in self.flow.store.accounts(one.account.id for one in refills)}
        same = [one for one in refills if known[one.account.id].version == one.account.version]
        moved = [kept.id for kept in known.values() if kept.next_refill_at is not None and kept.next_refill_at <= now]
        if len(moved) < len(refills) // 2:  # another run is here: we go and look elsewhere
            self._aside = random.randrange(1, _APART + 1)
        if not self._written(same, policy, now, report):
            return moved
        done = {one.account.id for one in same}
        return [name for name in moved if name not in done]

    def _looked(self, accounts: list[str], report: RunReport) -> list[str]:
        units = {owner_and_unit(name)[1] for name in accounts}
        wants = Wants(accounts=set(accounts), policies=units)

        def decide(draft: Draft) -> list[tuple[str, int]]:
            return [refilling.scheduled(draft, name) for name in accounts]

        done, _ = self.flow.settle(wants, decide)
        report.granted += sum(what == "grant" for what, _ in done)
        report.units += sum(amount for what, amount in done if what == "grant")
        return [name for name, (what, _) in zip(accounts, done, strict=True) if what == "order"]

    def _alone(self, account: str, report: RunReport) -> list[str]:
        try:
            return self._looked([account], report)
        except StoreConflict:
            return []  # it stays due
        except PayflowError as error:
            report.failed += 1
            logger.warning("A refill failed (%s) account=%s", error.code, account)
            self._later(account)
            return []

    def next(self, account: str) -> NextRefill | None:
        """When and how much the policy of an account gives next, as things are now; ``None`` without a policy. What is
        due at this moment is due now, not an interval later."""
        unit = owner_and_unit(account)[1]
        found, _ = self.flow.settle(
            Wants(accounts={account}, policies={unit}), lambda draft: refilling.foreseen(draft, account)
        )
        if found is None:
            return None
        policy, at, amount = found
        return NextRefill(policy.name, at, amount, policy.on_demand, policy.price)

    def order(self, account: str) -> Result | None:
        """Order the refill that an account may buy now: one payment, however often this is called; ``None`` if none is
        due. Raises what :meth:`payflow.Flow.pay` raises."""
        unit = owner_and_unit(account)[1]
        found, _ = self.flow.settle(
            Wants(accounts={account}, policies={unit}), lambda draft: refilling.due_order(draft, account)
        )
        if found is None:
            return None
        policy, decision = found
        if policy.price is None:
            return None
        purchase = Purchase(
            account=account, amount=decision.amount, policy=policy.name, window=decision.window,
            policy_version=policy.version, expires_seconds=decision.lasts,
        )  # fmt: skip
        return self.flow.pay(
            amount=policy.price.money, channel=policy.price.channel, action=policy.price.action, reference=account,
            key=_key(account, policy.name, decision.window), scope="refill", purchase=purchase,
        )  # fmt: skip

    def _later(self, account: str) -> None:
        """What is still due after a look at it is looked at again in a while."""

        def postpone(draft: Draft) -> None:
            refilling.postpone(draft, account)

        self.flow.settle(Wants(accounts={account}), postpone)


def _key(account: str, policy: str, window: int) -> str:
    """One order per account, policy and window: printable ASCII whatever the owner is called."""
    return f"{policy}:{window}:{hashlib.sha256(account.encode()).hexdigest()[:32]}"
