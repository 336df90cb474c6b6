"""Far sides on real sockets, certificates of every kind, and a Redis server."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from payflow.testing import services
from payflow.transport import Limits, Request, Transport

from .certificates import Certificates
from .far_side import FarSide, Script

POST = Request("POST", "/v3/pay/transactions/native", {"Content-Type": "application/json"}, b'{"out_trade_no":"A1"}')
GET = Request("GET", "/v3/pay/transactions/out-trade-no/A1?mchid=19", {"Accept": "application/json"})


class Sleeps:
    """Takes no time and remembers how long it should have taken."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def far_side() -> Iterator[Callable[..., FarSide]]:
    """Starts a far side with a script; it is gone after the test."""
    with contextlib.ExitStack() as stack:

        def start(script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> FarSide:
            side = FarSide(script, tls, host)
            stack.callback(side.stop)
            return side

        yield start


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
def to(sleeps: Sleeps) -> Iterator[Callable[..., Transport]]:
    """A transport to origins or far sides, with short limits; pauses between turns take no time."""
    with contextlib.ExitStack() as stack:

        def make(*origins: Any, limits: Limits | None = None, **named: Any) -> Transport:
            urls = [origin if isinstance(origin, str) else origin.url for origin in origins]
            short = limits or Limits(connect_seconds=1.0, read_seconds=1.0, total_seconds=5.0)
            transport = Transport("wechat-main", urls, short, **{"sleep": sleeps, **named})
            stack.callback(transport.close)
            return transport

        yield make


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a port that refuses connections for the whole test: bound, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis server of our own, or the one named by ``PAYFLOW_TEST_REDIS_URL``. Its keys are told apart by prefix."""
    given = os.environ.get("PAYFLOW_TEST_REDIS_URL")
    if given:
        yield given
        return
    with running_redis(tmp_path_factory.mktemp("redis"), services.free_port()) as url:
        yield url


@contextlib.contextmanager
def running_redis(folder: Path, port: int) -> Iterator[str]:
    """A Redis server on ``port`` that keeps nothing; ``ServiceMissing`` says why there is none."""
    program = shutil.which("redis-server")
    if program is None:
        raise services.ServiceMissing("redis-server is missing: install the package redis-server")
    log = folder / "log"
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with log.open("wb") as output:
        process = subprocess.Popen([program, *options], stdout=output, stderr=output)
    try:
        until = time.monotonic() + 20
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise services.ServiceMissing(f"redis-server did not come up: {log.read_text()[-400:]}")
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(16).startswith(b"+PONG")
    except OSError:
        return False
