"""One account's calls: what is tried again, where, and after which pause."""

from __future__ import annotations

import ipaddress
import logging
import os
import random
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .._version import __version__
from ..breaker import Breaker, Breakers, CircuitOpen
from ..errors import ConfigError, InvalidRequest
from .words import DEFAULT_LIMITS, Limits, NeverSent, NoAnswer, Request, Response

if TYPE_CHECKING:
    from .lines import Lines

_log = logging.getLogger("payflow.transport")

_TURNS = 3
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0
_TARGET = re.compile(r"/[!-~]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_AGENT = f"payflow/{__version__}"

#: What came of one turn.
Outcome = Response | NeverSent | NoAnswer


class Transport:
    """The way from one account to its gateway. Shared between threads, and safe across ``os.fork``.

    ``origins`` are ``https://host[:port]``; the first is the main host, the others stand in for it where a request is
    known not to have been sent, or is a read. Plain ``http://`` only to this machine itself: anything else is a
    ``ConfigError``, code ``CONFIG_INSECURE_URL``. Certificates are always verified; there is no way to switch it off.
    ``sleep`` and ``clock`` are in seconds. Without ``breakers`` the circuits are this transport's own.
    """

    def __init__(
        self,
        account: str,
        origins: Sequence[str],
        limits: Limits = DEFAULT_LIMITS,
        *,
        breakers: Breakers | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if isinstance(origins, str) or not origins:
            raise ConfigError("A gateway needs a list of one host or more")
        self._account = account
        self._origins = [origin_of(text) for text in origins]
        self._limits = limits
        self._breakers = breakers or Breakers()
        self._sleep = sleep
        self._clock = clock
        self._lines: dict[int, Lines] = {}
        if limits.ca_file is not None:
            from .connections import trust

            trust(limits.ca_file)  # a wrong file is found when the process starts, not at the first payment

    def send(self, request: Request, *, operation: str, safe: bool = False, max_bytes: int | None = None) -> Response:
        """The answer to ``request``, whatever its status; redirects are answers too and are not followed.

        Tried up to three times, inside ``total_seconds``, with growing, jittered pauses: a request that never left
        always, one without an answer or with 429 or 5xx only if it is ``safe`` (a read). ``operation`` names the
        circuit. ``max_bytes`` replaces the limit for this call.

        Raises :class:`NeverSent`, :class:`NoAnswer`, or ``InvalidRequest`` for what cannot be written as HTTP.
        """
        headers = _headers(request)
        started = self._clock()
        outcome = self._settle(request, headers, operation, safe, started, max_bytes or self._limits.max_bytes)
        if _log.isEnabledFor(logging.DEBUG):
            word = outcome.status if isinstance(outcome, Response) else outcome.code
            _log.debug("%s %s %s %.0f ms", self._account, operation, word, (self._clock() - started) * 1000)
        if isinstance(outcome, Response):
            return outcome
        raise outcome

    def close(self) -> None:
        """Closes the connections that are kept alive; a later call opens new ones."""
        lines = self._lines.pop(os.getpid(), None)
        if lines is not None:
            lines.close()

    def _settle(
        self, request: Request, headers: dict[str, str], operation: str, safe: bool, started: float, max_bytes: int
    ) -> Outcome:
        deadline = started + self._limits.total_seconds
        place, pause = 0, _PAUSE_SECONDS
        settled: Outcome | None = None
        for turn in range(1, _TURNS + 1):
            fresh = self._once(place, request, headers, operation, deadline, max_bytes)
            settled = weighed(settled, fresh)
            if turn == _TURNS or not again(fresh, safe):
                break
            pause = pause_before_next(pause, fresh, random.random())
            if self._clock() + pause >= deadline:
                break
            self._sleep(pause)
            if not (isinstance(fresh, Response) and fresh.status == 429):  # a limit is not the host's fault
                place = (place + 1) % len(self._origins)
        assert settled is not None  # noqa: S101 -- the loop runs at least once
        return settled

    def _once(
        self, place: int, request: Request, headers: dict[str, str], operation: str, deadline: float, max_bytes: int
    ) -> Outcome:
        breaker = self._breakers.of(self._account, operation)
        try:
            breaker.before()
        except CircuitOpen as refusal:
            return NeverSent(refusal.message, code=refusal.code, **refusal.ids)
        outcome: Outcome | None = None
        try:
            outcome = self._exchange(place, request, headers, operation, deadline, max_bytes)
        finally:
            _tell(breaker, outcome)
        return outcome

    def _exchange(
        self, place: int, request: Request, headers: dict[str, str], operation: str, deadline: float, max_bytes: int
    ) -> Outcome:
        from .connections import Stage
        from .lines import Failed

        lines = self._lines_of_this_process()
        ids = {"account": self._account, "operation": operation}
        if not lines.places.acquire(timeout=max(0.0, min(self._limits.connect_seconds, deadline - self._clock()))):
            return NeverSent("Too many calls to this gateway are under way", code="GATEWAY_BUSY", **ids)
        try:
            return lines.exchange(place, request, headers, deadline, max_bytes, self._clock)
        except Failed as failed:
            host = self._origins[place][1]
            if failed.stage is Stage.SENT:
                return NoAnswer(f"No usable answer from {host} ({failed.said})", code=failed.code, **ids)
            code = "GATEWAY_TLS" if failed.stage is Stage.SECURING else None
            return NeverSent(f"{host} was not reached ({failed.said})", code=code, **ids)
        except ValueError as error:
            raise InvalidRequest(f"This cannot be written as an HTTP request ({type(error).__name__})") from None
        finally:
            lines.places.release()

    def _lines_of_this_process(self) -> Lines:
        pid = os.getpid()
        lines = self._lines.get(pid)
        if lines is None:
            from .lines import Lines

            # A child must not write on its parent's connections. No lock here: it could be held at the fork.
            lines = self._lines.setdefault(pid, Lines(self._origins, self._limits))
            for other in [known for known in tuple(self._lines) if known != pid]:
                self._lines.pop(other, None)
        return lines


# -- Deciding ---------------------------------------------------------------------------------------------------------


def again(outcome: Outcome, safe: bool) -> bool:
    """Is another turn allowed, and of use?"""
    if isinstance(outcome, NeverSent):
        return outcome.code in {"GATEWAY_UNREACHABLE", "GATEWAY_TLS"}  # open and busy do not pass in a moment
    if isinstance(outcome, NoAnswer):
        return safe and outcome.code != "GATEWAY_RESPONSE_TOO_LARGE"
    return safe and (outcome.status == 429 or outcome.status >= 500)


def weighed(before: Outcome | None, fresh: Outcome) -> Outcome:
    """What to say after several turns. Once a turn was sent, a later one that was not cannot take that back."""
    return fresh if before is None or isinstance(before, NeverSent) or not isinstance(fresh, NeverSent) else before


def pause_before_next(last: float, outcome: Outcome, chance: float) -> float:
    """Seconds to wait: anywhere between the shortest pause and three times the last one, and as long as was asked for.

    ``chance`` is in [0, 1). Callers that failed together do not come back together.
    """
    pause = min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS + chance * (last * 3 - _PAUSE_SECONDS))
    if isinstance(outcome, Response):
        asked = outcome.headers.get("retry-after", "")
        if re.fullmatch(r"[0-9]{1,6}", asked):  # as a date it would depend on two clocks
            pause = max(pause, float(asked))
    return pause


def _tell(breaker: Breaker, outcome: Outcome | None) -> None:
    """What a turn says about the far side. 4xx and 429 are answers of one that works."""
    if outcome is None or (isinstance(outcome, NeverSent) and outcome.code == "GATEWAY_BUSY"):
        breaker.let_go()
    elif isinstance(outcome, NeverSent | NoAnswer) or outcome.status >= 500:
        breaker.failed()
    else:
        breaker.succeeded()


def origin_of(text: str) -> tuple[str, str, int]:
    """``https://host[:port]`` as scheme, host and port; ``ConfigError`` for anything else."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ConfigError("This is not an address like https://host") from None
    host = parts.hostname or ""
    extra = parts.username or parts.password or parts.query or parts.fragment or parts.path not in {"", "/"}
    named = _HOST.fullmatch(host) or _address(host) is not None
    if parts.scheme not in {"http", "https"} or not named or extra or not re.fullmatch(r"[!-~]+", text):
        raise ConfigError("An address is https://host or https://host:port and nothing more")
    if parts.scheme == "http" and not _is_this_machine(host):
        raise ConfigError(f"{host} is not this machine: only https is allowed", code="CONFIG_INSECURE_URL")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _headers(request: Request) -> dict[str, str]:
    """The headers as they are written; ``InvalidRequest`` where they or the target cannot be."""
    headers = dict(request.headers)
    names = {name.lower() for name in headers}
    written = _TARGET.fullmatch(request.target) and all(map(_NAME.fullmatch, names))
    if not written or names & _OURS or len(names) != len(headers):
        raise InvalidRequest("This cannot be written as an HTTP request: target or headers")
    if "accept-encoding" in names:
        headers["Accept-Encoding"] = next(headers.pop(n) for n in tuple(headers) if n.lower() == "accept-encoding")
    else:
        headers["Accept-Encoding"] = "identity"
    if "user-agent" not in names:
        headers["User-Agent"] = _AGENT
    if request.body or request.method not in {"GET", "HEAD"}:
        headers["Content-Length"] = str(len(request.body))
    return headers
