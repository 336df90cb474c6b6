"""Two servers and two workers on one database: whatever arrives however often, everything happens once."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from payflow.doctor import broken

from .crew import Crew, crew

pytestmark = [pytest.mark.slow, pytest.mark.services]

PAYMENTS = 200
TIMES = 10


def check_everything_happened_once(drill: Crew, payments: int) -> None:
    """Captures, effects, and what the handler did: once for each payment, and every invariant holds."""
    assert drill.count("select count(*) from pf_payment where status = 'paid' and captured = amount") == payments
    assert drill.count("select count(*) from pf_journal where kind = 'capture'") == payments
    assert drill.count("select count(*) from pf_effect where handler = 'pour' and dead = 0") == payments
    assert drill.count("select count(*) from drill_cup") == payments
    assert drill.count("select count(distinct payment_id) from drill_cup") == payments
    assert drill.count("select count(*) from pf_receipt where kind = 'paid' and outcome = 'accepted'") == payments
    assert drill.count("select count(*) from pf_incident") == 0
    assert [(found.invariant.number, found.rows) for found in broken(drill.store)] == []


@pytest.mark.timeout(180)
def test_every_callback_ten_times_in_parallel_to_both_servers(tmp_path: Path, store_url: str) -> None:
    with crew(tmp_path, store_url) as drill:
        callbacks = drill.callbacks_of(drill.ordered(PAYMENTS))
        told = drill.deliver(callbacks, times=TIMES)
        assert told == Counter({200: PAYMENTS * TIMES})
        drill.settled()
        check_everything_happened_once(drill, PAYMENTS)
        repeats = drill.count("select sum(repeats) from pf_receipt where kind = 'paid'")
        assert repeats == PAYMENTS * (TIMES - 1)
        assert drill.dismiss() == {"server0": 0, "server1": 0, "worker0": 0, "worker1": 0}
        for name in drill.processes:
            assert "Traceback" not in drill.said(name)


@pytest.mark.timeout(180)
def test_processes_that_are_killed_while_it_happens_change_nothing(tmp_path: Path, store_url: str) -> None:
    """A server and a worker die without a word, twice; the workers also ask while the callbacks come."""
    with crew(tmp_path, store_url, first_check_seconds=1, lease_seconds=5) as drill:
        callbacks = drill.callbacks_of(drill.ordered(PAYMENTS // 2))
        with ThreadPoolExecutor(1) as pool:
            delivering = pool.submit(drill.deliver, callbacks, times=TIMES)
            for name in ("server0", "worker0", "server1", "worker1"):
                time.sleep(0.4)
                drill.kill(name)
                drill.start(name)
            told = delivering.result()
        assert told[200] == PAYMENTS // 2 * TIMES
        assert told[0] > 0, "no callback met a dead server: the drill was over before it began"
        assert {status for status in told if status not in (200, 0)} <= {503}
        drill.settled()
        check_everything_happened_once(drill, PAYMENTS // 2)
