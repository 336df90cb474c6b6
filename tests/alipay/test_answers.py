"""What Alipay says, and what it does not say: each becomes the one outcome it proves. Catalogue section D."""

from __future__ import annotations

import pytest

from payflow.errors import ConfigError
from payflow.gateway import EventKind, Outcome
from payflow.testing.signed import private_key, public_pem

from .scripted import NOW, Script, a_payment, a_refund, pem_of

PRECREATE, QUERY, CLOSE = "alipay.trade.precreate", "alipay.trade.query", "alipay.trade.close"
PAY, CANCEL, REFUND = "alipay.trade.pay", "alipay.trade.cancel", "alipay.trade.refund"
ASK_REFUND = "alipay.trade.fastpay.refund.query"
QR = "https://qr.alipay.com/bax000000000000000000"
TRADE = {"trade_no": "2026012822001400000000000001", "out_trade_no": "ORDER_0001", "total_amount": "12.50"}


# -- what proves nothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "GATEWAY_RESPONSE_MALFORMED"),
        (b"null", "GATEWAY_RESPONSE_MALFORMED"),
        (b"[]", "GATEWAY_RESPONSE_MALFORMED"),
        (b"<html>busy</html>", "GATEWAY_RESPONSE_MALFORMED"),
        (b'{"alipay_trade_precreate_response":{"code":"10000"', "GATEWAY_RESPONSE_MALFORMED"),
        (b'{"alipay_trade_precreate_response":{"code":"10000"}}', "GATEWAY_RESPONSE_UNSIGNED"),
        (b'{"alipay_trade_precreate_response":{"code":"10000"},"sign":""}', "GATEWAY_RESPONSE_UNSIGNED"),
        (b'{"alipay_trade_precreate_response":{"code":"10000"},"sign":"AAAA"}', "GATEWAY_RESPONSE_SIGNATURE"),
        (b'{"error_response":{"code":"40002","sub_code":"isv.invalid-signature"}}', "GATEWAY_RESPONSE_UNSIGNED"),
        (b'{"error_response":{"code":"20000"},"error_response":{"code":"10000"}}', "GATEWAY_RESPONSE_MALFORMED"),
    ],
)  # fmt: skip
def test_b091_b093_what_is_not_genuine_is_unknown(far: Script, body: bytes, code: str) -> None:
    far.raw(body)
    answer = far.gateway().charge(a_payment())
    assert (answer.outcome, answer.words["error"], answer.events) == (Outcome.UNKNOWN, code, ())


@pytest.mark.parametrize("status", [301, 302, 400, 403, 404, 500, 502, 503])
def test_b094_another_status_is_unknown(far: Script, status: int) -> None:
    for _ in range(3 if status >= 500 else 1):  # a query may be asked again at once
        far.raw(b"<html></html>", status)
    assert far.gateway().query(a_payment()).outcome is Outcome.UNKNOWN


def test_an_answer_about_another_method_is_unknown(far: Script) -> None:
    far.say(QUERY, trade_status="TRADE_SUCCESS", **TRADE)
    assert far.gateway().charge(a_payment()).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("sub_code", ["isp.unknow-error", "aop.ACQ.SYSTEM_ERROR"])
def test_their_own_trouble_is_unknown(far: Script, sub_code: str) -> None:
    far.deny(PRECREATE, sub_code, code="20000")
    assert far.gateway().charge(a_payment()).outcome is Outcome.UNKNOWN


def test_f22_too_many_calls_were_never_sent(far: Script) -> None:
    far.deny(PRECREATE, "isv.app-call-limited", code="40005")
    assert far.gateway().charge(a_payment()).outcome is Outcome.NEVER_SENT


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "https://evil.example/x", "https://qr.alipay.com.evil.example/", "http://qr.alipay.com/x",
     "https://user@qr.alipay.com/", "https://qr.alipay.com/\r\nX: y", "", None, 7,
     "https://qr.alipay.com/" + "x" * 2000],
)  # fmt: skip
def test_b098_a_qr_text_of_somebody_else_is_not_handed_on(far: Script, text: object) -> None:
    far.say(PRECREATE, out_trade_no="ORDER_0001", qr_code=text)
    answer = far.gateway().charge(a_payment())
    assert (answer.outcome, answer.next_action) == (Outcome.UNKNOWN, None)


# -- charging -------------------------------------------------------------------------------------------------------


def test_an_order_says_everything_the_document_asks_for(far: Script) -> None:
    far.say(PRECREATE, out_trade_no="ORDER_0001", qr_code=QR)
    far.gateway().charge(a_payment(description="A/B=C&D"))
    assert far.biz() == {
        "out_trade_no": "ORDER_0001", "total_amount": "12.50", "subject": "A／B＝C＆D",
        "product_code": "FACE_TO_FACE_PAYMENT", "time_expire": "2026-05-29 04:41:40",
    }  # fmt: skip
    sent = far.seen[-1]
    assert (sent["timestamp"], sent["notify_url"]) == ("2026-05-29 04:26:40", "https://shop.example/callbacks/alipay")
    assert (sent["sign_type"], sent["charset"], sent["version"]) == ("RSA2", "utf-8", "1.0")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_f62_the_time_is_beijings_whatever_the_zone(far: Script, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        far.say(PRECREATE, out_trade_no="ORDER_0001", qr_code=QR)
        far.gateway().charge(a_payment())
    finally:
        monkeypatch.undo()
        time.tzset()
    assert far.seen[-1]["timestamp"] == "2026-05-29 04:26:40"


def test_a_definite_refusal_is_one(far: Script) -> None:
    far.deny(PAY, "ACQ.BUYER_BALANCE_NOT_ENOUGH")
    assert far.gateway().charge(a_payment("barcode")).outcome is Outcome.REJECTED


def test_f23_what_was_paid_already_is_found_out_before_it_is_refused(far: Script) -> None:
    far.deny(PRECREATE, "ACQ.TRADE_HAS_SUCCESS")
    far.say(QUERY, trade_status="TRADE_SUCCESS", send_pay_date="2026-05-29 04:26:30", **TRADE)
    answer = far.gateway().charge(a_payment())
    assert answer.outcome is Outcome.CONFIRMED
    assert [(event.kind, event.source) for event in answer.events] == [(EventKind.PAID, "answer")]


def test_a_bar_code_that_needs_a_password_waits(far: Script) -> None:
    far.say(PAY, code="10003", msg="order success pay inprocess", **TRADE)
    answer = far.gateway().charge(a_payment("barcode"))
    assert answer.outcome is Outcome.CONFIRMED
    assert answer.next_action is not None
    assert (answer.next_action.kind, answer.events) == ("wait", ())


# -- asking ---------------------------------------------------------------------------------------------------------


def test_b096_another_amount_is_told_as_it_is(far: Script) -> None:
    far.say(QUERY, trade_status="TRADE_SUCCESS", **{**TRADE, "total_amount": "12.49"})
    (event,) = far.gateway().query(a_payment()).events
    assert (event.kind, event.amount) == (EventKind.PAID, 1249)


@pytest.mark.parametrize("amount", ["12.5", "1e3", "12", "-12.50", "¥12.50", "１２.50", "12.500", "NaN"])
def test_b110_an_amount_that_is_not_one_is_unknown(far: Script, amount: str) -> None:
    far.say(QUERY, trade_status="TRADE_SUCCESS", **{**TRADE, "total_amount": amount})
    answer = far.gateway().query(a_payment())
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())


def test_a_trade_that_no_payer_has_opened_may_still_come(far: Script) -> None:
    shown = a_payment(next_action='{"kind":"qr"}')
    far.deny(QUERY, "ACQ.TRADE_NOT_EXIST")
    assert far.gateway().query(shown).outcome is Outcome.CONFIRMED
    far.deny(QUERY, "ACQ.TRADE_NOT_EXIST")
    late = far.gateway().query(a_payment(next_action='{"kind":"qr"}', expires_at=NOW))
    assert late.outcome is Outcome.NOT_FOUND
    far.deny(QUERY, "ACQ.TRADE_NOT_EXIST")
    assert far.gateway().query(a_payment()).outcome is Outcome.NOT_FOUND  # nobody was told how to pay


def test_f29_a_trade_closed_by_refunding_it_was_paid(far: Script) -> None:
    far.say(QUERY, trade_status="TRADE_CLOSED", send_pay_date="2026-05-29 04:26:30", **TRADE)
    assert [event.kind for event in far.gateway().query(a_payment()).events] == [EventKind.PAID]
    far.say(QUERY, trade_status="TRADE_CLOSED", **TRADE)
    assert [event.kind for event in far.gateway().query(a_payment()).events] == [EventKind.CLOSED]


# -- closing --------------------------------------------------------------------------------------------------------


def test_f14_what_is_paid_is_not_closed_and_says_so(far: Script) -> None:
    far.deny(CLOSE, "ACQ.TRADE_STATUS_ERROR")
    far.say(QUERY, trade_status="TRADE_SUCCESS", **TRADE)
    answer = far.gateway().close(a_payment())
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.REJECTED, [EventKind.PAID])


def test_a_bar_code_is_asked_about_before_it_is_cancelled(far: Script) -> None:
    far.say(QUERY, trade_status="TRADE_SUCCESS", **TRADE)
    answer = far.gateway().close(a_payment("barcode"))
    assert answer.outcome is Outcome.REJECTED
    assert [sent["method"] for sent in far.seen] == [QUERY]  # cancelling would have given the money back


def test_a_cancel_that_is_to_be_repeated_is_unknown(far: Script) -> None:
    far.say(QUERY, trade_status="WAIT_BUYER_PAY", **TRADE)
    far.say(CANCEL, retry_flag="Y", **TRADE)
    assert far.gateway().close(a_payment("barcode")).outcome is Outcome.UNKNOWN


# -- refunding ------------------------------------------------------------------------------------------------------


def test_a_refund_is_done_when_funds_have_changed(far: Script) -> None:
    far.say(REFUND, fund_change="Y", refund_fee="9.00", **TRADE)
    (event,) = far.gateway().refund(a_payment(), a_refund()).events
    assert (event.kind, event.amount, event.out_refund_no) == (EventKind.REFUND_SUCCEEDED, None, "REFUND_0001")
    assert far.biz()["refund_amount"] == "5.00"


@pytest.mark.parametrize("fund_change", ["N", None])
def test_f28_10000_alone_is_no_refund(far: Script, fund_change: str | None) -> None:
    far.say(REFUND, refund_fee="5.00", **TRADE, **({"fund_change": fund_change} if fund_change else {}))
    far.say(ASK_REFUND)
    answer = far.gateway().refund(a_payment(), a_refund())
    assert (answer.outcome, answer.events) == (Outcome.CONFIRMED, ())


def test_a_refund_that_an_earlier_call_had_made_is_found(far: Script) -> None:
    far.deny(REFUND, "ACQ.TRADE_HAS_CLOSE")
    far.say(ASK_REFUND, refund_status="REFUND_SUCCESS", refund_amount="5.00", out_request_no="REFUND_0001", **TRADE)
    answer = far.gateway().refund(a_payment(), a_refund())
    assert [event.kind for event in answer.events] == [EventKind.REFUND_SUCCEEDED]


def test_a_merchant_without_balance_tries_again_with_the_same_number(far: Script) -> None:
    far.deny(REFUND, "ACQ.SELLER_BALANCE_NOT_ENOUGH")
    assert far.gateway().refund(a_payment(), a_refund()).outcome is Outcome.NEVER_SENT


def test_an_answer_about_another_refund_is_not_ours(far: Script) -> None:
    far.say(ASK_REFUND, refund_status="REFUND_SUCCESS", refund_amount="5.00", out_request_no="REFUND_0002", **TRADE)
    answer = far.gateway().query_refund(a_payment(), a_refund())
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())


def test_the_second_payment_of_an_order_goes_back_by_its_own_number(far: Script) -> None:
    far.say(REFUND, fund_change="Y", refund_fee="12.50", **TRADE)
    far.gateway().refund(a_payment(), a_refund(gateway_txn="2026052922001400000000000002"))
    assert far.biz()["trade_no"] == "2026052922001400000000000002"
    assert "out_trade_no" not in far.biz()


# -- opening an account ---------------------------------------------------------------------------------------------


def test_b181_the_apps_own_public_key_is_not_alipays(far: Script) -> None:
    with pytest.raises(ConfigError) as refused:
        far.gateway(alipay_public_keys=[public_pem(private_key("app"))])
    assert refused.value.code == "CONFIG_KEY_MISMATCH"


def test_b175_nothing_shows_a_key(far: Script) -> None:
    gateway = far.gateway(app_auth_token="canary-app-auth-token", aes_key=b"Y2FuYXJ5LWtleS0xNmJ5dA==")
    shown = repr(gateway) + str(vars(gateway)) + repr(gateway._client) + str(gateway.__dict__)
    line = pem_of("app").splitlines()[5].decode()
    assert line not in shown
    assert "canary" not in shown
    assert "Y2FuYXJ5" not in shown


def test_encrypted_both_ways(far: Script) -> None:
    from payflow.signing import ContentCipher, Signer

    cipher = ContentCipher(b"canary-key-16byt")
    node = '"' + cipher.encrypt(b'{"code":"10000","msg":"Success","qr_code":"' + QR.encode() + b'"}') + '"'
    far.raw(far.envelope(PRECREATE, node, Signer(private_key("alipay")).sign(node.encode())))
    answer = far.gateway(aes_key=b"Y2FuYXJ5LWtleS0xNmJ5dA==").charge(a_payment())
    assert answer.outcome is Outcome.CONFIRMED
    assert b'"total_amount":"12.50"' in cipher.decrypt(far.seen[-1]["biz_content"], 10_000)
    assert far.seen[-1]["encrypt_type"] == "AES"
