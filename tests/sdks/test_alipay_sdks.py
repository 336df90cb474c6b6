"""The SDKs that merchants use for Alipay, against the sandbox: their own signing, sending and verifying.

Nothing of theirs is changed but address and keys. They are two for Python and one for Node.js, those with a
certificate mode in both modes.
"""

from __future__ import annotations

import base64
import html
import io
import random
import re
import secrets
import socket
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from payflow.clock import BEIJING
from payflow.sandbox import APPS, Sandbox
from payflow.sandbox.material import pem

from .installing import HERE, Installed, node
from .receiver import Callback, Receiver
from .speaking import Sdk, SdkSaysNo

pytestmark = pytest.mark.slow

SUBJECT = "红茶+冰 50% (大)"
#: SDK, mode.
CLIENTS = (
    ("alipay-sdk-python", "key"), ("python-alipay-sdk", "key"), ("python-alipay-sdk", "certificate"),
    ("alipay-sdk", "key"), ("alipay-sdk", "certificate"),
)  # fmt: skip
NAMES = [" ".join(one) for one in CLIENTS]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    host, port = _address()
    with Sandbox(host=host, port=port, seed=1) as running:
        yield running


def _address() -> tuple[str, int]:
    """Port 80 of some loopback address, where that is allowed: alipay-sdk-python knows no other port."""
    host = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, 80))
        except OSError:
            return "127.0.0.1", 0
    return host, 80


def _opened(sdks: Installed, sandbox: Sandbox, notify: str, which: tuple[str, str], home: Path, **changed: str) -> Sdk:
    name, mode = which
    keys = sandbox.material
    settings: dict[str, Any] = {
        "gateway": f"{sandbox.url.removesuffix(':80')}/gateway.do", "mode": mode, "notify_url": notify,
        "app_id": next(app.app_id for app in APPS if app.mode == mode),
        "private_line": keys.private_line("app"), "private_pem": keys.private_pem("app").decode(),
        "alipay_public_line": keys.public_line("alipay"), "alipay_public_pem": keys.public_pem("alipay").decode(),
        "app_certificate": pem(keys.app_certificate).decode(),
        "alipay_certificate": pem(keys.alipay_certificate).decode(),
        "alipay_root_certificate": pem(keys.root_certificate).decode(), "aes_key": keys.aes_key,
    }  # fmt: skip
    home.mkdir(exist_ok=True)
    if name == "alipay-sdk":
        return Sdk([node(), str(HERE / "node/alipay.js")], settings | changed, home, NODE_PATH=str(sdks.modules))
    python, script = {
        "alipay-sdk-python": (sdks.official, "official_alipay.py"),
        "python-alipay-sdk": (sdks.community, "community_alipay.py"),
    }[name]
    return Sdk([str(python), str(HERE / "python" / script)], settings | changed, home)


class Merchant:
    """An SDK with everything around it."""

    def __init__(self, sdk: Sdk, which: tuple[str, str], sandbox: Sandbox, receiver: Receiver) -> None:
        self.sdk, self.sandbox, self.receiver = sdk, sandbox, receiver
        self.name, self.mode = which

    def number(self) -> str:
        return f"T{secrets.token_hex(8)}"

    def ordered(self, amount: str = "12.50") -> str:
        """A QR code has been asked for; its order's number."""
        number = self.number()
        told = self.sdk("precreate", out_trade_no=number, total_amount=amount, subject=SUBJECT)
        assert (told["code"], told["out_trade_no"]) == ("10000", number)
        return number

    def paid(self, amount: str = "12.50") -> str:
        number = self.ordered(amount)
        self.sandbox.pay(number)
        return number

    def query(self, number: str) -> dict[str, Any]:
        told: dict[str, Any] = self.sdk("query", out_trade_no=number)
        return told

    def callback(self, number: str, **wanted: str) -> Callback:
        """The callback about an order that says so, delivered over HTTP."""

        def fits(one: Callback) -> bool:
            said = {name: values[-1] for name, values in parse_qs(one.body).items()}
            return said.get("out_trade_no") == number and wanted.items() <= said.items()

        return self.receiver.wait(fits)

    def refuses(self, verb: str, **given: Any) -> str:
        """The answer to what Alipay does not do: their sub_code, signed, as the SDK hands it on."""
        told = self.sdk(verb, **given)
        assert told["code"] == "40004"
        return str(told["sub_code"])


@pytest.fixture(scope="module", params=CLIENTS, ids=NAMES)
def merchant(
    request: pytest.FixtureRequest, sdks: Installed, sandbox: Sandbox, receiver: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Merchant]:  # fmt: skip
    sdk = _opened(sdks, sandbox, f"{receiver.url}/alipay", request.param, tmp_path_factory.mktemp("home"))
    yield Merchant(sdk, request.param, sandbox, receiver)
    sdk.close()


# -- from the order to the refund -----------------------------------------------------------------------------------


def test_an_order_is_made_paid_asked_about_and_told_of(merchant: Merchant) -> None:
    number = merchant.ordered()
    merchant.sandbox.pay(number)
    told = merchant.query(number)
    assert (told["code"], told["trade_status"], told["total_amount"]) == ("10000", "TRADE_SUCCESS", "12.50")
    callback = merchant.callback(number, trade_status="TRADE_SUCCESS", total_amount="12.50")
    assert merchant.sdk("verify", body=callback.body) is True


def test_money_goes_back_in_parts_and_each_part_can_be_asked_about(merchant: Merchant) -> None:
    number = merchant.paid()
    first = merchant.sdk("refund", out_trade_no=number, refund_amount="2.50", out_request_no="R1")
    assert (first["code"], first["fund_change"], first["refund_fee"]) == ("10000", "Y", "2.50")
    again = merchant.sdk("refund", out_trade_no=number, refund_amount="2.50", out_request_no="R1")
    assert (again["fund_change"], again["refund_fee"]) == ("N", "2.50")
    told = merchant.sdk("refund_query", out_trade_no=number, out_request_no="R1")
    assert (told["refund_status"], told["refund_amount"]) == ("REFUND_SUCCESS", "2.50")
    callback = merchant.callback(number, out_biz_no="R1", refund_fee="2.50")
    assert merchant.sdk("verify", body=callback.body) is True
    merchant.sdk("refund", out_trade_no=number, refund_amount="10.00", out_request_no="R2")
    assert merchant.query(number)["trade_status"] == "TRADE_CLOSED"


def test_a_refund_that_was_never_made_has_no_status(merchant: Merchant) -> None:
    told = merchant.sdk("refund_query", out_trade_no=merchant.paid(), out_request_no="R9")
    assert told["code"] == "10000"
    assert "refund_status" not in told


def test_an_unpaid_order_is_closed(merchant: Merchant) -> None:
    number = merchant.number()
    merchant.sdk("create", out_trade_no=number, total_amount="3.00", subject=SUBJECT, buyer_id="2088000000000002")
    assert merchant.query(number)["trade_status"] == "WAIT_BUYER_PAY"
    assert merchant.sdk("close", out_trade_no=number)["code"] == "10000"
    assert merchant.query(number)["trade_status"] == "TRADE_CLOSED"
    callback = merchant.callback(number, trade_status="TRADE_CLOSED")
    assert merchant.sdk("verify", body=callback.body) is True


def test_a_code_is_paid_and_then_cancelled(merchant: Merchant) -> None:
    number = merchant.number()
    told = merchant.sdk(
        "pay", out_trade_no=number, total_amount="8.00", subject=SUBJECT, scene="bar_code",
        auth_code="280000000000000001",
    )  # fmt: skip
    assert (told["code"], told["total_amount"]) == ("10000", "8.00")
    cancelled = merchant.sdk("cancel", out_trade_no=number)
    assert (cancelled["code"], cancelled["action"]) == ("10000", "refund")


def test_what_alipay_refuses_the_sdk_hands_on(merchant: Merchant) -> None:
    number = merchant.paid()
    assert merchant.refuses("query", out_trade_no=merchant.number()) == "ACQ.TRADE_NOT_EXIST"
    assert merchant.refuses("close", out_trade_no=number) == "ACQ.TRADE_STATUS_ERROR"
    too_much = {"out_trade_no": number, "refund_amount": "12.51", "out_request_no": "R1"}
    assert merchant.refuses("refund", **too_much) == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"


# -- pages, apps ----------------------------------------------------------------------------------------------------


def _cashier(answer: requests.Response, number: str) -> str:
    assert answer.status_code == 200, answer.text
    assert urlsplit(answer.url).path == f"/cashier/alipay/{number}"
    return answer.text


def _submitted(form: str) -> requests.Response:
    """What a browser does with the form an SDK has written."""
    action = re.search(r'action="([^"]*)"', form)
    assert action is not None
    fields = {
        name: value.replace("&quot;", '"')
        for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form)
    }
    # Both SDKs leave the & of the address bare; a browser takes &notify_url= for what is meant, html.unescape for ¬.
    return requests.post(action[1], data=fields, timeout=10)


def test_a_page_leads_to_the_cashier_and_back_with_signed_facts(merchant: Merchant) -> None:
    number = merchant.number()
    told = merchant.sdk(
        "page", out_trade_no=number, total_amount="20.00", subject=SUBJECT,
        return_url=f"{merchant.receiver.url}/back?shop=1",
    )  # fmt: skip
    cashier = requests.get(told["url"], timeout=10)
    _cashier(cashier, number)
    pay = re.search(r'action="([^"]*/pay[^"]*)"', cashier.text)
    assert pay is not None
    done = requests.post(urljoin(cashier.url, html.unescape(pay[1])), timeout=10)
    back = re.search(r'href="([^"]*/back[^"]*)"', done.text)
    assert back is not None
    assert merchant.query(number)["trade_status"] == "TRADE_SUCCESS"
    facts = urlsplit(html.unescape(back[1])).query.removeprefix("shop=1&")
    assert merchant.sdk("verify", body=facts) is True
    assert parse_qs(facts)["out_trade_no"] == [number]


def test_a_form_leads_to_the_cashier(merchant: Merchant) -> None:
    number = merchant.number()
    told = merchant.sdk(
        "page", out_trade_no=number, total_amount="20.00", subject=SUBJECT, return_url=f"{merchant.receiver.url}/back"
    )
    if "form" not in told:  # python-alipay-sdk makes no forms, only the address
        assert merchant.name == "python-alipay-sdk"
        return
    _cashier(_submitted(told["form"]), number)


def test_a_phones_page_leads_to_the_cashier(merchant: Merchant) -> None:
    number = merchant.number()
    told = merchant.sdk(
        "wap", out_trade_no=number, total_amount="20.00", subject=SUBJECT, return_url=f"{merchant.receiver.url}/back",
        quit_url=f"{merchant.receiver.url}/quit",
    )  # fmt: skip
    _cashier(requests.get(told["url"], timeout=10), number)


def test_an_apps_order_string_is_taken(merchant: Merchant) -> None:
    number = merchant.number()
    text = merchant.sdk("app", out_trade_no=number, total_amount="9.90", subject=SUBJECT)
    taken = requests.post(f"{merchant.sandbox.url}/sandbox/alipay/app", data=text.encode("ascii"), timeout=10)
    assert taken.status_code == 200, taken.text
    merchant.sandbox.pay(number)
    callback = merchant.callback(number, trade_status="TRADE_SUCCESS", total_amount="9.90")
    assert merchant.sdk("verify", body=callback.body) is True


# -- bills, certificates, encryption --------------------------------------------------------------------------------


def test_a_days_bill_has_the_order(merchant: Merchant) -> None:
    number = merchant.paid()
    day = datetime.fromtimestamp(merchant.sandbox.clock() / 1e6, BEIJING).strftime("%Y-%m-%d")
    merchant.sandbox.advance(2 * 86_400)
    told = merchant.sdk("bill", bill_type="trade", bill_date=day)
    assert told["code"] == "10000"
    archive = zipfile.ZipFile(io.BytesIO(requests.get(told["bill_download_url"], timeout=10).content))
    lines = [archive.read(name).decode("gbk") for name in archive.namelist()]
    assert any(number in line for line in lines)


def test_a_certificate_is_there_by_its_number(merchant: Merchant) -> None:
    if merchant.mode == "key":  # there are no certificates then; the SDK's other mode is another case of this test
        assert merchant.query(merchant.ordered())["code"] == "40004"
        return
    told = merchant.sdk("certificate", sn=merchant.sdk("alipay_sn"))
    assert told["code"] == "10000"
    chain = base64.b64decode(told["alipay_cert_content"])
    assert chain.startswith(pem(merchant.sandbox.material.alipay_certificate))


@pytest.mark.parametrize("which", [one for one in CLIENTS if one[0] == "alipay-sdk"], ids=" ".join)
def test_encrypted_content_goes_both_ways(
    which: tuple[str, str], sdks: Installed, sandbox: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    """Only the SDK for Node.js: alipay-sdk-python's encryption fails on any Python 3, python-alipay-sdk has none."""
    sdk = _opened(sdks, sandbox, f"{receiver.url}/alipay", which, tmp_path)
    try:
        merchant = Merchant(sdk, which, sandbox, receiver)
        number = merchant.paid()
        assert sdk("encrypted_query", out_trade_no=number)["trade_status"] == "TRADE_SUCCESS"
    finally:
        sdk.close()


# -- that they really look ------------------------------------------------------------------------------------------


def test_a_changed_callback_is_refused_by_the_sdk(merchant: Merchant) -> None:
    number = merchant.paid()
    callback = merchant.callback(number)
    changed = callback.body.replace("total_amount=12.50", "total_amount=12.51")
    assert changed != callback.body
    assert not _believes(merchant, changed)


def test_a_callback_signed_by_a_stranger_is_refused_by_the_sdk(merchant: Merchant) -> None:
    number = merchant.ordered()
    merchant.sandbox.fault("callback_bad_signature", gateway="alipay", out_trade_no=number)
    merchant.sandbox.pay(number)
    assert not _believes(merchant, merchant.callback(number).body)


def _believes(merchant: Merchant, body: str) -> bool:
    try:
        return bool(merchant.sdk("verify", body=body))
    except SdkSaysNo as no:
        assert no.kind == "VerificationError"  # alipay-sdk-python says so instead of False  # noqa: PT017
        return False


def test_an_answer_signed_by_a_stranger_is_refused_by_the_sdk(merchant: Merchant) -> None:
    number = merchant.paid()
    merchant.sandbox.fault("bad_signature", gateway="alipay", operation="query", out_trade_no=number)
    with pytest.raises(SdkSaysNo, match=r"verify failed|AliPayValidationError|验签失败"):
        merchant.query(number)
    assert merchant.query(number)["trade_status"] == "TRADE_SUCCESS"


@pytest.mark.parametrize("which", CLIENTS, ids=NAMES)
def test_a_stranger_is_refused_by_the_sandbox(
    which: tuple[str, str], sdks: Installed, sandbox: Sandbox, receiver: Receiver, tmp_path: Path
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    line = stranger.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    text = stranger.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    sdk = _opened(
        sdks, sandbox, f"{receiver.url}/alipay", which, tmp_path, private_line=base64.b64encode(line).decode(),
        private_pem=text.decode(),
    )  # fmt: skip
    try:
        told = sdk("query", out_trade_no="A1")
    finally:
        sdk.close()
    assert (told["code"], told["sub_code"]) == ("40002", "isv.invalid-signature")


def test_which_sdks_these_are(merchant: Merchant) -> None:
    wanted = (HERE / "node/package.json" if merchant.name == "alipay-sdk" else _requirements(merchant.name)).read_text()
    version = merchant.sdk.versions[merchant.name]
    assert f'"{merchant.name}": "{version}"' in wanted or f"{merchant.name}=={version}\n" in wanted


def _requirements(name: str) -> Path:
    return HERE / "python" / ("official.txt" if name == "alipay-sdk-python" else "community.txt")
