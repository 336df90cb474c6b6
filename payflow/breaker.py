"""A circuit breaker per account and operation: a far side that does not work is left alone for a while.

Closed, every call passes. After ``failures`` in a row the circuit opens and calls are refused at once. After the
cool-down it is half open: ``probes`` calls pass, the others are still refused. A probe that succeeds closes the
circuit; one that fails opens it again for twice as long, up to ten minutes. A probe that never comes back (its process
died) gives its place free after a lease.

What a circuit does with a fact is decided by pure functions (:func:`enter`, :func:`success`, :func:`failure`,
:func:`let_go`); a :class:`BreakerStore` only keeps the circuits, in this process or, for many processes, in Redis. No
lock is held while a call runs. What counts as a failure is for whoever makes the calls to say.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .errors import ConfigError, GatewayError

if TYPE_CHECKING:
    from redis import Redis

_log = logging.getLogger("payflow.breaker")
_T = TypeVar("_T")

#: A circuit never stays open longer than this, whatever has happened.
LONGEST_SECONDS = 600.0


class CircuitOpen(GatewayError):
    """The circuit of this account and operation is open: the call was not made.

    ``retry_after_seconds`` says when asking again may help; ``account`` and ``operation`` whose circuit it is.
    """

    default_code = "GATEWAY_CIRCUIT_OPEN"
    http_status = 503


class State(StrEnum):
    """How a circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


# -- Deciding ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """When a circuit opens, for how long, and how many try it afterwards. Times in seconds."""

    failures: int = 5
    cool_down: float = 30.0
    probes: int = 1
    lease: float = 60.0

    def cool_down_of(self, openings: int) -> float:
        """How long the circuit stays open when it has opened ``openings`` times without a success in between."""
        # The exponent is capped as well: 2.0**1100 is an OverflowError.
        return float(min(LONGEST_SECONDS, self.cool_down * 2.0 ** min(openings - 1, 30)))


@dataclass(frozen=True, slots=True)
class Circuit:
    """All that is remembered of one circuit. ``probes`` are the calls that try it: their names and lease ends."""

    failures: int = 0  # in a row, while closed
    openings: int = 0  # without a success in between; 0 is closed
    until: float = 0.0  # open until then, half open afterwards
    probes: tuple[tuple[str, float], ...] = ()

    def state(self, now: float) -> State:
        """Closed, open or half open at ``now``."""
        if not self.openings:
            return State.CLOSED
        # A clock that was set back must not keep a circuit open for hours.
        return State.OPEN if 0 < self.until - now <= LONGEST_SECONDS else State.HALF_OPEN

    def on_their_way(self, now: float, rule: Rule) -> tuple[tuple[str, float], ...]:
        """The probes whose lease has not ended."""
        return tuple(probe for probe in self.probes if 0 < probe[1] - now <= rule.lease)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a call is told at the door: it passes, as a probe or not, or it comes back later."""

    passes: bool
    probe: str | None = None
    retry_after: float = 0.0


_CLOSED = Circuit()
_PASS = Entry(passes=True)


def enter(circuit: Circuit, now: float, rule: Rule, name: str) -> tuple[Circuit, Entry]:
    """May a call pass? ``name`` becomes the probe's name if it passes as one."""
    state = circuit.state(now)
    if state is State.CLOSED:
        return circuit, _PASS
    if state is State.OPEN:
        return circuit, Entry(passes=False, retry_after=circuit.until - now)
    trying = circuit.on_their_way(now, rule)
    if len(trying) >= rule.probes:
        return circuit, Entry(passes=False, retry_after=1.0)  # a probe comes back soon, or its lease ends
    return replace(circuit, probes=(*trying, (name, now + rule.lease))), Entry(passes=True, probe=name)


def success(circuit: Circuit, probe: str | None) -> Circuit:
    """A call worked. Only a probe closes a circuit that is not closed: older calls prove nothing about now."""
    return _CLOSED if not circuit.openings or _is_of(circuit, probe) else circuit


def failure(circuit: Circuit, now: float, rule: Rule, probe: str | None) -> Circuit:
    """A call did not work. Calls from before the opening do not make it longer."""
    if circuit.openings:
        return _opened(circuit, now, rule) if _is_of(circuit, probe) else circuit
    counted = replace(circuit, failures=circuit.failures + 1)
    return _opened(counted, now, rule) if counted.failures >= rule.failures else counted


def let_go(circuit: Circuit, probe: str | None) -> Circuit:
    """A call ended without saying anything about the far side: its place as a probe is free again."""
    if not _is_of(circuit, probe):
        return circuit
    return replace(circuit, probes=tuple(one for one in circuit.probes if one[0] != probe))


def _is_of(circuit: Circuit, probe: str | None) -> bool:
    return probe is not None and any(name == probe for name, _ in circuit.probes)


def _opened(circuit: Circuit, now: float, rule: Rule) -> Circuit:
    openings = circuit.openings + 1
    return Circuit(circuit.failures, openings, now + rule.cool_down_of(openings))


# -- Keeping ----------------------------------------------------------------------------------------------------------


class BreakerStore(Protocol):
    """Where circuits are kept. Never raises for trouble of its own: a payment must not fail because of it."""

    def change(self, key: str, decide: Callable[[Circuit], tuple[Circuit, _T]]) -> _T:
        """Replace the circuit at ``key`` by what ``decide`` makes of it, as one step; the second part of its answer.

        ``decide`` is pure and quick and may be asked more than once.
        """
        ...


class MemoryBreakerStore:
    """Circuits of this process. A child process goes on from its parent's, on its own."""

    def __init__(self) -> None:
        self._circuits: dict[str, Circuit] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def change(self, key: str, decide: Callable[[Circuit], tuple[Circuit, _T]]) -> _T:
        """See :meth:`BreakerStore.change`."""
        if self._pid != os.getpid():
            # Another thread of the parent may have held the lock at the fork; nobody would ever give it back here.
            self._lock, self._pid = threading.Lock(), os.getpid()
        with self._lock:
            before = self._circuits.get(key, _CLOSED)
            after, answer = decide(before)
            if after is not before:
                self._circuits[key] = after
            return answer


#: Sets the circuit only if it is still the one that was decided on. Forgotten after an hour without a change.
_SWAP = """
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', 3600)
return 1
"""


class RedisBreakerStore:
    """Circuits shared by many processes through Redis. While Redis cannot be used, this process keeps its own.

    ``redis`` is a URL (``redis://``, ``rediss://``, ``unix://``) or a client with timeouts of its own. Needs the
    extra ``payflow-gateway[redis]``; without it ``ConfigError``, code ``CONFIG_MISSING_DRIVER``. Hosts that share a
    Redis must agree about the time to within a few seconds.
    """

    #: A Redis that failed is not asked again for so long; a hanging one would otherwise slow every call.
    AGAIN_AFTER_SECONDS = 5.0
    _TRIES = 16

    def __init__(self, redis: str | Redis, *, prefix: str = "payflow:breaker:") -> None:
        self._client: Any = _connect(redis) if isinstance(redis, str) else redis
        self._swap = self._client.register_script(_SWAP)
        self._prefix = prefix
        self._own = MemoryBreakerStore()
        self._down_until = 0.0
        self._was_down = False

    def change(self, key: str, decide: Callable[[Circuit], tuple[Circuit, _T]]) -> _T:
        """See :meth:`BreakerStore.change`."""
        from redis.exceptions import RedisError

        if self._was_down and time.monotonic() < self._down_until:
            return self._own.change(key, decide)
        try:
            answer = self._shared(self._prefix + key, decide)
        except (RedisError, OSError) as error:
            self._down_until = time.monotonic() + self.AGAIN_AFTER_SECONDS
            if not self._was_down:
                self._was_down = True
                _log.warning("Redis cannot be used (%s): each process has its own circuits", type(error).__name__)
            return self._own.change(key, decide)
        if self._was_down:
            self._was_down = False
            _log.info("Redis can be used again: circuits are shared")
        return self._own.change(key, decide) if answer is None else answer[0]

    def _shared(self, key: str, decide: Callable[[Circuit], tuple[Circuit, _T]]) -> tuple[_T] | None:
        """The answer in a tuple; ``None`` if others were faster every time."""
        for _ in range(self._TRIES):
            found = self._client.get(key)
            text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found or ""
            before = _read(text)
            after, answer = decide(before)
            if after == before or self._swap(keys=[key], args=[text, _write(after)]):
                return (answer,)
        return None


def _connect(url: str) -> Any:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise ConfigError(
            "Circuits in Redis need the extra: pip install 'payflow-gateway[redis]'", code="CONFIG_MISSING_DRIVER"
        ) from None
    try:
        # A breaker is asked before every call: it may cost a moment, not seconds, and never a retry.
        return redis.Redis.from_url(
            url, socket_timeout=0.25, socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0), retry_on_error=[]
        )
    except ValueError:
        raise ConfigError("This is not a Redis URL: redis://host:6379/0", code="CONFIG_INVALID") from None


def _write(circuit: Circuit) -> str:
    return json.dumps([circuit.failures, circuit.openings, circuit.until, circuit.probes])


def _read(text: str) -> Circuit:
    """The circuit in a text; a closed one for anything that is not ours."""
    try:
        failures, openings, until, probes = json.loads(text)
        return Circuit(int(failures), int(openings), float(until), tuple((str(n), float(end)) for n, end in probes))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return _CLOSED


# -- Doing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """How a circuit stands, for people."""

    state: State
    failures: int
    openings: int
    retry_after_seconds: float


class Breakers:
    """All circuits, one per account and operation. Thread safe.

    ``failures`` in a row open a circuit for ``cool_down_seconds``, doubled at each opening without a success in
    between, at most ten minutes. ``probes`` calls at once try a half-open circuit; one that does not come back within
    ``lease_seconds`` (longer than any call may take) is given up. ``clock`` tells seconds since 1970, so that
    processes agree.
    """

    def __init__(
        self,
        store: BreakerStore | None = None,
        *,
        failures: int = 5,
        cool_down_seconds: float = 30.0,
        probes: int = 1,
        lease_seconds: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if failures < 1 or probes < 1 or cool_down_seconds <= 0 or lease_seconds <= 0:
            raise ConfigError("A breaker needs at least one failure, one probe and times above zero")
        self._store = store or MemoryBreakerStore()
        self._rule = Rule(failures, cool_down_seconds, probes, lease_seconds)
        self._clock = clock

    def of(self, account: str, operation: str) -> Breaker:
        """The breaker for one call: ask :meth:`Breaker.before`, make the call, say how it went."""
        return Breaker(self._store, self._rule, self._clock, account, operation)

    def state(self, account: str, operation: str) -> Reading:
        """How the circuit of this account and operation stands now. Changes nothing."""
        circuit = self._store.change(f"{account}:{operation}", lambda found: (found, found))
        now = self._clock()
        state = circuit.state(now)
        wait = circuit.until - now if state is State.OPEN else 0.0
        return Reading(state, circuit.failures, circuit.openings, wait)


class Breaker:
    """One call and the circuit it goes through. Not shared between calls: it knows whether its call is a probe."""

    __slots__ = ("_account", "_clock", "_key", "_operation", "_probe", "_rule", "_store")

    def __init__(
        self, store: BreakerStore, rule: Rule, clock: Callable[[], float], account: str, operation: str
    ) -> None:
        self._store = store
        self._rule = rule
        self._clock = clock
        self._account = account
        self._operation = operation
        self._key = f"{account}:{operation}"
        self._probe: str | None = None

    def before(self) -> None:
        """Raises :class:`CircuitOpen` if the call must not be made."""
        now = self._clock()
        name = secrets.token_hex(8)
        entry = self._store.change(self._key, lambda circuit: enter(circuit, now, self._rule, name))
        self._probe = entry.probe
        if not entry.passes:
            raise CircuitOpen(
                f"{self._operation} of {self._account} has failed too often; not called for now",
                retryable=True,
                account=self._account,
                operation=self._operation,
                retry_after_seconds=entry.retry_after,
            )

    def succeeded(self) -> None:
        """The far side worked."""
        probe = self._probe

        def decide(circuit: Circuit) -> tuple[Circuit, bool]:
            after = success(circuit, probe)
            return (circuit, False) if after == circuit else (after, circuit.openings > 0)

        if self._store.change(self._key, decide):
            _log.info("%s of %s works again: circuit closed", self._operation, self._account)

    def failed(self) -> None:
        """The far side did not work."""
        now, probe = self._clock(), self._probe

        def decide(circuit: Circuit) -> tuple[Circuit, float | None]:
            after = failure(circuit, now, self._rule, probe)
            return after, after.until - now if after.openings > circuit.openings else None

        opened_for = self._store.change(self._key, decide)
        if opened_for is not None:
            _log.warning("%s of %s fails: circuit open for %.0f s", self._operation, self._account, opened_for)

    def let_go(self) -> None:
        """The call was not made after all, or was interrupted: nothing is known about the far side."""
        probe = self._probe
        if probe is not None:
            self._store.change(self._key, lambda circuit: (let_go(circuit, probe), None))
