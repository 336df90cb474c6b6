"""Refills by schedule: a run looks at every account that is due, a few hundred at a time, each set in one transaction.

A run that is killed has done whole sets and nothing else; the next one goes on where it was. Any number may run: what
two of them look at, one of them writes.
"""

from __future__ import annotations

import hashlib
import logging
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
from ..refill.policy import Price, stored
from ..store import DueAccount, Wants
from .policies import Policies

logger = logging.getLogger("payflow.wallet")

BATCH = 500


@dataclass(slots=True)
class RunReport:
    """What a run did: accounts it looked at, refills it granted, units they came to, orders it made, those it could
    not make, and accounts it was told of by new or changed policies."""

    looked: int = 0
    granted: int = 0
    units: int = 0
    ordered: int = 0
    not_ordered: int = 0
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
        due = self.flow.store.due_accounts(self.flow.clock(), batch)
        if not due:
            return 0
        others = self._plain(due, report)
        try:
            orders = self._looked(others, report) if others else []
        except StoreConflict:  # other writers, or another run: each alone, so that one busy account stops no other
            orders = [name for account in others for name in self._alone(account, report)]
        report.looked += len(due)
        for account in orders:
            try:
                self.order(account)
                report.ordered += 1
            except PayflowError as error:
                report.not_ordered += 1
                self._later(account)
                logger.warning("A refill could not be ordered (%s) account=%s", error.code, account)
        return len(due)

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
            try:
                if refills:
                    self.flow.store.write_refills(refills, policy.name, policy.version, now)
            except StoreConflict:  # one of them was written meanwhile: they are looked at again, with what is there now
                others += [one.account.id for one in refills]
            else:
                report.granted += len(refills)
                report.units += sum(one.amount for one in refills)
        return others

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
        policy, decision, version = found
        if policy.price is None:
            return None
        purchase = Purchase(
            account=account, amount=decision.amount, policy=policy.name, window=decision.window,
            policy_version=policy.version, expires_seconds=policy.lasts_seconds(decision.window),
        )  # fmt: skip
        return self.flow.pay(
            amount=policy.price.money, channel=policy.price.channel, action=policy.price.action, reference=account,
            key=_key(account, policy.name, decision.window, version), scope="refill", purchase=purchase,
        )  # fmt: skip

    def _later(self, account: str) -> None:
        """What could not be ordered is tried again in a while."""

        def postpone(draft: Draft) -> None:
            refilling.postpone(draft, account)

        self.flow.settle(Wants(accounts={account}), postpone)


def _key(account: str, policy: str, window: int, version: int) -> str:
    """Two that ask at once ask for one order; one that ended unpaid has changed the account, and another is made.
    Printable ASCII, whatever the owner is called."""
    return f"{policy}:{window}:{version}:{hashlib.sha256(account.encode()).hexdigest()[:32]}"
