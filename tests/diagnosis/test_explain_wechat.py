"""Notifications of WeChat Pay, each spoilt by a mistake people really make."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest

from payflow.clock import SECOND
from payflow.diagnosis.explain import explain
from payflow.signing import Signer
from payflow.testing.signed import WeChatSigner, public_pem

from .world import NOW, OWN, WECHAT, alipay, certificate, codes, one, wechat, with_body, with_headers

#: As WeChat Pay writes it: without spaces, in its own order, Chinese as it is.
ENVELOPE = WECHAT.envelope(WECHAT.paid())
ENVELOPE["resource"] = {
    name: ENVELOPE["resource"][name]
    for name in ("original_type", "algorithm", "ciphertext", "associated_data", "nonce")
}
BODY = json.dumps(ENVELOPE, ensure_ascii=False, separators=(",", ":")).encode()
CALLBACK = WECHAT.delivered(BODY, NOW)
SAID = json.loads(BODY)
SERIAL = "6FEDCBA9876543210A"
CERTIFIED = certificate(WECHAT.key, serial=int(SERIAL, 16))


def explained(callback, *others, now=NOW, **options):
    return explain(wechat(**options), callback, now, others)


def causes(findings):
    return codes(findings)[1:]


def test_a_genuine_notification_is_called_genuine():
    findings = explained(CALLBACK)
    assert codes(findings) == ["GENUINE"]
    assert WECHAT.key_id in findings[0].english


# -- the body ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        json.dumps,
        lambda said: json.dumps(said, ensure_ascii=False),
        lambda said: json.dumps(said, separators=(",", ":")),
        lambda said: json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        lambda said: json.dumps(said, sort_keys=True, indent=4),
        lambda said: json.dumps(said, ensure_ascii=False, indent=2) + "\n",
        lambda said: json.dumps(said, separators=(",", ":")).replace("/", "\\/"),
        lambda said: json.dumps(dict(reversed(said.items()))),
    ],
    ids=["python", "spaces", "escaped", "sorted", "sorted, indented", "pretty", "php", "reversed"],
)
def test_json_that_was_written_anew(written):
    findings = explained(with_body(CALLBACK, written(SAID).encode()))
    assert codes(findings) == ["SIGNATURE_INVALID", "RESERIALISED"]
    assert "written without spaces" in findings[1].english
    assert "不带空格" in findings[1].chinese


def test_whatever_way_the_original_was_written_it_is_found():
    original = json.dumps(SAID, indent=2).replace("/", "\\/").encode() + b"\n"
    callback = with_body(WECHAT.delivered(original, NOW), BODY)
    how = one(explained(callback), "RESERIALISED").english
    assert "indented by 2" in how
    assert "other characters as \\u" in how
    assert "/ written \\/" in how
    assert "a line feed at its end" in how


def test_names_in_an_order_nobody_documents():
    original = {
        name: SAID[name] for name in ("resource", "summary", "id", "event_type", "resource_type", "create_time")
    }
    callback = WECHAT.delivered(json.dumps(original, ensure_ascii=False, separators=(",", ":")).encode(), NOW)
    findings = explained(with_body(callback, json.dumps(original, sort_keys=True).encode()))
    assert "another order" in one(findings, "RESERIALISED").english


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body + b"\n",
        lambda body: body + b"\r\n",
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: b" " + body,
    ],
)
def test_white_space_around_it(spoil):
    assert "LINE_BREAKS" in causes(explained(with_body(CALLBACK, spoil(BODY))))


def test_line_breaks_that_were_changed():
    callback = WECHAT.delivered(json.dumps(SAID, indent=2).encode(), NOW)
    changed = with_body(callback, callback.body.replace(b"\n", b"\r\n"))
    assert causes(explained(changed)) == ["LINE_BREAKS"]


def test_another_charset():
    findings = explained(with_body(CALLBACK, BODY.decode().encode("gbk")))
    assert "GBK" in one(findings, "CHARSET_CHANGED").english


def test_text_that_was_taken_for_latin():
    spoilt = BODY.decode("latin-1").encode("utf-8")
    assert causes(explained(with_body(CALLBACK, spoilt))) == ["CHARSET_CHANGED"]


def test_quotes_escaped_as_html():
    assert causes(explained(with_body(CALLBACK, BODY.replace(b'"', b"&quot;")))) == ["HTML_ESCAPED"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda body: quote(body).encode(),
        lambda body: quote_plus(body.decode()).encode() + b"=",
        lambda body: b"data=" + quote(body, safe="").encode(),
        lambda body: body + b"=",
        lambda body: json.dumps(body.decode()).encode(),
        lambda body: repr(body).encode(),
    ],
    ids=["quoted", "form key", "form value", "key without value", "text in JSON", "printed by Python"],
)
def test_a_body_that_was_wrapped(wrap):
    assert causes(explained(with_body(CALLBACK, wrap(BODY)))) == ["BODY_WRAPPED"]


def test_a_body_that_ends_early():
    assert "BODY_ENDS_EARLY" in causes(explained(with_body(CALLBACK, BODY[:200])))


def test_a_body_that_was_eaten():
    assert codes(explained(with_body(CALLBACK, b"")))[0] == "BODY_EMPTY"


def test_a_v2_notification():
    xml = b"<xml><return_code><![CDATA[SUCCESS]]></return_code><refund_status>SUCCESS</refund_status></xml>"
    finding = one(explained(with_body(CALLBACK, xml)), "V2_XML")
    assert "notify_url" in finding.english


def test_a_body_that_is_no_json():
    assert "NOT_JSON" in causes(explained(with_body(CALLBACK, b"hello")))


def test_a_changed_value_has_no_explanation_but_the_content_is_known_to_be_theirs():
    findings = explained(with_body(CALLBACK, BODY.replace(b"EV-", b"XX-")))
    assert causes(findings) == ["BODY_STILL_OPENS", "NO_CAUSE_FOUND"]


# -- headers -------------------------------------------------------------------------------------------------------


def test_all_headers_were_dropped():
    kept = tuple(pair for pair in CALLBACK.headers if not pair[0].startswith("Wechatpay"))
    callback = type(CALLBACK)("wechat", kept, BODY)
    assert causes(explained(callback)) == ["HEADERS_DROPPED"]


@pytest.mark.parametrize("name", ["Wechatpay-Signature", "Wechatpay-Nonce", "Wechatpay-Timestamp", "Wechatpay-Serial"])
def test_one_header_was_dropped(name):
    callback = with_headers(CALLBACK, **{name.lower().replace("-", "_"): None})
    assert name in one(explained(callback), "HEADER_MISSING").english


def test_probe_traffic_is_no_mistake():
    findings = explained(with_headers(CALLBACK, wechatpay_signature="WECHATPAY/SIGNTEST/abcdef"))
    assert codes(findings) == ["SIGNATURE_INVALID", "PROBE"]
    assert "探测" in findings[1].chinese


@pytest.mark.parametrize(("after", "way"), [(3600, "3600 s behind"), (-900, "900 s ahead of")])
def test_the_time_is_told_in_seconds(after, way):
    findings = explained(CALLBACK, now=NOW + after * SECOND)
    assert causes(findings) == ["TIMESTAMP_SKEW_SECONDS", "OTHERWISE_GENUINE"]
    assert way in findings[1].english


def test_an_old_capture_is_explained_all_the_same():
    findings = explained(with_body(CALLBACK, json.dumps(SAID).encode()), now=NOW + 86_400 * SECOND)
    assert causes(findings) == ["TIMESTAMP_SKEW_SECONDS", "RESERIALISED"]


def test_a_time_in_milliseconds():
    callback = with_headers(CALLBACK, wechatpay_timestamp=str(NOW // 1000))
    assert "TIMESTAMP_MALFORMED" in causes(explained(callback))


def test_a_signature_that_was_cut():
    callback = with_headers(CALLBACK, wechatpay_signature="QUJD")
    assert "4 characters" in one(explained(callback), "SIGN_UNREADABLE").english


# -- keys ----------------------------------------------------------------------------------------------------------


def test_a_stale_certificate_is_named_beside_those_we_hold():
    other = WeChatSigner(key_name="next")
    callback = other.delivered(BODY, NOW, serial="5ABCDEF0")
    findings = explained(callback, public_key=None, platform_certificates=[CERTIFIED])
    finding = one(findings, "STALE_CERTIFICATE")
    assert "5ABCDEF0" in finding.english
    assert SERIAL in finding.english
    assert "BODY_STILL_OPENS" in codes(findings)


def test_the_console_went_over_to_the_public_key():
    other = WeChatSigner(key_name="next", key_id="PUB_KEY_ID_0777")
    findings = explained(other.delivered(BODY, NOW), public_key=None, platform_certificates=[CERTIFIED])
    assert "PUB_KEY_ID_0777" in one(findings, "PUBLIC_KEY_UNKNOWN").english


def test_a_public_key_under_a_wrong_id():
    finding = one(explained(CALLBACK, public_key_id="PUB_KEY_ID_0000"), "KEY_NAME_WRONG")
    assert WECHAT.key_id in finding.english
    assert "PUB_KEY_ID_0000" in finding.english


def test_a_serial_with_leading_zeros_is_the_same_serial():
    callback = WECHAT.delivered(BODY, NOW, serial="00" + SERIAL.lower())
    assert codes(explained(callback, public_key=None, platform_certificates=[CERTIFIED])) == ["GENUINE"]


def test_an_expired_certificate():
    held = certificate(WECHAT.key, serial=int(SERIAL, 16), first=-900, last=-3)
    findings = explained(WECHAT.delivered(BODY, NOW, serial=SERIAL), public_key=None, platform_certificates=[held])
    assert codes(findings) == ["KEY_EXPIRED", "KEY_EXPIRED_HERE"]


def test_signed_with_the_merchants_own_key():
    text = f"{NOW // SECOND}\nabc\n".encode() + BODY + b"\n"
    callback = with_headers(CALLBACK, wechatpay_signature=Signer(OWN).sign(text), wechatpay_nonce="abc")
    assert causes(explained(callback)) == ["SIGNED_WITH_OWN_KEY"]


def test_the_merchants_own_serial():
    callback = WeChatSigner(key_name="nobody's").delivered(BODY, NOW, serial="1234ABCD5678")
    assert "SERIAL_IS_OURS" in causes(explained(callback))


def test_the_merchants_own_public_key_in_place_of_wechat_pays():
    assert "OWN_KEY_AS_THEIRS" in causes(explained(CALLBACK, public_key=public_pem(OWN)))


def test_a_notification_of_another_account_of_the_config():
    shop = WeChatSigner(mchid="1900000077", appid="wx0000000000000077", key_name="shop", key_id="PUB_KEY_ID_0777")
    other = wechat("shop", mchid=shop.mchid, appid=shop.appid, public_key=shop.public_pem, public_key_id=shop.key_id)
    findings = explained(shop.callback(now=NOW), other)
    assert causes(findings) == ["KEY_OF_OTHER_ACCOUNT", "NOT_OUR_MERCHANT"]
    assert "account 'shop'" in findings[2].english


def test_a_genuine_notification_about_another_app():
    findings = explained(WECHAT.callback(WECHAT.paid(appid="wx0000000000000099"), now=NOW))
    assert codes(findings) == ["GENUINE", "NOT_OUR_APP"]


def test_no_key_of_wechat_pays_loads():
    assert "NO_KEYS" in causes(explained(CALLBACK, public_key=b"nothing"))


# -- what is sealed ------------------------------------------------------------------------------------------------


def test_a_wrong_apiv3_key():
    findings = explained(CALLBACK, api_v3_key=b"z1" * 16)
    assert codes(findings) == ["DECRYPTION_FAILED", "API_V3_KEY_WRONG"]


def test_the_apiv3_key_of_another_account():
    other = wechat("shop", mchid="1900000077")
    findings = explained(CALLBACK, other, api_v3_key=b"z1" * 16)
    assert "account 'shop'" in one(findings, "API_V3_KEY_WRONG").english


def test_associated_data_that_was_changed():
    changed = {**ENVELOPE, "resource": {**ENVELOPE["resource"], "associated_data": "order"}}
    findings = explained(with_body(CALLBACK, json.dumps(changed).encode()))
    assert "'transaction'" in one(findings, "SEALED_TEXT_CHANGED").english


def test_an_alipay_notification_at_wechats_address():
    assert "HEADERS_DROPPED" in codes(explain(wechat(), type(CALLBACK)("wechat", (), b"a=b"), NOW, (alipay(),)))
