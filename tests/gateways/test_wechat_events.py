"""WeChat Pay notifications: their words in ours. Catalogue section C and F."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.clock import SECOND, iso
from payflow.config.secret import Secret
from payflow.errors import CallbackRefused, ConfigError
from payflow.gateway import Event, EventKind, Gateway
from payflow.gateways.wechat import TRADE_STATE, WeChat
from payflow.testing.signed import WeChatSigner, certificate_pem

FAR = WeChatSigner()
GATEWAY = FAR.gateway()
NOW = 1_769_817_600 * SECOND


def told(inner: Any, **how: Any) -> Event:
    (event,) = GATEWAY.read(FAR.callback(inner, now=NOW, **how), NOW)
    return event


def paid(**changes: Any) -> Event:
    return told(FAR.paid(**changes))


def refusal(inner: Any, **how: Any) -> tuple[int, str]:
    with pytest.raises(CallbackRefused) as caught:
        told(inner, **how)
    return caught.value.status, caught.value.code


def amount(**changes: Any) -> dict[str, Any]:
    said = {"total": 1250, "payer_total": 1200, "currency": "CNY"} | changes
    return {name: value for name, value in said.items() if value is not None}


def test_a_paid_transaction() -> None:
    event = paid()
    assert (event.kind, event.key) == (EventKind.PAID, "paid:4200000000202601310000000001")
    assert (event.gateway, event.account, event.source) == ("wechat", "wechat", "callback")
    assert (event.out_trade_no, event.gateway_txn) == ("ORDER_0001", "4200000000202601310000000001")
    assert (event.merchant, event.app) == (FAR.mchid, FAR.appid)
    assert (event.amount, event.currency) == (1250, "CNY")  # the total, not what the payer paid less coupons
    assert iso(event.happened_at) == "2026-01-31T00:00:00.000000Z"


def test_the_word_table_is_the_whole_of_it() -> None:
    assert {word: paid(trade_state=word).kind for word in TRADE_STATE} == TRADE_STATE


@pytest.mark.parametrize("word", ["REFUND", "FOO", "success", "PAID"])
def test_b078_a_word_we_do_not_know_is_recorded_as_unknown(word: str) -> None:
    event = paid(trade_state=word)
    assert (event.kind, event.key) == (EventKind.UNKNOWN, f"unknown:ORDER_0001:{word}")


@pytest.mark.parametrize("word", ["REFUND", "REVOKED", "PAYERROR", "USERPAYING", "ACCEPT", "NOTPAY", "CLOSED", "FOO"])
def test_b078_only_success_is_paid(word: str) -> None:
    event = paid(trade_state=word)
    assert (event.kind is EventKind.PAID, event.happened_at) == (False, None)


@pytest.mark.parametrize(("word", "key"), [("CLOSED", "closed:ORDER_0001"), ("PAYERROR", "failed:ORDER_0001"),
                                           ("NOTPAY", "pending:ORDER_0001")])  # fmt: skip
def test_the_key_names_the_fact(word: str, key: str) -> None:
    assert paid(trade_state=word).key == key


def test_the_same_fact_in_another_envelope_has_the_same_key() -> None:
    assert told(FAR.paid(), id="EV-2").key == told(FAR.paid(), id="EV-1").key


@pytest.mark.parametrize(
    ("status", "kind", "key"),
    [
        ("SUCCESS", EventKind.REFUND_SUCCEEDED, "refunded:REFUND_0001"),
        ("CLOSED", EventKind.REFUND_FAILED, "refund_failed:REFUND_0001"),
        ("ABNORMAL", EventKind.UNKNOWN, "unknown_refund:REFUND_0001:ABNORMAL"),
    ],
)
def test_a_refund(status: str, kind: EventKind, key: str) -> None:
    event = told(FAR.refunded(status))
    assert (event.kind, event.key) == (kind, key)
    assert (event.out_refund_no, event.gateway_refund) == ("REFUND_0001", "50000000382019052709732678859")
    assert (event.amount, event.currency, event.out_trade_no) == (500, None, "ORDER_0001")
    assert (event.merchant, event.app) == (FAR.mchid, None)
    assert (iso(event.happened_at) == "2026-02-01T01:00:00.000000Z") is (status == "SUCCESS")


MISMATCHES: dict[str, tuple[Any, dict[str, Any]]] = {
    "a refund around a transaction": (FAR.paid(), {"event_type": "REFUND.SUCCESS"}),
    "a transaction around a refund": (FAR.refunded(), {"event_type": "TRANSACTION.SUCCESS"}),
    "success around a closed refund": (FAR.refunded("CLOSED"), {"event_type": "REFUND.SUCCESS"}),
    "closed around a refund that succeeded": (FAR.refunded("SUCCESS"), {"event_type": "REFUND.CLOSED"}),
    "a refund that is a transaction too": (FAR.refunded() | FAR.paid(), {"event_type": "REFUND.SUCCESS"}),
    "another original type": (FAR.paid(), {"resource": {"original_type": "payscore"}}),
    "no original type": (FAR.paid(), {"resource": {"original_type": None}}),
}


@pytest.mark.parametrize("which", MISMATCHES)
def test_b048_b050_outside_and_inside_differ(which: str) -> None:
    inner, how = MISMATCHES[which]
    event = told(inner, id="EV-77", **how)
    assert (event.kind, event.key) == (EventKind.UNKNOWN, "mismatch:EV-77")
    assert (event.out_trade_no, event.out_refund_no) == ("ORDER_0001", None)


def test_an_event_type_we_do_not_know_is_kept_if_it_names_an_order() -> None:
    event = told(FAR.paid(), event_type="TRANSACTION.PAY_BACK", id="EV-78")
    assert (event.kind, event.key, event.out_trade_no) == (EventKind.UNKNOWN, "unknown:EV-78", "ORDER_0001")
    assert event.words["event_type"] == "TRANSACTION.PAY_BACK"


@pytest.mark.parametrize("how", [{"event_type": "PAYSCORE.USER_OPEN_SERVICE"}, {}])
def test_a_message_about_no_order_is_said_to_be_unknown(how: dict[str, str]) -> None:
    assert refusal({"mchid": "1", "combine_out_trade_no": "C00001", "trade_state": "SUCCESS"}, **how)[0] == 400


def test_a_combined_order_that_names_no_order() -> None:
    assert refusal(FAR.paid(combine_out_trade_no="C00001", sub_orders=[])) == (400, "CALLBACK_UNKNOWN_KIND")


@pytest.mark.parametrize("value", [1250.0, 1e2, "1250", "12.50", True, False, [], {}, 2**53, -(2**53), 10**30])
@pytest.mark.parametrize("where", ["payment", "refund"])
def test_b110_b111_b113_amounts_that_are_not_whole_fen(value: Any, where: str) -> None:
    inner = FAR.paid(amount=amount(total=value)) if where == "payment" else FAR.refunded(amount={"refund": value})
    assert refusal(inner) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("value", [0, -1, 1, 2**31, 2**53 - 1])
def test_b061_amounts_are_told_as_they_stand(value: int) -> None:
    assert paid(amount=amount(total=value)).amount == value


@pytest.mark.parametrize("value", [None, {}, {"payer_total": 1}])
def test_an_amount_that_is_not_stated_is_none(value: Any) -> None:
    assert paid(amount=value).amount is None


@pytest.mark.parametrize("value", [1, "1250", [], True])
def test_an_amount_that_is_no_object(value: Any) -> None:
    assert refusal(FAR.paid(amount=value)) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("text", ["USD", "HKD", "cny", "RMB"])
def test_b063_a_currency_is_told_as_it_stands(text: str) -> None:
    assert paid(amount=amount(currency=text)).currency == text


def test_b063_the_documented_default_is_cny() -> None:
    assert paid(amount=amount(currency=None)).currency == "CNY"


def test_b064_b065_merchant_and_app_are_told_as_they_stand() -> None:
    event = paid(appid="wx0000000000000099", mchid="1900000099")
    assert (event.app, event.merchant) == ("wx0000000000000099", "1900000099")


@pytest.mark.parametrize("extra", [{"sub_mchid": "1900000002"}, {"sp_mchid": "1900000001"}])
def test_b065_a_sub_merchant_is_not_ours(extra: dict[str, str]) -> None:
    assert paid(**extra).merchant is None


@pytest.mark.parametrize("name", ["out_trade_no", "transaction_id", "trade_state"])
@pytest.mark.parametrize("value", [None, "", "x" * 65, "a b", "订单", 1, [], {"a": 1}, "\u202eORDER"])
def test_b084_b086_ids_that_are_none(name: str, value: Any) -> None:
    assert refusal(FAR.paid(**{name: value})) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("value", ["<script>", "' OR 1=1", "\x1b[31m", "a\r\nb", "${jndi:ldap://x}", "☕", "\x00"])
def test_b085_words_are_kept_verbatim(value: str) -> None:
    assert paid(attach=value).words["attach"] == value


def test_b083_half_a_character() -> None:
    assert refusal(b'{"out_trade_no":"ORDER_1","attach":"\\ud800"}') == (400, "CALLBACK_CHARSET")


@pytest.mark.parametrize(
    "text",
    ["2026-02-30T00:00:00+08:00", "2026-01-31T24:00:00+08:00", "2026-12-31T23:59:60Z", "2026-01-31T08:00:00",
    "0001-01-01T00:00:00Z",
     "9999-12-31T23:59:59Z", "2026-01-31 08:00:00+08:00", "2026-01-31T08:00:00+0800",
     "2026-01-31T08:00:00+99:00", "", 1, None],
)  # fmt: skip
def test_b120_a_time_that_is_none(text: Any) -> None:
    event = paid(success_time=text)
    assert (event.kind, event.happened_at) == (EventKind.PAID, None)


@pytest.mark.parametrize("text", ["2026-01-31T08:00:00+08:00", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00.000Z",
                                  "2026-01-30T19:00:00-05:00"])  # fmt: skip
def test_b120_the_same_time_in_any_offset(text: str) -> None:
    assert iso(paid(success_time=text).happened_at) == "2026-01-31T00:00:00.000000Z"


# -- replies and config --------------------------------------------------------------------------------------------


def test_the_replies_are_exact() -> None:
    accepted, refused = GATEWAY.accepted(), GATEWAY.refused(401, "SIGNATURE_INVALID", "The signature is not one")
    assert (accepted.status, accepted.body) == (204, b"")
    assert refused.status == 401
    assert refused.body == b'{"code": "FAIL", "message": "SIGNATURE_INVALID: The signature is not one"}'
    assert refused.headers == (("Content-Type", "application/json"),)


def test_it_is_a_gateway() -> None:
    assert isinstance(GATEWAY, Gateway)
    assert GATEWAY.capabilities.operations == frozenset()


def options(**changes: Any) -> dict[str, Any]:
    said = {"appid": FAR.appid, "mchid": FAR.mchid, "api_v3_key": Secret(FAR.api_v3_key, "env K")}
    return said | changes


def test_it_opens_from_a_config_with_a_public_key() -> None:
    key = Secret(FAR.public_pem, "file k.pem")
    gateway = WeChat.from_config("shop", options(public_key=key, public_key_id=FAR.key_id))
    assert gateway.read(FAR.callback(now=NOW), NOW)[0].account == "shop"


def test_it_opens_from_a_config_with_certificates() -> None:
    pems = [certificate_pem(FAR.key, serial=n, first=0, last=2 * NOW) for n in (0xA1, 0xA2)]
    gateway = WeChat.from_config("shop", options(platform_certificates=tuple(Secret(pem, "file") for pem in pems)))
    for serial in ("A1", "A2"):
        assert len(gateway.read(FAR.callback(now=NOW, serial=serial), NOW)) == 1


def test_its_window_can_be_set() -> None:
    gateway = WeChat.from_config(
        "shop", options(public_key=FAR.public_pem, public_key_id=FAR.key_id, callback_tolerance_seconds=10)
    )
    with pytest.raises(CallbackRefused) as caught:
        gateway.read(FAR.callback(now=NOW), NOW + 11 * SECOND)
    assert caught.value.code == "TIMESTAMP_SKEW"


CERTIFICATE = certificate_pem(FAR.key, serial=7, first=0, last=2 * NOW)
WRONG = {
    "no key at all": (options(), "CONFIG_MISSING_FIELD"),
    "a short APIv3 key": (options(api_v3_key=b"x" * 16, public_key=FAR.public_pem, public_key_id="PUB_KEY_ID_1"),
                          "CONFIG_WEAK_SECRET"),
    "a certificate as public key": (options(public_key=CERTIFICATE, public_key_id="PUB_KEY_ID_1"), "CONFIG_BAD_KEY"),
    "a public key as certificate": (options(platform_certificates=[FAR.public_pem]), "CONFIG_BAD_KEY"),
    "nonsense as public key": (options(public_key=b"nonsense", public_key_id="PUB_KEY_ID_1"), "CONFIG_BAD_KEY"),
}  # fmt: skip


@pytest.mark.parametrize("which", WRONG)
def test_b039_b176_b181_a_config_that_cannot_be_right(which: str) -> None:
    given, code = WRONG[which]
    with pytest.raises(ConfigError) as caught:
        WeChat.from_config("shop", given)
    assert caught.value.code == code
    assert caught.value.path.startswith("$.gateways.shop")
    assert FAR.api_v3_key.decode() not in str(caught.value)


def test_b181_a_certificate_under_another_serial() -> None:
    with pytest.raises(ConfigError) as caught:
        FAR.gateway(platform_keys={"A1": CERTIFICATE})
    assert caught.value.code == "CONFIG_KEY_MISMATCH"
