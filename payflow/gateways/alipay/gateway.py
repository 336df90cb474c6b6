"""One app of ours at Alipay: the verbs."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import CallbackRefused, ConfigError, GatewayError, InvalidRequest, Refused
from ...gateway import Answer, Capabilities, EventKind, NextAction, Outcome
from ...money import text_from_minor
from ...records import Payment, Refund
from ...signing import Signer, Verifier, Verifies, load_private_key, load_public_key
from ...transport import NeverSent, Surroundings, Transport
from ..receiving import checked_id, revealed
from .answers import Answers, afterwards, covers
from .billing import AlipayBills
from .certificates import PINNED_ROOT_SN, Roots
from .client import AlipayKeys, Client, Said
from .opening import cipher, origin_of, own_certificate, refuse_own_key
from .products import CARRIED, PRODUCTS, biz_of, check, facts_of, is_their_qr
from .reading import Reading
from .statements import Statements
from .words import ASK_FIRST, LATER, UNKNOWN_CODES, USED_UP
from .words import NOT_THERE as NOT_THERE  # noqa: PLC0414 -- said twice it is exported: the doctor finds it here

logger = logging.getLogger("payflow.gateways")

PRODUCTION = "https://openapi.alipay.com/gateway.do"
SANDBOX = "https://openapi-sandbox.dl.alipaydev.com/gateway.do"

OPERATIONS = frozenset({"charge", "query", "close", "refund", "query_refund"})
_LONGEST_URL = 2000  # what every browser and every server in between still carries
_MOVES_MONEY = frozenset({"charge", "refund"})


class Alipay(Reading):
    """One app of ours at Alipay. Shared between threads.

    ``alipay_public_keys`` are Alipay's own, never the app's; any of them may have signed. Without a private key of the
    app the account only receives: ``capabilities.operations`` is empty, and the verbs are refused.
    """

    def __init__(
        self,
        account: str,
        *,
        app_id: str,
        seller_id: str,
        alipay_public_keys: Sequence[bytes] = (),
        app_private_key: bytes | None = None,
        app_certificate: bytes | None = None,
        alipay_certificate: bytes | None = None,
        root_certificate: bytes | None = None,
        root_sn: str | None = None,
        aes_key: bytes | None = None,
        app_auth_token: str = "",
        address: str = PRODUCTION,
        surroundings: Surroundings | None = None,
        path: str = "$",
    ) -> None:
        """Parse the keys, once.

        Raises ``ConfigError`` with a ``path``: ``CONFIG_BAD_KEY``, ``CONFIG_KEY_MISMATCH``, ``CONFIG_CERT_CHAIN``,
        ``CONFIG_CERT_EXPIRED``, ``CONFIG_MISSING_FIELD``, ``CONFIG_INSECURE_URL``.
        """
        self.account, self.app, self.merchant = account, app_id, seller_id
        self._tell = Answers(account, app_id, seller_id)
        self._surroundings = surroundings or Surroundings()
        self._origin, target = origin_of(address)
        self._keys = self._trusted(alipay_public_keys, alipay_certificate, root_certificate, root_sn, path)
        self._client: Client | None = None
        operations: frozenset[str] = frozenset()
        if app_private_key is not None:
            own = load_private_key(app_private_key, f"{path}.app_private_key")
            refuse_own_key(alipay_public_keys, alipay_certificate, own.public_key(), path)
            self._client = Client(
                app_id=app_id, signer=Signer(own), keys=self._keys, target=target, address=address,
                transport=Transport(
                    account, (self._origin,), self._surroundings.limits, breakers=self._surroundings.breakers
                ),
                clock=self._surroundings.clock, app_auth_token=app_auth_token, cipher=cipher(aes_key, path),
                app_cert_sn=own_certificate(app_certificate, own.public_key(), self._keys.roots, path),
            )  # fmt: skip
            operations = OPERATIONS
        self.capabilities = Capabilities(
            channels=frozenset(PRODUCTS), operations=operations, currencies=frozenset({"CNY"}),
            max_amount=10_000_000_000,  # 100,000,000 yuan
            order_number=r"[0-9A-Za-z_\-]{1,64}",
        )  # fmt: skip

    def _trusted(
        self,
        public_keys: Sequence[bytes],
        certificate: bytes | None,
        root: bytes | None,
        root_sn: str | None,
        path: str,
    ) -> AlipayKeys:
        if certificate is None and not public_keys:
            raise ConfigError("An Alipay account needs Alipay's public key", path=path, code="CONFIG_MISSING_FIELD")
        for name, missing, other in (
            ("alipay_root_certificate", root, certificate), ("alipay_certificate", certificate, root)
        ):  # fmt: skip
            if missing is None and other is not None:
                raise ConfigError(f"Certificate mode needs {name}", path=f"{path}.{name}", code="CONFIG_MISSING_FIELD")
        pinned = root_sn or (PINNED_ROOT_SN if self._surroundings.production else None)
        roots = None if root is None else Roots(root, f"{path}.alipay_root_certificate", pinned=pinned)
        keys = AlipayKeys(
            [Verifier(load_public_key(key, f"{path}.alipay_public_key")) for key in public_keys], roots=roots
        )
        if certificate is not None:
            keys.add(certificate, self._surroundings.clock(), f"{path}.alipay_certificate")
        return keys

    @classmethod
    def from_config(cls, name: str, options: Mapping[str, Any], surroundings: Surroundings | None = None) -> Alipay:
        """The account ``name`` of a config; see the schema for its options."""
        keys = options.get("alipay_public_key") or ()
        listed = keys if isinstance(keys, (list, tuple)) else (keys,)

        def secret(option: str) -> bytes | None:
            return None if options.get(option) is None else revealed(options[option])

        return cls(
            name, app_id=options["app_id"], seller_id=options["seller_id"],
            alipay_public_keys=[revealed(key) for key in listed], app_private_key=secret("app_private_key"),
            app_certificate=secret("app_certificate"), alipay_certificate=secret("alipay_certificate"),
            root_certificate=secret("alipay_root_certificate"), root_sn=options.get("alipay_root_cert_sn"),
            aes_key=secret("aes_key"), app_auth_token=(secret("app_auth_token") or b"").decode("ascii", "replace"),
            address=options.get("base_url") or (SANDBOX if options.get("sandbox") else PRODUCTION),
            surroundings=surroundings, path=f"$.gateways.{name}",
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Alipay({self.account!r}, app={self.app!r}, merchant={self.merchant!r})"

    @property
    def _verifiers(self) -> tuple[Verifies, ...]:  # type: ignore[override]  # there read, here made of what is known now
        return self._keys.valid(self._surroundings.clock())

    def check(self, payment: Payment) -> None:
        """Refuse what the payment's channel cannot do without, before anything is stored: ``INVALID_METADATA``."""
        check(payment)

    # -- the verbs --------------------------------------------------------------------------------------------------

    def charge(self, payment: Payment) -> Answer:
        """Order a payment: signed for the payer's client to carry, or asked for at once."""
        client = self._sending("charge", payment)
        return self._answered("charge", lambda: self._charge(client, payment))

    def query(self, payment: Payment) -> Answer:
        """Ask what became of a payment. https://opendocs.alipay.com/open/028woa"""
        client = self._sending("query", payment)
        return self._answered("query", lambda: self._query(client, payment, "query"))

    def close(self, payment: Payment) -> Answer:
        """Close an unpaid order. A bar code payment is cancelled instead, because its payer may be paying right now."""
        client = self._sending("close", payment)
        closing = self._cancel if payment.channel == "barcode" else self._close
        return self._answered("close", lambda: closing(client, payment))

    def refund(self, payment: Payment, refund: Refund) -> Answer:
        """Send money back. Only ``fund_change=Y`` or a positive query says that it went; anything else is asked about.

        https://opendocs.alipay.com/open/028sm9
        """
        client = self._sending("refund", payment, refund)
        return self._answered("refund", lambda: self._refund(client, payment, refund))

    def query_refund(self, payment: Payment, refund: Refund) -> Answer:
        """Ask what became of a refund. https://opendocs.alipay.com/open/028sma"""
        client = self._sending("query_refund", payment, refund)
        return self._answered("query_refund", lambda: self._query_refund(client, payment, refund, "query"))

    @property
    def statements(self) -> Statements:
        """Bills by day. Raises ``OPERATION_UNSUPPORTED`` for an account without a private key."""
        if self._client is None:
            raise _unsupported("bill")
        return Statements(self._client, self.account, self._origin, self._surroundings)

    @property
    def bills(self) -> AlipayBills:
        """Trade bills by day, row by row."""
        return AlipayBills(lambda: self.statements, self.account, self.merchant)

    def ask(self, method: str, biz: Mapping[str, Any], *, safe: bool = False) -> Said:
        """Any other method of Alipay's, signed and verified like ours. Raises ``GatewayError``, ``Refused``."""
        if self._client is None:
            raise _unsupported(method)
        return self._client.execute(method, biz, operation=method, safe=safe)

    # -- charge -----------------------------------------------------------------------------------------------------

    def _charge(self, client: Client, payment: Payment) -> Answer:
        check(payment)
        product, biz = PRODUCTS[payment.channel], biz_of(payment, self.app)
        notify = self._surroundings.notify_url or ""
        if payment.channel in CARRIED:
            return Answer(Outcome.CONFIRMED, (), _carried(client, payment, biz, notify), {"method": product.method})
        said = client.execute(product.method, biz, operation="charge", notify_url=notify)
        if said.done or said.code == "10003":
            return self._charged(said, payment)
        if said.sub_code in ASK_FIRST | USED_UP:
            asked = afterwards(lambda: self._query(client, payment, "answer"))
            kinds = {event.kind for event in asked.events}
            if EventKind.PAID in kinds:
                return Answer(Outcome.CONFIRMED, asked.events, None, said.words)
            if EventKind.CLOSED in kinds or (asked.outcome is Outcome.NOT_FOUND and said.sub_code in USED_UP):
                return Answer(Outcome.REJECTED, asked.events, None, said.words)
            return Answer(Outcome.UNKNOWN, asked.events, None, said.words)
        return _refusal(said)

    def _charged(self, said: Said, payment: Payment) -> Answer:
        if payment.channel == "qr":
            text = said.fields.get("qr_code")
            if not is_their_qr(text, self._origin):
                words = said.words | {"error": "GATEWAY_RESPONSE_MALFORMED", "note": "the QR text is not Alipay's"}
                return Answer(Outcome.UNKNOWN, words=words)
            return Answer(Outcome.CONFIRMED, (), NextAction("qr", {"text": text}), said.words)
        if payment.channel == "mini_program":
            number = checked_id(said.fields.get("trade_no"), "trade_no")
            action = NextAction("mini_program", {"trade_no": number, "params": {"tradeNO": number}})
            return Answer(Outcome.CONFIRMED, (), action, said.words)
        if said.code == "10003":  # the payer is entering a password; who it is that pays is known by asking
            return Answer(Outcome.CONFIRMED, (), NextAction("wait"), said.words)
        event = self._tell.paid(said, "answer", "gmt_payment")
        return Answer(Outcome.CONFIRMED, (event,), NextAction("none"), said.words)

    # -- query ------------------------------------------------------------------------------------------------------

    def _query(self, client: Client, payment: Payment, source: str) -> Answer:
        said = client.execute("alipay.trade.query", _names(payment), operation="query", safe=True)
        if said.sub_code in NOT_THERE:
            if self._may_still_come(payment):
                return Answer(Outcome.CONFIRMED, (), None, said.words)
            return Answer(Outcome.NOT_FOUND, (), None, said.words)
        if not said.done:
            return Answer(Outcome.UNKNOWN, words=said.words)
        return Answer(Outcome.CONFIRMED, (self._tell.trade(said, source),), None, said.words)

    def _may_still_come(self, payment: Payment) -> bool:
        """Whether "no such trade" only says that the payer has not opened what we have handed out.

        Alipay makes these trades when the payer arrives. Once we have told the payer's client what to do, and as long
        as the order has not expired, the trade can still come into being.
        """
        if not PRODUCTS[payment.channel].lazy or payment.next_action in ("", "{}"):
            return False
        return payment.expires_at is None or self._surroundings.clock() < payment.expires_at

    # -- close ------------------------------------------------------------------------------------------------------

    def _close(self, client: Client, payment: Payment) -> Answer:
        said = client.execute("alipay.trade.close", _names(payment), operation="close")
        if said.done:
            return Answer(Outcome.CONFIRMED, (self._tell.closed(said, payment),), None, said.words)
        if said.sub_code in NOT_THERE:
            return Answer(Outcome.NOT_FOUND, (), None, said.words)
        if said.code != "40004" or said.sub_code in UNKNOWN_CODES:
            return _refusal(said, doubtful=True)
        return self._closed_already(client, payment, said)

    def _closed_already(self, client: Client, payment: Payment, said: Said) -> Answer:
        """It could not be closed: it is paid, or it is closed. Ask which."""
        asked = afterwards(lambda: self._query(client, payment, "answer"))
        kinds = {event.kind for event in asked.events}
        if EventKind.CLOSED in kinds:
            return Answer(Outcome.CONFIRMED, asked.events, None, said.words)
        if EventKind.PAID in kinds:
            return Answer(Outcome.REJECTED, asked.events, None, said.words)
        return Answer(Outcome.UNKNOWN, asked.events, None, said.words)

    def _cancel(self, client: Client, payment: Payment) -> Answer:
        """Cancelling refunds what was paid. So it is asked for first, and only what is unpaid is cancelled.

        Between the two the payer may still pay; Alipay then gives everything back and says ``action=refund``. Nothing
        was gained and nothing lost, so that is closed for us. https://opendocs.alipay.com/open/02ekfi
        """
        asked = self._query(client, payment, "answer")
        if any(event.kind is EventKind.PAID for event in asked.events):
            return Answer(Outcome.REJECTED, asked.events, None, asked.words)
        if any(event.kind is EventKind.CLOSED for event in asked.events):
            return Answer(Outcome.CONFIRMED, asked.events, None, asked.words)
        if asked.outcome is Outcome.UNKNOWN:
            return asked
        said = client.execute("alipay.trade.cancel", _names(payment), operation="close", safe=True)
        if said.done and said.fields.get("retry_flag") != "Y":
            if asked.outcome is Outcome.NOT_FOUND:  # cancelled all the same: the code may still have been on its way
                return Answer(Outcome.NOT_FOUND, (), None, said.words)
            return Answer(Outcome.CONFIRMED, (self._tell.closed(said, payment),), None, said.words)
        return _refusal(said, doubtful=True)

    # -- refunds ----------------------------------------------------------------------------------------------------

    def _refund(self, client: Client, payment: Payment, refund: Refund) -> Answer:
        biz = {
            **_refunded_trade(payment, refund), "refund_amount": text_from_minor(refund.amount, "CNY"),
            "out_request_no": refund.out_refund_no,
        }  # fmt: skip
        if refund.reason:
            biz["refund_reason"] = refund.reason
        said = client.execute("alipay.trade.refund", biz, operation="refund")
        if said.done and said.fields.get("fund_change") == "Y" and covers(said, payment, refund):
            return Answer(Outcome.CONFIRMED, (self._tell.refund(said, refund, "answer"),), None, said.words)
        if said.done:  # accepted, or done before: whether it went back, only a query says
            asked = afterwards(lambda: self._query_refund(client, payment, refund, "answer"))
            return Answer(Outcome.CONFIRMED, asked.events, None, said.words)
        if said.sub_code in LATER:
            return Answer(Outcome.NEVER_SENT, (), None, said.words)
        if said.code == "40004" and said.sub_code not in UNKNOWN_CODES | {"ACQ.DISCORDANT_REPEAT_REQUEST"}:
            # An earlier call may have done it, or it is still under way.
            asked = afterwards(lambda: self._query_refund(client, payment, refund, "answer"))
            if asked.outcome is not Outcome.NOT_FOUND:
                known = Outcome.CONFIRMED if asked.events else Outcome.UNKNOWN
                return Answer(known, asked.events, None, said.words)
        return _refusal(said)

    def _query_refund(self, client: Client, payment: Payment, refund: Refund, source: str) -> Answer:
        """``10000`` without ``refund_status`` is no success: not made, or not finished. The same number goes out again,
        which Alipay takes as the same refund."""
        biz = {**_refunded_trade(payment, refund), "out_request_no": refund.out_refund_no}
        biz["query_options"] = ["gmt_refund_pay"]
        said = client.execute("alipay.trade.fastpay.refund.query", biz, operation="query_refund", safe=True)
        if said.sub_code in NOT_THERE or (said.done and not said.fields.get("refund_status")):
            return Answer(Outcome.NOT_FOUND, (), None, said.words)
        if not said.done:
            return Answer(Outcome.UNKNOWN, (), None, said.words)
        if said.fields.get("refund_status") != "REFUND_SUCCESS":
            return Answer(Outcome.CONFIRMED, (), None, said.words)
        return Answer(Outcome.CONFIRMED, (self._tell.refund(said, refund, source),), None, said.words)

    # -- every call -------------------------------------------------------------------------------------------------

    def _sending(self, operation: str, payment: Payment, refund: Refund | None = None) -> Client:
        if self._client is None:
            raise _unsupported(operation, payment, refund)
        return self._client

    def _answered(self, operation: str, call: Callable[[], Answer]) -> Answer:
        """What came of a call: whatever goes wrong on its way is an answer too."""
        try:
            return call()
        except NeverSent as error:
            return Answer(Outcome.NEVER_SENT, words={"error": error.code})
        except GatewayError as error:
            return Answer(Outcome.UNKNOWN, words={"error": error.code, "note": error.message[:200]})
        except InvalidRequest as error:
            if operation in _MOVES_MONEY and error.code in ("INVALID_METADATA", "INVALID_REFERENCE"):
                return Answer(Outcome.REJECTED, words={"error": error.code, "note": error.message[:200]})
            return Answer(Outcome.UNKNOWN, words={"error": "GATEWAY_RESPONSE_MALFORMED", "note": error.message[:200]})
        except (CallbackRefused, ValueError, KeyError) as error:
            logger.warning("%s at %s: an answer that is not of the documented form", operation, self.account)
            return Answer(Outcome.UNKNOWN, words={"error": "GATEWAY_RESPONSE_MALFORMED", "note": type(error).__name__})


# -- pieces ------------------------------------------------------------------------------------------------------------


def _carried(client: Client, payment: Payment, biz: Mapping[str, Any], notify_url: str) -> NextAction:
    """What the payer's client carries to Alipay. Signed as of the payment's own time, so that it stays the same."""
    method, at = PRODUCTS[payment.channel].method, payment.created_at
    if payment.channel == "app":
        return NextAction("sdk", {"order_string": client.order_string(method, biz, at, notify_url=notify_url)})
    back = facts_of(payment).get("return_url")
    urls = {"notify_url": notify_url, "return_url": back if isinstance(back, str) else ""}
    url = client.page_url(method, biz, at, **urls)
    if len(url) <= _LONGEST_URL:
        return NextAction("redirect", {"url": url})
    return NextAction("form", client.page_form(method, biz, at, **urls))


def _refusal(said: Said, *, doubtful: bool = False) -> Answer:
    """A genuine "no": for good, for now, or nothing at all. ``doubtful``: a "no" that leaves the order as it is."""
    if said.code == "40005":
        return Answer(Outcome.NEVER_SENT, (), None, said.words)  # too many calls: documented as not processed
    if doubtful or not re.fullmatch(r"4000[1-6]|20001", said.code) or said.sub_code in UNKNOWN_CODES:
        return Answer(Outcome.UNKNOWN, (), None, said.words)
    return Answer(Outcome.REJECTED, (), None, said.words)


def _names(payment: Payment) -> dict[str, str]:
    return {"out_trade_no": payment.out_trade_no}


def _refunded_trade(payment: Payment, refund: Refund) -> dict[str, Any]:
    """The trade a refund goes back from: the second one of a double payment has a number of its own."""
    return {"trade_no": refund.gateway_txn} if refund.gateway_txn else {"out_trade_no": payment.out_trade_no}


def _unsupported(operation: str, payment: Payment | None = None, refund: Refund | None = None) -> Refused:
    return Refused(
        f"This Alipay account has no app_private_key: it only receives and cannot {operation}",
        code="OPERATION_UNSUPPORTED", operation=operation, payment_id=payment.id if payment else None,
        refund_id=refund.id if refund else None,
    )  # fmt: skip
