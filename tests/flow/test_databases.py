"""The races and the long stories again, on each of the three databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payflow.doctor import broken

from . import test_callbacks, test_pay, test_refunds, test_worker
from .conftest import World

STORIES = [
    test_pay.test_a_person_confirms_with_the_token,
    test_pay.test_a_late_token_is_refused_and_the_worker_cancels,
    test_pay.test_f70_fifty_parallel_calls_with_one_key_make_one_payment,
    test_pay.test_the_ceiling_of_a_day_holds_under_a_race_and_is_new_tomorrow,
    test_pay.test_f19_a_charge_that_never_arrived_is_sent_again_under_the_same_number,
    test_pay.test_f72_a_key_past_its_retention_is_a_new_request,
    test_pay.test_text_of_every_language_is_kept,
    test_callbacks.test_f01_a_hundred_in_parallel_are_one,
    test_callbacks.test_many_are_one_set_and_each_gets_its_own_reply,
    test_callbacks.test_two_flows_on_one_store_apply_a_fact_once,
    test_callbacks.test_f04_a_callback_before_its_order_is_applied_when_the_order_turns_up,
    test_callbacks.test_a_person_sends_held_money_back,
    test_refunds.test_b116_refunds_in_parts_add_up,
    test_refunds.test_f26_two_refunds_of_60_of_100_at_once,
    test_refunds.test_f25_a_refund_of_unknown_outcome_is_asked_about_and_sent_again_under_its_number,
    test_worker.test_f13_two_workers_ask_once,
    test_worker.test_f53_two_workers_deliver_once,
    test_worker.test_a_dead_letter_is_replayed,
    test_worker.test_a_caller_that_died_after_sending_leaves_an_unknown_outcome_that_is_asked_about,
    test_worker.test_the_trace_tells_the_whole_story,
]


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    made = World(store_url)
    yield made
    assert broken(made.store) == []
    made.store.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__.removeprefix("test_"))
def test_the_story_is_the_same_on_every_database(story: object, world: World) -> None:
    story(world)  # type: ignore[operator]
