"""The crew of a drill: two server processes and two workers over one database, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from payflow import Flow, Money, Payment, load, open_flow
from payflow.gateways.mock import MockCallback, MockGateway
from payflow.testing.services import free_port

from .counter import TABLE

ROOT = Path(__file__).parents[2]
SECRETS = ("DRILL_SECRET", "DRILL_MOCK_SECRET")


class Crew:
    """Everything a drill holds in its hands. ``flow`` is the drill's own view of the same database."""

    def __init__(self, folder: Path, url: str, **worker: Any) -> None:
        self.folder = folder
        self.secrets = {name: secrets.token_urlsafe(48) for name in SECRETS}
        self.config = folder / "payflow.json"
        self.config.write_text(json.dumps({
            "version": 1,
            "secret": {"env": "DRILL_SECRET"},
            "payment_gateway": "mock",
            "auto_confirm_order": True,
            "trusted_actions": [{"action": "drill"}],
            "gateways": {"mock": {"gateway": "mock", "secret": {"env": "DRILL_MOCK_SECRET"}, "state": "mock.db"}},
            "store": {"url": url},
            "timeouts": {"connect_seconds": 1, "read_seconds": 2, "total_seconds": 4},
            "worker": {"poll_seconds": 0.1, **worker},
            "handlers": [{"name": "pour", "on": ["payment.paid"], "call": "tests.drills.counter:pour"}],
        }))  # fmt: skip
        self.flow: Flow = open_flow(load(self.config, self.secrets), migrate=True)
        self.store: Any = self.flow.store
        gateway: Any = self.flow.gateways["mock"]
        self.mock: MockGateway = gateway
        self.ports = (free_port(), free_port())
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        with self.store.transaction() as transaction:
            transaction.connection.cursor().execute(TABLE)

    # -- processes -------------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Start ``server0``, ``server1``, ``worker0`` or ``worker1``; its words go to a file of its name."""
        number = int(name[-1])
        what = ["tests.drills.counter", str(self.config), str(self.ports[number])]
        if name.startswith("worker"):
            what = ["payflow.cli", "worker", "-c", str(self.config)]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *what], cwd=ROOT, env={**os.environ, **self.secrets}, stdout=log, stderr=log
            )

    def listen(self) -> None:
        """Wait until both servers answer."""
        until = time.monotonic() + 30
        for number, port in enumerate(self.ports):
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                assert self.processes[f"server{number}"].poll() is None, self.said(f"server{number}")
                assert time.monotonic() < until, "a server did not come up"
                time.sleep(0.05)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def dismiss(self) -> dict[str, int]:
        """Ask every process to stop as Ctrl-C does; their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
        return {name: process.wait(30) for name, process in self.processes.items()}

    def kill(self, name: str) -> None:
        """End a process in the middle of whatever it does."""
        self.processes[name].kill()
        self.processes[name].wait()

    def close(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        self.store.close()

    # -- what the drill does ---------------------------------------------------------------------------------------

    def ordered(self, count: int) -> list[Payment]:
        """Payments that wait for their payer."""

        def order(number: int) -> Payment:
            return self.flow.pay(
                amount=Money(1000 + 100 * (number % 50)), channel="qr", key=f"order-{number}", action="drill"
            ).payment

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(order, range(count)))

    def callbacks_of(self, payments: Sequence[Payment]) -> list[MockCallback]:
        """Every payer pays; the one callback that tells of each."""
        found = []
        for payment in payments:
            self.mock.payer.pay(payment.out_trade_no)
            (callback,) = self.mock.callbacks(payment.out_trade_no)
            found.append(callback)
        return found

    def deliver(self, callbacks: Sequence[MockCallback], *, times: int, callers: int = 8) -> Counter[int]:
        """Post each callback ``times`` times, to both servers, in no order; how often which status.

        What is not acknowledged is sent again, as a gateway would: no answer counts as status 0.
        """
        posts = [(callback, number % 2) for callback in callbacks for number in range(times)]
        random.Random(7).shuffle(posts)
        told: Counter[int] = Counter()

        def caller(share: Sequence[tuple[MockCallback, int]]) -> list[int]:
            with requests.Session() as session:
                session.trust_env = False
                return [
                    status for callback, server in share for status in self._until_accepted(session, callback, server)
                ]

        with ThreadPoolExecutor(callers) as pool:
            for statuses in pool.map(caller, [posts[start::callers] for start in range(callers)]):
                told.update(statuses)
        return told

    def _until_accepted(self, session: requests.Session, callback: MockCallback, server: int) -> list[int]:
        statuses: list[int] = []
        until = time.monotonic() + 45
        while not statuses or (statuses[-1] != 200 and time.monotonic() < until):
            url = f"http://127.0.0.1:{self.ports[server]}/callbacks/{callback.account}"
            try:
                answer = session.post(url, data=callback.body, headers=dict(callback.headers), timeout=30)
                statuses.append(answer.status_code if answer.status_code != 200 or answer.content == b"ok" else 0)
            except requests.RequestException:
                statuses.append(0)
            if statuses[-1] != 200:
                time.sleep(0.2)
        return statuses

    def settled(self, seconds: float = 60) -> None:
        """Wait until nothing is left to be told."""
        until = time.monotonic() + seconds
        while self.count("select count(*) from pf_message where delivered_at is null"):
            assert time.monotonic() < until, f"messages are still waiting: {self.store.counts()}"
            time.sleep(0.2)

    def count(self, sql: str) -> int:
        ((found,),) = self.store.select(sql, 1)
        return int(found or 0)


@contextlib.contextmanager
def crew(folder: Path, url: str, **worker: Any) -> Iterator[Crew]:
    """A crew at work: both servers answer, both workers run."""
    made = Crew(folder, url, **worker)
    try:
        for name in ("server0", "server1", "worker0", "worker1"):
            made.start(name)
        made.listen()
        yield made
    finally:
        made.close()
