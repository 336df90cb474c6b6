"""Every cell of every table: moved as declared here once more, by hand, or refused with the stable code."""

from __future__ import annotations

import dataclasses
import threading
import timeit

import pytest

from payflow.errors import TransitionNotAllowed
from payflow.tables import ATTEMPT, PAYMENT, REFUND, TABLES

#: (table, state, event) → (target, books, tells). Typed from the design, not read from the code.
CELLS = {
    ("payment", "created", "submit"): ("pending", None, "payment.pending"),
    ("payment", "created", "cancel"): ("cancelled", None, "payment.cancelled"),
    ("payment", "pending", "pay"): ("paid", "capture", "payment.paid"),
    ("payment", "pending", "fail"): ("failed", None, "payment.failed"),
    ("payment", "pending", "cancel"): ("cancelled", None, "payment.cancelled"),
    ("payment", "paid", "refund_part"): ("partially_refunded", "refund", "payment.partially_refunded"),
    ("payment", "partially_refunded", "refund_part"): ("partially_refunded", "refund", "payment.partially_refunded"),
    ("payment", "paid", "refund_full"): ("refunded", "refund", "payment.refunded"),
    ("payment", "partially_refunded", "refund_full"): ("refunded", "refund", "payment.refunded"),
    ("payment", "cancelled", "pay_late"): ("paid", "capture", "payment.paid_late"),
    ("payment", "failed", "pay_late"): ("paid", "capture", "payment.paid_late"),
    ("refund", "requested", "process"): ("processing", None, "refund.processing"),
    ("refund", "requested", "succeed"): ("succeeded", None, "refund.succeeded"),
    ("refund", "requested", "fail"): ("failed", None, "refund.failed"),
    ("refund", "processing", "succeed"): ("succeeded", None, "refund.succeeded"),
    ("refund", "processing", "fail"): ("failed", None, "refund.failed"),
    ("attempt", "prepared", "send"): ("sent", None, None),
    ("attempt", "sent", "confirm"): ("confirmed", None, None),
    ("attempt", "sent", "reject"): ("rejected", None, None),
    ("attempt", "sent", "lose"): ("unknown", None, None),
    ("attempt", "unknown", "confirm"): ("confirmed", None, None),
    ("attempt", "unknown", "reject"): ("rejected", None, None),
    ("attempt", "unknown", "disown"): ("never_sent", None, None),
}  # fmt: skip
STATES = {
    "payment": "created pending paid partially_refunded refunded cancelled failed".split(),
    "refund": "requested processing succeeded failed".split(),
    "attempt": "prepared sent confirmed rejected unknown never_sent".split(),
}
EVENTS = sorted({event for _, _, event in CELLS} | {"", "paid", "refund", "PAY", "__init__"})
ACCEPT = {"late_payment": "accept"}
EVERY = [
    (table, state, event) for table, states in STATES.items() for state in [*states, "lost", ""] for event in EVENTS
]


def test_the_states_are_those_of_the_design():
    assert {name: set(table.states) for name, table in TABLES.items()} == {n: set(s) for n, s in STATES.items()}


@pytest.mark.parametrize(("name", "state", "event"), EVERY)
def test_every_cell_is_moved_or_refused(name, state, event):
    table = TABLES[name]
    wanted = CELLS.get((name, state, event))
    assert table.takes(state, event, ACCEPT) is (wanted is not None)
    if wanted is not None:
        cell = table.move(state, event, ACCEPT)
        assert (cell.entity, cell.source, cell.event) == (name, state, event)
        assert (cell.target, cell.books, cell.tells) == wanted
        return
    with pytest.raises(TransitionNotAllowed) as refused:
        table.move(state, event, ACCEPT)
    assert refused.value.code == "TRANSITION_NOT_ALLOWED"
    assert (refused.value.entity, refused.value.state, refused.value.event) == (name, state, event)
    assert refused.value.http_status == 409


@pytest.mark.parametrize("state", ["cancelled", "failed"])
@pytest.mark.parametrize("policies", [{}, {"late_payment": "refund"}, {"late_payment": "hold"}, {"other": "accept"}])
def test_late_money_moves_only_where_it_is_accepted(state, policies):
    assert not PAYMENT.takes(state, "pay_late", policies)
    with pytest.raises(TransitionNotAllowed):
        PAYMENT.move(state, "pay_late", policies)


def test_no_other_cell_depends_on_a_policy():
    depending = [cell for table in TABLES.values() for cell in table.moves.values() if cell.policy]
    assert {(cell.event, cell.policy) for cell in depending} == {("pay_late", ("late_payment", "accept"))}


def test_b155_illegal_operations_are_refused():
    for state, event in [("pending", "refund_full"), ("paid", "cancel"), ("cancelled", "pay"), ("cancelled", "cancel")]:
        with pytest.raises(TransitionNotAllowed):
            PAYMENT.move(state, event, ACCEPT)


def test_refunded_has_no_exit():
    assert PAYMENT.exits("refunded", ACCEPT) == ()
    assert not any(PAYMENT.takes("refunded", event, ACCEPT) for event in PAYMENT.events)


def test_how_things_begin_and_end():
    assert (PAYMENT.initial, PAYMENT.first_tells) == ("created", "payment.created")
    assert (REFUND.initial, REFUND.first_tells) == ("requested", "refund.requested")
    assert (ATTEMPT.initial, ATTEMPT.first_tells) == ("prepared", None)
    assert PAYMENT.finals == {"refunded"}
    assert REFUND.finals == {"succeeded", "failed"}
    assert ATTEMPT.finals == {"confirmed", "rejected", "never_sent"}


def test_what_is_left_by_policy_only_is_an_end_elsewhere():
    assert PAYMENT.ends(ACCEPT) == {"refunded"}
    assert PAYMENT.ends({"late_payment": "hold"}) == {"refunded", "cancelled", "failed"}


def test_old_news_stays_and_is_no_move():
    assert {event for state, event in PAYMENT.stays if state == "cancelled"} == {"cancel", "fail"}
    for table in TABLES.values():
        for state, event in table.stays:
            assert not table.takes(state, event, ACCEPT)
            with pytest.raises(TransitionNotAllowed):
                table.move(state, event, ACCEPT)


@pytest.mark.parametrize("name", TABLES)
def test_allowed_pairs_are_the_cells_and_the_beginning(name):
    cells = {(state, target) for (table, state, _), (target, _, _) in CELLS.items() if table == name}
    assert TABLES[name].allowed_pairs() == cells | {("", STATES[name][0])}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_says_what_it_means(name):
    table = TABLES[name]
    assert set(table.means) == set(table.states)
    assert all(len(said) > 5 for said in table.means.values())


def test_a_table_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAYMENT.initial = "paid"  # type: ignore[misc]
    with pytest.raises(TypeError):
        PAYMENT.moves["refunded", "pay"] = PAYMENT.moves["pending", "pay"]  # type: ignore[index]
    with pytest.raises(TypeError):
        PAYMENT.means["paid"] = ""  # type: ignore[index]
    with pytest.raises(TypeError):
        TABLES["payment"] = REFUND  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAYMENT.moves["pending", "pay"].target = "refunded"  # type: ignore[misc]


def test_threads_share_a_table_and_each_gets_its_own_refusal():
    wrong: list[object] = []
    together = threading.Barrier(8)

    def ask(number: int) -> None:
        together.wait()
        for turn in range(2000):
            state, event = [("pending", "pay"), ("refunded", "pay"), ("paid", "cancel"), ("paid", "refund_full")][
                (number + turn) % 4
            ]
            try:
                target = PAYMENT.move(state, event, {}).target
            except TransitionNotAllowed as refused:
                if (refused.state, refused.event) != (state, event) or ("payment", state, event) in CELLS:
                    wrong.append(refused)
            else:
                if CELLS["payment", state, event][0] != target:
                    wrong.append(target)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_lookup_takes_less_than_a_microsecond():
    policies = {"late_payment": "accept"}
    best = min(timeit.repeat(lambda: PAYMENT.move("failed", "pay_late", policies), number=20_000, repeat=7)) / 20_000
    assert best < 1e-6
