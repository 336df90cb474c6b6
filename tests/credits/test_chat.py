"""Asked, held, answered, settled; or stopped, and released. Never both."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest

from examples.credits.prices import MOST_ASKED
from payflow import StoreError

from .world import STORY, STORY_COST, STORY_HELD, STORY_READ, STORY_WRITTEN, UNIT, Chat, Visitor


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 15
    while not what():
        assert time.monotonic() < until, "It did not happen"
        time.sleep(0.01)


def test_somebody_new_has_nothing_until_they_ask(chat: Chat, visitor: Visitor) -> None:
    assert "0 available" in visitor.page()
    assert chat.flow.store.accounts_of(visitor.owner) == []
    done = visitor.asked()
    assert (done.status, done.read, done.written, done.cost) == ("done", STORY_READ, STORY_WRITTEN, STORY_COST)
    assert (visitor.has.available, visitor.has.held) == (1000 - STORY_COST, 0)


def test_while_an_answer_is_written_its_credit_is_held(slow: Chat) -> None:
    visitor = slow.visitor()
    assert visitor.ask().status_code == 303
    assert (visitor.has.available, visitor.has.held, visitor.has.balance) == (1000 - STORY_HELD, STORY_HELD, 1000)
    page = visitor.page()
    assert f"{STORY_HELD} held for answers" in page
    assert "Stop" in page
    assert f"{STORY} {STORY_HELD}" in visitor.page("/statement").partition("Held now, not spent yet")[2]


def test_a_stopped_answer_costs_nothing(slow: Chat) -> None:
    visitor = slow.visitor()
    visitor.ask()
    wait_for(lambda: (live := slow.place.writing.live(visitor.answers()[-1].id)) is not None and live.count > 3)
    assert visitor.stop().status_code == 303
    stopped = visitor.ended()
    assert (stopped.status, stopped.cost) == ("stopped", 0)
    assert stopped.text.startswith("Once there was")
    assert (visitor.has.available, visitor.has.held) == (1000, 0)
    assert [line.kind for line in slow.wallet.statement(visitor.owner, UNIT)] == ["refill"]
    assert visitor.stop().status_code == 303  # once more changes nothing
    assert f"it cost nothing, {STORY_HELD} released" in visitor.page()


def test_what_is_done_is_not_stopped_any_more(visitor: Visitor) -> None:
    done = visitor.asked()
    assert visitor.stop().status_code == 303
    assert visitor.answers() == [done]
    assert visitor.has.available == 1000 - STORY_COST


def test_stopped_and_done_at_once_is_one_of_both(chat: Chat) -> None:
    visitor = chat.visitor()
    for _ in range(4):
        visitor.ask("hello")
        stopping = threading.Thread(
            target=visitor.again().client.post, args=(f"/answers/{visitor.answers()[-1].id}/stop",)
        )
        stopping.start()
        ended = visitor.ended()
        stopping.join()
        assert ended.status in ("done", "stopped")
    spent = sum(answer.cost for answer in visitor.answers())
    assert sum(answer.cost > 0 for answer in visitor.answers()) == sum(a.status == "done" for a in visitor.answers())
    assert (visitor.has.available, visitor.has.held) == (1000 - spent, 0)


def test_a_double_click_is_one_question(chat: Chat, visitor: Visitor) -> None:
    assert [visitor.ask(key="same").status_code for _ in range(3)] == [303, 303, 303]
    assert visitor.ended().cost == STORY_COST
    assert len(visitor.answers()) == 1
    other = visitor.ask("hello", key="same")
    assert (other.status_code, "IDEMPOTENCY_CONFLICT" in other.text) == (409, True)
    assert visitor.has.available == 1000 - STORY_COST


def test_too_little_credit_says_how_much_is_missing_when_more_comes_and_where_to_buy(visitor: Visitor) -> None:
    for _ in range(5):
        visitor.asked()
    left = visitor.has.available
    assert left == 1000 - 5 * STORY_COST
    reply = visitor.ask()
    assert reply.status_code == 409
    assert f"{STORY_HELD - left} credit missing" in reply.text
    assert f"This answer may cost up to {STORY_HELD}; {left} available." in " ".join(reply.text.split())
    assert "Free credit comes again at" in reply.text
    assert 'href="/buy"' in reply.text
    assert f'value="{STORY}"' in reply.text  # what was asked is not lost
    assert (visitor.has.available, len(visitor.answers())) == (left, 5)


@pytest.mark.parametrize("question", ["", "   ", "\x00\x01", "x" * (MOST_ASKED + 1)])
def test_what_is_no_question_is_refused_where_the_person_stands(visitor: Visitor, question: str) -> None:
    reply = visitor.ask(question)
    assert reply.status_code == 400
    assert "INVALID_QUESTION" in reply.text
    assert 'id="send"' in reply.text
    assert visitor.answers() == []


@pytest.mark.parametrize(
    "question", ["<script>alert(1)</script>", "a\x00b\x1b[31m", "𝕏" * 20, "'; drop table answer;--", "\u202eabc"]
)
def test_hostile_questions_are_answered_as_text(visitor: Visitor, question: str) -> None:
    assert visitor.asked(question).status == "done"
    reply = visitor.client.get("/")
    assert "<script>alert" not in reply.text
    assert visitor.client.get("/statement").status_code == 200


@pytest.mark.parametrize("key", ["", "two words", "é", "k" * 300])
def test_a_key_that_is_none_is_refused(visitor: Visitor, key: str) -> None:
    reply = visitor.client.post("/ask", data={"key": key, "question": "hello"})
    assert reply.status_code == 400
    assert visitor.answers() == []


def test_nobody_stops_or_reads_what_is_another_s(slow: Chat) -> None:
    visitor, stranger = slow.visitor(), slow.visitor()
    visitor.ask()
    answer = visitor.answers()[-1]
    assert stranger.client.post(f"/answers/{answer.id}/stop").status_code == 404
    assert stranger.client.get(f"/answers/{answer.id}/words").status_code == 404
    assert STORY not in stranger.page().partition("Conversation")[2].partition("Try")[0]
    assert visitor.has.held == STORY_HELD


def test_words_come_as_a_stream_and_a_lost_stream_goes_on_where_it_was(slow: Chat) -> None:
    visitor = slow.visitor()
    visitor.ask("hello")
    answer = visitor.answers()[-1]
    told = visitor.client.get(f"/answers/{answer.id}/words?from=0").text
    pieces = [json.loads(line.removeprefix("data: ")) for line in told.split("\n") if line.startswith('data: "')]
    assert "".join(pieces) == visitor.ended().text
    assert told.endswith("event: end\ndata: {}\n\n")
    visitor.ask("hello")
    answer = visitor.answers()[-1]
    told = visitor.client.get(f"/answers/{answer.id}/words", headers={"Last-Event-ID": "2"}).text
    assert told.count("\nid: ") == len(pieces) - 3
    assert "id: 3\n" in told
    assert "id: 2\n" not in told


def test_too_many_answers_at_once_are_refused_and_hold_nothing(slow: Chat) -> None:
    visitor = slow.visitor()
    visitor.buy(pack="small")
    replies = [visitor.ask() for _ in range(17)]
    assert [reply.status_code for reply in replies] == [303] * 16 + [409]
    assert "BUSY" in replies[-1].text
    assert visitor.has.held == 16 * STORY_HELD
    slow.place.writing.close()
    assert visitor.has.held == 0
    wait_for(lambda: visitor.ask("hello").status_code == 303)


def test_when_its_time_is_over_the_hold_is_freed_and_the_answer_lost(slow: Chat) -> None:
    visitor = slow.visitor()
    visitor.ask()
    slow.clock.pass_seconds(61)
    slow.worker.round()
    assert visitor.has.held == 0
    assert "Broken off: it cost nothing" in visitor.page()
    assert visitor.ended().status == "lost"
    assert visitor.has.balance == 1000


def test_the_last_word_fails_and_nothing_is_charged(slow: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = slow.visitor()

    def refuse(*_: object, **__: object) -> None:
        raise StoreError("The database did not answer", code="STORE_UNAVAILABLE")

    visitor.ask("hello")
    monkeypatch.setattr(type(slow.place.answers), "end", staticmethod(refuse))
    answer = visitor.answers()[-1]
    wait_for(lambda: slow.place.writing.live(answer.id) is None)
    assert (visitor.has.balance, visitor.has.held) == (1000, answer.held)  # settled and kept, or neither
    slow.clock.pass_seconds(61)
    slow.worker.round()
    assert (visitor.has.available, visitor.has.held) == (1000, 0)


def test_five_tabs_at_once_are_refilled_once(slow: Chat) -> None:
    visitor = slow.visitor()
    tabs = [visitor.again() for _ in range(5)]
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda tab=tab: statuses.append(tab.ask().status_code)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303] * 4 + [409]  # 4 × 205 of 1000
    lines = list(slow.wallet.statement(visitor.owner, UNIT))
    assert [(line.kind, line.amount) for line in lines] == [("refill", 1000)]
    assert visitor.has.held == 4 * STORY_HELD


def test_the_next_day_brings_free_credit_again_and_only_what_is_missing(chat: Chat, visitor: Visitor) -> None:
    visitor.asked()
    chat.clock.pass_days(1)
    for _ in range(5):
        visitor.asked()
    lines = list(chat.wallet.statement(visitor.owner, UNIT))
    refills = [line.amount for line in lines if line.kind == "refill"]
    assert refills == [1000, 1000 - (1000 - 5 * STORY_COST)]  # topped up to 1000, once it was too little
    assert all(line.trigger == "demand" for line in lines if line.kind == "refill")
