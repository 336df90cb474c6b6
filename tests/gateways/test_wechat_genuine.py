"""WeChat Pay notifications: only genuine, fresh ones are opened. Catalogue sections A (headers, charsets) and B."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payflow.clock import SECOND
from payflow.errors import CallbackRefused
from payflow.gateway import Callback, Event, EventKind
from payflow.gateways.wechat import WeChat
from payflow.testing.signed import WeChatSigner, certificate_pem, private_key

FAR = WeChatSigner()
GATEWAY = FAR.gateway()
NOW = 1_769_817_600 * SECOND
SERIAL = "0C4AEF34B89340881BB2B25226393DC2E47F094B"


def refusal(callback: Callback, *, now: int = NOW, gateway: WeChat = GATEWAY) -> tuple[int, str]:
    with pytest.raises(CallbackRefused) as caught:
        gateway.read(callback, now)
    return caught.value.status, caught.value.code


def outcome(callback: Callback) -> Event | CallbackRefused:
    try:
        (event,) = GATEWAY.read(callback, NOW)
    except CallbackRefused as refused:
        return refused
    return event


def with_headers(callback: Callback, **changes: str | None) -> Callback:
    """The callback with some of its headers changed; ``None`` takes one away."""
    headers = dict(callback.headers) | {name.replace("_", "-"): value for name, value in changes.items()}
    kept = tuple((name, value) for name, value in headers.items() if value is not None)
    return Callback(callback.account, kept, callback.body)


def certified(first: int = NOW - 86_400 * SECOND, last: int = NOW + 86_400 * SECOND, **more: Any) -> WeChat:
    """A gateway that knows the far side's key by a certificate."""
    pem = certificate_pem(FAR.key, serial=int(SERIAL, 16), first=first, last=last)
    return FAR.gateway(platform_keys={SERIAL: pem, **more})


def test_a_genuine_notification_is_read() -> None:
    (event,) = GATEWAY.read(FAR.callback(now=NOW), NOW)
    assert (event.kind, event.key) == (EventKind.PAID, "paid:4200000000202601310000000001")


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title, str.swapcase])
def test_b013_header_names_in_any_case(spell: Callable[[str], str]) -> None:
    callback = FAR.callback(now=NOW)
    respelt = Callback("wechat", tuple((spell(name), value) for name, value in callback.headers), callback.body)
    assert len(GATEWAY.read(respelt, NOW)) == 1


@pytest.mark.parametrize(
    "name",
    ["Wechatpay-Signature", "Wechatpay-Serial", "Wechatpay-Nonce", "Wechatpay-Timestamp", "Wechatpay-Signature-Type"],
)
@pytest.mark.parametrize("how", ["twice", "twice in another case", "joined by the server"])
def test_b014_the_same_header_twice(name: str, how: str) -> None:
    callback = FAR.callback(now=NOW)
    value = dict(callback.headers)[name]
    if how == "joined by the server":
        doubled = with_headers(callback, **{name: f"{value}, {value}"})
    else:
        again = name if how == "twice" else name.lower()
        doubled = Callback("wechat", (*callback.headers, (again, value)), callback.body)
    assert refusal(doubled) == (400, "CALLBACK_DUPLICATE_FIELD")


@pytest.mark.parametrize("name", ["Wechatpay-Signature", "Wechatpay-Nonce", "Wechatpay-Timestamp"])
def test_b020_without_what_a_signature_needs(name: str) -> None:
    assert refusal(with_headers(FAR.callback(now=NOW), **{name: None})) == (401, "SIGNATURE_MISSING")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_b024_one_bit_flipped_anywhere_in_the_body(data: st.DataObject) -> None:
    callback = FAR.callback(now=NOW)
    raw = bytearray(callback.body)
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert refusal(Callback("wechat", callback.headers, bytes(raw))) == (401, "SIGNATURE_INVALID")


@given(bit=st.integers(0, 2047))
@settings(max_examples=100, deadline=None)
def test_b024_one_bit_flipped_in_the_signature(bit: int) -> None:
    callback = FAR.callback(now=NOW)
    raw = bytearray(base64.b64decode(dict(callback.headers)["Wechatpay-Signature"]))
    raw[bit // 8] ^= 1 << bit % 8
    changed = with_headers(callback, Wechatpay_Signature=base64.b64encode(raw).decode())
    assert refusal(changed) == (401, "SIGNATURE_INVALID")


@pytest.mark.parametrize("change", [{"Wechatpay_Nonce": "another"}, {"Wechatpay_Timestamp": str(NOW // SECOND + 1)}])
def test_b024_nonce_and_time_are_signed(change: dict[str, str]) -> None:
    assert refusal(with_headers(FAR.callback(now=NOW), **change)) == (401, "SIGNATURE_INVALID")


@pytest.mark.parametrize("named", ["WECHATPAY2-SM2-WITH-SM3", "wechatpay2-sha256-rsa2048", "", "none", None])
def test_b028_any_other_signature_type(named: str | None) -> None:
    changed = with_headers(FAR.callback(now=NOW), Wechatpay_Signature_Type=named)
    assert refusal(changed) == (401, "ALGORITHM_REJECTED")


SPOILT: dict[str, Callable[[str], str]] = {
    "trailing newline": lambda sign: sign + "\n",
    "space": lambda sign: " " + sign,
    "not ascii": lambda sign: sign[:-4] + "签===",
    "latin 1": lambda sign: sign[:-4] + "\xe9===",
    "exclamation mark": lambda sign: sign[:10] + "!" + sign[10:],
    "too short": lambda sign: sign[:-4],
    "cut off": lambda sign: sign[:-1],
    "empty": lambda sign: "",
    "one megabyte": lambda sign: "A" * 1_000_000,
    "signtest": lambda sign: "WECHATPAY/SIGNTEST/" + sign,
    "signtest, well formed": lambda sign: "WECHATPAY/SIGNTEST/" + sign[19:],
}


@pytest.mark.parametrize("how", SPOILT)
def test_b029_b030_a_signature_that_is_not_one(how: str) -> None:
    callback = FAR.callback(now=NOW)
    spoilt = SPOILT[how](dict(callback.headers)["Wechatpay-Signature"])
    assert refusal(with_headers(callback, Wechatpay_Signature=spoilt)) == (401, "SIGNATURE_INVALID")


_watching: list[list[str]] = []  # an audit hook cannot be taken away again, so it is told when to look


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watching:
        _watching[-1].append(str(arguments[0]))


def test_b031_a_serial_that_is_a_path_opens_no_file() -> None:
    callback = with_headers(FAR.callback(now=NOW), Wechatpay_Serial="../../../attacker")
    sys.addaudithook(_watch)
    _watching.append([])
    assert refusal(callback) == (401, "UNKNOWN_KEY")
    assert _watching.pop() == []


def test_b033_unknown_serials_leave_the_known_ones() -> None:
    genuine = FAR.callback(now=NOW)
    strange = [with_headers(genuine, Wechatpay_Serial=f"{number:X}") for number in range(10_000)]
    started = time.perf_counter()
    assert {refusal(callback) for callback in strange} == {(401, "UNKNOWN_KEY")}
    assert time.perf_counter() - started < 5
    assert len(GATEWAY.read(genuine, NOW)) == 1


@pytest.mark.parametrize("serial", ["", "0", "zz", "_1F", "PUB_KEY_ID_x", "A" * 10_000, "签", "pub_key_id_", None])
def test_b034_serials_of_no_key(serial: str | None) -> None:
    assert refusal(with_headers(FAR.callback(now=NOW), Wechatpay_Serial=serial)) == (401, "UNKNOWN_KEY")


def test_b035_while_one_key_replaces_another_either_signs() -> None:
    gateway = certified(**{FAR.key_id: FAR.public_pem})
    for serial in (SERIAL, FAR.key_id):
        assert len(gateway.read(FAR.callback(now=NOW, serial=serial), NOW)) == 1


@pytest.mark.parametrize("spelt", [SERIAL, SERIAL.lower(), SERIAL.lstrip("0"), "00" + SERIAL])
def test_serials_are_compared_as_numbers(spelt: str) -> None:
    assert len(certified().read(FAR.callback(now=NOW, serial=spelt), NOW)) == 1


@pytest.mark.parametrize(("first", "last"), [(-10, -1), (1, 10)])
def test_b036_a_certificate_that_is_not_valid_now(first: int, last: int) -> None:
    gateway = certified(NOW + first * SECOND, NOW + last * SECOND)
    assert refusal(FAR.callback(now=NOW, serial=SERIAL), gateway=gateway) == (401, "KEY_EXPIRED")


@pytest.mark.parametrize(("first", "last"), [(0, 10), (-10, 0)])
def test_b036_the_first_and_the_last_second_are_valid(first: int, last: int) -> None:
    gateway = certified(NOW + first * SECOND, NOW + last * SECOND)
    assert len(gateway.read(FAR.callback(now=NOW, serial=SERIAL), NOW)) == 1


def test_b038_another_platforms_key() -> None:
    stranger = WeChatSigner(key_name="another platform")
    assert refusal(stranger.callback(now=NOW)) == (401, "SIGNATURE_INVALID")


@pytest.mark.parametrize("seconds", [-301, 301, -86_400, 86_400])
def test_b040_b043_a_timestamp_outside_of_the_window(seconds: int) -> None:
    assert refusal(FAR.callback(now=NOW), now=NOW + seconds * SECOND) == (401, "TIMESTAMP_SKEW")


@pytest.mark.parametrize("seconds", [-300, -1, 0, 1, 300])
def test_b040_a_timestamp_at_the_edge_of_the_window(seconds: int) -> None:
    assert len(GATEWAY.read(FAR.callback(now=NOW), NOW + seconds * SECOND)) == 1


@pytest.mark.parametrize(
    "text",
    [str(NOW // 1000), str(-NOW // SECOND), "1e9", "0x696D", "１７６９８１７６００", " 1769817600", "1769817600 ", "",
     "1769817600\n", "9" * 40, "1769817600.0", "+1769817600", "1_769_817_600", "٣", "nan", "0001769817600"],
)  # fmt: skip
def test_b041_timestamps_that_are_none(text: str) -> None:
    assert refusal(with_headers(FAR.callback(now=NOW), Wechatpay_Timestamp=text)) == (401, "TIMESTAMP_SKEW")


@pytest.mark.parametrize("nonce", ["", "a b", "a\nb", "随机", "x" * 129, 'a"b', "a\\b"])
def test_nonces_that_are_none(nonce: str) -> None:
    assert refusal(with_headers(FAR.callback(now=NOW), Wechatpay_Nonce=nonce)) == (401, "SIGNATURE_INVALID")


def test_b044_a_nonce_may_come_again_with_another_body() -> None:
    bodies = [json.dumps(FAR.envelope(FAR.paid(out_trade_no=f"ORDER_{n}"))).encode() for n in range(2)]
    events = [
        GATEWAY.read(Callback("wechat", tuple(FAR.headers(body, NOW, nonce="same").items()), body), NOW)[0]
        for body in bodies
    ]
    assert [event.out_trade_no for event in events] == ["ORDER_0", "ORDER_1"]


# -- what is genuinely signed and still not taken ------------------------------------------------------------------


def delivered(body: bytes) -> tuple[int, str]:
    return refusal(FAR.delivered(body, NOW))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xef\xbb\xbf{}", "CALLBACK_CHARSET"),
        ('{"id":"1"}'.encode("utf-16"), "CALLBACK_CHARSET"),
        ('{"id":"1"}'.encode("utf-16-le"), "CALLBACK_MALFORMED"),
        ('{"id":"1"}'.encode("utf-32-be"), "CALLBACK_MALFORMED"),
        (b'\x00{"id":"1"}', "CALLBACK_MALFORMED"),
        (b'{"id":"\xd6\xa7\xb8\xb6"}', "CALLBACK_CHARSET"),
        (b'{"id":"\\ud800"}', "CALLBACK_CHARSET"),
    ],
)
def test_b010_b083_charsets(body: bytes, code: str) -> None:
    assert delivered(body) == (400, code)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"text"', b"1", b"{", b"{}", b'{"a":1}x', b'{"a":NaN}', b'{"a":Infinity}', b"{'a':1}",
     b'{"a":1,}', b'{"a":"\n"}', b"<xml/>", b"id=1", b'{"a":' + b"9" * 5000 + b"}", b'{"resource":[]}',
     b"[" * 1100, b"[" * 60_000, b'{"a":' * 10_000, b'{"a":' * 3000 + b"1" + b"}" * 3000],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_b049_b136_what_is_not_a_json_object(body: bytes) -> None:
    started = time.perf_counter()
    assert delivered(body) == (400, "CALLBACK_MALFORMED")
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("body", [b'{"id":"1","id":"2"}', b'{"resource":{"nonce":"1","nonce":"1"}}'])
def test_b070_a_name_twice_in_one_object(body: bytes) -> None:
    assert delivered(body) == (400, "CALLBACK_DUPLICATE_FIELD")


def test_b136_many_names_are_read_quickly() -> None:
    body = json.dumps({f"k{number}": 1 for number in range(6000)}).encode()[:65_000]
    started = time.perf_counter()
    assert delivered(body) == (400, "CALLBACK_MALFORMED")
    assert time.perf_counter() - started < 0.5


def test_b003_a_huge_body() -> None:
    assert delivered(b"{" + b" " * 65_536) == (413, "CALLBACK_TOO_LARGE")


def opened(inner: Any = None, **how: Any) -> tuple[int, str]:
    return refusal(FAR.callback(inner, now=NOW, **how))


@pytest.mark.parametrize("named", ["AEAD_SM4_GCM", "aead_aes_256_gcm", "", None, 1])
def test_b048_another_algorithm(named: Any) -> None:
    assert opened(resource={"algorithm": named}) == (400, "ALGORITHM_REJECTED")


@pytest.mark.parametrize("named", ["plain", "", None])
def test_b048_another_resource_type(named: str | None) -> None:
    assert opened(resource_type=named) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("name", ["nonce", "ciphertext"])
@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_a_sealed_resource_that_is_incomplete(name: str, value: Any) -> None:
    assert opened(resource={name: value}) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("text", ["!", "AAAA AAAA", "签", "A", "\n"])
def test_a_sealed_text_that_is_not_base64(text: str) -> None:
    assert opened(resource={"ciphertext": text}) == (400, "CALLBACK_MALFORMED")


@pytest.mark.parametrize("change", [{"associated_data": "refund"}, {"nonce": "000000000000"}, {"nonce": ""},
                                    {"nonce": "x" * 500}, {"ciphertext": "AAAA"}, {"ciphertext": ""}])  # fmt: skip
def test_a_sealed_text_that_does_not_open(change: dict[str, str]) -> None:
    assert opened(resource=change) == (400, "DECRYPTION_FAILED")


def test_our_apiv3_key_is_the_one_that_opens() -> None:
    other = FAR.gateway(api_v3_key=b"x" * 31 + b"y")
    assert refusal(FAR.callback(now=NOW), gateway=other) == (400, "DECRYPTION_FAILED")


@pytest.mark.parametrize("absent", [None, ""])
def test_associated_data_may_be_absent(absent: str | None) -> None:
    from payflow.signing import aes_gcm_encrypt

    sealed = aes_gcm_encrypt(FAR.api_v3_key, b"0123456789ab", json.dumps(FAR.paid()).encode(), b"")
    resource = {"associated_data": absent, "nonce": "0123456789ab", "ciphertext": base64.b64encode(sealed).decode()}
    assert len(GATEWAY.read(FAR.callback(now=NOW, resource=resource), NOW)) == 1


@pytest.mark.parametrize("inner", [b"", b"hello", b"[]", b'"text"', b"null", b"\xff", b'{"a":NaN}'])
def test_b049_a_plaintext_that_is_not_a_json_object(inner: bytes) -> None:
    status, code = opened(inner)
    assert (status, code in {"CALLBACK_MALFORMED", "CALLBACK_CHARSET"}) == (400, True)


def test_a_plaintext_with_a_name_twice() -> None:
    assert opened(b'{"out_trade_no":"A00001","out_trade_no":"B00001"}') == (400, "CALLBACK_DUPLICATE_FIELD")


# -- nothing but CallbackRefused -----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["mchid", "appid", "out_trade_no", "transaction_id", "trade_state", "amount", "success_time", "attach",
    "refund_status",
         "out_refund_no", "refund_id", "combine_out_trade_no", "sub_mchid", "sp_mchid"]  # fmt: skip


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_b143_any_bytes_genuinely_signed(body: bytes) -> None:
    assert delivered(body)[0] == 400


@given(
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5),
    st.sampled_from(["TRANSACTION.SUCCESS", "REFUND.CLOSED", "X"]),
)
@settings(max_examples=300, deadline=None)
def test_b143_any_plaintext_is_refused_or_an_event(changes: dict[str, Any], event_type: str) -> None:
    callback = FAR.callback(FAR.paid() | changes, now=NOW, event_type=event_type)
    event = outcome(callback)
    if isinstance(event, CallbackRefused):
        assert event.status == 400
    else:
        assert event.kind is not EventKind.PAID or event.gateway_txn
        assert event.amount is None or type(event.amount) is int


@given(st.dictionaries(st.sampled_from(["id", "event_type", "resource_type", "resource", "summary"]), JSON, max_size=3))
@settings(max_examples=200, deadline=None)
def test_b143_any_envelope_is_refused_or_an_event(changes: dict[str, Any]) -> None:
    envelope = FAR.envelope(FAR.paid()) | changes
    event = outcome(FAR.delivered(json.dumps(envelope).encode(), NOW))
    assert event.status == 400 if isinstance(event, CallbackRefused) else event.out_trade_no == "ORDER_0001"


def test_the_proof_holds_the_headers_and_the_raw_body() -> None:
    callback = FAR.delivered(
        json.dumps(FAR.envelope(FAR.paid(), summary='a "quoted" \\ text ☕'), indent=1, ensure_ascii=False).encode(),
        NOW,
    )
    (event,) = GATEWAY.read(callback, NOW)
    proof = json.loads(event.proof)
    assert proof["body"].encode() == callback.body
    assert proof["headers"] == {k.lower(): v for k, v in callback.headers if k.startswith("Wechatpay")}
    assert FAR.api_v3_key.decode() not in event.proof


def test_b175_nothing_of_a_key_is_shown() -> None:
    shown = repr(GATEWAY) + repr(vars(GATEWAY))
    assert FAR.api_v3_key.decode() not in shown
    assert "BEGIN" not in shown
    assert private_key("wechat").key_size == 2048
