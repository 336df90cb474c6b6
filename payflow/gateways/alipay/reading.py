"""Alipay's asynchronous notifications, verified and translated.

- Notifications and how to verify them: https://opendocs.alipay.com/open/270/105902
- The trade's states: https://opendocs.alipay.com/open/194/103296

Alipay has no signed freshness window: a genuine notification stays genuine for ever, and ``notify_time`` changes with
each delivery. A replay is therefore not refused here; it states a fact that is known by its key, and the walk counts
it as a repeat or as old news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ... import forms
from ...errors import CallbackRefused, InvalidRequest
from ...gateway import Callback, Event, EventKind, Reply
from ...money import minor_from_text
from ...signing import MAX_SIGNATURE_TEXT, Verifies, decode_base64
from ..receiving import (
    MAX_BODY,
    beijing_instant,
    checked_id,
    escaped,
    malformed,
    optional_id,
    too_large,
    unauthentic,
    words_of,
)

#: Their ``trade_status`` → our event. Any other word is ``UNKNOWN``.
TRADE_STATUS = {
    "WAIT_BUYER_PAY": EventKind.PENDING,
    "TRADE_SUCCESS": EventKind.PAID,
    "TRADE_FINISHED": EventKind.PAID,  # paid, and past its refund period
    "TRADE_CLOSED": EventKind.CLOSED,  # without refund fields; with them it was paid and is refunded
}

#: Which of their times says when it happened.
_HAPPENED = {
    EventKind.PENDING: "gmt_create",
    EventKind.PAID: "gmt_payment",
    EventKind.CLOSED: "gmt_close",
    EventKind.REFUND_SUCCEEDED: "gmt_refund",
}

_WORDS = (
    "notify_id", "notify_time", "trade_status", "subject", "passback_params", "total_amount", "receipt_amount",
    "refund_fee", "out_biz_no", "gmt_create", "gmt_payment", "gmt_refund", "gmt_close", "seller_id", "seller_email",
    "buyer_logon_id", "trans_currency",
)  # fmt: skip

#: All that is read: the bytes of the name, and the name.
_READ = tuple((name.encode("ascii"), name) for name in (*_WORDS, "app_id", "out_trade_no", "trade_no"))

#: Every field that decides anything. See :func:`_refuse_ambiguous`.
_DECIDING = tuple(
    b"&" + name + b"="
    for name in (
        b"app_id", b"charset", b"gmt_close", b"gmt_payment", b"gmt_refund", b"notify_type", b"out_biz_no",
        b"out_trade_no", b"refund_fee", b"seller_id", b"total_amount", b"trade_no", b"trade_status", b"trans_currency",
    )
)  # fmt: skip

_TEXT = (("Content-Type", "text/plain"),)
_ACCEPTED = Reply(200, b"success", _TEXT)
_BLANK_SIGNATURES = frozenset({b"", b"null"})


class Reading:
    """The half of the gateway that takes notifications."""

    kind = "alipay"
    account: str
    app: str
    merchant: str
    _verifiers: tuple[Verifies, ...]

    # -- replies ----------------------------------------------------------------------------------------------------

    def accepted(self) -> Reply:
        """200 and the seven bytes ``success``: anything else makes Alipay send again."""
        return _ACCEPTED

    def refused(self, status: int, code: str, message: str) -> Reply:  # noqa: ARG002 -- Alipay reads neither
        """``fail`` with the status. The code and the message stay with us."""
        return Reply(status, b"fail", _TEXT)

    # -- reading ----------------------------------------------------------------------------------------------------

    def read(self, callback: Callback, now: int) -> Sequence[Event]:  # noqa: ARG002 -- there is no window to check
        """The one fact an asynchronous notification states.

        Raises ``CallbackRefused``: ``CALLBACK_MALFORMED``, ``CALLBACK_DUPLICATE_FIELD``, ``CALLBACK_TOO_LARGE``,
        ``CALLBACK_CHARSET``; ``SIGNATURE_MISSING``, ``SIGNATURE_INVALID``, ``ALGORITHM_REJECTED`` (401);
        ``CALLBACK_UNKNOWN_KIND`` for a genuine message that is not about a trade.
        """
        said = self.verified(callback)
        return (self._event(said, f'{{"body":"{escaped(callback.body)}"}}'),)

    def verified(self, callback: Callback) -> Mapping[str, str]:
        """The fields of a genuine notification about a trade that payflow reads, as text, not translated.

        Raises what :meth:`read` raises about a message that is not genuine, or not of the documented form.
        """
        if len(callback.body) > MAX_BODY:
            raise too_large()
        fields = forms.parse(callback.body)
        signed = self._verified(fields)
        codec = forms.charset_of(fields.get(b"charset"))
        if not signed.isascii():
            forms.decoded(signed, codec)  # all of it, also what nobody reads
        if fields.get(b"notify_type") != b"trade_status_sync":
            raise CallbackRefused("This is not a notification about a trade", code="CALLBACK_UNKNOWN_KIND")
        return {name: fields[raw].decode(codec) for raw, name in _READ if raw in fields}

    def _verified(self, fields: Mapping[bytes, bytes]) -> bytes:
        """The text that was signed, if one of Alipay's keys signed it.

        Notifications about trades leave ``sign_type`` out of it, those of the service market and life accounts keep it.
        """
        signature = fields.get(b"sign", b"")
        if signature.strip() in _BLANK_SIGNATURES:
            raise unauthentic("The notification is not signed", "SIGNATURE_MISSING")
        if fields.get(b"sign_type") != b"RSA2":
            raise unauthentic("Only notifications signed with RSA2 are taken", "ALGORITHM_REJECTED")
        try:
            raw = decode_base64(signature, MAX_SIGNATURE_TEXT)
        except ValueError:
            raise unauthentic("The signature is not one", "SIGNATURE_INVALID") from None
        for left_out in _left_out(fields):
            signed = canonical_text(fields, left_out)
            for verifier in self._verifiers:
                if verifier.verifies(raw, signed):
                    _refuse_ambiguous(fields, signed, left_out)
                    return signed
        raise unauthentic("The signature is not Alipay's, or not of these bytes", "SIGNATURE_INVALID")

    # -- translating ------------------------------------------------------------------------------------------------

    def _event(self, said: Mapping[str, str], proof: str) -> Event:
        trade = checked_id(said.get("trade_no"), "trade_no")
        order = checked_id(said.get("out_trade_no"), "out_trade_no")
        status = checked_id(said.get("trade_status"), "trade_status")
        total = _amount(said.get("total_amount"), "total_amount")
        refund = None
        if _amount(said.get("refund_fee") or None, "refund_fee") or said.get("gmt_refund"):
            refund = optional_id(said.get("out_biz_no"), "out_biz_no")
            kind = EventKind.UNKNOWN if refund is None else EventKind.REFUND_SUCCEEDED
        else:
            kind = TRADE_STATUS.get(status, EventKind.UNKNOWN)
        # refund_fee is the sum of all refunds so far; how much this one was, Alipay does not say here.
        amount = None if refund is not None else total
        happened = _HAPPENED.get(kind)
        return Event(
            kind=kind,
            key=fact_key(kind, order, trade, refund, status),
            gateway=self.kind,
            account=self.account,
            source="callback",
            out_trade_no=order,
            merchant=optional_id(said.get("seller_id"), "seller_id"),
            app=optional_id(said.get("app_id"), "app_id"),
            amount=amount,
            currency=said.get("trans_currency") or "CNY",
            gateway_txn=trade,
            out_refund_no=refund,
            happened_at=beijing_instant(said.get(happened)) if happened else None,
            words=words_of(said, _WORDS),
            proof=proof,
        )


def canonical_text(fields: Mapping[bytes, bytes], left_out: frozenset[bytes]) -> bytes:
    """``k=v`` joined by ``&``, sorted by name, values unescaped, as bytes of the sender's charset.

    All fields that came take part, also unknown and empty ones. https://opendocs.alipay.com/common/02mse7
    """
    return b"&".join([name + b"=" + fields[name] for name in sorted(fields) if name not in left_out])


_TRADE_LEAVES_OUT = frozenset({b"sign", b"sign_type"})
_MARKET_LEAVES_OUT = frozenset({b"sign"})
_CERTIFIED_LEAVES_OUT = frozenset({b"sign", b"sign_type", b"alipay_cert_sn"})


def _left_out(fields: Mapping[bytes, bytes]) -> tuple[frozenset[bytes], ...]:
    """The fields that may be outside of the signed text, one set for each way Alipay signs."""
    if fields.get(b"notify_type") != b"trade_status_sync":
        return (_MARKET_LEAVES_OUT, _TRADE_LEAVES_OUT)
    if b"alipay_cert_sn" in fields:  # in certificate mode it names the key and is added after signing
        return (_TRADE_LEAVES_OUT, _CERTIFIED_LEAVES_OUT)
    return (_TRADE_LEAVES_OUT,)


def _refuse_ambiguous(fields: Mapping[bytes, bytes], signed: bytes, left_out: frozenset[bytes]) -> None:
    """Refuse a signed text that can be read in two ways.

    Values stand in it unescaped, so a value that contains ``&total_amount=0.01`` reads like a field. Whoever can
    choose a subject or body could have Alipay sign ``body=x&out_trade_no=THEIRS&ox=…`` for a cheap order, and
    deliver the same text cut differently. Each such cut leaves the true field inside another value, and that is
    what is looked for; an ``&`` in a subject harms nobody.
    """
    if signed.count(b"&") == len(fields) - len(left_out) - 1:  # what is left out has all been there
        return
    for value in fields.values():
        if b"&" in value and any(name in value for name in _DECIDING):
            raise CallbackRefused("The signed text can be read in two ways", code="CALLBACK_AMBIGUOUS")


def fact_key(kind: EventKind, order: str, trade: str, refund: str | None, status: str) -> str:
    """Names the fact, so that a notification and the answer to a query about it meet."""
    if refund is not None:
        return f"refunded:{trade}:{refund}"
    if kind is EventKind.PAID:
        return f"paid:{trade}"
    if kind is EventKind.CLOSED:
        return f"closed:{order}"
    if kind is EventKind.PENDING:
        return f"pending:{trade}"
    return f"unknown:{trade}:{status}"


def _amount(text: str | None, what: str) -> int | None:
    if text is None:
        return None
    try:
        return minor_from_text(text, "CNY")
    except InvalidRequest:
        raise malformed(f"{what} is not an amount in yuan") from None
