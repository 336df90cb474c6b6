"""The sandbox's own pages and its control API: whatever neither gateway's side takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from . import guard, openapi
from .api.checking import Refusal
from .api.live import Live
from .api.routes import ROUTES, answer
from .api.verbs import Desk
from .delivery import Delivery
from .messages import Incoming, Outgoing, Side, World

_READS = ("GET", "HEAD")
_GUARD = {
    "SANDBOX_HOST": (421, "Call the sandbox by a loopback name or address, or start it with --host"),
    "SANDBOX_ORIGIN": (403, "Another site's page may not change anything here"),
}
_FILE = {"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Control:
    """Answers what neither gateway's side takes."""

    def __init__(self, world: World, sides: Mapping[str, Side], delivery: Delivery) -> None:
        self._world = world
        self._desk = Desk(world, sides, delivery)
        self._live = Live(world.books, world.clock)

    def stop(self) -> None:
        """End the streams of open pages."""
        self._live.stop()

    def answer(self, request: Incoming) -> Outgoing:
        """Answer one request."""
        told = urlsplit(self._world.address).hostname or ""
        refused = guard.refused(request, told)
        if refused:
            status, message = _GUARD[refused]
            return _json(status, Refusal(status, refused, message).as_json())
        if request.path.startswith("/sandbox/") or request.path == "/openapi.json":
            try:
                return self._api(request)
            except Refusal as refusal:
                return _json(refusal.status, refusal.as_json())
        return self._page(request)

    # -- the control API --------------------------------------------------------------------------------------------

    def _api(self, request: Incoming) -> Outgoing:
        if request.path == "/sandbox/live":
            if request.method not in _READS:
                return _wrong_method({"GET"})
            return self._live.stream(head=request.method == "HEAD")
        if request.path == "/openapi.json":
            if request.method not in _READS:
                return _wrong_method({"GET"})
            return _json(200, openapi.description(self._world.address))
        allowed: set[str] = set()
        method = "GET" if request.method == "HEAD" else request.method
        for route in ROUTES:
            words = route.words(request.path)
            if words is None:
                continue
            allowed.add(route.method)
            if route.method == method:
                found = answer(self._desk, route, words, request)
                return Outgoing(200, found, _FILE) if isinstance(found, bytes) else _json(route.status, found)
        if allowed:
            return _wrong_method(allowed)
        raise Refusal(404, "SANDBOX_NOT_FOUND", "There is nothing here; see /openapi.json")

    # -- the pages --------------------------------------------------------------------------------------------------

    def _page(self, request: Incoming) -> Outgoing:
        from .pages.site import answer_page  # templates and words are loaded with the first page

        return answer_page(self._desk, request, request.path.split("/")[1:])


def _wrong_method(allowed: set[str]) -> Outgoing:
    if "GET" in allowed:
        allowed = allowed | {"HEAD"}
    body = Refusal(405, "SANDBOX_METHOD", f"This takes {', '.join(sorted(allowed))}").as_json()
    return _json(405, body, {"Allow": ", ".join(sorted(allowed))})


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Outgoing:
    content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8")
    return Outgoing(status, content, {
        "Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        **(headers or {}),
    })  # fmt: skip
