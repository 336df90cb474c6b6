"""WeChat Pay, API v3: the verbs about orders.

- Overview: https://pay.weixin.qq.com/doc/v3/merchant/4012081606
- Query: https://pay.weixin.qq.com/doc/v3/merchant/4012791879 · close: https://pay.weixin.qq.com/doc/v3/merchant/4012791881
- Reversing a code payment: https://pay.weixin.qq.com/doc/v3/merchant/4012791922

What an error hides is asked about before anything is called rejected: an order whose first answer was lost may exist,
be payable or be paid, and its number is never given up for a guess.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...clock import SECOND
from ...errors import CallbackRefused, InvalidRequest
from ...gateway import Answer, Event, EventKind, NextAction, Outcome
from ...records import Payment
from . import combined, products, statements
from .account import not_sendable
from .billing import WeChatBills
from .client import BAD_SIGNATURE, FOREIGN, MALFORMED, Heard, Said
from .refunds import Refunds
from .words import DEFINITE

_ORDERS = "/v3/pay/transactions"
_ENDED = frozenset({EventKind.CLOSED, EventKind.FAILED})


class WeChat(Refunds):
    """One merchant of ours at WeChat Pay, with one app.

    ``platform_keys`` maps the serial of each platform certificate, and the id (``PUB_KEY_ID_…``) of each public key,
    to its PEM. There may be several: while WeChat Pay goes over from one to the next, either signs.

    With ``merchant_key`` (the private key of the merchant's API certificate) it also sends; the serial of that
    certificate is given, or read from ``merchant_certificate``. Platform certificates are then renewed while the
    process runs; with ``download_certificates`` it may begin without any key and fetch them when they are needed.
    """

    # -- ordering ---------------------------------------------------------------------------------------------------

    def check(self, payment: Payment) -> None:
        """Refuse, before anything is stored or sent, what WeChat Pay can never take.

        Raises ``InvalidRequest`` with its ``path``; see :func:`payflow.gateways.wechat.products.acceptable`.
        """
        if self._client is not None and not payment.expected:
            products.acceptable(payment, self._notify_url)

    def charge(self, payment: Payment) -> Answer:
        """Order it. The same payment gives the same order, however often it is sent.

        Raises ``Refused``, ``OPERATION_UNSUPPORTED``, without the merchant's private key; never for an outcome.
        """
        client = self._sending("charge", payment)
        try:
            metadata = products.acceptable(payment, self._notify_url)
        except InvalidRequest as error:
            return _not_acceptable(error)
        body = products.order_body(payment, metadata, appid=self.app, mchid=self.merchant, notify_url=self._notify_url)
        target = f"{_ORDERS}/{products.PATHS[payment.channel]}"
        said = client.post(target, body, "charge")
        if said.code == BAD_SIGNATURE and payment.channel != "barcode":
            # The order is there by now, and only its answer says how to pay it. Asking for it again moves no money.
            again = client.post(target, body, "charge")
            if again.heard not in (Heard.LATER, Heard.NEVER_SENT):  # else the first one was sent all the same
                said = again
        if said.stated:
            return self._decided(payment, said) if payment.channel == "barcode" else self._next(payment, metadata, said)
        if said.heard is not Heard.REFUSED:
            return said.unsettled()
        if said.code in DEFINITE:
            return Answer(Outcome.REJECTED, words=said.words())
        return self._after_refused_order(payment, said)

    def _next(self, payment: Payment, metadata: Mapping[str, Any], said: Said) -> Answer:
        try:
            action = products.next_action(
                payment.channel, said.body, metadata, origin=self._origins[0],
                sign=lambda prepay_id: self.client_params(payment.channel, prepay_id),
            )  # fmt: skip
        except products.Unacceptable as why:
            return Answer(Outcome.UNKNOWN, words={**said.words(), "code": MALFORMED, "message": str(why)})
        return Answer(Outcome.CONFIRMED, next_action=action, words=said.words())

    def client_params(self, channel: str, prepay_id: str) -> Mapping[str, str]:
        """The signed parameters with which the payer's client starts paying; fresh ones at each call."""
        self._sending("charge")
        timestamp, nonce = str(self._clock() // SECOND), secrets.token_hex(16)
        if channel == "app":
            return products.app_params(self._signer, self.app, self.merchant, prepay_id, timestamp, nonce)
        return products.jsapi_params(self._signer, self.app, prepay_id, timestamp, nonce)

    def _decided(self, payment: Payment, said: Said) -> Answer:
        """The answer to a code payment: paid or failed at once, or the payer is asked for a password."""
        if "trade_state" not in said.body and said.body.get("code") == "USERPAYING":
            return Answer(Outcome.CONFIRMED, next_action=NextAction("wait"), words=said.words())
        answer, event = self._stated(payment, said, "answer")
        if event is None:
            return answer
        if event.kind in _ENDED:
            return replace(answer, outcome=Outcome.REJECTED)
        if event.kind is EventKind.UNKNOWN:
            return replace(answer, outcome=Outcome.UNKNOWN)
        return replace(answer, next_action=NextAction("none" if event.kind is EventKind.PAID else "wait"))

    def _after_refused_order(self, payment: Payment, said: Said) -> Answer:
        """A refusal is not signed and may hide an order whose first answer was lost: the order is asked about."""
        asked, event = self._asked(payment, "answer")
        words = said.words()
        if asked.outcome is Outcome.NOT_FOUND:
            return Answer(Outcome.REJECTED, words=words)
        if asked.outcome is not Outcome.CONFIRMED or event is None:
            return Answer(Outcome.UNKNOWN, asked.events, words=words)
        if event.kind is EventKind.PAID:
            return Answer(Outcome.CONFIRMED, asked.events, words=words)
        if event.kind in _ENDED:
            return Answer(Outcome.REJECTED, asked.events, words=words)
        if event.words.get("trade_state") == "USERPAYING":
            return Answer(Outcome.CONFIRMED, asked.events, NextAction("wait"), words)
        if event.amount not in (None, payment.amount):
            return Answer(Outcome.REJECTED, asked.events, words=words)  # the number is another order's, not ours
        # It exists, unpaid, with our amount: an earlier request of ours arrived, and whoever got its answer can still
        # pay. Refused as it is, this request has no answer to give, but to call the payment rejected could refuse money
        # that comes. Unknown: it is asked about until it is paid, or closed when it expires.
        return Answer(Outcome.UNKNOWN, asked.events, words=words)

    # -- asking -----------------------------------------------------------------------------------------------------

    def query(self, payment: Payment) -> Answer:
        """What WeChat Pay says of the order; of all orders of its combined order, if it is in one.

        Raises ``Refused``, ``OPERATION_UNSUPPORTED``, without the merchant's private key; never for an outcome.
        """
        self._sending("query", payment)
        return self._asked(payment, "query")[0]

    def _asked(self, payment: Payment, source: str) -> tuple[Answer, Event | None]:
        """The answer to a query, and what it states of this payment."""
        try:
            whole = _combined_number(payment)
            if whole is not None:
                return combined.about(self.combined.query(whole, source), payment)
            target = f"{_ORDERS}/out-trade-no/{products.number_of(payment)}?mchid={self.merchant}"
        except InvalidRequest as error:
            return not_sendable(error), None
        said = self._sending("query", payment).get(target, "query")
        if said.stated:
            return self._stated(payment, said, source)
        if said.heard is Heard.REFUSED:
            missing = said.code == "ORDER_NOT_EXIST"
            return Answer(Outcome.NOT_FOUND if missing else Outcome.REJECTED, words=said.words()), None
        return said.unsettled(), None

    def _stated(self, payment: Payment, said: Said, source: str) -> tuple[Answer, Event | None]:
        """A signed statement about an order. One about another order says nothing about ours."""
        try:
            event = self._facts.payment(said.body, said.proof, source)
        except CallbackRefused as refused:
            words = {**said.words(), "code": MALFORMED, "message": refused.message}
            return Answer(Outcome.UNKNOWN, words=words), None
        if event.out_trade_no != payment.out_trade_no:
            return Answer(Outcome.UNKNOWN, (event,), words={**said.words(), "code": FOREIGN}), None
        return Answer(Outcome.CONFIRMED, (event,), words=said.words()), event

    # -- closing ----------------------------------------------------------------------------------------------------

    def close(self, payment: Payment) -> Answer:
        """Close the order; a code payment is reversed, which takes back also what is just being paid.

        Rejected, with what was found, if it is paid. An order in a combined order closes with all the others.
        Raises ``Refused``, ``OPERATION_UNSUPPORTED``, without the merchant's private key; never for an outcome.
        """
        client = self._sending("close", payment)
        try:
            whole = _combined_number(payment)
            if whole is not None:
                return self.combined.close(whole)
            target = f"{_ORDERS}/out-trade-no/{products.number_of(payment)}"
        except InvalidRequest as error:
            return not_sendable(error)
        if payment.channel == "barcode":
            # To reverse what is paid would send the money back unasked.
            asked, event = self._asked(payment, "answer")
            if event is None or event.kind is not EventKind.PENDING:
                return _as_close(asked, event)
            said = client.post(f"{target}/reverse", {"appid": self.app, "mchid": self.merchant}, "close")
        else:
            said = client.post(f"{target}/close", {"mchid": self.merchant}, "close")
        return self._closed(payment, said)

    def _closed(self, payment: Payment, said: Said) -> Answer:
        """What became of the order is asked, so that the fact is the same one that any later answer states."""
        if said.heard is Heard.REFUSED:
            if said.code == "ORDER_NOT_EXIST":
                return Answer(Outcome.NOT_FOUND, words=said.words())
            if said.code in DEFINITE:
                return Answer(Outcome.REJECTED, words=said.words())
            asked, event = self._asked(payment, "answer")
            return replace(_as_close(asked, event), words=said.words())
        if not said.stated:
            return said.unsettled()
        asked, event = self._asked(payment, "answer")
        if event is not None and event.kind in (EventKind.PAID, EventKind.UNKNOWN):
            return _as_close(asked, event)
        events = asked.events if event is not None and event.kind in _ENDED else ()
        return Answer(Outcome.CONFIRMED, events, words=said.words())

    # -- more than the five verbs -----------------------------------------------------------------------------------

    @property
    def combined(self) -> combined.Combined:
        """Several orders, paid by one payment of the payer's."""
        return combined.Combined(
            self._sending("charge"), self._facts, notify_url=self._notify_url, origin=self._origins[0],
            sign=self.client_params,
        )  # fmt: skip

    def bill(
        self, day: str, kind: str = "trade", *, which: str | None = None, max_bytes: int = statements.MAX_BYTES
    ) -> bytes:
        """The text of a day's bill (``YYYY-MM-DD``, Beijing; UTF-8, from 10:00 of the next day); empty if nothing was.

        ``kind`` is ``trade`` (``which``: ``ALL``, ``SUCCESS``, ``REFUND``) or ``fundflow`` (``BASIC``, ``OPERATION``,
        ``FEES``). Raises ``GatewayError``: ``BILL_NOT_READY``, ``BILL_HASH_MISMATCH``, ``BILL_TOO_LARGE``,
        ``BILL_URL_REJECTED``, ``BILL_REFUSED``, and what the transport raises; ``InvalidRequest``: ``INVALID_BILL``.
        """
        return statements.bill(self._sending("bill"), self._origins, day, kind, which, max_bytes)

    @property
    def bills(self) -> WeChatBills:
        """Trade bills by day, row by row."""

        def download(day: str) -> statements.Download | None:
            client = self._sending("bill")
            return statements.download(client, self._origins, day, "trade", None, statements.MAX_BYTES)

        return WeChatBills(download, self.account, self.merchant)


def _combined_number(payment: Payment) -> str | None:
    """The number of the combined order it is in."""
    found = products.metadata_of(payment).get("combine_out_trade_no")
    return found if isinstance(found, str) and found else None


def _as_close(asked: Answer, event: Event | None) -> Answer:
    """The outcome of a close, by what the order is now."""
    if asked.outcome is Outcome.CONFIRMED and event is not None:
        ended = {EventKind.PAID: Outcome.REJECTED} | dict.fromkeys(_ENDED, Outcome.CONFIRMED)
        return replace(asked, outcome=ended.get(event.kind, Outcome.UNKNOWN))
    return (
        asked if asked.outcome in (Outcome.NOT_FOUND, Outcome.NEVER_SENT) else replace(asked, outcome=Outcome.UNKNOWN)
    )


def _not_acceptable(error: InvalidRequest) -> Answer:
    """What can never be taken; nothing was sent."""
    return Answer(Outcome.REJECTED, words={"code": error.code, "message": error.message, "path": str(error.path)})
