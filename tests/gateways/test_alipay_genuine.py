"""Alipay notifications: only genuine ones are read. Catalogue section B and the form rows of C."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payflow import forms
from payflow.errors import CallbackRefused
from payflow.gateway import Callback, Event, EventKind
from payflow.testing.signed import AlipaySigner, form, form_callback

FAR = AlipaySigner()
GATEWAY = FAR.gateway()
NOW = 0  # Alipay has no window


def refusal(body: bytes) -> tuple[int, str]:
    with pytest.raises(CallbackRefused) as caught:
        GATEWAY.read(form_callback(body), NOW)
    return caught.value.status, caught.value.code


def signed(**changes: str | None) -> dict[str, str]:
    fields = FAR.paid(**changes)
    return {**fields, "sign": FAR.signature(fields)}


def outcome(callback: Callback) -> Event | CallbackRefused:
    try:
        (event,) = GATEWAY.read(callback, NOW)
    except CallbackRefused as refused:
        return refused
    return event


def test_a_genuine_notification_is_read() -> None:
    (event,) = GATEWAY.read(FAR.callback(), NOW)
    assert (event.kind, event.key) == (EventKind.PAID, "paid:2026013122001400000000000001")
    assert (event.amount, event.currency) == (1250, "CNY")


@pytest.mark.parametrize("way", ["missing", "", "   ", "null"])
def test_b020_b021_without_a_signature(way: str) -> None:
    fields = FAR.paid()
    if way != "missing":
        fields["sign"] = way
    assert refusal(form(fields)) == (401, "SIGNATURE_MISSING")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_b024_one_bit_flipped_in_any_field(data: st.DataObject) -> None:
    fields = signed()
    name = data.draw(st.sampled_from(sorted(set(fields) - {"sign"})))
    raw = bytearray(fields[name].encode())
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    pairs = [(key, bytes(raw) if key == name else value.encode()) for key, value in fields.items()]
    body = b"&".join(key.encode() + b"=" + "".join(f"%{byte:02x}" for byte in value).encode() for key, value in pairs)
    with pytest.raises(CallbackRefused) as caught:
        GATEWAY.read(form_callback(body), NOW)
    assert caught.value.code in {"SIGNATURE_INVALID", "ALGORITHM_REJECTED", "CALLBACK_MALFORMED"}
    assert caught.value.code != "CALLBACK_MALFORMED" or raw[bit // 8] < 3


@given(bit=st.integers(0, 2047))
@settings(max_examples=100, deadline=None)
def test_b024_one_bit_flipped_in_the_signature(bit: int) -> None:
    fields = signed()
    raw = bytearray(base64.b64decode(fields["sign"]))
    raw[bit // 8] ^= 1 << bit % 8
    assert refusal(form({**fields, "sign": base64.b64encode(raw).decode()})) == (401, "SIGNATURE_INVALID")


def test_b024_the_signature_of_another_body() -> None:
    other = signed(total_amount="99.00")
    assert refusal(form({**FAR.paid(), "sign": other["sign"]})) == (401, "SIGNATURE_INVALID")


@pytest.mark.parametrize("named", ["RSA", "MD5", "NONE", "none", "HMAC", "", "rsa2", "RSA2 ", None])
def test_b025_b026_any_other_sign_type(named: str | None) -> None:
    assert refusal(form(signed(sign_type=named))) == (401, "ALGORITHM_REJECTED")


def test_b026_sign_type_twice() -> None:
    body = form([*signed().items(), ("sign_type", "RSA2")])
    assert refusal(body) == (400, "CALLBACK_DUPLICATE_FIELD")


SPOILT: dict[str, Callable[[str], str]] = {
    "trailing newline": lambda sign: sign + "\n",
    "leading space": lambda sign: " " + sign,
    "line broken": lambda sign: sign[:76] + "\n" + sign[76:],
    "not ascii": lambda sign: sign[:-4] + "签===",
    "exclamation mark": lambda sign: sign[:10] + "!" + sign[10:],
    "too short": lambda sign: sign[:-4],
    "cut off": lambda sign: sign[:-1],
    "empty padding": lambda sign: sign + "====",
    "url alphabet": lambda sign: sign.replace("+", "-").replace("/", "_") + "-_AA",
    "one megabyte": lambda sign: "A" * 40_000,
    "not base64": lambda sign: "{}",
}


@pytest.mark.parametrize("how", SPOILT)
def test_b029_b030_a_signature_that_is_not_strict_base64(how: str) -> None:
    fields = signed()
    assert refusal(form({**fields, "sign": SPOILT[how](fields["sign"])})) == (401, "SIGNATURE_INVALID")


def test_b030_base64_with_other_unused_bits() -> None:
    fields = signed()
    sign = fields["sign"]
    assert sign.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = sign[:-3] + alphabet[alphabet.index(sign[-3]) ^ 1] + "=="
    assert base64.b64decode(twin) == base64.b64decode(sign)
    assert refusal(form({**fields, "sign": twin})) == (401, "SIGNATURE_INVALID")


def test_b030_a_plus_that_was_not_escaped_is_a_space() -> None:
    fields = FAR.paid()
    for number in range(50):
        fields["notify_id"] = str(number)
        sign = FAR.signature(fields)
        if "+" in sign:
            break
    body = form(fields) + b"&sign=" + sign.replace("=", "%3D").encode()
    assert refusal(body) == (401, "SIGNATURE_INVALID")


def test_b038_the_key_of_another_app() -> None:
    stranger = AlipaySigner(key_name="somebody else's app")
    assert refusal(stranger.body(stranger.paid())) == (401, "SIGNATURE_INVALID")


def test_b035_either_of_two_keys_may_have_signed() -> None:
    from payflow.gateways.alipay import Alipay

    old = AlipaySigner(key_name="the key before")
    both = Alipay(
        "alipay", app_id=FAR.app_id, seller_id=FAR.seller_id, alipay_public_keys=[FAR.public_pem, old.public_pem]
    )
    assert [len(both.read(signer.callback(), NOW)) for signer in (FAR, old)] == [1, 1]


def test_b046_an_old_notification_stays_genuine() -> None:
    old = FAR.callback(FAR.paid(notify_time="2019-08-15 15:56:25"))
    assert GATEWAY.read(old, 4_000_000_000 * 10**6) == GATEWAY.read(old, NOW)


@pytest.mark.parametrize("name", ["total_amount", "out_trade_no", "sign", "trade_status", "unknown"])
def test_b070_duplicate_field(name: str) -> None:
    fields = {"unknown": "1", **signed(unknown="1")}
    assert refusal(form([*fields.items(), (name, "0.01")])) == (400, "CALLBACK_DUPLICATE_FIELD")


def test_b070_duplicate_field_comes_before_the_signature() -> None:
    assert refusal(b"total_amount=0.01&total_amount=100.00") == (400, "CALLBACK_DUPLICATE_FIELD")


def test_b070_duplicate_under_an_escaped_name() -> None:
    assert refusal(form(signed()) + b"&total%5Famount=0.01") == (400, "CALLBACK_DUPLICATE_FIELD")


@pytest.mark.parametrize("name", ["total_amount[]", "total_amount.0", "Total_Amount", "TOTAL_AMOUNT", "total-amount"])
def test_b071_names_that_look_alike_are_signed_and_not_read(name: str) -> None:
    fields = FAR.paid(total_amount=None) | {name: "100.00"}
    (event,) = GATEWAY.read(FAR.callback(fields), NOW)
    assert event.amount is None


@pytest.mark.parametrize(
    "name", ["total_amount%20", "total_amount%00", "+total_amount", "a%3Db", "a%26b", "%E4%BD%A0", ""]
)
def test_b071_names_that_are_not_plain(name: str) -> None:
    assert refusal(form(signed()) + b"&" + name.encode() + b"=1") == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("value", ["%u4e2d", "%", "%4", "%zz", "%%41", "100%", "% 41", "%+1", "%0", "%-1"])
def test_b071_broken_escapes(value: str) -> None:
    assert refusal(form(signed()) + b"&body=" + value.encode()) == (400, "CALLBACK_MALFORMED")


def test_b071_plus_and_percent_20_are_the_same_space() -> None:
    body = FAR.body(FAR.paid(subject="a b"))
    assert b"subject=a+b" in body
    twin = body.replace(b"subject=a+b", b"subject=a%20b")
    assert GATEWAY.read(form_callback(twin), NOW)[0].words["subject"] == "a b"


@pytest.mark.parametrize(
    "body",
    [b"", b"&", b"=", b"a", b"a=1&&b=2", b"a=1&", b"&a=1", b"a=1&b", b"a&b=c=d", b"a=\xe4\xbd\xa0", b"a=1\n", b"a= 1",
     b"a=\x00", b"a=%00", b"a=%01", b"a=%02", b"\xef\xbb\xbfa=1", b"a=1;b=2&",
     b"&".join(b"k%d=1" % n for n in range(300)),
     b"k" * 200 + b"=1", b'{"out_trade_no":"1"}', b"<xml/>"],
)  # fmt: skip
def test_b071_what_is_not_a_form(body: bytes) -> None:
    assert refusal(body) == (400, "CALLBACK_MALFORMED")


def test_b003_a_huge_body() -> None:
    assert refusal(b"a=" + b"1" * 70_000) == (413, "CALLBACK_TOO_LARGE")


@pytest.mark.parametrize("charset", ["GBK", "gbk", "gb2312", "GB18030"])
def test_b080_gbk_is_verified_on_raw_bytes(charset: str) -> None:
    (event,) = GATEWAY.read(FAR.callback(FAR.paid(charset=charset, subject="拿铁，大杯")), NOW)
    assert event.words["subject"] == "拿铁，大杯"


def genuine_but(raw: bytes, charset: str) -> bytes:
    """A form with ``raw`` as subject, genuinely signed over its bytes."""
    from payflow.signing import Signer

    fields = {key: value.encode() for key, value in FAR.paid(charset=charset).items()} | {"subject": raw}
    text = b"&".join(k.encode() + b"=" + fields[k] for k in sorted(fields) if k != "sign_type")
    fields["sign"] = Signer(FAR.key).sign(text).encode()
    return b"&".join(k.encode() + b"=" + "".join(f"%{b:02X}" for b in v).encode() for k, v in fields.items())


@pytest.mark.parametrize(
    "charset", ["utf-7", "idna", "unicode_escape", "rot13", "base64", "utf-16", "utf8", "latin-1", "", "x" * 99, "big5"]
)
def test_b081_charsets_outside_of_the_list(charset: str) -> None:
    assert refusal(genuine_but(b"latte", charset)) == (400, "CALLBACK_CHARSET")


@pytest.mark.parametrize(
    "raw", ["拿铁".encode("gbk"), b"\xc0\xaf", b"\xed\xa0\x80", b"\xff", b"\xf8\x88\x80\x80\x80"], ids=repr
)
def test_b081_b083_bytes_that_are_not_utf8(raw: bytes) -> None:
    assert refusal(genuine_but(raw, "utf-8")) == (400, "CALLBACK_CHARSET")


def test_b083_nul_is_refused() -> None:
    assert refusal(genuine_but(b"a\x00b", "utf-8")) == (400, "CALLBACK_MALFORMED")


def test_b083_emoji_is_kept() -> None:
    (event,) = GATEWAY.read(FAR.callback(FAR.paid(subject="☕🧋")), NOW)
    assert event.words["subject"] == "☕🧋"


def test_all_fields_are_signed_also_empty_and_unknown_ones() -> None:
    fields = FAR.paid(body="", something_new="x", point_amount="0.00")
    assert len(GATEWAY.read(FAR.callback(fields), NOW)) == 1
    assert refusal(form({**signed(), "body": ""})) == (401, "SIGNATURE_INVALID")


def test_in_certificate_mode_the_name_of_the_key_is_not_signed() -> None:
    fields = {**signed(), "alipay_cert_sn": "7513daaaa48aa3ba2e4018d84402479c"}
    assert len(GATEWAY.read(form_callback(form(fields)), NOW)) == 1


@pytest.mark.parametrize("keeps", [True, False])
def test_genuine_messages_about_something_else_are_said_to_be_unknown(keeps: bool) -> None:
    fields = FAR.paid(notify_type="servicemarket_order_notify")
    assert refusal(FAR.body(fields, keeps_sign_type=keeps)) == (400, "CALLBACK_UNKNOWN_KIND")


def test_forged_messages_about_something_else_are_forged() -> None:
    fields = {**signed(notify_type="servicemarket_order_notify"), "total_amount": "1.00"}
    assert refusal(form(fields)) == (401, "SIGNATURE_INVALID")


# -- one signed text, two readings ---------------------------------------------------------------------------------


def recut(genuine: dict[str, str], swallow_from: str, inject: dict[str, str], filler: str) -> bytes:
    """The same signed text, cut so that ``inject`` are fields and the true ones lie inside ``filler``."""
    names = sorted(set(genuine) - {"sign", "sign_type"})
    text = "&".join(f"{name}={genuine[name]}" for name in names)
    start = text.index(f"&{filler}=") + len(filler) + 2
    end = text.index("&passback_params=")
    fields = {name: genuine[name] for name in names if name < swallow_from}
    fields |= {swallow_from: "x"} | inject | {filler: text[start:end]}
    fields |= {name: genuine[name] for name in names if name >= "passback_params"}
    fields |= {"sign": genuine["sign"], "sign_type": "RSA2"}
    assert "&".join(f"{n}={fields[n]}" for n in sorted(set(fields) - {"sign", "sign_type"})) == text
    return form(fields)


def test_a_signed_text_cannot_be_recut_to_pay_another_order() -> None:
    """A body chosen by a payer, signed by Alipay for a cheap order, read as the receipt of a dear one."""
    cheap = FAR.paid(body="x&out_trade_no=DEAR_ORDER&ox=", passback_params="1", total_amount="0.01")
    genuine = {**cheap, "sign": FAR.signature(cheap)}
    body = recut(genuine, "body", {"out_trade_no": "DEAR_ORDER"}, "ox")
    assert refusal(body) == (400, "CALLBACK_AMBIGUOUS")
    assert refusal(form(genuine)) == (400, "CALLBACK_AMBIGUOUS")


@pytest.mark.parametrize("text", ["a&b", "a=b", "M&M's = good", "&&&", "x&y=z", "100% & more"])
def test_an_ampersand_in_a_subject_harms_nobody(text: str) -> None:
    (event,) = GATEWAY.read(FAR.callback(FAR.paid(subject=text)), NOW)
    assert event.words["subject"] == text


# -- nothing but CallbackRefused -----------------------------------------------------------------------------------


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_b143_arbitrary_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(CallbackRefused):
        GATEWAY.read(form_callback(body), NOW)


NAMES = ["trade_no", "out_trade_no", "total_amount", "refund_fee", "gmt_refund", "gmt_payment", "trade_status",
         "out_biz_no", "seller_id", "app_id", "subject", "trans_currency", "charset", "notify_type",
         "gmt_close"]  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00\x01\x02"), max_size=80),
    st.sampled_from(["1.00", "TRADE_CLOSED", "utf-8", "trade_status_sync", "2026-13-01 00:00:00", "x" * 2000, "-1.00"]),
)


@given(st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=6))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_b143_genuine_nonsense_is_refused_or_an_event(changes: dict[str, str]) -> None:
    fields = {**FAR.paid(), **changes}
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "sign_type")
    from payflow.signing import Signer

    body = form({**fields, "sign": Signer(FAR.key).sign(text.encode())})
    event = outcome(form_callback(body))
    if isinstance(event, CallbackRefused):
        assert event.status in {400, 401}
    else:
        assert event.kind is not EventKind.PAID or event.key == f"paid:{event.gateway_txn}"
        assert all(len(text) <= 64 for text in (event.out_trade_no, event.gateway_txn or ""))


@given(st.dictionaries(st.text("abc_xyz.", min_size=1, max_size=8), st.binary(max_size=20), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_form_reads_back_as_it_was_written(fields: dict[str, bytes]) -> None:
    clean = {name.encode(): value.translate(None, b"\x00\x01\x02") for name, value in fields.items()}
    body = b"&".join(n + b"=" + "".join(f"%{b:02x}" for b in v).encode() for n, v in clean.items())
    assert forms.parse(body) == clean


def test_a_bare_equals_sign_in_a_value_is_part_of_it() -> None:
    assert forms.parse(b"a=b==&c=") == {b"a": b"b==", b"c": b""}


def test_the_proof_holds_the_raw_body() -> None:
    import json

    callback = FAR.callback()
    (event,) = GATEWAY.read(callback, NOW)
    assert json.loads(event.proof) == {"body": callback.body.decode()}


def test_headers_do_not_matter() -> None:
    callback = FAR.callback()
    assert GATEWAY.read(Callback("alipay", (), callback.body), NOW) == GATEWAY.read(callback, NOW)
