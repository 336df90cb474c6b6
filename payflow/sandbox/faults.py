"""What can be told to go wrong, for one order, for one operation, or at a rate.

A run with the same seed, the same requests and one caller at a time goes wrong in the same places.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import replace

from ..errors import InvalidRequest
from .books import Books, Fault

#: kind → what it does, and what its ``value`` means.
CALL_FAULTS = {
    "delay": "answers only after `value` seconds (1)",
    "drop_before": "closes the connection; nothing was done",
    "drop_after": "does what was asked, then closes the connection without an answer",
    "busy": "too many requests (WeChat Pay 429, Alipay 40005); nothing was done",
    "system_error": "their own system error; nothing was done",
    "system_error_after": "does what was asked, then answers with their own system error",
    "bad_gateway": "502 and a page of HTML; nothing was done",
    "bad_gateway_after": "does what was asked, then answers 502 and a page of HTML",
    "bad_signature": "does what was asked; the answer's signature is another key's",
    "signtest": "does what was asked; the answer carries a deliberate wrong signature, as WeChat Pay probes do",
    "unsigned": "does what was asked; the answer is not signed",
    "malformed": "does what was asked; the answer is cut in the middle",
    "slow_bytes": "does what was asked; the answer comes at `value` bytes per second (1)",
    "flapping": "up for `value` seconds, down for as long, and so on (10); down means the connection is closed",
    "stale_query": "a query is answered as if the order were still unpaid",
    "wrong_amount": "answers with one fen more than was paid",
}
ORDER_FAULTS = {
    "late_payment": "the payer pays `value` seconds after the order was closed (1)",
    "double_payment": "the payer pays twice; the second payment has a number of its own",
    "refund_abnormal": "the refund cannot reach the payer's account",
    "refund_closed": "the refund is closed without having been made",
    "refund_slow": "the refund is under way for `value` seconds (60)",
    "refund_refused": "the merchant's balance does not suffice",
    "pays_by_itself": "the payer pays `value` seconds after ordering (0)",
}
CALLBACK_FAULTS = {
    "callback_lost": "the callback is never sent",
    "callback_late": "the callback is sent `value` seconds later (60)",
    "callback_duplicate": "the callback is sent `value` times more (1)",
    "callback_reordered": "the callback is sent `value` seconds later (5), after those that follow it",
    "callback_bad_signature": "the callback is signed with another key, once; its re-send is genuine",
    "callback_signtest": "the callback carries a deliberate wrong signature, once; its re-send is genuine",
    "callback_wrong_amount": "the callback says one fen more than was paid",
}
KINDS = CALL_FAULTS | ORDER_FAULTS | CALLBACK_FAULTS
_DEFAULT_VALUE = {
    "delay": 1, "slow_bytes": 1, "flapping": 10, "late_payment": 1, "refund_slow": 60, "callback_late": 60,
    "callback_duplicate": 1, "callback_reordered": 5,
}  # fmt: skip
#: Operations a call fault can be about, in words common to both gateways.
OPERATIONS = ("charge", "query", "close", "refund", "query_refund", "bill", "certificates")


class Faults:
    """The faults that are on order. Shared between threads."""

    def __init__(self, books: Books, seed: int | None = None) -> None:
        self._books = books
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def order(
        self, kind: str, *, gateway: str = "", operation: str = "", out_trade_no: str = "", rate: float = 1.0,
        times: int = 1, value: float | None = None, now: int = 0,
    ) -> Fault:  # fmt: skip
        """Let ``kind`` happen ``times`` times (-1: always), each time with probability ``rate``.

        Raises ``InvalidRequest`` (``SANDBOX_FAULT``) for a kind, an operation or a number that cannot be.
        """
        if kind not in KINDS:
            raise InvalidRequest(f"kind is one of {', '.join(KINDS)}", code="SANDBOX_FAULT")
        if gateway not in ("", "alipay", "wechat"):
            raise InvalidRequest("gateway is alipay or wechat", code="SANDBOX_FAULT")
        if operation and operation not in OPERATIONS:
            raise InvalidRequest(f"operation is one of {', '.join(OPERATIONS)}", code="SANDBOX_FAULT")
        wanted = _DEFAULT_VALUE.get(kind, 0) if value is None else value
        if not 0 <= rate <= 1 or not (times == -1 or 1 <= times <= 1_000_000) or not 0 <= wanted <= 86_400 * 30:
            raise InvalidRequest(
                "rate is 0 to 1, times is -1 or 1 to 1000000, value is 0 to 2592000", code="SANDBOX_FAULT"
            )
        return self._books.put(
            Fault(
                kind=kind,
                gateway=gateway,
                operation=operation,
                out_trade_no=out_trade_no,
                rate=rate,
                left=times,
                value=float(wanted),
                created_at=now,
            )  # fmt: skip
        )

    def striking(
        self, kinds: Sequence[str] | dict[str, str], *, gateway: str, out_trade_no: str, operation: str = ""
    ) -> dict[str, Fault]:
        """Which of ``kinds`` happen now; each is counted. Must not be called twice for one event."""
        struck: dict[str, Fault] = {}
        with self._books.transaction(), self._lock:  # the books first, as everybody who comes from within them
            for fault in self._books.faults():
                if fault.kind not in kinds or fault.kind in struck:
                    continue
                if fault.gateway not in ("", gateway) or fault.out_trade_no not in ("", out_trade_no):
                    continue
                if fault.operation not in ("", operation) or self._random.random() >= fault.rate:
                    continue
                struck[fault.kind] = fault
                if fault.left > 0:
                    self._books.put(replace(fault, left=fault.left - 1))
        return struck
