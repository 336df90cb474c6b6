"""Connections that keep a deadline, count what they receive, and verify whom they talk to.

The connection, not urllib3, decides four things. Every single wait on the socket is limited by what is left of the
call, so a far side that drips bytes cannot stretch it. Every received byte is counted, of headers and of framing too.
The request line holds the target exactly as it was signed; urllib3 is shown ``/`` only, so its logs and errors have
nothing to tell. And it notes when the first byte may have left, on which everything said about a failure rests.
"""

from __future__ import annotations

import functools
import http.client
import io
import ipaddress
import os
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import requests.utils
import urllib3.connection

from ..errors import ConfigError
from .words import Limits, Request

TIMEOUT = "GATEWAY_TIMEOUT"
TOO_LARGE = "GATEWAY_RESPONSE_TOO_LARGE"
MALFORMED = "GATEWAY_RESPONSE_MALFORMED"
UNKNOWN = "OUTCOME_UNKNOWN"

#: What head and framing may take on top of the body.
_ROOM_FOR_HEAD = 65_536
#: A connection that rested longer is not used again: far sides close them, and a request lost on one is an unknown.
_REST_SECONDS = 15.0


class Stage(IntEnum):
    """How far a call has come."""

    PREPARING = 0
    CONNECTING = 1
    SECURING = 2
    SENT = 3  # the first byte may have left


class Call:
    """One request on its way."""

    __slots__ = ("clock", "code", "deadline", "gzip", "head", "held", "limits", "max_bytes", "pool", "received", "said",
                 "stage", "target")  # fmt: skip

    def __init__(
        self, request: Request, limits: Limits, deadline: float, max_bytes: int, clock: Callable[[], float]
    ) -> None:
        self.target = request.target
        self.limits = limits
        self.deadline = deadline
        self.max_bytes = max_bytes
        self.clock = clock
        self.gzip = False
        self.held = bool(request.body)  # the head waits for the body, so that both leave in one write
        self.head = b""
        self.pool: Any = None
        self.stage = Stage.PREPARING
        self.received = 0
        self.code: str | None = None
        self.said = ""

    def left(self, seconds: float) -> float:
        """How long the next wait may be: ``seconds``, or what is left of the call."""
        left = min(seconds, self.deadline - self.clock())
        if left <= 0:
            raise self.fault(TIMEOUT)
        return left

    def fault(self, code: str) -> Fault:
        """Notes what is wrong where it is seen; the exception only carries it out through urllib3."""
        self.code = self.code or code
        return Fault(code)


class Fault(http.client.HTTPException):
    """Something is wrong with this answer or its timing: the argument is the code."""


#: The call that this thread is making: urllib3 has no way to hand it down to the connection.
here = threading.local()


# -- Connections ------------------------------------------------------------------------------------------------------


class _Counted(io.RawIOBase):
    """The receiving side of a socket: every read is limited in time and counted."""

    def __init__(self, sock: socket.socket, call: Call) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile("rb", buffering=0)
        self._call = call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        call = self._call
        self._sock.settimeout(call.left(call.limits.read_seconds))
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            raise call.fault(TIMEOUT) from None
        call.received += count or 0
        if call.received > call.max_bytes + _ROOM_FOR_HEAD:
            raise call.fault(TOO_LARGE)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Tap:
    """Stands in for a socket where http.client asks it for a file."""

    def __init__(self, sock: socket.socket, call: Call) -> None:
        self._sock = sock
        self._call = call

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(_Counted(self._sock, self._call))


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(_Tap(sock, here.call), *args, **named)  # type: ignore[arg-type]  # only its makefile is used

    def begin(self) -> None:
        super().begin()
        if self.msg.defects or self.msg.get_payload():
            raise here.call.fault(MALFORMED)  # urllib3 would print the headers into its log and go on


class Connection(urllib3.connection.HTTPConnection):
    """A connection to one origin, with TLS of its own where ``tls`` is given."""

    response_class = _Answer

    def __init__(self, *args: Any, tls: ssl.SSLContext | None = None, **named: Any) -> None:
        super().__init__(*args, **named)
        self._tls = tls
        self._used_at = 0.0

    @property
    def is_connected(self) -> bool:
        """Still usable: open, nothing unasked has arrived, and it has not rested too long."""
        return here.call.clock() - self._used_at < _REST_SECONDS and super().is_connected

    def connect(self) -> None:
        call: Call = here.call
        call.stage = Stage.CONNECTING
        try:
            sock = _dial(self.host, self.port or self.default_port, call)
            if self._tls is not None:
                call.stage = Stage.SECURING
                sock = self._secured(sock, self._tls, call)
        except (OSError, UnicodeError, Fault) as error:
            call.said = f"{type(error).__name__}: {error}"[:300]
            raise
        self.sock = sock

    def _secured(self, sock: socket.socket, tls: ssl.SSLContext, call: Call) -> socket.socket:
        try:
            sock.settimeout(call.left(call.limits.connect_seconds))  # of the handshake as a whole, not of one read
            # An end that TLS did not announce is not an end: anybody on the way can cut a connection.
            return tls.wrap_socket(sock, server_hostname=self.host, suppress_ragged_eofs=False)
        except BaseException:
            sock.close()
            raise

    def putrequest(self, method: str, url: str, *args: Any, **named: Any) -> None:
        del url  # urllib3's rewriting of it; the signature was made over this one
        super().putrequest(method, here.call.target, *args, **named)

    def send(self, data: Any) -> None:
        call: Call = here.call
        if call.held:
            call.held, call.head = False, data
            return
        if self.sock is None:
            self.connect()
        rest, call.head = memoryview(call.head + data), b""
        self._used_at = call.clock()
        while rest:
            self.sock.settimeout(call.left(call.limits.read_seconds))
            call.stage = Stage.SENT
            try:
                rest = rest[self.sock.send(rest) :]
            except TimeoutError:
                raise call.fault(TIMEOUT) from None


class SecureConnection(Connection):
    """The same with TLS; the port that need not be named is another."""

    default_port = 443  # type: ignore[misc]  # urllib3 declares the class variable as one of instances


def _dial(host: str, port: int, call: Call) -> socket.socket:
    """A TCP connection to the first address that takes one; each gets its share of the time."""
    addresses = _addresses(host, port, call.left(call.limits.connect_seconds))
    until = call.clock() + call.left(call.limits.connect_seconds)
    last: OSError = OSError("the name has no address")
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (until - call.clock()) / (len(addresses) - place)
        if share <= 0:
            break
        try:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(share)
                sock.connect(address)
            except BaseException:
                sock.close()
                raise
        except OSError as error:
            last = error
        else:
            return sock
    raise last


def _addresses(host: str, port: int, seconds: float) -> list[Any]:
    """What the name stands for. The resolver knows no time limit, so it is asked from a thread of its own."""
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    if is_address(host):
        ask()
    else:
        threading.Thread(target=ask, daemon=True, name="payflow-resolve").start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"the name {host} was not resolved in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def is_address(host: str) -> bool:
    """Is this an IP address rather than a name?"""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


# -- TLS --------------------------------------------------------------------------------------------------------------


def trust(ca_file: str | None) -> ssl.SSLContext:
    """What certificates are checked against. ``ConfigError`` for a file that holds no certificates.

    Made by hand: the standard library's default context would write session keys where ``SSLKEYLOGFILE`` says.
    """
    path = ca_file or requests.utils.DEFAULT_CA_BUNDLE_PATH
    try:
        return _trust(path, os.stat(path).st_mtime_ns)
    except OSError as error:  # an SSLError is one
        raise ConfigError(
            f"The trusted certificates cannot be read: {error.strerror or type(error).__name__}",
            path="$.ca_file", code="CONFIG_INVALID",
        ) from None  # fmt: skip


@functools.lru_cache(maxsize=8)  # reading certifi's file takes longer than many calls
def _trust(path: str, _changed: int) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    # The first versions of Python 3.11 (Debian 12's among them) set it: an end that TLS did not announce would be one.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.load_verify_locations(path)
    return context
