"""What a genuine message of WeChat Pay states, as our events. The same from notifications and from answers.

- Notifications of payments: https://pay.weixin.qq.com/doc/v3/merchant/4012791902
- Notifications of refunds: https://pay.weixin.qq.com/doc/v3/merchant/4012791906
- Combined orders: https://pay.weixin.qq.com/doc/v3/merchant/4012557008
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import CallbackRefused
from ...gateway import Event, EventKind
from ...money import MAX_MINOR
from ..receiving import checked_id, malformed, optional_id, rfc3339_instant, words_of
from .words import EVENT_TYPES, REFUND_STATUS, TRADE_STATE

#: As many orders as one combined order may have, by their document.
MAX_SUB_ORDERS = 50

_TRANSACTION_WORDS = (
    "trade_state", "trade_state_desc", "trade_type", "bank_type", "success_time", "attach", "sp_mchid", "sub_mchid",
    "combine_out_trade_no",
)  # fmt: skip
_REFUND_WORDS = ("refund_status", "success_time", "user_received_account", "channel", "sp_mchid", "sub_mchid")


class Envelope(NamedTuple):
    """What stands around the sealed resource, as it came: each may be anything that JSON has."""

    id: Any
    event_type: Any
    original_type: Any


class Facts:
    """Translates for one account. Raises ``CallbackRefused`` for what is not of the documented form."""

    __slots__ = ("account", "app", "kind", "merchant")

    def __init__(self, kind: str, account: str, merchant: str, app: str) -> None:
        self.kind, self.account, self.merchant, self.app = kind, account, merchant, app

    def of_notification(self, envelope: Envelope, inner: Mapping[str, Any], proof: str) -> tuple[Event, ...]:
        """The facts of a notification: one, or one for each order of a combined order."""
        expected = EVENT_TYPES.get(envelope.event_type) if isinstance(envelope.event_type, str) else None
        if expected is None:
            return (self._untold(envelope, inner, proof, "unknown"),)
        original, status = expected
        is_refund = "refund_status" in inner
        agrees = envelope.original_type == original and is_refund == (original == "refund")
        if not agrees or (is_refund and (inner["refund_status"] != status or "trade_state" in inner)):
            return (self._untold(envelope, inner, proof, "mismatch"),)
        if "combine_out_trade_no" in inner and not is_refund:
            return self.combined(inner, proof, "callback")
        return (self.refund(inner, proof) if is_refund else self.payment(inner, proof),)

    def payment(self, said: Mapping[str, Any], proof: str, source: str = "callback") -> Event:
        """What a transaction says of its order."""
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

    def combined(self, said: Mapping[str, Any], proof: str, source: str) -> tuple[Event, ...]:
        """What a combined order says of each of its orders."""
        number = checked_id(said.get("combine_out_trade_no"), "combine_out_trade_no")
        orders = said.get("sub_orders")
        if not isinstance(orders, list) or not orders:
            raise CallbackRefused("The combined order names none of its orders", code="CALLBACK_UNKNOWN_KIND")
        if len(orders) > MAX_SUB_ORDERS or not all(isinstance(order, dict) for order in orders):
            raise malformed("sub_orders is not a list of orders")
        whole = {"appid": said.get("combine_appid"), "combine_out_trade_no": number}
        events = []
        for order in orders:
            amount = _object(order, "amount")
            total = {"total": amount.get("total_amount"), "currency": amount.get("currency")}
            events.append(self.payment({**whole, **order, "amount": total}, proof, source))
        if len({event.out_trade_no for event in events}) != len(events):
            raise malformed("The combined order names an order twice")
        return tuple(events)

    def refund(
        self, said: Mapping[str, Any], proof: str, source: str = "callback", status_name: str = "refund_status"
    ) -> Event:
        """What is said of a refund. Notifications call its state ``refund_status``, answers ``status``."""
        number = checked_id(said.get("out_refund_no"), "out_refund_no")
        status = checked_id(said.get(status_name), status_name)
        kind = REFUND_STATUS.get(status, EventKind.UNKNOWN)
        amount = _object(said, "amount")
        words = words_of(said, _REFUND_WORDS)
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
            words=words if status_name in words else {"refund_status": status, **words},
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
