"""Genuine messages that others published, spoilt and explained."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from payflow.clock import SECOND
from payflow.diagnosis.explain import explain
from payflow.diagnosis.material import gathered
from payflow.gateway import Callback
from payflow.gateways.wechat import SIGNATURE_TYPE
from payflow.testing.signed import form_callback
from tests.vectors.vectors import data, vector

from .world import codes

SENT_AT = 1_624_523_846 * SECOND  # the clock of the SDK's own test


def notification(body: bytes | None = None):
    """WeChat Pay's notification of the vectors, whose APIv3 key payflow would refuse: another one is held."""
    inputs, _ = vector("wx-notify-verify-decrypt")
    headers = json.loads(data(inputs["headers_file"])) | {"Wechatpay-Signature-Type": SIGNATURE_TYPE}
    options = {
        "appid": "wx", "mchid": "1234567890", "api_v3_key": b"x" * 31 + b"y",
        "platform_certificates": [data(inputs["platform_cert"])],
    }  # fmt: skip
    callback = Callback("wechat", tuple(headers.items()), body or data(inputs["body_file"]))
    return gathered("wechat", "wechat", options), callback


def test_a_genuine_wechat_signature_with_another_apiv3_key():
    assert codes(explain(*notification(), SENT_AT)) == ["DECRYPTION_FAILED", "API_V3_KEY_WRONG"]


def test_a_genuine_wechat_body_that_was_written_anew():
    _, callback = notification()
    spoilt = json.dumps(json.loads(callback.body), indent=1).encode()
    assert "RESERIALISED" in codes(explain(*notification(spoilt), SENT_AT))


def alipay_notification(name):
    inputs, _ = vector(name)
    fields = json.loads(data(inputs["post_file"]))
    fields = {key: value for key, value in fields.get("params", fields).items() if isinstance(value, str)}
    key = data(inputs.get("public_key") or inputs["alipay_cert"])
    options = {"app_id": fields["app_id"], "seller_id": fields["seller_id"], "alipay_public_key": key}
    return gathered("alipay", "alipay", options), fields


def explained(material, fields):
    return explain(material, form_callback(urlencode(fields).encode()), SENT_AT)


@pytest.mark.parametrize("name", ["alipay-notify-verify-v1", "alipay-notify-verify-plus"])
def test_a_genuine_alipay_notification_is_called_genuine(name):
    assert codes(explained(*alipay_notification(name))) == ["GENUINE"]


def test_a_genuine_alipay_notification_whose_plus_became_a_space():
    material, fields = alipay_notification("alipay-notify-verify-plus")
    spoilt = {name: value.replace("+", " ") for name, value in fields.items()}
    found = explained(material, spoilt)
    assert codes(found) == ["SIGNATURE_INVALID", "DECODED_PLUS"]
    assert "subject" in found[1].english


def test_a_message_of_the_service_market_is_genuine_and_no_trade():
    inputs, _ = vector("alipay-notify-verify-v2")
    fields = json.loads(data(inputs["post_file"]))
    key = data(inputs.get("public_key") or inputs["alipay_cert"])
    options = {"app_id": fields.get("app_id", ""), "seller_id": "2088", "alipay_public_key": key}
    assert codes(explained(gathered("alipay", "alipay", options), fields))[:2] == [
        "CALLBACK_UNKNOWN_KIND", "OTHERWISE_GENUINE",
    ]  # fmt: skip
