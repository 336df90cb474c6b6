"""Refunds: ``alipay.trade.refund`` and what becomes of them.

https://opendocs.alipay.com/open/02ekfk (refund), 02ekfl (fastpay.refund.query).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ...money import text_from_minor
from ..books import Order, Refund
from ..messages import World
from ..trades import Denied
from .asking import existing_order
from .fields import amount, text, written
from .reading import Ask
from .refusing import denied, invalid
from .showing import Said, buyer, shown_amount, success

_DENIALS = {
    "conflict": ("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求"),
}


class Refunding:
    """Sends money back. Every method is called within a transaction of the books."""

    def __init__(self, world: World) -> None:
        self._world = world

    def refund(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.refund``. ``refund_fee`` is what the trade has been refunded in all."""
        del struck
        order = existing_order(self._world, ask)
        fen = amount(ask.biz, "refund_amount")
        given = text(ask.biz, "out_request_no", 64)
        if not given and fen < order.amount:
            raise invalid("部分退款时out_request_no不能为空")
        refund, moved = self._refunded(order, given or order.out_trade_no, fen, text(ask.biz, "refund_reason", 256))
        order = self._world.books.order(*order.key) or order
        return success(
            trade_no=order.number, out_trade_no=order.merchants_no, **buyer(order),
            fund_change="Y" if moved else "N", refund_fee=text_from_minor(order.refunded),
            send_back_fee=text_from_minor(refund.amount) if moved else "0.00",
            gmt_refund_pay=written(refund.ended_at) if refund.state == "succeeded" else "",
            refund_detail_item_list=_details(refund, ask),
        )  # fmt: skip

    def _refunded(self, order: Order, out_request_no: str, fen: int, reason: str) -> tuple[Refund, bool]:
        """The refund, and whether money moved just now. Asking again for one that failed makes it anew."""
        known = self._known(order, out_request_no)
        wanted = Refund(
            gateway="alipay", merchant=order.merchant, out_trade_no=order.out_trade_no,
            out_refund_no=self._key(order, out_request_no), number=order.number, amount=fen, state="processing",
            reason=reason, extra={"out_request_no": out_request_no},
        )  # fmt: skip
        if known is None and order.paid_at and order.refunded >= order.amount:
            raise denied("closed")
        try:
            refund, new = self._world.trades.refund(order, wanted)
        except Denied as no:
            raise denied(no.reason, _DENIALS) from None
        if not new and refund.state in ("abnormal", "closed"):
            again = replace(refund, state="processing", ends_as="succeeded", due_at=self._world.clock())
            refund, new = self._world.trades.settle(self._world.books.put(again)), True
        return refund, new and refund.state == "succeeded"

    def query(self, ask: Ask, struck: Collection[str]) -> Said:
        """``alipay.trade.fastpay.refund.query``. Without ``refund_status`` a refund has not been made (yet)."""
        out_request_no = text(ask.biz, "out_request_no", 64, required=True)
        order = existing_order(self._world, ask)
        refund = self._known(order, out_request_no)
        if refund is None:
            return success()
        done = refund.state == "succeeded"
        options = ask.biz.get("query_options") or ()
        return success(
            trade_no=order.number, out_trade_no=order.merchants_no, out_request_no=out_request_no,
            total_amount=text_from_minor(shown_amount(order, struck)), refund_amount=text_from_minor(refund.amount),
            refund_status="REFUND_SUCCESS" if done else "",
            gmt_refund_pay=written(refund.ended_at) if done and "gmt_refund_pay" in options else "",
            refund_reason=refund.reason, refund_detail_item_list=_details(refund, ask) if done else "",
        )  # fmt: skip

    def _known(self, order: Order, out_request_no: str) -> Refund | None:
        """A refund by the merchant's number, which tells refunds of one trade apart, not of two."""
        for key in (out_request_no, f"{order.out_trade_no}:{out_request_no}"):
            found = self._world.books.refund("alipay", order.merchant, key)
            if found is not None and found.out_trade_no == order.out_trade_no:
                return found
        return None

    def _key(self, order: Order, out_request_no: str) -> str:
        """The number a refund is booked under: its own, or with its order's before it if another order has it."""
        taken = self._world.books.refund("alipay", order.merchant, out_request_no)
        return (
            out_request_no
            if taken is None or taken.out_trade_no == order.out_trade_no
            else f"{order.out_trade_no}:{out_request_no}"
        )


def _details(refund: Refund, ask: Ask) -> list[dict[str, str]] | str:
    """Where the money went, if that was asked for."""
    if "refund_detail_item_list" not in (ask.biz.get("query_options") or ()) or refund.state != "succeeded":
        return ""
    return [{"amount": text_from_minor(refund.amount), "fund_channel": "ALIPAYACCOUNT"}]


def request_number(refund: Refund) -> str:
    """The merchant's own number of a refund."""
    return str(refund.extra.get("out_request_no") or refund.out_refund_no)
