"""Time and size: whatever the far side does, a call ends in time and brings no more than is allowed."""

from __future__ import annotations

import contextlib
import gzip
import time
import tracemalloc

import pytest

from payflow.errors import ConfigError
from payflow.transport import Limits, NoAnswer, Request

from .conftest import GET, POST
from .far_side import answer, says, says_and_ends

SHORT = Limits(connect_seconds=0.3, read_seconds=0.3, total_seconds=0.6)
#: Every single byte comes in time; only the whole does not.
PATIENT = Limits(connect_seconds=0.6, read_seconds=0.6, total_seconds=0.6)


@contextlib.contextmanager
def within(seconds: float):
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def code_of(transport, request=POST, **named):
    with pytest.raises(NoAnswer) as error:
        transport.send(request, operation="charge", **named)
    return error.value.code


def listen_and(deed):
    def script(visit):
        visit.request()
        deed(visit)

    return script


def test_silence_is_a_timeout(far_side, to):
    with within(0.55):
        assert code_of(to(far_side(listen_and(lambda visit: visit.wait())), limits=SHORT)) == "GATEWAY_TIMEOUT"


def test_silence_in_the_middle_of_the_body_is_a_timeout(far_side, to):
    def half(visit):
        visit.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        visit.wait()

    with within(0.55):
        assert code_of(to(far_side(listen_and(half)), limits=SHORT)) == "GATEWAY_TIMEOUT"


@pytest.mark.parametrize(
    "slow",
    [
        pytest.param((b"", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000), id="headers"),
        pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"a" * 1000), id="body"),
        pytest.param((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 200), id="chunks"),
        pytest.param((b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 1000), id="until the end"),
        pytest.param((b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), id="continue for ever"),
    ],
)
def test_f36_a_dripping_far_side_cannot_stretch_the_deadline(far_side, to, slow):
    def drip(visit):
        visit.say(slow[0])
        visit.drip(slow[1])

    with within(0.9):
        assert code_of(to(far_side(listen_and(drip)), limits=PATIENT)) == "GATEWAY_TIMEOUT"


def test_f36_a_dripping_far_side_behind_tls_cannot_either(far_side, to, certificates):
    def drip(visit):
        visit.drip(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000)

    limits = Limits(connect_seconds=0.6, read_seconds=0.6, total_seconds=0.6, ca_file=certificates.ca_file)
    with within(0.9):
        assert code_of(to(far_side(listen_and(drip), tls=certificates.good()), limits=limits)) == "GATEWAY_TIMEOUT"


def test_a_far_side_that_does_not_take_the_request_is_a_timeout(far_side, to):
    with within(0.9):
        large = Request("POST", "/", {}, b"a" * 30_000_000)
        assert code_of(to(far_side(lambda visit: visit.wait()), limits=SHORT), large) == "GATEWAY_TIMEOUT"


def test_retries_of_a_read_stay_inside_the_total(far_side, to):
    side = far_side(listen_and(lambda visit: visit.wait()))
    with within(0.9):
        assert code_of(to(side, limits=SHORT, sleep=time.sleep), GET, safe=True) == "GATEWAY_TIMEOUT"
    assert 1 <= len(side.requests) <= 2


def endless(visit, start: bytes, piece: bytes) -> None:
    visit.say(start)
    while not visit.side.over.is_set():
        visit.say(piece)


ENDLESS = {
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 65536),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65536 + b"\r\n"),
    "one huge chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n", b"a" * 65536),
    "tiny chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 10000),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: 1\r\n" * 10000),
    "headers": (b"HTTP/1.1 200 OK\r\n", (b"A: " + b"a" * 60000 + b"\r\n") * 3),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_f36_an_endless_answer_is_cut_off_in_bounded_memory(far_side, to, name):
    transport = to(far_side(listen_and(lambda visit: endless(visit, *ENDLESS[name]))))
    transport.close()
    tracemalloc.start()
    try:
        assert code_of(transport, max_bytes=200_000) == "GATEWAY_RESPONSE_TOO_LARGE"
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_b093_an_answer_of_a_gigabyte_is_refused_by_its_length(far_side, to):
    side = far_side(says_and_ends(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n" + b"a" * 1000))
    assert code_of(to(side)) == "GATEWAY_RESPONSE_TOO_LARGE"


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_the_limit_is_exact(far_side, to, size, fits):
    transport = to(far_side(says(answer(b"a" * size))))
    if fits:
        assert len(transport.send(POST, operation="charge", max_bytes=1000).body) == size
    else:
        assert code_of(transport, max_bytes=1000) == "GATEWAY_RESPONSE_TOO_LARGE"


def test_one_call_may_be_allowed_more(far_side, to):
    side = far_side(says(answer(b"a" * 3_000_000)))
    assert len(to(side).send(GET, operation="bill", safe=True, max_bytes=5_000_000).body) == 3_000_000


PACKED = Request("GET", "/bill", {"Accept-Encoding": "gzip"})


def packed(data: bytes) -> bytes:
    return answer(data, headers="Content-Encoding: gzip\r\n")


def test_gzip_is_unpacked_where_it_was_asked_for(far_side, to):
    side = far_side(says(packed(gzip.compress(b"a bill"))))
    assert to(side).send(PACKED, operation="bill", safe=True).body == b"a bill"
    assert b"Accept-Encoding: gzip" in side.requests[0]


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused(far_side, to):
    side = far_side(says(packed(gzip.compress(bytes(50_000_000)))))
    assert code_of(to(side), PACKED) == "GATEWAY_RESPONSE_TOO_LARGE"


@pytest.mark.parametrize(
    "data", [gzip.compress(b"a bill")[:-3], b"not gzip", gzip.compress(b"a") + b"more"], ids=["cut", "other", "more"]
)
def test_b093_gzip_that_is_not_whole_is_malformed(far_side, to, data):
    assert code_of(to(far_side(says(packed(data)))), PACKED) == "GATEWAY_RESPONSE_MALFORMED"


@pytest.mark.parametrize("name", ["connect_seconds", "read_seconds", "total_seconds", "max_bytes", "most_at_once"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_is_above_zero(name, value):
    with pytest.raises(ConfigError) as refusal:
        Limits(**{name: value})
    assert refusal.value.path == f"$.{name}"
