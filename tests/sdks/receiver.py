"""A merchant's address for callbacks: keeps each one exactly as it came, and says thank you in both protocols."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Callback:
    """Headers with their names as they were written, and the body as text."""

    headers: dict[str, str]
    body: str


class Receiver:
    """Listens on a free port of this machine. ``/alipay`` and ``/wechat`` answer as each gateway wants it."""

    def __init__(self) -> None:
        self._got: list[Callback] = []
        self._more = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8")
                with receiver._more:
                    receiver._got.append(Callback(dict(self.headers.items()), body))
                    receiver._more.notify_all()
                said = b"success" if self.path == "/alipay" else b""
                self.send_response(200)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def wait(self, wanted: Callable[[Callback], bool], seconds: float = 10) -> Callback:
        """The first callback that is wanted; ``LookupError`` if it has not come in time."""
        until = time.monotonic() + seconds
        with self._more:
            while True:
                found = next((one for one in self._got if wanted(one)), None)
                if found is not None:
                    return found
                if not self._more.wait(until - time.monotonic()):
                    raise LookupError(f"no such callback in {seconds} s, but {len(self._got)} others")

    def all(self) -> list[Callback]:
        """All that have come."""
        with self._more:
            return list(self._got)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
