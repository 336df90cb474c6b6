"""uvicorn on a port of its own, in a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from tests.intake.standin import HANG_UP


@contextlib.contextmanager
def uvicorn_server(application: Any) -> Iterator[int]:
    """Serve an ASGI application; the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="critical", http="h11", lifespan="auto", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.005)
    port = listener.getsockname()[1]
    HANG_UP.add(port)
    try:
        yield port
    finally:
        HANG_UP.discard(port)
        server.should_exit = True
        thread.join(10)
        listener.close()
