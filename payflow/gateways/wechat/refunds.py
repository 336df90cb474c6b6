"""Refunds: asked for under one number for ever, asked about, and sent to another card.

- https://pay.weixin.qq.com/doc/v3/merchant/4012791903 · asking: https://pay.weixin.qq.com/doc/v3/merchant/4012791904
- Abnormal refunds: https://pay.weixin.qq.com/doc/v3/merchant/4013070371
"""

from __future__ import annotations

from typing import Any

from ...errors import CallbackRefused, InvalidRequest
from ...gateway import Answer, Outcome
from ...records import Payment, Refund
from ...signing import Unsealable
from . import products
from .account import Account, not_sendable
from .client import FOREIGN, MALFORMED, Heard, Said
from .words import DEFINITE, NOT_ENOUGH

_TARGET = "/v3/refund/domestic/refunds"
_MAX_REASON = 80
_CARDS = {"user": "USER_BANK_CARD", "merchant": "MERCHANT_BANK_CARD"}


class Refunds(Account):
    """The verbs about refunds."""

    def refund(self, payment: Payment, refund: Refund) -> Answer:
        """Ask for money back, always under the refund's own number: asking again is asking once.

        A reason WeChat Pay does not take (over 80 characters, or with an emoji) is left out, whole. Raises ``Refused``,
        ``OPERATION_UNSUPPORTED``, without the merchant's private key; never for an outcome.
        """
        client = self._sending("refund", payment, refund)
        if refund.currency != "CNY" or type(refund.amount) is not int or refund.amount < 1:
            return Answer(Outcome.REJECTED, words={"code": "INVALID_AMOUNT"})
        body: dict[str, Any] = {
            "out_refund_no": refund.out_refund_no,
            # What came for an incident was never this payment's: it goes back whole.
            "amount": {
                "refund": refund.amount, "currency": "CNY",
                "total": refund.amount if refund.incident_id is not None else payment.amount,
            },
        }  # fmt: skip
        txn = refund.gateway_txn or payment.gateway_txn
        body |= {"transaction_id": txn} if txn else {"out_trade_no": payment.out_trade_no}
        if refund.reason and products.writable(refund.reason, _MAX_REASON):
            body["reason"] = refund.reason
        if self._notify_url is not None:  # without it the notification comes in the old XML form
            body["notify_url"] = self._notify_url
        said = client.post(_TARGET, body, "refund")
        if said.stated:
            return self._refund_stated(payment, refund, said, "answer")
        if said.heard is not Heard.REFUSED:
            return said.unsettled()
        if said.code == NOT_ENOUGH:
            # The merchant's balance is too low today. Nothing was refunded, and after a top-up the same number works:
            # as if it had never been sent, so that it is sent again. Rejected would end this refund for ever.
            return Answer(Outcome.NEVER_SENT, words=said.words())
        if said.code in DEFINITE:
            return Answer(Outcome.REJECTED, words=said.words())
        return self._after_refused_refund(payment, refund, said)

    def _after_refused_refund(self, payment: Payment, refund: Refund, said: Said) -> Answer:
        """A refund of this number may exist all the same: asked for earlier, with an answer that was lost."""
        asked = self._asked_refund(payment, refund, "answer")
        if asked.outcome is Outcome.NOT_FOUND:
            return Answer(Outcome.REJECTED, words=said.words())
        if asked.outcome is not Outcome.CONFIRMED:
            return Answer(Outcome.UNKNOWN, asked.events, words=said.words())
        same = all(event.amount in (None, refund.amount) for event in asked.events)
        return Answer(Outcome.CONFIRMED if same else Outcome.REJECTED, asked.events, words=said.words())

    def query_refund(self, payment: Payment, refund: Refund) -> Answer:
        """What WeChat Pay says of the refund.

        Raises ``Refused``, ``OPERATION_UNSUPPORTED``, without the merchant's private key; never for an outcome.
        """
        self._sending("query_refund", payment, refund)
        return self._asked_refund(payment, refund, "query")

    def _asked_refund(self, payment: Payment, refund: Refund, source: str) -> Answer:
        try:
            target = f"{_TARGET}/{products.refund_number_of(refund)}"
        except InvalidRequest as error:
            return not_sendable(error)
        said = self._sending("query_refund", payment, refund).get(target, "query_refund")
        if said.stated:
            return self._refund_stated(payment, refund, said, source)
        if said.heard is Heard.REFUSED:
            missing = said.code == "RESOURCE_NOT_EXISTS"
            return Answer(Outcome.NOT_FOUND if missing else Outcome.REJECTED, words=said.words())
        return said.unsettled()

    def _refund_stated(self, payment: Payment, refund: Refund, said: Said, source: str) -> Answer:
        try:
            event = self._facts.refund(said.body, said.proof, source, "status")
        except CallbackRefused as refused:
            words = {**said.words(), "code": MALFORMED, "message": refused.message}
            return Answer(Outcome.UNKNOWN, words=words)
        if (event.out_refund_no, event.out_trade_no) != (refund.out_refund_no, payment.out_trade_no):
            return Answer(Outcome.UNKNOWN, (event,), words={**said.words(), "code": FOREIGN})
        return Answer(Outcome.CONFIRMED, (event,), words=said.words())

    def apply_abnormal_refund(
        self, payment: Payment, refund: Refund, *, to: str, bank_type: str | None = None,
        bank_account: str | None = None, real_name: str | None = None,
    ) -> Answer:  # fmt: skip
        """Send a refund that the payer's card did not take (``ABNORMAL``) to another card.

        ``to`` is ``user`` (a card of the payer's: with its bank, number and holder) or ``merchant`` (back to the
        merchant, who pays the payer by hand). Number and holder are encrypted. Raises ``InvalidRequest``,
        ``INVALID_ABNORMAL_REFUND``, for what can never work. https://pay.weixin.qq.com/doc/v3/merchant/4013070371
        """
        client = self._sending("refund", payment, refund)
        if (
            to not in _CARDS
            or not refund.gateway_refund
            or (to == "user" and not (bank_type and bank_account and real_name))
        ):
            raise InvalidRequest(
                "It goes to 'user' (with bank_type, bank_account, real_name) or 'merchant', and has a refund_id",
                code="INVALID_ABNORMAL_REFUND",
            )  # fmt: skip
        body: dict[str, Any] = {"out_refund_no": refund.out_refund_no, "type": _CARDS[to]}
        body |= {"bank_type": bank_type} if bank_type else {}
        secret = {"bank_account": bank_account, "real_name": real_name}
        key = self._keys.to_encrypt(self._clock())
        if key is None:
            return Answer(Outcome.NEVER_SENT, words={"code": "NO_PLATFORM_KEY"})
        for name, value in secret.items():
            if value:
                if len(value.encode("utf-8")) > key.encrypter.max_bytes:
                    raise InvalidRequest(f"{name} is too long", code="INVALID_ABNORMAL_REFUND", path=f"$.{name}")
                body[name] = key.encrypter.encrypt(value.encode("utf-8"))
        target = f"{_TARGET}/{products.quoted(refund.gateway_refund)}/apply-abnormal-refund"
        said = client.post(target, body, "refund", encrypted_to=key.name)
        if said.stated:
            return self._refund_stated(payment, refund, said, "answer")
        return Answer(Outcome.REJECTED, words=said.words()) if said.heard is Heard.REFUSED else said.unsettled()

    def decrypted(self, field: str) -> str:
        """A sensitive field of an answer, which was encrypted to the merchant's certificate.

        Raises ``InvalidRequest``, ``DECRYPTION_FAILED``, for anything else.
        """
        self._sending("query")
        try:
            return self._decrypter.decrypt(field).decode("utf-8")
        except (Unsealable, UnicodeDecodeError):
            raise InvalidRequest("The field was not encrypted to our certificate", code="DECRYPTION_FAILED") from None
