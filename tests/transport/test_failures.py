"""Each way in which a call can fail, on real sockets, and the exact word for it."""

from __future__ import annotations

import gzip
import socket
import struct

import pytest

from payflow.errors import InvalidRequest
from payflow.transport import Limits, NeverSent, NoAnswer, Request

from .conftest import GET, POST
from .far_side import answer, says, says_and_ends


def never_sent(transport, request=POST):
    with pytest.raises(NeverSent) as error:
        transport.send(request, operation="charge")
    assert error.value.retryable
    assert not error.value.money_may_have_moved
    return error.value


def no_answer(transport, request=POST):
    with pytest.raises(NoAnswer) as error:
        transport.send(request, operation="charge")
    assert error.value.money_may_have_moved
    assert not error.value.retryable
    return error.value


def test_the_answer_comes_back_whole(far_side, to):
    side = far_side(says(answer(b'{"code_url":"weixin://"}', headers="Request-ID: 08\r\nX: 1\r\nx: 2\r\n")))
    response = to(side).send(POST, operation="charge")
    assert response.status == 200
    assert response.body == b'{"code_url":"weixin://"}'
    assert response.headers == {"request-id": "08", "x": "1", "content-length": "24"}


def test_what_is_sent_is_exactly_what_was_asked_for(far_side, to):
    side = far_side(says(answer()))
    target = "/v3/a%2fb/%e4%bd%a0//..//c;d=1?x=%7e&&y=[1]&z=^"  # a library would rewrite nearly all of it
    to(side).send(Request("POST", target, {"Authorization": "A b"}, b"\x00\xff"), operation="charge")
    head, _, body = side.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"POST {target} HTTP/1.1"
    assert sorted(line.partition(":")[0] for line in lines[1:]) == [
        "Accept-Encoding", "Authorization", "Content-Length", "Host", "User-Agent",
    ]  # fmt: skip
    assert f"Host: 127.0.0.1:{side.port}" in lines
    assert "Accept-Encoding: identity" in lines
    assert body == b"\x00\xff"


def test_an_empty_post_says_so_and_a_get_has_no_length(far_side, to):
    side = far_side(says(answer()))
    transport = to(side)
    transport.send(Request("POST", "/", {}), operation="charge")
    transport.send(Request("GET", "/", {}), operation="query")
    assert b"Content-Length: 0" in side.requests[0]
    assert b"Content-Length" not in side.requests[1]


@pytest.mark.parametrize(
    "wrong",
    [
        Request("GET", "v3/pay", {}),
        Request("GET", "/a b", {}),
        Request("GET", "/a\r\nX: 1", {}),
        Request("GET", "/你", {}),
        Request("G ET", "/", {}),
        Request("GET", "/", {"A": "1\r\nB: 2"}),
        Request("GET", "/", {"A B": "1"}),
        Request("GET", "/", {"A": "你"}),
        Request("GET", "/", {"Host": "elsewhere"}),
        Request("GET", "/", {"content-length": "5"}),
        Request("GET", "/", {"A": "1", "a": "2"}),
    ],
    ids=lambda request: f"{request.method}{request.target}{request.headers}",
)
def test_what_cannot_be_written_as_http_is_refused_before_it_leaves(far_side, to, wrong):
    side = far_side(says(answer()))
    with pytest.raises(InvalidRequest):
        to(side).send(wrong, operation="charge")
    assert side.requests == []


# -- Never sent -------------------------------------------------------------------------------------------------------


def test_a_refused_connection_was_never_sent(to, nobody):
    error = never_sent(to(nobody))
    assert error.code == "GATEWAY_UNREACHABLE"
    assert (error.account, error.operation) == ("wechat-main", "charge")


def test_a_name_that_does_not_resolve_was_never_sent(to, monkeypatch):
    def unknown(*_args, **_named):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = never_sent(to("https://api.mch.example"))
    assert error.code == "GATEWAY_UNREACHABLE"
    assert "Name or service not known" in error.message


def test_a_resolver_that_hangs_was_never_sent_and_keeps_the_time(to, monkeypatch, far_side):
    hanging = far_side(lambda visit: visit.wait())
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: [hanging.over.wait(10)])
    limits = Limits(connect_seconds=0.2, total_seconds=0.5)
    assert never_sent(to("https://api.mch.example", limits=limits)).code == "GATEWAY_UNREACHABLE"


def test_a_connection_that_takes_too_long_was_never_sent(to):
    with socket.socket() as full:  # its queue of waiting connections is full: the next one gets no answer at all
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            port = full.getsockname()[1]
            limits = Limits(connect_seconds=0.2, total_seconds=0.5)
            error = never_sent(to(f"http://127.0.0.1:{port}", limits=limits))
    assert error.code == "GATEWAY_UNREACHABLE"
    assert "TimeoutError" in error.message


def test_an_address_that_hangs_leaves_time_for_the_next_one(far_side, to, monkeypatch):
    side = far_side(says(answer(b"here")))
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            addresses = [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", full.getsockname()),
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", side.port)),
            ]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: addresses)
            limits = Limits(connect_seconds=0.4)
            assert to(f"http://localhost:{side.port}", limits=limits).send(POST, operation="charge").body == b"here"


# -- No answer --------------------------------------------------------------------------------------------------------


def test_an_end_without_a_byte_is_an_unknown_outcome(far_side, to):
    side = far_side(lambda visit: visit.request())
    assert no_answer(to(side)).code == "OUTCOME_UNKNOWN"
    assert len(side.requests) == 1


def test_a_reset_without_a_byte_is_an_unknown_outcome(far_side, to):
    def reset(visit):
        visit.request()
        visit.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert no_answer(to(far_side(reset))).code == "OUTCOME_UNKNOWN"


def test_a_kept_connection_that_ends_under_a_post_is_an_unknown_outcome(far_side, to):
    def once(visit):
        visit.request()
        visit.say(answer())
        visit.request()  # the second one is read and never answered

    side = far_side(once)
    transport = to(side)
    transport.send(POST, operation="charge")
    assert no_answer(transport).code == "OUTCOME_UNKNOWN"
    assert (side.connections, len(side.requests)) == (1, 2)


def test_a_kept_connection_that_ends_under_a_read_is_asked_again(far_side, to):
    def once(visit):
        visit.request()
        visit.say(answer())
        visit.request()

    side = far_side(once)
    transport = to(side)
    transport.send(GET, operation="query", safe=True)
    assert transport.send(GET, operation="query", safe=True).status == 200
    assert side.connections == 2


def test_a_kept_connection_that_has_ended_meanwhile_is_not_used(far_side, to):
    side = far_side(says_and_ends(answer()))
    transport = to(side)
    for _ in range(3):
        assert transport.send(POST, operation="charge").status == 200
        side.over.wait(0.05)  # the end arrives before the next call
    assert (side.connections, len(side.requests)) == (3, 3)


def test_a_connection_that_rested_is_not_used_again(far_side, to):
    side, now = far_side(says(answer())), [100.0]
    transport = to(side, clock=lambda: now[0])
    transport.send(POST, operation="charge")
    now[0] += 14
    transport.send(POST, operation="charge")
    assert side.connections == 1
    now[0] += 16
    transport.send(POST, operation="charge")
    assert side.connections == 2


def test_bytes_nobody_asked_for_are_not_the_next_answer(far_side, to):
    side = far_side(says(answer(b"one") + answer(b"paid")))
    transport = to(side)
    assert transport.send(POST, operation="charge").body == b"one"
    side.over.wait(0.05)
    assert transport.send(POST, operation="charge").body == b"one"


MALFORMED = {
    "not http": b"hello\r\n\r\n",
    "http 0.9": b"<html></html>",
    "status without number": b"HTTP/1.1 OK\r\n\r\n",
    "header without colon": b"HTTP/1.1 200 OK\r\nhello\r\nContent-Length: 2\r\n\r\n{}",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "body cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown transfer coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    "chunk cut short": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{}",
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "chunk size in words": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ntwo\r\n{}\r\n0\r\n\r\n",
    "huge chunk cut short": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFF\r\n{}",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 150 + b"\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "gzip unasked": answer(gzip.compress(b"{}"), headers="Content-Encoding: gzip\r\n"),
    "brotli": answer(b"{}", headers="Content-Encoding: br\r\n"),
    "signature twice": answer(headers="Wechatpay-Signature: a\r\nwechatpay-signature: b\r\n"),
    "serial twice": answer(headers="Wechatpay-Serial: a\r\nWechatpay-Serial: a\r\n"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_b093_what_is_not_one_whole_answer_is_no_answer(far_side, to, name):
    error = no_answer(to(far_side(says_and_ends(MALFORMED[name]))))
    assert error.code == "GATEWAY_RESPONSE_MALFORMED"


@pytest.mark.parametrize(
    "body", [b"<html>Bad gateway</html>", b"", b"null", b"[]"], ids=["html", "empty", "null", "list"]
)
def test_b093_a_whole_answer_is_for_the_gateway_to_judge(far_side, to, body):
    assert to(far_side(says(answer(body)))).send(POST, operation="charge").body == body


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: 1\r\n\r\n",
            b"{}",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["chunks", "continue", "until the end", "no content"],
)
def test_every_lawful_way_to_send_an_answer_is_read(far_side, to, raw, body):
    assert to(far_side(says_and_ends(raw))).send(POST, operation="charge").body == body


def test_an_error_tells_nothing_of_what_was_sent_or_received(far_side, to):
    side = far_side(says_and_ends(b"HTTP/1.1 SECRET-ANSWER\r\n\r\n"))
    request = Request("POST", "/bill?token=SECRET-QUERY", {"Authorization": "SECRET-HEADER"}, b"SECRET-BODY")
    error: BaseException | None = no_answer(to(side), request)
    assert "SECRET" not in f"{error!r} {error}"
    while error is not None:  # nor do its causes know the request
        assert "SECRET-QUERY" not in repr(error)
        assert "SECRET-HEADER" not in repr(error)
        error = error.__cause__ or error.__context__
