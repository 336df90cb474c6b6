"""What the host is told keeps the promise of its schema."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from payflow.gateway import EventKind
from payflow.schema_files import load

from .conftest import World


def test_every_message_is_as_its_schema_says(world: World) -> None:
    schema = load("message.v1.schema.json")
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    payment = world.paid()
    world.flow.receive(world.main.callback(world.main.event(payment, EventKind.CLOSED)))
    world.flow.refund(payment.id, key="r")
    history = world.store.history(payment.id)
    assert history is not None
    bodies = [json.loads(message.body) for message in history.messages]
    assert {body["kind"].partition(".")[0] for body in bodies} == {"payment", "refund", "incident"}
    assert [message.key for message in history.messages] == [body["key"] for body in bodies]
    for body in bodies:
        validator.validate(body)


def test_the_schema_refuses_what_is_not_promised(world: World) -> None:
    validator = Draft202012Validator(load("message.v1.schema.json"))
    world.pay()
    [payment] = world.store.recent_payments()
    history = world.store.history(payment.id)
    assert history is not None
    body = json.loads(history.messages[0].body)
    for spoilt in ({**body, "amount": 12.5}, {**body, "secret": "x"}, {**body, "status": None}, {**body, "key": "x"}):
        assert not validator.is_valid(spoilt)
