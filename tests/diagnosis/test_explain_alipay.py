"""Notifications of Alipay, each spoilt by a mistake people really make."""

from __future__ import annotations

import html
import json
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

import pytest

from payflow.diagnosis.explain import explain
from payflow.gateway import Callback
from payflow.signing import Signer
from payflow.testing.signed import AlipaySigner, form, form_callback, private_key, public_pem

from .world import ALIPAY, NOW, OWN, alipay, certificate, codes, one, wechat

FIELDS = ALIPAY.paid()
BODY = ALIPAY.body(FIELDS)
SHOP = AlipaySigner(app_id="2021000000000077", seller_id="2088000000000077", key_name="shop's alipay")


def explained(body, *others, **options):
    return explain(alipay(**options), form_callback(body), NOW, others)


def pairs(body=BODY, charset="utf-8"):
    """The fields as a framework has them, in their order."""
    return parse_qsl(body.decode("ascii"), keep_blank_values=True, encoding=charset)


def causes(findings):
    """What comes behind the check that failed."""
    return codes(findings)[1:]


def test_a_genuine_notification_is_called_genuine():
    findings = explained(BODY)
    assert codes(findings) == ["GENUINE"]
    assert "alipay_public_key" in findings[0].english


# -- encoding ------------------------------------------------------------------------------------------------------


def test_a_plus_that_was_not_escaped():
    findings = explained(BODY.replace(b"%2B", b"+"))
    assert codes(findings)[0] == "SIGNATURE_INVALID"
    assert "subject" in one(findings, "DECODED_PLUS").english


def test_a_signature_whose_pluses_became_spaces():
    signed = {**FIELDS, "sign": ALIPAY.signature(FIELDS).replace("+", " ")}
    assert signed["sign"].count(" ")
    finding = one(explained(form(signed)), "DECODED_PLUS")
    assert "sign" in finding.english
    assert "subject" not in finding.english


def test_a_form_that_was_decoded_twice_and_sent_anew():
    findings = explained(form([(name, unquote_plus(value)) for name, value in pairs()]))
    assert causes(findings) == ["DECODED_PLUS"]


def test_a_form_that_was_written_anew_without_escaping_pluses():
    body = "&".join(f"{name}={quote(value, safe='+')}" for name, value in pairs()).encode()
    assert causes(explained(body)) == ["PLUS_NOT_ESCAPED"]


def test_percent_signs_that_were_decoded_once_too_often():
    body = ALIPAY.body(ALIPAY.paid(subject="100%25 latte", body="a%2Fb"))
    spoilt = form([(name, unquote(value) if name == "body" else value) for name, value in pairs(body)])
    assert "body" in one(explained(spoilt), "DOUBLE_DECODED").english


def test_a_form_that_was_encoded_twice():
    body = b"&".join(
        name + b"=" + quote(value.decode()).encode()
        for name, _, value in (part.partition(b"=") for part in BODY.split(b"&"))
    )
    assert causes(explained(body)) == ["DOUBLE_ENCODED"]


def test_a_body_that_is_already_decoded():
    body = "&".join(f"{name}={value}" for name, value in pairs()).encode()
    assert causes(explained(body)) == ["ALREADY_DECODED"]


@pytest.mark.parametrize(("sent", "read"), [("utf-8", "gbk"), ("gbk", "utf-8")])
def test_a_form_that_was_written_anew_in_another_charset(sent, read):
    body = ALIPAY.body(ALIPAY.paid(charset=sent))
    again = [(name, read if name == "charset" else value) for name, value in pairs(body, sent)]
    assert "CHARSET_CHANGED" in causes(explained(form(again, read)))


def test_text_that_was_taken_for_latin():
    spoilt = [(name, value.encode("utf-8").decode("latin-1")) for name, value in pairs()]
    assert "ISO-8859-1" in one(explained(form(spoilt)), "CHARSET_CHANGED").english


def test_text_that_was_decoded_with_the_wrong_charset_is_lost():
    spoilt = [(name, value.encode("gbk").decode("utf-8", "replace")) for name, value in pairs()]
    assert "CHARACTERS_LOST" in causes(explained(form(spoilt)))


def test_ampersands_escaped_as_html():
    assert causes(explained(BODY.replace(b"&", b"&amp;"))) == ["HTML_ESCAPED"]


def test_values_escaped_as_html():
    findings = explained(form([(name, html.escape(value)) for name, value in pairs()]))
    assert causes(findings) == ["HTML_ESCAPED"]
    assert "fund_bill_list" in findings[1].english


def test_quotes_escaped_with_backslashes():
    findings = explained(form([(name, value.replace('"', '\\"')) for name, value in pairs()]))
    assert causes(findings) == ["SLASHES_ADDED"]


def test_a_form_that_was_turned_into_json():
    callback = Callback("alipay", (("Content-Type", "application/json"),), json.dumps(dict(pairs())).encode())
    assert causes(explain(alipay(), callback, NOW)) == ["FORM_TO_JSON"]


# -- fields --------------------------------------------------------------------------------------------------------


def test_empty_fields_that_were_dropped():
    body = ALIPAY.body(ALIPAY.paid(body="", passback_params=""))
    finding = one(explained(form([pair for pair in pairs(body) if pair[1]])), "FIELDS_DROPPED")
    assert "body, passback_params" in finding.english


def test_empty_fields_that_were_added():
    finding = one(explained(form([*pairs(), ("coupon", ""), ("remark", "")])), "EMPTY_ADDED")
    assert "coupon, remark" in finding.english


def test_a_field_that_was_added():
    assert "account" in one(explained(form([*pairs(), ("account", "alipay")])), "FIELD_ADDED").english


def test_constant_fields_that_were_dropped():
    kept = [pair for pair in pairs() if pair[0] not in ("version", "charset")]
    finding = one(explained(form(kept)), "FIELDS_DROPPED")
    assert "version" in finding.english
    assert "charset" in finding.english


def test_fields_that_cannot_be_put_back_are_named():
    kept = [pair for pair in pairs() if pair[0] not in ("notify_id", "seller_id")]
    assert "notify_id, seller_id" in one(explained(form(kept)), "FIELDS_MISSING").english


def test_a_value_that_was_trimmed():
    body = ALIPAY.body(ALIPAY.paid(subject="latte "))
    findings = explained(form([(name, value.strip()) for name, value in pairs(body)]))
    assert "subject" in one(findings, "VALUE_TRIMMED").english


def test_json_in_a_value_that_was_written_anew():
    spoilt = [(n, json.dumps(json.loads(v)) if n == "fund_bill_list" else v) for n, v in pairs()]
    assert "fund_bill_list" in one(explained(form(spoilt)), "VALUE_RESERIALISED").english


# -- the signature -------------------------------------------------------------------------------------------------


def test_a_signature_over_sign_type_too():
    assert causes(explained(ALIPAY.body(FIELDS, keeps_sign_type=True))) == ["SIGN_TYPE_INCLUDED"]


def test_a_market_message_keeps_its_sign_type_and_is_no_mistake():
    body = ALIPAY.body(ALIPAY.paid(notify_type="servicemarket_order_notify"), keeps_sign_type=True)
    assert codes(explained(body)) == ["CALLBACK_UNKNOWN_KIND", "OTHERWISE_GENUINE"]


def test_sign_type_was_dropped():
    findings = explained(form([pair for pair in pairs() if pair[0] != "sign_type"]))
    assert codes(findings) == ["ALGORITHM_REJECTED", "SIGN_TYPE_DROPPED"]


def test_the_app_still_signs_with_the_old_algorithm():
    finding = one(explained(ALIPAY.body(ALIPAY.paid(sign_type="RSA"))), "SIGN_TYPE_OLD")
    assert "RSA2" in finding.english


def test_no_signature_at_all():
    assert causes(explained(form([pair for pair in pairs() if pair[0] != "sign"]))) == ["SIGN_MISSING"]


def test_a_signature_that_was_cut():
    findings = explained(form([(name, value[:300] if name == "sign" else value) for name, value in pairs()]))
    assert "300 characters" in one(findings, "SIGN_UNREADABLE").english


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sign: sign.replace("+", "-").replace("/", "_"),
        lambda sign: sign.rstrip("="),
        lambda sign: sign[:76] + "\r\n" + sign[76:],
        lambda sign: f" {sign}\n",
    ],
    ids=["url-safe", "without its end", "in lines", "with white space"],
)
def test_a_signature_whose_text_was_changed(spoil):
    findings = explained(form([(name, spoil(value) if name == "sign" else value) for name, value in pairs()]))
    assert causes(findings) == ["SIGN_CHANGED"]


def test_two_mistakes_at_once_are_both_named():
    body = form([*pairs(), ("account", "alipay")]).replace(b"%2B", b"+")
    assert {"DECODED_PLUS", "FIELD_ADDED"} <= set(causes(explained(body)))


# -- keys ----------------------------------------------------------------------------------------------------------


def test_signed_with_the_apps_own_key():
    signed = "&".join(f"{name}={FIELDS[name]}" for name in sorted(FIELDS) if name != "sign_type")
    body = form({**FIELDS, "sign": Signer(OWN).sign(signed.encode())})
    assert "app_private_key" in one(explained(body), "SIGNED_WITH_OWN_KEY").english


def test_the_apps_own_public_key_in_place_of_alipays():
    findings = explained(BODY, alipay_public_key=public_pem(OWN))
    assert "OWN_KEY_AS_THEIRS" in causes(findings)
    assert "NO_CAUSE_FOUND" not in causes(findings)


def test_a_notification_of_another_account_of_the_config():
    other = alipay("shop", app_id=SHOP.app_id, seller_id=SHOP.seller_id, alipay_public_key=SHOP.public_pem)
    findings = explained(SHOP.body(SHOP.paid()), other)
    assert causes(findings) == ["KEY_OF_OTHER_ACCOUNT", "NOT_OUR_APP"]
    assert "account 'shop'" in findings[2].english


def test_a_genuine_notification_about_another_merchant():
    findings = explained(ALIPAY.body(ALIPAY.paid(seller_id="2088000000000099")))
    assert codes(findings) == ["GENUINE", "NOT_OUR_MERCHANT"]


def test_a_certificate_that_is_not_ours_is_named():
    stranger = AlipaySigner(key_name="the next certificate's")
    body = stranger.body(ALIPAY.paid(alipay_cert_sn="0123456789abcdef0123456789abcdef"))
    held = certificate(ALIPAY.key)
    finding = one(explained(body, alipay_public_key=None, alipay_certificate=held), "STALE_CERTIFICATE")
    assert "0123456789abcdef0123456789abcdef" in finding.english


def test_a_certificate_verifies_like_a_key():
    held = certificate(ALIPAY.key)
    assert codes(explained(BODY, alipay_public_key=None, alipay_certificate=held)) == ["GENUINE"]


def test_no_key_of_alipays_loads():
    assert codes(explained(BODY, alipay_public_key=b"nothing")) == ["NO_KEYS"]


def test_a_key_of_another_gateway_is_not_tried():
    other = wechat(public_key=ALIPAY.public_pem)
    assert "KEY_OF_OTHER_ACCOUNT" not in codes(
        explained(BODY, other, alipay_public_key=public_pem(private_key("else")))
    )


# -- the envelope --------------------------------------------------------------------------------------------------


def test_a_body_that_was_eaten():
    finding = one(explained(b""), "BODY_EMPTY")
    assert "request.form" in finding.english


def test_a_body_that_was_cut():
    callback = Callback("alipay", (("Content-Length", str(len(BODY))),), BODY[:400])
    assert "400 of" in one(explain(alipay(), callback, NOW), "BODY_CUT").english


def test_a_body_that_grew():
    callback = Callback("alipay", (("Content-Length", "10"),), BODY.replace(b"%2B", b"+"))
    assert "BODY_LONGER" in codes(explain(alipay(), callback, NOW))


def test_a_return_url_is_not_a_callback():
    assert "NOT_POSTED" in codes(explain(alipay(), Callback("alipay", (), b"a=b", "GET"), NOW))


def test_a_multipart_body():
    headers = (("Content-Type", "multipart/form-data; boundary=x"),)
    callback = Callback("alipay", headers, b'--x\r\nContent-Disposition: form-data; name="sign"\r\n\r\nabc\r\n--x--')
    assert "MULTIPART" in codes(explain(alipay(), callback, NOW))


def test_a_compressed_body():
    callback = Callback("alipay", (("Content-Encoding", "gzip"),), b"\x1f\x8b\x08\x00abc")
    assert "BODY_COMPRESSED" in codes(explain(alipay(), callback, NOW))


def test_a_body_that_is_too_large():
    assert "BODY_TOO_LARGE" in codes(explained(b"a=b&" * 20_000))


def test_a_body_that_is_no_form():
    assert "NOT_A_FORM" in codes(explained(b"hello"))


def test_a_forgery_has_no_explanation():
    findings = explained(BODY.replace(b"12.50", b"0.01"))
    assert codes(findings) == ["SIGNATURE_INVALID", "NO_CAUSE_FOUND"]


def test_an_account_of_another_kind():
    from payflow.diagnosis.material import gathered

    assert codes(explain(gathered("mock", "mock", {}), form_callback(BODY), NOW)) == ["NOTHING_TO_EXPLAIN"]
