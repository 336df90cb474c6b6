"""What a call is, how far it may go, and the two ways in which it can fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..breaker import Breakers
from ..clock import Clock, system_clock
from ..errors import ConfigError, GatewayError


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``target`` is exactly what stands in the request line: ``/v3/pay/…?mchid=…``, in ASCII.

    ``Host``, ``Content-Length``, ``Transfer-Encoding`` and ``Connection`` are the transport's own; it asks for answers
    that are not compressed unless ``headers`` says ``Accept-Encoding: gzip``.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer of any status, redirects included. Header names are in small letters; of several the first."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a call may take, how much it may bring, and how many may run at once.

    ``connect_seconds``: name, connection and TLS handshake, each; also how long a call waits for its turn.
    ``read_seconds``: silence while sending or receiving. ``total_seconds``: everything, retries and pauses included.
    ``max_bytes``: of an answer's body, as received and as unpacked. ``ca_file``: trusted roots in PEM instead of the
    usual ones. Raises ``ConfigError`` for anything that is not above zero.
    """

    connect_seconds: float = 3.05
    read_seconds: float = 10.0
    total_seconds: float = 20.0
    max_bytes: int = 1_048_576
    most_at_once: int = 16
    ca_file: str | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name != "ca_file" and not value > 0:
                raise ConfigError("A limit is above zero", path=f"$.{one.name}")


DEFAULT_LIMITS = Limits()


class NeverSent(GatewayError):
    """Not a byte of the request has left this machine: it may be sent again, even to another gateway.

    Codes: ``GATEWAY_UNREACHABLE`` (name, connection), ``GATEWAY_TLS`` (no handshake, or a certificate that does not
    prove the host), ``GATEWAY_CIRCUIT_OPEN`` (``retry_after_seconds``), ``GATEWAY_BUSY`` (too many at once).
    """

    default_code = "GATEWAY_UNREACHABLE"

    def __init__(self, message: str, *, code: str | None = None, **ids: Any) -> None:
        super().__init__(message, code=code, retryable=True, **ids)


class NoAnswer(GatewayError):
    """The request may have arrived, and nothing usable came back: what it asked for may have been done.

    Codes: ``OUTCOME_UNKNOWN`` (the connection ended), ``GATEWAY_TIMEOUT``, ``GATEWAY_RESPONSE_TOO_LARGE``,
    ``GATEWAY_RESPONSE_MALFORMED`` (cut short, not HTTP, compressed unasked, a signature header twice).
    """

    default_code = "OUTCOME_UNKNOWN"

    def __init__(self, message: str, *, code: str | None = None, **ids: Any) -> None:
        super().__init__(message, code=code, money_may_have_moved=True, **ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an account is opened in, besides its own options: ``from_config(name, options, surroundings)``."""

    clock: Clock = system_clock
    notify_url: str | None = None
    limits: Limits = DEFAULT_LIMITS
    production: bool = False
    breakers: Breakers | None = None
