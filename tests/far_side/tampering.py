"""Somebody between payflow and the far side, who changes what comes back, byte by byte."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

#: Status, headers and body of the genuine answer in; the raw bytes that are sent out.
Tamper = Callable[[int, Mapping[str, str], bytes], bytes]


def raw(status: int, body: bytes, headers: Mapping[str, str] | None = None, length: int | None = None) -> bytes:
    """An HTTP answer as bytes; ``length`` where it is not the body's own."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


class Between:
    """Passes requests on to ``target``; while ``tamper`` is set, it decides what comes back."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.tamper: Tamper | None = None
        self.operations: tuple[str, ...] = ()
        self.asked = 0
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def do_POST(self) -> None:
                between.pass_on(self)

            def do_GET(self) -> None:
                between.pass_on(self)

            def log_message(self, *_: object) -> None:
                """Nobody reads along."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def pass_on(self, request: Any) -> None:
        self.asked += 1
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
        with requests.request(
            request.command, self.target + request.path, data=body, headers=headers, allow_redirects=False, timeout=10
        ) as answer:
            kept = {
                name: value for name, value in answer.headers.items()
                if name.lower() not in ("content-length", "connection", "transfer-encoding")
            }  # fmt: skip
            tampered = self.tamper or raw_of
            request.wfile.write(tampered(answer.status_code, kept, answer.content))
        request.close_connection = True

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def raw_of(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """As it came."""
    return raw(status, body, headers)
