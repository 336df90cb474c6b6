"""A mock gateway on a clock the test moves, and payments to order there."""

from __future__ import annotations

from typing import Any

from payflow.clock import SECOND
from payflow.gateways.mock import MockCallback, MockGateway
from payflow.records import Payment, Refund

START = 1_780_000_000 * SECOND
SECRET = b"sv8K2mPq0XrT5wLz9bNc4hYd7uJf1aGe"


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: int) -> int:
        self.now += seconds * SECOND
        return self.now


class Host:
    """Takes deliveries and answers with the statuses it was told, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[MockCallback] = []

    def __call__(self, callback: MockCallback) -> int:
        self.got.append(callback)
        return self.statuses.pop(0) if self.statuses else 200


def a_mock(**options: Any) -> MockGateway:
    return MockGateway("mock", SECRET, **{"clock": Hand(), **options})


def pay(number: str = "ORDER-0001", *, mock: str = "", **other: Any) -> Payment:
    facts: dict[str, Any] = {
        "id": number, "gateway": "mock", "account": "mock", "merchant": "mock-merchant", "app": "mock-app",
        "out_trade_no": number, "channel": "qr", "amount": 1000, "currency": "CNY", "status": "pending",
        "metadata": f'{{"mock": "{mock}"}}' if mock else "{}",
    }  # fmt: skip
    return Payment(**{**facts, **other})


def back(number: str = "REFUND-001", amount: int = 300, **other: Any) -> Refund:
    facts: dict[str, Any] = {
        "id": number, "payment_id": "ORDER-0001", "gateway": "mock", "account": "mock", "out_refund_no": number,
        "amount": amount, "currency": "CNY", "status": "requested",
    }  # fmt: skip
    return Refund(**{**facts, **other})


def kinds(answer: Any) -> list[str]:
    return [str(event.kind) for event in answer.events]
