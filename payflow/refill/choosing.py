"""Whether an account is refilled now, with how much, and when it is looked at next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..records import Account
from .policy import RefillPolicy


class Enrolment(NamedTuple):
    """From when an account's periods are counted, and how many of them are settled."""

    anchor: int
    settled: int


class Enrolled(Protocol):
    """What an enrolment is read from: an account, in whatever form."""

    @property
    def refill_policy(self) -> str: ...
    @property
    def refill_version(self) -> int: ...
    @property
    def refill_anchor(self) -> int | None: ...
    @property
    def refill_count(self) -> int: ...
    @property
    def refilled_at(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Credit:
    """What a decision reads of an account's credit: available units, and refilled ones that are free or held."""

    available: int
    refill_free: int
    refill_held: int


@dataclass(frozen=True, slots=True)
class Decision:
    """``what``: ``grant``, ``order`` (it costs money), ``pass`` (this period goes by without one) or ``wait``.

    ``amount`` units are granted for ``periods`` periods, of which the last began at ``window``; with ``mode`` reset the
    free rest of earlier refills lapses first. ``anchor`` and ``count`` are what the account keeps, ``next_at`` is when
    its next period begins. ``why``: not_due, in_flight, inactive, nothing_missing, no_room.
    """

    what: str
    why: str
    anchor: int
    count: int
    next_at: int
    amount: int = 0
    window: int = 0
    periods: int = 0
    expires_at: int | None = None


def choose(policies: Iterable[RefillPolicy], unit: str, tier: str) -> RefillPolicy | None:
    """The policy for a unit and tier: the first by name that is enabled."""
    fitting = (one for one in policies if one.enabled and one.unit == unit and tier in one.tiers)
    return min(fitting, key=lambda one: one.name, default=None)


def enrolled(policy: RefillPolicy, account: Enrolled, now: int) -> Enrolment:
    """Where an account stands with a policy: where it stood, or anew where it comes from another or an older version.

    What was granted before counts: a change of tier or policy is never answered by a second refill for the same time.
    """
    if (
        account.refill_policy == policy.name
        and account.refill_version == policy.version
        and account.refill_anchor is not None
    ):
        return Enrolment(account.refill_anchor, account.refill_count)
    last = account.refilled_at
    if policy.since is None:
        if last is not None:
            return Enrolment(last, 1)
        return Enrolment(now, 0 if policy.first == "now" else 1)
    periods = policy.periods(policy.since)
    running = periods.number_at(now)
    count = running if policy.first == "now" or last is not None else running + 1
    if last is not None:
        count = max(count, periods.number_at(last) + 1)
    return Enrolment(policy.since, max(count, 0))


def decide(
    policy: RefillPolicy, account: Account, credit: Credit, now: int, today: int, *, on_demand: bool
) -> Decision:
    """What becomes of an account at ``now``. ``today`` is the day as its activity counts it."""
    place = enrolled(policy, account, now)
    periods = policy.periods(place.anchor)
    running = periods.number_at(now)
    if running < place.settled:
        return Decision("wait", "not_due", place.anchor, place.settled, periods.start(place.settled))
    if account.refill_payment:
        return Decision("wait", "in_flight", place.anchor, place.settled, periods.start(place.settled))
    window = periods.start(running)
    due = policy.periods_due(running - place.settled + 1)
    # Rolling periods begin anew with each refill; fixed ones go on as they were.
    anchor, count = (now, 1) if policy.since is None else (place.anchor, running + 1)
    next_at = policy.periods(anchor).start(count)
    if not on_demand and policy.leaves_out(account.activity, today):
        return Decision("pass", "inactive", place.anchor, running + 1, periods.start(running + 1))
    amount = amount_of(policy, account, credit, today, due)
    if amount <= 0 and not (policy.mode == "reset" and credit.refill_free):
        if on_demand:  # its period is not used up by a spend that needed more than it gives
            return Decision("wait", "nothing_missing", place.anchor, place.settled, periods.start(place.settled))
        return Decision("pass", "nothing_missing", place.anchor, running + 1, periods.start(running + 1))
    what = "grant" if policy.price is None else "order"
    return Decision(what, "", anchor, count, next_at, amount, window, due, policy.lapses_at(now, next_at))


def amount_of(policy: RefillPolicy, account: Account, credit: Credit, today: int, periods: int = 1) -> int:
    """How much a refill gives now: by recent activity, for so many periods, up to what the mode asks for."""
    amount = policy.amount_by(account.activity, today)
    if policy.mode == "add":
        return amount * periods
    if policy.mode == "top_up":
        return max(0, amount - credit.available)
    return max(0, amount - credit.refill_held)
