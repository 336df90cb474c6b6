"""A host's own table: more states before the gateway is asked, stricter about refunds."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from payflow.doctor import broken
from payflow.gateway import EventKind
from payflow.machine import tables_from_json
from payflow.machine.own import document_of
from payflow.money import Money
from payflow.tables import PAYMENT, TABLES

from .conftest import World
from .test_pay import refusal


def own_table() -> dict[str, Any]:
    """payflow's table, and beyond ``paid`` a state in which the coffee is made."""
    document = copy.deepcopy(document_of(PAYMENT))
    states = document["states"]
    states["paid"]["on"]["prepare"] = {"to": "making", "tells": "payment.making"}
    states["making"] = {"on": {name: cell for name, cell in states["paid"]["on"].items() if name.startswith("refund")}}
    return document


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path}/own.db")
    tables = {**TABLES, "payment": tables_from_json(own_table(), PAYMENT)}
    made.tables = tables
    made.flow = made.another_flow()
    made.worker.flow = made.flow
    yield made
    assert broken(made.store, tables) == []
    made.store.close()


def test_the_hosts_event_moves_and_tells(world: World) -> None:
    payment = world.paid()
    assert world.flow.advance(payment.id, "prepare", key="p").payment.status == "making"
    assert world.flow.advance(payment.id, "prepare", key="p").replayed
    history = world.store.history(payment.id)
    assert history is not None
    assert history.messages[-1].kind == "payment.making"


def test_what_the_table_does_not_list_is_refused(world: World) -> None:
    assert refusal(world.flow.advance, world.pay().id, "prepare", key="p") == "TRANSITION_NOT_ALLOWED"


@pytest.mark.parametrize("event", ["pay", "refund_full", "submit", "unheard_of", ""])
def test_payflows_own_events_are_not_the_hosts_to_send(world: World, event: str) -> None:
    assert refusal(world.flow.advance, world.pay().id, event, key="p") == "INVALID_EVENT"


def test_money_goes_back_from_a_state_of_the_hosts_own(world: World) -> None:
    payment = world.paid()
    world.flow.advance(payment.id, "prepare", key="p")
    world.flow.refund(payment.id, key="r", amount=Money(50))
    assert world.status(payment) == "partially_refunded"
    world.flow.refund(payment.id, key="r2")
    assert world.status(payment) == "refunded"


def test_a_repeated_callback_finds_its_fact_in_a_state_of_the_hosts_own(world: World) -> None:
    payment = world.paid()
    world.flow.advance(payment.id, "prepare", key="p")
    callback = world.main.callback(world.main.event(payment, EventKind.PAID))
    assert world.flow.receive(callback).status == 200
    assert world.status(payment) == "making"
