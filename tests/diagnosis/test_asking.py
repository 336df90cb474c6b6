"""The harmless question: every answer a gateway can give, and what it means."""

from __future__ import annotations

import pytest

from payflow.clock import SECOND, system_clock
from payflow.diagnosis.asking import ask, ask_the_time
from payflow.diagnosis.findings import Severity
from payflow.diagnosis.meaning import clock_finding
from payflow.errors import ConfigError
from payflow.signing import certificate_serial, load_certificate
from payflow.testing.signed import WeChatSigner, private_key
from payflow.transport import Limits

from .world import (
    ALIPAY,
    WECHAT,
    FarSide,
    alipay,
    alipay_says,
    certificate,
    codes,
    one,
    sandboxed,
    sealed_certificates,
    wechat,
    wechat_error,
    wechat_says,
)

LIMITS = Limits(connect_seconds=0.5, read_seconds=0.5, total_seconds=1.0)
UNKNOWN_ORDER = {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST", "sub_msg": "交易不存在"}
NOT_THERE = wechat_error(404, "ORDER_NOT_EXIST", "订单不存在")


@pytest.fixture
def far_side():
    """A far side that answers what the test says; closed at its end."""
    opened = []

    def started(answer):
        opened.append(FarSide(answer if callable(answer) else lambda path: answer))
        return opened[-1]

    yield started
    for one_of_them in opened:
        one_of_them.close()


def asked(material):
    return list(ask(material, LIMITS, system_clock))


# -- Alipay --------------------------------------------------------------------------------------------------------


@pytest.fixture
def alipay_answers(far_side):
    def answered(answer, **options):
        return asked(alipay(base_url=far_side(answer).url + "/gateway.do", sandbox=True, **options))

    return answered


def test_a_signed_trade_not_exist_proves_both_keys(alipay_answers):
    findings = alipay_answers(alipay_says(ALIPAY.key, **UNKNOWN_ORDER))
    assert codes(findings) == ["CLOCK_AGREES", "GATEWAY_PROVEN"]
    assert "ACQ.TRADE_NOT_EXIST" in findings[1].english


def test_an_unsigned_trade_not_exist_proves_nothing(alipay_answers):
    assert codes(alipay_answers(alipay_says(**UNKNOWN_ORDER)))[1:] == ["ANSWER_UNSIGNED"]


def test_an_answer_that_another_key_signed(alipay_answers):
    findings = alipay_answers(alipay_says(private_key("another"), **UNKNOWN_ORDER))
    assert "alipay_public_key" in one(findings, "THEIR_KEY_WRONG").english


@pytest.mark.parametrize(
    ("code", "sub_code", "expected"),
    [
        ("40002", "isv.invalid-signature", "ALIPAY_SIGN_REFUSED"),
        ("40002", "isv.invalid-app-id", "ALIPAY_APP_UNKNOWN"),
        ("40001", "isv.missing-signature-key", "ALIPAY_NO_PUBLIC_KEY"),
        ("40002", "isv.app-cert-not-exist", "ALIPAY_CERT_UNKNOWN"),
        ("40002", "app-cert-not-exist", "ALIPAY_CERT_UNKNOWN"),
        ("40002", "isv.invalid-alipay-root-cert-sn", "ALIPAY_ROOT_REFUSED"),
        ("40002", "isv.invalid-timestamp", "ALIPAY_TIMESTAMP"),
        ("40003", "isv.decryption-error-unknown", "ALIPAY_AES_KEY"),
        ("40002", "isv.invalid-encrypt-type", "ALIPAY_AES_KEY"),
        ("20001", "aop.app-auth-token-time-out", "ALIPAY_AUTH_TOKEN"),
        ("20001", "aop.something-new", "ALIPAY_AUTH_TOKEN"),
        ("40006", "isv.insufficient-isv-permissions", "ALIPAY_NOT_CONTRACTED"),
        ("40004", "ACQ.ACCESS_FORBIDDEN", "ALIPAY_NOT_CONTRACTED"),
        ("20000", "isp.unknow-error", "GATEWAY_BUSY"),
        ("40004", "ACQ.SYSTEM_ERROR", "GATEWAY_BUSY"),
        ("40005", "isv.app-call-limited", "GATEWAY_BUSY"),
        ("40004", "ACQ.SOMETHING_NEW", "ALIPAY_REFUSED"),
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_what_a_refusal_of_alipays_means(alipay_answers, code, sub_code, expected, signed):
    answer = alipay_says(
        ALIPAY.key if signed else None, "alipay_trade_query_response" if signed else "error_response",
        code=code, sub_code=sub_code, sub_msg="their words",
    )  # fmt: skip
    findings = alipay_answers(answer)
    assert sub_code in one(findings, expected).english
    assert ("THEIR_SIGNATURE_PROVEN" in codes(findings)) is signed


@pytest.mark.parametrize("answer", [(502, {}, b"<html>"), (200, {}, b"<html></html>"), (200, {}, b""), (302, {}, b"")])
def test_something_that_is_not_alipay_answers(alipay_answers, answer):
    assert codes(alipay_answers(answer))[1:] == ["GATEWAY_STATUS"]


def test_a_certificate_we_do_not_hold_is_named(far_side):
    from payflow.sandbox.material import pem

    keys = sandboxed()
    answer = alipay_says(ALIPAY.key, **UNKNOWN_ORDER)
    body = answer[2].replace(b',"sign"', b',"alipay_cert_sn":"0123456789abcdef0123456789abcdef","sign"')
    address = far_side((200, {}, body)).url + "/gateway.do"
    material = alipay(
        base_url=address, sandbox=True, alipay_public_key=None, app_private_key=keys.private_pem("app"),
        app_certificate=pem(keys.app_certificate), alipay_certificate=pem(keys.alipay_certificate),
        alipay_root_certificate=pem(keys.root_certificate),
    )  # fmt: skip
    assert "0123456789abcdef0123456789abcdef" in one(asked(material), "THEIR_KEY_UNKNOWN").english


# -- on the way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("material", [alipay, wechat])
def test_nobody_listens(material):
    gone = FarSide(lambda path: (200, {}, b""))
    gone.close()
    findings = asked(material(base_url=gone.url, sandbox=True))
    assert codes(findings) == ["GATEWAY_UNREACHABLE"]
    assert "127.0.0.1" in findings[0].english


def test_nobody_answers(far_side):
    import time

    def sleep(path):
        time.sleep(1.2)
        return 200, {}, b""

    assert codes(asked(alipay(base_url=far_side(sleep).url, sandbox=True))) == ["GATEWAY_SILENT"]


def test_what_speaks_no_tls(far_side):
    address = far_side((200, {}, b"")).url.replace("http:", "https:")
    assert codes(asked(wechat(base_url=address, sandbox=True))) == ["GATEWAY_TLS"]


# -- the clock -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behind", "code", "severity", "words"),
    [
        (0, "CLOCK_AGREES", Severity.OK, "within"),
        (50, "CLOCK_AGREES", Severity.OK, "within"),
        (90, "CLOCK_SKEW", Severity.WARNING, "ahead of"),
        (-90, "CLOCK_SKEW", Severity.WARNING, "behind"),
        (300, "CLOCK_SKEW", Severity.ERROR, "ahead of"),
        (-300, "CLOCK_SKEW", Severity.ERROR, "behind"),
    ],
)
def test_our_clock_is_compared_with_theirs(far_side, behind, code, severity, words):
    far = far_side(alipay_says(ALIPAY.key, **UNKNOWN_ORDER))
    far.behind = behind
    finding = one(asked(alipay(base_url=far.url + "/gateway.do", sandbox=True)), code)
    assert finding.severity is severity
    assert words in finding.english


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Jan 2026 00:00:00 GMT"])
def test_without_a_date_nothing_is_said_of_the_clock(date):
    assert clock_finding("alipay", "host", date, 0) is None


def test_a_date_is_read_in_its_own_zone():
    finding = clock_finding("alipay", "host", "Sat, 31 Jan 2026 08:00:00 GMT", 1_769_846_400 * SECOND)
    assert finding is not None
    assert finding.code == "CLOCK_AGREES"


def test_accounts_that_cannot_ask_are_told_the_time_all_the_same(far_side):
    far = far_side((404, {}, b""))
    far.behind = 400
    assert codes(ask_the_time(wechat(base_url=far.url, sandbox=True), LIMITS, system_clock)) == ["CLOCK_SKEW"]


# -- WeChat Pay ----------------------------------------------------------------------------------------------------


@pytest.fixture
def wechat_answers(far_side):
    """Order, certificates and bill by their paths; what is not given is answered with 404."""

    def answered(order=NOT_THERE, certificates=None, bill=None, **options):
        def answer(path):
            found = {"/v3/pay": order, "/v3/cer": certificates, "/v3/bil": bill}[path[:7]]
            return found or wechat_error(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书")

        return asked(wechat(base_url=far_side(answer).url, sandbox=True, **options))

    return answered


CERTIFIED = certificate(WECHAT.key, serial=0x7FEDCBA987654321)
SERIAL = certificate_serial(load_certificate(CERTIFIED))
BY_CERTIFICATE = {"public_key": None, "public_key_id": None, "platform_certificates": [CERTIFIED]}
SEALED = sealed_certificates({SERIAL: CERTIFIED}, WECHAT.api_v3_key)


def test_the_certificates_prove_their_key_and_the_apiv3_key(wechat_answers):
    findings = wechat_answers(certificates=wechat_says(SEALED, serial=SERIAL), **BY_CERTIFICATE)
    assert codes(findings)[1:] == ["OUR_SIGNATURE_TAKEN", "API_V3_KEY_PROVEN", "THEIR_SIGNATURE_PROVEN"]
    assert SERIAL in findings[3].english


def test_a_wrong_apiv3_key(wechat_answers):
    answer = wechat_says(sealed_certificates({SERIAL: CERTIFIED}, b"z1" * 16), serial=SERIAL)
    findings = wechat_answers(certificates=answer, **BY_CERTIFICATE)
    assert codes(findings)[2:] == ["API_V3_KEY_WRONG", "THEIR_SIGNATURE_PROVEN"]


def test_a_stale_platform_certificate(wechat_answers):
    other = WeChatSigner(key_name="next")
    findings = wechat_answers(certificates=wechat_says(SEALED, other, serial="0ABCDEF012345678"), **BY_CERTIFICATE)
    finding = one(findings, "THEIR_KEY_UNKNOWN")
    assert "0ABCDEF012345678" in finding.english
    assert SERIAL in finding.english


def test_a_certificate_that_is_fetched_need_not_be_given(wechat_answers):
    answer = wechat_says(SEALED, serial=SERIAL)
    findings = wechat_answers(certificates=answer, public_key=None, public_key_id=None, download_certificates=True)
    assert codes(findings)[1:] == ["OUR_SIGNATURE_TAKEN", "API_V3_KEY_PROVEN", "THEIR_SIGNATURE_PROVEN"]


def test_a_wrong_public_key(wechat_answers):
    answer = wechat_says(SEALED, WeChatSigner(key_name="next"), serial=WECHAT.key_id)
    assert "THEIR_KEY_WRONG" in codes(wechat_answers(certificates=answer))


def test_certificates_without_a_signature(wechat_answers):
    status, headers, body = wechat_says(SEALED)
    plain = {name: value for name, value in headers.items() if not name.startswith("Wechatpay")}
    assert codes(wechat_answers(certificates=(status, plain, body)))[3:] == ["ANSWER_UNSIGNED"]


@pytest.mark.parametrize("said", [{"data": "none"}, {"data": [{}]}, {}])
def test_certificates_that_are_none(wechat_answers, said):
    assert "ANSWER_UNSIGNED" in codes(wechat_answers(certificates=wechat_says(said)))


def test_a_merchant_with_a_public_key_only_is_proven_by_a_signed_answer(wechat_answers):
    findings = wechat_answers(bill=wechat_says({"download_url": "https://api.mch.weixin.qq.com/x"}))
    assert codes(findings)[2:] == ["PUBLIC_KEY_ONLY", "THEIR_SIGNATURE_PROVEN"]


def test_a_merchant_with_a_public_key_only_may_stay_unproven(wechat_answers):
    findings = wechat_answers(bill=wechat_error(400, "NO_STATEMENT_EXIST"))
    assert codes(findings)[2:] == ["PUBLIC_KEY_ONLY", "THEIR_SIGNATURE_UNPROVEN"]
    assert WECHAT.key_id in findings[3].english


def test_a_merchant_that_needs_the_public_key_and_has_none(wechat_answers):
    assert codes(wechat_answers(**BY_CERTIFICATE))[2:] == ["PUBLIC_KEY_NEEDED"]


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (401, "SIGN_ERROR", "错误的签名，导致验签失败", "WECHAT_SIGN_REFUSED"),
        (401, "SIGN_ERROR", "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟", "WECHAT_TIMESTAMP"),
        (401, "SIGN_ERROR", "商户证书序列号有误", "WECHAT_SERIAL_REFUSED"),
        (401, "SIGN_ERROR", "merchant certificate serial not found", "WECHAT_SERIAL_REFUSED"),
        (401, "SIGN_ERROR", "商户未设置APIv3密钥", "WECHAT_API_V3_KEY_UNSET"),
        (400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配", "WECHAT_APP_NOT_BOUND"),
        (400, "MCH_NOT_EXISTS", "商户号不存在", "WECHAT_MERCHANT_UNKNOWN"),
        (403, "NO_AUTH", "商户无权限", "WECHAT_NO_AUTH"),
        (403, "NOAUTH", "商户无权限", "WECHAT_NO_AUTH"),
        (429, "FREQUENCY_LIMITED", "频率超限", "GATEWAY_BUSY"),
        (500, "SYSTEM_ERROR", "系统错误", "GATEWAY_BUSY"),
        (400, "PARAM_ERROR", "参数错误", "WECHAT_REFUSED"),
    ],
)
def test_what_a_refusal_of_wechat_pays_means(wechat_answers, status, code, message, expected):
    findings = wechat_answers(order=wechat_error(status, code, message))
    assert codes(findings)[1:] == [expected]
    assert code in findings[1].english


@pytest.mark.parametrize("order", [(404, {}, b""), (200, {}, b"<html>"), (403, {}, b"<html>")])
def test_something_that_is_not_wechat_pay_answers(wechat_answers, order):
    assert codes(wechat_answers(order=order))[1:] == ["GATEWAY_STATUS"]


def test_only_an_order_that_cannot_exist_is_asked_about(far_side):
    far = far_side(NOT_THERE)
    asked(wechat(base_url=far.url, sandbox=True))
    assert far.asked[0].startswith("/v3/pay/transactions/out-trade-no/PAYFLOW_DOCTOR_")
    assert len(far.asked[0].rpartition("/")[2].partition("?")[0]) <= 32
    assert not [path for path in far.asked if not path.startswith(("/v3/pay/transactions/out", "/v3/cert", "/v3/bill"))]


def test_options_a_gateway_refuses_are_said_to_the_caller():
    with pytest.raises(ConfigError):
        asked(wechat(certificate_serial=None))
