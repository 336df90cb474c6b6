"""The SDKs that merchants use for WeChat Pay's APIv3, against the sandbox: their own signing, sending and verifying.

Nothing of theirs is changed but address and keys. Each of them in all three key modes: platform certificates that are
fetched from the sandbox as they would be from WeChat Pay, the public key, and both while a merchant goes over.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from payflow.clock import BEIJING
from payflow.sandbox import MERCHANTS, Sandbox
from payflow.sandbox.material import serial_of

from .installing import HERE, Installed, node
from .receiver import Callback, Receiver
from .speaking import Sdk, SdkSaysNo

pytestmark = pytest.mark.slow

SUBJECT = "红茶+冰 50% (大)"
#: SDK, mode.
CLIENTS = tuple(
    (name, mode)
    for name in ("wechatpayv3", "wechatpay-axios-plugin")
    for mode in ("certificate", "public_key", "both")
)  # fmt: skip
NAMES = [" ".join(one) for one in CLIENTS]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=1, refund_seconds=0.2) as running:
        yield running


def _opened(
    sdks: Installed, sandbox: Sandbox, notify: str, which: tuple[str, str], home: Path, **changed: str
) -> Sdk:  # fmt: skip
    name, mode = which
    keys = sandbox.material
    merchant = next(one for one in MERCHANTS if one.mode == mode)
    settings: dict[str, Any] = {
        "url": sandbox.url, "mode": mode, "notify_url": notify, "mchid": merchant.mchid, "appid": merchant.appid,
        "serial": serial_of(keys.merchant_certificate), "private_pem": keys.private_pem("merchant").decode(),
        "api_v3_key": keys.api_v3_key, "public_key": keys.public_pem("wechat_public").decode(),
        "public_key_id": keys.public_key_id,
    } | changed  # fmt: skip
    if name == "wechatpayv3":
        return Sdk([str(sdks.official), str(HERE / "python/wechat.py")], settings, home)
    return Sdk([node(), str(HERE / "node/wechat.js")], settings, home, NODE_PATH=str(sdks.modules))


class Merchant:
    """An SDK with everything around it."""

    def __init__(self, sdk: Sdk, which: tuple[str, str], sandbox: Sandbox, receiver: Receiver) -> None:
        self.sdk, self.sandbox, self.receiver = sdk, sandbox, receiver
        self.name, self.mode = which

    def number(self) -> str:
        return f"T{secrets.token_hex(8)}"

    def done(self, verb: str, status: int = 200, **given: Any) -> dict[str, Any]:
        """The body of what has this status."""
        told = self.sdk(verb, **given)
        assert told["status"] == status, told
        body: dict[str, Any] = told["body"] or {}
        return body

    def ordered(self, total: int = 1250, kind: str = "native", **more: Any) -> tuple[str, dict[str, Any]]:
        number = self.number()
        return number, self.done(kind, out_trade_no=number, total=total, description=SUBJECT, **more)

    def paid(self, total: int = 1250) -> str:
        number, _ = self.ordered(total)
        self.sandbox.pay(number)
        return number

    def callback(self, number: str, event: str = "TRANSACTION.SUCCESS") -> dict[str, Any]:
        """The callback about an order, delivered over HTTP, as the SDK verifies and opens it."""
        told = self.believed(self.delivered(number, event))
        assert told is not None
        return told

    def delivered(self, number: str, event: str = "TRANSACTION.SUCCESS") -> Callback:
        """The callback itself. Which order it is about is sealed, so this opens it as the SDK does not have to."""
        return self.receiver.wait(lambda one: f'"{event}"' in one.body and number in self._opened(one))

    def believed(self, one: Callback) -> dict[str, Any] | None:
        told: dict[str, Any] | None = self.sdk("verify", headers=one.headers, body=one.body)
        return told

    def _opened(self, one: Callback) -> str:
        sealed = json.loads(one.body)["resource"]
        return (
            AESGCM(self.sandbox.material.api_v3_key.encode())
            .decrypt(
                sealed["nonce"].encode(), base64.b64decode(sealed["ciphertext"]), sealed["associated_data"].encode()
            )
            .decode()
        )


@pytest.fixture(scope="module", params=CLIENTS, ids=NAMES)
def merchant(
    request: pytest.FixtureRequest, sdks: Installed, sandbox: Sandbox, receiver: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Merchant]:  # fmt: skip
    sdk = _opened(sdks, sandbox, f"{receiver.url}/wechat", request.param, tmp_path_factory.mktemp("home"))
    yield Merchant(sdk, request.param, sandbox, receiver)
    sdk.close()


# -- from the order to the refund -----------------------------------------------------------------------------------


def test_an_order_is_made_paid_asked_about_and_told_of(merchant: Merchant) -> None:
    number, told = merchant.ordered()
    assert told["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert merchant.done("query", out_trade_no=number)["trade_state"] == "NOTPAY"
    merchant.sandbox.pay(number)
    paid = merchant.done("query", out_trade_no=number)
    assert (paid["trade_state"], paid["amount"]["total"], paid["trade_type"]) == ("SUCCESS", 1250, "NATIVE")
    assert merchant.done("query", transaction_id=paid["transaction_id"])["out_trade_no"] == number
    callback = merchant.callback(number)
    assert callback["event_type"] == "TRANSACTION.SUCCESS"
    assert callback["resource"]["transaction_id"] == paid["transaction_id"]


def test_callbacks_are_believed_whichever_key_signs_them(merchant: Merchant) -> None:
    """While a merchant goes over, callbacks come by turns with the one key and the other."""
    serials = set()
    for _ in range(4):
        number = merchant.paid()
        one = merchant.delivered(number)
        assert (merchant.believed(one) or {})["resource"]["out_trade_no"] == number
        serials.add(one.headers["Wechatpay-Serial"].startswith("PUB_KEY_ID_"))
    assert serials == {"certificate": {False}, "public_key": {True}, "both": {True, False}}[merchant.mode]


def test_money_goes_back_in_parts_and_each_part_can_be_asked_about(merchant: Merchant) -> None:
    number, refund = merchant.paid(), f"R{secrets.token_hex(6)}"
    told = merchant.done("refund", out_trade_no=number, out_refund_no=refund, refund=250, total=1250, reason="太甜")
    assert (told["status"], told["amount"]["refund"]) == ("PROCESSING", 250)
    callback = merchant.callback(number, "REFUND.SUCCESS")
    assert (callback["resource"]["out_refund_no"], callback["resource"]["refund_status"]) == (refund, "SUCCESS")
    assert merchant.done("refund_query", out_refund_no=refund)["status"] == "SUCCESS"
    again = merchant.done("refund", out_trade_no=number, out_refund_no=refund, refund=250, total=1250, reason="太甜")
    assert (again["refund_id"], again["status"]) == (told["refund_id"], "SUCCESS")
    assert merchant.done("query", out_trade_no=number)["trade_state"] == "REFUND"


def test_a_refund_that_cannot_arrive_goes_to_a_card_with_sealed_fields(merchant: Merchant) -> None:
    number, refund = merchant.paid(), f"R{secrets.token_hex(6)}"
    merchant.sandbox.fault("refund_abnormal", gateway="wechat", out_trade_no=number)
    merchant.done("refund", out_trade_no=number, out_refund_no=refund, refund=1250, total=1250)
    callback = merchant.callback(number, "REFUND.ABNORMAL")
    told = merchant.done(
        "to_a_card", refund_id=callback["resource"]["refund_id"], out_refund_no=refund,
        bank_account="6222000000000000000", real_name="张三",
    )  # fmt: skip
    assert told["out_refund_no"] == refund
    assert told["status"] in ("PROCESSING", "SUCCESS")


def test_an_unpaid_order_is_closed(merchant: Merchant) -> None:
    number, _ = merchant.ordered()
    assert merchant.done("close", 204, out_trade_no=number) == {}
    assert merchant.done("query", out_trade_no=number)["trade_state"] == "CLOSED"


def test_a_code_is_paid(merchant: Merchant) -> None:
    number, told = merchant.ordered(kind="codepay", auth_code="130000000000000001")
    assert (told["trade_state"], told["out_trade_no"]) == ("SUCCESS", number)


def test_orders_are_combined_paid_and_asked_about_together(merchant: Merchant) -> None:
    group, numbers = merchant.number(), [merchant.number(), merchant.number()]
    orders = [{"out_trade_no": one, "total": 100, "description": SUBJECT} for one in numbers]
    assert merchant.done("combine", combine_out_trade_no=group, orders=orders)["code_url"].startswith("weixin://")
    for one in numbers:
        if merchant.sandbox.order(one).state == "waiting":
            merchant.sandbox.pay(one)
    told = merchant.done("combine_query", combine_out_trade_no=group)
    assert [one["trade_state"] for one in told["sub_orders"]] == ["SUCCESS", "SUCCESS"]


def test_combined_orders_are_closed_together(merchant: Merchant) -> None:
    group, numbers = merchant.number(), [merchant.number(), merchant.number()]
    orders = [{"out_trade_no": one, "total": 100, "description": SUBJECT} for one in numbers]
    merchant.done("combine", combine_out_trade_no=group, orders=orders)
    merchant.done("combine_close", 204, combine_out_trade_no=group, numbers=numbers)
    told = merchant.done("combine_query", combine_out_trade_no=group)
    assert {one["trade_state"] for one in told["sub_orders"]} == {"CLOSED"}


def test_what_wechat_refuses_the_sdk_hands_on(merchant: Merchant) -> None:
    number = merchant.paid()
    assert merchant.done("query", 404, out_trade_no=merchant.number())["code"] == "ORDER_NOT_EXIST"
    assert merchant.done("close", 400, out_trade_no=number)["code"] == "ORDERPAID"
    told = merchant.sdk("refund", out_trade_no=number, out_refund_no="R1", refund=1251, total=1250)
    assert told["status"] in (400, 403)
    assert merchant.done("refund_query", 404, out_refund_no="never")["code"] == "RESOURCE_NOT_EXISTS"


# -- what the payer's client gets -----------------------------------------------------------------------------------


def test_a_page_in_wechat_gets_parameters_that_wechat_takes(merchant: Merchant) -> None:
    number, told = merchant.ordered(kind="jsapi", openid="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")
    params = merchant.sdk("client_params", prepay_id=told["prepay_id"])
    taken = requests.post(f"{merchant.sandbox.url}/wechat/client", json=params, timeout=10)
    assert (taken.status_code, taken.json()["out_trade_no"]) == (200, number)
    merchant.sandbox.pay(number)
    assert merchant.callback(number)["resource"]["trade_type"] == "JSAPI"


def test_a_changed_parameter_is_not_taken(merchant: Merchant) -> None:
    _, told = merchant.ordered(kind="jsapi", openid="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")
    params = merchant.sdk("client_params", prepay_id=told["prepay_id"]) | {"nonceStr": "another"}
    taken = requests.post(f"{merchant.sandbox.url}/wechat/client", json=params, timeout=10)
    assert (taken.status_code, taken.json()["code"]) == (400, "SIGN_ERROR")


def test_an_app_gets_a_prepay_id(merchant: Merchant) -> None:
    _, told = merchant.ordered(kind="app")
    assert told["prepay_id"].startswith("wx")


def test_a_phones_page_leads_to_the_cashier(merchant: Merchant) -> None:
    number, told = merchant.ordered(kind="h5")
    page = requests.get(told["h5_url"], timeout=10)
    assert page.status_code == 200
    assert number in page.text


# -- bills ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["trade", "fundflow"])
def test_a_days_bill_has_the_order(merchant: Merchant, kind: str) -> None:
    number = merchant.paid()
    found = merchant.done("query", out_trade_no=number)["transaction_id"] if kind == "fundflow" else number
    day = datetime.fromtimestamp(merchant.sandbox.clock() / 1e6, BEIJING).strftime("%Y-%m-%d")
    merchant.sandbox.advance(2 * 86_400)
    told = merchant.sdk("bill", kind=kind, day=day)
    assert told["status"] == 200
    text = gzip.decompress(base64.b64decode(told["file"]))
    assert hashlib.sha1(text).hexdigest() == told["body"]["hash_value"]
    assert f"`{found}" in text.decode("utf-8-sig")
    if "rows" in told:  # the Node.js SDK reads bills as well
        assert found in {cell for row in told["rows"] for cell in row.values()}
        assert told["hash"] == told["body"]["hash_value"]
        assert len(told["rows"]) == int(next(iter(told["summary"].values())))


# -- keys -----------------------------------------------------------------------------------------------------------


def test_a_new_platform_certificate_is_fetched_when_it_is_needed(sdks: Installed, tmp_path: Path) -> None:
    receiver = Receiver()  # its own: what another sandbox sends could not be opened with this one's keys
    with closing(receiver), Sandbox(seed=1) as sandbox:
        which = ("wechatpayv3", "certificate")
        sdk = _opened(sdks, sandbox, f"{receiver.url}/wechat", which, tmp_path, cert_dir=str(tmp_path / "certificates"))
        try:
            merchant = Merchant(sdk, which, sandbox, receiver)
            first = serial_of(sandbox.material.platform_certificate)
            assert sdk("certificates") == [first]
            second = sandbox.sides["wechat"].rotate()
            number = merchant.paid()
            assert merchant.callback(number)["resource"]["out_trade_no"] == number
            assert sdk("certificates") == sorted([first, second])
            assert {one.stem for one in (tmp_path / "certificates").iterdir()} == {first, second}
        finally:
            sdk.close()


def test_a_merchant_with_the_public_key_only_has_no_certificates(
    sdks: Installed, sandbox: Sandbox, tmp_path: Path
) -> None:
    keys = sandbox.material
    merchant = next(one for one in MERCHANTS if one.mode == "public_key")
    with pytest.raises(SdkSaysNo, match="No wechatpay platform certificate"):
        _opened(
            sdks, sandbox, "http://127.0.0.1/wechat", ("wechatpayv3", "certificate"), tmp_path, mchid=merchant.mchid,
            appid=merchant.appid, serial=serial_of(keys.merchant_certificate),
        )  # fmt: skip


# -- that they really look ------------------------------------------------------------------------------------------


def test_a_changed_callback_is_refused_by_the_sdk(merchant: Merchant) -> None:
    one = merchant.delivered(merchant.paid())
    assert merchant.believed(Callback(one.headers, one.body + " ")) is None


def test_a_callback_signed_by_a_stranger_is_refused_by_the_sdk(merchant: Merchant) -> None:
    number, _ = merchant.ordered()
    merchant.sandbox.fault("callback_bad_signature", gateway="wechat", out_trade_no=number)
    merchant.sandbox.pay(number)
    assert merchant.believed(merchant.delivered(number)) is None


@pytest.mark.parametrize("fault", ["bad_signature", "signtest"])
def test_an_answer_signed_by_a_stranger_is_refused_by_the_sdk(merchant: Merchant, fault: str) -> None:
    number = merchant.paid()
    merchant.sandbox.fault(fault, gateway="wechat", operation="query", out_trade_no=number)
    with pytest.raises(SdkSaysNo, match=r"failed to verify the signature|Verify the response's data .* failed"):
        merchant.sdk("query", out_trade_no=number)
    assert merchant.done("query", out_trade_no=number)["trade_state"] == "SUCCESS"


@pytest.mark.parametrize("name", ["wechatpayv3", "wechatpay-axios-plugin"])
def test_a_stranger_is_refused_by_the_sandbox(
    name: str, sdks: Installed, sandbox: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = stranger.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    which = (name, "public_key")
    sdk = _opened(sdks, sandbox, f"{receiver.url}/wechat", which, tmp_path, private_pem=text.decode())
    try:
        told = sdk("query", out_trade_no="A1")
    finally:
        sdk.close()
    assert (told["status"], told["body"]["code"]) == (401, "SIGN_ERROR")


def test_which_sdks_these_are(merchant: Merchant) -> None:
    version = merchant.sdk.versions[merchant.name]
    wanted = (HERE / "python/official.txt").read_text() + (HERE / "node/package.json").read_text()
    assert f"{merchant.name}=={version}\n" in wanted or f'"{merchant.name}": "{version}"' in wanted
