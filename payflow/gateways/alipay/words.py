"""Alipay's sub-codes that say something else than no: https://opendocs.alipay.com/open/02ekfh"""

from __future__ import annotations

#: Sub-codes after which nothing is known: their own trouble. https://opendocs.alipay.com/open/02ekfh
UNKNOWN_CODES = frozenset({"ACQ.SYSTEM_ERROR", "AQC.SYSTEM_ERROR", "SYSTEM_ERROR", "UNKNOWN_ERROR"})
#: Sub-codes that say no trade has this number.
NOT_THERE = frozenset({"ACQ.TRADE_NOT_EXIST", "TRADE_NOT_EXIST"})
#: Refusals of an order that hide another truth about its number: asked before they are believed.
ASK_FIRST = frozenset({"ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_CLOSE", "ACQ.TRADE_HAS_FINISHED"})
#: The payer's code is used up: perhaps by an earlier request of ours for this very order, whose answer was lost.
USED_UP = frozenset({"ACQ.PAYMENT_AUTH_CODE_INVALID"})
#: A refund that is not refused for ever: the merchant tops up, and the same number goes out again.
LATER = frozenset({"ACQ.SELLER_BALANCE_NOT_ENOUGH"})
