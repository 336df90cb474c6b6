"""The callback view: raw bytes in, the gateway's own bytes out, after the commit."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from ..intake import Intake
from ..wsgi import headers_of
from .access import base_flow

_intakes: dict[int, Intake] = {}


class EveryDatabase(frozenset[str]):
    """The databases in which Django opens no transaction around the view, whatever ATOMIC_REQUESTS says: all."""

    def __contains__(self, _: object) -> bool:
        return True


@csrf_exempt  # gateways sign; no browser of a user is involved
def callback(request: HttpRequest, account: str) -> HttpResponse:
    """Take one callback of ``account``."""
    reply = _intake().answer(
        request.method or "", account, _headers(request), _body(request), request.META.get("CONTENT_LENGTH")
    )
    response = HttpResponse(b"" if request.method == "HEAD" else reply.body, status=reply.status)
    del response.headers["Content-Type"]  # the gateway's own, or none
    for name, value in reply.headers:
        response.headers[name] = value
    if reply.status != HTTPStatus.NO_CONTENT:  # without it, and without CommonMiddleware, servers hang up after each
        response.headers["Content-Length"] = str(len(reply.body))
    return response


# Around it, a transaction of Django's would end after the answer is made, and a gateway be told of what is not kept.
callback._non_atomic_requests = EveryDatabase()  # where non_atomic_requests puts it


def _intake() -> Intake:
    flow = base_flow()
    known = _intakes.get(id(flow))
    if known is None:
        _intakes.clear()
        known = _intakes[id(flow)] = Intake(flow)
    return known


def _headers(request: HttpRequest) -> Any:
    scope = getattr(request, "scope", None)  # under ASGI the headers are as they came, with their duplicates
    return headers_of(request.META) if scope is None else scope["headers"]


def _body(request: HttpRequest) -> Any:
    """The raw bytes, before anything is parsed: what was signed are these."""
    if hasattr(request, "_body"):
        return request._body
    if request._read_started:  # somebody has parsed it as a form, and it is gone
        return None
    ends = request.META.get("CONTENT_LENGTH") or request.META.get("wsgi.input_terminated")
    if hasattr(request, "environ"):
        return request.environ["wsgi.input"] if ends else b""
    return request._stream
