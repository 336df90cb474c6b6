"""The application factory: the shop's tables, payflow, the pages, and what all pages share."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, render_template, request, session
from werkzeug.exceptions import HTTPException
from werkzeug.security import generate_password_hash

from examples.serving import make_secrets
from payflow import PayflowError
from payflow.clock import iso
from payflow.flask import PayFlow, current_payflow, desk_blueprint, refusal
from payflow.money import text_from_minor

from . import basket, office
from .counter import counter, on_phone
from .csrf import csrf_field
from .model import Order, db, furnish
from .shelf import shelf
from .words import language, say

HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGES = (shelf, counter, office.office)
#: How SQLAlchemy calls the databases of payflow's store.
_DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql", "mysql": "mysql+pymysql"}


def create_app(config: str | Path | None = None, **settings: Any) -> Flask:
    """The shop on a ``payflow.json``; its secrets are in ``var`` beside it, made on the first run.

    ``settings`` are Flask's configuration, and three of the shop's own: ``CASHIER`` (the sandbox's address, where its
    payers pay), ``STAFF_PASSWORD`` (default: the environment's ``SHOP_STAFF_PASSWORD``; nobody signs in without one),
    ``STAFF_NAME``.
    """
    path = Path(config or os.environ.get("PAYFLOW_CONFIG") or HERE / "payflow.json")
    make_secrets(path.parent / "var")
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=_session_key(path.parent / "var" / "session.secret"),
        PERMANENT_SESSION_LIFETIME=timedelta(days=60),
        SESSION_COOKIE_NAME="eight_leaves",
        SESSION_COOKIE_SAMESITE="Lax",  # the way back from a gateway's cashier is an ordinary link: the session is kept
        MAX_CONTENT_LENGTH=64 * 1024,
        PAYFLOW_CONFIG=path,
        PAYFLOW_MIGRATE=True,
        CASHIER="",
        STAFF_NAME="staff",
        STAFF_PASSWORD=os.environ.get("SHOP_STAFF_PASSWORD", ""),
    )
    app.config.update(settings)
    PayFlow(app)
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", _database(app))
    db.init_app(app)
    with app.app_context():
        furnish()
    for blueprint in _PAGES:
        app.register_blueprint(blueprint)
    app.register_blueprint(desk_blueprint(office.operator), url_prefix="/office/desk")
    _harden(app)
    app.jinja_env.globals.update(
        say=say, language=language, money=money, iso=iso, csrf_field=csrf_field, bags=_bags, MOST=basket.MOST,
        cashier_of=cashier_of, on_phone=on_phone,
    )  # fmt: skip
    return app


def _database(app: Flask) -> str:
    """The database of payflow's store: an order and its payment can only commit together in one."""
    url: str = app.extensions["payflow"].config.store.url.text()
    kind, _, rest = url.partition("://")
    return f"{_DRIVERS.get(kind, kind)}://{rest}"


def _session_key(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text()


def _harden(app: Flask) -> None:
    """Signed forms, a strict policy for what a page may load, refusals a person can read, a hashed password."""
    word = app.config["STAFF_PASSWORD"]
    app.config["STAFF_PASSWORD"] = generate_password_hash(word) if word else ""
    app.register_error_handler(PayflowError, _refused)
    app.register_error_handler(HTTPException, _not_served)
    app.before_request(_recognise)
    app.after_request(_headers)


def _recognise() -> None:
    """Who a visitor is: a number in the signed session. Their orders are found by it."""
    if request.blueprint in _OURS and "customer" not in session:
        session["customer"] = secrets.token_hex(16)
        session.permanent = True


_OURS = frozenset(blueprint.name for blueprint in _PAGES)


def _headers(response: Response) -> Response:
    chosen = request.args.get("lang")
    if chosen in ("en", "zh"):
        response.set_cookie("lang", chosen, samesite="Lax", httponly=True)
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if request.blueprint in _OURS:  # who goes back after ordering must not see the full basket again
        response.headers.setdefault("Cache-Control", "no-store")
    return response


# -- words and figures ---------------------------------------------------------------------------------------------


def money(minor: int) -> str:
    """An amount as it is shown: ``¥25.00``."""
    return f"¥{text_from_minor(minor)}"


def _bags() -> int:
    return sum(basket.wanted().values())


def cashier_of(number: str) -> str:
    """Where somebody without a merchant account plays the payer of an order; "" where the gateways are real."""
    cashier = current_app.config["CASHIER"]
    order = db.session.get(Order, number) if cashier else None
    if order is None:
        return ""
    payment = current_payflow().payment(order.payment_id)
    return f"{cashier}/cashier/{payment.gateway}/{payment.out_trade_no}"


# -- refusals ------------------------------------------------------------------------------------------------------


def _refused(error: PayflowError) -> tuple[str, int] | tuple[Response, int]:
    """A person reads a refusal as a page; everybody else gets it as JSON."""
    if request.blueprint not in _OURS:
        return refusal(error)
    return render_template("refused.html", title=say("refused"), said=say(error.code), code=error.code), (
        error.http_status
    )


def _not_served(error: HTTPException) -> tuple[str, int] | HTTPException:
    """400, 404, 405, 413 and their like."""
    if error.code is None or error.code < 400:
        return error
    title = say("not_found") if error.code == 404 else say("refused")
    return render_template("refused.html", title=title, said=error.description, code=""), error.code
