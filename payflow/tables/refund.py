"""The refund table. A refund that failed is never tried again under its number."""

from __future__ import annotations

from typing import Any

from statemachine import State, StateChart

from ..machine import compile_table


class RefundChart(StateChart[Any]):
    """Where a refund can be, and what moves it."""

    allow_event_without_transition = False
    catch_errors_as_events = False
    atomic_configuration_update = True
    enable_self_transition_entries = False

    requested = State(initial=True)
    processing = State()
    succeeded = State(final=True)
    failed = State(final=True)

    process = requested.to(processing)
    succeed = requested.to(succeeded) | processing.to(succeeded)
    fail = requested.to(failed) | processing.to(failed)


REFUND = compile_table(
    "refund",
    RefundChart,
    tells={"process": "refund.processing", "succeed": "refund.succeeded", "fail": "refund.failed"},
    first_tells="refund.requested",
)
