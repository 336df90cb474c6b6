"""What the gateways would send: whole, genuine callbacks, signed here with keys made for the run.

They have the fields and the length of real ones, Chinese subject included, so that reading them costs what it costs
in production.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import quote_plus

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from payflow.gateway import Callback
from payflow.gateways.alipay import Alipay
from payflow.gateways.wechat import SIGNATURE_TYPE, WeChat

AMOUNT = 1250  # fen
PADDING, DIGEST = padding.PKCS1v15(), hashes.SHA256()


@dataclass(frozen=True, slots=True)
class Signed:
    """A callback, and what an RSA library alone needs to check its signature."""

    callback: Callback
    signature: bytes
    message: bytes


class Desk:
    """A gateway's side of the wire: an RSA-2048 key made for this run, as PKCS#8 so that processes can share it."""

    def __init__(self, private_key: bytes | None = None) -> None:
        if private_key is None:
            self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            loaded = serialization.load_der_private_key(private_key, None)
            assert isinstance(loaded, rsa.RSAPrivateKey)
            self.key = loaded

    @property
    def private_key(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


class AlipayDesk(Desk):
    app, seller, account = "2021000000000001", "2088000000000001", "alipay-main"

    def gateway(self) -> Alipay:
        return Alipay(
            self.account, app_id=self.app, seller_id=self.seller, alipay_public_keys=[self.public_pem], path="$"
        )

    def paid(self, out_trade_no: str, trade_no: str) -> Signed:
        """``TRADE_SUCCESS`` for one order: https://opendocs.alipay.com/open/270/105902"""
        fields = {
            "gmt_create": "2026-06-01 09:15:23", "charset": "utf-8", "gmt_payment": "2026-06-01 09:15:31",
            "notify_time": "2026-06-01 09:15:32", "subject": "拿铁咖啡 中杯", "buyer_id": "2088000000000002",
            "body": "一杯中杯拿铁,少糖,外带", "invoice_amount": "12.50", "version": "1.0",
            "notify_id": secrets.token_hex(17), "notify_type": "trade_status_sync", "out_trade_no": out_trade_no,
            "fund_bill_list": '[{"amount":"12.50","fundChannel":"ALIPAYACCOUNT"}]', "total_amount": "12.50",
            "trade_status": "TRADE_SUCCESS", "trade_no": trade_no, "auth_app_id": self.app, "receipt_amount": "12.50",
            "point_amount": "0.00", "buyer_pay_amount": "12.50", "app_id": self.app, "seller_id": self.seller,
            "buyer_logon_id": "159****1234",
        }  # fmt: skip
        message = "&".join(f"{name}={fields[name]}" for name in sorted(fields)).encode()
        signature = self.key.sign(message, PADDING, DIGEST)
        sent = {**fields, "sign": base64.b64encode(signature).decode(), "sign_type": "RSA2"}
        body = "&".join(f"{name}={quote_plus(value)}" for name, value in sent.items()).encode()
        headers = (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),)
        return Signed(Callback(self.account, headers, body), signature, message)


class WeChatDesk(Desk):
    appid, mchid, account, serial = "wx0000000000000001", "1900000001", "wechat-main", "PUB_KEY_ID_0119000000012026"
    api_v3_key = secrets.token_bytes(16).hex().encode()

    def gateway(self) -> WeChat:
        return WeChat(
            self.account, appid=self.appid, mchid=self.mchid, api_v3_key=self.api_v3_key,
            platform_keys={self.serial: self.public_pem},
        )  # fmt: skip

    def paid(self, out_trade_no: str, transaction_id: str) -> Signed:
        """``TRANSACTION.SUCCESS`` for one order: https://pay.weixin.qq.com/doc/v3/merchant/4012791902"""
        resource = {
            "mchid": self.mchid, "appid": self.appid, "out_trade_no": out_trade_no, "transaction_id": transaction_id,
            "trade_type": "JSAPI", "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS",
            "attach": "", "success_time": "2026-06-01T09:15:31+08:00",
            "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
            "amount": {"total": AMOUNT, "payer_total": AMOUNT, "currency": "CNY", "payer_currency": "CNY"},
        }  # fmt: skip
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self.api_v3_key).encrypt(nonce.encode(), _json(resource), b"transaction")
        body = _json(
            {
                "id": secrets.token_hex(16), "create_time": "2026-06-01T09:15:32+08:00",
                "resource_type": "encrypt-resource", "event_type": "TRANSACTION.SUCCESS", "summary": "支付成功",
                "resource": {
                    "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM",
                    "ciphertext": base64.b64encode(sealed).decode(), "associated_data": "transaction", "nonce": nonce,
                },
            }
        )  # fmt: skip
        timestamp, outer_nonce = str(int(time.time())), secrets.token_hex(16)
        message = f"{timestamp}\n{outer_nonce}\n".encode() + body + b"\n"
        signature = self.key.sign(message, PADDING, DIGEST)
        headers = (
            ("Content-Type", "application/json"), ("User-Agent", "Mozilla/4.0"),
            ("Wechatpay-Nonce", outer_nonce), ("Wechatpay-Serial", self.serial),
            ("Wechatpay-Signature", base64.b64encode(signature).decode()),
            ("Wechatpay-Signature-Type", SIGNATURE_TYPE), ("Wechatpay-Timestamp", timestamp),
        )  # fmt: skip
        return Signed(Callback(self.account, headers, body), signature, message)


class CertifiedDesk(WeChatDesk):
    """WeChat Pay with platform certificates: five of them are known, this desk signs with one."""

    def __init__(self, private_key: bytes | None = None) -> None:
        super().__init__(private_key)
        first, last = self._certificate(self.key), [self._certificate(Desk().key) for _ in range(4)]
        self.serial = first[0]
        self._known = dict([first, *last])

    def gateway(self) -> WeChat:
        return WeChat(
            self.account, appid=self.appid, mchid=self.mchid, api_v3_key=self.api_v3_key, platform_keys=self._known
        )

    @staticmethod
    def _certificate(key: rsa.RSAPrivateKey) -> tuple[str, bytes]:
        today = datetime.now(timezone.utc)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        number = secrets.randbits(156) | 1 << 156
        builder = builder.serial_number(number).not_valid_before(today - timedelta(days=1))
        made = builder.not_valid_after(today + timedelta(days=30)).sign(key, DIGEST)
        return f"{number:040X}", made.public_bytes(serialization.Encoding.PEM)


def _json(told: object) -> bytes:
    """As WeChat Pay writes it: no spaces, Chinese as it is."""
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def trade_number(at: int | None = None) -> str:
    """A trade number as gateways make them: the day of the trade, then digits in no order that an index likes."""
    day = time.strftime("%Y%m%d", time.gmtime(None if at is None else at // 1_000_000))
    return f"{day}{secrets.randbelow(10**20):020d}"
