"""A policy as its JSON says it: the same reader for the config's file and for an operator at run time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payflow.clock import SECOND, iso
from payflow.config.shape import examine_part
from payflow.errors import InvalidRequest
from payflow.records import Policy
from payflow.refill.calendar import Interval
from payflow.refill.policy import RefillPolicy, policy_of, same_calendar, stored

DAY = 86_400 * SECOND
LEAST = {"name": "daily", "unit": "tokens", "mode": "add", "amount": 100, "every": {"days": 1}}


def made(**other: Any) -> RefillPolicy:
    """Through the schema first, as every body goes."""
    body = {**LEAST, **other}
    assert not list(examine_part("refill_policy", body))
    return policy_of(body)


def paths(**other: Any) -> list[str]:
    """Where the schema says that something is wrong; where it does not, the reader."""
    body = {**LEAST, **other}
    found = [problem.path for problem in examine_part("refill_policy", body)]
    if not found:
        with pytest.raises(InvalidRequest) as refused:
            policy_of(body)
        assert refused.value.code == "REFILL_POLICY_INVALID"
        found = [refused.value.ids["path"]]
    return found


def test_what_is_not_said_has_its_default() -> None:
    policy = made()
    assert (policy.tiers, policy.trigger, policy.first, policy.catch_up) == ({"ordinary"}, "both", "now", "none")
    assert (policy.since, policy.expires, policy.expires_days, policy.price) == (None, "never", None, None)
    assert (str(policy.zone), policy.every, policy.enabled) == ("Asia/Shanghai", Interval("days", 1), True)


@pytest.mark.parametrize(
    ("other", "path"),
    [
        ({"amount": 0}, "$.amount"), ({"amount": -1}, "$.amount"), ({"amount": 1.0}, "$.amount"),
        ({"amount": 1.5}, "$.amount"), ({"amount": True}, "$.amount"), ({"amount": "100"}, "$.amount"),
        ({"amount": float("nan")}, "$.amount"), ({"amount": float("inf")}, "$.amount"), ({"amount": 2**53}, "$.amount"),
        ({"amount": None}, "$.amount"), ({"every": {}}, "$.every"), ({"every": {"days": 0}}, "$.every.days"),
        ({"every": {"days": -7}}, "$.every.days"), ({"every": {"days": 1.0}}, "$.every.days"),
        ({"every": {"fortnights": 1}}, "$.every.fortnights"), ({"every": {"days": 1, "hours": 1}}, "$.every"),
        ({"every": {"years": 11}}, "$.every.years"), ({"every": {"minutes": 10**9}}, "$.every.minutes"),
        ({"every": 86400}, "$.every"), ({"zone": "Mars/Base"}, "$.zone"), ({"zone": "../../etc/passwd"}, "$.zone"),
        ({"zone": "Europe"}, "$.zone"), ({"zone": "europe/berlin\n"}, "$.zone"), ({"tiers": []}, "$.tiers"),
        ({"tiers": "ordinary"}, "$.tiers"), ({"anchor": "2026-02-30T00:00"}, "$.anchor"),
        ({"anchor": "2026-01-01T00:00:00Z"}, "$.anchor"), ({"anchor": "2026-01-01T00:00:00+08:00"}, "$.anchor"),
        ({"anchor": "9999-01-01T00:00"}, "$.anchor"), ({"name": "Daily"}, "$.name"), ({"name": "a" * 33}, "$.name"),
        ({"mode": "fill"}, "$.mode"), ({"catch_up": "some"}, "$.catch_up"), ({"expires_days": 0}, "$.expires_days"),
        ({"rules": [{"spent_at_least": 1, "within_days": 41, "amount": 1}]}, "$.rules[0].within_days"),
        ({"rules": [{"spent_at_least": 1, "within_days": 7, "amount": 0}]}, "$.rules[0].amount"),
        ({"price": {"amount": "6.001", "channel": "qr"}}, "$.price.amount"),
        ({"price": {"amount": 6.0, "channel": "qr"}}, "$.price.amount"),
        ({"price": {"amount": "6.00", "channel": "qr"}, "mode": "top_up"}, "$.mode"),
        ({"price": {"amount": "6.00", "channel": "qr"}, "mode": "reset"}, "$.mode"),
        ({"price": {"amount": "6.00", "channel": "qr"}, "catch_up": "all"}, "$.catch_up"),
        ({"interval": 3600}, "$.interval"),
    ],
)  # fmt: skip
def test_b234_what_cannot_be_is_refused_where_it_stands(other: dict[str, Any], path: str) -> None:
    assert set(paths(**other)) == {path}


def test_b234_a_policy_without_an_amount_is_none() -> None:
    body = {name: value for name, value in LEAST.items() if name != "amount"}
    assert [problem.path for problem in examine_part("refill_policy", body)] == ["$.amount"]


@pytest.mark.parametrize(
    "every", [{"minutes": 1}, {"minutes": 5_270_400}, {"hours": 87_840}, {"days": 3660}, {"weeks": 522},
              {"months": 120}, {"years": 10}],
)  # fmt: skip
def test_an_interval_is_between_a_minute_and_ten_years(every: dict[str, int]) -> None:
    assert made(every=every).every == Interval(*next(iter(every.items())))


def test_an_anchor_is_a_time_on_the_wall_of_its_zone() -> None:
    assert iso(made(anchor="2026-01-31T00:00").since) == "2026-01-30T16:00:00.000000Z"
    berlin = made(anchor="2026-03-29T02:30:00", zone="Europe/Berlin")  # a time that was left out
    assert iso(berlin.since) == "2026-03-29T01:30:00.000000Z"


def test_rules_go_by_recent_activity_and_the_first_that_fits_counts() -> None:
    policy = made(
        rules=[
            {"spent_at_least": 1000, "within_days": 7, "amount": 500},
            {"spent_at_least": 100, "within_days": 30, "amount": 250},
        ]
    )
    spent = "739550:100,739577:600,739580:400"
    assert [policy.amount_by(spent, day) for day in (739_580, 739_583, 739_584, 739_609, 739_610)] == [
        500, 500, 250, 250, 100,
    ]  # fmt: skip
    assert policy.amount_by("", 739_580) == 100


def test_who_counts_as_active() -> None:
    policy = made(active_within_days=3)
    assert [policy.leaves_out("100:5", day) for day in (100, 102, 103)] == [False, False, True]
    assert policy.leaves_out("", 100)
    assert not made().leaves_out("", 100)


def test_what_is_granted_lapses_and_what_is_bought_lasts_from_its_payment() -> None:
    assert made().lapses_at(5, 9) is None
    assert made(expires="next").lapses_at(5, 9) == 9
    assert made(expires="next", expires_days=2).lapses_at(5, 9) == 5 + 2 * DAY
    assert made().lasts(0, DAY) is None
    assert made(expires="next").lasts(1, DAY) == 86_399
    assert made(expires_days=2).lasts(0, 1) == 2 * 86_400


def test_a_stored_policy_is_the_one_that_was_written() -> None:
    body = json.dumps({**LEAST, "tiers": ["heavy"], "anchor": "2026-01-01T00:00"})
    record = Policy(
        name="daily", version=3, enabled=0, unit="tokens", body=body, source="", changed_by="ops", calendar_version=2,
        calendar_at=77,
    )  # fmt: skip
    policy = stored(record)
    assert (policy.version, policy.calendar_version, policy.calendar_at, policy.enabled) == (3, 2, 77, False)
    assert stored(record) is policy


def test_which_changes_leave_everybody_in_their_period() -> None:
    assert same_calendar(LEAST, {**LEAST, "amount": 7, "mode": "top_up", "trigger": "scheduled", "enabled": False})
    assert same_calendar(LEAST, {**LEAST, "zone": "Asia/Shanghai", "anchor": "rolling", "tiers": ["ordinary"]})
    for other in ({"every": {"days": 2}}, {"zone": "UTC"}, {"anchor": "2026-01-01T00:00"}, {"tiers": ["heavy"]}):
        assert not same_calendar(LEAST, {**LEAST, **other})
