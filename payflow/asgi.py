"""A bare ASGI application that takes callbacks: ``POST /callbacks/<account>``, with or without a slash at its end.

    app.mount("/", callbacks_app(flow))                     # FastAPI, Starlette
    app.mount("/callbacks", callbacks_app(flow, prefix=""))

The core is synchronous; each callback runs in a thread. The body is collected no further than the intake reads,
and no longer than it waits. It never redirects: Alipay does not follow.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .gateway import Reply
from .intake import NOT_FOUND, Intake, Receiver

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def callbacks_app(flow: Receiver | Intake, *, prefix: str = "/callbacks") -> Application:
    """The application. ``prefix`` is the path before the account's name, below wherever the application is mounted."""
    intake = flow if isinstance(flow, Intake) else Intake(flow)
    before = prefix.rstrip("/") + "/"

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            reply = await _reply(intake, before, scope, receive)
            if reply is not None:
                await _respond(reply, scope, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    return application


async def _reply(intake: Intake, before: str, scope: Scope, receive: Receive) -> Reply | None:
    """What is answered; ``None`` where nobody waits for it any more."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    account = path.removeprefix(before).removesuffix("/")
    if not path.startswith(before) or not intake.knows(account):
        return NOT_FOUND
    headers = list(scope["headers"])
    body = await collected(receive, intake.max_bytes + 1, intake.body_seconds)
    if body is None:
        return None
    return await asyncio.to_thread(intake.answer, scope["method"], account, headers, body)


async def collected(receive: Receive, most: int, seconds: float) -> Collected | None:
    """The body, as far as it is wanted; ``None`` if the client has gone."""
    until = time.monotonic() + seconds
    pieces, size, late = [], 0, False
    while size < most:
        try:
            message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
        except TimeoutError:
            late = True
            break
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if not message.get("more_body", False):
            break
    return Collected(b"".join(pieces), late=late)


class Collected:
    """A body that was read already, as a stream for the intake, which decides what becomes of it."""

    def __init__(self, body: bytes, *, late: bool) -> None:
        self._body, self._late = body, late

    def read(self, size: int, /) -> bytes:
        """The next bytes; ``TimeoutError`` behind the last one that came in time."""
        piece, self._body = self._body[:size], self._body[size:]
        if not piece and self._late:
            raise TimeoutError("The body took too long")
        return piece


async def _respond(reply: Reply, scope: Scope, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    if reply.status != 204:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
