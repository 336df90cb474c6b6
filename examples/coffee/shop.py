"""The shop's application: a menu, an order's page that follows its payment, the API, and the simulated phone."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any, cast

import segno
from flask import Blueprint, Flask, Response, abort, jsonify, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from payflow import Flow, InvalidRequest, Money, NotFound, PayflowError, Payment, Refused
from payflow.clock import iso
from payflow.drawing import svg
from payflow.flask import PayFlow, current_payflow
from payflow.gateways.mock import MockGateway
from payflow.money import text_from_minor

from .menu import DRINKS, SIZES, USUAL, price
from .words import language, say

pages = Blueprint("pages", __name__)
api = Blueprint("api", __name__, url_prefix="/api/v1")
phone = Blueprint("phone", __name__, url_prefix="/mock/cashier")

#: How long one stream of events lives; the browser opens the next one by itself.
_STREAM_SECONDS = 20
_ENDED = ("failed", "cancelled")


def create_app(flow: Flow) -> Flask:
    """The shop over a flow that is ready."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    PayFlow(app, flow=flow)
    for blueprint in (pages, api, phone):
        app.register_blueprint(blueprint)
    app.jinja_env.globals.update(say=say, language=language, yuan=lambda minor: text_from_minor(minor, "CNY"), iso=iso)
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
        response.set_cookie("lang", chosen, samesite="Lax")
    response.headers.setdefault("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


# -- ordering ------------------------------------------------------------------------------------------------------


def place(drink: object, size: object, *, quantity: object = 1, key: str, action: str = "order_coffee") -> Payment:
    """Order a coffee and ask for its payment. The same key is the same order."""
    amount = price(drink, size, quantity)
    result = current_payflow().pay(
        amount=amount, channel="qr", key=key, action=action, reference=f"{drink}-{size}",
        description=f"{say(str(drink))} {say(str(size))}",
        metadata={"drink": drink, "size": size, "quantity": quantity},
    )  # fmt: skip
    return result.payment


def mock() -> MockGateway:
    """The gateway behind the simulated phone."""
    return cast(MockGateway, current_payflow().gateways["mock"])


@pages.get("/")
def menu() -> str:
    """The menu and the newest orders."""
    recent = current_payflow().store.recent_payments(8)
    return render_template(
        "menu.html", drinks=DRINKS, sizes=SIZES, recent=recent, usual=USUAL, key=secrets.token_hex(8)
    )


@pages.post("/orders")
def order() -> AnyResponse:
    """The menu's form. Its hidden key makes a double click one order."""
    key = request.form.get("key", "")
    if request.form.get("usual"):
        payment = place(*USUAL, key=key, action="reorder_usual")
    else:
        payment = place(request.form.get("drink"), request.form.get("size"), key=key)
    return redirect(url_for("pages.show", payment_id=payment.id), 303)


# -- the page of an order ------------------------------------------------------------------------------------------


def _facts(payment: Payment) -> dict[str, Any]:
    """What the page shows of a payment, all of it from the server."""
    flow = current_payflow()
    action = flow.next_action(payment)
    url = action.data.get("url", "")
    qr = Markup(segno.make(url, micro=False).svg_inline(scale=5, border=2)) if action.kind == "qr" else ""  # noqa: S704 -- drawn by segno
    trace = flow.trace(payment.id)
    return {
        "payment": payment, "action": action, "qr": qr, "trace": trace,
        "machine": Markup(svg(flow.tables["payment"], current=payment.status, lang=language())),  # noqa: S704 -- ours
        "receipts": [step for step in trace.steps if step.what == "receipt" and step.facts["source"] == "callback"],
        "left": payment.captured - payment.refunded - payment.reserved,
    }  # fmt: skip


@pages.get("/orders/<payment_id>")
def show(payment_id: str) -> str:
    """An order: what to do now, where its payment is, and how it came there."""
    return render_template("order.html", **_facts(current_payflow().payment(payment_id)))


@pages.get("/orders/<payment_id>/panel")
def panel(payment_id: str) -> Response:
    """The part of the page that changes, with the version it shows."""
    payment = current_payflow().payment(payment_id)
    response = Response(render_template("_panel.html", **_facts(payment)))
    response.headers["X-Version"] = str(payment.version)
    return response


@pages.get("/orders/<payment_id>/events")
def events(payment_id: str) -> Response:
    """A stream that says whenever the payment has changed."""
    flow = current_payflow()
    flow.payment(payment_id)

    def stream() -> Iterator[str]:
        known, until = -1, time.monotonic() + _STREAM_SECONDS
        yield "retry: 1000\n\n"
        while time.monotonic() < until:
            payment = flow.payment(payment_id)
            if payment.version != known:
                known = payment.version
                yield f"data: {json.dumps({'version': known, 'status': payment.status})}\n\n"
            time.sleep(0.3)

    return Response(stream(), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})


@pages.post("/orders/<payment_id>/<verb>")
def act(payment_id: str, verb: str) -> AnyResponse:
    """The buttons: confirm, cancel, refund."""
    flow, key = current_payflow(), request.form.get("key") or secrets.token_hex(8)
    if verb == "confirm":
        flow.confirm(request.form.get("token", ""), payment_id=payment_id)
    elif verb == "cancel":
        flow.cancel(payment_id, key=key)
    elif verb == "refund":
        part = request.form.get("amount")
        flow.refund(payment_id, key=key, amount=Money.parse(part) if part else None, reason="asked for at the counter")
    else:
        abort(404)
    return redirect(url_for("pages.show", payment_id=payment_id), 303)


@pages.app_errorhandler(PayflowError)
def refused(error: PayflowError) -> tuple[str | Response, int]:
    """Refusals of a person's request as a page, of a program's as JSON."""
    if request.blueprint in ("pages", "phone"):
        return render_template("refused.html", error=error), error.http_status
    return jsonify(error.as_reply()), error.http_status


# -- the API -------------------------------------------------------------------------------------------------------


def _status(payment: Payment) -> dict[str, Any]:
    action = current_payflow().next_action(payment)
    return {
        "status": payment.status, "payment_id": payment.id, "amount": payment.amount, "currency": payment.currency,
        "next_action": {"kind": action.kind, **action.data},
        "page": url_for("pages.show", payment_id=payment.id, _external=True),
    }  # fmt: skip


@api.post("/order")
def api_order() -> tuple[Response | str, int]:
    """``{"drink": "latte", "size": "medium"}``: 202 while the payment waits, 204 once it is paid.

    Send an ``Idempotency-Key`` and ask again with it: the same order, 202 or 204. Without one each call is a new order.
    """
    asked = _json_object()
    key = request.headers.get("Idempotency-Key") or secrets.token_hex(16)
    payment = place(asked.get("drink"), asked.get("size"), quantity=asked.get("quantity", 1), key=key)
    if payment.captured:
        return "", 204
    if payment.status in _ENDED:
        raise Refused(f"This order is {payment.status}; order again with a new key", code="ORDER_ENDED")
    return jsonify(_status(payment)), 202


@api.get("/order/<payment_id>")
def api_show(payment_id: str) -> Response:
    """Where an order's payment is."""
    return jsonify(_status(current_payflow().payment(payment_id)))


@api.post("/order/<payment_id>/confirm")
def api_confirm(payment_id: str) -> tuple[Response, int]:
    """``{"token": …}``: a person's yes."""
    token = _json_object().get("token")
    if not isinstance(token, str):
        raise InvalidRequest("token is missing", code="INVALID_REQUEST")
    return jsonify(_status(current_payflow().confirm(token, payment_id=payment_id).payment)), 202


def _json_object() -> dict[str, Any]:
    try:
        asked = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise InvalidRequest("The body must be a JSON object", code="INVALID_REQUEST")
    return asked


# -- the simulated phone -------------------------------------------------------------------------------------------


@phone.get("/mock/<out_trade_no>")
def cashier(out_trade_no: str) -> str:
    """What the payer sees on the phone."""
    return render_template("phone.html", trade=mock().trade(out_trade_no), done=request.args.get("done"))


@phone.post("/mock/<out_trade_no>")
def tap(out_trade_no: str) -> AnyResponse:
    """What the payer does there."""
    gateway, what = mock(), request.form.get("do")
    if gateway.trade(out_trade_no) is None:
        raise NotFound("The phone does not know this order", code="MOCK_TRADE_NOT_FOUND")
    if what == "decline":
        gateway.payer.decline(out_trade_no)
    elif what in ("pay", "pay_twice"):
        gateway.payer.pay(out_trade_no)
        if what == "pay_twice" and gateway.deliver is not None:
            for callback in gateway.callbacks(out_trade_no):
                gateway.deliver(callback)
    else:
        abort(400)
    return redirect(url_for("phone.cashier", out_trade_no=out_trade_no, done=1), 303)
