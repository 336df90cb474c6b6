"""The envelope of a callback. Catalogue section A, without a server."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payflow.errors import Refused, StoreConflict, StoreError
from payflow.gateway import Callback, Reply
from payflow.intake import MAX_BYTES, Intake, RefusalLog, normal_headers

from .standin import ALIPAY, NOW, WECHAT, Receiver


def answer(callback: Callback, receiver: Receiver | None = None, **changes: Any) -> Reply:
    """The intake's answer to a callback, with parts of the request changed."""
    given: dict[str, Any] = {
        "method": "POST", "account": callback.account, "headers": callback.headers, "body": callback.body,
        "content_length": str(len(callback.body)),
    }  # fmt: skip
    return Intake(receiver or Receiver()).answer(**(given | changes))


def paid() -> Callback:
    return ALIPAY.callback()


def code(reply: Reply) -> str:
    """The code in a refusal; Alipay's has none, so WeChat callbacks are used to see it."""
    return str(json.loads(reply.body)["message"]).partition(":")[0]


def wechat(**how: Any) -> Callback:
    return WECHAT.callback(now=NOW, **how)


def headers(callback: Callback, **changes: str | None) -> list[tuple[str, str]]:
    said = dict(callback.headers) | {name.replace("_", "-"): value for name, value in changes.items()}
    return [(name, value) for name, value in said.items() if value is not None]


def test_a_genuine_callback_gets_the_gateways_own_bytes() -> None:
    receiver = Receiver()
    assert answer(paid(), receiver) == Reply(200, b"success", (("Content-Type", "text/plain"),))
    assert answer(wechat(), receiver) == Reply(204)
    assert [event.out_trade_no for event in receiver.events] == ["ORDER_0001", "ORDER_0001"]


def test_a_forged_callback_gets_the_gateways_refusal() -> None:
    forged = Callback("alipay", tuple(paid_headers()), paid().body + b"&a=1")
    assert answer(forged) == Reply(401, b"fail", (("Content-Type", "text/plain"),))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "post", "", "TRACE"])
def test_b001_only_post(method: str) -> None:
    receiver = Receiver()
    reply = answer(wechat(), receiver, method=method)
    assert (reply.status, code(reply), dict(reply.headers)["Allow"]) == (405, "CALLBACK_METHOD", "POST")
    assert receiver.callbacks == []


class Endless(io.RawIOBase):
    """A body without an end, that counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        self.taken += size
        return b"a" * size


def test_b003_a_declared_length_beyond_the_limit_is_not_read() -> None:
    body = Endless()
    reply = answer(wechat(), body=body, content_length="2147483648", headers=headers(wechat(), Content_Length=None))
    assert (reply.status, code(reply), body.taken) == (413, "CALLBACK_TOO_LARGE", 0)


def test_b003_without_a_length_at_most_one_byte_too_many_is_read() -> None:
    body = Endless()
    reply = answer(wechat(), body=body, content_length=None, headers=headers(wechat(), Content_Length=None))
    assert (reply.status, code(reply)) == (413, "CALLBACK_TOO_LARGE")
    assert body.taken == MAX_BYTES + 1


def test_b003_the_limit_is_the_configs() -> None:
    callback = wechat()
    intake = Intake(Receiver(), max_bytes=len(callback.body) - 1)
    assert intake.answer("POST", "wechat", callback.headers, callback.body).status == 413


@pytest.mark.parametrize(
    "length", ["-1", "+5", "abc", "1e3", "0x10", "５", "5, 5", "5,6", " 5", "9" * 30, "1_0", "5.0", -5, 10**20]
)
def test_b004_lengths_that_are_none(length: Any) -> None:
    reply = answer(wechat(), content_length=length, headers=headers(wechat(), Content_Length=None))
    assert (reply.status, code(reply)) == (400, "CALLBACK_MALFORMED")


def test_b004_two_lengths() -> None:
    callback = wechat()
    twice = [*callback.headers, ("content-length", str(len(callback.body)))]
    assert answer(callback, headers=twice).status == 400
    assert answer(callback, content_length="7").status == 400


def test_b004_a_length_and_a_transfer_encoding() -> None:
    reply = answer(wechat(), headers=headers(wechat(), Transfer_Encoding="chunked"))
    assert (reply.status, code(reply)) == (400, "CALLBACK_MALFORMED")


def test_b005_a_body_that_drips() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()

    class Dripping:
        given = 0

        def read1(self, size: int) -> bytes:
            clock.now += 1.0
            self.given += 1
            return b"a"

        read = read1

    body = Dripping()
    reply = Intake(Receiver(), body_seconds=10, clock=clock).answer("POST", "wechat", wechat_headers(), body, "1000")
    assert (reply.status, code(reply), body.given) == (408, "CALLBACK_TIMEOUT", 11)


def wechat_headers() -> list[tuple[str, str]]:
    return headers(wechat(), Content_Length=None)


@pytest.mark.parametrize("off", [-1, 1, -100, 100])
@pytest.mark.parametrize("streamed", [False, True])
def test_b006_a_body_of_another_length(off: int, streamed: bool) -> None:
    callback = wechat()
    length = len(callback.body) + off
    body: Any = io.BytesIO(callback.body) if streamed else callback.body
    reply = answer(callback, headers=headers(callback, Content_Length=None), body=body, content_length=length)
    # A stream is read as far as its length says, so one that is longer ends early and is not the signed one.
    expected = (401, "SIGNATURE_INVALID") if streamed and off < 0 else (400, "CALLBACK_MALFORMED")
    assert (reply.status, code(reply)) == expected


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "gzip, gzip", "x"])
def test_b008_a_compressed_body_is_not_inflated(encoding: str) -> None:
    body = Endless()
    reply = answer(wechat(), headers=headers(wechat(), Content_Encoding=encoding), body=body)
    assert (reply.status, code(reply), body.taken) == (415, "CALLBACK_MEDIA_TYPE", 0)


@pytest.mark.parametrize(
    "media", ["multipart/form-data; boundary=x", "text/plain", "text/html", "application/xml", "", None,
              "application/x-www-form-urlencoded", "application/jsonx", "*/*"],
)  # fmt: skip
def test_b009_another_media_type_is_not_parsed(media: str | None) -> None:
    body = Endless()
    reply = answer(wechat(), headers=headers(wechat(), Content_Type=media), body=body)
    assert (reply.status, code(reply), body.taken) == (415, "CALLBACK_MEDIA_TYPE", 0)


@pytest.mark.parametrize(
    "media", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", " application/json ;x"]
)
def test_the_media_type_of_the_gateway(media: str) -> None:
    callback = wechat()
    assert answer(callback, headers=headers(callback, Content_Type=media)).status == 204


def test_multipart_is_refused_whatever_the_gateway() -> None:
    receiver = Receiver()
    receiver.gateways["own"] = receiver.gateways["wechat"]
    receiver.gateways["own"].kind = "own"
    callback = wechat(account="own")
    assert answer(callback, receiver, headers=headers(callback, Content_Type="multipart/mixed")).status == 415
    assert answer(callback, receiver, headers=headers(callback, Content_Type="text/json")).status == 204


def test_b011_a_thousand_headers() -> None:
    many = [*wechat_headers(), *((f"X-{number}", "1") for number in range(1000))]
    assert (answer(wechat(), headers=many).status, code(answer(wechat(), headers=many))) == (431, "CALLBACK_HEADERS")


def test_b011_a_header_of_64_kilobytes() -> None:
    assert answer(wechat(), headers=[*wechat_headers(), ("X-Long", "x" * 65_536)]).status == 431


@pytest.mark.parametrize(
    "pair", [("X-A", "a\r\nb"), ("X-A", "a\nb"), ("X-A", "a\x00"), ("X\r\n-A", "a"), ("X-A", "签")]
)
def test_b011_a_header_with_what_no_header_has(pair: tuple[str, str]) -> None:
    reply = answer(wechat(), headers=[*wechat_headers(), pair])
    assert (reply.status, code(reply)) == (400, "CALLBACK_HEADERS")


def test_b011_header_bytes_that_are_latin_1() -> None:
    raw = [(name.encode(), value.encode()) for name, value in wechat().headers] + [(b"X-A", b"\xff\xfe")]
    assert answer(wechat(), headers=raw).status in {204, 401}


SPELLINGS: dict[str, Any] = {
    "pairs": lambda pairs: pairs,
    "lower case": lambda pairs: [(name.lower(), value) for name, value in pairs],
    "ASGI": lambda pairs: [(name.lower().encode(), value.encode()) for name, value in pairs],
    "WSGI": lambda pairs: {"HTTP_" + name.upper().replace("-", "_"): value for name, value in pairs},
    "mapping": dict,
    "PSR lists": lambda pairs: {name: [value] for name, value in pairs},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_b013_a_genuine_callback_in_every_spelling_of_its_headers(spelling: str) -> None:
    callback = wechat()
    assert answer(callback, headers=SPELLINGS[spelling](callback.headers)).status == 204


@pytest.mark.parametrize("spelling", ["pairs", "PSR lists"])
def test_b014_a_header_twice(spelling: str) -> None:
    callback = wechat()
    if spelling == "pairs":
        given: Any = [*callback.headers, ("wechatpay-signature", "AAAA")]
    else:
        given = {name: [value, value] if name == "Wechatpay-Nonce" else [value] for name, value in callback.headers}
    reply = answer(callback, headers=given)
    assert (reply.status, code(reply)) == (400, "CALLBACK_DUPLICATE_FIELD")


def test_a_content_type_twice() -> None:
    reply = answer(wechat(), headers=[*wechat().headers, ("content-type", "text/plain")])
    assert (reply.status, code(reply)) == (400, "CALLBACK_DUPLICATE_FIELD")


@pytest.mark.parametrize("eaten", [b"", None, io.BytesIO(b"")])
def test_b015_a_body_that_somebody_read_before(eaten: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "payflow.intake")
    reply = answer(wechat(), body=eaten)
    assert (reply.status, code(reply)) == (400, "CALLBACK_MALFORMED")
    assert "Raw body unavailable" in caplog.text


def test_b015_a_body_that_was_written_anew_is_not_the_signed_one() -> None:
    callback = wechat()
    anew = json.dumps(json.loads(callback.body)).encode()
    reply = answer(callback, body=anew, content_length=None, headers=headers(callback, Content_Length=None))
    assert (reply.status, code(reply)) == (401, "SIGNATURE_INVALID")


def test_an_empty_callback() -> None:
    reply = answer(wechat(), body=b"", content_length="0", headers=wechat_headers())
    assert (reply.status, code(reply)) == (401, "SIGNATURE_INVALID")
    assert answer(wechat(), body=b"", content_length=None, headers=wechat_headers()).status == 400


def test_a_stream_that_breaks_off() -> None:
    class Broken:
        def read(self, size: int) -> bytes:
            raise ConnectionResetError

    reply = answer(wechat(), body=Broken())
    assert (reply.status, code(reply)) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("account", ["", "nobody", "../alipay", "alipay/", "ALIPAY", "a" * 1000, "\x00"])
def test_b018_an_account_that_is_none(account: str) -> None:
    receiver = Receiver()
    assert answer(paid(), receiver, account=account).status == 404
    assert receiver.callbacks == []


def test_bytes_of_every_kind_are_a_body() -> None:
    callback = paid()
    for body in (bytearray(callback.body), memoryview(callback.body), io.BytesIO(callback.body)):
        assert answer(callback, body=body).body == b"success"


# -- trouble of our own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble", [StoreConflict(), StoreError("The database is away"), RuntimeError("a bug"), Refused("?"), OSError()]
)
def test_our_own_trouble_makes_the_gateway_send_again(trouble: Exception, caplog: pytest.LogCaptureFixture) -> None:
    for callback in (paid(), wechat()):
        reply = answer(callback, Receiver(trouble))
        assert reply.status == 503
        assert b"bug" not in reply.body
    assert "it will come again" in caplog.text


# -- the log -------------------------------------------------------------------------------------------------------


def test_b019_ten_thousand_forgeries_are_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "payflow.intake")
    receiver = Receiver()
    intake = Intake(receiver)
    forged = paid().body + b"&a=1"
    for _ in range(10_000):
        assert intake.answer("POST", "alipay", paid_headers(), forged).status == 401
    assert len(caplog.records) == 20
    assert receiver.events == []
    assert intake.answer("POST", "alipay", paid_headers(), paid().body).status == 200


def paid_headers() -> list[tuple[str, str]]:
    return [("Content-Type", "application/x-www-form-urlencoded")]


def test_b019_what_was_not_logged_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    from payflow.errors import CallbackRefused

    now = [0.0]
    log = RefusalLog(lambda: now[0], most=2, seconds=60)
    for at in (0, 1, 2, 3, 61):
        now[0] = at
        log.refused("alipay", CallbackRefused("no"))
    assert [record.getMessage() for record in caplog.records] == [
        "A callback to alipay was refused: CALLBACK_MALFORMED (no)",
        "A callback to alipay was refused: CALLBACK_MALFORMED (no)",
        "2 more callbacks to alipay were refused",
        "A callback to alipay was refused: CALLBACK_MALFORMED (no)",
    ]


def test_b085_nothing_of_a_request_comes_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    nasty = "\r\nFAKE LINE \x1b[31m ${jndi:x}"
    answer(wechat(), headers=[*wechat_headers(), ("X-A", nasty)])
    answer(wechat(), headers=headers(wechat(), Wechatpay_Serial="FAKE" * 10))
    answer(paid(), body=b"trade_no=FAKE", content_length=None)
    assert "FAKE" not in caplog.text
    assert len(caplog.records) == 3


def test_a_message_is_escaped_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    from payflow.errors import CallbackRefused

    RefusalLog().refused("own", CallbackRefused("a\r\nb\x1b[31m签" + "x" * 999))
    assert "a\\r\\nb\\x1b[31m\\u7b7e" in caplog.text
    assert len(caplog.records[0].getMessage()) < 300


# -- nothing but replies -------------------------------------------------------------------------------------------

HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Content-Type", "Content-Length", "Content-Encoding", "Wechatpay-Serial",
                         "Wechatpay-Timestamp",
                         "Wechatpay-Nonce", "Wechatpay-Signature", "X-A"]),
        st.text(max_size=40) | st.sampled_from(["application/json", "application/x-www-form-urlencoded", "12"]),
    ),
    max_size=8,
)  # fmt: skip


@given(
    st.sampled_from(["POST", "POST", "GET", "☕"]), st.sampled_from(["alipay", "wechat", "x"]), HEADERS,
    st.binary(max_size=100), st.none() | st.text(max_size=6) | st.integers(-5, 200),
)  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_b143_whatever_comes_is_answered_with_4xx(
    method: str, account: str, headers: list[tuple[str, str]], body: bytes, length: Any
) -> None:
    reply = Intake(Receiver()).answer(method, account, headers, io.BytesIO(body), length)
    assert 400 <= reply.status < 500


def test_headers_keep_their_order_and_their_duplicates() -> None:
    given = [("A", "1"), ("b", "2"), ("A", "3")]
    assert normal_headers(given) == tuple(given)
