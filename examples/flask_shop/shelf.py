"""The shelf: all teas, one tea, and the basket."""

from __future__ import annotations

import secrets

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from . import basket
from .csrf import protect
from .model import Tea, db
from .ordering import WAYS, CannotOrder
from .words import BREWING

shelf = Blueprint("shelf", __name__)
protect(shelf)


@shelf.get("/")
def teas() -> str:
    """Everything there is."""
    found = db.session.scalars(select(Tea).order_by(Tea.place)).all()
    return render_template("teas.html", teas=found, added=_just_added())


@shelf.get("/teas/<name>")
def tea(name: str) -> str:
    """One tea: where it is from, how it is made."""
    found = db.session.get(Tea, name)
    if found is None:
        abort(404)
    return render_template("tea.html", tea=found, brewing=BREWING, added=_just_added())


@shelf.post("/basket/<name>")
def put(name: str) -> Response:
    """Put bags in the basket, or say how many there should be."""
    if db.session.get(Tea, name) is None:
        abort(404)
    bags = basket.whole_number(request.form.get("quantity"), 1)
    if request.form.get("do") == "set":
        basket.put(name, bags)
        return redirect(url_for("shelf.show_basket"), 303)
    basket.put(name, basket.wanted().get(name, 0) + bags)
    session["added"] = name
    if request.form.get("from") == "tea":
        return redirect(url_for("shelf.tea", name=name), 303)
    return redirect(url_for("shelf.teas"), 303)


@shelf.get("/basket")
def show_basket() -> str:
    """The basket at today's prices, and the form that orders it."""
    return basket_page()


def basket_page(refused: CannotOrder | None = None, *, way: str = "") -> str:
    """The basket; after a refusal with the reason, and a fresh key, since that form has ordered nothing."""
    items = basket.items()
    return render_template(
        "basket.html", items=items, total=sum(one.cost for one in items), ways=tuple(WAYS), way=way or "alipay",
        key=secrets.token_hex(16), refused=refused,
    )  # fmt: skip


def _just_added() -> str:
    return str(session.pop("added", ""))
