"""The mock gateway as payflow sees it: every verb, every channel, no account needed."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...clock import SECOND, Clock, system_clock
from ...errors import ConfigError, InvalidRequest, NotFound, Refused
from ...gateway import Answer, Callback, Capabilities, Event, NextAction, Outcome, Reply
from ...money import MAX_MINOR
from ...records import Payment, Refund
from ...transport import Surroundings
from ..receiving import revealed
from . import far_side as far
from .bank import Bank, Denied
from .billing import MockBills
from .far_side import FarSide, FarSideError
from .faults import Faults, auth_code_of, tokens_of
from .outgoing import OK, Deliver, MockCallback, Outgoing, PumpReport, Sender, queued
from .signed import Mac
from .words import Trade, TradeRefund, event_of, refund_statement, statements

if TYPE_CHECKING:
    import sqlite3

    Work = Callable[[sqlite3.Connection, int, frozenset[str]], Answer]

logger = logging.getLogger("payflow.gateways")

CHANNELS = ("page", "wap", "app", "qr", "barcode", "mini_program", "jsapi", "h5")
CURRENCIES = frozenset(
    ("AUD CAD CHF CNY DKK EUR GBP HKD IDR INR JPY KRW KWD MOP MYR NOK NZD PHP SEK SGD THB TWD USD VND").split()
)
_OPERATIONS = frozenset({"charge", "query", "close", "refund", "query_refund"})
_ORDER = r"[0-9A-Za-z_\-|*@]{6,32}"


class MockGateway:
    """One account at the mock gateway. Shared between threads; the far side also between processes, if it is a file.

    ``secret`` (at least 32 bytes) signs callbacks. ``state`` is where the far side keeps its truth: in memory, or a
    file of its own. ``deliver`` takes each callback that is due and returns the HTTP status it was answered with
    (:class:`InProcessDelivery`, :class:`HttpDelivery`); it may be set later. Without it callbacks wait in the queue.
    ``cashier_url`` is where a payer pays: ``{account}`` and ``{out_trade_no}`` in it are filled in.

    Raises ``ConfigError``: ``CONFIG_MISSING_SECRET``, ``CONFIG_WEAK_SECRET``.
    """

    kind = "mock"

    def __init__(
        self,
        account: str,
        secret: bytes,
        *,
        merchant: str = "mock-merchant",
        app: str = "mock-app",
        state: str | Path = far.MEMORY,
        channels: Iterable[str] = CHANNELS,
        deliver: Deliver | None = None,
        cashier_url: str = "/mock/cashier/{account}/{out_trade_no}",
        clock: Clock = system_clock,
    ) -> None:
        self.account, self.merchant, self.app = account, merchant, app
        self.deliver, self.clock, self.cashier_url = deliver, clock, cashier_url
        self.capabilities = Capabilities(
            channels=frozenset(channels), operations=_OPERATIONS, currencies=CURRENCIES, max_amount=MAX_MINOR,
            order_number=_ORDER,
        )  # fmt: skip
        self._mac = Mac(secret, f"$.gateways.{account}.secret")
        self._far = FarSide(state)
        self._bank = Bank(merchant, app, account)
        self._sender = Sender(self._far, account, self._mac)
        #: What a test orders to go wrong.
        self.faults = Faults(self._far, merchant)
        #: Whoever pays at the cashier.
        self.payer = Payer(self._move)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def from_config(
        cls, name: str, options: Mapping[str, Any], surroundings: Surroundings | None = None
    ) -> MockGateway:
        """The account ``name`` of a config, with ``secret`` and any of the constructor's other options."""
        named = ("merchant", "app", "state", "channels", "cashier_url")
        known = {key: options[key] for key in named if options.get(key)}
        if not options.get("secret"):
            path = f"$.gateways.{name}.secret"
            raise ConfigError("The mock gateway needs a secret", path=path, code="CONFIG_MISSING_SECRET")
        if surroundings is not None:
            known["clock"] = surroundings.clock
        return cls(name, revealed(options["secret"]), **known)

    def __repr__(self) -> str:
        return f"MockGateway({self.account!r}, merchant={self.merchant!r}, app={self.app!r})"

    @property
    def bills(self) -> MockBills:
        """What the far side says, a day later, about everything that happened."""
        return MockBills(self._far, self.clock, self.account, self.merchant)

    # -- receiving --------------------------------------------------------------------------------------------------

    def read(self, callback: Callback, now: int) -> Sequence[Event]:
        """The one fact a genuine callback states. For what is refused, and with which codes, see ``Mac.read``."""
        said, proof = self._mac.read(callback, now)
        return (event_of(said, account=self.account, source="callback", proof=proof),)

    def accepted(self) -> Reply:
        """200 and the two bytes ``ok``."""
        return Reply(200, OK, (("Content-Type", "text/plain"),))

    def refused(self, status: int, code: str, message: str) -> Reply:
        """The status, and ``{"status": "failed", "error_code": …, "message": …}``: the callback comes again."""
        body = json.dumps({"status": "failed", "error_code": code, "message": message}, ensure_ascii=False)
        return Reply(status, body.encode("utf-8", "replace"), (("Content-Type", "application/json"),))

    # -- the verbs --------------------------------------------------------------------------------------------------

    def charge(self, payment: Payment) -> Answer:
        """Order a payment. Ordering it again tells what became of it; its number with other facts is a ``CONFLICT``."""

        def work(sql: sqlite3.Connection, now: int, _struck: frozenset[str]) -> Answer:
            trade = self._bank.order(sql, payment, tokens_of(payment), auth_code_of(payment), now)
            if trade.state in ("CLOSED", "PAYERROR"):
                return Answer(Outcome.REJECTED, self._events(trade, "answer"), words=_words(trade.state))
            action = self._next_action(trade) if trade.state == "NOTPAY" else NextAction("none")
            events = self._events(trade, "answer") if trade.state == "SUCCESS" else ()
            return Answer(Outcome.CONFIRMED, events, action, _words(trade.state))

        return self._call("charge", payment, work)

    def query(self, payment: Payment) -> Answer:
        """Ask what became of a payment."""

        def work(sql: sqlite3.Connection, _now: int, _struck: frozenset[str]) -> Answer:
            trade = self._bank.trade(sql, payment.out_trade_no)
            return Answer(Outcome.CONFIRMED, self._events(trade, "query"), words=_words(trade.state))

        return self._call("query", payment, work)

    def close(self, payment: Payment) -> Answer:
        """Close an unpaid order. One that was paid meanwhile is ``REJECTED``, and the answer says that it was paid."""

        def work(sql: sqlite3.Connection, now: int, struck: frozenset[str]) -> Answer:
            trade = self._bank.close(sql, payment.out_trade_no, now)
            outcome = Outcome.CONFIRMED if trade.state == "CLOSED" else Outcome.REJECTED
            self._bank.pay_after_closing(sql, trade, now, struck)
            return Answer(outcome, self._events(trade, "answer"), words=_words(trade.state))

        return self._call("close", payment, work)

    def refund(self, payment: Payment, refund: Refund) -> Answer:
        """Send money back. It is ``PROCESSING`` and ends by a callback, or is found to have ended when asked about."""

        def work(sql: sqlite3.Connection, now: int, struck: frozenset[str]) -> Answer:
            trade, taken = self._bank.refund(sql, payment, refund, struck, now)
            return self._refund_answer(trade, taken, "answer")

        return self._call("refund", payment, work)

    def query_refund(self, payment: Payment, refund: Refund) -> Answer:
        """Ask what became of a refund; one that waits to be asked about ends by that."""

        def work(sql: sqlite3.Connection, now: int, _struck: frozenset[str]) -> Answer:
            trade, found = self._bank.asked_about(sql, payment.out_trade_no, refund.out_refund_no, now)
            return self._refund_answer(trade, found, "query")

        return self._call("query_refund", payment, work)

    def _call(self, op: str, payment: Payment, work: Work) -> Answer:
        """One request that travels to the far side and back. Whatever happens on the way, there is an answer."""
        try:
            tokens = tokens_of(payment)[0] if op == "charge" else frozenset()
            with self._far.transaction() as sql:
                struck = frozenset(self._bank.striking(sql, op, payment.out_trade_no, tokens))
            answer = _lost_on_its_way(struck)
            if answer is not None:
                return answer
            answer = self._arrived(payment, work, struck)
        except InvalidRequest as error:
            return Answer(Outcome.REJECTED, words=_words(error.code, error.message))
        except (FarSideError, OSError, ValueError, OverflowError, ConfigError) as error:
            logger.warning("The mock gateway's far side is out of order (%s)", type(error).__name__)
            return Answer(Outcome.UNKNOWN, words=_words("SYSTEM_ERROR", type(error).__name__))
        self._wake.set()
        if "timeout_after_success" in struck:
            return Answer(Outcome.UNKNOWN, words=_words("TIMEOUT", "no answer"))
        return answer

    def _arrived(self, payment: Payment, work: Work, struck: frozenset[str]) -> Answer:
        """What the far side answers to a request that has reached it."""
        try:
            if payment.channel not in self.capabilities.channels or payment.currency not in CURRENCIES:
                raise Denied("NO_AUTH", "The mock gateway does not take this channel or this currency")
            with self._far.transaction() as sql:
                return work(sql, self.clock(), struck)
        except Denied as denied:
            return Answer(denied.outcome, words=_words(denied.code, denied.message))

    def _events(self, trade: Trade, source: str) -> tuple[Event, ...]:
        return tuple(event_of(said, account=self.account, source=source) for said in statements(trade))

    def _refund_answer(self, trade: Trade, refund: TradeRefund, source: str) -> Answer:
        event = event_of(refund_statement(trade, refund), account=self.account, source=source)
        return Answer(Outcome.CONFIRMED, (event,), words=_words(refund.state))

    # -- what the payer's client must do ----------------------------------------------------------------------------

    def cashier_of(self, out_trade_no: str) -> str:
        """Where the payer of this order pays."""
        url = self.cashier_url.replace("{account}", quote(self.account, safe=""))
        return url.replace("{out_trade_no}", quote(out_trade_no, safe=""))

    def _next_action(self, trade: Trade) -> NextAction:
        """The same order always gets the same one; every one also carries the cashier's ``url``."""
        url = self.cashier_of(trade.out_trade_no)
        if trade.channel == "qr":
            return NextAction("qr", {"text": url, "url": url})
        if trade.channel in ("page", "wap", "h5"):
            return NextAction("redirect", {"url": url})
        if trade.channel == "barcode":
            return NextAction("wait", {"url": url})
        params = self._signed_params(trade)
        if trade.channel == "app":
            text = "&".join(f"{name}={quote(value, safe='')}" for name, value in params.items())
            return NextAction("sdk", {"order_string": text, "url": url})
        return NextAction("mini_program", {"params": params, "url": url})

    def _signed_params(self, trade: Trade) -> dict[str, str]:
        """What a client's SDK is given, in the shape that WeChat Pay's has."""
        timestamp, package = str(trade.created_at // SECOND), f"prepay_id={trade.out_trade_no}"
        nonce = self._mac.sign(timestamp, "nonce", package.encode("ascii"))[:32]
        return {
            "appId": trade.app,
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "HMAC-SHA256",
            "paySign": self._mac.sign(timestamp, nonce, package.encode("ascii")),
        }

    # -- looking at the far side ------------------------------------------------------------------------------------

    def trade(self, out_trade_no: str) -> Trade | None:
        """One order as the far side knows it; ``None`` if it does not."""
        with self._far.transaction() as sql:
            return far.trade_of(sql, self.merchant, out_trade_no)

    def trades(self, limit: int = 50) -> list[Trade]:
        """The last orders, newest first."""
        with self._far.transaction() as sql:
            return far.newest_trades(sql, self.merchant, limit)

    def outgoing(self, out_trade_no: str | None = None, limit: int = 1000) -> list[Outgoing]:
        """The callbacks of one order (or of all) as they were queued, sent or not."""
        with self._far.transaction() as sql:
            return queued(sql, self.merchant, out_trade_no, limit)

    def callbacks(self, out_trade_no: str, now: int | None = None) -> list[MockCallback]:
        """Every callback of an order, genuinely signed at ``now``, to deliver by hand, as often as you like."""
        at = self.clock() if now is None else now
        return [self._sender.signed(one.body, at) for one in self.outgoing(out_trade_no)]

    def settle_refund(self, out_refund_no: str, *, succeeds: bool = True) -> TradeRefund:
        """End a refund that is ``PROCESSING``, as an operator of the far side.

        Raises ``MOCK_REFUND_NOT_FOUND`` and ``MOCK_REFUND_ENDED``.
        """
        with self._far.transaction() as sql:
            order = far.trade_of_refund(sql, self.merchant, out_refund_no)
            if order is None:
                raise NotFound("The mock gateway has no such refund", code="MOCK_REFUND_NOT_FOUND")
            found = self._bank.trade(sql, order).refund(out_refund_no)
            if found is None or found.state != "PROCESSING":
                raise Refused("This refund has ended", code="MOCK_REFUND_ENDED")
            state = "SUCCESS" if succeeds else "ABNORMAL"
            _, refund = self._bank.settle(sql, order, out_refund_no, state, self.clock())
        self._wake.set()
        return refund

    # -- sending callbacks ------------------------------------------------------------------------------------------

    def pump(self, now: int | None = None, limit: int = 1000) -> PumpReport:
        """End the refunds and send the callbacks that are due by ``now``, at most ``limit`` of them.

        ``now`` is also what they are signed with. Without ``deliver`` nothing is sent; the callbacks stay in the queue.
        """
        at = self.clock() if now is None else now
        with self._far.transaction() as sql:
            self._bank.settle_due(sql, at)
        return PumpReport() if self.deliver is None else self._sender.pump(self.deliver, at, limit)

    def start(self, every_milliseconds: int = 200) -> None:
        """Pump in a background thread: at once for what this process does, else every so often. Twice is once."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping.clear()
        pause = timedelta(milliseconds=every_milliseconds).total_seconds()
        self._thread = threading.Thread(target=self._run, args=(pause,), name=f"mock-{self.account}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the background thread and wait until it has ended. What is queued stays queued."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close_far_side(self) -> None:
        """Stop, and give the far side's database back. What was only in memory is gone."""
        self.stop()
        self._far.close()

    def _run(self, pause: float) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self.pump()
            except Exception:  # one bad moment must not end the thread
                logger.warning("Sending the mock gateway's callbacks broke; it goes on", exc_info=True)
            self._wake.wait(pause)

    def _move(self, step: Callable[[Bank, sqlite3.Connection, int], Trade]) -> Trade:
        with self._far.transaction() as sql:
            trade = step(self._bank, sql, self.clock())
        self._wake.set()
        return trade


class Payer:
    """Whoever stands at the cashier of the mock gateway. Each step queues the callback that tells of it.

    Raises ``NotFound`` ``MOCK_TRADE_NOT_FOUND``, and ``Refused`` ``MOCK_TRADE_SUCCESS``, ``MOCK_TRADE_CLOSED`` or
    ``MOCK_TRADE_PAYERROR`` for an order that does not take the step any more.
    """

    def __init__(self, move: Callable[[Callable[[Bank, sqlite3.Connection, int], Trade]], Trade]) -> None:
        self._move = move

    def pay(self, out_trade_no: str) -> Trade:
        """Pay. Ends in ``PAYERROR`` where the payment was told to be declined."""
        return self._move(lambda bank, sql, now: bank.pay(sql, out_trade_no, now, frozenset()))

    def pay_late(self, out_trade_no: str) -> Trade:
        """Pay even if the order is closed."""
        return self._move(lambda bank, sql, now: bank.pay(sql, out_trade_no, now, frozenset({"CLOSED"})))

    def pay_again(self, out_trade_no: str) -> Trade:
        """Pay even if the order is paid: a second transaction of the same order."""
        return self._move(lambda bank, sql, now: bank.pay(sql, out_trade_no, now, frozenset({"SUCCESS"})))

    def decline(self, out_trade_no: str) -> Trade:
        """The payer's bank says no: the order can never be paid."""
        return self._move(lambda bank, sql, now: bank.end(sql, out_trade_no, "PAYERROR", now))

    def let_expire(self, out_trade_no: str) -> Trade:
        """The payer does nothing until the far side closes the order."""
        return self._move(lambda bank, sql, now: bank.end(sql, out_trade_no, "CLOSED", now))


def _lost_on_its_way(struck: frozenset[str]) -> Answer | None:
    """The answer to a request that never reaches the far side, or is sent back at its door."""
    if "never_sent" in struck:
        return Answer(Outcome.NEVER_SENT, words=_words("NEVER_SENT", "the request did not leave this machine"))
    if "lost" in struck:
        return Answer(Outcome.UNKNOWN, words=_words("TIMEOUT", "no answer"))
    if "reject" in struck:
        return Answer(Outcome.REJECTED, words=_words("REFUSED", "the mock gateway was told to refuse this"))
    return None


def _words(code: str, message: str = "") -> Mapping[str, str]:
    return {"code": code, "message": message} if message else {"code": code}
