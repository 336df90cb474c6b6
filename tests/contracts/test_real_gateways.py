"""The contract of a sending gateway, over both real protocols: payflow's adapters against the sandbox's far sides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from payflow.clock import system_clock
from payflow.gateway import Callback, Gateway
from payflow.gateways.alipay import Alipay
from payflow.gateways.wechat import WeChat
from payflow.records import Payment
from payflow.sandbox import Sandbox
from payflow.signing import Signer
from payflow.testing.callbacks import AlipaySide, WeChatSide
from payflow.testing.gateways import SignedByHeaders
from payflow.testing.material import patched
from payflow.testing.sending import SendingGatewayContract
from payflow.transport import Limits, Surroundings

NOTIFY = "http://127.0.0.1:9/callbacks/account"  # nobody listens there: what was queued is read from the books


@pytest.fixture(scope="class")
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    """The gateway of a suite, and a sandbox of its own. Its callbacks are queued and not sent.

    Not lazy: the contract asks about orders that no payer has opened. The drills do so with lazy trades.
    """
    with Sandbox(refund_seconds=0.0, lazy_alipay=False) as sandbox:
        sandbox.delivery.stop()
        suite: type[OverTheSandbox] = request.cls
        suite.sandbox = sandbox
        limits = Limits(connect_seconds=1, read_seconds=2, total_seconds=3)
        surroundings = Surroundings(notify_url=NOTIFY, limits=limits)
        yield suite.kind.from_config(suite.account, sandbox.account(suite.account), surroundings)


class OverTheSandbox(SendingGatewayContract):
    """The hooks, moved by the sandbox."""

    account: ClassVar[str]
    kind: ClassVar[type[Any]]
    sandbox: ClassVar[Sandbox]
    tolerance: ClassVar[int | None] = None

    def order(self, gateway: Gateway, number: str, **other: Any) -> Payment:
        now = system_clock()
        facts: dict[str, Any] = {"metadata": self.payer(), "created_at": now, "expires_at": now + 900_000_000}
        return super().order(gateway, self.numbered(number), **(facts | other))

    def payer(self) -> str:
        """What the channels need to know of the payer."""
        return json.dumps(
            {
                "auth_code": "280000000000000080", "buyer_id": "2088000000000002", "openid": "oUpF8uMuAJO_M2pxb1Q9",
                "return_url": "https://shop.example/", "client_ip": "203.0.113.7", "h5_type": "Wap", "store_id": "s1",
            }
        )  # fmt: skip

    def numbered(self, number: str) -> str:
        return number

    def payer_pays(self, gateway: Any, payment: Payment) -> None:
        self.sandbox.pay(payment.out_trade_no)

    def callbacks_about(self, gateway: Any, payment: Payment, now: int) -> list[Callback]:
        books, side = self.sandbox.books, self.sandbox.sides[gateway.kind]
        order = self.sandbox.order(payment.out_trade_no)
        found = []
        for queued in books.callbacks_of(order):
            refund = books.refund(order.gateway, order.merchant, queued.ref) if queued.ref else None
            headers, body = side.callback(queued, order, refund)
            found.append(Callback(gateway.account, tuple(headers.items()), body))
        return found

    @contextmanager
    def cut_off(self, gateway: Any) -> Iterator[None]:
        fault = self.sandbox.fault("drop_before", times=-1)
        try:
            yield
        finally:
            self.sandbox.books.remove_fault(fault.id)


class OfAlipay(OverTheSandbox):
    kind = Alipay
    kinds = ("pending", "paid", "closed", "refund_succeeded")

    def numbered(self, number: str) -> str:
        return number.replace("-", "_")

    def signed_callback(self, kind: str, **told: Any) -> Callback:
        side = AlipaySide(account=self.account)
        side.signer.app_id = self.sandbox.account(self.account)["app_id"]
        with patched(side.signer, "_signer", Signer(self.sandbox.material.key("alipay"))):
            return side.callback(kind, **told)

    def strangers_callback(self, kind: str, **told: Any) -> Callback:
        return AlipaySide(account=self.account, key_name="stranger").callback(kind, **told)


class OfWeChat(SignedByHeaders, OverTheSandbox):
    kind = WeChat
    kinds = ("paid", "refund_succeeded", "refund_failed")
    tolerance = 300
    signing_headers = (
        "Wechatpay-Signature", "Wechatpay-Serial", "Wechatpay-Nonce", "Wechatpay-Timestamp",
        "Wechatpay-Signature-Type",
    )  # fmt: skip
    key_name: ClassVar[str]

    def payer(self) -> str:
        return super().payer().replace("280000000000000080", "130000000000000080")

    def signed_callback(self, kind: str, **told: Any) -> Callback:
        options, material = self.sandbox.account(self.account), self.sandbox.material
        side = WeChatSide(account=self.account)
        side.signer.appid, side.signer.mchid = options["appid"], options["mchid"]
        side.signer.api_v3_key = material.api_v3_key.encode()
        side_keys: Any = self.sandbox.sides["wechat"]
        keys = side_keys._keys
        side.signer.key_id = keys.id_of(self.key_name)
        with patched(side.signer, "_signer", Signer(material.key(self.key_name))):
            return side.callback(kind, **told)

    def strangers_callback(self, kind: str, **told: Any) -> Callback:
        genuine = self.signed_callback(kind, **told)
        foreign = WeChatSide(account=self.account, key_name="stranger").signer
        serial = genuine.header("Wechatpay-Serial") or ""
        headers = foreign.headers(genuine.body, told.get("at") or system_clock(), serial=serial)
        return Callback(self.account, tuple(headers.items()), genuine.body)


class TestAlipayKeyMode(OfAlipay):
    account = "alipay"


class TestAlipayCertificateMode(OfAlipay):
    account = "alipay-certificate"


class TestWeChatCertificateMode(OfWeChat):
    account, key_name = "wechat", "platform"


class TestWeChatPublicKeyMode(OfWeChat):
    account, key_name = "wechat-public-key", "wechat_public"


class TestWeChatWhileItGoesOver(OfWeChat):
    account, key_name = "wechat-switch", "wechat_public"
