"""WeChat Pay's own keys: which one signs for a merchant, the certificates it hands out, and going over to the next."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import datetime
from typing import Any

from cryptography import x509

from ...clock import BEIJING, SECOND
from ...signing import Signer, aes_gcm_encrypt
from ..material import Material, WeChatMerchant, pem, serial_of
from ..messages import World
from .refusing import Refused

SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"


class Keys:
    """The platform's keys. Shared between threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._material: Material = world.material
        self._signers: dict[str, Signer] = {}
        self._certificates: list[tuple[str, x509.Certificate]] = [("platform", self._material.platform_certificate)]
        self._turn = 0

    def rotate(self) -> str:
        """Sign with the next platform certificate from now on; its serial."""
        following = self._material.next_certificate("platform")
        if len(self._certificates) == 1:
            self._certificates.append(("platform_next", following))
        return serial_of(following)

    def name_for(self, merchant: WeChatMerchant, wanted: str = "", *, callback: bool = False) -> str:
        """Which key signs for a merchant: what it asks for by ``Wechatpay-Serial``, as far as its mode has it.

        While a merchant goes over, answers follow its request, and callbacks come by turns.
        """
        if merchant.mode == "public_key":
            return "wechat_public"
        if merchant.mode == "both":
            self._turn += callback  # answers in between would let every callback have the same turn
            if wanted.startswith("PUB_KEY_ID_") or (callback and self._turn % 2):
                return "wechat_public"
        return self._certificates[-1][0]

    def id_of(self, name: str) -> str:
        """What stands in ``Wechatpay-Serial`` for a key."""
        if name == "wechat_public":
            return self._material.public_key_id
        return serial_of(next(found for key, found in self._certificates if key == name))

    def key_named(self, merchant: WeChatMerchant, serial: str) -> str | None:
        """The key a merchant has encrypted a field with, as far as its mode has it."""
        if serial == self._material.public_key_id:
            return None if merchant.mode == "certificate" else "wechat_public"
        if merchant.mode == "public_key":
            return None
        return next((key for key, found in self._certificates if serial_of(found) == serial.upper()), None)

    def signature_headers(self, name: str, body: bytes, *, fault: str = "") -> dict[str, str]:
        """The five headers over ``body``, signed now. ``fault``: ``stranger`` (another key) or ``probe``."""
        timestamp, nonce = str(self._world.clock.wire() // SECOND), secrets.token_hex(16)
        message = f"{timestamp}\n{nonce}\n".encode("ascii") + body + b"\n"
        signature = self._signer("stranger" if fault else name).sign(message)
        return {
            "Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce, "Wechatpay-Serial": self.id_of(name),
            "Wechatpay-Signature": PROBE + signature[len(PROBE) :] if fault == "probe" else signature,
            "Wechatpay-Signature-Type": SIGNATURE_TYPE,
        }  # fmt: skip

    def certificates(self, merchant: WeChatMerchant) -> dict[str, Any]:
        """The answer of ``/v3/certificates``: sealed with the merchant's APIv3 key."""
        if merchant.mode == "public_key":
            raise Refused(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥")
        return {"data": [self._sealed(found) for _, found in self._certificates]}

    def sealed(self, text: bytes, associated: str) -> dict[str, str]:
        """A text sealed with the APIv3 key, as it stands in answers and notifications."""
        nonce = secrets.token_hex(6)
        raw = aes_gcm_encrypt(self._material.api_v3_key.encode(), nonce.encode(), text, associated.encode())
        return {
            "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated,
            "ciphertext": base64.b64encode(raw).decode("ascii"),
        }  # fmt: skip

    def _sealed(self, found: x509.Certificate) -> dict[str, Any]:
        return {
            "serial_no": serial_of(found),
            "effective_time": _rfc3339(found.not_valid_before_utc),
            "expire_time": _rfc3339(found.not_valid_after_utc),
            "encrypt_certificate": self.sealed(pem(found), "certificate"),
        }

    def _signer(self, name: str) -> Signer:
        if name not in self._signers:
            self._signers[name] = Signer(self._material.key(name))
        return self._signers[name]


def _rfc3339(at: datetime) -> str:
    return at.astimezone(BEIJING).isoformat(timespec="seconds")


def written(body: Any) -> bytes:
    """An answer's JSON, written once: what is signed is what is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
