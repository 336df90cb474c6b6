"""Credit is bought: a pack, or a free amount at the rate. A payment like any other, credited when it is paid."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from payflow import Money, NextAction, NotFound, PayflowError, Payment
from payflow.ledger.names import account_id

from .place import here
from .prices import UNIT
from .purse import purse_of
from .visitor import owner

buying = Blueprint("buying", __name__)


def shelf(error: PayflowError | None = None) -> str:
    """The page: what is sold."""
    sold = here().wallet.shelf
    return render_template(
        "buy.html", packs=sold.of_unit(UNIT), rate=next((one for one in sold.rates if one.unit == UNIT), None),
        purse=purse_of(here().wallet, owner()), key=secrets.token_hex(12), error=error,
        typed=request.form.get("amount", ""),
    )  # fmt: skip


@buying.get("/buy")
def show() -> str:
    """What is sold."""
    return shelf()


@buying.post("/buy")
def buy() -> AnyResponse:
    """The form: ``pack``, or ``amount``. Its hidden key makes a double click one payment."""
    who, key, pack = owner(), request.form.get("key", ""), request.form.get("pack", "")
    amount = None if pack else Money.parse(_with_decimals(request.form.get("amount", "")))
    here().writing.welcome(who)
    ordered = here().wallet.top_up(
        who, UNIT, channel="qr", key=f"{key}-{pack or 'amount'}", pack=pack or None, amount=amount, action="top_up",
        description=f"Parrot credit, {pack or 'free amount'}",
    )  # fmt: skip
    return redirect(url_for("buying.payment", payment_id=ordered.payment.id), 303)


def _with_decimals(text: str) -> str:
    """People write ``25`` and ``2.5``; an amount has both its decimals."""
    typed = text.strip().removeprefix("¥")
    if re.fullmatch(r"[0-9]{1,9}", typed):
        return f"{typed}.00"
    return f"{typed}0" if re.fullmatch(r"[0-9]{1,9}\.[0-9]", typed) else typed


@buying.get("/payments/<payment_id>")
def payment(payment_id: str) -> str:
    """A payment of the visitor's: how it is paid, and what it brought."""
    flow = here().flow
    paid = flow.payment(payment_id)
    if paid.reference != account_id(owner(), UNIT):
        raise NotFound("There is no such payment", code="PAYMENT_NOT_FOUND")
    link = url_for("phone.cashier", out_trade_no=paid.out_trade_no, _external=True)
    action = flow.next_action(paid)
    code = NextAction("qr", {"text": link}).svg() if action.kind == "qr" else ""
    return render_template(
        "payment.html", payment=paid, bought=bought(paid), link=link, waits=paid.status in ("created", "pending"),
        qr=Markup(code), purse=purse_of(here().wallet, owner()),  # noqa: S704 -- drawn from an address of our own
    )  # fmt: skip


def bought(paid: Payment) -> dict[str, Any]:
    """What a payment buys, as it was fixed when it was made: amount, bonus, pack."""
    told: dict[str, Any] = json.loads(paid.credit or "{}")
    return told
