"""A bare WSGI application that takes callbacks: ``POST /callbacks/<account>``, with or without a slash at its end.

For hosts without a framework, and for a process of its own that does nothing else. It never redirects: Alipay does not
follow. Run it behind a server that has socket timeouts and limits of its own (waitress, gunicorn).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from .gateway import Reply
from .intake import NOT_FOUND, Intake, Receiver

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def callbacks_app(flow: Receiver | Intake, *, prefix: str = "/callbacks") -> Application:
    """The application. ``prefix`` is the path before the account's name, below wherever the application is mounted."""
    intake = flow if isinstance(flow, Intake) else Intake(flow)
    before = prefix.rstrip("/") + "/"

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        reply = _answer(intake, before, environ)
        return _respond(reply, environ, start_response)

    return application


def headers_of(environ: Environ) -> list[tuple[str, str]]:
    """The request's headers as a WSGI server hands them over: ``HTTP_*``, ``CONTENT_TYPE`` and ``CONTENT_LENGTH``."""
    return [
        (name, value)
        for name, value in environ.items()
        if isinstance(value, str)
        and (name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value))
    ]


def _answer(intake: Intake, before: str, environ: Environ) -> Reply:
    path = environ.get("PATH_INFO", "")
    account = path.removeprefix(before).removesuffix("/")
    if not path.startswith(before) or not intake.knows(account):
        return NOT_FOUND
    # Without a length, only a server that promises the end of the input may be read from.
    ends = environ.get("CONTENT_LENGTH") or environ.get("wsgi.input_terminated")
    body = environ["wsgi.input"] if ends else b""
    return intake.answer(environ["REQUEST_METHOD"], account, headers_of(environ), body, environ.get("CONTENT_LENGTH"))


def _respond(reply: Reply, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    headers = list(reply.headers)
    if reply.status != HTTPStatus.NO_CONTENT:
        headers.append(("Content-Length", str(len(reply.body))))
    start_response(f"{reply.status} {_phrase(reply.status)}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" or not reply.body else [reply.body]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"
