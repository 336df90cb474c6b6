"""Combined payments: several orders paid by one payment of the payer's.

- https://pay.weixin.qq.com/doc/v3/merchant/4012557008

Each order of a combined order is a payment of ours. The host announces them with ``Flow.expect``, each with the number
of the whole in its metadata (``combine_out_trade_no``), and asks for the whole here. Notifications and queries state
one fact for each order, which settles its payment; refunds are made as usual, order by order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import CallbackRefused, InvalidRequest
from ...gateway import Answer, Event, EventKind, Outcome
from ...records import Payment
from . import products
from .client import FOREIGN, MALFORMED, Client, Heard, Said
from .facts import MAX_SUB_ORDERS, Facts
from .words import DEFINITE

_BASE = "/v3/combine-transactions"
#: channel → the last part of the path.
PATHS = {"jsapi": "jsapi", "mini_program": "miniprogram", "app": "app", "h5": "h5", "qr": "native"}
_ENDED = frozenset({EventKind.CLOSED, EventKind.FAILED})

Sign = Callable[[str, str], Mapping[str, str]]


class Combined:
    """Combined orders of one account; ``WeChat.combined``."""

    def __init__(self, client: Client, facts: Facts, *, notify_url: str | None, origin: str, sign: Sign) -> None:
        self._client, self._facts, self._notify_url = client, facts, notify_url
        self._origin, self._sign = origin, sign

    def charge(self, number: str, payments: Sequence[Payment]) -> Answer:
        """Order these payments as one, under ``number``; what the payer's client must do is in the answer.

        All of them have one channel (not ``barcode``), and ``combine_out_trade_no`` in their metadata is ``number``.
        The payer's facts (``openid``, ``client_ip``, ``h5_type``) are those of the first. Asking again with the same
        payments is asking once. Raises ``InvalidRequest`` for what can never work; never for an outcome.
        """
        body = self._body(number, payments)
        first = payments[0]
        said = self._client.post(f"{_BASE}/{PATHS[first.channel]}", body, "combined_charge")
        if said.stated:
            try:
                action = products.next_action(
                    first.channel, said.body, products.metadata_of(first), origin=self._origin,
                    sign=lambda prepay_id: self._sign(first.channel, prepay_id),
                )  # fmt: skip
            except products.Unacceptable as why:
                return Answer(Outcome.UNKNOWN, words={**said.words(), "code": MALFORMED, "message": str(why)})
            return Answer(Outcome.CONFIRMED, next_action=action, words=said.words())
        if said.heard is not Heard.REFUSED:
            return said.unsettled()
        if said.code in DEFINITE:
            return Answer(Outcome.REJECTED, words=said.words())
        return self._after_refusal(said, number)

    def query(self, number: str, source: str = "query") -> Answer:
        """What the combined order says of each of its orders: one event for each, of all its payments."""
        said = self._client.get(f"{_BASE}/out-trade-no/{products.checked_number(number)}", "query")
        if not said.stated:
            if said.heard is Heard.REFUSED:
                missing = said.code == "ORDER_NOT_EXIST"
                return Answer(Outcome.NOT_FOUND if missing else Outcome.REJECTED, words=said.words())
            return said.unsettled()
        if said.body.get("combine_out_trade_no") != number:
            return Answer(Outcome.UNKNOWN, words={**said.words(), "code": FOREIGN})
        try:
            events = self._facts.combined(said.body, said.proof, source)
        except CallbackRefused as refused:
            return Answer(Outcome.UNKNOWN, words={**said.words(), "code": MALFORMED, "message": refused.message})
        return Answer(Outcome.CONFIRMED, events, words=said.words())

    def close(self, number: str) -> Answer:
        """Close the whole combined order, all of its orders: they can only be paid together.

        Confirmed with one event for each order; rejected, with what they are, if they are paid; not found if there
        is no such combined order.
        """
        asked = self.query(number, "answer")
        if asked.outcome is not Outcome.CONFIRMED or any(event.kind is EventKind.PAID for event in asked.events):
            return _as_close(asked)
        if all(event.kind is EventKind.CLOSED for event in asked.events):
            return asked
        orders = [
            {"mchid": event.merchant or self._facts.merchant, "out_trade_no": event.out_trade_no}
            for event in asked.events
        ]
        body = {"combine_appid": self._facts.app, "sub_orders": orders}
        said = self._client.post(f"{_BASE}/out-trade-no/{products.checked_number(number)}/close", body, "close")
        if said.heard in (Heard.STATED, Heard.REFUSED):
            found = self.query(number, "answer")
            if said.stated and found.outcome is not Outcome.CONFIRMED:
                return Answer(Outcome.CONFIRMED, words=said.words())
            return _as_close(found)
        return said.unsettled()

    def _after_refusal(self, said: Said, number: str) -> Answer:
        """A refusal is not signed and may hide an order whose answer was lost: the order itself is asked about."""
        asked = self.query(number, "answer")
        if asked.outcome is Outcome.NOT_FOUND:
            return Answer(Outcome.REJECTED, words=said.words())
        kinds = {event.kind for event in asked.events}
        outcome = Outcome.UNKNOWN
        if kinds == {EventKind.PAID}:
            outcome = Outcome.CONFIRMED
        elif kinds and kinds <= _ENDED:
            outcome = Outcome.REJECTED
        return Answer(outcome, asked.events, words=said.words())

    def _body(self, number: str, payments: Sequence[Payment]) -> dict[str, Any]:
        products.checked_number(number)
        if not 1 <= len(payments) <= MAX_SUB_ORDERS:
            raise InvalidRequest(f"A combined order has 1 to {MAX_SUB_ORDERS} orders", code="INVALID_COMBINED")
        first = payments[0]
        if first.channel not in PATHS or any(payment.channel != first.channel for payment in payments):
            raise InvalidRequest("The orders of a combined order have one channel", code="INVALID_COMBINED")
        if len({payment.out_trade_no for payment in payments}) != len(payments):
            raise InvalidRequest("An order is named twice", code="INVALID_COMBINED")
        orders = [self._sub_order(number, payment) for payment in payments]
        said = products.acceptable(first, self._notify_url, combined=True)
        body: dict[str, Any] = {
            "combine_appid": self._facts.app, "combine_mchid": self._facts.merchant, "combine_out_trade_no": number,
            "scene_info": {"payer_client_ip": products.client_ip(said)}, "sub_orders": orders,
            "notify_url": self._notify_url,
        }  # fmt: skip
        if first.channel in ("jsapi", "mini_program"):
            body["combine_payer_info"] = {"openid": said["openid"]}
        elif first.channel == "h5":
            body["scene_info"]["h5_info"] = {"type": said.get("h5_type", "Wap")}
        ends = [payment.expires_at for payment in payments if payment.expires_at is not None]
        if ends:
            body["time_expire"] = products.time_text(min(ends))
        return body

    def _sub_order(self, number: str, payment: Payment) -> dict[str, Any]:
        said = products.acceptable(payment, self._notify_url, combined=True)
        if said.get("combine_out_trade_no") != number:
            raise InvalidRequest(
                "Each payment of a combined order has its number in metadata.combine_out_trade_no",
                code="INVALID_METADATA", path="$.combine_out_trade_no",
            )  # fmt: skip
        return {
            "mchid": payment.merchant, "attach": said.get("attach") or payment.out_trade_no,
            "amount": {"total_amount": payment.amount, "currency": "CNY"}, "out_trade_no": payment.out_trade_no,
            "description": payment.description or payment.out_trade_no,
        }  # fmt: skip


def about(answer: Answer, payment: Payment) -> tuple[Answer, Event | None]:
    """The answer, and what it states of this payment; unknown if it states nothing of it."""
    mine = next((event for event in answer.events if event.out_trade_no == payment.out_trade_no), None)
    if answer.outcome is Outcome.CONFIRMED and answer.events and mine is None:
        return Answer(Outcome.UNKNOWN, answer.events, words={**answer.words, "code": FOREIGN}), None
    return answer, mine


def _as_close(asked: Answer) -> Answer:
    """The outcome of a close, by what the orders are now."""
    if asked.outcome is not Outcome.CONFIRMED:
        return Answer(Outcome.NOT_FOUND if asked.outcome is Outcome.NOT_FOUND else Outcome.UNKNOWN, words=asked.words)
    kinds = {event.kind for event in asked.events}
    if EventKind.PAID in kinds:
        return Answer(Outcome.REJECTED, asked.events, words=asked.words)
    return Answer(Outcome.CONFIRMED if kinds <= _ENDED else Outcome.UNKNOWN, asked.events, words=asked.words)
