"""The HTTP envelope of a callback: what every door does with a request before a gateway may look at it.

Frameworks are helpful: they decode, merge, inflate and sometimes eat the body. An :class:`Intake` takes the request
as it came — method, headers with their duplicates, body bytes or the stream — and answers with the gateway's own bytes.
It never answers 5xx to what a stranger sent: 503 means that our own store is in trouble, and the gateway sends again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from .errors import CallbackRefused, StoreError
from .gateway import Callback, Gateway, Reply

logger = logging.getLogger("payflow.intake")

MAX_BYTES = 65_536
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32_768
_CHUNK = 16_384
_NEVER_IN_A_HEADER = str.maketrans("", "", "\r\n\x00")

#: gateway → the one media type of its callbacks. A gateway of the host's own is not held to one.
MEDIA_TYPES = {
    "alipay": "application/x-www-form-urlencoded",
    "wechat": "application/json",
    "mock": "application/json",
}

#: There is no such account, or no such path.
NOT_FOUND = Reply(404, b"not found", (("Content-Type", "text/plain"),))

Header = tuple[str, str]
Text = str | bytes


class Receiver(Protocol):
    """What the intake needs of a flow."""

    @property
    def gateways(self) -> Mapping[str, Gateway]: ...

    def receive(self, callback: Callback) -> Reply: ...


class Stream(Protocol):
    """Where a body is read from."""

    def read(self, size: int, /) -> bytes: ...


class Intake:
    """Takes the callbacks of a flow's gateways, whatever the web framework. Shared between threads."""

    def __init__(
        self,
        flow: Receiver,
        *,
        max_bytes: int | None = None,
        body_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``max_bytes`` is the largest body that is read (``None``: as the flow's config says, or 65536).

        ``body_seconds`` is how long one body may take to arrive. A client that stops in the middle of a read is the
        server's to drop; set its socket timeout too.
        """
        callbacks = getattr(getattr(flow, "config", None), "callbacks", None)
        self._flow = flow
        self.max_bytes = max_bytes if max_bytes is not None else getattr(callbacks, "max_bytes", MAX_BYTES)
        self.body_seconds = body_seconds
        self._clock = clock
        self._log = RefusalLog(clock)

    def knows(self, account: str) -> bool:
        """Whether there is such an account."""
        return account in self._flow.gateways

    def answer(
        self,
        method: str,
        account: str,
        headers: Mapping[Any, Any] | Iterable[tuple[Text, Text]],
        body: bytes | bytearray | memoryview | Stream | None,
        content_length: str | int | None = None,
    ) -> Reply:
        """The exact reply to one request for ``account``; never raises for what the request holds.

        ``headers`` are pairs, or a mapping whose values may be lists; names and values are text or bytes, names in any
        spelling (``Wechatpay-Serial``, ``wechatpay-serial``, ``HTTP_WECHATPAY_SERIAL``). ``body`` is all of it, or the
        unread stream, or ``None`` where a framework has already eaten it. The query string plays no part.
        """
        gateway = self._flow.gateways.get(account)
        if gateway is None:
            return NOT_FOUND
        try:
            callback = self._callback(gateway, method, account, headers, body, content_length)
            return self._flow.receive(callback)
        except CallbackRefused as error:
            self._log.refused(account, error)
            reply = gateway.refused(error.status, error.code, error.message)
            return reply if error.status != 405 else Reply(405, reply.body, (*reply.headers, ("Allow", "POST")))
        except StoreError as error:
            logger.error("A genuine callback to %s could not be stored (%s); it will come again", account, error.code)
            return gateway.refused(503, error.code, "Try again later")
        except Exception:
            logger.exception("A callback to %s failed; it will come again", account)
            return gateway.refused(503, "CALLBACK_FAILED", "Try again later")

    def _callback(
        self, gateway: Gateway, method: str, account: str, headers: Any, body: Any, content_length: str | int | None
    ) -> Callback:
        if method != "POST":
            raise CallbackRefused("Callbacks are posted", code="CALLBACK_METHOD", status=405)
        given = normal_headers(headers)
        _check_media(gateway.kind, given)
        length = _length(given, content_length)
        if length is not None and length > self.max_bytes:
            raise _too_large()
        raw = self._whole(body, length)
        return Callback(account=account, headers=given, body=raw, method=method)

    def _whole(self, body: Any, length: int | None) -> bytes:
        """The body, all of it and nothing but it."""
        if body is None:
            raise _eaten()
        raw = bytes(body) if isinstance(body, (bytes, bytearray, memoryview)) else self._read(body, length)
        if len(raw) > self.max_bytes:
            raise _too_large()
        if not raw and length != 0:
            raise _eaten() if length else _malformed("The callback has no body")
        if length is not None and len(raw) != length:
            raise _malformed("The body is not as long as its Content-Length")
        return raw

    def _read(self, stream: Any, length: int | None) -> bytes:
        """At most ``length`` bytes, or one more than the limit where the length is not known."""
        wanted = self.max_bytes + 1 if length is None else length
        # read1 gives what is there; read waits for all of it, and a slow client would never be looked at.
        read = getattr(stream, "read1", None) or stream.read
        deadline = self._clock() + self.body_seconds
        pieces: list[bytes] = []
        while wanted > 0:
            try:
                piece = read(min(wanted, _CHUNK))
            except TimeoutError as error:
                raise CallbackRefused("The body took too long", code="CALLBACK_TIMEOUT", status=408) from error
            except Exception as error:  # whatever a server's stream raises when its client is gone
                raise _malformed("The body broke off") from error
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece)
            if self._clock() > deadline:
                raise CallbackRefused("The body took too long", code="CALLBACK_TIMEOUT", status=408)
        return b"".join(pieces)


# -- headers -------------------------------------------------------------------------------------------------------


def normal_headers(headers: Mapping[Any, Any] | Iterable[tuple[Text, Text]]) -> tuple[Header, ...]:
    """Headers as ``(name, value)`` texts, order and duplicates kept, names with hyphens.

    Raises ``CallbackRefused``: ``CALLBACK_HEADERS`` with 431 for too many or too long ones, with 400 for line breaks,
    NUL, or characters that no header has.
    """
    found: list[Header] = []
    size = 0
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        for one in value if isinstance(value, (list, tuple)) else (value,):
            header = _name(_text(name)), _text(one)
            found.append(header)
            size += len(header[0]) + len(header[1])
        if len(found) > MAX_HEADERS or size > MAX_HEADER_BYTES:
            raise CallbackRefused("The headers are too large", code="CALLBACK_HEADERS", status=431)
    return tuple(found)


def _name(name: str) -> str:
    return name.removeprefix("HTTP_").replace("_", "-")


def _text(value: Text) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if text.translate(_NEVER_IN_A_HEADER) != text or (not text.isascii() and max(text) > "\xff"):
        raise CallbackRefused("A header has characters that no header has", code="CALLBACK_HEADERS")
    return text


def _values(headers: Iterable[Header], name: str) -> list[str]:
    return [value for given, value in headers if given.lower() == name]


def _check_media(kind: str, headers: tuple[Header, ...]) -> None:
    """Refuse what would have to be unpacked before it could be read: nothing of that is ever genuine."""
    for encoding in _values(headers, "content-encoding"):
        if encoding.strip().lower() not in ("", "identity"):
            raise _unsupported("The body is compressed")
    types = _values(headers, "content-type")
    if len(types) > 1:
        raise CallbackRefused("Content-Type came more than once", code="CALLBACK_DUPLICATE_FIELD")
    # Alipay sends "application/x-www-form-urlencoded; text/html; charset=utf-8": only the first part counts.
    media = types[0].partition(";")[0].strip().lower() if types else ""
    wanted = MEDIA_TYPES.get(kind)
    if media.startswith("multipart/") or (wanted is not None and media != wanted):
        raise _unsupported("The body is not of the media type of this gateway")


def _length(headers: tuple[Header, ...], given: str | int | None) -> int | None:
    """The length the request declares, if it declares one and only one."""
    declared = _values(headers, "content-length")
    if len(declared) > 1:
        raise _malformed("Content-Length came more than once")
    told = {text for text in (*declared, "" if given is None else str(given)) if text}
    if len(told) > 1:
        raise _malformed("Content-Length is contradictory")
    if not told:
        return None
    text = told.pop()
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _malformed("Content-Length is not a number")
    if any(value.strip().lower() not in ("", "identity") for value in _values(headers, "transfer-encoding")):
        raise _malformed("Content-Length and Transfer-Encoding contradict each other")
    return int(text)


def _malformed(why: str) -> CallbackRefused:
    return CallbackRefused(why, code="CALLBACK_MALFORMED")


def _eaten() -> CallbackRefused:
    return _malformed("Raw body unavailable: something read it before the callback door did")


def _too_large() -> CallbackRefused:
    return CallbackRefused("The callback is too large", code="CALLBACK_TOO_LARGE", status=413)


def _unsupported(why: str) -> CallbackRefused:
    return CallbackRefused(why, code="CALLBACK_MEDIA_TYPE", status=415)


# -- the log -------------------------------------------------------------------------------------------------------


class RefusalLog:
    """Says that callbacks are refused, without letting whoever sends them fill the disk.

    At most ``most`` lines in ``seconds`` for each account, then how many there were. Nothing of the request is in one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most: int = 20, seconds: float = 60.0) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[float, int]] = {}  # account → since when, how many

    def refused(self, account: str, error: CallbackRefused) -> None:
        """Count one refusal, and say so if there is room."""
        now = self._clock()
        with self._lock:
            since, count = self._counts.get(account, (now, 0))
            silent = 0
            if now - since >= self._seconds:
                silent, since, count = max(0, count - self._most), now, 0
            self._counts[account] = since, count + 1
        if silent:
            logger.warning("%d more callbacks to %s were refused", silent, account)
        if count < self._most:
            logger.warning("A callback to %s was refused: %s (%s)", account, error.code, _shown(error.message))


def _shown(text: str) -> str:
    return text[:200].encode("unicode_escape").decode("ascii")
