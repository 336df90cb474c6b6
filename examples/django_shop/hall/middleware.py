"""What holds for every answer: what a page may load, and how a refusal of payflow is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from payflow import PayflowError

#: Nothing from elsewhere, nothing inline. The checkout has a policy of its own: it leads to the gateway.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def content_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a strict Content-Security-Policy for every page, the office's too."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        return response

    return answer


class Refusals:
    """Middleware: payflow's errors as a page with the right status, instead of a failure of the shop."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> Any:
        """Called by Django after what was open has been rolled back."""
        if not isinstance(exception, PayflowError):
            return None
        context = {"code": exception.code, "again": exception.retryable}
        return render(request, "hall/refused.html", context, status=exception.http_status)
