"""Whether an account is refilled now: the decision alone, with the clock in our hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.clock import SECOND, iso
from payflow.records import Account, replace
from payflow.refill.choosing import Credit, Decision, Order, choose, decide, enrolled
from payflow.refill.policy import RefillPolicy, policy_of

DAY = 86_400 * SECOND
START = 1_780_000_000 * SECOND  # 2026-05-28 20:26:40 UTC: in Shanghai the 29th, whose day ends 70 400 seconds later
MIDNIGHT = "2026-01-01T00:00:00"
ROOM = 9_007_199_254_740_991


def policy(**other: Any) -> RefillPolicy:
    body = {"name": "daily", "unit": "tokens", "mode": "add", "amount": 100, "every": {"days": 1}, **other}
    version = body.pop("version", 1)
    return policy_of(body, version=version, calendar_version=version, calendar_at=body.pop("calendar_at", 0))


def account(**fields: Any) -> Account:
    return Account(id="ann/tokens", owner="ann", unit="tokens", **{"created_at": START, **fields})


def credit(available: int = 0, *, refill: int = 0, held: int = 0, room: int = ROOM) -> Credit:
    return Credit(available, refill, held, room)


def look(
    by: RefillPolicy, at: Account, now: int, have: Credit | None = None, *, on_demand: bool = False,
    order: Order | None = None,
) -> Decision:  # fmt: skip
    return decide(by, at, have or credit(), now, now // DAY, on_demand=on_demand, order=order)


def kept(by: RefillPolicy, at: Account, told: Decision, now: int) -> Account:
    """The account after a decision, as it is stored."""
    last = now if told.what == "grant" else at.refilled_at
    return replace(
        at, refill_policy=by.name, refill_version=by.calendar_version, refill_anchor=told.anchor,
        refill_count=told.count, refilled_at=last,
    )  # fmt: skip


# -- when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("anchor", "later"), [("rolling", DAY), (MIDNIGHT, 70_400 * SECOND)])
@pytest.mark.parametrize("on_demand", [True, False])
def test_b236_due_at_its_moment_and_not_before(anchor: str, later: int, on_demand: bool) -> None:
    by = policy(anchor=anchor)
    first = look(by, account(), START, on_demand=on_demand)
    assert (first.what, first.amount, first.next_at) == ("grant", 100, START + later)
    after = kept(by, account(), first, START)
    early = look(by, after, first.next_at - 1, on_demand=on_demand)
    assert (early.what, early.why, early.next_at) == ("wait", "not_due", first.next_at)
    due = look(by, after, first.next_at, on_demand=on_demand)
    assert (due.what, due.window) == ("grant", first.next_at)


@pytest.mark.parametrize("anchor", ["rolling", MIDNIGHT])
def test_b235_who_waits_for_the_first_refill_waits_from_a_moment_that_stands_still(anchor: str) -> None:
    by = policy(anchor=anchor, first="next")
    waiting = look(by, account(), START, on_demand=True)
    assert (waiting.what, waiting.why) == ("wait", "not_due")
    for later in (0, 3600 * SECOND, waiting.next_at - START - 1):  # nothing was written in between
        assert look(by, account(), START + later, on_demand=True).next_at == waiting.next_at
    assert look(by, account(), waiting.next_at, on_demand=True).what == "grant"


def test_b235_an_account_that_is_older_than_its_policy_waits_from_the_day_of_the_policy() -> None:
    old = account(created_at=START - 900 * DAY)
    by = policy(first="next", catch_up="all", calendar_at=START)
    assert look(by, old, START).next_at == START + DAY
    assert look(by, old, START + DAY).periods == 1
    assert look(policy(first="now", catch_up="all", calendar_at=START), old, START + 5 * DAY).periods == 1


def test_who_comes_to_a_policy_by_a_change_of_tier_waits_from_that_change() -> None:
    moved = account(created_at=START - 900 * DAY, refill_anchor=START)
    assert look(policy(first="next"), moved, START + 5).next_at == START + DAY


def test_who_comes_from_another_policy_has_nothing_made_good() -> None:
    other = account(created_at=START - 900 * DAY, refill_policy="weekly", refill_anchor=START, refill_version=1)
    told = look(policy(first="next", catch_up="all"), other, START)
    assert (told.what, told.periods) == ("grant", 1)


def test_a_fixed_anchor_that_lies_ahead_is_waited_for() -> None:
    by = policy(anchor="2026-07-01T00:00")
    told = look(by, account(), START)
    assert (told.what, iso(told.next_at)) == ("wait", "2026-06-30T16:00:00.000000Z")
    assert look(by, account(), told.next_at).what == "grant"


def test_another_version_of_the_same_calendar_leaves_the_account_in_its_period() -> None:
    by = policy(first="next")
    waiting = kept(by, account(), look(by, account(), START), START)
    richer = replace(by, version=7, amount=900)
    assert look(richer, waiting, START + DAY - 1).what == "wait"
    assert look(richer, waiting, START + DAY).amount == 900


@pytest.mark.parametrize("anchor", ["rolling", MIDNIGHT])
def test_another_calendar_never_refills_the_same_time_again(anchor: str) -> None:
    by = policy(anchor=anchor)
    done = kept(by, account(), look(by, account(), START), START)
    hourly = policy(anchor=anchor, every={"hours": 1}, version=2)
    told = look(hourly, done, START + 1)
    assert told.what == "wait"
    assert START < told.next_at <= START + 3600 * SECOND
    monthly = policy(anchor=anchor, every={"months": 1}, version=2)
    assert look(monthly, done, START + 2 * DAY).what == "wait"


# -- how much ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("catch_up", "periods"), [("none", 1), ("one", 2), ("all", 5)])
@pytest.mark.parametrize("anchor", ["rolling", MIDNIGHT])
def test_periods_that_nobody_was_there_for(anchor: str, catch_up: str, periods: int) -> None:
    by = policy(anchor=anchor, catch_up=catch_up)
    first = look(by, account(), START)
    told = look(by, kept(by, account(), first, START), first.next_at + 4 * DAY)
    assert (told.periods, told.amount, told.window) == (periods, 100 * periods, first.next_at + 4 * DAY)


def test_all_is_a_thousand_at_most() -> None:
    by = policy(catch_up="all", every={"minutes": 1})
    done = kept(by, account(), look(by, account(), START), START)
    assert look(by, done, START + 30 * DAY).periods == 1000


@pytest.mark.parametrize(
    ("mode", "have", "what", "amount"),
    [
        ("add", credit(500), "grant", 100), ("top_up", credit(30), "grant", 70), ("top_up", credit(-20), "grant", 120),
        ("top_up", credit(100), "pass", 0), ("top_up", credit(500), "pass", 0), ("reset", credit(500), "grant", 100),
        ("reset", credit(500, refill=40), "grant", 100), ("reset", credit(0, refill=0, held=30), "grant", 70),
        ("reset", credit(5, refill=5, held=200), "grant", 0), ("reset", credit(0, refill=0, held=200), "pass", 0),
    ],
)  # fmt: skip
def test_modes(mode: str, have: Credit, what: str, amount: int) -> None:
    told = look(policy(mode=mode), account(), START, have)
    assert (told.what, told.amount) == (what, amount)
    if what == "pass":  # and who asks finds the period as it is
        assert look(policy(mode=mode), account(), START, have, on_demand=True).what == "wait"


def test_what_does_not_fit_into_an_account_is_no_refill() -> None:
    told = look(policy(), account(), START, credit(ROOM - 99, room=99))
    assert (told.what, told.why) == ("pass", "no_room")
    assert look(policy(), account(), START, credit(ROOM - 100, room=100)).what == "grant"
    assert look(policy(mode="reset"), account(), START, credit(ROOM, refill=100, room=0)).what == "grant"
    assert look(policy(), account(), START, credit(0, room=99), on_demand=True).why == "no_room"


def test_who_is_not_active_is_left_out_by_a_run_and_not_when_they_come_back() -> None:
    by = policy(anchor=MIDNIGHT, active_within_days=3)
    told = look(by, account(), START)
    assert (told.what, told.why) == ("pass", "inactive")
    left_out = kept(by, account(), told, START)
    assert look(by, left_out, START + 60 * SECOND, on_demand=True).what == "grant"
    only_runs = policy(anchor=MIDNIGHT, active_within_days=3, trigger="scheduled")
    passed = kept(only_runs, account(), look(only_runs, account(), START), START)
    active = replace(passed, activity=f"{(START + DAY) // DAY}:5")
    assert look(only_runs, active, told.next_at - 1).what == "wait"
    assert look(replace(only_runs, catch_up="all"), active, START + DAY).periods == 1


def test_the_first_policy_by_name_that_is_on_and_fits() -> None:
    all_of_them = [
        policy(name="c"), policy(name="b", tiers=["heavy"]), policy(name="a", enabled=False),
        policy(name="a-other", unit="CNY"), policy(name="d"),
    ]  # fmt: skip
    assert [getattr(choose(all_of_them, "tokens", tier), "name", None) for tier in ("ordinary", "heavy", "x")] == [
        "c", "b", None,
    ]  # fmt: skip


# -- what costs money ----------------------------------------------------------------------------------------------


def test_orders_are_one_at_a_time_and_each_has_a_window_of_its_own() -> None:
    by = policy(anchor=MIDNIGHT, price={"amount": "6.00", "channel": "qr"}, expires="next")
    first = look(by, account(), START)
    assert (first.what, first.amount, first.lasts) == ("order", 100, 86_400)
    placed = kept(by, account(), first, START)
    again = look(by, placed, START + 60 * SECOND)
    assert (again.what, again.window) == ("order", first.window)  # whoever asks means the same one
    for on_demand in (True, False):
        told = look(by, placed, START, order=Order(first.window, unpaid=False), on_demand=on_demand)
        assert (told.what, told.why) == ("wait", "in_flight")
    for on_demand in (True, False):
        asked = look(by, placed, START, order=Order(first.window, unpaid=True), on_demand=on_demand)
        assert (asked.what, asked.window) == ("order", first.window + 1)
    later = START + 70_400 * SECOND
    assert look(by, placed, later, order=Order(first.window, unpaid=True)).window == later
    free = look(policy(anchor=MIDNIGHT), placed, START, order=Order(first.window, unpaid=True))
    assert (free.what, free.window) == ("grant", first.window + 1)


# -- whatever happens ----------------------------------------------------------------------------------------------

POLICIES = st.builds(
    policy, anchor=st.sampled_from(["rolling", MIDNIGHT, "2026-01-31T02:30:00"]),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
    every=st.sampled_from([{"minutes": 30}, {"hours": 5}, {"days": 1}, {"weeks": 1}, {"months": 1}]),
    first=st.sampled_from(["now", "next"]), catch_up=st.sampled_from(["none", "one", "all"]),
    active_within_days=st.sampled_from([None, 1]), version=st.integers(1, 2),
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.integers(-40 * 24 * 3600, 80 * 24 * 3600), st.booleans(), st.booleans(), st.booleans()), max_size=40
)


@given(POLICIES, POLICIES, STEPS)
def test_no_window_is_granted_twice_whichever_way_the_clock_goes(
    one: RefillPolicy, other: RefillPolicy, steps: list[tuple[int, bool, bool, bool]]
) -> None:
    at, now, windows = account(), START, list[int]()
    for seconds, on_demand, change, keep in steps:
        now = max(now + seconds * SECOND, START - 4000 * DAY)
        by = other if change else one
        told = look(by, at, now, on_demand=on_demand)
        if told.what == "wait":
            assert told.next_at > now
            if keep:
                at = kept(by, at, told, now)
            continue
        if told.what == "grant":
            assert told.window <= now < told.next_at
            assert not windows or told.window > max(windows)
            windows.append(told.window)
        at = kept(by, at, told, now)
        place = enrolled(by, at, now)
        assert (place.anchor, place.settled) == (told.anchor, told.count)
        assert look(by, at, now, on_demand=on_demand).what != "grant"


@given(POLICIES, st.lists(st.integers(1, 3 * 24 * 3600), max_size=30))
def test_catching_up_makes_good_every_period_once(by: RefillPolicy, steps: list[int]) -> None:
    by = replace(by, catch_up="all", since=START, active_within_days=None, first="now")
    at, now, periods = account(), START, 0
    for seconds in [0, *steps]:
        now += seconds * SECOND
        told = look(by, at, now)
        if told.what == "grant":
            periods += told.periods
            at = kept(by, at, told, now)
    assert periods == by.periods(START).number_at(now) + 1
