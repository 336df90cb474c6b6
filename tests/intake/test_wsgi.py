"""What concerns the bare WSGI door alone; the hostile suite is in ``test_envelope``."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.validate import validator

from payflow.intake import Intake
from payflow.wsgi import callbacks_app, headers_of

from .standin import ALIPAY, NOW, WECHAT, Receiver, exchange, of, request, waitress_server, wsgiref_server
from .test_envelope import FORM


def test_b005_a_body_that_drips() -> None:
    receiver = Receiver()
    with wsgiref_server(callbacks_app(Intake(receiver, body_seconds=0.5))) as port:
        head = request("/callbacks/alipay", [*FORM], b"", length=False).replace(
            b"\r\n\r\n", b"\r\nContent-Length: 1000\r\n\r\n", 1
        )
        started = time.monotonic()
        status, _, _ = exchange(port, head, pieces=[b"a"] * 30, pause=0.1)
        assert (status, receiver.callbacks) == (408, [])
        assert time.monotonic() - started < 6


def test_b015_a_body_that_a_middleware_read() -> None:
    receiver = Receiver()
    inner = callbacks_app(receiver)

    def nosy(environ: dict[str, Any], start_response: Any) -> Any:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = __import__("io").BytesIO(b"")
        return inner(environ, start_response)

    with wsgiref_server(nosy) as port:
        callback = WECHAT.callback(now=NOW)
        status, _, body = exchange(port, of(callback))
        assert (status, b"Raw body unavailable" in body) == (400, True)


def test_b019_forgeries_do_not_hold_up_the_genuine_ones() -> None:
    receiver = Receiver()
    forged = request("/callbacks/alipay", FORM, ALIPAY.callback().body + b"&a=1")
    with waitress_server(callbacks_app(receiver)) as port, ThreadPoolExecutor(4) as pool:
        flood = [pool.submit(exchange, port, forged) for _ in range(300)]
        started = time.monotonic()
        assert exchange(port, of(ALIPAY.callback()))[0] == 200
        assert time.monotonic() - started < 2
        assert {future.result()[0] for future in flood} == {401}
    assert len(receiver.events) == 1


def test_it_is_a_wsgi_application() -> None:
    receiver = Receiver()
    with wsgiref_server(validator(callbacks_app(receiver))) as port:
        assert exchange(port, of(ALIPAY.callback()))[0] == 200
        assert exchange(port, of(WECHAT.callback(now=NOW)))[0] == 204
        assert exchange(port, of(ALIPAY.callback(), "/elsewhere"))[0] == 404


def test_the_prefix_is_the_hosts() -> None:
    receiver = Receiver()
    with wsgiref_server(callbacks_app(receiver, prefix="/pay/notify/")) as port:
        assert exchange(port, of(ALIPAY.callback(), "/pay/notify/alipay"))[0] == 200
        assert exchange(port, of(ALIPAY.callback()))[0] == 404


def test_headers_of_an_environ() -> None:
    environ = {"HTTP_WECHATPAY_NONCE": "n", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "", "PATH_INFO": "/"}
    assert headers_of(environ) == [("HTTP_WECHATPAY_NONCE", "n"), ("CONTENT_TYPE", "application/json")]
