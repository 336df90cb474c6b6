"""Payments and refunds the tests are made of, and where they are asked about."""

from __future__ import annotations

import json
from typing import Any

from payflow.gateways.wechat import WeChat
from payflow.records import Payment, Refund
from payflow.testing.material import a_payment, a_refund

from .far_side import FarSide, Reply

NUMBER = "ORDER_0001"
ORDERS = "/v3/pay/transactions"
ORDER = f"{ORDERS}/out-trade-no/{NUMBER}"
REFUNDS = "/v3/refund/domestic/refunds"
REFUND = f"{REFUNDS}/REFUND_0001"
AUTH_CODE = "130000000000000017"

PAYER: dict[str, dict[str, Any]] = {
    "jsapi": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "mini_program": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
    "app": {},
    "h5": {"client_ip": "203.0.113.7"},
    "qr": {},
    "barcode": {"auth_code": AUTH_CODE, "store_id": "SHOP_1"},
}


def order(gateway: WeChat, channel: str = "qr", *, metadata: dict[str, Any] | None = None, **other: Any) -> Payment:
    facts = {"out_trade_no": NUMBER, "amount": 1250, "channel": channel, "description": "拿铁 latte"}
    said = PAYER[channel] if metadata is None else metadata
    return a_payment(gateway, **{**facts, "metadata": json.dumps(said), **other})


def refund_of(gateway: WeChat, **other: Any) -> Refund:
    return a_refund(gateway, **{"out_refund_no": "REFUND_0001", "amount": 500, **other})


def transaction(far: FarSide, state: str = "SUCCESS", **changes: Any) -> Reply:
    """The signed answer to a query."""
    amount = {"total": 1250, "currency": "CNY"}
    unpaid = {"transaction_id": None, "success_time": None, "payer": None, "amount": amount}
    said = far.signer.paid(**({"trade_state": state} | ({} if state == "SUCCESS" else unpaid) | changes))
    return Reply(body=said)


def refund_answer(far: FarSide, status: str = "SUCCESS", **changes: Any) -> Reply:
    """The signed answer about a refund: the state is called ``status``, and no merchant is named."""
    said = far.signer.refunded(status, mchid=None, refund_status=None, **changes)
    said["amount"]["currency"] = "CNY"
    return Reply(body={**said, "status": status, "channel": "ORIGINAL"})
