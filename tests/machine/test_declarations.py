"""A declaration that does not hold together is refused when it is declared: one failing declaration per check."""

from __future__ import annotations

import dataclasses

import pytest
from statemachine import State as RawState
from statemachine import StateChart

from payflow.errors import ConfigError
from payflow.machine import Move, Table
from payflow.machine.checking import problems, refuse
from payflow.machine.declaring import Declaration, State, books, compiled, only_where, tells
from payflow.tables import PAYMENT, TABLES


def refused(declare) -> str:
    with pytest.raises(ConfigError) as wrong:
        compiled(declare())
    assert wrong.value.code == "CONFIG_TABLE"
    return wrong.value.message


# -- while the class is made, mostly by python-statemachine --------------------------------------------------------


def test_an_unreachable_state():
    def declare():
        class Lost(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            lost = State()
            go = here.to(there)
            come = lost.to(there)

        return Lost

    assert "lost" in refused(declare)


def test_an_exit_from_a_final_state():
    def declare():
        class Exit(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            go = here.to(there)
            back = there.to(here)

        return Exit

    assert "there" in refused(declare)


def test_a_state_without_an_exit_that_is_not_final():
    def declare():
        class Trap(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State()
            go = here.to(there)

        return Trap

    assert "there" in refused(declare)


def test_no_way_to_an_end():
    def declare():
        class Circle(Declaration):
            entity = "refund"
            here = State(initial=True)
            round_ = State()
            about = State()
            there = State(final=True)
            go = here.to(there)
            turn = here.to(round_) | round_.to(about) | about.to(round_)

        return Circle

    assert "about" in refused(declare)


def test_two_initial_states():
    def declare():
        class Two(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(initial=True)
            go = here.to(there) | there.to(here)

        return Two

    assert "here" in refused(declare)


def test_a_state_and_an_event_of_one_name():
    def declare():
        class Same(Declaration):
            entity = "refund"
            here = State(initial=True)
            paid = State(final=True)
            paid = here.to(paid)

        return Same

    assert "'paid' is declared twice" in refused(declare)


# -- when it is compiled -------------------------------------------------------------------------------------------


def test_a_silent_event():
    def declare():
        from statemachine import Event

        class Silent(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            go = here.to(there)
            whisper = Event(name="whisper")

        return Silent

    assert "'whisper' is silent" in refused(declare)


def test_a_move_without_an_event():
    def declare():
        class Drift(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            go = here.to(there)
            here.to(there)

        return Drift

    assert "without an event" in refused(declare)


def test_two_ways_for_one_event():
    def declare():
        class Fork(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            elsewhere = State(final=True)
            go = here.to(there, cond=only_where("late_payment", "accept")) | here.to(elsewhere)

        return Fork

    assert "in two ways" in refused(declare)


def test_a_move_that_goes_nowhere():
    def declare():
        class Inner(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            stay = here.to.itself(internal=True)
            go = here.to(there)

        return Inner

    assert "without going to one state" in refused(declare)


def test_a_compound_state():
    def declare():
        class Deep(Declaration):
            entity = "refund"

            class here(State.Compound):  # noqa: N801 -- a state
                inside = RawState(initial=True)
                deeper = RawState(final=True)
                dig = inside.to(deeper)

            there = State(final=True)
            go = here.to(there)

        return Deep

    assert "not a plain state" in refused(declare)


@pytest.mark.parametrize("where", ["on", "before", "after", "validators", "cond"])
def test_a_deed_that_would_never_be_done(where):
    def declare():
        class Hidden(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            go = here.to(there, **{where: print})

        return Hidden

    assert "and nothing else" in refused(declare)


def test_a_condition_turned_around():
    def declare():
        class Unless(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            go = here.to(there, unless=only_where("late_payment", "accept"))

        return Unless

    assert "and nothing else" in refused(declare)


def test_two_bookings_of_one_move():
    def declare():
        class Twice(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            go = here.to(there, on=[books("capture"), books("refund")])

        return Twice

    assert "books is declared twice" in refused(declare)


@pytest.mark.parametrize("policy", [("late_payment", "perhaps"), ("weather", "accept")])
def test_a_policy_nobody_can_declare(policy):
    def declare():
        class Policy(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            go = here.to(there, cond=only_where(*policy))

        return Policy

    assert "cannot be declared" in refused(declare)


@pytest.mark.parametrize("kind", ["payment.paid", "refund", "refund.Paid", "refund.paid'--", "refund."])
def test_a_message_of_the_wrong_kind(kind):
    def declare():
        class Told(Declaration):
            entity = "refund"
            here = State(initial=True)
            there = State(final=True)
            go = here.to(there, on=tells(kind))

        return Told

    assert "is not a kind of message about a refund" in refused(declare)


def test_a_chart_of_statemachine_itself_is_read_and_checked_too():
    class Plain(StateChart):
        entity = "refund"
        here = RawState(initial=True)
        there = RawState(final=True)
        go = here.to(there)

    assert compiled(Plain).move("here", "go").target == "there"


# -- the checks themselves, without the library --------------------------------------------------------------------


def changed(**fields) -> str:
    return "; ".join(problems(dataclasses.replace(PAYMENT, **fields)))


def with_cell(source, event, target, **more) -> dict:
    cell = Move("payment", event, source, target, **more)
    return {"moves": {**PAYMENT.moves, (source, event): cell}}


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_the_built_in_tables_hold(table):
    assert list(problems(table)) == []


@pytest.mark.parametrize("name", ["Paid", "paid-up", "1st", "", "p" * 33, "paid\n", "pаid", "x' or '1'='1"])
def test_a_name_that_is_none(name):
    assert "cannot be a name" in changed(states=(*PAYMENT.states, name))
    assert "cannot be a name" in changed(events=(*PAYMENT.events, name))


def test_a_name_declared_twice():
    assert "declared twice" in changed(states=(*PAYMENT.states, "paid"))
    assert "is a state and an event" in changed(events=(*PAYMENT.events, "paid"))


def test_what_is_named_and_not_declared():
    assert "initial state 'lost'" in changed(initial="lost")
    assert "names what is not declared" in changed(**with_cell("paid", "submit", "lost"))
    assert "names what is not declared" in changed(**with_cell("paid", "vanish", "failed"))
    assert "listed as staying and not declared" in changed(stays=frozenset({("lost", "pay")}))
    assert "listed as staying and moves" in changed(stays=frozenset({("pending", "pay")}))
    assert "'vanish' is opened" in changed(leaves_out=frozenset({"vanish"}))
    assert "'lost' is opened" in changed(grows_after=frozenset({"lost"}))


def test_a_cell_in_the_wrong_place():
    moves = {**PAYMENT.moves, ("paid", "cancel"): PAYMENT.moves["pending", "cancel"]}
    assert "the cell (paid, cancel) is that of (pending, cancel)" in changed(moves=moves)


def test_reachable_ended_and_heard_are_checked_without_the_library():
    assert "'lost' is unreachable" in changed(states=(*PAYMENT.states, "lost"))
    assert "'paid' is final and has an exit" in changed(finals=PAYMENT.finals | {"paid"})
    assert "'refunded' has no exit and is not final" in changed(finals=frozenset())
    assert "'whisper' is silent" in changed(events=(*PAYMENT.events, "whisper"))
    moves = {cell: move for cell, move in PAYMENT.moves.items() if move.target != "refunded"}
    assert "'paid' has no way to an end" in changed(moves=moves)


def test_what_is_refunded_stays_refunded():
    said = changed(**with_cell("refunded", "cancel", "cancelled"), finals=frozenset({"failed"}))
    assert "'refunded' must be final" in said


def test_money_comes_once_and_before_it_goes_back():
    assert "books what came already" in changed(**with_cell("paid", "pay", "paid", books="capture"))
    assert "books a refund of what never came" in changed(
        **with_cell("pending", "refund_full", "refunded", books="refund")
    )
    assert "'cancelled' is reached with the money and without it" in changed(**with_cell("paid", "cancel", "cancelled"))
    assert "which nobody knows" in changed(**with_cell("paid", "refund_full", "refunded", books="gift"))


def test_who_gives_a_part_back_can_give_the_rest_back():
    moves = {cell: move for cell, move in PAYMENT.moves.items() if cell != ("partially_refunded", "refund_full")}
    assert "so 'partially_refunded' must take 'refund_full'" in changed(moves=moves)


def test_everything_that_is_wrong_is_told_at_once():
    broken: Table = dataclasses.replace(PAYMENT, events=(*PAYMENT.events, "whisper"), finals=frozenset())
    with pytest.raises(ConfigError) as wrong:
        refuse(broken, "$.tables.payment")
    assert wrong.value.path == "$.tables.payment"
    assert "whisper" in wrong.value.message
    assert "refunded" in wrong.value.message
