"""The compiled table and the declaration it was compiled from, as a running python-statemachine, never disagree."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from statemachine import StateChart
from statemachine.exceptions import TransitionNotAllowed as MachineRefused

from payflow.errors import TransitionNotAllowed
from payflow.machine import Table
from payflow.machine.declaring import FLAGS, Deed
from payflow.tables import ATTEMPT, PAYMENT, REFUND, TABLES
from payflow.tables.attempt import AttemptTable
from payflow.tables.payment import PaymentTable
from payflow.tables.refund import RefundTable

CHARTS = {"payment": PaymentTable, "refund": RefundTable, "attempt": AttemptTable}
POLICIES = st.sampled_from([{}, {"late_payment": "accept"}, {"late_payment": "refund"}, {"late_payment": "hold"}])


def ask_machine(chart, state, event, policies):
    """What a machine in ``state`` does with ``event``: (target, deeds), or ``None`` if it refuses."""
    machine = chart(start_value=state)
    try:
        said = StateChart.send(machine, event, policies=policies)  # an attempt has an event named send
    except MachineRefused:
        assert machine.current_state_value == state
        return None
    deeds = said if isinstance(said, list) else [said] if said is not None else []
    return machine.current_state_value, {deed.kind: deed.what for deed in deeds if isinstance(deed, Deed)}


def ask_table(table: Table, state, event, policies):
    try:
        cell = table.move(state, event, policies)
    except TransitionNotAllowed:
        return None
    deeds = {"books": cell.books, "tells": cell.tells}
    return cell.target, {kind: what for kind, what in deeds.items() if what is not None}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("policies", [{}, {"late_payment": "accept"}, {"late_payment": "hold"}], ids=str)
def test_same_verdict_in_every_cell(name, policies):
    table, chart = TABLES[name], CHARTS[name]
    for state in table.states:
        for event in (*table.events, "nonsense"):  # a machine asked for one of its attributes falls over instead
            assert ask_table(table, state, event, policies) == ask_machine(chart, state, event, policies)


@pytest.mark.parametrize("chart", CHARTS.values())
def test_the_flags_that_refuse_aloud_are_set(chart):
    assert {name: getattr(chart, name) for name in FLAGS} == dict(FLAGS)
    assert FLAGS == {
        "allow_event_without_transition": False,
        "catch_errors_as_events": False,
        "atomic_configuration_update": True,
        "enable_self_transition_entries": False,
    }


class Walk(RuleBasedStateMachine):
    """A thing that lives, beside its machine."""

    table: Table
    chart: type

    def __init__(self) -> None:
        super().__init__()
        self.state = self.table.initial
        self.machine = self.chart()
        self.captured = 0
        self.was_refunded = False

    @rule(data=st.data(), policies=POLICIES)
    def something_happens(self, data, policies):
        event = data.draw(st.sampled_from([*self.table.events, "nonsense"]))
        try:
            StateChart.send(self.machine, event, policies=policies)
            machine_says = self.machine.current_state_value
        except MachineRefused:
            machine_says = None
        assert self.table.takes(self.state, event, policies) is (machine_says is not None)
        if machine_says is None:
            with pytest.raises(TransitionNotAllowed):
                self.table.move(self.state, event, policies)
            return
        cell = self.table.move(self.state, event, policies)
        assert cell.target == machine_says
        assert (self.state, cell.target) in self.table.allowed_pairs()
        self.captured += cell.books == "capture"
        self.was_refunded |= cell.target == "refunded"
        self.state = cell.target

    @invariant()
    def they_agree(self):
        assert self.machine.current_state_value == self.state

    @invariant()
    def refunded_is_never_left(self):
        assert not self.was_refunded or self.state == "refunded"

    @invariant()
    def money_comes_once(self):
        captured_states = ("paid", "partially_refunded", "refunded")
        assert self.captured == (1 if self.state in captured_states else 0)

    @invariant()
    def an_end_is_an_end(self):
        if self.state in self.table.finals:
            assert not any(
                self.table.takes(self.state, event, {"late_payment": "accept"}) for event in self.table.events
            )


def _walk(name: str, table: Table, chart: type) -> type:
    walk = type(f"{name}Walk", (Walk,), {"table": table, "chart": chart})
    case = walk.TestCase
    case.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
    return case


TestPayment = _walk("Payment", PAYMENT, PaymentTable)
TestRefund = _walk("Refund", REFUND, RefundTable)
TestAttempt = _walk("Attempt", ATTEMPT, AttemptTable)


def _in_a_new_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_import_payflow_does_not_load_statemachine():
    code = "import sys, payflow, payflow.machine; print('statemachine' in sys.modules)"
    assert _in_a_new_process(code) == "False"


def test_the_hosts_message_domain_stays_its_own():
    code = "import gettext; gettext.textdomain('shop'); import payflow.tables; print(gettext.textdomain())"
    assert _in_a_new_process(code) == "shop"
