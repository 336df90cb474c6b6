"""The statement explains every unit; usage says what it was for."""

from __future__ import annotations

import re
from datetime import date

import pytest

from examples.credits.answers import Answer
from examples.credits.books import days, kind_of
from examples.credits.plot import bars
from payflow.clock import BEIJING
from payflow.wallet import Usage

from .world import STORY, STORY_COST, STORY_READ, STORY_WRITTEN, UNIT, Chat, Visitor


def test_the_statement_explains_every_unit(chat: Chat, visitor: Visitor) -> None:
    visitor.asked()
    visitor.asked("hello there")
    payment = visitor.buy(pack="large")
    visitor.asked("12 * 34")
    chat.wallet.adjust(visitor.owner, UNIT, 7, key="sorry", by="office", memo="for the trouble")
    lines = list(chat.wallet.statement(visitor.owner, UNIT))
    assert sum(line.amount for line in lines) == visitor.has.balance
    spent = {answer.hold_id: answer for answer in visitor.answers()}
    for line in lines:
        if line.kind == "settle":  # each is an answer, and its price is its tokens
            answer = spent.pop(line.hold_id)
            assert line.amount == -answer.cost == -(answer.read + 2 * answer.written)
    assert spent == {}
    page = visitor.page("/statement")
    assert f"6 movements add up to {visitor.has.balance:,}: that is the balance." in page
    assert f"{STORY} {STORY_READ} read × 1 + {STORY_WRITTEN} written × 2 Free −{STORY_COST}" in page
    assert "Large, payment of ¥20.00 Bought +20,000 Bonus +3,000 +23,000" in page
    assert "Free credit a question found too little; policy free-daily Free +1,000" in page
    assert "Corrected for the trouble" in page
    assert f"/payments/{payment.id}" in visitor.client.get("/statement").text


def test_a_long_statement_has_pages(chat: Chat, visitor: Visitor) -> None:
    visitor.buy(pack="large")
    for number in range(60):
        chat.wallet.spend(visitor.owner, UNIT, 1, key=f"s{number}", use="chat")
    assert "Page 1 of 3" in visitor.page("/statement")
    assert "Newer Page 3 of 3" in visitor.page("/statement?page=3")
    for odd in ("0", "-5", "99", "x", "9" * 50):
        assert visitor.client.get(f"/statement?page={odd}").status_code == 200
    rows = [visitor.client.get(f"/statement?page={page}").text.count("<tr class=") for page in (1, 2, 3)]
    assert rows == [25, 25, 11]


def test_nothing_is_a_statement_too(visitor: Visitor) -> None:
    assert "Nothing has moved yet." in visitor.page("/statement")
    assert "Total 0 0 0 0" in visitor.page("/usage")


def test_usage_is_what_the_ledger_says_beside_the_tokens(chat: Chat, visitor: Visitor) -> None:
    visitor.asked()
    visitor.asked("hello")
    answers = visitor.answers()
    cost, read, written = (sum(getattr(one, name) for one in answers) for name in ("cost", "read", "written"))
    assert f"Total 2 {read} {written} {cost}" in visitor.page("/usage")
    (used,) = chat.wallet.usage(visitor.owner, UNIT)
    assert (used.amount, used.spends, used.use) == (cost, 2, "chat")
    other = chat.visitor()
    assert "Total 0 0 0 0" in other.page("/usage")


def test_days_have_their_figures_and_the_empty_ones_are_there() -> None:
    answer = Answer(
        "a", "o", "k", "q", "t", 3, 4, 11, 20, "h", "done", 1_790_000_000_000_000, 0
    )  # 2026-09-21 in Beijing
    used = [
        Usage(UNIT, date(2026, 9, 21), "chat", "", 11, 1),
        Usage(UNIT, date(2026, 9, 21), "", "", 5, 2),
        Usage(UNIT, date(2026, 9, 1), "chat", "", 99, 9),  # before the first
    ]
    found = days(used, [answer], date(2026, 9, 20), date(2026, 9, 22), BEIJING)
    assert [(day.name, day.answers, day.read, day.written, day.cost) for day in found] == [
        ("2026-09-20", 0, 0, 0, 0), ("2026-09-21", 3, 3, 4, 16), ("2026-09-22", 0, 0, 0, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("bucket", "kind"),
    [("promo", "promo"), ("promo:01M8", "promo"), ("refill:12", "refill"), ("paid", "paid"), ("debt", "debt"),
     ("01M83VZ4NJ1S66QWZZZE5EDCB0", "paid"), ("01M83VZ4NJ1S66QWZZZE5EDCB0+", "promo")],
)  # fmt: skip
def test_buckets_have_kinds(bucket: str, kind: str) -> None:
    assert kind_of(bucket) == kind


def test_bars_stand_in_proportion_and_carry_their_figures() -> None:
    drawn = bars([("1", 0), ("2", 500), ("3", 1000), ("<4>", 1)], title='a "b" <c>')
    heights = [int(high) for high in re.findall(r'class="bar"[^>]* height="(\d+)"', drawn)]
    assert heights[1] == 2 * heights[0]
    assert heights[2] == 2  # little is seen, too
    assert len(heights) == 3
    assert "<title>a &quot;b&quot; &lt;c&gt;</title>" in drawn
    assert "<4>" not in drawn
    assert bars([], title="none").startswith("<svg")
