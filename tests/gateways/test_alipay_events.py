"""Alipay notifications: their words in ours. Catalogue section C and F."""

from __future__ import annotations

import pytest

from payflow.clock import iso
from payflow.config.secret import Secret
from payflow.errors import CallbackRefused, ConfigError, Refused
from payflow.gateway import Event, EventKind, Gateway
from payflow.gateways.alipay import TRADE_STATUS, Alipay
from payflow.records import Payment, Refund
from payflow.testing.signed import AlipaySigner, certificate_pem, private_key

FAR = AlipaySigner()
GATEWAY = FAR.gateway()


def read(**changes: str | None) -> Event:
    (event,) = GATEWAY.read(FAR.callback(FAR.paid(**changes)), 0)
    return event


def refusal(**changes: str | None) -> tuple[int, str]:
    with pytest.raises(CallbackRefused) as caught:
        read(**changes)
    return caught.value.status, caught.value.code


def test_a_paid_trade() -> None:
    event = read()
    assert event.kind is EventKind.PAID
    assert event.key == "paid:2026013122001400000000000001"
    assert (event.gateway, event.account, event.source) == ("alipay", "alipay", "callback")
    assert (event.out_trade_no, event.gateway_txn) == ("ORDER_0001", "2026013122001400000000000001")
    assert (event.merchant, event.app) == (FAR.seller_id, FAR.app_id)
    assert (event.amount, event.currency, event.out_refund_no) == (1250, "CNY", None)
    assert iso(event.happened_at) == "2026-01-31T00:00:00.000000Z"
    assert event.words["trade_status"] == "TRADE_SUCCESS"


def test_the_word_table_is_the_whole_of_it() -> None:
    assert {word: read(trade_status=word).kind for word in TRADE_STATUS} == TRADE_STATUS


@pytest.mark.parametrize("word", ["TRADE_PENDING", "trade_success", "SUCCESS", "FOO"])
def test_b078_a_word_we_do_not_know_is_recorded_as_unknown(word: str) -> None:
    event = read(trade_status=word)
    assert (event.kind, event.key) == (EventKind.UNKNOWN, f"unknown:2026013122001400000000000001:{word}")


@pytest.mark.parametrize(
    ("status", "key", "time"),
    [
        ("TRADE_FINISHED", "paid:2026013122001400000000000001", "gmt_payment"),
        ("TRADE_CLOSED", "closed:ORDER_0001", "gmt_close"),
        ("WAIT_BUYER_PAY", "pending:2026013122001400000000000001", "gmt_create"),
    ],
)
def test_the_key_names_the_fact_and_the_time_is_the_facts_own(status: str, key: str, time: str) -> None:
    event = read(trade_status=status, **{time: "2026-03-01 12:00:00"})
    assert (event.key, iso(event.happened_at)) == (key, "2026-03-01T04:00:00.000000Z")


def test_the_same_fact_in_another_envelope_has_the_same_key() -> None:
    assert read().key == read(notify_id="another", notify_time="2026-02-01 00:00:00").key


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED"])
def test_b075_b076_refund_fields_make_it_a_refund(status: str) -> None:
    (event,) = GATEWAY.read(FAR.callback(FAR.refunded("5.00", trade_status=status)), 0)
    assert event.kind is EventKind.REFUND_SUCCEEDED
    assert event.key == "refunded:2026013122001400000000000001:REFUND_0001"
    assert (event.out_refund_no, event.amount, event.currency) == ("REFUND_0001", None, "CNY")
    assert event.words["refund_fee"] == "5.00"  # the sum so far, which is not this refund's amount
    assert iso(event.happened_at) == "2026-02-01T01:00:00.123000Z"


@pytest.mark.parametrize("fee", ["0.00", ""])
def test_b075_no_refund_was_made(fee: str) -> None:
    assert read(refund_fee=fee).kind is EventKind.PAID


def test_b075_gmt_refund_alone_is_a_refund() -> None:
    assert read(gmt_refund="2026-02-01 09:00:00", out_biz_no="R00001").kind is EventKind.REFUND_SUCCEEDED


def test_a_refund_without_its_number_is_recorded_as_unknown() -> None:
    assert read(refund_fee="1.00", trade_status="TRADE_CLOSED").kind is EventKind.UNKNOWN


AMOUNTS = [
    "0.1", "1.", ".5", "1.234", "01.00", "+1", "-1.00", " 1", "1\n", "1,000.00", "1_000.00", "１.００", "٣", "²",
    "0x10", "1e3", "NaN", "Infinity", "-0", "", "null", "1", "1E+1000000", "9" * 30 + ".00", "100000000000000.00",
]  # fmt: skip


@pytest.mark.parametrize("text", AMOUNTS)
def test_b110_amounts_that_are_not_written_as_yuan(text: str) -> None:
    assert refusal(total_amount=text) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("text", sorted(set(AMOUNTS) - {""}))
def test_b110_refund_amounts_that_are_not_written_as_yuan(text: str) -> None:
    assert refusal(refund_fee=text) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize(("text", "minor"), [("0.00", 0), ("0.01", 1), ("9999999.99", 999_999_999)])
def test_b061_b115_amounts_are_exact(text: str, minor: int) -> None:
    assert read(total_amount=text).amount == minor


def test_an_amount_that_is_not_stated_is_none() -> None:
    assert read(total_amount=None).amount is None


@pytest.mark.parametrize("text", ["USD", "HKD", "cny", "RMB"])
def test_b063_a_currency_is_told_as_it_stands(text: str) -> None:
    assert read(trans_currency=text).currency == text


def test_b064_b065_merchant_and_app_are_told_as_they_stand() -> None:
    event = read(app_id="2021000000000099", seller_id="2088000000000099")
    assert (event.app, event.merchant) == ("2021000000000099", "2088000000000099")


def test_b066_an_email_is_no_merchant() -> None:
    event = read(seller_id=None, seller_email="shop@example.com")
    assert (event.merchant, event.words["seller_email"]) == (None, "shop@example.com")


def test_an_app_that_is_not_named_is_none() -> None:
    assert read(app_id=None).app is None


@pytest.mark.parametrize("name", ["out_trade_no", "trade_no", "trade_status"])
@pytest.mark.parametrize("value", [None, "", "x" * 65, "a b", "a\nb", "订单", "\u202eORDER", "A\u200bB"])
def test_b084_b086_ids_that_are_none(name: str, value: str | None) -> None:
    assert refusal(**{name: value}) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("value", ["'\";--", "%", "../../etc", "${jndi:x}", "{{7*7}}", "<script>"])
def test_b085_b124_ids_are_taken_as_they_stand(value: str) -> None:
    assert read(out_trade_no=value).out_trade_no == value


@pytest.mark.parametrize(
    "value", ["&quot;", "%7B%22a%22%7D", "<script>", "' OR 1=1", "{{7*7}}", "${jndi:ldap://x}", "\x1b[31m", "a\r\nb"]
)
def test_b085_words_are_kept_verbatim(value: str) -> None:
    assert read(passback_params=value).words["passback_params"] == value


def test_b086_a_word_beyond_all_measure_is_refused_and_not_cut() -> None:
    assert refusal(subject="x" * 1025) == (400, "CALLBACK_MALFORMED")
    assert read(subject="x" * 1024).words["subject"] == "x" * 1024


@pytest.mark.parametrize(
    "text",
    ["2026-02-30 00:00:00", "2026-01-31 24:00:00", "2026-12-31 23:59:60", "0001-01-01 00:00:00", "9999-12-31 23:59:59",
     "2026-01-31T08:00:00", "2026-01-31", "", "yesterday", "２０２６-01-31 08:00:00", "2026-W05-6 08:00:00"],
)  # fmt: skip
def test_b120_a_time_that_is_none(text: str) -> None:
    event = read(gmt_payment=text)
    assert (event.kind, event.happened_at) == (EventKind.PAID, None)
    assert event.words.get("gmt_payment", "") == text


# -- replies, verbs, config ----------------------------------------------------------------------------------------


def test_the_replies_are_exact() -> None:
    accepted, refused = GATEWAY.accepted(), GATEWAY.refused(401, "SIGNATURE_INVALID", "…")
    assert (accepted.status, accepted.body, accepted.headers) == (200, b"success", (("Content-Type", "text/plain"),))
    assert (refused.status, refused.body) == (401, b"fail")


def test_it_is_a_gateway_that_only_receives() -> None:
    payment = Payment(id="P", gateway="alipay", account="alipay", merchant="", app="", out_trade_no="O", channel="qr",
                      amount=1, currency="CNY", status="pending")  # fmt: skip
    refund = Refund(id="R", payment_id="P", gateway="alipay", account="alipay", out_refund_no="R", amount=1,
                    currency="CNY", status="requested")  # fmt: skip
    assert isinstance(GATEWAY, Gateway)
    assert GATEWAY.capabilities.operations == frozenset()
    calls = [
        lambda: GATEWAY.charge(payment), lambda: GATEWAY.query(payment), lambda: GATEWAY.close(payment),
        lambda: GATEWAY.refund(payment, refund), lambda: GATEWAY.query_refund(payment, refund),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(Refused) as caught:
            call()
        assert (caught.value.code, caught.value.payment_id) == ("OPERATION_UNSUPPORTED", "P")


@pytest.mark.parametrize("many", [False, True])
def test_it_opens_from_a_config(many: bool) -> None:
    secret = Secret(FAR.public_pem, "file alipay.pem")
    options = {"app_id": FAR.app_id, "seller_id": FAR.seller_id, "alipay_public_key": (secret,) if many else secret}
    gateway = Alipay.from_config("shop", options)
    assert gateway.read(FAR.callback(account="shop"), 0)[0].account == "shop"


def test_alipays_key_may_come_as_a_certificate() -> None:
    pem = certificate_pem(FAR.key, serial=7, first=0, last=10**15)
    gateway = Alipay.from_config("shop", {"app_id": "1", "seller_id": "2", "alipay_public_key": pem})
    assert len(gateway.read(FAR.callback(), 0)) == 1


def test_a_config_without_a_usable_key_names_the_option() -> None:
    with pytest.raises(ConfigError) as caught:
        Alipay.from_config("shop", {"app_id": "1", "seller_id": "2", "alipay_public_key": b"nonsense!"})
    assert (caught.value.code, caught.value.path) == ("CONFIG_BAD_KEY", "$.gateways.shop.alipay_public_key")
    with pytest.raises(ConfigError):
        Alipay.from_config("shop", {"app_id": "1", "seller_id": "2", "alipay_public_key": ()})


def test_b175_nothing_of_a_key_is_shown() -> None:
    assert "BEGIN" not in repr(GATEWAY)
    assert private_key("alipay").key_size == 2048
