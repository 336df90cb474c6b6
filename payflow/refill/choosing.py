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
    @property
    def created_at(self) -> int: ...


class Order(NamedTuple):
    """The last order of a refill that costs money: for which window, and whether it is over without having been paid.
    One that is not is under way."""

    window: int
    unpaid: bool


@dataclass(frozen=True, slots=True)
class Credit:
    """What a decision reads of an account's credit: available units, refilled ones that are free or held, and for how
    many more there is room."""

    available: int
    refill_free: int
    refill_held: int
    room: int


@dataclass(frozen=True, slots=True)
class Decision:
    """``what``: ``grant``, ``order`` (it costs money), ``pass`` (this period goes by without one) or ``wait``.

    ``amount`` units are granted for ``periods`` periods, of which the last began at ``window``; with ``mode`` reset the
    free rest of earlier refills lapses first. ``anchor`` and ``count`` are what the account keeps, ``next_at`` is when
    it is due next. ``lasts`` is how long what is bought lasts once it is paid, in seconds. ``why``: not_due,
    in_flight, inactive, nothing_missing, no_room.
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
    lasts: int | None = None


def choose(policies: Iterable[RefillPolicy], unit: str, tier: str) -> RefillPolicy | None:
    """The policy for a unit and tier: the first by name that is enabled."""
    fitting = (one for one in policies if one.enabled and one.unit == unit and tier in one.tiers)
    return min(fitting, key=lambda one: one.name, default=None)


def enrolled(policy: RefillPolicy, account: Enrolled, now: int) -> Enrolment:
    """Where an account stands with a policy: where it stood, or anew where it comes from another policy or calendar.

    What was granted before counts: a change of tier or policy is never answered by a second refill for the same time.
    Who waits for the first refill waits from a moment that does not move: an account that nobody has written to since
    has its anchor all the same.
    """
    if (
        account.refill_policy == policy.name
        and account.refill_version == policy.calendar_version
        and account.refill_anchor is not None
    ):
        return Enrolment(account.refill_anchor, account.refill_count)
    last = account.refilled_at
    if last is not None:
        if policy.since is None:
            return Enrolment(last, 1)
        periods = policy.periods(policy.since)
        return Enrolment(policy.since, max(0, periods.number_at(now), periods.number_at(last) + 1))
    if policy.first == "now":
        if policy.since is None:
            return Enrolment(now, 0)
        return Enrolment(policy.since, max(0, policy.periods(policy.since).number_at(now)))
    return _waiting(policy, account, now)


def _waiting(policy: RefillPolicy, account: Enrolled, now: int) -> Enrolment:
    """Enrolled for the next period: next to the moment from which the policy was there for the account."""
    fresh = account.refill_policy in ("", policy.name)
    begun = account.created_at
    if account.refill_anchor is not None and not account.refill_policy:
        begun = account.refill_anchor
    begun = max(begun, policy.calendar_at)
    anchor = begun if policy.since is None else policy.since
    periods = policy.periods(anchor)
    settled = max(0, periods.number_at(begun) + 1)
    # Who comes from another policy was in its hands: what went by meanwhile is nothing to be made good.
    return Enrolment(anchor, settled if fresh else max(settled, periods.number_at(now)))


def decide(
    policy: RefillPolicy, account: Account, credit: Credit, now: int, today: int, *, on_demand: bool,
    order: Order | None = None,
) -> Decision:  # fmt: skip
    """What becomes of an account at ``now``. ``today`` is the day as its activity counts it; ``order`` is the last one
    that was made for it, unless it was paid."""
    place = enrolled(policy, account, now)
    periods = policy.periods(place.anchor)
    running = periods.number_at(now)
    if running < place.settled:
        return Decision("wait", "not_due", place.anchor, place.settled, periods.start(place.settled))
    window, ends = periods.start(running), periods.start(running + 1)
    if order is not None and not order.unpaid:
        return Decision("wait", "in_flight", place.anchor, place.settled, periods.start(place.settled))
    if not on_demand and policy.leaves_out(account.activity, today):
        # Where a spend may ask, it finds the period as it is: who comes back is active.
        settled = running if policy.on_demand else running + 1
        return Decision("pass", "inactive", place.anchor, settled, ends)
    due = policy.periods_due(running - place.settled + 1)
    amount = amount_of(policy, account, credit, today, due)
    lapsing = credit.refill_free if policy.mode == "reset" else 0
    missing = amount > 0 or lapsing > 0
    if not missing or amount - lapsing > credit.room:
        why = "no_room" if missing else "nothing_missing"
        if on_demand:  # its period is not used up by a spend that needed more than it gives
            return Decision("wait", why, place.anchor, place.settled, periods.start(place.settled))
        return Decision("pass", why, place.anchor, running + 1, ends)
    # Each order, and what is granted in its place, has a window of its own: whichever of them are paid in the end, each
    # has its line in the log.
    begun, window = window, window if order is None else max(window, order.window + 1)
    if policy.price is None:
        # Rolling periods begin anew with each refill; fixed ones go on as they were.
        anchor, count = (now, 1) if policy.since is None else (place.anchor, running + 1)
        next_at = policy.periods(anchor).start(count)
        return Decision("grant", "", anchor, count, next_at, amount, window, due, policy.lapses_at(now, next_at))
    return Decision(
        "order", "", place.anchor, place.settled, begun, amount, window, due,
        lasts=policy.lasts(begun, ends),
    )  # fmt: skip


def amount_of(policy: RefillPolicy, account: Account, credit: Credit, today: int, periods: int = 1) -> int:
    """How much a refill gives now: by recent activity, for so many periods, up to what the mode asks for."""
    amount = policy.amount_by(account.activity, today)
    if policy.mode == "add":
        return amount * periods
    if policy.mode == "top_up":
        return max(0, amount - credit.available)
    return max(0, amount - credit.refill_held)
