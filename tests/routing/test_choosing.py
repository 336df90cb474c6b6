"""First match wins, a fallback is explicit, no match is an error that explains itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.errors import PayflowError, Refused
from payflow.money import Money
from payflow.routing import CHANNELS, RouteFacts, Router, Rule, why_not


def facts(minor: int = 1250, channel: str = "qr", currency: str = "CNY", **extra: Any) -> RouteFacts:
    return RouteFacts(Money(minor, currency), channel, extra)


SMALL = Rule(name="small", account="wechat", channels=("qr",), currencies=("CNY",), minimum=1, maximum=5000)
LARGE = Rule(name="large", account="alipay", channels=("qr", "page"), currencies=("CNY",), minimum=5001)
REST = Rule(name="rest", account="mock", fallback=True)


@pytest.mark.parametrize(
    ("asked", "account"),
    [
        (facts(1), "wechat"),
        (facts(5000), "wechat"),
        (facts(5001), "alipay"),
        (facts(5001, "page"), "alipay"),
        (facts(5000, "page"), "mock"),
        (facts(5000, "app"), "mock"),
        (facts(5000, "qr", "HKD"), "mock"),
        (facts(5000, "qr", "JPY"), "mock"),
    ],
)
def test_the_amount_and_the_channel_choose(asked: RouteFacts, account: str) -> None:
    assert Router([SMALL, LARGE, REST]).choose(asked).account == account


def test_the_first_match_wins_whatever_comes_behind() -> None:
    twin = Rule(name="twin", account="other", channels=("qr",))
    choice = Router([SMALL, twin]).choose(facts())
    assert (choice.account, choice.rule_name, len(choice.considered)) == ("wechat", "small", 1)
    assert Router([twin, SMALL]).choose(facts()).account == "other"


def test_a_fallback_is_asked_last_wherever_it_stands() -> None:
    assert Router([REST, SMALL]).choose(facts()).rule_name == "small"


def test_no_match_is_refused_and_says_why() -> None:
    with pytest.raises(Refused) as caught:
        Router([SMALL, LARGE]).choose(facts(100, "page"))
    assert caught.value.code == "NO_ROUTE"
    assert "small: channel is page, not qr" in caught.value.message
    assert "large: amount 1.00 CNY is below 50.01" in caught.value.message


def test_no_rules_no_route() -> None:
    with pytest.raises(Refused) as caught:
        Router([]).choose(facts())
    assert caught.value.code == "NO_ROUTE"


@pytest.mark.parametrize(
    ("wanted", "given_value", "matches"),
    [
        (("a",), "a", True),
        (("a", "b"), "b", True),
        (("a",), "A", False),
        ((1,), 1, True),
        ((1,), True, False),
        ((True,), 1, False),
        ((True,), True, True),
        (("1",), 1, False),
        ((1,), 1.0, False),
        (("a",), None, False),
        (("a",), ["a"], False),
    ],
)
def test_extra_values_match_only_their_own_type(wanted: tuple[Any, ...], given_value: Any, matches: bool) -> None:
    rule = Rule(name="r", account="a", extra=(("key", wanted),))
    assert (why_not(rule, facts(key=given_value)) == "") is matches


def test_an_extra_nobody_gave() -> None:
    rule = Rule(name="r", account="a", extra=(("shop", ("a",)),))
    assert why_not(rule, facts()) == "extra 'shop' was not given"


def test_a_predicate_gets_the_facts_and_decides() -> None:
    seen: list[RouteFacts] = []

    def rich(asked: RouteFacts) -> bool:
        seen.append(asked)
        return asked.amount.minor > 1000

    router = Router([Rule(name="r", account="a", predicate=rich, predicate_name="shop:rich"), REST])
    assert router.choose(facts(1001, shop="x")).account == "a"
    assert router.choose(facts(1000)).account == "mock"
    assert seen[0] == facts(1001, shop="x")


def test_a_predicate_is_only_asked_when_everything_else_holds() -> None:
    def never(asked: RouteFacts) -> bool:
        raise AssertionError("asked for nothing")

    rule = Rule(name="r", account="a", channels=("app",), predicate=never, predicate_name="shop:never")
    assert Router([rule, REST]).choose(facts()).account == "mock"


def raising(asked: RouteFacts) -> bool:
    raise KeyError("secret detail")


@pytest.mark.parametrize("predicate", [raising, lambda asked: None, lambda asked: 1, lambda asked: "yes"])
def test_a_broken_predicate_is_never_a_silent_no(predicate: Any) -> None:
    router = Router([Rule(name="r", account="a", predicate=predicate, predicate_name="shop:f"), REST])
    with pytest.raises(PayflowError) as caught:
        router.choose(facts())
    assert caught.value.code == "PREDICATE_FAILED"
    assert "shop:f" in caught.value.message
    assert "secret detail" not in caught.value.message


def test_explain_tells_of_every_rule() -> None:
    broken = Rule(name="broken", account="a", predicate=raising, predicate_name="shop:raising")
    twin = Rule(name="twin", account="other", channels=("qr",))
    told = Router([LARGE, SMALL, twin, broken, REST]).explain(facts())
    assert told.choice is not None
    assert told.choice.rule_name == "small"
    assert [(item.rule, item.matched) for item in told.considered] == [
        ("large", False), ("small", True), ("twin", False), ("broken", False), ("rest", False),
    ]  # fmt: skip
    reasons = {item.rule: item.reason for item in told.considered}
    assert reasons["twin"] == "would match too, but 'small' comes first"
    assert "raised KeyError" in reasons["broken"]
    assert reasons["rest"] == "is the fallback, and 'small' matched"


def test_explain_without_a_match() -> None:
    told = Router([SMALL]).explain(facts(1, "app"))
    assert told.choice is None
    assert [item.reason for item in told.considered] == ["channel is app, not qr"]


def test_explain_does_not_hide_a_predicate_that_stops_the_payment() -> None:
    with pytest.raises(PayflowError):
        Router([Rule(name="r", account="a", predicate=raising, predicate_name="shop:f"), REST]).explain(facts())


def test_hostile_facts_only_make_a_message() -> None:
    with pytest.raises(Refused) as caught:
        Router([SMALL]).choose(facts(1, "x\n" * 500))
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "rules",
    [
        [REST, Rule(name="rest2", account="mock", fallback=True)],
        [SMALL, SMALL],
        [Rule(name="r", account="a", predicate_name="shop:not_resolved")],
    ],
)
def test_tables_that_cannot_be_asked(rules: list[Rule]) -> None:
    with pytest.raises(ValueError):
        Router(rules)


@pytest.mark.parametrize("currencies", [(), ("CNY", "HKD")])
def test_an_amount_needs_one_currency(currencies: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        Rule(name="r", account="a", currencies=currencies, minimum=1)


CURRENCIES = ("CNY", "HKD", "JPY")


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    found = []
    for number in range(draw(st.integers(0, 5))):
        bounded = draw(st.booleans())
        low, high = sorted((draw(st.integers(1, 60)), draw(st.integers(1, 60))))
        found.append(
            Rule(
                name=f"r{number}",
                account=f"a{draw(st.integers(0, 2))}",
                channels=tuple(draw(st.lists(st.sampled_from(CHANNELS[:3]), unique=True, max_size=2))),
                currencies=(draw(st.sampled_from(CURRENCIES)),) if bounded else (),
                minimum=draw(st.sampled_from([None, low])) if bounded else None,
                maximum=draw(st.sampled_from([None, high])) if bounded else None,
                extra=draw(st.sampled_from([(), (("vip", (True,)),)])),
            )
        )
    if draw(st.booleans()):
        found.append(Rule(name="fallback", account="f", fallback=True))
    return found


@given(rules(), st.integers(1, 70), st.sampled_from(CHANNELS[:4]), st.sampled_from(CURRENCIES), st.booleans())
def test_choose_is_the_first_rule_that_has_nothing_against_it(
    table: list[Rule], minor: int, channel: str, currency: str, vip: bool
) -> None:
    asked = facts(minor, channel, currency, **({"vip": True} if vip else {}))
    expected = next((rule for rule in table if not why_not(rule, asked)), None)
    told = Router(table).explain(asked)
    assert (told.choice.rule_name if told.choice else None) == (expected.name if expected else None)
    assert [item.rule for item in told.considered] == [rule.name for rule in table]
    assert sum(item.matched for item in told.considered) == (1 if expected else 0)
    assert all(item.reason for item in told.considered if not item.matched)
