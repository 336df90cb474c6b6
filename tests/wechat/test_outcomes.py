"""Answers that are lost, unsigned, forged or refused: what is concluded from them, and what never is. Section D."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.gateway import Answer, EventKind, Outcome
from payflow.records import replace
from payflow.testing.material import call
from payflow.testing.signed import private_key

from .far_side import FarSide, Reply, error
from .scenes import NUMBER, ORDER, ORDERS, REFUND, REFUNDS, order, refund_answer, refund_of, transaction

NATIVE = f"{ORDERS}/native"
CODE_URL = "weixin://wxpay/bizpayurl?pr=p4lpSuKzz"
PLACES = {
    "charge": ("POST", NATIVE), "query": ("GET", ORDER), "close": ("POST", f"{ORDER}/close"),
    "refund": ("POST", REFUNDS), "query_refund": ("GET", REFUND),
}  # fmt: skip


def genuine(far: FarSide, operation: str) -> Reply:
    return {
        "charge": lambda: Reply(body={"code_url": CODE_URL}), "query": lambda: transaction(far),
        "close": lambda: Reply(204), "refund": lambda: refund_answer(far), "query_refund": lambda: refund_answer(far),
    }[operation]()  # fmt: skip


def asked(far: FarSide, operation: str, *replies: Reply) -> Answer:
    """The answer of a verb whose request is answered like this; anything asked besides is answered with 500."""
    for method, path in (("GET", ORDER), ("GET", REFUND)):
        far.says(method, path, error(500, "SYSTEM_ERROR"))
    far.says(*PLACES[operation], *replies)
    gateway = far.gateway()
    return call(gateway, operation, order(gateway), refund_of(gateway))


OPERATIONS = tuple(PLACES)

NOT_GENUINE: dict[str, dict[str, Any]] = {
    "no signature": {"signed": False},
    "another signature": {"signed": "A" * 342 + "=="},
    "a probe": {"signed": "WECHATPAY/SIGNTEST/" + "A" * 325},
    "too old": {"late_seconds": -301},
    "from the future": {"late_seconds": 330},  # the clock goes on while the test does
    "a key nobody knows": {"key": ("stranger", "PUB_KEY_ID_0000000000000000000000000000000002")},
    "a stranger under our key's name": {"key": ("stranger", "PUB_KEY_ID_0000000000000000000000000000000001")},
}


@pytest.mark.parametrize("which", NOT_GENUINE)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_b095_an_answer_that_is_not_genuine_proves_nothing(far: FarSide, operation: str, which: str) -> None:
    reply = genuine(far, operation)
    for name, value in NOT_GENUINE[which].items():
        setattr(reply, name, value)
    answer = asked(far, operation, reply)
    assert (answer.outcome, answer.events, answer.next_action) == (Outcome.UNKNOWN, (), None)
    assert answer.words["code"] == "gateway.response_signature"


@pytest.mark.parametrize("operation", ["charge", "query", "query_refund"])
def test_a_probe_is_asked_again_once(far: FarSide, operation: str) -> None:
    probe = genuine(far, operation)
    probe.signed = "WECHATPAY/SIGNTEST/" + "A" * 325
    assert asked(far, operation, probe, genuine(far, operation)).outcome is Outcome.CONFIRMED
    assert len(far.heard) == 2


@pytest.mark.parametrize("operation", ["refund", "close"])
def test_what_moves_money_is_not_sent_twice_because_of_a_probe(far: FarSide, operation: str) -> None:
    probe = genuine(far, operation)
    probe.signed = "WECHATPAY/SIGNTEST/" + "A" * 325
    assert asked(far, operation, probe, genuine(far, operation)).outcome is Outcome.UNKNOWN
    assert len(far.heard) == 1


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"<html>", b'{"a":', b'{"a":1,"a":2}', b"\xff", b'"text"', b"[" * 5000, b"{}"]
)
@pytest.mark.parametrize("operation", ["charge", "query", "refund", "query_refund"])
def test_b093_signed_nonsense(far: FarSide, operation: str, body: bytes) -> None:
    answer = asked(far, operation, Reply(body=body))
    assert (answer.outcome, answer.events, answer.next_action) == (Outcome.UNKNOWN, (), None)
    assert answer.words["code"] == "gateway.response_malformed"


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 405, 418, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b"<html>Blocked by the company's proxy</html>", b'{"code":"WHO_KNOWS"}'])
@pytest.mark.parametrize("operation", ["charge", "refund", "close"])
def test_an_error_without_a_documented_code_may_be_anybodys(
    far: FarSide, operation: str, status: int, body: bytes
) -> None:
    answer = asked(far, operation, Reply(status, body, signed=False, headers={"Location": "http://169.254.169.254/"}))
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())
    assert len(far.heard) == 1  # b094: and nothing is followed


@pytest.mark.parametrize("code", ["FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "RATE_LIMITED", ""])
@pytest.mark.parametrize("operation", ["charge", "refund", "close"])
def test_a_limit_means_that_it_was_not_processed(far: FarSide, operation: str, code: str) -> None:
    answer = asked(far, operation, error(429, code))
    assert (answer.outcome, answer.events) == (Outcome.NEVER_SENT, ())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_silence_is_unknown(far: FarSide, operation: str) -> None:
    answer = asked(far, operation, Reply(hang_up=True))
    assert (answer.outcome, answer.events) == (Outcome.UNKNOWN, ())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_never_left_is_never_sent(far: FarSide, operation: str) -> None:
    gateway = far.gateway(origins=("http://127.0.0.1:1",))
    answer = call(gateway, operation, order(gateway), refund_of(gateway))
    assert (answer.outcome, answer.words["code"]) == (Outcome.NEVER_SENT, "GATEWAY_UNREACHABLE")


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "PARAM_ERROR"), (401, "SIGN_ERROR"), (403, "NO_AUTH"), (403, "NOAUTH"), (400, "APPID_MCHID_NOT_MATCH"),
     (400, "MCH_NOT_EXISTS"), (404, "MCH_NOT_EXISTS"), (500, "OPENID_MISMATCH"), (500, "INVALID_TRANSACTIONID")],
)  # fmt: skip
@pytest.mark.parametrize("operation", ["charge", "refund", "close"])
def test_a_refusal_of_the_request_itself(far: FarSide, operation: str, status: int, code: str) -> None:
    answer = asked(far, operation, error(status, code))
    assert (answer.outcome, len(far.heard)) == (Outcome.REJECTED, 1)
    assert answer.words["message"] == "said no"


# -- a refused order is asked about ---

HIDING = ["INVALID_REQUEST", "OUT_TRADE_NO_USED", "ORDERPAID", "ORDER_CLOSED", "ORDERCLOSED", "TRADE_ERROR",
          "RULE_LIMIT", "RULELIMIT", "ACCOUNT_ERROR", "ACCOUNTERROR", "NOT_ENOUGH", "NOTENOUGH"]  # fmt: skip


def refused(far: FarSide, code: str, found: Reply, **other: Any) -> Answer:
    far.says("POST", NATIVE, error(400, code))
    far.says("GET", ORDER, found)
    gateway = far.gateway()
    return gateway.charge(order(gateway, **other))


@pytest.mark.parametrize("code", HIDING)
def test_the_order_is_paid(far: FarSide, code: str) -> None:
    answer = refused(far, code, transaction(far))
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.CONFIRMED, [EventKind.PAID])


@pytest.mark.parametrize("code", HIDING)
def test_the_order_is_closed(far: FarSide, code: str) -> None:
    answer = refused(far, code, transaction(far, "CLOSED"))
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.REJECTED, [EventKind.CLOSED])


@pytest.mark.parametrize("code", HIDING)
def test_the_order_can_still_be_paid(far: FarSide, code: str) -> None:
    answer = refused(far, code, transaction(far, "NOTPAY"))
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.UNKNOWN, [EventKind.PENDING])


@pytest.mark.parametrize("code", HIDING)
def test_there_is_no_order(far: FarSide, code: str) -> None:
    assert refused(far, code, error(404, "ORDERNOTEXIST")).outcome is Outcome.REJECTED


@pytest.mark.parametrize("found", [error(500, "SYSTEM_ERROR"), error(404, ""), Reply(hang_up=True)])
def test_nobody_says_what_the_order_is(far: FarSide, found: Reply) -> None:
    assert refused(far, "INVALID_REQUEST", found).outcome is Outcome.UNKNOWN


def test_the_number_is_another_orders(far: FarSide) -> None:
    answer = refused(far, "OUT_TRADE_NO_USED", transaction(far, "NOTPAY"), amount=1251)
    assert (answer.outcome, answer.events[0].amount) == (Outcome.REJECTED, 1250)


def test_part_of_it_went_back_already(far: FarSide) -> None:
    answer = refused(far, "ORDERPAID", transaction(far, "REFUND"))
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.UNKNOWN, [EventKind.UNKNOWN])


# -- queries ---


@pytest.mark.parametrize(
    ("state", "kind", "key"),
    [("SUCCESS", EventKind.PAID, "paid:4200000000202601310000000001"),
     ("NOTPAY", EventKind.PENDING, "pending:" + NUMBER),
     ("CLOSED", EventKind.CLOSED, "closed:" + NUMBER), ("REVOKED", EventKind.CLOSED, "closed:" + NUMBER),
     ("PAYERROR", EventKind.FAILED, "failed:" + NUMBER), ("REFUND", EventKind.UNKNOWN, f"unknown:{NUMBER}:REFUND"),
     ("FOO", EventKind.UNKNOWN, f"unknown:{NUMBER}:FOO")],
)  # fmt: skip
def test_b078_what_a_query_says(far: FarSide, state: str, kind: EventKind, key: str) -> None:
    answer = asked(far, "query", transaction(far, state))
    (event,) = answer.events
    assert (answer.outcome, event.kind, event.key, event.source) == (Outcome.CONFIRMED, kind, key, "query")
    assert far.heard[0].target == f"{ORDER}?mchid={far.signer.mchid}"
    assert event.proof


def test_b096_amount_and_merchant_are_told_as_they_stand(far: FarSide) -> None:
    said = transaction(far, amount={"total": 1, "currency": "HKD"}, mchid="1900000099", appid="wx99")
    (event,) = asked(far, "query", said).events
    assert (event.amount, event.currency, event.merchant, event.app) == (1, "HKD", "1900000099", "wx99")


@pytest.mark.parametrize("total", [1250.0, "1250", True, 1e3, []])
def test_b113_an_amount_that_is_no_whole_number(far: FarSide, total: Any) -> None:
    answer = asked(far, "query", transaction(far, amount={"total": total}))
    assert (answer.outcome, answer.words["code"]) == (Outcome.UNKNOWN, "gateway.response_malformed")


def test_an_answer_about_another_order_says_nothing_about_ours(far: FarSide) -> None:
    answer = asked(far, "query", transaction(far, out_trade_no="ANOTHER_01"))
    assert (answer.outcome, answer.words["code"]) == (Outcome.UNKNOWN, "gateway.response_foreign")
    assert answer.events[0].out_trade_no == "ANOTHER_01"


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST"])
def test_an_order_they_do_not_know(far: FarSide, code: str) -> None:
    answer = asked(far, "query", error(404, code))
    assert (answer.outcome, answer.events) == (Outcome.NOT_FOUND, ())


def test_another_404_is_no_statement(far: FarSide) -> None:
    assert asked(far, "query", Reply(404, b"", signed=False)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("number", ["x", "a b c d e f", "订单号订单号", "A" * 1000, "../../x/y", "\ud800" * 8])
@pytest.mark.parametrize("operation", ["query", "close"])
def test_b124_a_number_that_is_none_is_not_asked_about(far: FarSide, operation: str, number: str) -> None:
    gateway = far.gateway()
    answer = call(gateway, operation, order(gateway, out_trade_no=number), refund_of(gateway))
    assert (answer.outcome, far.heard) == (Outcome.NEVER_SENT, [])


STRANGE: tuple[dict[str, Any], ...] = (
    {"metadata": "not json"}, {"metadata": "[]"}, {"metadata": ""}, {"metadata": "[" * 4000}, {"metadata": "null"},
    {"metadata": '{"combine_out_trade_no": 1}'}, {"metadata": '{"combine_out_trade_no": "../x"}'}, {"amount": 2**70},
    {"metadata": '{"attach": []}'}, {"currency": ""}, {"channel": "telepathy"}, {"out_trade_no": "'; DROP TABLE x; --"},
    {"merchant": "another"}, {"app": "another"}, {"description": "\x00'\"拿铁\u202e"}, {"expires_at": 1},
    {"expires_at": -(2**63)}, {"out_trade_no": "\ud800" * 8}, {"gateway_txn": "\ud800"}, {"amount": -1},
)  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_it_is_given_there_is_an_answer(far: FarSide, operation: str, strange: dict[str, Any]) -> None:
    gateway = far.gateway()
    payment = replace(order(gateway), **strange)
    refund = refund_of(gateway, out_refund_no="退款 1" if operation == "query_refund" else "R\u202e1")
    answer = call(gateway, operation, payment, refund)
    assert (type(answer), answer.events) == (Answer, ())


# -- closing ---


def closed(far: FarSide, reply: Reply, *found: Reply, channel: str = "qr") -> Answer:
    far.says("POST", f"{ORDER}/{'reverse' if channel == 'barcode' else 'close'}", reply)
    far.says("GET", ORDER, *found)
    gateway = far.gateway()
    return gateway.close(order(gateway, channel))


def test_an_unpaid_order_is_closed(far: FarSide) -> None:
    answer = closed(far, Reply(204), transaction(far, "CLOSED"))
    assert (answer.outcome, [event.key for event in answer.events]) == (Outcome.CONFIRMED, ["closed:" + NUMBER])
    assert far.heard[0].said == {"mchid": far.signer.mchid}


def test_a_signed_204_says_enough(far: FarSide) -> None:
    answer = closed(far, Reply(204), error(500, "SYSTEM_ERROR"))
    assert (answer.outcome, answer.events) == (Outcome.CONFIRMED, ())


@pytest.mark.parametrize("code", ["ORDERPAID", "TRADE_ERROR", "INVALID_REQUEST", "RULE_LIMIT"])
def test_a_paid_order_is_not_closed_and_says_so(far: FarSide, code: str) -> None:
    answer = closed(far, error(400, code), transaction(far))
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.REJECTED, [EventKind.PAID])


@pytest.mark.parametrize("code", ["ORDER_CLOSED", "INVALID_REQUEST"])
def test_a_closed_order_is_closed(far: FarSide, code: str) -> None:
    assert closed(far, error(400, code), transaction(far, "CLOSED")).outcome is Outcome.CONFIRMED


def test_a_close_that_was_refused_for_now_is_sent_again(far: FarSide) -> None:
    assert closed(far, error(403, "RULE_LIMIT"), transaction(far, "NOTPAY")).outcome is Outcome.UNKNOWN


def test_an_unknown_order_is_not_closed(far: FarSide) -> None:
    assert closed(far, error(404, "ORDER_NOT_EXIST"), error(500, "")).outcome is Outcome.NOT_FOUND


def test_paid_after_all(far: FarSide) -> None:
    answer = closed(far, Reply(204), transaction(far))
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.REJECTED, [EventKind.PAID])


def test_a_code_payment_is_reversed(far: FarSide) -> None:
    done = Reply(body={"appid": far.signer.appid, "mchid": far.signer.mchid, "out_trade_no": NUMBER})
    answer = closed(far, done, transaction(far, "USERPAYING"), transaction(far, "REVOKED"), channel="barcode")
    assert (answer.outcome, [event.key for event in answer.events]) == (Outcome.CONFIRMED, ["closed:" + NUMBER])
    assert far.heard[1].said == {"appid": far.signer.appid, "mchid": far.signer.mchid}


def test_a_code_payment_that_is_paid_is_not_reversed(far: FarSide) -> None:
    answer = closed(far, Reply(200, {}), transaction(far), channel="barcode")
    assert (answer.outcome, [event.kind for event in answer.events]) == (Outcome.REJECTED, [EventKind.PAID])
    assert [heard.method for heard in far.heard] == ["GET"]


def test_a_reversal_that_is_not_known_to_have_worked_is_made_again(far: FarSide) -> None:
    answer = closed(far, error(500, "SYSTEM_ERROR"), transaction(far, "USERPAYING"), channel="barcode")
    assert answer.outcome is Outcome.UNKNOWN


# -- refunds ---


@pytest.mark.parametrize(
    ("status", "kind", "key"),
    [("SUCCESS", EventKind.REFUND_SUCCEEDED, "refunded:REFUND_0001"),
     ("PROCESSING", EventKind.REFUND_PROCESSING, "refund_processing:REFUND_0001"),
     ("CLOSED", EventKind.REFUND_FAILED, "refund_failed:REFUND_0001"),
     ("ABNORMAL", EventKind.UNKNOWN, "unknown_refund:REFUND_0001:ABNORMAL")],
)  # fmt: skip
@pytest.mark.parametrize("operation", ["refund", "query_refund"])
def test_what_is_said_of_a_refund(far: FarSide, operation: str, status: str, kind: EventKind, key: str) -> None:
    answer = asked(far, operation, refund_answer(far, status))
    (event,) = answer.events
    assert (answer.outcome, event.kind, event.key) == (Outcome.CONFIRMED, kind, key)
    assert (event.amount, event.currency, event.out_trade_no, event.merchant) == (500, "CNY", NUMBER, None)
    assert event.words["refund_status"] == status


def sent_refund(far: FarSide, payment: dict[str, Any] | None = None, **refund: Any) -> dict[str, Any]:
    far.says("POST", REFUNDS, refund_answer(far))
    gateway = far.gateway()
    gateway.refund(order(gateway, **(payment or {})), refund_of(gateway, **refund))
    return far.heard[0].said


def test_what_is_sent_for_a_refund(far: FarSide) -> None:
    assert sent_refund(far, reason="凉了") == {
        "out_refund_no": "REFUND_0001", "out_trade_no": NUMBER, "reason": "凉了",
        "amount": {"refund": 500, "total": 1250, "currency": "CNY"},
        "notify_url": "https://shop.example/payflow/callbacks/wechat",
    }  # fmt: skip


def test_the_money_goes_back_from_the_transaction_it_came_by(far: FarSide) -> None:
    said = sent_refund(far, {"gateway_txn": "4200000000000000000000000001"}, gateway_txn="4200000000000000000000000002")
    assert (said["transaction_id"], "out_trade_no" in said) == ("4200000000000000000000000002", False)


def test_what_came_for_an_incident_goes_back_whole(far: FarSide) -> None:
    assert sent_refund(far, amount=900, incident_id="I1")["amount"] == {"refund": 900, "total": 900, "currency": "CNY"}


@pytest.mark.parametrize("reason", ["🧋", "a" * 81, ""])
def test_a_reason_they_do_not_take_does_not_stop_a_refund(far: FarSide, reason: str) -> None:
    assert "reason" not in sent_refund(far, reason=reason)


@pytest.mark.parametrize("code", ["NOT_ENOUGH", "NOTENOUGH"])
def test_too_little_balance_is_tried_again_under_the_same_number(far: FarSide, code: str) -> None:
    answer = asked(far, "refund", error(403, code))
    assert (answer.outcome, answer.words["code"]) == (Outcome.NEVER_SENT, "NOT_ENOUGH")


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "INVALID_REQUEST"), (403, "TRADE_ERROR"), (403, "USER_ACCOUNT_ABNORMAL"), (404, "RESOURCE_NOT_EXISTS"),
     (403, "REQUEST_BLOCKED"), (403, "RULE_LIMIT")],
)  # fmt: skip
def test_a_refused_refund_is_asked_about(far: FarSide, status: int, code: str) -> None:
    far.says("POST", REFUNDS, error(status, code))
    gateway = far.gateway()
    outcomes = []
    for found in (error(404, "RESOURCE_NOT_EXISTS"), refund_answer(far), error(500, "SYSTEM_ERROR")):
        far.says("GET", REFUND, found)
        outcomes.append(gateway.refund(order(gateway), refund_of(gateway)).outcome)
    assert outcomes == [Outcome.REJECTED, Outcome.CONFIRMED, Outcome.UNKNOWN]


def test_a_refund_number_with_another_amount(far: FarSide) -> None:
    far.says("POST", REFUNDS, error(400, "INVALID_REQUEST"))
    far.says("GET", REFUND, refund_answer(far))
    gateway = far.gateway()
    assert gateway.refund(order(gateway), refund_of(gateway, amount=501)).outcome is Outcome.REJECTED


def test_a_refund_they_do_not_know(far: FarSide) -> None:
    answer = asked(far, "query_refund", error(404, "RESOURCE_NOT_EXISTS"))
    assert (answer.outcome, answer.events) == (Outcome.NOT_FOUND, ())


def test_a_statement_about_another_refund_is_not_about_ours(far: FarSide) -> None:
    answer = asked(far, "refund", refund_answer(far, out_refund_no="ANOTHER_R1"))
    assert (answer.outcome, answer.words["code"]) == (Outcome.UNKNOWN, "gateway.response_foreign")


@pytest.mark.parametrize("amount", [0, -1, True])
def test_an_amount_that_cannot_go_back(far: FarSide, amount: int) -> None:
    gateway = far.gateway()
    assert gateway.refund(order(gateway), refund_of(gateway, amount=amount)).outcome is Outcome.REJECTED
    assert far.heard == []


# -- sensitive fields ---


def test_a_refund_the_card_did_not_take_goes_to_another_card(far: FarSide) -> None:
    from payflow.signing import Decrypter

    path = f"{REFUNDS}/50000000382019052709732678859/apply-abnormal-refund"
    far.says("POST", path, refund_answer(far, "PROCESSING"))
    gateway = far.gateway()
    refund = refund_of(gateway, gateway_refund="50000000382019052709732678859")
    answer = gateway.apply_abnormal_refund(
        order(gateway), refund, to="user", bank_type="ICBC_DEBIT", bank_account="6222020200001234", real_name="张三"
    )
    (heard,) = far.heard
    opened = Decrypter(private_key("wechat"))
    assert answer.outcome is Outcome.CONFIRMED
    assert opened.decrypt(heard.said["bank_account"]) == b"6222020200001234"
    assert opened.decrypt(heard.said["real_name"]).decode() == "张三"
    assert (heard.said["type"], heard.said["bank_type"]) == ("USER_BANK_CARD", "ICBC_DEBIT")
    assert heard.headers["wechatpay-serial"] == far.signer.key_id


def test_a_field_of_an_answer_is_decrypted(far: FarSide) -> None:
    from payflow.errors import InvalidRequest
    from payflow.signing import Encrypter

    gateway = far.gateway()
    sealed = Encrypter(private_key("merchant").public_key()).encrypt("张三".encode())
    assert gateway.decrypted(sealed) == "张三"
    with pytest.raises(InvalidRequest) as caught:
        gateway.decrypted("A" * 344)
    assert caught.value.code == "DECRYPTION_FAILED"
