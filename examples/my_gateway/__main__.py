"""``python -m examples.my_gateway``: one payment through the gateway of ``gateway.py``, from order to refund."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from payflow import Callback, Money, load, open_flow

from .far_side import FarSide


def main() -> None:
    """Order, pay, be told twice, refund, and read the story."""
    environ = {"MY_GATEWAY_KEY": secrets.token_urlsafe(32), "MY_GATEWAY_CONFIRMATIONS": secrets.token_urlsafe(32)}
    config = json.loads(Path(__file__).with_name("payflow.json").read_text(encoding="utf-8"))
    with FarSide(environ["MY_GATEWAY_KEY"].encode()) as far:
        config["gateways"]["mine"]["options"]["address"] = far.address
        flow = open_flow(load(config, environ), migrate=True)
        result = flow.pay(amount=Money.parse("12.50"), channel="qr", key="order-1", action="buy", description="latte")
        print(f"{result.payment.status}: show {result.next_action.data['text']}")
        far.pay(result.payment.out_trade_no)
        _, body = far.told[-1]
        for _ in range(2):  # it comes twice; it is booked once
            told = Callback("mine", tuple(far.headers("callback", body).items()), body)
            print("callback answered with", flow.receive(told).status)
        flow.refund(result.payment.id, key="refund-1", amount=Money.parse("5.00"), reason="cold")
        print(flow.trace(result.payment.id).text())


main()
