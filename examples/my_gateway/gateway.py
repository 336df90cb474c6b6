"""ExamplePay: a small invented gateway, complete. JSON over HTTP, every message signed with HMAC-SHA256.

Where a real gateway's file links to its documents, this one is the document. Both sides share one ``signing_key``. The
header ``Example-Signature`` (hex) signs what a message is, the time in ``Example-Timestamp`` and the raw body, one
below the other; what it is reads ``request POST /orders``, ``answer POST /orders`` or ``callback``.

    POST /orders                {"order", "amount", "currency", "subject", "notify_url"} → order
    GET  /orders/ORDER          → order
    POST /orders/ORDER/close    → order
    POST /orders/ORDER/refunds  {"refund", "amount"} → refund
    GET  /refunds/REFUND        → refund

    order   {"merchant", "app", "order", "number", "state", "amount", "currency", "pay_url", "paid_at" once it is paid}
    refund  {"merchant", "app", "order", "number", "currency", "refund", "refund_amount", "refund_state"}
    error   {"error": CODE}, signed like every answer, with a status of ``STATUSES``

A callback is a POST of an order that was paid, or of a refund that ended; it comes again until it is answered with 200.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from payflow.clock import SECOND
from payflow.errors import CallbackRefused, ConfigError, GatewayError
from payflow.gateway import Answer, Callback, Capabilities, Event, EventKind, NextAction, Outcome, Reply
from payflow.gateways.receiving import MAX_BODY, checked_id, malformed, optional_id, too_large, unauthentic, words_of
from payflow.records import Payment, Refund
from payflow.strictjson import parse_object
from payflow.transport import NeverSent, Request, Surroundings, Transport

#: Their word → our event. Any other word is ``UNKNOWN``: recorded, and then asked about.
STATES = {"open": EventKind.PENDING, "paid": EventKind.PAID, "closed": EventKind.CLOSED}
REFUND_STATES = {
    "working": EventKind.REFUND_PROCESSING, "done": EventKind.REFUND_SUCCEEDED, "failed": EventKind.REFUND_FAILED,
}  # fmt: skip
#: What a signed error means. 429 is documented as not processed; any other status says nothing about what was done.
STATUSES = {404: Outcome.NOT_FOUND, 409: Outcome.REJECTED, 429: Outcome.NEVER_SENT}

TOLERANCE_SECONDS = 300
_TIMESTAMP, _SIGNATURE = "example-timestamp", "example-signature"
_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_WORDS = ("state", "refund_state", "error")


class ExamplePay:
    """One merchant at ExamplePay. Shared between threads."""

    kind = "custom"
    capabilities = Capabilities(
        channels=frozenset({"page", "qr"}),
        operations=frozenset({"charge", "query", "close", "refund", "query_refund"}),
        currencies=frozenset({"CNY", "USD"}),
        max_amount=10_000_000_000,
    )

    def __init__(
        self, account: str, *, merchant: str, app: str, key: bytes, address: str, around: Surroundings | None = None
    ) -> None:
        self.account, self.merchant, self.app = account, merchant, app
        self._mac = hmac.new(key, digestmod=hashlib.sha256)  # not the key: what shows this object shows no secret
        self._around = around or Surroundings()
        self._transport = Transport(account, (address,), self._around.limits, breakers=self._around.breakers)

    @classmethod
    def from_config(cls, name: str, options: Mapping[str, Any], surroundings: Surroundings | None = None) -> ExamplePay:
        """The account ``name`` of a config: ``merchant``, ``app``, the secret ``signing_key``, the option ``address``.

        Raises ``ConfigError``: ``CONFIG_MISSING_FIELD``, ``CONFIG_INSECURE_URL``.
        """
        key, address = options["secrets"].get("signing_key"), options["options"].get("address")
        if key is None or not isinstance(address, str):
            said = "ExamplePay needs the secret signing_key and the option address"
            raise ConfigError(said, path=f"$.gateways.{name}", code="CONFIG_MISSING_FIELD")
        merchant, app = options["merchant"], options["app"]
        return cls(name, merchant=merchant, app=app, key=key.reveal(), address=address, around=surroundings)

    def __repr__(self) -> str:
        return f"ExamplePay({self.account!r}, merchant={self.merchant!r})"

    # -- the verbs --------------------------------------------------------------------------------------------------

    def charge(self, payment: Payment) -> Answer:
        """Order a payment. Ordering the same again gives the same; other facts under its number are refused."""
        order = {
            "order": payment.out_trade_no, "amount": payment.amount, "currency": payment.currency,
            "subject": payment.description, "notify_url": self._around.notify_url or "",
        }  # fmt: skip

        def ordered(said: Mapping[str, Any]) -> Answer:
            event, url = self._order(said, "answer"), said.get("pay_url")
            if event.kind is EventKind.CLOSED:
                return Answer(Outcome.REJECTED, (event,), words=event.words)
            if event.kind is EventKind.PAID:
                return Answer(Outcome.CONFIRMED, (event,), NextAction("none"), event.words)
            if not isinstance(url, str):
                raise malformed("The order has no pay_url")
            shown = NextAction("qr", {"text": url}) if payment.channel == "qr" else NextAction("redirect", {"url": url})
            return Answer(Outcome.CONFIRMED, (), shown, event.words)

        return self._asked("charge", "POST /orders", order, {"order": payment.out_trade_no}, ordered)

    def query(self, payment: Payment) -> Answer:
        """Ask what became of a payment."""
        line, about = f"GET /orders/{_segment(payment.out_trade_no)}", {"order": payment.out_trade_no}
        return self._asked("query", line, None, about, lambda said: _told(self._order(said, "query")))

    def close(self, payment: Payment) -> Answer:
        """Close an unpaid order. One that was paid is refused, and the answer says so."""

        def closed(said: Mapping[str, Any]) -> Answer:
            event = self._order(said, "answer")
            outcome = Outcome.CONFIRMED if event.kind is EventKind.CLOSED else Outcome.REJECTED
            return Answer(outcome, (event,), words=event.words)

        line = f"POST /orders/{_segment(payment.out_trade_no)}/close"
        return self._asked("close", line, {}, {"order": payment.out_trade_no}, closed)

    def refund(self, payment: Payment, refund: Refund) -> Answer:
        """Send money back; the same number again is the same refund."""
        line = f"POST /orders/{_segment(payment.out_trade_no)}/refunds"
        body = {"refund": refund.out_refund_no, "amount": refund.amount}
        about = {"order": payment.out_trade_no, "refund": refund.out_refund_no}
        return self._asked("refund", line, body, about, lambda said: _told(self._refund(said, "answer")))

    def query_refund(self, payment: Payment, refund: Refund) -> Answer:
        """Ask what became of a refund."""
        line = f"GET /refunds/{_segment(refund.out_refund_no)}"
        about = {"order": payment.out_trade_no, "refund": refund.out_refund_no}
        return self._asked("query_refund", line, None, about, lambda said: _told(self._refund(said, "query")))

    # -- reading ----------------------------------------------------------------------------------------------------

    def read(self, callback: Callback, now: int) -> Sequence[Event]:
        """The one fact a genuine callback states. Raises ``CallbackRefused`` for everything else."""
        if len(callback.body) > MAX_BODY:
            raise too_large()
        timestamp, signature = callback.header(_TIMESTAMP) or "", callback.header(_SIGNATURE) or ""
        self._verify("callback", timestamp, signature, callback.body, now)
        said = parse_object(callback.body)
        proof = json.dumps({"timestamp": timestamp, "signature": signature, "body": callback.body.decode()})
        return (self._refund(said, "callback", proof) if "refund" in said else self._order(said, "callback", proof),)

    def accepted(self) -> Reply:
        """200 without a body."""
        return Reply(200)

    def refused(self, status: int, code: str, message: str) -> Reply:  # noqa: ARG002 -- a message is for our own log
        """Anything else than 200: it comes again."""
        return Reply(status, json.dumps({"error": code}).encode(), (("Content-Type", "application/json"),))

    def _order(self, said: Mapping[str, Any], source: str, proof: str = "") -> Event:
        kind, order = STATES.get(str(said.get("state")), EventKind.UNKNOWN), checked_id(said.get("order"), "order")
        if kind is not EventKind.PAID:
            number = optional_id(said.get("number"), "number")
            return self._event(said, source, proof, kind=kind, key=f"{kind.value}:{order}", gateway_txn=number,
                               amount=_whole(said, "amount"))  # fmt: skip
        number = checked_id(said.get("number"), "number")
        return self._event(said, source, proof, kind=kind, key=f"paid:{number}", gateway_txn=number,
                           amount=_whole(said, "amount"), happened_at=_whole(said, "paid_at") * SECOND)  # fmt: skip

    def _refund(self, said: Mapping[str, Any], source: str, proof: str = "") -> Event:
        kind = REFUND_STATES.get(str(said.get("refund_state")), EventKind.UNKNOWN)
        refund, number = checked_id(said.get("refund"), "refund"), optional_id(said.get("number"), "number")
        return self._event(said, source, proof, kind=kind, key=f"{kind.value}:{refund}", out_refund_no=refund,
                           amount=_whole(said, "refund_amount"), gateway_txn=number)  # fmt: skip

    def _event(self, said: Mapping[str, Any], source: str, proof: str, **facts: Any) -> Event:
        return Event(
            gateway=self.kind, account=self.account, source=source, proof=proof, words=words_of(said, _WORDS),
            out_trade_no=checked_id(said.get("order"), "order"), merchant=optional_id(said.get("merchant"), "merchant"),
            app=optional_id(said.get("app"), "app"), currency=optional_id(said.get("currency"), "currency"), **facts,
        )  # fmt: skip

    # -- one call ---------------------------------------------------------------------------------------------------

    def _asked(
        self, operation: str, line: str, body: Mapping[str, Any] | None, about: Mapping[str, str],
        tell: Callable[[Mapping[str, Any]], Answer],
    ) -> Answer:  # fmt: skip
        """Ask, and say what came of it. Silence, and whatever is not genuine or ``about`` others, is unknown."""
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        method, _, target = line.partition(" ")
        timestamp = str(self._around.clock() // SECOND)
        headers = {
            "Content-Type": "application/json", "Example-Merchant": self.merchant, "Example-Timestamp": timestamp,
            "Example-Signature": signature_of(self._mac, f"request {line}", timestamp, raw),
        }  # fmt: skip
        try:
            request = Request(method, target, headers, raw)
            answer = self._transport.send(request, operation=operation, safe=method == "GET")
            given = answer.headers.get(_TIMESTAMP, ""), answer.headers.get(_SIGNATURE, "")
            self._verify(f"answer {line}", *given, answer.body, self._around.clock())
            said = parse_object(answer.body)
            if answer.status == 200:
                if any(said.get(name) != number for name, number in about.items()):
                    raise malformed("The answer is about something else")
                return tell(said)
            outcome, words = STATUSES.get(answer.status, Outcome.UNKNOWN), words_of(said, _WORDS)
        except NeverSent as error:
            return Answer(Outcome.NEVER_SENT, words={"error": error.code})
        except (GatewayError, CallbackRefused) as error:
            return Answer(Outcome.UNKNOWN, words={"error": error.code})
        if outcome is Outcome.NOT_FOUND and operation in ("charge", "refund"):
            outcome = Outcome.REJECTED  # there is nothing to do it with
        return Answer(outcome, words=words)

    def _verify(self, what: str, timestamp: str, signature: str, body: bytes, now: int) -> None:
        """That there is a signature, that it is of this time, then that it is theirs and of these raw bytes."""
        if _HEX.fullmatch(signature) is None:
            raise unauthentic("There is no signature", "SIGNATURE_INVALID" if signature else "SIGNATURE_MISSING")
        if _DIGITS.fullmatch(timestamp) is None or abs(now // SECOND - int(timestamp)) > TOLERANCE_SECONDS:
            raise unauthentic("The message is not of this time", "TIMESTAMP_SKEW")
        if not hmac.compare_digest(signature, signature_of(self._mac, what, timestamp, body)):
            raise unauthentic("The signature is not ExamplePay's, or not of these bytes", "SIGNATURE_INVALID")


# -- canonical text ----------------------------------------------------------------------------------------------------


def signature_of(keyed: hmac.HMAC, what: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over what it is, the timestamp and the raw body, one below the other; in hex."""
    mac = keyed.copy()
    mac.update(f"{what}\n{timestamp}\n".encode() + body)
    return mac.hexdigest()


def _segment(number: str) -> str:
    return quote(number, safe="", errors="replace")


def _told(event: Event) -> Answer:
    return Answer(Outcome.CONFIRMED, (event,), words=event.words)


def _whole(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    if type(value) is not int or not 0 <= value < 1 << 53:  # bool is an int to Python, and no number
        raise malformed(f"{name} is not a whole number")
    return value
