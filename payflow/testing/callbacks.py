"""The same facts, told by each gateway: genuinely signed callbacks for the tests of hosts and for the contract suites.

Each class is the signing side of one gateway and makes the gateway that believes it::

    side = AlipaySide()                                   # or WeChatSide(), MockSide()
    flow = open_flow(config, gateways={"alipay": side.gateway("alipay")}, …)
    flow.receive(side.callback("paid", out_trade_no="ORDER-1", amount=1250))

Kinds are those of :class:`payflow.gateway.EventKind`; one that a gateway never tells by callback is a ``KeyError``.
What is not given is as in :class:`Told`. For messages that are signed but strange, see :mod:`payflow.testing.signed`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..clock import BEIJING, system_clock
from ..gateway import Callback
from ..gateways.alipay import Alipay
from ..gateways.mock import MockGateway
from ..gateways.mock.outgoing import body_of
from ..gateways.mock.signed import Mac
from ..gateways.wechat import WeChat
from ..money import text_from_minor
from .signed import AlipaySigner, WeChatSigner

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a callback tells. Amounts are minor units; ``at`` is when it happened and was signed, in microseconds since
    1970 UTC, by default now. ``merchant`` and ``app`` are by default the gateway's own.
    """

    out_trade_no: str = "CONTRACT-0001"
    amount: int = 1234
    currency: str = "CNY"
    gateway_txn: str = "4200000000202601010000000001"
    out_refund_no: str = "CONTRACT-R001"
    refund_amount: int = 234
    merchant: str | None = None
    app: str | None = None
    at: int | None = None

    @property
    def when(self) -> int:
        """``at``, or now."""
        return system_clock() if self.at is None else self.at

    def local(self, form: str) -> str:
        """``at`` as the gateways write it: Beijing time."""
        return (_EPOCH + timedelta(microseconds=self.when)).astimezone(BEIJING).strftime(form)


#: What callbacks tell unless they are told otherwise.
FACTS = Told()


class AlipaySide:
    """Alipay's notifications. A refund is told as a paid trade with refund fields."""

    KINDS: Mapping[str, str] = {
        "pending": "WAIT_BUYER_PAY",
        "paid": "TRADE_SUCCESS",
        "closed": "TRADE_CLOSED",
        "refund_succeeded": "TRADE_SUCCESS",
    }

    def __init__(self, *, account: str = "alipay", key_name: str = "alipay") -> None:
        self.account = account
        self.signer = AlipaySigner(key_name=key_name)

    def gateway(self, account: str | None = None) -> Alipay:
        """The gateway that takes what this side signs."""
        return self.signer.gateway(account or self.account)

    def callback(self, kind: str = "paid", **told: Any) -> Callback:
        """A notification; ``told`` are fields of :class:`Told`."""
        facts, signer = Told(**told), self.signer
        now = facts.local("%Y-%m-%d %H:%M:%S")
        fields = {
            "notify_time": now, "notify_id": secrets.token_hex(17), "trade_status": self.KINDS[kind],
            "app_id": signer.app_id if facts.app is None else facts.app,
            "seller_id": signer.seller_id if facts.merchant is None else facts.merchant,
            "trade_no": facts.gateway_txn, "out_trade_no": facts.out_trade_no, "gmt_create": now,
            "total_amount": text_from_minor(facts.amount),
            "gmt_payment": now if self.KINDS[kind] == "TRADE_SUCCESS" else None,
            "gmt_close": now if kind == "closed" else None,
            "trans_currency": facts.currency if facts.currency != "CNY" else None,
        }  # fmt: skip
        if kind == "refund_succeeded":
            returned = {"gmt_refund": now + ".123", "out_biz_no": facts.out_refund_no}
            return signer.callback(
                signer.refunded(text_from_minor(facts.refund_amount), **fields, **returned), account=self.account
            )
        return signer.callback(signer.paid(**fields), account=self.account)


class WeChatSide:
    """WeChat Pay's notifications, API v3."""

    #: Our kind → the word inside.
    KINDS: Mapping[str, str] = {"paid": "SUCCESS", "refund_succeeded": "SUCCESS", "refund_failed": "CLOSED"}

    def __init__(self, *, account: str = "wechat", key_name: str = "wechat") -> None:
        self.account = account
        self.signer = WeChatSigner(key_name=key_name)

    def gateway(self, account: str | None = None) -> WeChat:
        """The gateway that takes what this side signs."""
        return self.signer.gateway(account or self.account)

    def callback(self, kind: str = "paid", **told: Any) -> Callback:
        """A notification; ``told`` are fields of :class:`Told`."""
        facts, signer, word = Told(**told), self.signer, self.KINDS[kind]
        fields: dict[str, Any] = {
            "mchid": signer.mchid if facts.merchant is None else facts.merchant,
            "out_trade_no": facts.out_trade_no, "transaction_id": facts.gateway_txn,
            "success_time": facts.local("%Y-%m-%dT%H:%M:%S+08:00"),
        }  # fmt: skip
        if kind == "paid":
            app = signer.appid if facts.app is None else facts.app
            amount = {"total": facts.amount, "payer_total": facts.amount, "currency": facts.currency}
            inner = signer.paid(**fields, appid=app, amount=amount, trade_state=word)
        else:
            amount = {"total": facts.amount, "refund": facts.refund_amount, "payer_refund": facts.refund_amount}
            inner = signer.refunded(word, **fields, out_refund_no=facts.out_refund_no, amount=amount)
        return signer.callback(inner, now=facts.when, account=self.account)


class MockSide:
    """The mock gateway's callbacks, about orders that its far side has never seen."""

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
        self.account, self.merchant, self.app = account, merchant, app
        self.secret = secret if secret is not None else secrets.token_bytes(32)
        self._mac = Mac(self.secret)

    def __repr__(self) -> str:
        return f"MockSide({self.account!r}, merchant={self.merchant!r}, app={self.app!r})"

    def gateway(self, account: str | None = None, **options: Any) -> MockGateway:
        """The gateway that takes what this side signs; ``options`` are those of ``MockGateway``."""
        return MockGateway(account or self.account, self.secret, merchant=self.merchant, app=self.app, **options)

    def callback(self, kind: str = "paid", *, said: Mapping[str, Any] | None = None, **told: Any) -> Callback:
        """A callback; ``told`` are fields of :class:`Told`, ``said`` words of its own, added or put in place."""
        return self.delivered(body_of({**self.statement(kind, **told), **(said or {})}), told.get("at"))

    def statement(self, kind: str = "paid", **told: Any) -> dict[str, Any]:
        """What a callback says."""
        facts = Told(**told)
        state, refund_state = self.KINDS[kind]
        found: dict[str, Any] = {
            "merchant": self.merchant if facts.merchant is None else facts.merchant,
            "app": self.app if facts.app is None else facts.app,
            "out_trade_no": facts.out_trade_no, "state": state, "amount": facts.amount, "currency": facts.currency,
            "txn": facts.gateway_txn if state == "SUCCESS" else None, "happened_at": facts.when,
        }  # fmt: skip
        if refund_state:
            found["refund"] = {
                "out_refund_no": facts.out_refund_no, "refund_id": "MR" + facts.out_refund_no,
                "amount": facts.refund_amount, "state": refund_state,
            }  # fmt: skip
        return found

    def delivered(self, body: bytes, at: int | None = None) -> Callback:
        """Any body at all, genuinely signed."""
        headers = self._mac.headers(body, system_clock() if at is None else at, secrets.token_hex(16))
        return Callback(self.account, headers, body)
