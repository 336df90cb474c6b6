"""Genuine gateways behind a receiver that remembers what came through, and two real servers in front of it."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from payflow.clock import SECOND
from payflow.gateway import Callback, Event, Gateway, Reply
from payflow.testing.signed import AlipaySigner, WeChatSigner

NOW = 1_769_817_600 * SECOND
ALIPAY, WECHAT = AlipaySigner(), WeChatSigner()


class Receiver:
    """Reads callbacks with real gateways; ``trouble`` is what its store raises."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.gateways: dict[str, Gateway] = {"alipay": ALIPAY.gateway(), "wechat": WECHAT.gateway()}
        self.events: list[Event] = []
        self.callbacks: list[Callback] = []
        self.trouble = trouble

    def receive(self, callback: Callback) -> Reply:
        self.callbacks.append(callback)
        gateway = self.gateways[callback.account]
        events = gateway.read(callback, NOW)
        if self.trouble is not None:
            raise self.trouble
        self.events += events
        return gateway.accepted()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's own name
        pass


@contextlib.contextmanager
def wsgiref_server(application: Any) -> Iterator[int]:
    """The standard library's server, on a port of its own."""
    with make_server("127.0.0.1", 0, application, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def waitress_server(application: Any) -> Iterator[int]:
    """waitress, on a port of its own."""
    from waitress.server import create_server

    server = create_server(application, host="127.0.0.1", port=0, threads=4, clear_untrusted_proxy_headers=True)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.effective_port
    finally:
        server.trigger.pull_trigger(server.close)  # in its own thread, where its sockets are
        thread.join(10)
        server.task_dispatcher.shutdown()


#: Ports of servers for which a client that has sent all, and says so, has gone: ASGI servers.
HANG_UP: set[int] = set()


def exchange(
    port: int, raw: bytes, *, pieces: list[bytes] | None = None, pause: float = 0.0
) -> tuple[int, bytes, bytes]:
    """Send raw bytes, close the sending side, and read all: status, header block, body."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        with contextlib.suppress(OSError):  # a server that refuses early may close before all is sent
            connection.sendall(raw)
            for piece in pieces or ():
                threading.Event().wait(pause)
                connection.sendall(piece)
            if port not in HANG_UP:
                connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65_536):
                answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    match = re.match(rb"HTTP/1\.[01] ([0-9]{3})", head)
    return int(match[1]) if match else 0, head, body


def request(
    path: str, headers: list[tuple[str, str]], body: bytes, *, method: str = "POST", length: bool = True
) -> bytes:
    """An HTTP request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.example.com", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() != "content-length"]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def of(callback: Callback, path: str | None = None, **how: Any) -> bytes:
    """A callback as an HTTP request."""
    return request(path or f"/callbacks/{callback.account}", list(callback.headers), callback.body, **how)
