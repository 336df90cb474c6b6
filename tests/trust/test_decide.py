"""An action runs without a person only when everything says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.money import MAX_MINOR, Money
from payflow.trust import Ceiling, Trust, TrustedAction

COFFEE = TrustedAction("coffee", {"CNY": Ceiling(per_payment=5000, per_day=20000), "JPY": Ceiling(per_day=1000)})
ANY = TrustedAction("any")
TRUST = Trust([COFFEE, ANY, TrustedAction("one", {"CNY": Ceiling(per_payment=100)})], auto_confirm=True)


@pytest.mark.parametrize(
    ("action", "money", "used", "reason"),
    [
        ("coffee", Money(1), 0, "trusted"),
        ("coffee", Money(5000), 0, "trusted"),
        ("coffee", Money(5001), 0, "per_payment_ceiling"),
        ("coffee", Money(5000), 15000, "trusted"),
        ("coffee", Money(5000), 15001, "per_day_ceiling"),
        ("coffee", Money(1), 20000, "per_day_ceiling"),
        ("coffee", Money(1), 10**15, "per_day_ceiling"),
        ("coffee", Money(1000, "JPY"), 0, "trusted"),
        ("coffee", Money(1000, "JPY"), 1, "per_day_ceiling"),
        ("coffee", Money(1, "USD"), 0, "currency_not_trusted"),
        ("any", Money(MAX_MINOR, "USD"), 10**18, "trusted"),
        ("one", Money(100), 10**9, "trusted"),
        ("one", Money(101), 0, "per_payment_ceiling"),
        ("tea", Money(1), 0, "not_trusted"),
        ("Coffee", Money(1), 0, "not_trusted"),
        ("coffee ", Money(1), 0, "not_trusted"),
        ("", Money(1), 0, "not_trusted"),
    ],
)
def test_decisions(action: str, money: Money, used: int, reason: str) -> None:
    decision = TRUST.decide(action, money, used)
    assert (decision.reason, decision.trusted) == (reason, reason == "trusted")
    assert decision.text


@pytest.mark.parametrize(
    ("action", "money", "ceiling"),
    [("coffee", Money(1), 20000), ("coffee", Money(9999), 20000), ("one", Money(1), None), ("any", Money(1), None)],
)
def test_the_day_ceiling_comes_with_the_decision(action: str, money: Money, ceiling: int | None) -> None:
    assert TRUST.decide(action, money, 0).per_day_ceiling == ceiling


@pytest.mark.parametrize("action", ["coffee", "any", "tea", ""])
def test_nothing_is_trusted_while_the_master_switch_is_off(action: str) -> None:
    decision = Trust([COFFEE, ANY], auto_confirm=False).decide(action, Money(1), 0)
    assert (decision.trusted, decision.reason) == (False, "auto_confirm_off")


def test_a_negative_sum_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="negative"):
        TRUST.decide("coffee", Money(1), -1)


def test_ceilings_cannot_be_widened_afterwards() -> None:
    ceilings = {"CNY": Ceiling(per_payment=1)}
    action = TrustedAction("a", ceilings)
    ceilings["CNY"] = Ceiling(per_payment=10**9)
    assert Trust([action], auto_confirm=True).decide("a", Money(2), 0).reason == "per_payment_ceiling"


@given(st.lists(st.integers(1, 12000), max_size=30), st.integers(1, 6000), st.integers(1, 30000))
def test_what_is_trusted_in_a_day_never_exceeds_its_ceilings(amounts: list[int], once: int, day: int) -> None:
    trust = Trust([TrustedAction("a", {"CNY": Ceiling(once, day)})], auto_confirm=True)
    used = 0
    for minor in amounts:
        if trust.decide("a", Money(minor), used).trusted:
            assert minor <= once
            used += minor
    assert used <= day
