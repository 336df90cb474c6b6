"""Usage: what credit was used for, by day, by use, by owner; against sums made by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payflow.clock import SECOND
from payflow.store import Used
from payflow.wallet.usage import of_days

from .test_spending import code_of
from .world import Purse

FIRST, SECOND_DAY = date(2026, 5, 29), date(2026, 5, 30)


@pytest.fixture
def used(purse: Purse) -> Purse:
    """Two owners, two units, two days; a hold, a transfer and a correction, which are no usage but for the hold."""
    wallet = purse.wallet
    for owner in ("ann", "bob"):
        purse.given(owner, 20, kind="promo", key="gift")
        purse.given(owner, 1000)
    wallet.grant("ann", "CNY", 500, key="cny")
    wallet.spend("ann", "tokens", 30, key="s-1", use="chat")  # from two buckets: one spend
    wallet.spend("ann", "tokens", 5, key="s-2", use="chat")
    wallet.spend("bob", "tokens", 7, key="s-3")
    wallet.spend("ann", "CNY", 99, key="s-4", use="chat")
    purse.clock.forward(86_400)
    wallet.settle(wallet.hold("ann", "tokens", 80, key="job", use="image").id, 50)
    wallet.release(wallet.hold("ann", "tokens", 10, key="job-2", use="image").id)
    wallet.transfer("ann", "bob", "tokens", 40, key="t-1")
    wallet.adjust("bob", "tokens", -3, key="a-1", by="anna", memo="twice")
    return purse


def asked(purse: Purse, *who: str, **more: Any) -> list[tuple[Any, ...]]:
    return [
        (one.unit, one.day or one.use or one.owner, one.amount, one.spends) for one in purse.wallet.usage(*who, **more)
    ]


def test_by_day_and_use(used: Purse) -> None:
    assert [(one.unit, one.day, one.use, one.amount, one.spends) for one in used.wallet.usage()] == [
        ("CNY", FIRST, "chat", 99, 1), ("tokens", FIRST, "", 7, 1), ("tokens", FIRST, "chat", 35, 2),
        ("tokens", SECOND_DAY, "image", 50, 1),
    ]  # fmt: skip
    assert asked(used, "ann", "tokens") == [("tokens", FIRST, 35, 2), ("tokens", SECOND_DAY, 50, 1)]
    assert asked(used, "ann", "tokens", since=SECOND_DAY) == [("tokens", SECOND_DAY, 50, 1)]
    assert asked(used, "ann", "tokens", until=FIRST) == [("tokens", FIRST, 35, 2)]
    assert asked(used, "nobody", "tokens") == []


def test_by_use_and_by_owner_the_largest_first(used: Purse) -> None:
    assert asked(used, unit="tokens", by="use") == [
        ("tokens", "image", 50, 1), ("tokens", "chat", 35, 2), ("tokens", "", 7, 1),
    ]  # fmt: skip
    assert asked(used, unit="tokens", by="use", most=1) == [("tokens", "image", 50, 1)]
    assert asked(used, by="owner") == [("CNY", "ann", 99, 1), ("tokens", "ann", 85, 3), ("tokens", "bob", 7, 1)]
    assert asked(used, by="owner", unit="tokens", most=1) == [("tokens", "ann", 85, 3)]
    assert asked(used, by="owner", since=SECOND_DAY) == [("tokens", "ann", 50, 1)]


def test_what_cannot_be_asked_for(used: Purse) -> None:
    assert code_of(used.wallet.usage, by="moon") == "INVALID_REFERENCE"
    assert code_of(used.wallet.usage, "ann") == "INVALID_REFERENCE"
    assert code_of(used.wallet.usage, since=SECOND_DAY, until=FIRST) == "INVALID_PERIOD"


def test_what_is_used_is_what_stands_on_payflow_s_own_account(used: Purse) -> None:
    booked = dict(
        used.store.select(
            "select currency, sum(amount) from pf_entry where ledger_account like 'used:%' group by currency", 9
        )
    )
    told: Counter[str] = Counter()
    for one in used.wallet.usage():
        told[one.unit] += one.amount
    assert told == {unit: int(amount) for unit, amount in booked.items()}


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"])
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(instants=st.lists(st.integers(0, 4_000_000_000_000_000), max_size=30))
def test_quarters_of_an_hour_are_never_in_two_days(zone: str, instants: list[int]) -> None:
    from datetime import datetime, timezone

    where = ZoneInfo(zone)
    found = [Used("tokens", at - at % (900 * SECOND), "chat", "", 1, 1) for at in instants]
    by_hand = Counter(datetime.fromtimestamp(at // SECOND, timezone.utc).astimezone(where).date() for at in instants)
    assert {one.day: one.amount for one in of_days(found, where)} == by_hand
