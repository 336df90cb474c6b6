"""Circuits shared between processes through a real Redis, and payments that go on when it is gone."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import uuid

import pytest
import redis

from payflow.breaker import Breakers, Circuit, CircuitOpen, RedisBreakerStore, State
from payflow.errors import ConfigError
from payflow.testing import services

from .conftest import running_redis

FAILS = """
import sys
from payflow.breaker import Breakers, RedisBreakerStore
breakers = Breakers(RedisBreakerStore(sys.argv[1], prefix=sys.argv[2]), failures=int(sys.argv[3]))
for _ in range(int(sys.argv[4])):
    breaker = breakers.of("main", "charge")
    breaker.before()
    breaker.failed()
print(breakers.state("main", "charge").state.value)
"""


@pytest.fixture
def prefix() -> str:
    return f"payflow:test:{uuid.uuid4().hex}:"


def shared(url: str, prefix: str, **rule: object) -> Breakers:
    return Breakers(RedisBreakerStore(url, prefix=prefix), **rule)  # type: ignore[arg-type]


def fail(breakers: Breakers) -> None:
    breaker = breakers.of("main", "charge")
    breaker.before()
    breaker.failed()


def in_another_process(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", FAILS, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def test_what_one_process_finds_out_all_processes_know(redis_url, prefix):
    other = in_another_process(redis_url, prefix, 3, 3)
    assert other.communicate(timeout=20)[0].strip() == "open"
    with pytest.raises(CircuitOpen):
        shared(redis_url, prefix, failures=3).of("main", "charge").before()


def test_failures_of_several_processes_at_once_are_all_counted(redis_url, prefix):
    others = [in_another_process(redis_url, prefix, 1000, 25) for _ in range(3)]
    for other in others:
        other.communicate(timeout=30)
    assert shared(redis_url, prefix, failures=1000).state("main", "charge").failures == 75


def test_one_probe_for_all_processes(redis_url, prefix):
    one = shared(redis_url, prefix, failures=1, cool_down_seconds=0.05)
    two = shared(redis_url, prefix, failures=1, cool_down_seconds=0.05)
    fail(one)
    time.sleep(0.06)
    probe = one.of("main", "charge")
    probe.before()
    with pytest.raises(CircuitOpen):
        two.of("main", "charge").before()
    probe.succeeded()
    assert two.state("main", "charge").state is State.CLOSED


def test_a_client_of_the_hosts_own_is_used_as_it_is(redis_url, prefix):
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    breakers = Breakers(RedisBreakerStore(client, prefix=prefix), failures=1)
    fail(breakers)
    assert breakers.state("main", "charge").state is State.OPEN
    assert 0 < client.ttl(f"{prefix}main:charge") <= 3600
    client.close()


def test_a_closed_circuit_costs_redis_no_write(redis_url, prefix):
    breakers = shared(redis_url, prefix)
    breaker = breakers.of("main", "charge")
    breaker.before()
    breaker.succeeded()
    client = redis.Redis.from_url(redis_url)
    assert client.exists(f"{prefix}main:charge") == 0
    client.close()


@pytest.mark.parametrize("text", ["", "hello", "[1]", "{}", '["a", 1, 2, []]', "null", "[1, 2, 3, [4]]"])
def test_what_is_not_ours_in_redis_is_a_closed_circuit(redis_url, prefix, text):
    client = redis.Redis.from_url(redis_url)
    client.set(f"{prefix}main:charge", text)
    client.close()
    breakers = shared(redis_url, prefix, failures=1)
    assert breakers.state("main", "charge").state is State.CLOSED
    fail(breakers)
    assert breakers.state("main", "charge").state is State.OPEN


def test_without_redis_this_process_keeps_its_own_circuits_and_says_so_once(prefix, caplog):
    breakers = shared(f"redis://127.0.0.1:{services.free_port()}/0", prefix, failures=3)
    with caplog.at_level(logging.INFO, "payflow.breaker"):
        for _ in range(3):
            fail(breakers)
    with pytest.raises(CircuitOpen):
        breakers.of("main", "charge").before()
    assert [r.getMessage() for r in caplog.records if "Redis" in r.getMessage()] == [
        "Redis cannot be used (ConnectionError): each process has its own circuits"
    ]


def test_a_redis_that_hangs_costs_a_moment_once(far_side, prefix):
    hanging = far_side(lambda visit: visit.wait())
    breakers = shared(f"redis://127.0.0.1:{hanging.port}/0", prefix)
    started = time.monotonic()
    for _ in range(20):
        breaker = breakers.of("main", "charge")
        breaker.before()
        breaker.succeeded()
    assert time.monotonic() - started < 1.0


def test_redis_dies_and_comes_back(tmp_path, prefix, caplog, monkeypatch):
    monkeypatch.setattr(RedisBreakerStore, "AGAIN_AFTER_SECONDS", 0.0)
    port = services.free_port()
    with caplog.at_level(logging.INFO, "payflow.breaker"):
        with running_redis(tmp_path, port) as url:
            breakers = shared(url, prefix, failures=2)
            fail(breakers)
        fail(breakers)  # counted here only
        assert breakers.state("main", "charge").failures == 1
        with running_redis(tmp_path, port):
            fail(breakers)
            fail(breakers)
            assert shared(url, prefix).state("main", "charge").state is State.OPEN
    assert [r.levelname for r in caplog.records if "Redis" in r.getMessage()] == ["WARNING", "INFO"]


def test_a_race_that_is_never_won_is_decided_here(redis_url, prefix):
    store = RedisBreakerStore(redis_url, prefix=prefix)
    rival = redis.Redis.from_url(redis_url)
    turns = 0

    def decide(circuit: Circuit) -> tuple[Circuit, int]:
        nonlocal turns
        turns += 1
        rival.set(f"{prefix}main:charge", f"[{turns}, 0, 0, []]")
        return Circuit(failures=turns + 100), turns

    assert store.change("main:charge", decide) == turns
    rival.close()


def test_a_url_that_is_not_redis_is_refused():
    with pytest.raises(ConfigError):
        RedisBreakerStore("http://127.0.0.1/")


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError) as refusal:
        RedisBreakerStore("redis://127.0.0.1/")
    assert refusal.value.code == "CONFIG_MISSING_DRIVER"
    assert "payflow-gateway[redis]" in refusal.value.message


def test_a_missing_redis_server_is_said_not_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(services.ServiceMissing, match="install the package redis-server"), running_redis(tmp_path, 1):
        pass
