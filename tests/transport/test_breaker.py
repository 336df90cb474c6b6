"""The circuit breaker by itself: what it decides, on a clock the test moves."""

from __future__ import annotations

import logging
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payflow.breaker import (
    LONGEST_SECONDS,
    Breakers,
    Circuit,
    CircuitOpen,
    MemoryBreakerStore,
    Rule,
    State,
    enter,
    failure,
    let_go,
    success,
)
from payflow.errors import ConfigError, GatewayError


class Hand:
    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def breakers(clock: Hand) -> Breakers:
    return Breakers(failures=3, cool_down_seconds=10, clock=clock)


def fail(breakers: Breakers, times: int = 1, operation: str = "charge") -> None:
    for _ in range(times):
        breaker = breakers.of("main", operation)
        breaker.before()
        breaker.failed()


def work(breakers: Breakers, operation: str = "charge") -> None:
    breaker = breakers.of("main", operation)
    breaker.before()
    breaker.succeeded()


def test_it_opens_after_so_many_failures_in_a_row(breakers):
    fail(breakers, 2)
    assert breakers.state("main", "charge").state is State.CLOSED
    fail(breakers)
    assert breakers.state("main", "charge").state is State.OPEN


def test_a_success_in_between_starts_the_count_again(breakers):
    fail(breakers, 2)
    work(breakers)
    fail(breakers, 2)
    assert breakers.state("main", "charge").state is State.CLOSED


def test_an_open_circuit_says_when_to_come_back(breakers, clock):
    fail(breakers, 3)
    clock.now += 4
    with pytest.raises(CircuitOpen) as refusal:
        breakers.of("main", "charge").before()
    assert isinstance(refusal.value, GatewayError)
    assert refusal.value.code == "GATEWAY_CIRCUIT_OPEN"
    assert refusal.value.retry_after_seconds == pytest.approx(6)
    assert refusal.value.retryable


def test_each_operation_has_its_own_circuit(breakers):
    fail(breakers, 3)
    work(breakers, "query")
    assert breakers.state("main", "query").state is State.CLOSED


def test_after_the_cool_down_one_probe_passes_and_the_others_do_not(breakers, clock):
    fail(breakers, 3)
    clock.now += 10
    assert breakers.state("main", "charge").state is State.HALF_OPEN
    breakers.of("main", "charge").before()
    with pytest.raises(CircuitOpen):
        breakers.of("main", "charge").before()


def test_as_many_probes_as_are_allowed(clock):
    breakers = Breakers(failures=1, cool_down_seconds=10, probes=2, clock=clock)
    fail(breakers)
    clock.now += 10
    breakers.of("main", "charge").before()
    breakers.of("main", "charge").before()
    with pytest.raises(CircuitOpen):
        breakers.of("main", "charge").before()


def test_a_probe_that_works_closes_the_circuit(breakers, clock):
    fail(breakers, 3)
    clock.now += 10
    work(breakers)
    assert breakers.state("main", "charge").state is State.CLOSED


def test_each_failed_probe_doubles_the_cool_down_up_to_ten_minutes(breakers, clock):
    fail(breakers, 3)
    waits = []
    for _ in range(9):
        waits.append(breakers.state("main", "charge").retry_after_seconds)
        clock.now += waits[-1]
        fail(breakers)
    assert waits == pytest.approx([10, 20, 40, 80, 160, 320, 600, 600, 600])


def test_a_crashed_probe_frees_its_place_after_its_lease(breakers, clock):
    fail(breakers, 3)
    clock.now += 10
    breakers.of("main", "charge").before()  # and its process dies
    clock.now += 59
    with pytest.raises(CircuitOpen):
        breakers.of("main", "charge").before()
    clock.now += 1
    work(breakers)
    assert breakers.state("main", "charge").state is State.CLOSED


def test_a_probe_that_was_not_made_after_all_frees_its_place_at_once(breakers, clock):
    fail(breakers, 3)
    clock.now += 10
    probe = breakers.of("main", "charge")
    probe.before()
    probe.let_go()
    breakers.of("main", "charge").before()


def test_a_call_from_before_the_opening_proves_nothing(breakers, clock):
    old = breakers.of("main", "charge")
    old.before()
    fail(breakers, 3)
    old.succeeded()
    assert breakers.state("main", "charge").state is State.OPEN
    old.failed()
    assert breakers.state("main", "charge").retry_after_seconds == pytest.approx(10)


def test_a_clock_set_back_does_not_keep_a_circuit_open_for_hours(breakers, clock):
    fail(breakers, 3)
    clock.now -= 86_400
    work(breakers)
    assert breakers.state("main", "charge").state is State.CLOSED


def test_opening_and_closing_are_logged(breakers, clock, caplog):
    with caplog.at_level(logging.INFO, "payflow.breaker"):
        fail(breakers, 3)
        clock.now += 10
        work(breakers)
        work(breakers)
    assert [record.getMessage() for record in caplog.records] == [
        "charge of main fails: circuit open for 10 s",
        "charge of main works again: circuit closed",
    ]


def test_f34_a_flapping_gateway_is_left_alone_most_of_the_time(clock):
    breakers = Breakers(failures=5, cool_down_seconds=30, clock=clock)
    asked = failed = 0
    for _ in range(3600 * 10):  # an hour, ten calls a second; ten seconds up, ten down
        clock.now += 0.1
        breaker = breakers.of("main", "charge")
        try:
            breaker.before()
        except CircuitOpen:
            continue
        asked += 1
        if int(clock.now / 10) % 2:
            failed += 1
            breaker.failed()
        else:
            breaker.succeeded()
    assert failed < asked / 10
    assert asked > 1000  # and while it is up, most calls pass


def test_a_child_process_is_not_stopped_by_a_lock_held_at_the_fork():
    store = MemoryBreakerStore()
    store.change("a:b", lambda circuit: (Circuit(failures=2), None))
    store._lock.acquire()
    child = os.fork()
    if child == 0:
        found = store.change("a:b", lambda circuit: (circuit, circuit.failures))
        os._exit(0 if found == 2 else 1)
    store._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_threads_lose_no_failure():
    breakers = Breakers(failures=1000)
    threads = [threading.Thread(target=fail, args=(breakers, 50)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breakers.state("main", "charge").failures == 500


@pytest.mark.parametrize(
    "wrong", [{"failures": 0}, {"probes": 0}, {"cool_down_seconds": 0}, {"lease_seconds": -1}], ids=str
)
def test_a_breaker_that_cannot_work_is_refused(wrong):
    with pytest.raises(ConfigError):
        Breakers(**wrong)


# -- The pure decision, for every order of facts ----------------------------------------------------------------------

RULES = st.builds(Rule, st.integers(1, 6), st.floats(0.1, 900), st.integers(1, 3), st.floats(1, 120))
STEPS = st.lists(
    st.tuples(st.sampled_from(["enter", "success", "failure", "let_go", "crash"]), st.integers(0, 7),
              st.sampled_from([0.0, 0.01, 1.0, 45.0, 700.0, -5000.0])),
    max_size=60,
)  # fmt: skip


@given(RULES, STEPS)
def test_whatever_happens_the_circuit_keeps_its_promises(rule, steps):
    circuit, now = Circuit(), 1_780_000_000.0
    running: list[str | None] = []
    for number, (deed, which, passed) in enumerate(steps):
        now += passed
        if deed == "enter":
            state = circuit.state(now)
            circuit, entry = enter(circuit, now, rule, f"probe{number}")
            assert entry.passes or state is not State.CLOSED  # closed: everybody passes
            assert not (entry.passes and state is State.OPEN)  # open: nobody
            assert entry.passes == (entry.retry_after == 0)
            assert 0 <= entry.retry_after <= LONGEST_SECONDS
            if entry.passes:
                running.append(entry.probe)
        elif running:
            probe = running.pop(which % len(running))
            before = circuit
            if deed == "success":
                circuit = success(circuit, probe)
            elif deed == "failure":
                circuit = failure(circuit, now, rule, probe)
            elif deed == "let_go":
                circuit = let_go(circuit, probe)
            if probe is None and before.openings:
                assert circuit == before  # an old call moves nothing
        assert len(circuit.on_their_way(now, rule)) <= rule.probes
        assert circuit.failures <= rule.failures
        assert (circuit.openings > 0) == (circuit.state(now) is not State.CLOSED)
    # It never stays shut: after the longest cool-down and a lease, somebody passes.
    assert enter(circuit, now + LONGEST_SECONDS + rule.lease + 1, rule, "last")[1].passes
