"""The checkout's view, and the link to a payment's page.

    return redirect(checkout_url(result.payment.id, back=f"/orders/{order.pk}/"))

It is among :mod:`payflow.django.urls`. A template of the project's own named ``payflow/checkout.html`` takes the place
of ours; it may extend ``payflow/checkout_base.html``. ``PAYFLOW["CHECKOUT_ORIGINS"]``: other sites whose pages may
follow payments, and to which pages may lead back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from ..checkout import Answer, Asked, Checkout
from ..checkout.checkout import TEMPLATE
from ..checkout.following import PAUSE, Stream
from .access import base_flow, setting
from .views import EveryDatabase

_checkouts: dict[int, Checkout] = {}


def checkout_url(payment_id: str, *, back: str = "", lang: str | None = None) -> str:
    """The address of a payment's page. ``back``: where it leads back to, a path of this site or an address of one of
    ``PAYFLOW["CHECKOUT_ORIGINS"]``; ``lang``: en, zh, or the browser's. Raises ``CHECKOUT_BACK_REFUSED``."""
    return reverse("payflow:checkout", args=[checkout().token(payment_id, back=back, lang=lang)])


def checkout() -> Checkout:
    """This process's checkout."""
    flow = base_flow()
    known = _checkouts.get(id(flow))
    if known is None or known.flow is not flow:
        _checkouts.clear()
        known = Checkout(flow, origins=setting("CHECKOUT_ORIGINS"), streams=setting("CHECKOUT_STREAMS"))
        _checkouts[id(flow)] = known
    return known


@csrf_exempt  # the token in the path is what lets somebody in; nothing goes by a cookie (see payflow.checkout)
def serve(request: HttpRequest, path: str) -> HttpResponseBase:
    """One page, or what belongs to it."""
    asked = Asked(
        method=request.method or "", path=path.rstrip("/"), base=reverse("payflow:checkout", args=["-"])[:-2],
        accept_language=request.headers.get("Accept-Language", ""), origin=request.headers.get("Origin", ""),
        form=request.POST.dict() if request.method == "POST" else {},
    )  # fmt: skip
    return _sent(request, checkout().answer(asked))


# What a page shows or asks a gateway for must not hang on a transaction of the request's.
serve._non_atomic_requests = EveryDatabase()  # where non_atomic_requests puts it


def _sent(request: HttpRequest, answer: Answer) -> HttpResponseBase:
    response: HttpResponseBase
    if answer.stream is not None:
        asynchronous = hasattr(request, "scope")
        response = StreamingHttpResponse(_Following(answer.stream) if asynchronous else answer.stream)
    elif answer.page is not None:
        response = HttpResponse(render_to_string(TEMPLATE, {"page": answer.page}, request), status=answer.status)
    else:
        response = HttpResponse(answer.body, status=answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers.items():
        response.headers[name] = value
    return response


class _Following:
    """A stream under ASGI: it waits in the loop, and only its look at the store takes a thread."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.close = stream.close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        step: Any = sync_to_async(self._stream.step)
        try:
            while (piece := await step()) is not None:
                yield piece
                await asyncio.sleep(PAUSE)
        finally:
            self._stream.close()
