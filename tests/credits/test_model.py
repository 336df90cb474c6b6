"""The toy and its prices: what is counted is what is paid, and no answer costs more than was held for it."""

from __future__ import annotations

import pytest

from examples.credits import model
from examples.credits.model import answer, counted
from examples.credits.prices import LONGEST, Used, estimate

from .world import STORY, STORY_READ, STORY_WRITTEN


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0), ("   ", 0), ("a", 1), ("word", 1), ("words", 2), ("12", 1), ("1234", 2), ("一二三", 3),
        ("two words", 3), ("hi!", 2), ("你好，world", 5), ("😀", 1),
    ],
)  # fmt: skip
def test_tokens_are_counted(text: str, tokens: int) -> None:
    assert counted(text) == tokens


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("12 * 34", "12 × 34 = 408"), ("what is 7-9?", "7 - 9 = -2"), ("7/2", "7 ÷ 2 = 3, and 1 left over"),
        ("6 ÷ 3", "6 ÷ 3 = 2"), ("1/0", "Nothing is divided by zero; that much I know."),
        ("12 * 34 等于多少", "12 × 34 = 408"), ("7/2 是多少", "7 ÷ 2 = 3，余 1"),
    ],
)  # fmt: skip
def test_sums(question: str, said: str) -> None:
    assert "".join(answer(question)) == said


@pytest.mark.parametrize(
    "question", ["tell me a story", "讲个故事", "price?", "多少钱", "hello", "你好", "free?", "who are you"]
)
def test_its_answers_are_whole(question: str) -> None:
    text = "".join(answer(question))
    assert text == model._text(question)
    assert counted(text) < LONGEST


def test_a_question_is_answered_in_its_own_language() -> None:
    assert "鹦鹉" in "".join(answer("讲个故事"))
    assert "parrot" in "".join(answer("a story"))
    assert "".join(answer("嗯嗯")).startswith("“嗯嗯”")


@pytest.mark.parametrize("longest", [0, 1, 7, 50])
def test_an_answer_is_never_longer_than_it_may_be(longest: int) -> None:
    assert counted("".join(answer(STORY, longest))) <= longest


def test_pieces_add_up_to_the_tokens_of_the_whole() -> None:
    pieces = list(answer(STORY))
    assert sum(counted(piece) for piece in pieces) == counted("".join(pieces)) == STORY_WRITTEN
    assert counted(STORY) == STORY_READ


def test_what_is_held_is_the_most_that_it_can_cost() -> None:
    assert Used(5, 87).cost == 179
    assert estimate(5) == Used(5, LONGEST).cost == 205
