"""Every product of both gateways, from the host's call to the last fen given back."""

from __future__ import annotations

import pytest

from .world import ACCOUNTS, PAYERS, World, kind_of

PRODUCTS = [(account, channel) for account in ACCOUNTS for channel in PAYERS[kind_of(account)] if channel != "barcode"]
ACTIONS = {
    ("alipay", "page"): "redirect", ("alipay", "wap"): "redirect", ("alipay", "app"): "sdk", ("alipay", "qr"): "qr",
    ("alipay", "mini_program"): "mini_program", ("wechat", "jsapi"): "mini_program",
    ("wechat", "mini_program"): "mini_program", ("wechat", "app"): "sdk", ("wechat", "h5"): "redirect",
    ("wechat", "qr"): "qr",
}  # fmt: skip


@pytest.mark.parametrize(("account", "channel"), PRODUCTS)
def test_a_product_from_the_order_to_the_last_fen_given_back(drill: World, account: str, channel: str) -> None:
    result = drill.pay(account, channel, 1250)
    payment = result.payment
    assert (payment.status, result.next_action.kind) == ("pending", ACTIONS[kind_of(account), channel])
    cashier = drill.open_as_payer(result.next_action)
    assert payment.out_trade_no in cashier
    drill.click(cashier)
    drill.wait_for(lambda: drill.now(payment).status == "paid")
    assert (drill.now(payment).captured, drill.booked(payment)) == (1250, 1250)
    drill.refund(payment, 250)
    drill.wait_for(lambda: drill.now(payment).status == "partially_refunded")
    assert (drill.now(payment).refunded, drill.booked(payment)) == (250, 1000)
    drill.refund(payment)
    drill.wait_for(lambda: drill.now(payment).status == "refunded")
    assert (drill.now(payment).refunded, drill.booked(payment)) == (1250, 0)
    drill.calm()
    drill.agree()
    assert drill.incidents(payment) == []
    said = str(drill.flow.trace(payment.id))
    for word in ("paid", "partially_refunded", "refunded"):
        assert word in said
    assert [message.kind for message in drill.told if message.payment_id == payment.id].count("payment.paid") == 1
