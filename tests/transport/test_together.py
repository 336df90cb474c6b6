"""Many calls at once, threads, forks, logs, and what is loaded when."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from payflow.breaker import Breakers, State
from payflow.transport import Limits, NeverSent, NoAnswer, Request, Surroundings

from .conftest import GET, POST
from .far_side import answer, says


def test_f35_two_hundred_calls_to_a_slow_gateway_are_bounded(far_side, to):
    release, running, most = threading.Event(), 0, 0

    def slow(visit):
        nonlocal running, most
        while visit.request() is not None:
            with visit.side.lock:
                running += 1
                most = max(most, running)
            release.wait(10)
            with visit.side.lock:
                running -= 1
            visit.say(answer())

    side = far_side(slow)
    limits = Limits(connect_seconds=0.3, read_seconds=5, most_at_once=16)
    breakers = Breakers(failures=1)
    transport = to(side, limits=limits, breakers=breakers)

    def call(_):
        try:
            return transport.send(POST, operation="charge").status
        except NeverSent as error:
            return error.code

    started = time.monotonic()
    with ThreadPoolExecutor(200) as crowd:
        calls = [crowd.submit(call, number) for number in range(200)]
        while sum(one.done() for one in calls) < 184 and time.monotonic() - started < 5:
            time.sleep(0.02)
        refused_after = time.monotonic() - started
        release.set()
        results = [one.result() for one in calls]
    assert (results.count(200), results.count("GATEWAY_BUSY")) == (16, 184)
    assert most == 16
    assert refused_after < 3  # nobody waits for the slow ones
    assert breakers.state("wechat-main", "charge").state is State.CLOSED  # a full house says nothing about the gateway


def test_threads_share_connections_and_never_answers(far_side, to):
    def echo(visit):
        while (request := visit.request()) is not None:
            visit.say(answer(request.partition(b"\r\n\r\n")[2]))

    side = far_side(echo)
    transport = to(side, limits=Limits(most_at_once=4))

    def call(number):
        body = f"call {number}".encode()
        return transport.send(Request("POST", "/", {}, body), operation="charge").body == body

    with ThreadPoolExecutor(8) as crowd:
        assert all(crowd.map(call, range(200)))
    assert side.connections <= 4


def test_a_place_is_free_again_after_every_kind_of_end(far_side, to):
    def script(visit):
        request = visit.request() or b""
        if b"/silent" in request:
            visit.wait(5)
        elif b"/large" in request:
            visit.say(answer(b"a" * 5000))
        elif b"/half" in request:
            visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        elif b"/good" in request:
            visit.say(answer())

    limits = Limits(connect_seconds=0.2, read_seconds=0.2, most_at_once=1, max_bytes=1000)
    transport = to(far_side(script), limits=limits, breakers=Breakers(failures=1000))
    for _ in range(2):
        for target in ("/silent", "/large", "/half", "/end"):
            with pytest.raises(NoAnswer):
                transport.send(Request("POST", target, {}), operation="charge")
        assert transport.send(Request("POST", "/good", {}), operation="charge").status == 200


def test_a_child_process_opens_connections_of_its_own(far_side, to):
    def name(visit):
        while visit.request() is not None:
            visit.say(answer(str(visit.number).encode()))

    side = far_side(name)
    transport = to(side)
    assert transport.send(POST, operation="charge").body == b"1"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if transport.send(POST, operation="charge").body == b"2" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert transport.send(POST, operation="charge").body == b"1"  # the parent's connection was not disturbed


def test_a_child_is_not_bound_by_calls_its_parent_was_making(far_side, to):
    release = threading.Event()

    def slow(visit):
        while (request := visit.request()) is not None:
            if b"/slow" in request:
                release.wait(10)
            visit.say(answer())

    side = far_side(slow)
    transport = to(side, limits=Limits(connect_seconds=0.5, read_seconds=5, most_at_once=1))
    busy = threading.Thread(target=transport.send, args=(Request("GET", "/slow", {}),), kwargs={"operation": "q"})
    busy.start()
    while not side.requests:
        time.sleep(0.01)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if transport.send(POST, operation="charge").status == 200 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    release.set()
    busy.join()


def test_a_closed_transport_opens_again_when_it_is_needed(far_side, to):
    side = far_side(says(answer()))
    transport = to(side)
    transport.send(POST, operation="charge")
    transport.close()
    transport.close()
    assert transport.send(POST, operation="charge").status == 200
    assert side.connections == 2


def test_each_call_is_one_line_without_its_secrets(far_side, to, caplog, nobody):
    side = far_side(says(answer(b"SECRET-ANSWER", headers="X: SECRET-REPLY\r\n")))
    request = Request("POST", "/SECRET-PATH?token=SECRET-QUERY", {"Authorization": "SECRET-HEADER"}, b"SECRET-BODY")
    with caplog.at_level(logging.DEBUG):
        to(side).send(request, operation="charge")
        with pytest.raises(NeverSent):
            to(nobody).send(request, operation="refund")
    lines = [record.getMessage() for record in caplog.records if record.name == "payflow.transport"]
    assert [line.rsplit(" ", 2)[0] for line in lines] == [
        "wechat-main charge 200",
        "wechat-main refund GATEWAY_UNREACHABLE",
    ]
    assert all(line.endswith(" ms") for line in lines)
    assert "SECRET" not in caplog.text  # urllib3's own lines included


def test_a_head_that_cannot_be_read_is_not_printed_either(far_side, to, caplog):
    side = far_side(says(b"HTTP/1.1 200 OK\r\nSECRET\r\nContent-Length: 0\r\n\r\n"))
    with caplog.at_level(logging.DEBUG), pytest.raises(NoAnswer):
        to(side).send(POST, operation="charge")
    assert "SECRET" not in caplog.text


def test_the_import_loads_no_network_library():
    program = "import sys, payflow.transport; print(sorted({'requests', 'urllib3', 'ssl', 'redis'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_surroundings_are_those_of_a_test_account_unless_said_otherwise():
    surroundings = Surroundings()
    assert not surroundings.production
    assert surroundings.breakers is None
    assert surroundings.limits == Limits()


def test_circuits_shared_by_transports_are_one(far_side, to):
    breakers = Breakers(failures=1)
    one, two = (
        to(far_side(lambda visit: visit.request()), breakers=breakers),
        to("http://127.0.0.1:1", breakers=breakers),
    )
    with pytest.raises(NoAnswer):
        one.send(GET, operation="query")
    with pytest.raises(NeverSent) as error:
        two.send(GET, operation="query")
    assert error.value.code == "GATEWAY_CIRCUIT_OPEN"
