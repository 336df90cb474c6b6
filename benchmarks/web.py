"""Callbacks per second through Flask and Django on PostgreSQL, against a bare "hello" view of the same framework.

Both views are in one process, behind the same server with the same threads, and take turns slice by slice; the
callbacks are genuinely signed, each about a payment of its own, and prepared before the clock runs. What asks is one
thread with raw sockets; how busy it was is printed, because a client that is busy measures itself.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from payflow.gateway import Callback

from .material import AlipayDesk
from .measuring import Figure, Job, Jobs, Scale, compare, slices
from .servers import postgres
from .world import World

CONNECTIONS = 32
#: Long slices: at the end of each there are fewer callbacks under way than connections.
SLICES = 4
_HELLO = b"GET /hello HTTP/1.1\r\nHost: bench\r\n\r\n"
_SECRET = "a secret of the benchmark's own, 40 bytes"  # noqa: S105 -- it keeps nothing


def flask_postgres(scale: Scale) -> Figure:
    return _framework("flask", scale)


def django_postgres(scale: Scale) -> Figure:
    return _framework("django", scale)


def _framework(framework: str, scale: Scale) -> Figure:
    says = f"{framework.capitalize()} under waitress, one worker: callbacks on PostgreSQL against a bare view"
    figure = Figure(f"{framework}_postgres", says, 0.25, unit="requests/s")
    with postgres() as url, tempfile.TemporaryDirectory(prefix="payflow-bench-") as folder:
        world = World.open(url)
        _configure(Path(folder), url, world.desk)
        with worker(framework, "bare", folder, url) as (port, process):
            Client(port).ask([_HELLO] * 200, b"hello")
            bare = memory(process)
        with worker(framework, "shop", folder, url) as (port, process):
            client = Client(port)
            client.ask([_HELLO] * 200, b"hello")
            client.ask([posted(one) for one in world.callbacks(50)], b"success")
            before = memory(process)
            asked = Asked()

            def prepare(_round: int) -> tuple[Jobs, Jobs]:
                hello = _timed(asked, "hello", client, [_HELLO] * scale.callbacks * 8, b"hello")
                callbacks = [posted(one) for one in world.callbacks(scale.callbacks * 4)]
                return hello, _timed(asked, "callbacks", client, callbacks, b"success")

            try:
                compare(figure, scale.rounds, prepare)
                after = memory(process)
            finally:
                world.close()
    figure.notes.append(
        f"the client was busy {asked.share('hello'):.0%} of the time with hello, {asked.share('callbacks'):.0%} with "
        f"callbacks; {CONNECTIONS} connections kept alive"
    )
    figure.notes.append(
        f"a worker's memory, RSS/PSS in MB: bare {bare}; with payflow {before}; after {asked.count['callbacks']} "
        f"callbacks {after}"
    )
    return figure


def _configure(folder: Path, url: str, desk: AlipayDesk) -> None:
    (folder / "payflow.json").write_text(
        json.dumps({
            "version": 1, "secret": {"env": "PAYFLOW_BENCH_SECRET"}, "payment_gateway": desk.account,
            "store": {"url": url},
            "gateways": {desk.account: {
                "gateway": "alipay", "app_id": desk.app, "seller_id": desk.seller,
                "alipay_public_key": {"file": "alipay.pem"},
            }},
        })
    )  # fmt: skip
    (folder / "alipay.pem").write_bytes(desk.public_pem)


@contextmanager
def worker(framework: str, kind: str, folder: str, url: str) -> Iterator[tuple[int, int]]:
    """A worker that serves; its port and its process."""
    environ = {**os.environ, "PAYFLOW_BENCH_SECRET": _SECRET, "PAYFLOW_BENCH_URL": url}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.web_worker", framework, kind, folder],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def posted(callback: Callback) -> bytes:
    """A callback as it stands on the wire."""
    head = [f"POST /callbacks/{callback.account} HTTP/1.1", "Host: bench", f"Content-Length: {len(callback.body)}"]
    head += [f"{name}: {value}" for name, value in callback.headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + callback.body


def memory(process: int) -> str:
    """What a process holds: resident, and its proportional share of what it shares, in MB."""
    found = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        if name in ("Rss", "Pss"):
            found[name] = int(rest.split()[0]) / 1024
    return f"{found['Rss']:.0f}/{found['Pss']:.0f}"


class Asked:
    """How long the client took to ask, and how much of that it was busy itself, by what it asked for."""

    def __init__(self) -> None:
        self.took = dict.fromkeys(("hello", "callbacks"), 0.0)
        self.busy = dict.fromkeys(("hello", "callbacks"), 0.0)
        self.count = dict.fromkeys(("hello", "callbacks"), 0)

    def share(self, what: str) -> float:
        return self.busy[what] / self.took[what]


def _timed(asked: Asked, what: str, client: Client, requests: Sequence[bytes], wanted: bytes) -> list[Job]:
    def ask(part: Sequence[bytes]) -> int:
        began, busy = time.perf_counter(), time.process_time()
        done = client.ask(part, wanted)
        asked.took[what] += time.perf_counter() - began
        asked.busy[what] += time.process_time() - busy
        asked.count[what] += done
        return done

    return slices(requests, ask, SLICES)


class Client:
    """One thread with several connections, kept alive, each with one request on its way."""

    def __init__(self, port: int) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for one in self._sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, requests: Sequence[bytes], wanted: bytes) -> int:
        """Send every request and read its answer, which has to be 200 with the body ``wanted``; how many."""
        waiting = iter(requests)
        with selectors.DefaultSelector() as ready:
            open_ = sum(self._next(one, waiting, ready) for one in self._sockets)
            while open_:
                for key, _ in ready.select():
                    received = key.fileobj.recv(65_536)  # type: ignore[union-attr]  # they are all sockets
                    # Such a short answer comes in one piece, or head and body in two.
                    whole = key.data + received
                    if not whole.endswith(b"\r\n\r\n" + wanted):
                        assert received, f"the server hung up: {whole[:500]!r}"
                        ready.modify(key.fileobj, selectors.EVENT_READ, whole)
                        continue
                    assert whole.startswith(b"HTTP/1.1 200"), whole[:500]
                    if key.data:
                        ready.modify(key.fileobj, selectors.EVENT_READ, b"")
                    request = next(waiting, None)
                    if request is None:
                        ready.unregister(key.fileobj)
                        open_ -= 1
                    else:
                        key.fileobj.sendall(request)  # type: ignore[union-attr]
        return len(requests)

    @staticmethod
    def _next(one: socket.socket, waiting: Iterator[bytes], ready: selectors.BaseSelector) -> bool:
        request = next(waiting, None)
        if request is None:
            return False
        ready.register(one, selectors.EVENT_READ, b"")
        one.sendall(request)
        return True
