"""What Alipay's genuine answers state, as events: the same facts under the same keys as its notifications."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import CallbackRefused
from ...gateway import Answer, Event, EventKind, Outcome
from ...money import minor_from_text
from ...records import Payment, Refund
from ...transport import NeverSent
from ..receiving import beijing_instant, checked_id
from .client import Said
from .reading import TRADE_STATUS, fact_key

KIND = "alipay"


@dataclass(frozen=True, slots=True)
class Answers:
    """Translates for one account. Raises ``CallbackRefused`` or ``InvalidRequest`` for what is not as documented."""

    account: str
    app: str
    merchant: str

    def trade(self, said: Said, source: str) -> Event:
        """What a query tells of a trade."""
        status = checked_id(said.fields.get("trade_status"), "trade_status")
        kind = TRADE_STATUS.get(status, EventKind.UNKNOWN)
        if kind is EventKind.PAID or (kind is EventKind.CLOSED and said.fields.get("send_pay_date")):
            # A trade that was closed by refunding all of it was paid before. What went back, its refunds say.
            return self.paid(said, source, "send_pay_date")
        trade = checked_id(said.fields.get("trade_no"), "trade_no")
        order = checked_id(said.fields.get("out_trade_no"), "out_trade_no")
        return self._event(kind, fact_key(kind, order, trade, None, status), said, order, trade, source)

    def paid(self, said: Said, source: str, happened: str) -> Event:
        """That it was paid. Whose it is, is what the answer says; it is never filled in from the payment."""
        trade = checked_id(said.fields.get("trade_no"), "trade_no")
        order = checked_id(said.fields.get("out_trade_no"), "out_trade_no")
        at = said.fields.get(happened)
        key = fact_key(EventKind.PAID, order, trade, None, "")
        return self._event(
            EventKind.PAID,
            key,
            said,
            order,
            trade,
            source,
            happened_at=beijing_instant(at) if isinstance(at, str) else None,
        )

    def _event(self, kind: EventKind, key: str, said: Said, order: str, trade: str, source: str, **also: Any) -> Event:
        """An answer names neither app nor seller: it is the signed answer to a request of this very app."""
        total = said.fields.get("total_amount")
        return Event(
            kind=kind, key=key, gateway=KIND, account=self.account, source=source, out_trade_no=order,
            merchant=self.merchant, app=self.app, currency=_currency(said),
            amount=minor_from_text(total, "CNY") if isinstance(total, str) else None, gateway_txn=trade,
            words=said.words, **also,
        )  # fmt: skip

    def closed(self, said: Said, payment: Payment) -> Event:
        """That it was closed unpaid, as closing or cancelling answers."""
        order = checked_id(said.fields.get("out_trade_no", payment.out_trade_no), "out_trade_no")
        return Event(
            kind=EventKind.CLOSED, key=fact_key(EventKind.CLOSED, order, "", None, ""), gateway=KIND,
            account=self.account, source="answer", out_trade_no=order, merchant=self.merchant, app=self.app,
            amount=payment.amount, currency="CNY", gateway_txn=_optional(said, "trade_no"), words=said.words,
        )  # fmt: skip

    def refund(self, said: Said, refund: Refund, source: str) -> Event:
        """That a refund went back."""
        trade = checked_id(said.fields.get("trade_no"), "trade_no")
        order = checked_id(said.fields.get("out_trade_no"), "out_trade_no")
        stated = said.fields.get("refund_amount")  # of this refund; refund_fee is the sum of all of them
        at = said.fields.get("gmt_refund_pay")
        number = refund.out_refund_no
        if said.fields.get("out_request_no", number) != number:
            raise CallbackRefused("The answer is about another refund", code="CALLBACK_MALFORMED")
        return Event(
            kind=EventKind.REFUND_SUCCEEDED, key=fact_key(EventKind.REFUND_SUCCEEDED, order, trade, number, ""),
            gateway=KIND, account=self.account, source=source, out_trade_no=order, merchant=self.merchant,
            app=self.app, amount=minor_from_text(stated, "CNY") if isinstance(stated, str) else None,
            currency=_currency(said), gateway_txn=trade, out_refund_no=number,
            happened_at=beijing_instant(at) if isinstance(at, str) else None, words=said.words,
        )  # fmt: skip


def afterwards(ask: Callable[[], Answer]) -> Answer:
    """A question about a call that has been answered. Where it cannot be asked, that call was sent all the same."""
    try:
        return ask()
    except NeverSent as error:
        return Answer(Outcome.UNKNOWN, words={"error": error.code})


def covers(said: Said, payment: Payment, refund: Refund) -> bool:
    """Whether the answer to a refund may be about this one. It does not repeat the refund's number; what it names is
    the sum of all that went back from the trade, and that includes this refund and those that are known."""
    total = said.fields.get("refund_fee")
    before = payment.refunded if refund.incident_id is None else 0
    return not isinstance(total, str) or minor_from_text(total, "CNY") >= before + refund.amount


def _currency(said: Said) -> str:
    return _optional(said, "trans_currency") or "CNY"


def _optional(said: Said, name: str) -> str | None:
    value = said.fields.get(name)
    return checked_id(value, name) if isinstance(value, str) and value else None
