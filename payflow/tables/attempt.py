"""The attempt table: one operation we asked of a gateway. Attempts book nothing and tell nothing."""

from __future__ import annotations

from typing import Any

from statemachine import State, StateChart

from ..machine import compile_table


class AttemptChart(StateChart[Any]):
    """Where an attempt can be, and what moves it."""

    allow_event_without_transition = False
    catch_errors_as_events = False
    atomic_configuration_update = True
    enable_self_transition_entries = False

    prepared = State(initial=True)
    sent = State()
    unknown = State()
    confirmed = State(final=True)
    rejected = State(final=True)
    never_sent = State(final=True)

    send = prepared.to(sent)
    confirm = sent.to(confirmed) | unknown.to(confirmed)
    reject = sent.to(rejected) | unknown.to(rejected)
    lose = sent.to(unknown)
    disown = unknown.to(never_sent)


ATTEMPT = compile_table("attempt", AttemptChart)
