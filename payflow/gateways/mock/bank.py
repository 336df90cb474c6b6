"""What the far side allows: the rules by which trades and refunds there move. Each is called inside one transaction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...errors import NotFound, Refused
from ...gateway import Outcome
from ...money import MAX_MINOR
from ...records import Payment, Refund
from . import far_side as far
from .faults import AMOUNTS, Fault, striking
from .outgoing import tell_refund, tell_trade
from .words import Trade, TradeRefund

if TYPE_CHECKING:
    import sqlite3

_MAX_REFUNDS = 50
_AUTH_CODE = re.compile(r"[0-9]{16,24}", re.ASCII)
_ORDER_NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{6,32}", re.ASCII)


class Denied(Exception):
    """The far side says no (or that it does not know the number). Nothing has changed there."""

    def __init__(self, code: str, message: str, outcome: Outcome = Outcome.REJECTED) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.outcome = outcome


class Bank:
    """The rules for one account of one merchant. Holds nothing but names."""

    def __init__(self, merchant: str, app: str, account: str) -> None:
        self.merchant, self.app, self.account = merchant, app, account

    def striking(self, sql: sqlite3.Connection, op: str, out_trade_no: str, tokens: frozenset[str]) -> dict[str, Fault]:
        """What goes wrong with this request, and is used up by that."""
        return striking(sql, self.merchant, op, out_trade_no, tokens)

    def trade(self, sql: sqlite3.Connection, out_trade_no: str) -> Trade:
        """The trade of an order number; ``Denied`` with ``NOT_FOUND`` if there is none."""
        found = far.trade_of(sql, self.merchant, out_trade_no)
        if found is None:
            raise Denied("ORDER_NOT_EXIST", "There is no such order", Outcome.NOT_FOUND)
        return found

    # -- orders -----------------------------------------------------------------------------------------------------

    def order(
        self, sql: sqlite3.Connection, payment: Payment, told: tuple[frozenset[str], bool], auth_code: str, now: int
    ) -> Trade:
        """Take an order on, once. A barcode is decided at once, by the code on the payer's screen."""
        self._acceptable(payment)
        known = far.trade_of(sql, self.merchant, payment.out_trade_no)
        if known is not None:
            same = (known.app, known.amount, known.currency, known.channel)
            if same != (payment.app, payment.amount, payment.currency, payment.channel):
                raise Denied("CONFLICT", "This order number was used with other facts")
            return known
        if payment.channel == "barcode" and not _AUTH_CODE.fullmatch(auth_code):
            raise Denied("AUTH_CODE_INVALID", "A barcode payment needs 16 to 24 digits as metadata auth_code")
        tokens, by_amount = told
        trade = Trade(
            merchant=self.merchant, app=payment.app, account=self.account, out_trade_no=payment.out_trade_no,
            channel=payment.channel, amount=payment.amount, currency=payment.currency, state="NOTPAY",
            description=payment.description, tokens=tokens, by_amount=by_amount, created_at=now,
            expires_at=payment.expires_at, ended_at=None,
        )  # fmt: skip
        far.insert_trade(sql, trade)
        at_once = payment.channel == "barcode" and not auth_code.endswith("80")
        if not at_once and "instant" not in tokens:
            return trade
        if "decline" in tokens or (at_once and auth_code.endswith("91")):
            return far.end_trade(sql, trade, "PAYERROR", now)  # the answer says so; no callback follows
        return self._take_money(sql, trade, now)

    def _acceptable(self, payment: Payment) -> None:
        if (payment.merchant, payment.app) != (self.merchant, self.app):
            raise Denied("APPID_MCHID_NOT_MATCH", "This is another merchant's or another app's payment")
        if not _ORDER_NUMBER.fullmatch(payment.out_trade_no):
            raise Denied("PARAM_ERROR", "This is not an order number")
        if not 1 <= payment.amount <= MAX_MINOR:
            raise Denied("PARAM_ERROR", "This is not an amount that can be paid")

    def close(self, sql: sqlite3.Connection, out_trade_no: str, now: int) -> Trade:
        """Close an unpaid order. What was paid, declined or closed before stays as it is."""
        trade = self.trade(sql, out_trade_no)
        return far.end_trade(sql, trade, "CLOSED", now) if trade.state == "NOTPAY" else trade

    def pay_after_closing(self, sql: sqlite3.Connection, trade: Trade, now: int, struck: frozenset[str]) -> None:
        """Where a token or a fault says so, the payer of a closed order pays nevertheless, by themselves."""
        if trade.state == "CLOSED" and "late" in struck | trade.tokens:
            self._take_money(sql, trade, now)

    # -- the payer --------------------------------------------------------------------------------------------------

    def pay(self, sql: sqlite3.Connection, out_trade_no: str, now: int, allowed: frozenset[str]) -> Trade:
        """The payer pays. ``allowed`` may hold ``CLOSED`` (a late payment) and ``SUCCESS`` (a second one)."""
        trade = self._payable(sql, out_trade_no)
        strikes = self._struck(sql, "pay", trade)
        if trade.state == "NOTPAY" and "decline" in strikes:
            return self._end(sql, trade, "PAYERROR", now)
        if trade.state == "CLOSED" and "late" in strikes:
            allowed |= {"CLOSED"}
        if trade.state != "NOTPAY" and trade.state not in allowed:
            raise Refused(f"This order is {trade.state} and cannot be paid", code=f"MOCK_TRADE_{trade.state}")
        twice = trade.state == "NOTPAY" and "double_payment" in strikes
        trade = self._take_money(sql, trade, now)
        return self._take_money(sql, trade, now) if twice else trade

    def end(self, sql: sqlite3.Connection, out_trade_no: str, state: str, now: int) -> Trade:
        """The bank declines (``PAYERROR``), or the payer lets the order's time pass (``CLOSED``)."""
        trade = self._payable(sql, out_trade_no)
        if trade.state != "NOTPAY":
            raise Refused(f"This order is {trade.state} already", code=f"MOCK_TRADE_{trade.state}")
        trade = self._end(sql, trade, state, now)
        if state == "CLOSED":
            self.pay_after_closing(sql, trade, now, frozenset(self._struck(sql, "close", trade)))
        return trade

    def _payable(self, sql: sqlite3.Connection, out_trade_no: str) -> Trade:
        found = far.trade_of(sql, self.merchant, out_trade_no)
        if found is None:
            raise NotFound("The mock gateway has no such order", code="MOCK_TRADE_NOT_FOUND")
        return found

    def _end(self, sql: sqlite3.Connection, trade: Trade, state: str, now: int) -> Trade:
        trade = far.end_trade(sql, trade, state, now)
        tell_trade(sql, trade, now)
        return trade

    def _take_money(self, sql: sqlite3.Connection, trade: Trade, now: int) -> Trade:
        trade = far.capture(sql, trade, now)
        tell_trade(sql, trade, now)
        return trade

    def _struck(self, sql: sqlite3.Connection, op: str, trade: Trade) -> dict[str, Fault]:
        return self.striking(sql, op, trade.out_trade_no, trade.tokens)

    # -- refunds ----------------------------------------------------------------------------------------------------

    def refund(
        self, sql: sqlite3.Connection, payment: Payment, refund: Refund, struck: frozenset[str], now: int
    ) -> tuple[Trade, TradeRefund]:
        """Take a refund on, once, out of the money it names (by default the first that came)."""
        trade = self.trade(sql, payment.out_trade_no)
        owner = far.trade_of_refund(sql, self.merchant, refund.out_refund_no)
        if owner is not None:
            known = trade.refund(refund.out_refund_no)
            if known is None or known.amount != refund.amount or refund.currency != trade.currency:
                raise Denied("CONFLICT", "This refund number was used with other facts")
            return trade, known
        self._refundable(trade, refund)
        tokens = trade.tokens if not trade.by_amount else frozenset({AMOUNTS.get(refund.amount % 100, "")})
        strikes = struck | tokens
        ended = "instant" in trade.tokens
        settles_to = "ABNORMAL" if "refund_fails" in strikes else "SUCCESS"
        taken = TradeRefund(
            out_refund_no=refund.out_refund_no, refund_id=far.refund_id_of(self.merchant, refund.out_refund_no),
            txn=refund.gateway_txn or trade.captures[0].txn, amount=refund.amount,
            state=settles_to if ended else "PROCESSING", reason=refund.reason, created_at=now,
            settles_at=None if ended or "refund_waits" in strikes else now, settles_to=settles_to,
            finished_at=now if ended else None,
        )  # fmt: skip
        trade = far.insert_refund(sql, trade, taken)
        if ended:
            tell_refund(sql, trade, taken, now)
        return trade, taken

    def _refundable(self, trade: Trade, refund: Refund) -> None:
        if not trade.captures:
            raise Denied("NOTPAY", "This order was not paid")
        if not _ORDER_NUMBER.fullmatch(refund.out_refund_no) or not 1 <= refund.amount <= MAX_MINOR:
            raise Denied("PARAM_ERROR", "This is not a refund number, or not an amount")
        if refund.currency != trade.currency:
            raise Denied("PARAM_ERROR", "The refund is in another currency")
        txn = refund.gateway_txn or trade.captures[0].txn
        money = next((one for one in trade.captures if one.txn == txn), None)
        if money is None:
            raise Denied("TRANSACTION_NOT_EXIST", "The order has no such transaction")
        gone = sum(one.amount for one in trade.refunds if one.txn == txn and one.state != "ABNORMAL")
        if refund.amount > money.amount - gone:
            raise Denied("NOT_ENOUGH", "More than what is left of this payment")
        if len(trade.refunds) >= _MAX_REFUNDS:
            raise Denied("TOO_MANY_REFUNDS", f"An order has at most {_MAX_REFUNDS} refunds")

    def asked_about(
        self, sql: sqlite3.Connection, out_trade_no: str, out_refund_no: str, now: int
    ) -> tuple[Trade, TradeRefund]:
        """How a refund stands. One that waits to be asked about ends now, and no callback tells of it."""
        trade = self.trade(sql, out_trade_no)
        refund = trade.refund(out_refund_no)
        if refund is None:
            raise Denied("REFUND_NOT_EXIST", "There is no such refund", Outcome.NOT_FOUND)
        if refund.state == "PROCESSING" and (refund.settles_at is None or refund.settles_at <= now):
            telling = refund.settles_at is not None
            return self.settle(sql, out_trade_no, out_refund_no, refund.settles_to, now, telling=telling)
        return trade, refund

    def settle(
        self,
        sql: sqlite3.Connection,
        out_trade_no: str,
        out_refund_no: str,
        state: str,
        now: int,
        *,
        telling: bool = True,
    ) -> tuple[Trade, TradeRefund]:
        """A refund that is ``PROCESSING`` ends in ``state``."""
        trade = far.finish_refund(sql, self.trade(sql, out_trade_no), out_refund_no, state, now)
        refund = trade.refund(out_refund_no)
        if refund is None:
            raise NotFound("The mock gateway has no such refund", code="MOCK_REFUND_NOT_FOUND")
        if telling:
            tell_refund(sql, trade, refund, now)
        return trade, refund

    def settle_due(self, sql: sqlite3.Connection, now: int) -> None:
        """End every refund whose time has come."""
        for out_trade_no, out_refund_no in far.due_refunds(sql, self.merchant, now):
            trade = self.trade(sql, out_trade_no)
            refund = trade.refund(out_refund_no)
            if refund is not None:
                self.settle(sql, out_trade_no, out_refund_no, refund.settles_to, now)
