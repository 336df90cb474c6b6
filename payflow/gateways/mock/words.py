"""What the mock gateway's far side says, as records, and the table *its word → our event*.

A callback's body and the answer to a query are the same statement, so both become events by the same function, and
meet under the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...gateway import Event, EventKind
from ...money import MAX_MINOR
from ..receiving import checked_id, malformed, optional_id

#: The state of a trade there → our event. Any other word is ``UNKNOWN``.
TRADE_STATES = {
    "NOTPAY": EventKind.PENDING,
    "SUCCESS": EventKind.PAID,
    "CLOSED": EventKind.CLOSED,
    "PAYERROR": EventKind.FAILED,
}

#: The state of a refund there → our event.
REFUND_STATES = {
    "PROCESSING": EventKind.REFUND_PROCESSING,
    "SUCCESS": EventKind.REFUND_SUCCEEDED,
    "ABNORMAL": EventKind.REFUND_FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Money that was taken for a trade. A trade has one; more only after a double payment."""

    txn: str
    amount: int
    paid_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRefund:
    """Money that goes back from a trade: ``PROCESSING``, then ``SUCCESS`` or ``ABNORMAL``."""

    out_refund_no: str
    refund_id: str
    txn: str
    amount: int
    state: str
    reason: str
    created_at: int
    settles_at: int | None  # when it ends by itself; None: it has ended, or waits to be asked about
    settles_to: str
    finished_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One order as the mock gateway knows it: what a cashier page shows.

    ``state`` is ``NOTPAY``, ``SUCCESS``, ``CLOSED`` or ``PAYERROR``; ``tokens`` say how it was told to behave (see
    :mod:`payflow.gateways.mock.faults`). Amounts are minor units, instants microseconds since 1970 UTC.
    """

    merchant: str
    app: str
    account: str
    out_trade_no: str
    channel: str
    amount: int
    currency: str
    state: str
    description: str
    tokens: frozenset[str]
    by_amount: bool  # the tokens come from the amount; then a refund's amount speaks as well
    created_at: int
    expires_at: int | None
    ended_at: int | None  # when it was closed or declined
    captures: tuple[Capture, ...] = ()
    refunds: tuple[TradeRefund, ...] = ()

    @property
    def paid_at(self) -> int | None:
        """When the first money came."""
        return self.captures[0].paid_at if self.captures else None

    @property
    def refunded(self) -> int:
        """How much has gone back."""
        return sum(refund.amount for refund in self.refunds if refund.state == "SUCCESS")

    def refund(self, out_refund_no: str) -> TradeRefund | None:
        """Its refund of this number."""
        return next((one for one in self.refunds if one.out_refund_no == out_refund_no), None)


# -- saying --------------------------------------------------------------------------------------------------------


def statements(trade: Trade) -> list[dict[str, Any]]:
    """What the far side states about a trade: one statement, or one for each time it was paid."""
    if trade.state == "SUCCESS":
        return [paid_statement(trade, capture) for capture in trade.captures]
    return [_statement(trade, trade.state, None, trade.ended_at)]


def paid_statement(trade: Trade, capture: Capture) -> dict[str, Any]:
    """That this money was taken for the trade."""
    return {**_statement(trade, "SUCCESS", capture.txn, capture.paid_at), "amount": capture.amount}


def refund_statement(trade: Trade, refund: TradeRefund) -> dict[str, Any]:
    """How a refund of the trade stands."""
    told = {
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "amount": refund.amount,
        "state": refund.state,
    }
    return {**_statement(trade, trade.state, refund.txn, refund.finished_at), "refund": told}


def _statement(trade: Trade, state: str, txn: str | None, happened_at: int | None) -> dict[str, Any]:
    return {
        "merchant": trade.merchant,
        "app": trade.app,
        "out_trade_no": trade.out_trade_no,
        "state": state,
        "amount": trade.amount,
        "currency": trade.currency,
        "txn": txn,
        "happened_at": happened_at,
    }


# -- translating ---------------------------------------------------------------------------------------------------


def event_of(said: Mapping[str, Any], *, account: str, source: str, proof: str = "") -> Event:
    """The event that a statement is. Raises ``CallbackRefused`` ``CALLBACK_MALFORMED`` for what is not a statement."""
    refund = said.get("refund")
    if refund is not None and not isinstance(refund, Mapping):
        raise malformed("refund is not an object")
    if refund is None:
        return _trade_event(said, account, source, proof)
    return _refund_event(said, refund, account, source, proof)


def _trade_event(said: Mapping[str, Any], account: str, source: str, proof: str) -> Event:
    order, state = checked_id(said.get("out_trade_no"), "out_trade_no"), checked_id(said.get("state"), "state")
    txn = optional_id(said.get("txn"), "txn")
    kind = TRADE_STATES.get(state, EventKind.UNKNOWN)
    if kind is EventKind.PAID:
        key = f"paid:{checked_id(txn, 'txn')}"
    elif kind is EventKind.UNKNOWN:
        key = f"unknown:{order}:{state}"
    else:
        key = f"{kind}:{order}"
    return Event(
        kind=kind, key=key, gateway="mock", account=account, source=source, out_trade_no=order,
        merchant=optional_id(said.get("merchant"), "merchant"), app=optional_id(said.get("app"), "app"),
        amount=_whole(said.get("amount"), "amount"), currency=optional_id(said.get("currency"), "currency"),
        gateway_txn=txn, happened_at=_whole(said.get("happened_at"), "happened_at"),
        words=_words(said, state), proof=proof,
    )  # fmt: skip


def _refund_event(said: Mapping[str, Any], refund: Mapping[str, Any], account: str, source: str, proof: str) -> Event:
    state = checked_id(refund.get("state"), "refund.state")
    number = checked_id(refund.get("out_refund_no"), "refund.out_refund_no")
    kind = REFUND_STATES.get(state, EventKind.UNKNOWN)
    key = f"unknown:{number}:{state}" if kind is EventKind.UNKNOWN else f"{kind}:{number}"
    return Event(
        kind=kind, key=key, gateway="mock", account=account, source=source,
        out_trade_no=checked_id(said.get("out_trade_no"), "out_trade_no"),
        merchant=optional_id(said.get("merchant"), "merchant"), app=optional_id(said.get("app"), "app"),
        amount=_whole(refund.get("amount"), "refund.amount"), currency=optional_id(said.get("currency"), "currency"),
        gateway_txn=optional_id(said.get("txn"), "txn"), out_refund_no=number,
        gateway_refund=optional_id(refund.get("refund_id"), "refund.refund_id"),
        happened_at=_whole(said.get("happened_at"), "happened_at"),
        words=_words(said, state), proof=proof,
    )  # fmt: skip


def _words(said: Mapping[str, Any], state: str) -> dict[str, str]:
    notice = optional_id(said.get("id"), "id")
    return {"state": state} if notice is None else {"state": state, "id": notice}


def _whole(value: Any, what: str) -> int | None:
    """A whole number that JSON holds exactly; amounts out of range or written otherwise are not taken at all."""
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= MAX_MINOR:
        raise malformed(f"{what} is not a whole number from 0 to {MAX_MINOR}")
    return value
