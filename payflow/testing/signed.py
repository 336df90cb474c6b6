"""Genuinely signed callbacks from generated keys, for the tests of hosts and for the contract suites.

Each class here is the signing side of one gateway and makes the gateway that believes it::

    side = AlipaySide()
    flow = open_flow(config, gateways={"alipay": side.gateway("alipay")}, …)
    flow.receive(side.callback("paid", out_trade_no="ORDER-1", amount=1250))

Facts that are not given are those of :data:`FACTS`. Amounts are minor units; ``at`` is when the callback is signed, in
microseconds since 1970 UTC, by default now. ``merchant`` and ``app`` default to the side's own. A kind that a gateway never
tells by callback is a ``KeyError``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes

from ..clock import BEIJING, SECOND, system_clock
from ..gateway import Callback
from ..money import text_from_minor
from ..signing import Seal, Signer, encode_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from ..gateways.alipay import Alipay
    from ..gateways.mock import MockGateway
    from ..gateways.wechat import WeChat


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a callback tells."""

    out_trade_no: str = "CONTRACT-0001"
    amount: int = 1234
    currency: str = "CNY"
    gateway_txn: str = "4200000000202601010000000001"
    out_refund_no: str = "CONTRACT-R001"
    refund_amount: int = 234
    merchant: str | None = None
    app: str | None = None
    at: int | None = None


#: What callbacks tell unless they are told otherwise.
FACTS = Told()

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def generated_key(bits: int = 2048) -> RSAPrivateKey:
    """A new RSA key. Takes a tenth of a second or more: make one for a whole test run."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_pem(key: RSAPrivateKey) -> bytes:
    """The public half of a key, as the gateways hand theirs out."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _local(at: int, form: str) -> str:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(BEIJING).strftime(form)


# -- Alipay --------------------------------------------------------------------------------------------------------


class AlipaySide:
    """Alipay, as far as it signs: https://opendocs.alipay.com/open/270/105902"""

    #: Our kind → their ``trade_status``. A refund is told as a paid trade with refund fields.
    KINDS: Mapping[str, str] = {
        "pending": "WAIT_BUYER_PAY",
        "paid": "TRADE_SUCCESS",
        "closed": "TRADE_CLOSED",
        "refund_succeeded": "TRADE_SUCCESS",
    }

    def __init__(
        self, *, account: str = "alipay", app_id: str = "2021000000000001", seller_id: str = "2088000000000001",
        key: RSAPrivateKey | None = None,
    ) -> None:  # fmt: skip
        self.account, self.app_id, self.seller_id = account, app_id, seller_id
        self._key = key if key is not None else generated_key()
        self._signer = Signer(self._key)

    @cached_property
    def public_key(self) -> bytes:
        """What the config calls ``alipay_public_key``, as PEM."""
        return public_pem(self._key)

    def gateway(self, account: str | None = None) -> Alipay:
        """The gateway that takes what this side signs."""
        from ..gateways.alipay import Alipay

        return Alipay(
            account or self.account, app_id=self.app_id, seller_id=self.seller_id, alipay_public_keys=[self.public_key]
        )

    def callback(self, kind: str = "paid", *, fields: Mapping[str, str] | None = None, **told: Any) -> Callback:
        """A notification. ``told`` are fields of :class:`Told`; ``fields`` are Alipay's own, added or put in place."""
        return self.signed({**self.fields(kind, **told), **(fields or {})})

    def fields(self, kind: str = "paid", **told: Any) -> dict[str, str]:
        """The fields of a notification, not signed yet."""
        facts = Told(**told)
        now = _local(system_clock() if facts.at is None else facts.at, "%Y-%m-%d %H:%M:%S")
        found = {
            "notify_time": now, "notify_type": "trade_status_sync", "notify_id": secrets.token_hex(17),
            "charset": "utf-8", "version": "1.0", "sign_type": "RSA2",
            "app_id": self.app_id if facts.app is None else facts.app, "auth_app_id": self.app_id,
            "seller_id": self.seller_id if facts.merchant is None else facts.merchant,
            "trade_no": facts.gateway_txn, "out_trade_no": facts.out_trade_no, "trade_status": self.KINDS[kind],
            "total_amount": text_from_minor(facts.amount, "CNY"), "subject": "拿铁 latte", "gmt_create": now,
        }  # fmt: skip
        if facts.currency != "CNY":
            found["trans_currency"] = facts.currency
        if kind in ("paid", "refund_succeeded"):
            found["gmt_payment"] = now
        if kind == "closed":
            found["gmt_close"] = now
        if kind == "refund_succeeded":
            returned = text_from_minor(facts.refund_amount, "CNY")
            found |= {"gmt_refund": now + ".123", "refund_fee": returned, "out_biz_no": facts.out_refund_no}
        return found

    def signed(self, fields: Mapping[str, str], charset: str = "utf-8") -> Callback:
        """Any fields at all, signed as Alipay signs those of a trade: without ``sign_type``."""
        raw = {name: value.encode(charset) for name, value in fields.items() if name != "sign"}
        text = b"&".join(name.encode("ascii") + b"=" + raw[name] for name in sorted(raw) if name != "sign_type")
        raw["sign"] = self._signer.sign(text).encode("ascii")
        body = "&".join(f"{name}={quote_from_bytes(value, safe='')}" for name, value in raw.items())
        headers = (("Content-Type", f"application/x-www-form-urlencoded; charset={charset}"),)
        return Callback(self.account, headers, body.encode("ascii"))


# -- WeChat Pay ----------------------------------------------------------------------------------------------------


class WeChatSide:
    """WeChat Pay API v3, as far as it signs and seals: https://pay.weixin.qq.com/doc/v3/merchant/4012791902"""

    #: Our kind → their ``event_type`` and ``original_type``, and the state inside.
    KINDS: Mapping[str, tuple[str, str, str]] = {
        "paid": ("TRANSACTION.SUCCESS", "transaction", "SUCCESS"),
        "refund_succeeded": ("REFUND.SUCCESS", "refund", "SUCCESS"),
        "refund_failed": ("REFUND.CLOSED", "refund", "CLOSED"),
    }

    def __init__(
        self, *, account: str = "wechat", appid: str = "wx0000000000000001", mchid: str = "1900000001",
        key_id: str = "PUB_KEY_ID_0119000000012026010100000000000001", key: RSAPrivateKey | None = None,
        api_v3_key: bytes | None = None,
    ) -> None:  # fmt: skip
        self.account, self.appid, self.mchid, self.key_id = account, appid, mchid, key_id
        self.api_v3_key = api_v3_key if api_v3_key is not None else secrets.token_hex(16).encode("ascii")
        self._key = key if key is not None else generated_key()
        self._signer = Signer(self._key)
        self._seal = Seal(self.api_v3_key)

    def __repr__(self) -> str:
        return f"WeChatSide({self.account!r}, appid={self.appid!r}, mchid={self.mchid!r})"

    @cached_property
    def public_key(self) -> bytes:
        """What the config calls ``public_key``, as PEM; ``key_id`` is its ``public_key_id``."""
        return public_pem(self._key)

    def gateway(self, account: str | None = None) -> WeChat:
        """The gateway that takes what this side signs."""
        from ..gateways.wechat import WeChat

        return WeChat(
            account or self.account, appid=self.appid, mchid=self.mchid, api_v3_key=self.api_v3_key,
            platform_keys={self.key_id: self.public_key},
        )  # fmt: skip

    def callback(self, kind: str = "paid", *, inner: Mapping[str, Any] | None = None, **told: Any) -> Callback:
        """A notification. ``told`` are fields of :class:`Told`; ``inner`` are WeChat Pay's own, added or put in place."""
        event_type, original_type, _ = self.KINDS[kind]
        body = self.sealed({**self.resource(kind, **told), **(inner or {})}, event_type, original_type)
        return self.signed(body, told.get("at"))

    def resource(self, kind: str = "paid", **told: Any) -> dict[str, Any]:
        """What is sealed inside a notification."""
        facts = Told(**told)
        state = self.KINDS[kind][2]
        at = _local(system_clock() if facts.at is None else facts.at, "%Y-%m-%dT%H:%M:%S+08:00")
        found: dict[str, Any] = {
            "mchid": self.mchid if facts.merchant is None else facts.merchant,
            "out_trade_no": facts.out_trade_no, "transaction_id": facts.gateway_txn, "success_time": at,
        }  # fmt: skip
        if kind == "paid":
            amount = {"total": facts.amount, "payer_total": facts.amount, "currency": facts.currency}
            app = self.appid if facts.app is None else facts.app
            return found | {"appid": app, "trade_type": "NATIVE", "trade_state": state, "amount": amount}
        amount = {"total": facts.amount, "refund": facts.refund_amount, "payer_refund": facts.refund_amount}
        return found | {
            "out_refund_no": facts.out_refund_no, "refund_id": "50" + facts.gateway_txn[2:], "refund_status": state,
            "amount": amount,
        }  # fmt: skip

    def sealed(
        self,
        inner: Mapping[str, Any] | bytes,
        event_type: str = "TRANSACTION.SUCCESS",
        original_type: str = "transaction",
    ) -> bytes:
        """The body of a notification with ``inner`` sealed in it, be it what it may."""
        text = inner if isinstance(inner, bytes) else json.dumps(inner, ensure_ascii=False).encode("utf-8")
        nonce, associated = secrets.token_hex(6), original_type
        resource = {
            "original_type": original_type, "algorithm": "AEAD_AES_256_GCM", "associated_data": associated,
            "nonce": nonce, "ciphertext": encode_base64(self._seal.close(nonce.encode(), text, associated.encode())),
        }  # fmt: skip
        outer = {
            "id": secrets.token_hex(18), "create_time": _local(system_clock(), "%Y-%m-%dT%H:%M:%S+08:00"),
            "event_type": event_type, "resource_type": "encrypt-resource", "summary": "支付成功", "resource": resource,
        }  # fmt: skip
        return json.dumps(outer, ensure_ascii=False).encode("utf-8")

    def signed(self, body: bytes, at: int | None = None) -> Callback:
        """Any body at all, signed as WeChat Pay signs."""
        timestamp, nonce = str((system_clock() if at is None else at) // SECOND), secrets.token_hex(16)
        signature = self._signer.sign(b"%b\n%b\n%b\n" % (timestamp.encode(), nonce.encode(), body))
        headers = (
            ("Content-Type", "application/json"), ("Wechatpay-Timestamp", timestamp), ("Wechatpay-Nonce", nonce),
            ("Wechatpay-Serial", self.key_id), ("Wechatpay-Signature", signature),
            ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048"),
        )  # fmt: skip
        return Callback(self.account, headers, body)


# -- mock ----------------------------------------------------------------------------------------------------------


class MockSide:
    """The mock gateway, as far as it signs: callbacks about orders that its far side has never seen."""

    #: Our kind → its state of the trade, and of the refund.
    KINDS: Mapping[str, tuple[str, str]] = {
        "pending": ("NOTPAY", ""),
        "paid": ("SUCCESS", ""),
        "closed": ("CLOSED", ""),
        "failed": ("PAYERROR", ""),
        "refund_processing": ("SUCCESS", "PROCESSING"),
        "refund_succeeded": ("SUCCESS", "SUCCESS"),
        "refund_failed": ("SUCCESS", "ABNORMAL"),
    }

    def __init__(
        self, *, account: str = "mock", merchant: str = "mock-merchant", app: str = "mock-app",
        secret: bytes | None = None,
    ) -> None:  # fmt: skip
        from ..gateways.mock.signed import Mac

        self.account, self.merchant, self.app = account, merchant, app
        self.secret = secret if secret is not None else secrets.token_bytes(32)
        self._mac = Mac(self.secret)

    def __repr__(self) -> str:
        return f"MockSide({self.account!r}, merchant={self.merchant!r}, app={self.app!r})"

    def gateway(self, account: str | None = None, **options: Any) -> MockGateway:
        """The gateway that takes what this side signs; ``options`` are those of ``MockGateway``."""
        from ..gateways.mock import MockGateway

        return MockGateway(account or self.account, self.secret, merchant=self.merchant, app=self.app, **options)

    def callback(self, kind: str = "paid", *, said: Mapping[str, Any] | None = None, **told: Any) -> Callback:
        """A callback. ``told`` are fields of :class:`Told`; ``said`` are its own words, added or put in place."""
        from ..gateways.mock.outgoing import body_of

        return self.signed(body_of({**self.statement(kind, **told), **(said or {})}), told.get("at"))

    def statement(self, kind: str = "paid", **told: Any) -> dict[str, Any]:
        """What a callback says."""
        facts = Told(**told)
        state, refund_state = self.KINDS[kind]
        found: dict[str, Any] = {
            "merchant": self.merchant if facts.merchant is None else facts.merchant,
            "app": self.app if facts.app is None else facts.app,
            "out_trade_no": facts.out_trade_no, "state": state, "amount": facts.amount, "currency": facts.currency,
            "txn": facts.gateway_txn if state == "SUCCESS" else None,
            "happened_at": system_clock() if facts.at is None else facts.at,
        }  # fmt: skip
        if refund_state:
            found["refund"] = {
                "out_refund_no": facts.out_refund_no, "refund_id": "MR" + facts.out_refund_no,
                "amount": facts.refund_amount, "state": refund_state,
            }  # fmt: skip
        return found

    def signed(self, body: bytes, at: int | None = None) -> Callback:
        """Any body at all, signed as the mock gateway signs."""
        headers = self._mac.headers(body, system_clock() if at is None else at, secrets.token_hex(16))
        return Callback(self.account, headers, body)
