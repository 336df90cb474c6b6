"""What can be done at the sandbox, the same from its control API and from its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from ...clock import SECOND
from ...errors import InvalidRequest
from ..books import Fault, Order, QueuedCallback, Refund
from ..delivery import Delivery
from ..messages import Side, World
from ..trades import Denied
from .checking import Refusal

#: What a payer does, in the order in which pages offer it.
PAYER_VERBS = ("open", "begin", "pay", "decline", "expire")
#: The calendar of certificates and of dates in JSON ends somewhere; a sandbox need not go there.
_MOST_AHEAD_SECONDS = 100 * 366 * 86_400

_DENIED = {
    "paid": "It is paid already", "finished": "It is finished", "closed": "It is closed", "expired": "Its time is over",
    "failed": "The payment failed", "reversed": "It was reversed", "unknown": "There is no such order",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Desk:
    """Hands on the sandbox. Everything raises :class:`Refusal` for what cannot be."""

    world: World
    sides: Mapping[str, Side]
    delivery: Delivery

    # -- finding ----------------------------------------------------------------------------------------------------

    def order(self, gateway: str, out_trade_no: str, merchant: str = "") -> Order:
        """The order with this number; the number of a combined order finds its first part."""
        books = self.world.books
        found = books.find_orders(gateway, out_trade_no) or [
            one for one in books.orders_of_group(out_trade_no) if one.gateway == gateway
        ][:1]  # fmt: skip
        if merchant:
            found = [one for one in found if one.merchant == merchant]
        if not found:
            raise Refusal(404, "SANDBOX_NOT_FOUND", "There is no such order")
        if len(found) > 1:
            raise Refusal(409, "SANDBOX_AMBIGUOUS", "Several merchants have an order of this number: say merchant=")
        return found[0]

    def parts(self, order: Order) -> list[Order]:
        """The orders that are paid together with this one, itself among them."""
        if not order.group_no:
            return [order]
        return [one for one in self.world.books.orders_of_group(order.group_no) if one.gateway == order.gateway]

    def refund(self, order: Order, out_refund_no: str) -> Refund:
        """One refund of an order."""
        for one in self.world.books.refunds_of(order):
            if one.out_refund_no == out_refund_no:
                return one
        raise Refusal(404, "SANDBOX_NOT_FOUND", "There is no such refund of this order")

    def callback(self, number: int) -> QueuedCallback:
        """One callback."""
        found = self.world.books.callback(number)
        if found is None:
            raise Refusal(404, "SANDBOX_NOT_FOUND", "There is no such callback")
        return found

    def cashier(self, order: Order) -> str:
        """The path of the page on which a payer pays this order."""
        path = f"/cashier/{quote(order.gateway, safe='')}/{quote(order.out_trade_no, safe='')}"
        alone = len(self.world.books.find_orders(order.gateway, order.out_trade_no)) == 1
        return path if alone else f"{path}?{urlencode({'merchant': order.merchant})}"

    def remember_return(self, order: Order, address: str) -> Order:
        """Keep where a browser goes after paying: at WeChat Pay the address that is opened says it, not the order."""
        if order.product != "h5" or not address or len(address) > 2048 or address == order.return_url:
            return order
        with self.world.books.transaction():
            known = self.world.books.order(*order.key) or order
            return self.world.books.put(replace(known, return_url=address))

    # -- what a payer does ------------------------------------------------------------------------------------------

    def act(self, order: Order, verb: str, *, payer: str = "", late: bool = False) -> Order:
        """One of :data:`PAYER_VERBS`, for all parts of a combined order at once; the order as it is afterwards."""
        trades = self.world.trades
        try:
            with self.world.books.transaction():
                for part in self.parts(order):
                    if verb == "expire":  # what nobody has opened expires without ever having been a trade
                        trades.expire(part)
                        continue
                    shown = trades.show(part)
                    if verb == "begin":
                        trades.begin(shown, payer)
                    elif verb == "decline":
                        trades.decline(shown)
                if verb == "pay":  # which pays all parts by itself
                    trades.pay(order, payer, late=late)
        except Denied as error:
            why = _DENIED.get(error.reason, "It cannot be done now")
            raise Refusal(409, "SANDBOX_STATE", why) from None
        return self.world.books.order(*order.key) or order

    # -- what the far side does -------------------------------------------------------------------------------------

    def settle(self, refund: Refund, state: str) -> Refund:
        """End a refund that is under way."""
        if refund.state != "processing":
            raise Refusal(409, "SANDBOX_STATE", f"The refund has ended: {refund.state}")
        return self.world.trades.settle(refund, state)

    def send(self, callback: QueuedCallback) -> QueuedCallback:
        """Send a callback now, whatever its schedule says."""
        return self.delivery.send(callback)

    def rotate(self, gateway: str) -> str:
        """Let a gateway go over to its next certificate; the serial."""
        return self.sides[gateway].rotate()

    # -- faults and time --------------------------------------------------------------------------------------------

    def fault(
        self, kind: str, *, gateway: str = "", operation: str = "", out_trade_no: str = "", rate: float = 1.0,
        times: int = 1, value: float | None = None,
    ) -> Fault:  # fmt: skip
        """Let something go wrong; see :meth:`payflow.sandbox.faults.Faults.order`."""
        try:
            return self.world.faults.order(
                kind, gateway=gateway, operation=operation, out_trade_no=out_trade_no, rate=rate, times=times,
                value=value, now=self.world.clock(),
            )  # fmt: skip
        except InvalidRequest as error:
            raise Refusal(400, "SANDBOX_FAULT", error.message) from None

    def take_back(self, number: int) -> None:
        """Take a fault back."""
        if not self.world.books.remove_fault(number):
            raise Refusal(404, "SANDBOX_NOT_FOUND", "There is no such fault")

    def set_clock(self, *, advance_seconds: float | None = None, speed: float | None = None) -> int:
        """Move the clock, or change how fast it runs, and do what is due by then; how much that was."""
        clock = self.world.clock
        if advance_seconds and clock.ahead_seconds + advance_seconds > _MOST_AHEAD_SECONDS:
            raise Refusal(409, "SANDBOX_CLOCK", "The clock goes no further than a hundred years ahead")
        if speed is not None:
            clock.run_at(speed)
        if advance_seconds:
            clock.advance(advance_seconds)
        return self.delivery.round()

    def seconds_left(self, order: Order) -> int:
        """How long an order can still be paid, in seconds of the sandbox's clock; 0 if it cannot."""
        return max(0, (order.expires_at - self.world.clock()) // SECOND)
