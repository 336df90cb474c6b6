"""The table as a whole: what analyse says agrees with what choosing does, cell by cell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from payflow.errors import Refused
from payflow.money import MAX_MINOR, Money
from payflow.routing import CHANNELS, Area, RouteFacts, Router, Rule, analyse, unable
from payflow.routing.coverage import OTHER

from .test_choosing import CURRENCIES, rules


def rule(name: str, **fields: Any) -> Rule:
    if {"minimum", "maximum"} & set(fields):
        fields.setdefault("currencies", ("CNY",))
    return Rule(name=name, account=fields.pop("account", "a"), **fields)


def kinds(*table: Rule, **options: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(finding.kind, finding.rules) for finding in analyse(table, **options)]


REST = rule("rest", fallback=True)


def test_a_fallback_alone_has_nothing_to_say() -> None:
    assert kinds(REST) == []


def test_a_gap_between_two_amounts() -> None:
    low, high = rule("low", channels=("qr",), maximum=5000), rule("high", channels=("qr",), minimum=6000)
    gap = next(finding for finding in analyse([low, high]) if finding.kind == "gap")
    assert gap.areas == (Area(("qr",), "CNY", 5001, 5999),)
    assert gap.text == "No route takes CNY from 50.01 to 59.99 by qr; it is refused with NO_ROUTE"
    assert gap.warning


def test_amounts_that_meet_exactly_leave_no_gap() -> None:
    low, high = rule("low", channels=("qr",), maximum=5000), rule("high", channels=("qr",), minimum=5001)
    assert [kind for kind, _ in kinds(low, high) if kind in ("gap", "overlap")] == []


def test_a_fallback_closes_every_gap() -> None:
    assert kinds(rule("low", channels=("qr",), maximum=5000), REST) == []


def test_channels_no_rule_is_about_are_told_together() -> None:
    found = analyse([rule("qr", channels=("qr",))])
    assert [(finding.kind, finding.warning) for finding in found] == [("unrouted", False)]
    assert "page or wap or app or barcode or mini_program or jsapi or h5" in found[0].text


def test_currencies_no_rule_is_about() -> None:
    found = analyse([rule("cny", currencies=("CNY",)), rule("hkd", currencies=("HKD",))])
    assert [(finding.kind, finding.warning) for finding in found] == [("unrouted", False)]
    assert "other currencies than CNY or HKD" in found[0].text


def test_a_rule_that_only_sometimes_matches_closes_nothing_for_sure() -> None:
    found = analyse([rule("vip", channels=("qr",), extra=(("vip", (True,)),))], channels=("qr",))
    assert [(finding.kind, finding.rules) for finding in found] == [("sometimes_gap", ("vip",))]


@pytest.mark.parametrize("sometimes", [{"predicate_name": "a:b"}, {"extra": (("k", (1,)),)}])
def test_a_rule_that_only_sometimes_matches_hides_nothing(sometimes: dict[str, Any]) -> None:
    found = kinds(rule("vip", channels=("qr",), **sometimes), rule("qr", channels=("qr",)), REST)
    assert found == [("overlap", ("vip", "qr"))]


def test_a_rule_behind_a_wider_one_is_never_reached() -> None:
    found = [one for one in analyse([rule("wide"), rule("narrow", channels=("qr",), maximum=100)]) if one.warning]
    assert [(one.kind, one.rules) for one in found] == [("unreachable", ("narrow",))]
    assert found[0].text == "Route 'narrow' is never reached: 'wide' comes first"


def test_a_rule_that_depends_on_the_same_and_more_is_never_reached() -> None:
    gold = rule("gold", channels=("qr",), extra=(("level", ("gold", "silver")),))
    more = rule("more", channels=("qr",), extra=(("level", ("gold",)), ("vip", (True,))), predicate_name="a:b")
    other = rule("other", channels=("qr",), extra=(("level", ("gold", "bronze")),))
    assert ("unreachable", ("more",)) in kinds(gold, more, REST)
    assert ("unreachable", ("other",)) not in kinds(gold, other, REST)
    assert ("unreachable", ("gold",)) not in kinds(more, gold, REST)


def test_two_rules_together_can_hide_a_third() -> None:
    table = [rule("low", maximum=100), rule("high", minimum=101), rule("mid", minimum=50, maximum=150), REST]
    found = next(one for one in analyse(table) if one.kind == "unreachable")
    assert found.rules == ("mid",)
    assert "'low' or 'high' comes first" in found.text


def test_a_fallback_that_is_never_used_is_no_warning() -> None:
    found = analyse([rule("all"), REST])
    assert [(one.kind, one.rules, one.warning) for one in found] == [("unreachable", ("rest",), False)]


def test_an_overlap_says_who_wins_and_where() -> None:
    one, two = rule("one", channels=("qr", "app"), maximum=5000), rule("two", channels=("qr",), minimum=4000)
    found = next(finding for finding in analyse([one, two, REST]) if finding.kind == "overlap")
    assert found.areas == (Area(("qr",), "CNY", 4000, 5000),)
    assert found.text.startswith("'one' and 'two' both take CNY from 40.00 to 50.00 by qr: 'one' wins")


def test_a_channel_the_account_cannot_do() -> None:
    table = [rule("r", channels=("qr", "h5"), account="a"), rule("s", channels=("h5",), account="unknown")]
    assert [one.text for one in unable(table, {"a": frozenset(["qr"])})] == [
        "Route 'r' sends h5 to 'a', which cannot do it"
    ]


def test_the_text_of_an_area() -> None:
    assert str(Area(CHANNELS, "CNY", 1, MAX_MINOR)) == "any amount in CNY by any channel"
    assert str(Area(("qr",), "JPY", 1, 500)) == "JPY up to 500 by qr"
    assert str(Area(("qr", "app"), "CNY", 500, MAX_MINOR)) == "CNY from 5.00 by qr or app"
    assert str(Area(("qr",), OTHER, 1, MAX_MINOR)) == "any other currency by qr"


def reached(table: list[Rule], minor: int, channel: str, currency: str, vip: bool) -> str | None:
    asked = RouteFacts(Money(minor, currency), channel, {"vip": True} if vip else {})
    try:
        return Router(table).choose(asked).rule_name
    except Refused:
        return None


@given(rules())
def test_the_analysis_agrees_with_choosing_at_every_edge(table: list[Rule]) -> None:
    channels = CHANNELS[:4]
    ends = [end for one in table for end in (one.minimum, one.maximum) if end]
    edges = sorted({1, 2, 59, 60, 61, 62, *(end + step for end in ends for step in (-1, 0, 1))})
    plane = [(minor, channel, currency) for minor in edges if minor for channel in channels for currency in CURRENCIES]
    found = analyse(table, channels=channels, currencies=CURRENCIES)

    def within(areas: tuple[Area, ...], minor: int, channel: str, currency: str) -> bool:
        return any(a.currency == currency and channel in a.channels and a.low <= minor <= a.high for a in areas)

    used: set[str | None] = set()
    for cell in plane:
        plain, vip = reached(table, *cell, vip=False), reached(table, *cell, vip=True)
        used |= {plain, vip}
        about = [one for one in found if one.kind in ("gap", "sometimes_gap", "unrouted")]
        told = {one.kind for one in about if within(one.areas, *cell)}
        expected = {"gap", "unrouted"} if vip is None else {"sometimes_gap"} if plain is None else set()
        assert told <= expected
        assert bool(told) == bool(expected)
    never = {one.rules[0] for one in found if one.kind == "unreachable"}
    assert never == {one.name for one in table if one.name not in used}
