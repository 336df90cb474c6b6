"""Sending callbacks: when they are due, again and again on the gateway's own schedule, to addresses of this machine."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

from ..clock import SECOND
from .books import QueuedCallback
from .messages import Side, World

logger = logging.getLogger("payflow.sandbox")

#: WeChat Pay waits five seconds for the answer to a callback; the sandbox is no more patient with either.
TIMEOUT_SECONDS = 5.0
_LONGEST_NAP = 0.25
_MAX_ANSWER = 4096


class Delivery:
    """The thread that does what is due: sends callbacks, ends refunds, lets orders expire."""

    def __init__(self, world: World, sides: Mapping[str, Side], *, at_once: int = 8) -> None:
        self._world, self._sides = world, sides
        import requests  # here, because importing it opens a socket to look for IPv6

        self._lost: tuple[type[Exception], ...] = (requests.RequestException, OSError, ValueError)
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=at_once, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._senders = ThreadPoolExecutor(at_once, thread_name_prefix="sandbox-callback")
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._busy = threading.Lock()

    def start(self) -> None:
        """Run in the background until :meth:`stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="sandbox-delivery", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent, and stop."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(TIMEOUT_SECONDS * 2)
            self._thread = None
        self._senders.shutdown(wait=True)
        self._session.close()

    def _run(self) -> None:
        version = -1
        while not self._stopping.is_set():
            try:
                if not self.round():
                    version = self._world.books.wait(version, self._nap())
            except Exception:
                logger.exception("The sandbox's delivery stumbled")
                self._stopping.wait(_LONGEST_NAP)

    def _nap(self) -> float:
        due = self._world.trades.next_due()
        if due is None or not self._world.clock.speed:
            return _LONGEST_NAP
        return min(_LONGEST_NAP, max(0.005, (due - self._world.clock()) / SECOND / self._world.clock.speed))

    def round(self) -> int:
        """Do everything that is due by now, once; how much that was."""
        with self._busy:
            done = self._world.trades.tick()
            due = self._world.books.due_callbacks(self._world.clock())
            for _ in self._senders.map(self.send, due):
                done += 1
            return done

    def send(self, queued: QueuedCallback) -> QueuedCallback:
        """Send one callback now, whatever its schedule says, and keep what came of it."""
        side = self._sides[queued.gateway]
        order = self._world.books.order(queued.gateway, queued.merchant, queued.out_trade_no)
        if order is None:
            return queued
        refund = self._world.books.refund(queued.gateway, queued.merchant, queued.ref) if queued.ref else None
        headers, body = side.callback(queued, order, refund)
        status, answer = self._posted(queued.url, headers, body)
        now = self._world.clock()
        schedule = side.habits.schedule
        if side.accepted(status, answer):
            sent = replace(queued, state="delivered", ended_at=now)
        elif queued.tries >= len(schedule):
            sent = replace(queued, state="given_up", ended_at=now)
        else:
            sent = replace(queued, due_at=now + schedule[queued.tries] * SECOND)
        # A wrong signature is sent once; what is sent again is genuine.
        left = [name for name in queued.faults if name == "callback_wrong_amount"]
        sent = replace(sent, tries=queued.tries + 1, last_status=status, faults=left)
        logger.info("callback %s %s of %s: %d", queued.gateway, queued.kind, queued.out_trade_no, status)
        return self._world.books.put(sent)

    def _posted(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; 0 if there is none, or if the address is not one of this machine."""
        if not is_of_this_machine(url):
            logger.warning("A callback is not sent: its address is not one of this machine")
            return 0, b""
        try:
            with self._session.post(
                url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
            ) as response:
                return response.status_code, response.raw.read(_MAX_ANSWER, decode_content=True)
        except self._lost as error:
            logger.info("callback without an answer: %s", type(error).__name__)
            return 0, b""


def is_of_this_machine(url: str) -> bool:
    """Whether an address is a loopback one: the sandbox never sends anything anywhere else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host:
        return False
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, port or 80, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(str(one).partition("%")[0]).is_loopback for one in found)
