"""Notifications: what they say, how they are proven, and when they are sent again."""

from __future__ import annotations

import json

import pytest

from payflow.sandbox import Sandbox

from .merchant import PAY, REFUNDS, Client, Shop, sealed_field, serial


def test_a_payment_is_told(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.order("ORDER01", attach="桌 4")
    number = sandbox.pay("ORDER01").number
    sandbox.deliver()
    (envelope,), (said,) = shop.envelopes, shop.said
    assert (envelope["event_type"], envelope["resource_type"]) == ("TRANSACTION.SUCCESS", "encrypt-resource")
    assert (envelope["resource"]["original_type"], envelope["resource"]["associated_data"]) == ("transaction",) * 2
    assert (envelope["resource"]["algorithm"], len(envelope["resource"]["nonce"])) == ("AEAD_AES_256_GCM", 12)
    assert (len(envelope["id"]), envelope["create_time"][-6:]) == (36, "+08:00")
    assert said == client.query("ORDER01").json()
    assert (said["transaction_id"], said["attach"]) == (number, "桌 4")
    assert shop.genuine == [True]
    assert shop.headers[0]["Wechatpay-Signature-Type"] == "WECHATPAY2-SHA256-RSA2048"
    assert (shop.headers[0]["Content-Type"], shop.headers[0]["Request-ID"]) == ("application/json", envelope["id"])


def test_code_pay_is_told_by_its_answer_alone(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.post(f"{PAY}/codepay", client.code_body("ORDER01"))
    sandbox.deliver()
    assert shop.bodies == []


def test_what_is_not_paid_is_not_told(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.order("ORDER01")
    sandbox.decline("ORDER01")
    client.close("ORDER01")
    client.order("ORDER02", time_expire="2099-01-01T00:00:00+08:00")
    sandbox.advance(3650 * 86_400)
    sandbox.deliver()
    assert shop.bodies == []


@pytest.mark.parametrize(
    ("fault", "event"),
    [("", "REFUND.SUCCESS"), ("refund_abnormal", "REFUND.ABNORMAL"), ("refund_closed", "REFUND.CLOSED")],
)
def test_how_a_refund_ended_is_told(client: Client, sandbox: Sandbox, shop: Shop, fault: str, event: str) -> None:
    client.notify_url = "https://shop.example/not-there"
    client.paid("ORDER01")
    if fault:
        sandbox.fault(fault)
    refund = client.refund("ORDER01", 500, notify_url=shop.url).json()
    sandbox.advance(1)
    (envelope,), (said,) = shop.envelopes, shop.said
    assert (envelope["event_type"], envelope["resource"]["original_type"]) == (event, "refund")
    assert (said["refund_status"], "status" in said) == (event.partition(".")[2], False)
    assert (said["refund_id"], said["out_refund_no"]) == (refund["refund_id"], "RORDER01")
    assert (said["mchid"], said["out_trade_no"]) == (client.merchant.mchid, "ORDER01")
    assert said["amount"] == {"total": 1250, "refund": 500, "payer_total": 1250, "payer_refund": 500}
    assert ("success_time" in said) is (event == "REFUND.SUCCESS")


def test_a_refund_without_an_address_is_not_told(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.paid("ORDER01")
    sandbox.deliver()
    client.refund("ORDER01", notify_url=None)
    sandbox.advance(1)
    assert shop.events == ["TRANSACTION.SUCCESS"]


def test_a_mended_refund_is_told_as_what_it_was_each_time(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.paid("ORDER01")
    sandbox.deliver()
    sandbox.fault("refund_abnormal")
    number = client.refund("ORDER01", 500).json()["refund_id"]
    shop.status = 500
    sandbox.advance(1)  # the first telling is not taken
    seal = client.material.platform_certificate.public_key()
    client.answer_with = serial(client.material.platform_certificate)
    body = {
        "out_refund_no": "RORDER01", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT",
        "bank_account": sealed_field(seal, "6222"), "real_name": sealed_field(seal, "王"),  # type: ignore[arg-type]  # an RSA key
    }  # fmt: skip
    assert client.post(f"{REFUNDS}/{number}/apply-abnormal-refund", body).status_code == 200
    shop.status = 204
    sandbox.advance(20)
    assert sorted(shop.events[1:]) == ["REFUND.ABNORMAL", "REFUND.ABNORMAL", "REFUND.SUCCESS"]
    ids = {envelope["event_type"]: envelope["id"] for envelope in shop.envelopes[1:]}
    assert len(set(ids.values())) == 2
    assert all(shop.genuine)


def test_what_is_sent_again_has_the_same_id_and_new_proofs(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    shop.status = 500
    client.paid("ORDER01")
    sandbox.deliver()
    sandbox.advance(15)
    first, second = shop.envelopes
    assert first["id"] == second["id"]
    assert first["create_time"] == second["create_time"]
    assert first["resource"]["nonce"] != second["resource"]["nonce"]
    nonces = {headers["Wechatpay-Nonce"] for headers in shop.headers}
    assert (len(nonces), shop.genuine) == (2, [True, True])


def test_fifteen_tries_on_their_schedule(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    shop.status = 500
    client.paid("ORDER01")
    sandbox.deliver()
    gaps = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600)
    for tries, gap in enumerate(gaps, 1):
        assert len(shop.bodies) == tries
        sandbox.advance(gap - 0.5)
        assert len(shop.bodies) == tries
        sandbox.advance(0.5)
    assert (len(shop.bodies), sum(gaps)) == (16, 86_640)  # 24 h 4 min
    sandbox.advance(86_400)
    assert len(shop.bodies) == 16
    assert sandbox.books.callbacks_of(sandbox.order("ORDER01"))[0].state == "given_up"
    assert all(shop.genuine)


@pytest.mark.parametrize(
    ("status", "taken"), [(200, True), (204, True), (201, False), (302, False), (401, False), (500, False)]
)
def test_an_answer_of_200_or_204_is_enough(
    client: Client, sandbox: Sandbox, shop: Shop, status: int, taken: bool
) -> None:
    shop.status = status
    client.paid("ORDER01")
    sandbox.deliver()
    sandbox.advance(15)
    assert len(shop.bodies) == (1 if taken else 2)


@pytest.mark.parametrize("fault", ["callback_bad_signature", "callback_signtest"])
def test_a_wrong_signature_is_sent_once(client: Client, sandbox: Sandbox, shop: Shop, fault: str) -> None:
    shop.status = 401
    sandbox.fault(fault)
    client.paid("ORDER01")
    sandbox.deliver()
    shop.status = 200
    sandbox.advance(15)
    assert shop.genuine == [False, True]
    probe = shop.headers[0]["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    assert probe is (fault == "callback_signtest")


def test_amounts_may_be_wrong_in_payments_and_refunds(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fault("callback_wrong_amount", times=2)
    client.paid("ORDER01")
    sandbox.deliver()
    client.refund("ORDER01", 500)
    sandbox.advance(1)
    paid, back = shop.said
    assert (paid["amount"]["total"], back["amount"]["refund"]) == (1251, 501)
    assert shop.genuine == [True, True]


def test_lost_late_and_double(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fault("callback_lost")
    client.paid("ORDER01")
    sandbox.deliver()
    assert shop.bodies == []
    sandbox.fault("callback_late", value=30)
    client.paid("ORDER02")
    sandbox.advance(29)
    assert shop.bodies == []
    sandbox.advance(1)
    assert len(shop.bodies) == 1
    sandbox.fault("callback_duplicate", value=2)
    client.paid("ORDER03")
    sandbox.deliver()
    assert len(shop.bodies) == 4
    assert len({json.loads(body)["id"] for body in shop.bodies[1:]}) == 1


def test_a_refunded_order_is_told_as_the_payment_it_was(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.paid("ORDER01")
    client.refund("ORDER01", 1250)
    sandbox.advance(1)
    said = next(one for one in shop.said if "trade_state" in one)
    assert said["trade_state"] == "SUCCESS"


def test_a_public_key_merchant_is_told_by_the_public_key(public: Client, sandbox: Sandbox, shop: Shop) -> None:
    public.paid("ORDER01")
    sandbox.deliver()
    assert (public.key_of(shop.headers[0]), shop.genuine) == ("wechat_public", [True])
