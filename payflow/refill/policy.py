"""A refill policy: who is refilled, with how much, how often, and on what occasion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..clock import SECOND
from ..errors import InvalidRequest
from ..money import Money
from ..records import Policy
from . import activity
from .calendar import Interval, Periods, instant_of

ROLLING = "rolling"
_DAY = 86_400 * SECOND
_ZONE = "Asia/Shanghai"
_TIERS = ["ordinary"]
#: What says whom a policy is for and how their periods are counted, with the defaults.
_CALENDAR = {"unit": None, "tiers": _TIERS, "every": None, "zone": _ZONE, "anchor": ROLLING}
#: Of periods that nobody was there for, no more than so many are made good, with the one that runs.
_CATCH_UP = {"none": 1, "one": 2, "all": 1000}


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """Owners who spent at least so much in so many days are refilled with this amount instead."""

    spent_at_least: int
    within_days: int
    amount: int


@dataclass(frozen=True, slots=True)
class Price:
    """What a refill costs, and how its order is made."""

    money: Money
    channel: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefillPolicy:
    """A policy, ready to decide by. Amounts are units; ``since`` is the instant of a fixed anchor, ``None``: rolling.

    ``mode``: ``add`` the amount; ``reset`` refilled credit to it (what is left of earlier refills lapses, other credit
    stays); ``top_up`` what is available to it. ``catch_up`` says what becomes of periods nobody was there for: ``none``
    of them, ``one``, or ``all``, besides the one that runs now. ``calendar_version`` and ``calendar_at`` say which
    version last changed how periods are counted, and when: other changes leave every account in its period.
    """

    name: str
    unit: str
    tiers: frozenset[str]
    mode: str
    amount: int
    every: Interval
    zone: tzinfo
    since: int | None
    first: str  # now, next
    catch_up: str
    trigger: str  # on_demand, scheduled, both
    active_within_days: int | None
    rules: tuple[ActivityRule, ...]
    expires: str  # never, next
    expires_days: int | None
    price: Price | None
    version: int = 1
    enabled: bool = True
    calendar_version: int = 1
    calendar_at: int = 0

    def periods(self, anchor: int) -> Periods:
        """Its periods from an anchor."""
        return Periods(anchor, self.every, self.zone)

    def periods_due(self, passed: int) -> int:
        """For how many of ``passed`` periods a refill is, the one that runs among them."""
        return min(passed, _CATCH_UP[self.catch_up])

    def lapses_at(self, now: int, next_at: int) -> int | None:
        """When what is granted now lapses; ``next_at`` is when the next period begins."""
        if self.expires_days is not None:
            return now + self.expires_days * _DAY
        return next_at if self.expires == "next" else None

    def lasts(self, begins: int, ends: int) -> int | None:
        """How long what is bought in the period between two instants lasts once it is paid, in seconds; ``None`` is for
        ever. The same whenever it is asked, so that one order is one order."""
        if self.expires_days is not None:
            return self.expires_days * _DAY // SECOND
        return max(1, (ends - begins) // SECOND) if self.expires == "next" else None

    def amount_by(self, spent: str, today: int) -> int:
        """Its amount for an owner with this activity."""
        for rule in self.rules:
            if activity.spent_within(spent, today, rule.within_days) >= rule.spent_at_least:
                return rule.amount
        return self.amount

    def leaves_out(self, spent: str, today: int) -> bool:
        """Whether an owner with this activity is not active enough for a scheduled refill."""
        if self.active_within_days is None:
            return False
        last = activity.last_active(spent)
        return last is None or last <= today - self.active_within_days

    @property
    def on_demand(self) -> bool:
        """Whether a spend that finds too little may be answered by it."""
        return self.trigger in ("on_demand", "both")

    @property
    def scheduled(self) -> bool:
        """Whether a run grants it without being asked."""
        return self.trigger in ("scheduled", "both")


def policy_of(body: Mapping[str, Any], **kept: Any) -> RefillPolicy:
    """A policy from its JSON, whose shape the schema has checked (``$defs/refill_policy``). ``kept``: what is known of
    it besides: ``version``, ``enabled``, ``calendar_version``, ``calendar_at``.

    Raises ``REFILL_POLICY_INVALID`` with the ``path`` of what the schema cannot see: a zone that does not exist, a wall
    time that is none, an interval of nothing, a price for an amount that nobody knows beforehand.
    """
    zone = _zone(body.get("zone", _ZONE))
    anchor = body.get("anchor", ROLLING)
    price = body.get("price")
    return RefillPolicy(
        name=body["name"],
        unit=body["unit"],
        tiers=frozenset(body.get("tiers", _TIERS)),
        mode=body["mode"],
        amount=body["amount"],
        every=Interval.of(body["every"]),
        zone=zone,
        since=None if anchor == ROLLING else _since(anchor, zone),
        first=body.get("first", "now"),
        catch_up=body.get("catch_up", "none"),
        trigger=body.get("trigger", "both"),
        active_within_days=body.get("active_within_days"),
        rules=tuple(ActivityRule(**rule) for rule in body.get("rules", ())),
        expires=body.get("expires", "never"),
        expires_days=body.get("expires_days"),
        price=None if price is None else _price(price, body),
        **{"enabled": body.get("enabled", True), **kept},
    )


@lru_cache(maxsize=1024)
def _compiled(body: str, version: int, enabled: int, calendar_version: int, calendar_at: int) -> RefillPolicy:
    return policy_of(
        json.loads(body), version=version, enabled=bool(enabled), calendar_version=calendar_version,
        calendar_at=calendar_at,
    )  # fmt: skip


def stored(record: Policy) -> RefillPolicy:
    """A policy as it is kept; parsed once for each version."""
    return _compiled(record.body, record.version, record.enabled, record.calendar_version, record.calendar_at)


def same_calendar(body: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two versions of a policy are for the same accounts and count their periods alike."""
    return all(body.get(name, default) == other.get(name, default) for name, default in _CALENDAR.items())


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidRequest("There is no such time zone", code="REFILL_POLICY_INVALID", path="$.zone") from None


def _since(text: str, zone: tzinfo) -> int:
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        wall = None
    if wall is None or wall.tzinfo is not None or not 2000 <= wall.year <= 2200:
        raise InvalidRequest(
            'An anchor is "rolling" or a local time like 2026-01-31T00:00:00', code="REFILL_POLICY_INVALID",
            path="$.anchor",
        )  # fmt: skip
    return instant_of(wall, zone)


def _price(body: Mapping[str, Any], policy: Mapping[str, Any]) -> Price:
    for name, only in (("mode", "add"), ("catch_up", "none")):
        if policy.get(name, only) != only:
            raise InvalidRequest(
                f"What costs money is the same amount each time: {name} has to be {only}", code="REFILL_POLICY_INVALID",
                path=f"$.{name}",
            )  # fmt: skip
    try:
        money = Money.parse(body["amount"], body.get("currency", "CNY"))
    except InvalidRequest as error:
        raise InvalidRequest(error.message, code="REFILL_POLICY_INVALID", path="$.price.amount") from None
    return Price(money, body["channel"], body.get("action", "refill"))
