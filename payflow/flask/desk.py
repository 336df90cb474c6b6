"""The operator's desk as a blueprint: nobody is let in until the host says who is who.

    def operator():
        user = current_user()                       # the host's own sign-in
        return Operator(user.email, POWERS) if user and user.is_staff else None

    app.register_blueprint(desk_blueprint(operator=operator), url_prefix="/desk")

It needs no JavaScript and nothing but its own style sheet. Its forms carry a seal for their operator; Flask-WTF, if it
was there first, is told to leave them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ..language import LANGUAGES, preferred
from ..operating import Answer, Ask, Desk, Operator, Site
from ..operating.site import HEADERS, style
from .extension import current_payflow

Who = Callable[[], Operator | None]
_LANGUAGE = "payflow_desk_lang"


def nobody() -> Operator | None:
    """Who is let in where the host has said nothing."""
    return None


def desk_blueprint(operator: Who = nobody, *, name: str = "payflow_desk") -> Blueprint:
    """The desk. ``operator`` is called with every request and says who asks, with which powers; ``None`` is refused.

    It may send somebody to a sign-in page of the host's own: ``abort(redirect(...))``.
    """
    blueprint = Blueprint(name, __name__)
    blueprint.record(partial(_exempt, blueprint))

    @blueprint.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @blueprint.route("/<path:path>", methods=["GET", "POST"])
    def serve(path: str) -> AnyResponse:
        if path == "static/desk.css":
            return _sent(style(), "")
        who = operator()
        if not (who is None or isinstance(who, Operator)):
            raise TypeError("operator() gives a payflow.operating.Operator, or None")
        ask = Ask(
            method=request.method, path=path, base=url_for(f"{name}.serve", path="").rstrip("/"), operator=who,
            lang=_language(), query=request.args.to_dict(), form=request.form.to_dict(),
        )  # fmt: skip
        site = Site(Desk(current_payflow()))
        answer = site.answer(ask)
        return _sent(answer, site.frame(answer, ask) if answer.framed else answer.body)

    return blueprint


def _exempt(blueprint: Blueprint, state: Any) -> None:
    """The desk's forms carry a seal of their own, which Flask-WTF does not know."""
    csrf = state.app.extensions.get("csrf")
    if csrf is not None:
        csrf.exempt(blueprint)


def _language() -> str:
    asked = request.args.get("lang") or request.cookies.get(_LANGUAGE, "")
    return asked if asked in LANGUAGES else preferred(request.headers.get("Accept-Language", ""))


def _sent(answer: Answer, text: str) -> Response:
    response = Response(text or answer.body, status=answer.status, content_type="text/html; charset=utf-8")
    response.headers.update({**HEADERS, **answer.headers, "Vary": "Accept-Language, Cookie"})
    asked = request.args.get("lang")
    if asked in LANGUAGES:
        response.set_cookie(_LANGUAGE, asked, max_age=365 * 86_400, httponly=True, samesite="Lax")
    return response
