"""Payments, refunds and changed callbacks that the gateway suites are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..gateway import Answer, Callback, Event, Gateway
from ..records import Payment, Refund, replace
from .callbacks import FACTS

#: What strangers send to a callback URL.
HOSTILE_BODIES: tuple[bytes, ...] = (
    b"", b" ", b"\x00", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[{}]", b"{", b'{"a":', b"=", b"&", b"a", b"a=b",
    b"a=b&a=b", b"%", b"a=%", b"a=%u4e2d", b"sign=&sign_type=RSA2", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e999}',
    b'{"a":"\\ud800"}', b"\xff\xfe", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"[" * 60_000, b'{"a":' * 10_000,
    b"9" * 60_000, b"a=b&" * 15_000, b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"\r\n\r\nGET / HTTP/1.1", b"x" * 65_537, b"{" + b'"a":1,' * 20_000 + b'"b":1}',
)  # fmt: skip

#: What strangers put into headers.
HOSTILE_VALUES: tuple[str, ...] = (
    "", " ", "\x00", "null", "0", "-1", "+1", "1e9", "0x10", "１７００００００００", "٣", "9" * 40, "a" * 65_536, "é",
    "\ud800", "a\r\nX: y", "a,b", "'", '"', "../../etc/passwd", "WECHATPAY/SIGNTEST/abc", "=" * 344, "AAAA", "A" * 344,
    "0" * 64,
)  # fmt: skip


def facts_of(events: Sequence[Event]) -> list[Event]:
    """Events without the envelope they came in: what must be the same however a fact arrives."""
    return [replace(event, proof="", words={}, source="", happened_at=None) for event in events]


def a_payment(gateway: Gateway, **other: Any) -> Payment:
    """A payment of this gateway, as the walk would hand it over."""
    number = str(other.get("out_trade_no", FACTS.out_trade_no))
    channels = gateway.capabilities.channels
    facts: dict[str, Any] = {
        "id": number, "gateway": gateway.kind, "account": gateway.account, "merchant": gateway.merchant,
        "app": gateway.app, "out_trade_no": number, "channel": "qr" if "qr" in channels else min(channels),
        "amount": FACTS.amount, "currency": "CNY", "status": "pending", "description": "latte",
        "metadata": '{"auth_code": "280000000000000080"}',
    }  # fmt: skip
    return Payment(**{**facts, **other})


def a_refund(gateway: Gateway, **other: Any) -> Refund:
    """A refund of this gateway."""
    number = str(other.get("out_refund_no", FACTS.out_refund_no))
    facts: dict[str, Any] = {
        "id": number, "payment_id": FACTS.out_trade_no, "gateway": gateway.kind, "account": gateway.account,
        "out_refund_no": number, "amount": FACTS.refund_amount, "currency": "CNY", "status": "requested",
    }  # fmt: skip
    return Refund(**{**facts, **other})


def call(gateway: Gateway, operation: str, payment: Payment, refund: Refund) -> Answer:
    """Call a verb by its name."""
    verb: Callable[..., Answer] = getattr(gateway, operation)
    return verb(payment, refund) if "refund" in operation else verb(payment)


def replaced(
    callback: Callback, *, headers: Sequence[tuple[str, str]] | None = None, body: bytes | None = None
) -> Callback:
    """The same callback with other headers or another body."""
    return Callback(
        callback.account,
        callback.headers if headers is None else headers,
        callback.body if body is None else body,
        callback.method,
    )


def with_header(callback: Callback, name: str, value: str) -> Callback:
    """The same callback with one header's value changed."""
    headers = [(key, value if key.lower() == name.lower() else kept) for key, kept in callback.headers]
    return replaced(callback, headers=headers)


def renamed(other: dict[str, Any]) -> dict[str, Any]:
    """``out_trade_no`` as the argument that names it."""
    return {"number" if key == "out_trade_no" else key: value for key, value in other.items()}


@contextmanager
def patched(thing: Any, name: str, value: Any) -> Iterator[None]:
    """For hooks: one attribute is another one while inside."""
    kept = getattr(thing, name)
    setattr(thing, name, value)
    try:
        yield
    finally:
        setattr(thing, name, kept)
