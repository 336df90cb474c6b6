"""The table of rows that were seen."""

from __future__ import annotations

from payflow.gateways.bills.repeats import Seen


def test_as_a_set_would() -> None:
    seen, known = Seen(), set()
    for number in range(20_000):
        words = str(number * 7919 % 6007), str(number % 3)
        assert seen.add(*words) is (words not in known)
        known.add(words)


def test_words_do_not_run_together() -> None:
    seen = Seen()
    assert [seen.add("ab", "c"), seen.add("a", "bc"), seen.add("abc"), seen.add("ab", "c")] == [True, True, True, False]


def test_text_that_is_no_unicode() -> None:
    assert Seen().add("\ud800")
