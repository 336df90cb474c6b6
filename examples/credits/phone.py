"""The simulated phone: the cashier of the mock gateway, where the payer pays, pays with two callbacks, or declines."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as AnyResponse

from payflow import NotFound
from payflow.gateways.mock import MockGateway

from .place import here

phone = Blueprint("phone", __name__, url_prefix="/mock/cashier/mock")


def _mock() -> MockGateway:
    return cast(MockGateway, here().flow.gateways["mock"])


@phone.get("/<out_trade_no>")
def cashier(out_trade_no: str) -> tuple[str, int]:
    """What the payer sees."""
    trade = _mock().trade(out_trade_no)
    return render_template("phone.html", trade=trade), 200 if trade else 404


@phone.post("/<out_trade_no>")
def tap(out_trade_no: str) -> AnyResponse:
    """What the payer does. A second tap on what has ended changes nothing."""
    gateway, what = _mock(), request.form.get("do")
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
