"""The operator's desk inside Django's admin: the same pages, Django's sign-in and permissions, Django's frame.

Who may view payments (``payflow.view_payment``) may look; each act has a permission of its own, given in the admin like
any other: ``payflow.query_payment``, ``refund_payment``, ``resolve_incident``, ``replay_message``, ``run_refill``,
``change_refill_policy``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language

from ..operating import Answer, Ask, Desk, Operator, Site
from ..operating.site import HEADERS, navigation, style
from ..operating.words import Speech
from .access import base_flow
from .views import EveryDatabase

#: power → the permission that gives it.
PERMISSIONS = {
    "view": "payflow.view_payment", "query": "payflow.query_payment", "refund": "payflow.refund_payment",
    "resolve": "payflow.resolve_incident", "replay": "payflow.replay_message", "refill": "payflow.run_refill",
    "policy": "payflow.change_refill_policy",
}  # fmt: skip
_LONGEST_NAME = 64


def operator_of(request: HttpRequest) -> Operator | None:
    """The signed-in member of staff, with the powers that their permissions give."""
    user: Any = request.user
    if not (user.is_active and user.is_staff):
        return None
    powers = {power for power, permission in PERMISSIONS.items() if user.has_perm(permission)}
    return Operator(user.get_username()[:_LONGEST_NAME], powers)


def desk_view(admin: AdminSite) -> Callable[..., HttpResponse]:
    """The view behind ``…/admin/payflow/payment/desk/``. No transaction is around it: what it does commits by itself,
    and what asks a gateway must not be undone by what fails later."""

    def desk(request: HttpRequest, path: str = "") -> HttpResponse:
        base = reverse(f"{admin.name}:payflow_desk", args=[""]).rstrip("/")
        if path == "static/desk.css":
            return _sent(style())
        ask = Ask(
            method=request.method or "", path=path.strip("/"), base=base, operator=operator_of(request),
            lang=spoken().lang, query=request.GET.dict(), form=request.POST.dict(),
            hidden=(("csrfmiddlewaretoken", get_token(request)),),
        )  # fmt: skip
        answer = Site(Desk(base_flow())).answer(ask)
        if not answer.framed:
            return _sent(answer)
        context = {
            **admin.each_context(request), "title": answer.title, "answer": answer, "desk": base,
            "pages": [
                {"name": name, "href": href, "here": place == ask.path}
                for place, name, href in navigation(ask, spoken())
            ] if answer.status != 403 else [],
        }  # fmt: skip
        response = TemplateResponse(request, "admin/payflow/desk.html", context, status=answer.status)
        response.headers["Cache-Control"] = "no-store"
        return response

    desk._non_atomic_requests = EveryDatabase()  # type: ignore[attr-defined]  # where non_atomic_requests puts it
    return desk


def spoken() -> Speech:
    """The desk's words in the language that Django speaks now."""
    return Speech("zh" if (get_language() or "").startswith("zh") else "en")


class _SeeOther(HttpResponseRedirect):
    """Look there: the answer to a form."""

    status_code = 303


def _sent(answer: Answer) -> HttpResponse:
    if answer.status == _SeeOther.status_code:
        return _SeeOther(answer.headers["Location"])
    response = HttpResponse(answer.body, status=answer.status)
    for name, value in {**HEADERS, **answer.headers}.items():
        response.headers[name] = value
    return response
