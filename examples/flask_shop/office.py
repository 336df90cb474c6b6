"""The office: the staff see the orders, pay refunds or decline them, and count what is on the shelf."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Blueprint, abort, current_app, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.security import check_password_hash
from werkzeug.wrappers import Response

from payflow import Money, PayflowError
from payflow.flask import joined_payflow
from payflow.operating import POWERS, Operator

from . import basket
from .counter import payments_of
from .csrf import protect
from .model import Order, Tea, db
from .ordering import as_a_unit

office = Blueprint("office", __name__, url_prefix="/office")
protect(office)

P = ParamSpec("P")
R = TypeVar("R")
_SHOWN = 60
_TRIES, _PER_SECONDS = 5, 60


def staff_only(view: Callable[P, R]) -> Callable[P, R | Response]:
    """A page for the staff; everybody else is asked to sign in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        return view(*args, **kwargs) if signed_in() else redirect(url_for("office.door"), 303)

    return guarded


def signed_in() -> str:
    """The name of the member of staff who is looking; "" for a customer."""
    return str(session.get("staff", ""))


def operator() -> Operator | None:
    """Who is at payflow's desk: the staff, who may do everything there; a customer is asked to sign in."""
    name = signed_in()
    if not name:
        abort(redirect(url_for("office.door"), 303))
    return Operator(name, POWERS)


class Tries:
    """Wrong passwords of the last minute, so that nobody tries a million. Of this process only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: list[float] = []

    def wrong(self) -> None:
        """One more."""
        with self._lock:
            self._at.append(time.monotonic())

    def too_many(self) -> bool:
        """Whether the door stays shut for a while."""
        with self._lock:
            self._at = [at for at in self._at if at > time.monotonic() - _PER_SECONDS]
            return len(self._at) >= _TRIES


def _tries() -> Tries:
    tries: Tries = current_app.extensions.setdefault("shop_tries", Tries())
    return tries


@office.get("/door")
def door() -> str:
    """Where the staff sign in."""
    return render_template("door.html", wrong="")


@office.post("/door")
def enter() -> Response | tuple[str, int]:
    """Name and password. Who comes in gets a new token for their forms."""
    if _tries().too_many():
        return render_template("door.html", wrong="too_many_tries"), 429
    word, name = current_app.config["STAFF_PASSWORD"], current_app.config["STAFF_NAME"]
    known = secrets.compare_digest(request.form.get("name", "").encode(), name.encode())
    if not word or not check_password_hash(word, request.form.get("password", "")) or not known:
        _tries().wrong()
        return render_template("door.html", wrong="wrong_password"), 403
    session.pop("csrf", None)
    session["staff"] = name
    return redirect(url_for("office.orders"), 303)


@office.post("/leave")
def leave() -> Response:
    """Out again."""
    session.pop("staff", None)
    session.pop("csrf", None)
    return redirect(url_for("shelf.teas"), 303)


@office.get("")
@staff_only
def orders() -> str:
    """What customers ask for comes first."""
    return _desk()


def _desk(error: PayflowError | None = None) -> str:
    asked = Order.asked_at.is_not(None) & Order.answer.in_(("", "failed"))
    newest = Order.placed_at.desc()
    asking = db.session.scalars(select(Order).where(asked).order_by(Order.asked_at).limit(_SHOWN)).all()
    others = db.session.scalars(select(Order).where(~asked).order_by(newest).limit(_SHOWN)).all()
    shelf = db.session.scalars(select(Tea).order_by(Tea.place)).all()
    return render_template(
        "office.html", asking=asking, others=others, shelf=shelf, payments=payments_of([*asking, *others]),
        key=secrets.token_hex(12), error=error,
    )  # fmt: skip


@office.post("/orders/<number>/refund")
@staff_only
def refund(number: str) -> Response | tuple[str, int]:
    """Money back, all that is left or the amount given. The answer to the customer and the refund commit together."""
    order = _order(number)
    text, key = request.form.get("amount", "").strip(), request.form.get("key", "")

    def granted() -> None:
        order.answer, order.answer_why = "granted", request.form.get("why", "").strip()[:300]
        db.session.flush()
        joined_payflow().refund(
            order.payment_id, key=f"office-{number}-{key}", amount=Money.parse(text) if text else None,
            reason=order.asked_why[:80] or "refunded by the shop",
        )  # fmt: skip

    try:
        as_a_unit(granted)
    except PayflowError as error:
        return _desk(error), error.http_status
    return redirect(url_for("office.orders"), 303)


@office.post("/orders/<number>/decline")
@staff_only
def decline(number: str) -> Response:
    """No money back, and why."""
    order = _order(number)
    if order.asked_at is not None and order.answer in ("", "failed"):
        order.answer, order.answer_why = "declined", request.form.get("why", "").strip()[:300]
        db.session.commit()
    return redirect(url_for("office.orders"), 303)


@office.post("/shelf/<name>")
@staff_only
def count(name: str) -> Response:
    """So many bags came in."""
    tea = db.session.get(Tea, name) or abort(404)
    more = basket.whole_number(request.form.get("more"), 0)
    tea.stock = Tea.stock + more
    db.session.commit()
    return redirect(url_for("office.orders", _anchor="shelf"), 303)


def _order(number: str) -> Order:
    return db.session.get(Order, number) or abort(404)
