"""The application: pages, the simulated phone, the gateway's callbacks, and what all of them share."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, abort, render_template, request
from werkzeug.exceptions import HTTPException

from payflow import Flow, PayflowError, StoreError, open_wallet
from payflow.clock import iso
from payflow.flask import PayFlow, refusal

from . import books as pages_of_books
from . import buying as pages_of_buying
from . import chat as pages_of_chat
from . import office as pages_of_office
from . import phone, visitor
from .answers import Answers
from .figures import day_said, money, units, when
from .place import NAME, Place
from .prices import LONGEST, READ, WRITTEN
from .words import language, say
from .writing import Writing

_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "img-src 'self' data:"
)
_OURS = frozenset({"chat", "buying", "books", "office", "phone"})


def create_app(flow: Flow, *, pause: float = 0.06) -> Flask:
    """The chat over a flow that is ready. ``pause`` is how long the toy takes for a word, in seconds."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    PayFlow(app, flow=flow)
    wallet, answers = open_wallet(flow), Answers(_database(flow))
    app.extensions[NAME] = Place(flow, wallet, answers, Writing(wallet, answers, pause=pause))
    for blueprint in (
        pages_of_chat.chat, pages_of_buying.buying, pages_of_books.books, pages_of_office.office, phone.phone
    ):  # fmt: skip
        app.register_blueprint(blueprint)
    app.register_error_handler(PayflowError, _refused)
    app.register_error_handler(HTTPException, _not_served)
    app.jinja_env.globals.update(
        say=say,
        language=language,
        money=money,
        when=when,
        day_said=day_said,
        iso=iso,
        units=units,
        READ=READ,
        WRITTEN=WRITTEN,
        LONGEST=LONGEST,
    )
    app.jinja_env.filters["units"] = units
    app.before_request(_same_origin)
    app.before_request(visitor.recognise)
    app.after_request(visitor.remember)
    app.after_request(_headers)
    return app


def _database(flow: Flow) -> Path:
    """The file of the config's store: this example lives in SQLite."""
    return Path(flow.config.store.url.text().removeprefix("sqlite:///"))


def _same_origin() -> None:
    """A form of another site must not press our buttons. Gateways send no Origin."""
    origin = request.headers.get("Origin")
    ours = request.host_url.rstrip("/")
    if request.method == "POST" and request.blueprint in _OURS and origin not in (None, ours):
        abort(403)


def _headers(response: Response) -> Response:
    chosen = request.args.get("lang")
    if chosen in ("en", "zh"):
        response.set_cookie("lang", chosen, samesite="Lax", httponly=True)
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if request.blueprint in _OURS:  # what a page says of credit was true when it was asked for
        response.headers.setdefault("Cache-Control", "no-store")
    return response


# -- refusals ------------------------------------------------------------------------------------------------------


def _refused(error: PayflowError) -> tuple[str, int] | tuple[Response, int]:
    """A person reads a refusal where they stand; a gateway gets it as JSON."""
    if request.blueprint not in _OURS:
        return refusal(error)
    status = error.http_status
    if not isinstance(error, StoreError):  # with a database in trouble nothing can be looked up
        page = {
            "chat.ask": pages_of_chat.conversation, "buying.buy": pages_of_buying.shelf,
            "office.refund": pages_of_office.desk, "office.tier": pages_of_office.desk,
        }.get(request.endpoint or "")  # fmt: skip
        if page is not None:
            return page(error), status
    return render_template("refused.html", error=error, title=say("refused")), status


def _not_served(error: HTTPException) -> tuple[str, int] | HTTPException:
    """404, 405, 413 and their like."""
    if error.code is None or error.code < 400:
        return error
    title = say("not_found") if error.code == 404 else error.name
    return render_template("refused.html", error=None, title=title), error.code
