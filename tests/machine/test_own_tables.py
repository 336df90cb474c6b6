"""A host's own table in JSON: the same checks, and the promises of the table it takes the place of."""

from __future__ import annotations

from types import MappingProxyType

import jsonschema
import pytest
from hypothesis import given, settings

from payflow import schema_files
from payflow.errors import ConfigError, TransitionNotAllowed
from payflow.machine import Table, tables_from_json
from payflow.machine.own import document_of
from payflow.tables import ATTEMPT, PAYMENT, REFUND, TABLES

from .own_tables import built_in, grown, shipping, stricter

ROOT = "$.tables.payment"


def refused(document, base: Table = PAYMENT) -> ConfigError:
    with pytest.raises(ConfigError) as wrong:
        tables_from_json(document, base)
    assert wrong.value.code == "CONFIG_TABLE"
    assert wrong.value.path.startswith(f"$.tables.{base.name}")
    assert wrong.value.message.startswith(wrong.value.path) or "The table" in wrong.value.message
    return wrong.value


# -- what a host may do --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", TABLES.values(), ids=list(TABLES))
def test_the_built_in_table_written_down_is_the_built_in_table(base):
    table = tables_from_json(document_of(base), base)
    assert dict(table.moves) == dict(base.moves)
    for name in ("name", "states", "initial", "finals", "events", "stays", "first_tells", "leaves_out", "grows_after"):
        assert getattr(table, name) == getattr(base, name)
    assert dict(table.means) == dict(base.means)


def test_a_stricter_table():
    table = tables_from_json(stricter(), PAYMENT)
    assert table.states == ("created", "pending", "paid", "refunded", "cancelled", "failed")
    assert table.move("paid", "refund_full").books == "refund"
    for state, event in [("paid", "refund_part"), ("cancelled", "pay_late")]:
        with pytest.raises(TransitionNotAllowed):
            table.move(state, event, {"late_payment": "accept"})
    assert table.finals == {"refunded", "cancelled", "failed"}
    assert table.stays == PAYMENT.stays


def test_a_table_without_any_refund():
    document = stricter()
    del document["states"]["refunded"]
    document["states"]["paid"] = {"final": True}
    assert tables_from_json(document, PAYMENT).finals == {"paid", "cancelled", "failed"}


def test_more_states():
    table = tables_from_json(shipping(), PAYMENT)
    assert table.move("preparing", "ship").tells == "payment.shipped"
    assert table.move("shipped", "refund_full") == PAYMENT.move("paid", "refund_full").__class__(
        "payment", "refund_full", "shipped", "refunded", "refund", "payment.refunded"
    )
    assert table.move("paid", "remind").target == "paid"
    assert ("preparing", "paid") in table.allowed_pairs()
    assert table.means["shipped"] == "handed to the courier"
    assert table.means["paid"] == PAYMENT.means["paid"]
    assert not table.takes("shipped", "pay")


def test_an_event_means_what_it_means_whatever_is_not_said_again():
    document = built_in()
    document["states"]["pending"]["on"]["pay"] = "paid"
    document["states"]["failed"]["on"]["pay_late"] = {"to": "paid", "only_where": {"late_payment": "accept"}}
    assert dict(tables_from_json(document, PAYMENT).moves) == dict(PAYMENT.moves)


def test_own_names_may_be_words_of_the_library():
    document = built_in()
    document["states"]["paid"]["on"]["prepare"] = "name"
    document["states"]["name"] = {
        "on": {"refund_part": "partially_refunded", "refund_full": "refunded", "send": "states", "on_exit": "error_x"}
    }
    for name in ("states", "error_x"):
        document["states"][name] = {"on": {"refund_part": "partially_refunded", "refund_full": "refunded"}}
    table = tables_from_json(document, PAYMENT)
    assert table.move("name", "send").target == "states"
    assert table.move("name", "on_exit").target == "error_x"
    assert "error.x" not in table.events


def test_a_frozen_config_is_read_and_nothing_is_taken_from_it():
    document = shipping()
    frozen = MappingProxyType({name: value if isinstance(value, str) else MappingProxyType(value)
                               for name, value in document.items()})  # fmt: skip
    first = tables_from_json(frozen, PAYMENT)
    assert document == shipping()
    assert dict(tables_from_json(frozen, PAYMENT).moves) == dict(first.moves)


@given(grown())
@settings(max_examples=40, deadline=None)
def test_whatever_grows_keeps_the_promises(document):
    table = tables_from_json(document, PAYMENT)
    assert table.exits("refunded", {"late_payment": "accept"}) == ()
    for place, cell in PAYMENT.moves.items():
        assert table.moves[place] == cell
    for cell in table.moves.values():
        if cell.event not in PAYMENT.events:
            assert (cell.books, cell.policy) == (None, None)
            assert cell.source not in PAYMENT.states or cell.source in PAYMENT.grows_after
    for state in set(table.states) - set(PAYMENT.states):
        assert table.takes(state, "refund_part")
        assert table.takes(state, "refund_full")


# -- the shape -----------------------------------------------------------------------------------------------------


def test_the_schema_is_a_schema_and_its_examples_are_tables():
    schema = schema_files.load("table.v1.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    for example in schema["examples"]:
        assert tables_from_json(example, PAYMENT).move("paid", "ship").tells == "payment.shipped"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, ROOT),
        ([], ROOT),
        ("paid", ROOT),
        (None, ROOT),
        ({"states": {}}, f"{ROOT}.states"),
        ({"states": []}, f"{ROOT}.states"),
        ({"status": {}, **built_in()}, ROOT),
        ({"states": {**built_in()["states"], "Paid": {"final": True}}}, f"{ROOT}.states"),
        ({"states": {**built_in()["states"], "x'; drop table": {"final": True}}}, f"{ROOT}.states"),
        ({"states": {**built_in()["states"], "a" * 33: {"final": True}}}, f"{ROOT}.states"),
        ({"states": {**built_in()["states"], "paid": {"on": {"ship it": "x"}}}}, f"{ROOT}.states.paid.on"),
        ({"states": {**built_in()["states"], "paid": {"on": {"ship": 1}}}}, f"{ROOT}.states.paid.on.ship"),
        ({"states": {**built_in()["states"], "paid": {"on": {"ship": {}}}}}, f"{ROOT}.states.paid.on.ship"),
        ({"states": {**built_in()["states"], "paid": {"final": "yes"}}}, f"{ROOT}.states.paid.final"),
        ({"states": {**built_in()["states"], "paid": {"ons": {}}}}, f"{ROOT}.states.paid"),
        ({"states": {**built_in()["states"], "paid": {"on": {"ship": {"to": "x", "tells": "Payment.x"}}}}},
         f"{ROOT}.states.paid.on.ship.tells"),
        ({"states": {**built_in()["states"], "paid": {"on": {"ship": {"to": "x", "only_where": {"weather": "good"}}}}}},
         f"{ROOT}.states.paid.on.ship.only_where"),
    ],
)  # fmt: skip
def test_a_document_of_the_wrong_shape(document, path):
    assert refused(document).path == path


@pytest.mark.parametrize("name", ["paid\n", "shipped\n"])
def test_a_line_break_at_the_end_of_a_name(name):
    document = built_in()
    document["states"]["paid"]["on"]["ship"] = name
    document["states"][name] = {"on": {"refund_full": "refunded", "refund_part": "partially_refunded"}}
    refused(document)


# -- what a host may not do ----------------------------------------------------------------------------------------


def test_an_exit_from_refunded():
    document = built_in()
    document["states"]["refunded"] = {"on": {"pay": "paid"}}
    assert refused(document).path == f"{ROOT}.states.refunded"
    document["states"]["refunded"] = {"final": True, "on": {"reopen": "paid"}}
    assert refused(document).path == f"{ROOT}.states.refunded.on"


@pytest.mark.parametrize(
    ("state", "event"), [("created", "submit"), ("created", "cancel"), ("pending", "pay"), ("pending", "fail")]
)
def test_leaving_out_what_records_a_fact(state, event):
    document = built_in()
    del document["states"][state]["on"][event]
    wrong = refused(document)
    assert wrong.path == f"{ROOT}.states.{state}"
    assert f"must take '{event}'" in wrong.message


@pytest.mark.parametrize("base", [REFUND, ATTEMPT], ids=["refund", "attempt"])
def test_refunds_and_attempts_keep_every_cell(base):
    for cell in base.moves.values():
        document = document_of(base)
        del document["states"][cell.source]["on"][cell.event]
        refused(document, base)


@pytest.mark.parametrize("base", [REFUND, ATTEMPT], ids=["refund", "attempt"])
def test_refunds_and_attempts_have_no_states_of_a_host(base):
    document = document_of(base)
    document["states"][base.initial]["on"]["wander"] = "lost"
    document["states"]["lost"] = {"on": dict(document["states"][base.initial]["on"])}
    assert "takes no events of a host's own" in refused(document, base).message


@pytest.mark.parametrize(
    ("state", "event", "target"),
    [("cancelled", "pay", "paid"), ("created", "pay", "paid"), ("paid", "cancel", "cancelled"),
     ("failed", "submit", "pending")],
)  # fmt: skip
def test_a_looser_table(state, event, target):
    document = built_in()
    document["states"][state]["on"][event] = target
    wrong = refused(document)
    assert wrong.path == f"{ROOT}.states.{state}.on.{event}"
    assert "not looser" in wrong.message


@pytest.mark.parametrize(
    ("state", "event", "target"),
    [("pending", "pay", "failed"), ("paid", "refund_full", "cancelled"), ("failed", "pay_late", "partially_refunded"),
     ("paid", "refund_part", "paid")],
)  # fmt: skip
def test_money_goes_nowhere_else(state, event, target):
    document = built_in()
    document["states"][state]["on"][event] = target
    assert "nowhere else" in refused(document).message


@pytest.mark.parametrize(
    ("said", "what"),
    [({"to": "paid", "books": "refund"}, "books"), ({"to": "paid", "tells": "payment.money"}, "tells"),
     ({"to": "paid", "only_where": {"late_payment": "hold"}}, "only_where")],
)  # fmt: skip
def test_a_cell_keeps_what_it_books_tells_and_needs(said, what):
    document = built_in()
    document["states"]["pending"]["on"]["pay"] = said
    assert refused(document).path == f"{ROOT}.states.pending.on.pay.{what}"


@pytest.mark.parametrize("more", [{"books": "capture"}, {"only_where": {"late_payment": "hold"}}])
def test_an_own_event_books_nothing_and_has_no_policy(more):
    document = shipping()
    document["states"]["preparing"]["on"]["ship"] = {"to": "shipped", **more}
    assert refused(document).path == f"{ROOT}.states.preparing.on.ship"


@pytest.mark.parametrize("kind", ["payment.paid", "payment.created", "payment.refunded"])
def test_an_own_event_does_not_tell_what_is_told_already(kind):
    document = shipping()
    document["states"]["preparing"]["on"]["ship"] = {"to": "shipped", "tells": kind}
    assert "told by the built-in table" in refused(document).message


def test_an_own_event_tells_of_its_own_entity():
    document = shipping()
    document["states"]["preparing"]["on"]["ship"] = {"to": "shipped", "tells": "refund.shipped"}
    assert "not a kind of message about a payment" in refused(document).message


@pytest.mark.parametrize("state", ["created", "pending", "cancelled", "failed"])
def test_own_states_only_where_the_money_has_come(state):
    document = built_in()
    document["states"][state]["on"]["review"] = "in_review"
    document["states"]["in_review"] = {"on": dict(document["states"][state]["on"])}
    assert refused(document).path == f"{ROOT}.states.{state}.on.review"


def test_a_short_cut_between_built_in_states():
    document = built_in()
    document["states"]["paid"]["on"]["forget"] = "refunded"
    assert "may lead to own states" in refused(document).message


def test_a_detour_that_comes_back_elsewhere():
    document = shipping()
    document["states"]["shipped"]["on"]["give_up"] = "refunded"
    assert "or back to the one state it left" in refused(document).message
    document = shipping()
    document["states"]["partially_refunded"]["on"]["ship_rest"] = "shipped"
    document["states"]["shipped"]["on"]["undo"] = "paid"
    assert "or back to the one state it left" in refused(document).message


def test_an_own_state_takes_the_refund_that_is_under_way():
    document = shipping()
    del document["states"]["delivered"]["on"]["refund_full"]
    wrong = refused(document)
    assert wrong.path == f"{ROOT}.states.delivered"
    assert "must take 'refund_full'" in wrong.message


@pytest.mark.parametrize("event", ["pay", "cancel", "submit", "fail", "pay_late"])
def test_an_own_state_does_not_take_money_twice_or_end_unpaid(event):
    document = shipping()
    document["states"]["shipped"]["on"][event] = next(
        cell.target for cell in PAYMENT.moves.values() if cell.event == event
    )
    refused(document)


def test_an_unknown_state_is_named_with_the_nearest_spelling():
    document = shipping()
    document["states"]["preparing"]["on"]["ship"] = "shiped"
    assert "did you mean 'shipped'?" in refused(document).message


def test_an_own_state_nobody_reaches():
    document = built_in()
    document["states"]["island"] = {"on": {"refund_full": "refunded"}}
    assert "island" in refused(document).message


def test_a_state_and_an_event_of_one_name():
    document = shipping()
    document["states"]["paid"]["on"]["shipped"] = "preparing"
    assert "'shipped' is a state and an event" in refused(document).message


def test_an_own_end_that_is_not_called_final():
    document = stricter()
    document["states"]["failed"] = {}
    assert 'say "final": true' in refused(document).message


def test_another_beginning():
    document = built_in()
    del document["states"]["created"]["initial"]
    document["states"]["pending"]["initial"] = True
    assert "'created' is initial" in refused(document).message


def test_a_part_without_the_rest():
    document = built_in()
    del document["states"]["paid"]["on"]["refund_full"]
    assert "the rest may come back too" in refused(document).message


def test_what_the_library_refuses_is_told_in_the_hosts_names():
    document = built_in()
    del document["states"]["partially_refunded"]["on"]["refund_full"]
    message = refused(document).message
    assert "['partially_refunded']" in message


def test_the_path_begins_where_the_document_stands():
    with pytest.raises(ConfigError) as wrong:
        tables_from_json({}, PAYMENT, path="$.shop.table")
    assert wrong.value.path == "$.shop.table"
