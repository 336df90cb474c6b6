"""The counter: ordering, and everything a customer can do with an order of theirs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from payflow import Payment
from payflow.clock import system_clock
from payflow.flask import checkout_url, current_payflow
from payflow.store import Wants

from . import basket
from .csrf import protect
from .model import Order, db
from .ordering import CannotOrder, Wish, place
from .shelf import basket_page
from .words import language

counter = Blueprint("counter", __name__, url_prefix="/orders")
protect(counter)

_SHOWN = 30


@counter.post("")
def order() -> AnyResponse | tuple[str, int]:
    """The basket's form. Its key makes a double click, or a form that is sent again, one order."""
    way = request.form.get("way", "")
    wish = Wish(
        customer=session["customer"], basket=basket.wanted(), seen=basket.whole_fen(request.form.get("seen")), way=way,
        phone=on_phone(), form_key=request.form.get("key", "")[:64], facts=_payer_facts,
    )  # fmt: skip
    try:
        placed = place(wish)
    except CannotOrder as refused:
        return basket_page(refused, way=way), 409
    basket.fill({})
    return redirect(checkout_of(placed), 303)


def checkout_of(order: Order) -> str:
    """payflow's checkout, which leads back to the page of the order."""
    return checkout_url(order.payment_id, back=url_for("counter.show", number=order.number), lang=language())


def on_phone() -> bool:
    """Whether the visitor's browser says it is a phone's: its gateways have products of their own for that."""
    return "Mobi" in request.user_agent.string


def _payer_facts(number: str) -> dict[str, str]:
    """What gateways want to know of the payer's side: where the browser goes afterwards, and from where it asks."""
    back = url_for("counter.show", number=number, _external=True)
    return {"return_url": back, "client_ip": request.remote_addr or "127.0.0.1"}


@counter.get("")
def mine() -> str:
    """The customer's orders, newest first."""
    found = db.session.scalars(
        select(Order).where(Order.customer == session["customer"]).order_by(Order.placed_at.desc()).limit(_SHOWN)
    ).all()
    return render_template("orders.html", orders=found, payments=payments_of(found))


def payments_of(orders: Any) -> dict[str, Payment]:
    """The payments of some orders, by id, in one question."""
    wants = Wants(payments={order.payment_id for order in orders})
    return current_payflow().store.gather(wants).payments if orders else {}


def own(number: str) -> Order:
    """The customer's own order; that of somebody else is not there."""
    found = db.session.get(Order, number)
    if found is None or found.customer != session["customer"]:
        abort(404)
    return found


@counter.get("/<number>")
def show(number: str) -> str:
    """One order: what to do now, what was ordered, where its money is."""
    order = own(number)
    payment = current_payflow().payment(order.payment_id)
    return render_template(
        "order.html", order=order, payment=payment, stamp=stamp(order, payment), waits=waits(order, payment),
        steps=steps(order, payment), refundable=may_ask(payment), checkout=checkout_of(order),
    )  # fmt: skip


@counter.get("/<number>/stamp")
def stamp_of(number: str) -> Response:
    """What changes when the page would: the page's script asks for it."""
    order = own(number)
    return jsonify(stamp=stamp(order, current_payflow().payment(order.payment_id)))


def stamp(order: Order, payment: Payment) -> str:
    """Changes whenever anything on the page does."""
    return f"{payment.version}.{order.state}.{order.answer}.{int(order.parcel is not None)}"


def waits(order: Order, payment: Payment) -> bool:
    """Whether something is going to happen without the customer doing anything here."""
    unpaid = payment.status in ("created", "pending")
    packing = payment.status == "paid" and order.state == "open"
    return unpaid or packing or payment.reserved > 0 or (order.asked_at is not None and not order.answer)


def steps(order: Order, payment: Payment) -> list[tuple[str, str]]:
    """The order's way: each step with ``done``, ``now`` or ``next``; ``bad`` for an end that nobody wanted."""
    if payment.status in ("cancelled", "failed"):
        return [("ordered", "done"), (payment.status, "bad")]
    way = ["ordered", "paid", "packed"]
    if payment.refunded or payment.reserved:
        way.append("refunded")
    reached = 1 if payment.status in ("created", "pending") else 2 if order.parcel is None else 3
    if payment.refunded and not payment.reserved:
        reached = 4
    return [(name, "done" if n < reached else "now" if n == reached else "next") for n, name in enumerate(way)]


@counter.post("/<number>/cancel")
def cancel(number: str) -> AnyResponse:
    """Nobody will pay this. The gateway closes it first; if the payer was quicker, it is paid."""
    order = own(number)
    current_payflow().cancel(order.payment_id, key=f"cancel-{number}")
    return redirect(url_for("counter.show", number=number), 303)


@counter.post("/<number>/again")
def again(number: str) -> AnyResponse:
    """The same teas in the basket."""
    basket.fill({line.tea: line.quantity for line in own(number).lines})
    return redirect(url_for("shelf.show_basket"), 303)


@counter.post("/<number>/refund")
def ask_refund(number: str) -> AnyResponse:
    """The customer wants the money back; the staff decide. Asked twice it is one question."""
    order = own(number)
    if order.asked_at is None and may_ask(current_payflow().payment(order.payment_id)):
        order.asked_at, order.asked_why = system_clock(), request.form.get("why", "").strip()[:300]
        db.session.commit()
    return redirect(url_for("counter.show", number=number), 303)


def may_ask(payment: Payment) -> bool:
    """Whether there is money left that could go back."""
    return payment.captured - payment.refunded - payment.reserved > 0
