"""ExamplePay: a small invented gateway, complete. JSON over HTTP, every message signed with HMAC-SHA256.

Both sides share one ``signing_key``. A message is signed over its timestamp, a line feed and its raw body; the headers
``Example-Timestamp`` and ``Example-Signature`` (hex) stand beside it, in requests, answers and callbacks alike.

    POST /orders                {"order", "amount", "currency", "subject", "notify_url"} → order
    GET  /orders/ORDER          → order
    POST /orders/ORDER/close    → order
    POST /orders/ORDER/refunds  {"refund", "amount"} → refund
    GET  /refunds/REFUND        → refund

    order   {"merchant", "order", "number", "state", "amount", "currency", "paid_at", "pay_url"}
    refund  {"merchant", "order", "number", "refund", "refund_amount", "refund_state"}
    error   {"error": CODE}, signed, with status 404 or 409
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from payflow.clock import SECOND
from payflow.errors import CallbackRefused, GatewayError, InvalidRequest
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
        self,
        account: str,
        *,
        merchant: str,
        app: str,
        key: bytes,
        address: str,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.account, self.merchant, self.app = account, merchant, app
        self._mac = hmac.new(
            key, digestmod=hashlib.sha256
        )  # not the key itself: what shows this object shows no secret
        self._surroundings = surroundings or Surroundings()
        self._transport = Transport(
            account, (address,), self._surroundings.limits, breakers=self._surroundings.breakers
        )  # fmt: skip

    @classmethod
    def from_config(cls, name: str, options: Mapping[str, Any], surroundings: Surroundings | None = None) -> ExamplePay:
        """The account ``name`` of a config: ``merchant``, ``app``, the secret ``signing_key``, option ``address``."""
        return cls(
            name, merchant=options["merchant"], app=options["app"], key=options["secrets"]["signing_key"].reveal(),
            address=options["options"]["address"], surroundings=surroundings,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"ExamplePay({self.account!r}, merchant={self.merchant!r})"

    # -- the verbs --------------------------------------------------------------------------------------------------

    def charge(self, payment: Payment) -> Answer:
        """Order a payment. Ordering the same again gives the same; other facts under its number are refused."""
        order = {
            "order": payment.out_trade_no, "amount": payment.amount, "currency": payment.currency,
            "subject": payment.description, "notify_url": self._surroundings.notify_url or "",
        }  # fmt: skip

        def ordered(said: Mapping[str, Any]) -> Answer:
            event, url = self._order(said, "answer"), said.get("pay_url")
            if event.kind is EventKind.CLOSED:
                return Answer(Outcome.REJECTED, (event,), words=words_of(said, _WORDS))
            if not isinstance(url, str):
                raise malformed("The order has no pay_url")
            action = (
                NextAction("qr", {"text": url}) if payment.channel == "qr" else NextAction("redirect", {"url": url})
            )
            paid = (event,) if event.kind is EventKind.PAID else ()
            return Answer(Outcome.CONFIRMED, paid, None if paid else action, words_of(said, _WORDS))

        return self._asked("charge", "POST", "/orders", order, payment, ordered)

    def query(self, payment: Payment) -> Answer:
        """Ask what became of a payment."""
        path = f"/orders/{payment.out_trade_no}"
        return self._asked(
            "query", "GET", path, None, payment, lambda said: self._confirmed(self._order(said, "query"))
        )

    def close(self, payment: Payment) -> Answer:
        """Close an unpaid order. One that was paid is refused, and the answer says so."""

        def closed(said: Mapping[str, Any]) -> Answer:
            event = self._order(said, "answer")
            outcome = Outcome.CONFIRMED if event.kind is EventKind.CLOSED else Outcome.REJECTED
            return Answer(outcome, (event,), words=event.words)

        return self._asked("close", "POST", f"/orders/{payment.out_trade_no}/close", {}, payment, closed)

    def refund(self, payment: Payment, refund: Refund) -> Answer:
        """Send money back; the same number again is the same refund."""
        asked = {"refund": refund.out_refund_no, "amount": refund.amount}
        path = f"/orders/{payment.out_trade_no}/refunds"
        return self._asked(
            "refund", "POST", path, asked, payment, lambda said: self._confirmed(self._refund(said, "answer"))
        )

    def query_refund(self, payment: Payment, refund: Refund) -> Answer:
        """Ask what became of a refund."""
        path = f"/refunds/{refund.out_refund_no}"
        return self._asked(
            "query_refund", "GET", path, None, payment, lambda said: self._confirmed(self._refund(said, "query"))
        )

    # -- reading ----------------------------------------------------------------------------------------------------

    def read(self, callback: Callback, now: int) -> Sequence[Event]:
        """The one fact a genuine callback states."""
        if len(callback.body) > MAX_BODY:
            raise too_large()
        timestamp, signature = callback.header(_TIMESTAMP), callback.header(_SIGNATURE)
        self._verify(timestamp or "", signature or "", callback.body, now)
        said = parse_object(callback.body)
        proof = json.dumps({"timestamp": timestamp, "signature": signature, "body": callback.body.decode()})
        event = self._refund(said, "callback", proof) if "refund" in said else self._order(said, "callback", proof)
        return (event,)

    def accepted(self) -> Reply:
        """200 without a body."""
        return Reply(200)

    def refused(self, status: int, code: str, message: str) -> Reply:  # noqa: ARG002 -- a message is for our own log
        """Anything else than 200: it comes again."""
        return Reply(status, json.dumps({"error": code}).encode(), (("Content-Type", "application/json"),))

    # -- translating ------------------------------------------------------------------------------------------------

    def _order(self, said: Mapping[str, Any], source: str, proof: str = "") -> Event:
        kind = STATES.get(str(said.get("state")), EventKind.UNKNOWN)
        order = checked_id(said.get("order"), "order")
        paid = kind is EventKind.PAID
        number = checked_id(said.get("number"), "number") if paid else optional_id(said.get("number"), "number")
        key = f"paid:{number}" if paid else f"{kind.value}:{order}"
        happened = {"happened_at": _whole(said, "paid_at") * SECOND} if paid else {}
        return self._event(
            said, kind, key, source, proof, gateway_txn=number, amount=_whole(said, "amount"), **happened
        )

    def _refund(self, said: Mapping[str, Any], source: str, proof: str = "") -> Event:
        kind = REFUND_STATES.get(str(said.get("refund_state")), EventKind.UNKNOWN)
        refund = checked_id(said.get("refund"), "refund")
        return self._event(
            said, kind, f"{kind.value}:{refund}", source, proof, out_refund_no=refund,
            amount=_whole(said, "refund_amount"), gateway_txn=optional_id(said.get("number"), "number"),
        )  # fmt: skip

    def _event(
        self, said: Mapping[str, Any], kind: EventKind, key: str, source: str, proof: str, **facts: Any
    ) -> Event:
        return Event(
            kind=kind, key=key, gateway=self.kind, account=self.account, source=source, proof=proof,
            out_trade_no=checked_id(said.get("order"), "order"), merchant=optional_id(said.get("merchant"), "merchant"),
            app=optional_id(said.get("app"), "app"), currency=optional_id(said.get("currency"), "currency"),
            words=words_of(said, _WORDS), **facts,
        )  # fmt: skip

    @staticmethod
    def _confirmed(event: Event) -> Answer:
        return Answer(Outcome.CONFIRMED, (event,), words=event.words)

    # -- one call ---------------------------------------------------------------------------------------------------

    def _asked(
        self, operation: str, method: str, target: str, body: Mapping[str, Any] | None, payment: Payment,
        tell: Callable[[Mapping[str, Any]], Answer],
    ) -> Answer:  # fmt: skip
        """Ask, and say what came of it. Silence, and whatever is not genuine, is an unknown outcome."""
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        timestamp = str(self._surroundings.clock() // SECOND)
        headers = {
            "Content-Type": "application/json", "Example-Merchant": self.merchant, "Example-Timestamp": timestamp,
            "Example-Signature": signature_of(self._mac, timestamp, raw),
        }  # fmt: skip
        try:
            safe = method == "GET"
            answer = self._transport.send(Request(method, target, headers, raw), operation=operation, safe=safe)
            given = answer.headers
            self._verify(given.get(_TIMESTAMP, ""), given.get(_SIGNATURE, ""), answer.body, self._surroundings.clock())
            said = parse_object(answer.body)
            if answer.status == 200 and said.get("order") != payment.out_trade_no:
                raise malformed("The answer is about another order")
            if answer.status == 200:
                return tell(said)
        except NeverSent as error:
            return Answer(Outcome.NEVER_SENT, words={"error": error.code})
        except (GatewayError, CallbackRefused) as error:
            return Answer(Outcome.UNKNOWN, words={"error": error.code})
        except InvalidRequest as error:  # a number that cannot stand in an address was never sent
            return Answer(Outcome.NEVER_SENT, words={"error": error.code})
        outcome = {404: Outcome.NOT_FOUND, 409: Outcome.REJECTED}.get(answer.status, Outcome.UNKNOWN)
        if outcome is Outcome.NOT_FOUND and operation in ("charge", "refund"):
            outcome = Outcome.REJECTED
        return Answer(outcome, words=words_of(said, _WORDS))

    def _verify(self, timestamp: str, signature: str, body: bytes, now: int) -> None:
        """Freshness, then the signature over the raw bytes."""
        if _HEX.fullmatch(signature) is None:
            raise unauthentic(
                "The message is not signed", "SIGNATURE_MISSING" if not signature else "SIGNATURE_INVALID"
            )
        if _DIGITS.fullmatch(timestamp) is None or abs(now // SECOND - int(timestamp)) > TOLERANCE_SECONDS:
            raise unauthentic("The message is not of this time", "TIMESTAMP_SKEW")
        if not hmac.compare_digest(signature, signature_of(self._mac, timestamp, body)):
            raise unauthentic("The signature is not ExamplePay's, or not of these bytes", "SIGNATURE_INVALID")


# -- canonical text ----------------------------------------------------------------------------------------------------


def signature_of(keyed: hmac.HMAC, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp, a line feed and the raw body, in hex."""
    mac = keyed.copy()
    mac.update(timestamp.encode("ascii") + b"\n" + body)
    return mac.hexdigest()


def _whole(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    if type(value) is not int or not 0 <= value < 1 << 53:  # bool is an int to Python, and no number
        raise malformed(f"{name} is not a whole number")
    return value
