"""The simulated phone: the cashier of the mock gateway, where the payer pays, pays with two callbacks, or declines."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payflow import NotFound
from payflow.flask import current_payflow
from payflow.gateways.mock import MockGateway
from payflow.store import Wants

from .menu import called

phone = Blueprint("phone", __name__, url_prefix="/mock/cashier/mock")


def mock() -> MockGateway:
    """The gateway behind the phone."""
    return cast(MockGateway, current_payflow().gateways["mock"])


@phone.get("/<out_trade_no>")
def cashier(out_trade_no: str) -> tuple[str, int]:
    """What the payer sees."""
    trade = mock().trade(out_trade_no)
    if trade is None:
        return render_template("phone.html", trade=None), 404
    flow = current_payflow()
    payment = flow.store.gather(Wants(payments={out_trade_no})).payments.get(out_trade_no)
    return render_template("phone.html", trade=trade, what=called(payment) if payment else trade.description), 200


@phone.post("/<out_trade_no>")
def tap(out_trade_no: str) -> Response:
    """What the payer does. A second tap on what has ended changes nothing."""
    gateway, what = mock(), request.form.get("do")
    trade = gateway.trade(out_trade_no)
    if trade is None:
        raise NotFound("The phone does not know this order", code="MOCK_TRADE_NOT_FOUND")
    if what not in ("pay", "pay_twice", "decline"):
        abort(400)
    if trade.state == "NOTPAY":
        if what == "decline":
            gateway.payer.decline(out_trade_no)
        else:
            gateway.payer.pay(out_trade_no)
        if what == "pay_twice" and gateway.deliver is not None:
            for callback in gateway.callbacks(out_trade_no):
                gateway.deliver(callback)
    return redirect(url_for("phone.cashier", out_trade_no=out_trade_no), 303)
