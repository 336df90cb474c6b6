"""The shop's application: the menu, the page of an order that follows its payment, and what both show."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from payflow import Flow, Money, NextAction, PayflowError, Payment, StoreError
from payflow.clock import day_of, iso
from payflow.drawing import svg
from payflow.flask import PayFlow, current_payflow
from payflow.money import text_from_minor
from payflow.store import Wants
from payflow.trace import Trace

from .api import api, refused_as_json
from .menu import DRINKS, SIZES, USUAL, called, item_of, place
from .phone import phone
from .story import lines
from .words import language, say

pages = Blueprint("pages", __name__)

#: How long one stream of events lives; the browser opens the next one by itself.
_STREAM_SECONDS = 20
_STREAM_PAUSE = 0.3
_STREAMS = 12
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def create_app(flow: Flow, *, cashier: str = "") -> Flask:
    """The shop over a flow that is ready. ``cashier`` is the sandbox's address, where payers of its gateways pay."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.config["COFFEE_CASHIER"] = cashier
    app.extensions["coffee_streams"] = threading.BoundedSemaphore(_STREAMS)
    PayFlow(app, flow=flow)
    for blueprint in (pages, api, *((phone,) if "mock" in flow.gateways else ())):
        app.register_blueprint(blueprint)
    app.register_error_handler(PayflowError, _refused)
    app.register_error_handler(HTTPException, _not_served)
    app.jinja_env.globals.update(say=say, language=language, money=money, iso=iso, called=called, DRINKS=DRINKS)
    app.before_request(_same_origin)
    app.after_request(_headers)
    return app


def _same_origin() -> None:
    """A form of another site must not press our buttons. Gateways send no Origin; the API is for programs."""
    origin = request.headers.get("Origin")
    ours = request.host_url.rstrip("/")
    if request.method == "POST" and request.blueprint in ("pages", "phone") and origin not in (None, ours):
        abort(403)


def _headers(response: Response) -> Response:
    chosen = request.args.get("lang")
    if chosen in ("en", "zh"):
        response.set_cookie("lang", chosen, samesite="Lax", httponly=True)
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


# -- words and figures ---------------------------------------------------------------------------------------------


def money(minor: int, currency: str = "CNY") -> str:
    """An amount as it is shown: ``¥25.00``."""
    sign = "¥" if currency == "CNY" else f"{currency} "
    return f"{sign}{text_from_minor(minor, currency)}"


# -- ordering ------------------------------------------------------------------------------------------------------


def _usual() -> dict[str, Any]:
    """The trusted action and how much of today's trust is used."""
    flow = current_payflow()
    drink, size = USUAL
    price = DRINKS[drink] + SIZES[size]
    action = next((one for one in flow.config.trusted_actions if one.action == "reorder_usual"), None)
    ceiling = (action.ceilings or {}).get("CNY") if action else None
    name = ("reorder_usual", "CNY", day_of(flow.clock(), flow.config.zone))
    today = flow.store.gather(Wants(allowances={name})).allowances.get(name)
    used = today.used if today else 0
    over = ceiling is None or (ceiling.per_day is not None and used + price > ceiling.per_day)
    return {"drink": drink, "size": size, "price": price, "ceiling": ceiling, "used": used, "over": over}


def _menu(error: PayflowError | None = None) -> str:
    recent = current_payflow().store.recent_payments(8)
    return render_template(
        "menu.html", drinks=DRINKS, sizes=SIZES, recent=recent, usual=_usual(), key=secrets.token_hex(8), error=error
    )


@pages.get("/")
def menu() -> str:
    """The menu and the newest orders."""
    return _menu()


@pages.post("/orders")
def order() -> AnyResponse:
    """The menu's form. Its hidden key makes a double click one order."""
    key = request.form.get("key", "")
    if request.form.get("usual"):
        payment = place(*USUAL, key=key, action="reorder_usual")
    else:
        quantity = request.form.get("quantity", "1")
        cups = int(quantity) if quantity.isascii() and quantity.isdigit() and len(quantity) < 4 else quantity
        payment = place(request.form.get("drink"), request.form.get("size"), quantity=cups, key=key)
    return redirect(url_for("pages.show", payment_id=payment.id), 303)


# -- the page of an order ------------------------------------------------------------------------------------------


def _facts(payment: Payment, error: PayflowError | None = None) -> dict[str, Any]:
    """What the page shows of a payment, all of it from the server."""
    flow = current_payflow()
    action, trace = flow.next_action(payment), flow.trace(payment.id)
    link = _cashier(payment)
    if action.kind == "qr" and payment.gateway == "mock":  # on the page it is a link; a phone needs all of it
        action = NextAction("qr", {"text": link})
    served = any(step.what == "effect" and not step.facts["dead"] for step in trace.steps)
    return {
        "payment": payment, "item": item_of(payment), "action": action, "link": link, "served": served, "error": error,
        "qr": Markup(action.svg()),  # noqa: S704 -- drawn by segno from a text of the gateway
        "machine": Markup(svg(flow.tables["payment"], current=payment.status, lang=language(), policies=_policies())),  # noqa: S704 -- our own drawing
        "way": _way(payment, trace, served), "lines": lines(trace.steps, say), "stamp": _stamp(payment, trace),
        "said": [
            {"at": step.at, **step.facts}
            for step in trace.steps
            if step.what == "receipt" and step.facts["source"] == "callback"
        ],
        "config_file": flow.config.path.name if flow.config.path else "payflow.json",
        "left": payment.captured - payment.refunded - payment.reserved,
        "deadline": action.data.get("expires_at") if action.kind == "confirm" else payment.expires_at,
    }  # fmt: skip


def _cashier(payment: Payment) -> str:
    """Where somebody without a merchant account plays the payer."""
    if payment.gateway == "mock":
        return url_for("phone.cashier", out_trade_no=payment.out_trade_no, _external=True)
    return f"{current_app.config['COFFEE_CASHIER']}/cashier/{payment.gateway}/{payment.out_trade_no}"


def _policies() -> Any:
    return current_payflow().config.policies


def _way(payment: Payment, trace: Trace, served: bool) -> list[tuple[str, str]]:
    """The order's way as steps: ``done``, ``now``, ``next`` or ``bad``."""
    been = {step.facts["to"] for step in trace.steps if step.what == "transition" and step.facts["entity"] == "payment"}
    if payment.status in ("cancelled", "failed"):
        passed = [(name, "done") for name in ("created", "pending") if name in been]
        return [*passed, (payment.status, "bad")]
    last = "refunded" if payment.status == "refunded" else "served"
    names = ["created", "pending", "paid", last]
    reached = {"created": 0, "pending": 1, "refunded": 3}.get(payment.status, 3 if served else 2)
    states = ["done" if n < reached else "now" if n == reached else "next" for n in range(4)]
    return list(zip(names, states, strict=True))


def _stamp(payment: Payment, trace: Trace) -> str:
    """Changes whenever anything on the page does: the payment, or what has been delivered and done since."""
    settled = sum(step.what == "effect" or step.facts.get("state") in ("delivered", "dead") for step in trace.steps)
    return f"{payment.version}.{settled}"


@pages.get("/orders/<payment_id>")
def show(payment_id: str) -> str:
    """An order: what to do now, where its payment is, and how it came there."""
    return render_template("order.html", **_facts(current_payflow().payment(payment_id)))


@pages.get("/orders/<payment_id>/panel")
def panel(payment_id: str) -> Response:
    """The part of the page that changes, with the stamp of what it shows."""
    facts = _facts(current_payflow().payment(payment_id))
    response = Response(render_template("_panel.html", **facts))
    response.headers["X-Stamp"] = facts["stamp"]
    response.headers["Cache-Control"] = "no-store"
    return response


@pages.get("/orders/<payment_id>/events")
def events(payment_id: str) -> Response:
    """A stream that says whenever the order has changed. Each keeps a thread, so beyond some of them pages poll."""
    flow = current_payflow()
    flow.payment(payment_id)
    seats: threading.Semaphore = current_app.extensions["coffee_streams"]
    if not seats.acquire(blocking=False):
        return Response(status=503, headers={"Retry-After": "5"})

    def stream() -> Iterator[str]:
        known, until = "", time.monotonic() + _STREAM_SECONDS
        yield "retry: 500\n\n"
        while time.monotonic() < until:
            trace = flow.trace(payment_id)
            stamp = _stamp(trace.payment, trace)
            told = json.dumps({"stamp": stamp, "status": trace.payment.status})
            # A comment where there is no news: a browser that has gone is noticed by writing to it.
            yield f"data: {told}\n\n" if stamp != known else ":\n\n"
            known = stamp
            time.sleep(_STREAM_PAUSE)

    response = Response(stream(), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})
    response.call_on_close(seats.release)
    return response


@pages.post("/orders/<payment_id>/<verb>")
def act(payment_id: str, verb: str) -> AnyResponse:
    """The buttons: confirm, cancel, refund. Pressed twice they do it once."""
    flow = current_payflow()
    if verb == "confirm":
        flow.confirm(request.form.get("token", ""), payment_id=payment_id, key=f"page-{payment_id}")
    elif verb == "cancel":
        flow.cancel(payment_id, key=f"page-{payment_id}")
    elif verb == "refund":
        part = request.form.get("amount")
        amount = None if part is None else Money.parse(part.strip())
        flow.refund(payment_id, key=request.form.get("key", ""), amount=amount, reason="asked for at the counter")
    else:
        abort(404)
    return redirect(url_for("pages.show", payment_id=payment_id), 303)


# -- refusals ------------------------------------------------------------------------------------------------------


def _refused(error: PayflowError) -> tuple[str, int] | tuple[Response, int]:
    """A person reads a refusal where they stand; a program gets it as JSON."""
    if request.blueprint not in ("pages", "phone"):
        return refused_as_json(error)
    status = error.http_status
    if isinstance(error, StoreError):  # then nothing that has to be looked up can be shown
        return render_template("refused.html", error=error, title=say("refused")), status
    if request.endpoint == "pages.order":
        return _menu(error), status
    if request.endpoint == "pages.act" and error.code != "PAYMENT_NOT_FOUND":
        payment = current_payflow().payment((request.view_args or {})["payment_id"])
        return render_template("order.html", **_facts(payment, error)), status
    return render_template("refused.html", error=error, title=say("refused")), status


def _not_served(error: HTTPException) -> tuple[str, int] | tuple[Response, int] | HTTPException:
    """404, 405, 413 and their like."""
    if request.path.startswith("/api/"):
        name = "_".join(error.name.upper().split())
        return refused_as_json(PayflowError(error.description or error.name, code=name), error.code or 400)
    if error.code is None or error.code < 400:
        return error
    title = say("not_found") if error.code == 404 else error.name
    return render_template("refused.html", error=None, title=title), error.code
