"""The sandbox's HTTP server: one thread for each connection, kept alive, able to misbehave on order."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .messages import Incoming, Outgoing

logger = logging.getLogger("payflow.sandbox")

MAX_BODY = 1_048_576
_IDLE_SECONDS = 60.0

Answering = Callable[[Incoming], Outgoing]


class Server:
    """Listens on ``host`` and ``port`` (0: any free one) and hands every request to ``answer``."""

    def __init__(self, answer: Answering, host: str = "127.0.0.1", port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"answering": staticmethod(answer)})
        self._server = _Listener((host, port), handler)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve in the background."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.03}, name="sandbox-server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; open connections end."""
        self._server.shutdown()
        self._server.server_close()
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- the signature is given
        logger.debug("A connection to the sandbox broke", exc_info=True)  # noqa: LOG014 -- called by the server while it handles the error


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    answering: Answering

    def _serve(self) -> None:
        body, refused = self._body()
        if refused:
            self.close_connection = True
            self._write(Outgoing(refused, b""))
            return
        request = Incoming(self.command, _origin_form(self.path), tuple(self.headers.items()), body)
        try:
            answer = self.answering(request)
        except Exception:
            logger.exception("The sandbox could not answer %s", self.command)
            answer = Outgoing(500, b'{"code":"SYSTEM_ERROR","message":"the sandbox stumbled; see its log"}')
        if answer.drop:
            self.close_connection = True
            self._hang_up()
            return
        self._write(answer)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every method there is or may be is answered by :meth:`_serve`; the library's own answer would be a 501."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _body(self) -> tuple[bytes, int]:
        """The body, and the status to refuse it with (0: it is fine)."""
        if self.headers.get("Transfer-Encoding"):
            return b"", HTTPStatus.LENGTH_REQUIRED
        lengths = self.headers.get_all("Content-Length") or ["0"]
        text = lengths[0].strip()
        if len(set(lengths)) > 1 or not (text.isascii() and text.isdigit()) or len(text) > 10:
            return b"", HTTPStatus.BAD_REQUEST
        if int(text) > MAX_BODY:
            return b"", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        body = self.rfile.read(int(text))
        return (body, 0) if len(body) == int(text) else (b"", HTTPStatus.BAD_REQUEST)

    def _write(self, answer: Outgoing) -> None:
        head = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
        head.append(f"Date: {formatdate(usegmt=True)}")  # clients tell by it how wrong their clock is
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.stream is not None:
            self.close_connection = True
            head.append("Connection: close")
            self.wfile.write(_joined(head))
            for piece in answer.stream:
                self.wfile.write(piece)
                self.wfile.flush()
            return
        if answer.status != HTTPStatus.NO_CONTENT:
            head.append(f"Content-Length: {len(answer.body)}")
        if self.close_connection:
            head.append("Connection: close")
        body = b"" if self.command == "HEAD" or answer.status == HTTPStatus.NO_CONTENT else answer.body
        if answer.bytes_per_second:
            self.wfile.write(_joined(head))
            for place in range(len(body)):
                self.wfile.write(body[place : place + 1])
                time.sleep(1 / answer.bytes_per_second)
            return
        self.wfile.write(_joined(head) + body)  # one write: a second one would wait for the first one's receipt

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is given
        logger.debug(format, *args)


def _origin_form(target: str) -> str:
    """The request's target without scheme and host: Alipay's Python SDK sends both, and a server has to take it."""
    if not target.lower().startswith(("http://", "https://")):
        return target
    host, slash, rest = target.partition("://")[2].partition("/")
    return f"/{rest}" if slash else "/" + "".join(host.partition("?")[1:])


def _joined(head: list[str]) -> bytes:
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1", "replace")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
