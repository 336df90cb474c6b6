"""Calls over kept-alive connections: requests' adapter on :mod:`.connections`, and what counts as an answer."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import requests
import requests.adapters
import urllib3

from .connections import MALFORMED, TIMEOUT, TOO_LARGE, UNKNOWN, Call, Connection, SecureConnection, Stage, here, trust
from .words import Limits, Request, Response

_PIECE = 65_536


class Failed(Exception):
    """A call that brought no answer. ``stage`` says how far it came, ``code`` what went wrong once it was sent."""

    def __init__(self, stage: Stage, code: str, said: str) -> None:
        super().__init__(said)
        self.stage = stage
        self.code = code
        self.said = said


class _Built:
    """An answer as far as requests' world looks at one: what mocks HTTP there (``responses``) asks for these names."""

    __slots__ = ("answer", "headers", "request", "status_code")

    def __init__(self, request: Any, answer: Response) -> None:
        self.request = request
        self.answer = answer
        self.status_code = answer.status
        self.headers = answer.headers


class _Adapter(requests.adapters.HTTPAdapter):
    """requests' adapter, told where to connect and what an answer is; it asks the environment nothing."""

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        return here.call.pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing to choose: the connection's own context always verifies."""

    def request_url(self, *_: Any, **__: Any) -> str:
        return "/"  # the connection puts the real target

    def build_response(self, req: Any, resp: Any) -> _Built:  # type: ignore[override]  # ours, and lighter
        call: Call = here.call
        try:
            return _Built(req, _answer(resp, call))
        except BaseException:
            resp.close()
            resp.release_conn()
            raise


def _answer(resp: Any, call: Call) -> Response:
    if resp.status < 200:
        raise call.fault(MALFORMED)
    headers: dict[str, str] = {}
    for name, value in resp.headers.iteritems():
        low = name.lower()
        if low not in headers:
            headers[low] = value
        elif low.startswith("wechatpay-"):
            raise call.fault(MALFORMED)  # which of the two was signed?
    body = _body(resp, headers, call)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        if encoding != "gzip" or not call.gzip:
            raise call.fault(MALFORMED)
        body = _unpacked(body, call)
    return Response(resp.status, headers, body)


def _body(resp: Any, headers: dict[str, str], call: Call) -> bytes:
    coding = headers.get("transfer-encoding")
    if coding is not None and (coding.strip().lower() != "chunked" or "content-length" in headers):
        raise call.fault(MALFORMED)  # two opinions about where the answer ends
    length = resp.length_remaining
    if length is not None:
        if length > call.max_bytes:
            raise call.fault(TOO_LARGE)
        whole: bytes = resp.read(decode_content=False)
        return whole
    pieces, size = [], 0
    while piece := resp.read(_PIECE, decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if size > call.max_bytes:
            raise call.fault(TOO_LARGE)
    return b"".join(pieces)


def _unpacked(body: bytes, call: Call) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        plain = unpacking.decompress(body, call.max_bytes + 1)
    except zlib.error:
        raise call.fault(MALFORMED) from None
    if len(plain) > call.max_bytes:
        raise call.fault(TOO_LARGE)
    if not unpacking.eof or unpacking.unused_data:
        raise call.fault(MALFORMED)
    return plain


class Lines:
    """The kept-alive connections of one process to the origins of one account, and the places of the bulkhead."""

    def __init__(self, origins: Sequence[tuple[str, str, int]], limits: Limits) -> None:
        self._limits = limits
        self._urls = [url_of(*origin) for origin in origins]
        self.places = threading.BoundedSemaphore(limits.most_at_once)
        self._adapter = _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._timeout = urllib3.Timeout(connect=limits.connect_seconds, read=limits.read_seconds)
        tls = trust(limits.ca_file) if any(scheme == "https" for scheme, _, _ in origins) else None
        # The bulkhead already limits how many run; a pool that blocks as well could only wait for ever.
        self._pools = [
            _SecurePool(host, port, maxsize=limits.most_at_once, block=False, tls=tls)
            if scheme == "https"
            else _Pool(host, port, maxsize=limits.most_at_once, block=False)
            for scheme, host, port in origins
        ]

    def exchange(
        self, place: int, request: Request, headers: dict[str, str], deadline: float, max_bytes: int,
        clock: Callable[[], float],
    ) -> Response:  # fmt: skip
        """One request to the origin at ``place``, one answer. Raises :class:`Failed`."""
        call = Call(request, self._limits, deadline, max_bytes, clock)
        call.pool = self._pools[place]
        call.gzip = "gzip" in headers["Accept-Encoding"]
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = self._urls[place] + request.target  # for mocks: the adapter tells urllib3 neither of both
        prepared.headers = headers  # type: ignore[assignment]  # nothing here looks a header up by another case
        prepared.body = request.body or None
        here.call = call
        try:
            built: Any = self._adapter.send(prepared, timeout=self._timeout)  # type: ignore[arg-type]
            answer: Response = built.answer
            return answer
        except Exception as error:  # three libraries' errors: how far the call came decides, not their class
            raise _failed(call, error) from error
        finally:
            here.call = None

    def close(self) -> None:
        """Closes the connections that are kept alive."""
        for pool in self._pools:
            pool.close()
        self._adapter.close()


def url_of(scheme: str, host: str, port: int) -> str:
    """An origin as it is written: the port only where it is not the scheme's own."""
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port == {"https": 443, "http": 80}[scheme] else f"{scheme}://{name}:{port}"


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = Connection


class _SecurePool(urllib3.HTTPConnectionPool):
    """Not urllib3's HTTPS pool: that one changes the context it is given, and could be told not to verify."""

    ConnectionCls = SecureConnection


_SAID = {
    TIMEOUT: "it did not answer in time",
    TOO_LARGE: "its answer is larger than is allowed",
    MALFORMED: "its answer is not one whole HTTP answer",
    UNKNOWN: "the connection ended",
}


def _failed(call: Call, error: Exception) -> Failed:
    if isinstance(error, requests.ReadTimeout) and call.stage is Stage.PREPARING:  # a mock that plays silence
        return Failed(Stage.SENT, TIMEOUT, _SAID[TIMEOUT])
    if call.stage is not Stage.SENT:
        if call.stage is Stage.PREPARING and isinstance(error, ValueError):
            raise error  # http.client refuses to write this header or target
        return Failed(call.stage, call.code or UNKNOWN, call.said or type(error).__name__)
    # Received words are not repeated: a broken status line may be the middle of somebody's answer.
    code = call.code or (MALFORMED if call.received else UNKNOWN)
    return Failed(call.stage, code, _SAID[code])
