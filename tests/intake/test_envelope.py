"""The hostile suite of catalogue section A, spoken over raw sockets: here to the bare WSGI door behind real servers.

Every other door runs these very tests: ``from tests.intake.test_envelope import *``, and a ``served`` of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from payflow import wsgi  # not its names: every door has a callbacks_app of its own
from payflow.intake import Intake

from .standin import ALIPAY, NOW, WECHAT, Receiver, exchange, of, request, waitress_server, wsgiref_server

SERVERS = {"wsgiref": wsgiref_server, "waitress": waitress_server}
#: What is between puts a length there itself, as 0.
ADDS_LENGTHS = ("wsgiref", "Django on uvicorn")
FORM = [("Content-Type", "application/x-www-form-urlencoded")]
JSON = [("Content-Type", "application/json")]


class Served:
    """A running server and what came through it."""

    def __init__(self, port: int, receiver: Receiver, kind: str) -> None:
        self.port = port
        self.receiver = receiver
        self.kind = kind

    def says(self, raw: bytes, **how: Any) -> tuple[int, bytes]:
        status, _, body = exchange(self.port, raw, **how)
        return status, body


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    receiver = Receiver()
    application = wsgi.callbacks_app(Intake(receiver, body_seconds=1.0))
    with SERVERS[request.param](application) as port:
        yield Served(port, receiver, request.param)


def test_genuine_callbacks(served: Served) -> None:
    assert served.says(of(ALIPAY.callback())) == (200, b"success")
    assert served.says(of(ALIPAY.callback(), "/callbacks/alipay/")) == (200, b"success")
    assert served.says(of(WECHAT.callback(now=NOW))) == (204, b"")
    assert len(served.receiver.events) == 3


def test_the_answer_is_exact(served: Served) -> None:
    _, head, body = exchange(served.port, of(ALIPAY.callback()))
    lines = [line.lower() for line in head.split(b"\r\n")]
    assert body == b"success"
    assert b"content-type: text/plain" in lines
    assert b"content-length: 7" in lines


def test_a_204_has_no_body_and_no_length(served: Served) -> None:
    _, head, body = exchange(served.port, of(WECHAT.callback(now=NOW)))
    assert body == b""
    assert (b"content-length" in head.lower()) is (served.kind in ADDS_LENGTHS)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_b001_only_post(served: Served, method: str) -> None:
    status, head, body = exchange(served.port, of(ALIPAY.callback(), method=method))
    assert status == 405
    assert b"allow: post" in head.lower()
    assert body == (b"" if method == "HEAD" else b"fail")


def test_b003_a_declared_gigabyte(served: Served) -> None:
    raw = request("/callbacks/alipay", [*FORM], b"a=1", length=False).replace(
        b"\r\n\r\n", b"\r\nContent-Length: 2147483648\r\n\r\n", 1
    )
    assert served.says(raw)[0] in ({413} if served.kind == "wsgiref" else {413, 400})


def test_b003_chunks_without_end(served: Served) -> None:
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    head = request("/callbacks/alipay", [*FORM, ("Transfer-Encoding", "chunked")], b"", length=False)
    status, _ = served.says(head, pieces=[chunk] * 20 + [b"0\r\n\r\n"])
    assert status in {400, 413}
    assert served.receiver.callbacks == []


def test_chunked_is_taken_where_the_server_knows_its_end(served: Served) -> None:
    callback = ALIPAY.callback()
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(callback.body), callback.body)
    head = request("/callbacks/alipay", [*FORM, ("Transfer-Encoding", "chunked")], b"", length=False)
    assert served.says(head, pieces=[chunks])[0] == (400 if served.kind == "wsgiref" else 200)


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "+5", "0x5", "5, 5", "5 5", "99999999999999999999"])
def test_b004_lengths_that_are_none(served: Served, length: str) -> None:
    raw = request("/callbacks/alipay", [*FORM], b"a=1&b", length=False).replace(
        b"\r\n\r\n", f"\r\nContent-Length: {length}\r\n\r\n".encode(), 1
    )
    assert served.says(raw)[0] in {400, 413}
    assert served.receiver.events == []
    if served.kind != "uvicorn":  # h11 takes "5, 5" for 5, and hands it on
        assert served.receiver.callbacks == []


def test_b004_two_lengths(served: Served) -> None:
    raw = of(ALIPAY.callback()).replace(b"\r\nContent-Length", b"\r\nContent-Length: 5\r\nContent-Length", 1)
    assert served.says(raw)[0] in {400, 401}
    assert served.receiver.events == []


def test_b004_a_length_and_chunks(served: Served) -> None:
    raw = of(ALIPAY.callback()).replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n", 1)
    # waitress goes by the chunks, finds that there are none, and hangs up when no more comes.
    assert served.says(raw)[0] == (0 if served.kind == "waitress" else 400)
    assert served.receiver.callbacks == []


def test_b006_a_body_that_is_too_short(served: Served) -> None:
    callback = ALIPAY.callback()
    whole = of(callback)
    assert served.says(whole[:-10])[0] in {400, 408, 0}  # waitress waits for the rest and drops the connection
    assert served.receiver.events == []


def test_b006_a_body_that_is_too_long(served: Served) -> None:
    assert served.says(of(ALIPAY.callback()) + b"&total_amount=0.01")[0] == 200
    assert served.receiver.events[0].amount == 1250


def test_b008_b009_packed_bodies(served: Served) -> None:
    gzipped = request("/callbacks/alipay", [*FORM, ("Content-Encoding", "gzip")], b"\x1f\x8b" + b"\x00" * 500)
    parts = request("/callbacks/alipay", [("Content-Type", "multipart/form-data; boundary=x")], b"--x\r\n" * 10_000)
    assert [served.says(gzipped)[0], served.says(parts)[0]] == [415, 415]


def test_b011_hostile_headers(served: Served) -> None:
    many = request("/callbacks/alipay", [*FORM, *((f"X-{number}", "1") for number in range(1000))], b"a=1")
    long = request("/callbacks/alipay", [*FORM, ("X-Long", "x" * 60_000)], b"a=1")
    strange = request("/callbacks/alipay", [*FORM, ("X-Strange", "\xff\xfe\x80")], b"a=1")
    nul = request("/callbacks/alipay", [*FORM, ("X-Nul", "a\x00b")], b"a=1")
    for raw in (many, long, strange, nul):
        assert 400 <= served.says(raw)[0] < 500
    assert served.receiver.events == []


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_b013_header_names_in_any_case(served: Served, spell: Any) -> None:
    callback = WECHAT.callback(now=NOW)
    respelt = [(spell(name), value) for name, value in callback.headers]
    assert served.says(request("/callbacks/wechat", respelt, callback.body))[0] == 204


def test_b014_a_header_twice(served: Served) -> None:
    callback = WECHAT.callback(now=NOW)
    twice = [*callback.headers, ("Wechatpay-Signature", "AAAA")]
    status, body = served.says(request("/callbacks/wechat", twice, callback.body))
    assert (status, b"CALLBACK_DUPLICATE_FIELD" in body) == (400, True)


@pytest.mark.parametrize(
    "path", ["/", "/callbacks", "/callbacks/", "/callbacks//", "/callbacks/nobody", "/callbacks/../callbacks/alipay",
             "/callbacks/alipay/../wechat", "/callbacks/%2e%2e/alipay", "/callbacks/alipay//", "/callbacks//alipay",
             "/callbacks/alipay%00", "/callbacks/alipay/x", "/CALLBACKS/alipay", "/callbacks/%2e%2e%2fadmin"],
)  # fmt: skip
def test_b018_path_tricks(served: Served, path: str) -> None:
    status, head, _ = exchange(served.port, of(ALIPAY.callback(), path))
    assert (status, b"location" in head.lower()) == (404, False)
    assert served.receiver.callbacks == []


def test_b074_a_query_string_is_not_merged(served: Served) -> None:
    raw = of(ALIPAY.callback(), "/callbacks/alipay?total_amount=0.01&out_trade_no=OTHER1&sign=x")
    assert served.says(raw) == (200, b"success")
    assert (served.receiver.events[0].amount, served.receiver.events[0].out_trade_no) == (1250, "ORDER_0001")
