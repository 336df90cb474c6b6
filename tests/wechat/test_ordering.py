"""Orders: what is sent for each channel, and what the payer's client is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from payflow.errors import InvalidRequest, Refused
from payflow.gateway import EventKind, Outcome
from payflow.signing import Verifier, decode_base64
from payflow.testing.signed import private_key

from .far_side import NOTIFY_URL, FarSide, Reply, error
from .scenes import AUTH_CODE, NUMBER, ORDER, ORDERS, PAYER, order, transaction

PREPAY = "wx201410272009395522657a690389285100"
CODE_URL = "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"
H5_URL = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=2150917749"


def verified(text: str, signature: str) -> bool:
    return Verifier(private_key("merchant").public_key()).verifies(decode_base64(signature, 1368), text.encode())


def test_what_is_sent_for_a_qr_code(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/native", Reply(body={"code_url": CODE_URL}))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, expires_at=1_769_817_600_000_000, metadata={"attach": "table 4"}))
    assert answer.outcome is Outcome.CONFIRMED
    assert answer.next_action is not None
    assert (answer.next_action.kind, answer.next_action.data) == ("qr", {"text": CODE_URL})
    (heard,) = far.heard
    assert heard.said == {
        "appid": far.signer.appid, "mchid": far.signer.mchid, "description": "拿铁 latte", "out_trade_no": NUMBER,
        "amount": {"total": 1250, "currency": "CNY"}, "attach": "table 4", "notify_url": NOTIFY_URL,
        "time_expire": "2026-01-31T08:00:00+08:00",
    }  # fmt: skip
    assert heard.headers["accept"] == heard.headers["content-type"] == "application/json"
    assert heard.headers["user-agent"]
    assert heard.headers["wechatpay-serial"] == far.signer.key_id  # in public-key mode, on every request


@pytest.mark.parametrize("channel", ["jsapi", "mini_program"])
def test_the_parameters_of_a_page_or_mini_program(far: FarSide, channel: str) -> None:
    far.says("POST", f"{ORDERS}/jsapi", Reply(body={"prepay_id": PREPAY}))
    gateway = far.gateway()
    action = gateway.charge(order(gateway, channel)).next_action
    assert action is not None
    assert action.kind == "mini_program"
    params = action.data["params"]
    assert (params["appId"], params["package"], params["signType"]) == (
        far.signer.appid, f"prepay_id={PREPAY}", "RSA",
    )  # fmt: skip
    text = "".join(f"{params[name]}\n" for name in ("appId", "timeStamp", "nonceStr", "package"))
    assert verified(text, params["paySign"])
    assert far.heard[0].said["payer"] == {"openid": PAYER["jsapi"]["openid"]}


def test_the_parameters_of_an_app(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/app", Reply(body={"prepay_id": PREPAY}))
    gateway = far.gateway()
    action = gateway.charge(order(gateway, "app")).next_action
    assert action is not None
    assert action.kind == "sdk"
    params = action.data["params"]
    assert (params["partnerid"], params["prepayid"], params["package"]) == (far.signer.mchid, PREPAY, "Sign=WXPay")
    text = "".join(f"{params[name]}\n" for name in ("appid", "timestamp", "noncestr", "prepayid"))
    assert verified(text, params["sign"])


def test_the_address_of_a_page_outside_wechat(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/h5", Reply(body={"h5_url": H5_URL}))
    gateway = far.gateway()
    payer = {"client_ip": "203.0.113.7", "h5_type": "iOS", "return_url": "https://shop.example/done?a=1"}
    action = gateway.charge(order(gateway, "h5", metadata=payer)).next_action
    assert action is not None
    assert action.kind == "redirect"
    assert action.data["url"] == f"{H5_URL}&redirect_url=https%3A%2F%2Fshop.example%2Fdone%3Fa%3D1"
    assert far.heard[0].said["scene_info"] == {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "iOS"}}


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "http://wx.tenpay.com/x", "https://wx.tenpay.com.evil.example/x", "data:text/html,x",
     "https://evil.example/?wx.tenpay.com", "https://wx.tenpay.com@evil.example/", "//wx.tenpay.com/", "", None, 1, [],
     "https://wx.tenpay.com/" + "a" * 10_240, "https://wx.tenpay.com/\r\nX: y", "https://wx.tenpay.com/<script>",
     "https://wx.tenpay.com:8443/", "https://evil.example\\@wx.tenpay.com/", "weixin://wxpay/bizpayurl?pr=1"],
)  # fmt: skip
def test_b098_an_address_that_does_not_lead_to_wechat_pay(far: FarSide, url: Any) -> None:
    far.says("POST", f"{ORDERS}/h5", Reply(body={"h5_url": url}))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, "h5"))
    assert (answer.outcome, answer.next_action) == (Outcome.UNKNOWN, None)
    assert answer.words["code"] == "gateway.response_malformed"


@pytest.mark.parametrize("url", ["https://evil.example/", "javascript:x", "wechat://x", "weixin:/x", "", None, {}])
def test_b098_a_qr_text_that_is_not_wechat_pays(far: FarSide, url: Any) -> None:
    far.says("POST", f"{ORDERS}/native", Reply(body={"code_url": url}))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway))
    assert (answer.outcome, answer.words["code"]) == (Outcome.UNKNOWN, "gateway.response_malformed")


@pytest.mark.parametrize("prepay_id", [None, "", "a\nb", 5, "x" * 65, "é"])
def test_b098_a_prepay_id_that_is_none(far: FarSide, prepay_id: Any) -> None:
    far.says("POST", f"{ORDERS}/jsapi", Reply(body={"prepay_id": prepay_id}))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, "jsapi"))
    assert (answer.outcome, answer.next_action) == (Outcome.UNKNOWN, None)


def test_a_far_side_on_this_machine_may_send_to_this_machine(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/h5", Reply(body={"h5_url": f"{far.url}/cashier/1"}))
    gateway = far.gateway()
    action = gateway.charge(order(gateway, "h5")).next_action
    assert action is not None
    assert action.data == {"url": f"{far.url}/cashier/1"}


# -- code pay ---


def test_a_code_payment_that_is_paid_at_once(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/codepay", transaction(far, trade_type="MICROPAY"))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, "barcode"))
    assert answer.outcome is Outcome.CONFIRMED
    assert answer.next_action is not None
    assert answer.next_action.kind == "none"
    (event,) = answer.events
    assert (event.kind, event.source, event.key) == (EventKind.PAID, "answer", "paid:4200000000202601310000000001")
    said = far.heard[0].said
    assert said["payer"] == {"auth_code": AUTH_CODE}
    assert said["scene_info"] == {"store_info": {"id": "SHOP_1"}}
    assert "notify_url" not in said


def test_a_payer_who_has_to_type_a_password_is_waited_for(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/codepay", transaction(far, "USERPAYING"))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, "barcode"))
    assert answer.outcome is Outcome.CONFIRMED
    assert answer.next_action is not None
    assert answer.next_action.kind == "wait"


def test_the_same_as_a_signed_code(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/codepay", Reply(202, {"code": "USERPAYING", "message": "需要用户输入支付密码"}))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, "barcode"))
    assert (answer.outcome, answer.next_action and answer.next_action.kind) == (Outcome.CONFIRMED, "wait")


def test_the_same_as_an_error_is_believed_only_when_the_order_says_so(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/codepay", error(400, "USERPAYING"))
    far.says("GET", ORDER, transaction(far, "USERPAYING"), error(500, "SYSTEM_ERROR"))
    gateway = far.gateway()
    first, second = gateway.charge(order(gateway, "barcode")), gateway.charge(order(gateway, "barcode"))
    assert (first.outcome, first.next_action and first.next_action.kind) == (Outcome.CONFIRMED, "wait")
    assert (second.outcome, second.next_action) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize("code", ["SYSTEM_ERROR", "SYSTEMERROR", "BANK_ERROR", "BANKERROR"])
def test_they_do_not_know_themselves(far: FarSide, code: str) -> None:
    far.says("POST", f"{ORDERS}/codepay", error(500, code))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, "barcode"))
    assert (answer.outcome, len(far.heard)) == (Outcome.UNKNOWN, 1)


@pytest.mark.parametrize(("state", "kind"), [("PAYERROR", EventKind.FAILED), ("REVOKED", EventKind.CLOSED)])
def test_a_code_payment_that_failed(far: FarSide, state: str, kind: EventKind) -> None:
    far.says("POST", f"{ORDERS}/codepay", transaction(far, state))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, "barcode"))
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.REJECTED, [kind])


def test_a_code_that_is_used_up_and_no_order(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/codepay", error(403, "AUTHCODEEXPIRE"))
    far.says("GET", ORDER, error(404, "ORDER_NOT_EXIST"))
    gateway = far.gateway()
    answer = gateway.charge(order(gateway, "barcode"))
    assert (answer.outcome, answer.words["code"]) == (Outcome.REJECTED, "AUTH_CODE_EXPIRED")


# -- refused before anything is sent ---

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("jsapi", {"metadata": {}}, "INVALID_METADATA", "$.openid"),
    ("mini_program", {"metadata": {"openid": "a b"}}, "INVALID_METADATA", "$.openid"),
    ("h5", {"metadata": {}}, "INVALID_METADATA", "$.client_ip"),
    ("h5", {"metadata": {"client_ip": "1.2.3.4.5"}}, "INVALID_METADATA", "$.client_ip"),
    ("h5", {"metadata": {"client_ip": "1.2.3.4", "h5_type": "Amiga"}}, "INVALID_METADATA", "$.h5_type"),
    ("h5", {"metadata": {"client_ip": "::1", "return_url": "javascript:x"}}, "INVALID_METADATA", "$.return_url"),
    ("barcode", {"metadata": {}}, "INVALID_METADATA", "$.auth_code"),
    ("barcode", {"metadata": {"auth_code": "280000000000000080"}}, "INVALID_METADATA", "$.auth_code"),
    ("barcode", {"metadata": {"auth_code": "13000000000000001"}}, "INVALID_METADATA", "$.auth_code"),
    ("barcode", {"metadata": {"auth_code": AUTH_CODE}}, "INVALID_METADATA", "$.store_id"),
    ("qr", {"metadata": {"attach": "☕🧋"}}, "INVALID_METADATA", "$.attach"),
    ("qr", {"metadata": {"attach": "a" * 129}}, "INVALID_METADATA", "$.attach"),
    ("qr", {"metadata": {"combine_out_trade_no": "C00001"}}, "INVALID_METADATA", "$.combine_out_trade_no"),
    ("qr", {"description": "bubble tea 🧋"}, "INVALID_REFERENCE", "$.description"),
    ("qr", {"description": "half \ud83e"}, "INVALID_REFERENCE", "$.description"),
    ("qr", {"description": "a" * 128}, "INVALID_REFERENCE", "$.description"),
    ("qr", {"out_trade_no": "SHORT"}, "INVALID_REFERENCE", "$.out_trade_no"),
    ("qr", {"out_trade_no": "A" * 33}, "INVALID_REFERENCE", "$.out_trade_no"),
    ("qr", {"amount": 0}, "INVALID_AMOUNT", "$.amount"),
    ("qr", {"amount": 10_000_000_001}, "INVALID_AMOUNT", "$.amount"),
    ("qr", {"currency": "USD"}, "INVALID_CURRENCY", "$.currency"),
    ("page", {"metadata": {}}, "INVALID_CHANNEL", "$.channel"),
    ("qr", {"expires_at": 10**30}, "INVALID_EXPIRY", "$.expires_at"),
]


@pytest.mark.parametrize(("channel", "changes", "code", "path"), REFUSED)
def test_what_can_never_be_taken_is_refused_before_anything_is_sent(
    far: FarSide, channel: str, changes: dict[str, Any], code: str, path: str
) -> None:
    gateway = far.gateway()
    payment = order(gateway, channel, **changes)
    with pytest.raises(InvalidRequest) as caught:
        gateway.check(payment)
    assert (caught.value.code, caught.value.path) == (code, path)
    assert (gateway.charge(payment).outcome, far.heard) == (Outcome.REJECTED, [])


@pytest.mark.parametrize("channel", PAYER)
def test_what_can_be_taken_is_not_refused(far: FarSide, channel: str) -> None:
    gateway = far.gateway()
    assert gateway.check(order(gateway, channel)) is None
    assert gateway.check(order(gateway, channel, description="")) is None


def test_no_order_without_an_address_for_its_notification(far: FarSide) -> None:
    gateway = far.gateway(surroundings={"notify_url": None})
    with pytest.raises(InvalidRequest) as caught:
        gateway.check(order(gateway))
    assert caught.value.code == "NOTIFY_URL_MISSING"
    assert gateway.check(order(gateway, "barcode")) is None  # which is decided at once


def test_without_the_merchants_key_it_only_receives(far: FarSide) -> None:
    gateway = far.signer.gateway()
    assert gateway.capabilities.operations == frozenset()
    for verb in (gateway.charge, gateway.query, gateway.close):
        with pytest.raises(Refused) as caught:
            verb(order(gateway))
        assert caught.value.code == "OPERATION_UNSUPPORTED"
    assert far.gateway().capabilities.operations == {"charge", "query", "close", "refund", "query_refund"}


def test_the_body_is_the_same_bytes_every_time(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/native", Reply(body={"code_url": CODE_URL}))
    gateway = far.gateway()
    payment = order(gateway, expires_at=1_769_817_600_123_456)
    assert gateway.charge(payment) == gateway.charge(payment)
    assert far.heard[0].body == far.heard[1].body
    assert "拿铁" in far.heard[0].body.decode()
    assert json.loads(far.heard[0].body)


def test_b109_new_fields_in_an_answer_do_not_matter(far: FarSide) -> None:
    far.says("POST", f"{ORDERS}/native", Reply(body={"code_url": CODE_URL, "new": {"a": [1.5, None]}}))
    gateway = far.gateway()
    assert gateway.charge(order(gateway)).outcome is Outcome.CONFIRMED


def test_numbers_with_every_allowed_sign_are_sent_as_they_are_signed(far: FarSide) -> None:
    gateway = far.gateway()
    number = "aA0_-|*9"
    far.says("GET", f"{ORDERS}/out-trade-no/aA0_-%7C%2A9", transaction(far, out_trade_no=number))
    (event,) = gateway.query(order(gateway, out_trade_no=number)).events
    assert event.out_trade_no == number
    assert far.heard[0].problem == ""
