"""Callbacks signed like the gateways sign them, with keys made for the test.

    far_side = AlipaySigner()
    gateway = far_side.gateway("alipay")
    events = gateway.read(far_side.callback(far_side.paid(out_trade_no="ORDER_1", total_amount="12.50")), now)

The texts to sign are built here a second time, on purpose not with the functions under test.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any
from urllib.parse import quote_plus

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from ..clock import SECOND
from ..gateway import Callback
from ..gateways.alipay import Alipay
from ..gateways.wechat import SIGNATURE_TYPE, WeChat
from ..signing import Signer, aes_gcm_encrypt
from ..transport import Surroundings

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@cache
def private_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:  # noqa: ARG001 -- the name keeps them apart
    """An RSA key of this process, one for each ``name``: making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    """The public half as PEM."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind)


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    """The private half as PKCS#8 PEM, as a config would have it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip


def certificate_pem(key: rsa.RSAPrivateKey, *, serial: int, first: int, last: int) -> bytes:
    """A self-made certificate over ``key``, valid from ``first`` to ``last`` (instants, whole seconds)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "payflow test")])
    unsigned = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(_EPOCH + timedelta(microseconds=first))
        .not_valid_after(_EPOCH + timedelta(microseconds=last))
    )  # fmt: skip
    return unsigned.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class AlipaySigner:
    """Alipay's side of a test: it has the private key that Alipay would have."""

    def __init__(
        self, *, app_id: str = "2021000000000001", seller_id: str = "2088000000000001", key_name: str = "alipay"
    ) -> None:
        self.app_id = app_id
        self.seller_id = seller_id
        self.key = private_key(key_name)
        self.public_pem = public_pem(self.key)
        self._signer = Signer(self.key)

    def gateway(self, account: str = "alipay") -> Alipay:
        """The account that believes this far side."""
        return Alipay(account, app_id=self.app_id, seller_id=self.seller_id, alipay_public_keys=[self.public_pem])

    def sending(self, account: str = "alipay", surroundings: Surroundings | None = None) -> Alipay:
        """The account that believes this far side and can ask it as well: with an app's private key of its own."""
        return Alipay(
            account, app_id=self.app_id, seller_id=self.seller_id, alipay_public_keys=[self.public_pem],
            app_private_key=private_pem(private_key("app")), surroundings=surroundings,
        )  # fmt: skip

    def signed(self, node: bytes) -> str:
        """The signature over an answer's node, byte for byte as it stands in the answer."""
        return self._signer.sign(node)

    def paid(self, **changes: str | None) -> dict[str, str]:
        """The fields of a notification that a trade was paid, with ``changes``; ``None`` takes a field away."""
        fields: dict[str, str | None] = {
            "notify_time": "2026-01-31 08:00:01", "notify_type": "trade_status_sync",
            "notify_id": "2026013100222080000000000000000001", "charset": "utf-8", "version": "1.0",
            "sign_type": "RSA2", "app_id": self.app_id, "auth_app_id": self.app_id, "seller_id": self.seller_id,
            "trade_no": "2026013122001400000000000001", "out_trade_no": "ORDER_0001",
            "trade_status": "TRADE_SUCCESS", "subject": "拿铁 latte + 1", "total_amount": "12.50",
            "receipt_amount": "12.50", "buyer_pay_amount": "12.50", "buyer_id": "2088000000000002",
            "buyer_logon_id": "152****6706", "gmt_create": "2026-01-31 07:59:58",
            "gmt_payment": "2026-01-31 08:00:00",
            "fund_bill_list": '[{"amount":"12.50","fundChannel":"ALIPAYACCOUNT"}]',
        }  # fmt: skip
        fields.update(changes)
        return {name: value for name, value in fields.items() if value is not None}

    def refunded(self, refund_fee: str = "5.00", **changes: str | None) -> dict[str, str]:
        """The fields of a notification that part of a trade went back."""
        said: dict[str, str | None] = {
            "refund_fee": refund_fee, "gmt_refund": "2026-02-01 09:00:00.123", "out_biz_no": "REFUND_0001",
        }  # fmt: skip
        return self.paid(**(said | changes))

    def signature(self, fields: Mapping[str, str], *, keeps_sign_type: bool = False) -> str:
        """The signature over the fields, as trades (or, with their ``sign_type``, market messages) have it."""
        left_out = {"sign"} if keeps_sign_type else {"sign", "sign_type"}
        text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name not in left_out)
        return self._signer.sign(text.encode(fields.get("charset", "utf-8")))

    def body(self, fields: Mapping[str, str], **how: Any) -> bytes:
        """The signed form."""
        signed = {**fields, "sign": self.signature(fields, **how)}
        return form(signed, fields.get("charset", "utf-8"))

    def callback(self, fields: Mapping[str, str] | None = None, *, account: str = "alipay", **how: Any) -> Callback:
        """The signed notification."""
        return form_callback(self.body(self.paid() if fields is None else fields, **how), account)


def form(fields: Mapping[str, str] | Iterable[tuple[str, str]], charset: str = "utf-8") -> bytes:
    """Fields as a form body, encoded as Alipay does it."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return "&".join(f"{name}={quote_plus(value.encode(charset))}" for name, value in pairs).encode("ascii")


def form_callback(body: bytes, account: str = "alipay") -> Callback:
    """A form body as it is delivered."""
    media = "application/x-www-form-urlencoded; text/html; charset=utf-8"
    return Callback(account, (("Content-Type", media), ("Content-Length", str(len(body)))), body)


class WeChatSigner:
    """WeChat Pay's side of a test: it has the platform's private key and knows the APIv3 key."""

    def __init__(
        self,
        *,
        appid: str = "wx0000000000000001",
        mchid: str = "1900000001",
        key_name: str = "wechat",
        key_id: str = "PUB_KEY_ID_0000000000000000000000000000000001",
    ) -> None:
        self.appid = appid
        self.mchid = mchid
        self.key = private_key(key_name)
        self.key_id = key_id
        self.public_pem = public_pem(self.key)
        self.api_v3_key = b"kT7w0qPzR4mX9cVb2nLs6dYf1hGj8aEu"
        self._signer = Signer(self.key)

    def gateway(self, account: str = "wechat", **changes: Any) -> WeChat:
        """The account that believes this far side."""
        options: dict[str, Any] = {
            "appid": self.appid, "mchid": self.mchid, "api_v3_key": self.api_v3_key,
            "platform_keys": {self.key_id: self.public_pem},
        }  # fmt: skip
        return WeChat(account, **(options | changes))

    def sending(self, account: str = "wechat", surroundings: Surroundings | None = None) -> WeChat:
        """The account that believes this far side and can ask it as well: with a merchant's private key of its own."""
        return self.gateway(
            account, merchant_key=private_pem(private_key("merchant")),
            merchant_serial="5157F09EFDC096DE15EBE81A47057A72", surroundings=surroundings,
        )  # fmt: skip

    def paid(self, **changes: Any) -> dict[str, Any]:
        """A transaction that was paid, with ``changes``; ``None`` takes a field away."""
        said = {
            "mchid": self.mchid, "appid": self.appid, "out_trade_no": "ORDER_0001",
            "transaction_id": "4200000000202601310000000001", "trade_type": "JSAPI", "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功", "bank_type": "CMB_DEBIT", "attach": "",
            "success_time": "2026-01-31T08:00:00+08:00", "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
            "amount": {"total": 1250, "payer_total": 1200, "currency": "CNY", "payer_currency": "CNY"},
        }  # fmt: skip
        return {name: value for name, value in (said | changes).items() if value is not None}

    def refunded(self, status: str = "SUCCESS", **changes: Any) -> dict[str, Any]:
        """A refund as its notification tells it."""
        said = {
            "mchid": self.mchid, "out_trade_no": "ORDER_0001", "transaction_id": "4200000000202601310000000001",
            "out_refund_no": "REFUND_0001", "refund_id": "50000000382019052709732678859",
            "refund_status": status, "user_received_account": "招商银行信用卡0403",
            "amount": {"total": 1250, "refund": 500, "payer_total": 1200, "payer_refund": 480},
        }  # fmt: skip
        if status == "SUCCESS":
            said["success_time"] = "2026-02-01T09:00:00+08:00"
        return {name: value for name, value in (said | changes).items() if value is not None}

    def envelope(
        self, inner: Any, *, event_type: str | None = None, resource: Mapping[str, Any] | None = None, **changes: Any
    ) -> dict[str, Any]:
        """The notification around a sealed resource; ``inner`` may be bytes, sealed as they are."""
        refund = isinstance(inner, dict) and "refund_status" in inner
        original = "refund" if refund else "transaction"
        text = inner if isinstance(inner, bytes) else json.dumps(inner, ensure_ascii=False).encode("utf-8")
        nonce = secrets.token_hex(6).encode("ascii")
        sealed = aes_gcm_encrypt(self.api_v3_key, nonce, text, original.encode("ascii"))
        guessed = f"REFUND.{inner['refund_status']}" if refund else "TRANSACTION.SUCCESS"
        said = {
            "id": "EV-2026013108000000001", "create_time": "2026-01-31T08:00:01+08:00",
            "resource_type": "encrypt-resource", "event_type": event_type or guessed, "summary": "支付成功",
            "resource": {
                "original_type": original, "algorithm": "AEAD_AES_256_GCM", "nonce": nonce.decode("ascii"),
                "associated_data": original, "ciphertext": base64.b64encode(sealed).decode("ascii"),
                **(resource or {}),
            },
        }  # fmt: skip
        return {name: value for name, value in (said | changes).items() if value is not None}

    def headers(self, body: bytes, now: int, *, nonce: str | None = None, serial: str | None = None) -> dict[str, str]:
        """The five headers over ``body``, signed at ``now``."""
        timestamp, nonce = str(now // SECOND), nonce or secrets.token_hex(16)
        signature = self._signer.sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n")
        return {
            "Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce, "Wechatpay-Signature": signature,
            "Wechatpay-Serial": serial or self.key_id, "Wechatpay-Signature-Type": SIGNATURE_TYPE,
        }  # fmt: skip

    def callback(
        self, inner: Any = None, *, now: int, account: str = "wechat", serial: str | None = None, **how: Any
    ) -> Callback:
        """The signed notification of ``inner`` (a paid transaction if nothing is said)."""
        envelope = self.envelope(self.paid() if inner is None else inner, **how)
        return self.delivered(json.dumps(envelope, ensure_ascii=False).encode("utf-8"), now, account, serial=serial)

    def delivered(self, body: bytes, now: int, account: str = "wechat", *, serial: str | None = None) -> Callback:
        """Any body, genuinely signed."""
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        return Callback(account, tuple((headers | self.headers(body, now, serial=serial)).items()), body)
