"""WeChat Pay, API v3: notifications, verified, opened and translated.

The receiving half. Payments are sent by the host with an SDK of its own and announced to payflow with ``Flow.expect``;
the sending verbs come with a later release.

- Notifications of payments: https://pay.weixin.qq.com/doc/v3/merchant/4012791902
- Notifications of refunds: https://pay.weixin.qq.com/doc/v3/merchant/4012791906
- Verifying signatures: https://pay.weixin.qq.com/doc/v3/merchant/4013053420
- Opening the sealed resource: https://pay.weixin.qq.com/doc/v3/merchant/4012071382
- Platform certificates and the public key: https://pay.weixin.qq.com/doc/v3/merchant/4012153196

WeChat Pay sends deliberately wrong signatures (``WECHATPAY/SIGNTEST/…``) to see whether anybody looks. They are bad
signatures like any other.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from ...clock import SECOND
from ...errors import CallbackRefused, ConfigError
from ...gateway import Callback, Capabilities, Event, EventKind, Reply
from ...money import MAX_MINOR
from ...signing import (
    MAX_SIGNATURE_TEXT,
    Seal,
    Unsealable,
    Verifier,
    certificate_key,
    certificate_serial,
    certificate_validity,
    decode_base64,
    is_certificate,
    load_certificate,
    load_public_key,
)
from ...strictjson import parse_object
from ..receiving import (
    MAX_BODY,
    ReceivingOnly,
    checked_id,
    escaped,
    malformed,
    optional_id,
    revealed,
    rfc3339_instant,
    too_large,
    unauthentic,
    words_of,
)

#: Their ``trade_state`` → our event. Any other word is ``UNKNOWN``, and so is ``REFUND``: that some of it went back
#: says neither how much nor which refund, so the refunds are asked about.
TRADE_STATE = {
    "SUCCESS": EventKind.PAID,
    "NOTPAY": EventKind.PENDING,
    "USERPAYING": EventKind.PENDING,
    "ACCEPT": EventKind.PENDING,
    "CLOSED": EventKind.CLOSED,
    "REVOKED": EventKind.CLOSED,
    "PAYERROR": EventKind.FAILED,
}

#: Their refund status → our event. ``ABNORMAL`` is on purpose not here: the payer's card did not take the money, and
#: the same refund goes on by hand in their console. To call it failed would free its amount for a second refund.
REFUND_STATUS = {
    "SUCCESS": EventKind.REFUND_SUCCEEDED,
    "PROCESSING": EventKind.REFUND_PROCESSING,
    "CLOSED": EventKind.REFUND_FAILED,
}

#: Their ``event_type`` → what has to be inside: the ``original_type``, and the refund's status.
EVENT_TYPES = {
    "TRANSACTION.SUCCESS": ("transaction", ""),
    "REFUND.SUCCESS": ("refund", "SUCCESS"),
    "REFUND.ABNORMAL": ("refund", "ABNORMAL"),
    "REFUND.CLOSED": ("refund", "CLOSED"),
}

CAPABILITIES = Capabilities(
    channels=frozenset({"jsapi", "mini_program", "app", "h5", "qr", "barcode"}),
    operations=frozenset(),
    currencies=frozenset({"CNY"}),
    max_amount=10_000_000_000,
)

SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
ALGORITHM = "AEAD_AES_256_GCM"
TOLERANCE_SECONDS = 300
API_V3_KEY_BYTES = 32

_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP, _TYPE = (
    "wechatpay-signature", "wechatpay-serial", "wechatpay-nonce", "wechatpay-timestamp", "wechatpay-signature-type",
)  # fmt: skip
_NEEDED = itemgetter(_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP)
_ALL = itemgetter(_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP, _TYPE)
_PROOF = (
    f'{{"headers":{{"{_SIGNATURE}":"%s","{_SERIAL}":"%s","{_NONCE}":"%s","{_TIMESTAMP}":"%s","{_TYPE}":"%s"}},'
    '"body":"%s"}'
)
_HEADERS = frozenset({_SIGNATURE, _SERIAL, _NONCE, _TIMESTAMP, _TYPE})

_HEX_SERIAL = re.compile(r"[0-9A-Fa-f]{1,64}", re.ASCII)
_NONCE_TEXT = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}", re.ASCII)  # visible, and neither quote nor backslash
_MAX_DIGITS = 10

_TRANSACTION_WORDS = (
    "trade_state", "trade_state_desc", "trade_type", "bank_type", "success_time", "attach", "sp_mchid", "sub_mchid",
)  # fmt: skip
_REFUND_WORDS = ("refund_status", "success_time", "user_received_account", "sp_mchid", "sub_mchid")

_ACCEPTED = Reply(204)
_JSON = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class _PlatformKey:
    """A key of WeChat Pay, and while it may be used (``None``: a bare public key, which does not expire)."""

    verifier: Verifier
    valid: tuple[int, int] | None


class Envelope(NamedTuple):
    """What stands around the sealed resource, as it came: each may be anything that JSON has."""

    id: Any
    event_type: Any
    original_type: Any


class WeChat(ReceivingOnly):
    """One merchant of ours at WeChat Pay, with one app.

    ``platform_keys`` maps the serial of each platform certificate, and the id (``PUB_KEY_ID_…``) of each public key,
    to its PEM. There may be several: while WeChat Pay goes over from one to the next, either signs.
    """

    kind = "wechat"
    capabilities = CAPABILITIES

    def __init__(
        self,
        account: str,
        *,
        appid: str,
        mchid: str,
        api_v3_key: bytes,
        platform_keys: Mapping[str, bytes],
        tolerance_seconds: int = TOLERANCE_SECONDS,
        path: str = "$",
    ) -> None:
        """Parse the keys, once.

        Raises ``ConfigError`` with the ``path``: ``CONFIG_BAD_KEY``, ``CONFIG_WEAK_SECRET``, ``CONFIG_KEY_MISMATCH``,
        ``CONFIG_MISSING_FIELD``.
        """
        if len(api_v3_key) != API_V3_KEY_BYTES:
            raise ConfigError(
                f"The APIv3 key has {len(api_v3_key)} bytes and needs exactly {API_V3_KEY_BYTES}",
                path=f"{path}.api_v3_key", code="CONFIG_WEAK_SECRET",
            )  # fmt: skip
        if not platform_keys:
            raise ConfigError(
                "A WeChat Pay account needs platform_certificates, or public_key with public_key_id",
                path=path, code="CONFIG_MISSING_FIELD",
            )  # fmt: skip
        self.account = account
        self.app = appid
        self.merchant = mchid
        self._seal = Seal(api_v3_key)
        self._tolerance = tolerance_seconds
        self._keys = {
            _key_name(name): _platform_key(name, pem, f"{path}.platform_keys") for name, pem in platform_keys.items()
        }

    @classmethod
    def from_config(cls, name: str, options: Mapping[str, Any]) -> WeChat:
        """The account ``name`` of a config; see the schema for its options."""
        path = f"$.gateways.{name}"
        keys: dict[str, bytes] = {}
        for index, reference in enumerate(options.get("platform_certificates") or ()):
            pem = revealed(reference)
            keys[certificate_serial(load_certificate(pem, f"{path}.platform_certificates[{index}]"))] = pem
        if options.get("public_key") is not None:
            pem = revealed(options["public_key"])
            if is_certificate(pem):
                raise ConfigError(
                    "This is a certificate; it belongs under platform_certificates",
                    path=f"{path}.public_key", code="CONFIG_BAD_KEY",
                )  # fmt: skip
            load_public_key(pem, f"{path}.public_key")  # here, so that an error names the option
            keys[options["public_key_id"]] = pem
        return cls(
            name, appid=options["appid"], mchid=options["mchid"], api_v3_key=revealed(options["api_v3_key"]),
            platform_keys=keys, tolerance_seconds=options.get("callback_tolerance_seconds") or TOLERANCE_SECONDS,
            path=path,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"WeChat({self.account!r}, app={self.app!r}, merchant={self.merchant!r})"

    # -- replies ----------------------------------------------------------------------------------------------------

    def accepted(self) -> Reply:
        """204 without a body: received, do not send again."""
        return _ACCEPTED

    def refused(self, status: int, code: str, message: str) -> Reply:
        """``{"code": "FAIL", "message": …}``: any 4xx or 5xx makes WeChat Pay send again."""
        return Reply(status, json.dumps({"code": "FAIL", "message": f"{code}: {message}"[:256]}).encode("ascii"), _JSON)

    # -- reading ----------------------------------------------------------------------------------------------------

    def read(self, callback: Callback, now: int) -> Sequence[Event]:
        """The one fact a notification states.

        Raises ``CallbackRefused``: ``SIGNATURE_MISSING``, ``SIGNATURE_INVALID``, ``ALGORITHM_REJECTED``,
        ``UNKNOWN_KEY``, ``KEY_EXPIRED``, ``TIMESTAMP_SKEW`` (401); ``CALLBACK_MALFORMED``, ``CALLBACK_CHARSET``,
        ``CALLBACK_DUPLICATE_FIELD``, ``CALLBACK_TOO_LARGE``, ``DECRYPTION_FAILED``; ``CALLBACK_UNKNOWN_KIND`` for a
        genuine message that names no order at all.
        """
        headers, envelope, inner = self.verified(callback, now)
        return (self._event(envelope, inner, _proof(headers, callback.body)),)

    def verified(self, callback: Callback, now: int) -> tuple[Mapping[str, str], Envelope, dict[str, Any]]:
        """The headers that prove it, the envelope and the opened resource of a genuine notification, not translated.

        Raises what :meth:`read` raises about a message that is not genuine, or not of the documented form.
        """
        if len(callback.body) > MAX_BODY:
            raise too_large()
        headers = _signature_headers(callback)
        self._verify(headers, callback.body, now)
        return (headers, *self._opened(callback.body))

    def _verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        """Freshness, the key, its validity at this moment, then the signature over the raw bytes."""
        try:
            text, serial, nonce, timestamp = _NEEDED(headers)
        except KeyError as missing:
            code = "UNKNOWN_KEY" if missing.args[0] == _SERIAL else "SIGNATURE_MISSING"
            raise unauthentic(f"The header {missing.args[0]} is missing", code) from None
        if headers.get(_TYPE) != SIGNATURE_TYPE:
            raise unauthentic(f"Only signatures of type {SIGNATURE_TYPE} are taken", "ALGORITHM_REJECTED")
        is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_DIGITS
        if not is_number or abs(now // SECOND - int(timestamp)) > self._tolerance:
            raise unauthentic("The notification is not of this time", "TIMESTAMP_SKEW")
        if _NONCE_TEXT.fullmatch(nonce) is None:
            raise unauthentic("The nonce is not one", "SIGNATURE_INVALID")
        key = self._keys.get(serial) or self._keys.get(_key_name(serial))
        if key is None:
            raise unauthentic("The notification is signed with a key we do not know", "UNKNOWN_KEY")
        if key.valid is not None and not key.valid[0] <= now <= key.valid[1]:
            raise unauthentic("The notification is signed with a certificate that is not valid now", "KEY_EXPIRED")
        try:
            signature = decode_base64(text, MAX_SIGNATURE_TEXT)
        except ValueError:
            raise unauthentic("The signature is not one", "SIGNATURE_INVALID") from None
        if not key.verifier.verifies(signature, signed_text(timestamp, nonce, body)):
            raise unauthentic("The signature is not WeChat Pay's, or not of these bytes", "SIGNATURE_INVALID")

    def _opened(self, body: bytes) -> tuple[Envelope, dict[str, Any]]:
        """The envelope, and the resource that was sealed in it."""
        outer = parse_object(body)
        resource = outer.get("resource")
        if not isinstance(resource, dict) or outer.get("resource_type") != "encrypt-resource":
            raise malformed("The notification has no sealed resource")
        if resource.get("algorithm") != ALGORITHM:
            raise CallbackRefused(f"Only resources sealed with {ALGORITHM} are opened", code="ALGORITHM_REJECTED")
        nonce, associated = resource.get("nonce"), resource.get("associated_data") or ""
        sealed = resource.get("ciphertext")
        if not isinstance(nonce, str) or not isinstance(associated, str) or not isinstance(sealed, str):
            raise malformed("The sealed resource is incomplete")
        try:
            opened = self._seal.open(nonce.encode(), a2b_base64(sealed, strict_mode=True), associated.encode())
        except Unsealable:
            raise CallbackRefused("The resource does not open with our APIv3 key", code="DECRYPTION_FAILED") from None
        except ValueError:
            raise malformed("The sealed resource is not base64") from None
        return Envelope(outer.get("id"), outer.get("event_type"), resource.get("original_type")), parse_object(opened)

    # -- translating ------------------------------------------------------------------------------------------------

    def _event(self, envelope: Envelope, inner: Mapping[str, Any], proof: str) -> Event:
        expected = EVENT_TYPES.get(envelope.event_type) if isinstance(envelope.event_type, str) else None
        if expected is None:
            return self._untold(envelope, inner, proof, "unknown")
        original, status = expected
        is_refund = "refund_status" in inner
        agrees = envelope.original_type == original and is_refund == (original == "refund")
        if not agrees or (is_refund and (inner["refund_status"] != status or "trade_state" in inner)):
            return self._untold(envelope, inner, proof, "mismatch")
        return self._refund_event(inner, proof) if is_refund else self._payment_event(inner, proof)

    def _payment_event(self, said: Mapping[str, Any], proof: str, source: str = "callback") -> Event:
        if "combine_out_trade_no" in said:
            raise CallbackRefused("Combined orders are not payflow's", code="CALLBACK_UNKNOWN_KIND")
        order = checked_id(said.get("out_trade_no"), "out_trade_no")
        state = said.get("trade_state")
        kind = TRADE_STATE.get(state, EventKind.UNKNOWN) if isinstance(state, str) else EventKind.UNKNOWN
        if kind is EventKind.UNKNOWN:
            state = checked_id(state, "trade_state")
        # Paid is paid only with the number of the transaction, under which the money can be found again.
        checked = checked_id if kind is EventKind.PAID else optional_id
        txn = checked(said.get("transaction_id"), "transaction_id")
        amount = _object(said, "amount")
        return Event(
            kind=kind,
            key=_payment_key(kind, order, txn, str(state)),
            gateway=self.kind,
            account=self.account,
            source=source,
            out_trade_no=order,
            merchant=self._merchant(said),
            app=self._app(said),
            amount=_fen(amount, "total"),  # not payer_total, which is less the coupons
            currency=_currency(amount) or "CNY",  # which is what an order without a currency is in
            gateway_txn=txn,
            happened_at=rfc3339_instant(said.get("success_time")) if kind is EventKind.PAID else None,
            words=words_of(said, _TRANSACTION_WORDS),
            proof=proof,
        )

    def _refund_event(self, said: Mapping[str, Any], proof: str, source: str = "callback") -> Event:
        number = checked_id(said.get("out_refund_no"), "out_refund_no")
        status = checked_id(said.get("refund_status"), "refund_status")
        kind = REFUND_STATUS.get(status, EventKind.UNKNOWN)
        amount = _object(said, "amount")
        return Event(
            kind=kind,
            key=_refund_key(kind, number, status),
            gateway=self.kind,
            account=self.account,
            source=source,
            out_trade_no=checked_id(said.get("out_trade_no"), "out_trade_no"),
            merchant=self._merchant(said),
            app=self._app(said),
            amount=_fen(amount, "refund"),
            currency=_currency(amount),
            gateway_txn=optional_id(said.get("transaction_id"), "transaction_id"),
            out_refund_no=number,
            gateway_refund=optional_id(said.get("refund_id"), "refund_id"),
            happened_at=rfc3339_instant(said.get("success_time")),
            words=words_of(said, _REFUND_WORDS),
            proof=proof,
        )

    def _untold(self, envelope: Envelope, inner: Mapping[str, Any], proof: str, why: str) -> Event:
        """A genuine message we cannot translate, or that contradicts itself: kept for a person if it names an order."""
        if not isinstance(inner.get("out_trade_no"), str):
            raise CallbackRefused("This is not a notification about an order", code="CALLBACK_UNKNOWN_KIND")
        words = {
            "event_type": checked_id(envelope.event_type, "event_type"),
            "original_type": optional_id(envelope.original_type, "original_type") or "",
        }
        return Event(
            kind=EventKind.UNKNOWN,
            key=f"{why}:{checked_id(envelope.id, 'id')}",
            gateway=self.kind,
            account=self.account,
            source="callback",
            out_trade_no=checked_id(inner["out_trade_no"], "out_trade_no"),
            merchant=self._merchant(inner),
            app=self._app(inner),
            gateway_txn=optional_id(inner.get("transaction_id"), "transaction_id"),
            words=words | words_of(inner, (*_TRANSACTION_WORDS, "refund_status")),
            proof=proof,
        )

    def _merchant(self, said: Mapping[str, Any]) -> str | None:
        """The merchant it names; ``None`` where it is about a service provider's sub-merchant, which we are not."""
        if said.get("sp_mchid") or said.get("sub_mchid"):
            return None
        named = said.get("mchid")
        return self.merchant if named == self.merchant else optional_id(named, "mchid")

    def _app(self, said: Mapping[str, Any]) -> str | None:
        named = said.get("appid")
        return self.app if named == self.app else optional_id(named, "appid")


def signed_text(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The bytes WeChat Pay signs in answers and notifications: three lines, each with its line feed."""
    return f"{timestamp}\n{nonce}\n".encode("ascii") + body + b"\n"


def _signature_headers(callback: Callback) -> dict[str, str]:
    """The five headers that matter, by their small-letter names, each at most once."""
    found: dict[str, str] = {}
    for name, value in callback.headers:
        small = name.lower()
        if small in _HEADERS:
            # Servers join a header that came twice with a comma; none of these five ever has one of its own.
            if small in found or "," in value:
                raise CallbackRefused(f"Header {small} came more than once", code="CALLBACK_DUPLICATE_FIELD")
            found[small] = value
    return found


def _proof(headers: Mapping[str, str], body: bytes) -> str:
    """What was verified, as JSON. Nothing in a verified header has to be escaped: see their patterns."""
    return _PROOF % (*_ALL(headers), escaped(body))


def _key_name(serial: str) -> str:
    """A serial in one spelling: SDKs differ in its case and in leading zeros. Ids of public keys stay as they are."""
    if _HEX_SERIAL.fullmatch(serial) is None:
        return serial
    return serial.upper().lstrip("0")


def _platform_key(name: str, pem: bytes, path: str) -> _PlatformKey:
    if not is_certificate(pem):
        return _PlatformKey(Verifier(load_public_key(pem, path)), None)
    certificate = load_certificate(pem, path)
    if _key_name(certificate_serial(certificate)) != _key_name(name):
        raise ConfigError(
            f"The certificate at {path} has another serial than it is listed under",
            path=path, code="CONFIG_KEY_MISMATCH",
        )  # fmt: skip
    return _PlatformKey(Verifier(certificate_key(certificate, path)), certificate_validity(certificate))


def _payment_key(kind: EventKind, order: str, txn: str | None, state: str) -> str:
    """Names the fact, so that a notification and the answer to a query about it meet."""
    if kind is EventKind.PAID:
        return f"paid:{txn}"
    return f"unknown:{order}:{state}" if kind is EventKind.UNKNOWN else f"{kind.value}:{order}"


def _refund_key(kind: EventKind, number: str, status: str) -> str:
    if kind is EventKind.REFUND_SUCCEEDED:
        return f"refunded:{number}"
    return f"unknown_refund:{number}:{status}" if kind is EventKind.UNKNOWN else f"{kind.value}:{number}"


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise malformed(f"{name} is not an object")
    return found


def _currency(amount: Mapping[str, Any]) -> str | None:
    named = amount.get("currency")
    return "CNY" if named == "CNY" else optional_id(named, "currency")


def _fen(amount: Mapping[str, Any], name: str) -> int | None:
    """A whole number of fen, as JSON integer and nothing else; ``None`` where it is not stated."""
    value = amount.get(name)
    if value is None:
        return None
    if type(value) is not int or abs(value) > MAX_MINOR:  # bool is an int to Python, and no amount
        raise malformed(f"amount.{name} is not a whole number of fen")
    return value
