"""What happens to orders, the same for both gateways: ordered, opened, paid, declined, closed, refunded.

Every function works inside one transaction of the books and raises :class:`Denied` with a reason in our words; each
protocol says it in its own. What a payer does comes from the cashier, the control API or a fault.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..clock import SECOND, day_of
from .books import Books, Fault, Order, QueuedCallback, Refund
from .clock import SandboxClock
from .faults import CALLBACK_FAULTS, ORDER_FAULTS, Faults

OPEN = frozenset({"prepared", "waiting", "paying"})
PAID = frozenset({"paid", "finished"})


class Denied(Exception):
    """The far side says no. ``reason`` is a word of ours, ``order`` the order as it is."""

    def __init__(self, reason: str, order: Order | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.order = order


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How one gateway behaves where the two differ."""

    gateway: str
    first_state: str  # of an order that a payer has still to open
    tells: frozenset[str]  # which of paid, closed, refund are told by callback
    schedule: tuple[int, ...]  # seconds between re-sends
    refund_seconds: float  # how long a refund is under way; 0: it is done at once
    full_refund_closes: bool
    tells_failed_refunds: bool = True  # whether a refund that came to nothing is told as well
    refunds_told_at_order: bool = True  # whether a refund without an address of its own is told at its order's
    expiry_closes: bool = True  # whether an order whose time is over is closed, or only cannot be paid any more
    payer: str = "2088000000000002"  # who pays where nobody was named


class Trades:
    """The far side's truth, and how it changes."""

    def __init__(self, books: Books, clock: SandboxClock, faults: Faults, habits: Mapping[str, Habits]) -> None:
        self.books, self.clock, self.faults, self.habits = books, clock, faults, habits

    # -- ordering ---------------------------------------------------------------------------------------------------

    def open(self, order: Order) -> tuple[Order, bool]:
        """Take an order. Ordering the same again gives it as it is, and ``False``.

        ``Denied``: ``conflict`` (same number, other facts), ``paid``, ``closed``, ``expired`` (its time is over).
        """
        with self.books.transaction():
            known = self.books.order(*order.key)
            if known is not None:
                if known.state in PAID:
                    raise Denied("paid", known)
                if known.state not in OPEN:
                    raise Denied("closed", known)
                if known.fingerprint != order.fingerprint:
                    raise Denied("conflict", known)
                if order.expires_at and known.expires_at <= self.clock():
                    raise Denied("expired", known)
                return known, False
            now = self.clock()
            if order.expires_at and order.expires_at <= now:
                raise Denied("expired", order)
            made = replace(order, created_at=now, expires_at=order.expires_at or now + 15 * 86_400 * SECOND)
            struck = self._order_faults(made, ("pays_by_itself",))
            if struck:
                made = replace(made, pays_at=now + int(struck["pays_by_itself"].value * SECOND))
            return self.books.put(made), True

    def show(self, order: Order) -> Order:
        """A payer has opened it: from now on the far side has a trade with a number of its own."""
        with self.books.transaction():
            known = self._fresh(order)
            if known.state != "prepared":
                return known
            return self.books.put(replace(known, state="waiting", number=known.number or self.new_number(known)))

    def begin(self, order: Order, payer: str = "") -> Order:
        """The payer is entering a password (code pay)."""
        with self.books.transaction():
            known = self.show(order)
            if known.state not in OPEN:
                raise Denied(known.state, known)
            return self.books.put(replace(known, state="paying", payer=payer or known.payer))

    # -- paying -----------------------------------------------------------------------------------------------------

    def pay(self, order: Order, payer: str = "", *, late: bool = False) -> Order:
        """The payer pays. Paying what is paid already is another payment only where a fault says so.

        ``Denied``: ``paid``, ``closed`` (unless ``late``: the payer was quicker than the closing), ``expired``.
        """
        with self.books.transaction():
            known = self._fresh(order)
            now = self.clock()
            if known.state in PAID:
                raise Denied("paid", known)
            if known.state not in OPEN and not late:
                raise Denied("closed", known)
            if known.state in OPEN and known.expires_at <= now and not late:
                raise Denied("expired", known)
            group = self.books.orders_of_group(known.group_no)  # a combined order is paid as a whole, and told once
            rest = [one for one in group if one.state in OPEN and one.key[:2] == known.key[:2] and one.key != known.key]
            parts = [self._paid(one, payer, now) for one in (known, *rest)]
            self.tell(min(parts, key=lambda one: one.out_trade_no), "paid")
            for one in parts:
                if "double_payment" in self._order_faults(one, ("double_payment",)):
                    self._paid_again(one)
            return parts[0]

    def _paid(self, order: Order, payer: str, now: int) -> Order:
        payer = payer or order.payer or self.habits[order.gateway].payer
        number = order.number or self.new_number(order)
        return self.books.put(replace(order, state="paid", paid_at=now, pays_at=0, number=number, payer=payer))

    def _paid_again(self, paid: Order) -> None:
        extra = {**paid.extra, "second_of": paid.out_trade_no}
        second = replace(
            paid, out_trade_no=f"{paid.out_trade_no}#2", number=self.new_number(paid), extra=extra, group_no=""
        )
        self.books.put(second)
        self.tell(paid, "paid", {"number": second.number})

    def decline(self, order: Order) -> Order:
        """The payer's bank refuses. Code pay ends by that; elsewhere the payer may try again."""
        with self.books.transaction():
            known = self._fresh(order)
            if known.state not in OPEN:
                raise Denied(known.state, known)
            ends = known.product in ("barcode", "codepay", "MICROPAY")
            extra = {**known.extra, "declined": int(known.extra.get("declined", 0)) + 1}
            return self.books.put(replace(known, state="failed" if ends else known.state, extra=extra))

    # -- closing ----------------------------------------------------------------------------------------------------

    def close(self, order: Order, *, state: str = "closed", tell: bool = True) -> Order:
        """Close an unpaid order; ``Denied``: ``paid``. Closing a closed one changes nothing."""
        with self.books.transaction():
            known = self._fresh(order)
            if known.state in PAID:
                raise Denied("paid", known)
            if known.state not in OPEN and known.state != "failed":
                return known
            now = self.clock()
            closed = replace(known, state=state, closed_at=now)
            late = self._order_faults(known, ("late_payment",)).get("late_payment")
            if late is not None:
                closed = replace(closed, pays_at=now + int(late.value * SECOND), extra={**closed.extra, "late": True})
            closed = self.books.put(closed)
            if tell and closed.number:
                self.tell(closed, "closed")
            return closed

    def expire(self, order: Order) -> Order:
        """An unpaid order's time is over: it is closed, or can only not be paid any more. Nothing is told."""
        habits = self.habits[order.gateway]
        if habits.expiry_closes:
            return self.close(order, tell=False)
        with self.books.transaction():
            known = self._fresh(order)
            if known.state in PAID:
                raise Denied("paid", known)
            return self.books.put(replace(known, expires_at=min(known.expires_at, self.clock())))

    def reverse(self, order: Order) -> Order:
        """End a code payment whatever its state: an unpaid one is closed, a paid one goes back as a whole."""
        with self.books.transaction():
            known = self._fresh(order)
            if known.state in (*PAID, *OPEN, "failed"):
                back = known.amount if known.state in PAID else known.refunded
                known = self.books.put(replace(known, state="reversed", closed_at=self.clock(), refunded=back))
            return known

    # -- refunding --------------------------------------------------------------------------------------------------

    def refund(self, order: Order, refund: Refund) -> tuple[Refund, bool]:
        """Send money back; the same number again gives the refund as it is, and ``False``.

        ``Denied``: ``unpaid``, ``exceeds``, ``conflict`` (same number, other amount or order), ``balance``,
        ``too_many``, ``finished``.
        """
        with self.books.transaction():
            known = self._fresh(order)
            before = self.books.refund(refund.gateway, refund.merchant, refund.out_refund_no)
            if before is not None:
                if (before.amount, before.out_trade_no) != (refund.amount, refund.out_trade_no):
                    raise Denied("conflict", known)
                return before, False
            if not known.paid_at:
                raise Denied("unpaid", known)
            if known.state == "finished":
                raise Denied("finished", known)
            if known.state == "reversed":  # all of it has gone back already
                raise Denied("exceeds", known)
            others = self.books.refunds_of(known)
            taken = sum(one.amount for one in others if one.state in ("processing", "succeeded", "abnormal"))
            if taken + refund.amount > known.amount:
                raise Denied("exceeds", known)
            if len(others) >= 50:
                raise Denied("too_many", known)
            struck = self._order_faults(known, ("refund_refused", "refund_abnormal", "refund_closed", "refund_slow"))
            if "refund_refused" in struck:
                raise Denied("balance", known)
            now = self.clock()
            wait = self.habits[known.gateway].refund_seconds
            ends_as = (
                "abnormal" if "refund_abnormal" in struck else "closed" if "refund_closed" in struck else "succeeded"
            )
            if "refund_slow" in struck:
                wait = struck["refund_slow"].value
            made = replace(refund, created_at=now, due_at=now + int(wait * SECOND), ends_as=ends_as, state="processing")
            made = self.books.put(made)
            return (self.settle(made), True) if not wait else (made, True)

    def settle(self, refund: Refund, ends_as: str = "") -> Refund:
        """End a refund that is under way; one that has ended stays as it is."""
        with self.books.transaction():
            known = self.books.refund(refund.gateway, refund.merchant, refund.out_refund_no)
            if known is None or known.state != "processing":
                return known or refund
            order = self.books.order(known.gateway, known.merchant, known.out_trade_no)
            ended = self.books.put(replace(known, state=ends_as or known.ends_as, ended_at=self.clock()))
            if order is None:
                return ended
            if ended.state == "succeeded":
                refunded = order.refunded + ended.amount
                full = refunded >= order.amount and self.habits[order.gateway].full_refund_closes
                order = replace(order, refunded=refunded)
                if full:
                    order = replace(order, state="closed", closed_at=self.clock())
                order = self.books.put(order)
            if ended.state == "succeeded" or self.habits[order.gateway].tells_failed_refunds:
                self.tell(order, "refund", {"refunded": order.refunded, "refund_state": ended.state}, refund=ended)
            return ended

    def mend(self, refund: Refund) -> Refund:
        """An abnormal refund goes to another account: it is under way again, and succeeds."""
        with self.books.transaction():
            known = self.books.refund(refund.gateway, refund.merchant, refund.out_refund_no)
            if known is None or known.state != "abnormal":
                return known or refund
            due = self.clock() + int(self.habits[known.gateway].refund_seconds * SECOND)
            return self.books.put(replace(known, state="processing", ends_as="succeeded", due_at=due, ended_at=0))

    # -- what happens by itself -------------------------------------------------------------------------------------

    def tick(self) -> int:
        """Everything that is due by now: refunds end, orders expire, payers pay by themselves. How much it was."""
        now, done = self.clock(), 0
        for refund in self.books.due_refunds(now):
            self.settle(refund)
            done += 1
        for order in self.books.orders_to_pay(now):
            with self.books.transaction():
                self.books.put(replace(self._fresh(order), pays_at=0))
                with contextlib.suppress(Denied):
                    self.pay(order, late=bool(order.extra.get("late")))
            done += 1
        for order in self.books.expired_orders(now, self._closing):
            self.expire(order)
            done += 1
        return done

    def next_due(self) -> int | None:
        """When something happens by itself, or is to be sent, next."""
        return self.books.next_due(self._closing)

    @property
    def _closing(self) -> list[str]:
        """The gateways where an order whose time is over is closed."""
        return [name for name, habits in self.habits.items() if habits.expiry_closes]

    # -- telling ----------------------------------------------------------------------------------------------------

    def tell(
        self, order: Order, kind: str, content: Mapping[str, Any] | None = None, refund: Refund | None = None
    ) -> None:
        """Queue the callback about what has just happened, if this gateway tells of it and knows where."""
        habits = self.habits[order.gateway]
        url = order.notify_url if refund is None or habits.refunds_told_at_order else ""
        url = (refund.notify_url if refund is not None else "") or url
        if not url or kind not in habits.tells:
            return
        now = self.clock()
        struck = self.faults.striking(CALLBACK_FAULTS, gateway=order.gateway, out_trade_no=order.out_trade_no)
        late = struck.get("callback_late") or struck.get("callback_reordered")
        row = QueuedCallback(
            gateway=order.gateway, merchant=order.merchant, out_trade_no=order.out_trade_no, kind=kind, url=url,
            ref=refund.out_refund_no if refund is not None else "",
            content={"state": order.state, "number": order.number, "at": now, **(content or {})},
            state="lost" if "callback_lost" in struck else "waiting",
            due_at=now + int(late.value * SECOND) if late else now,
            faults=[name for name in struck if name.startswith(("callback_bad", "callback_sign", "callback_wrong"))],
            created_at=now,
        )  # fmt: skip
        copies = 1 + int(struck["callback_duplicate"].value if "callback_duplicate" in struck else 0)
        for _ in range(min(copies, 100)):
            self.books.put(row)

    def new_number(self, order: Order) -> str:
        """A number of the far side's own, 28 digits, beginning with the day."""
        day = day_of(self.clock()).replace("-", "")
        return (
            f"{day}{secrets.randbelow(10**20):020d}"
            if order.gateway == "alipay"
            else f"42000{day}{secrets.randbelow(10**15):015d}"
        )

    def _fresh(self, order: Order) -> Order:
        known = self.books.order(*order.key)
        if known is None:
            raise Denied("unknown", order)
        return known

    def _order_faults(self, order: Order, kinds: tuple[str, ...]) -> dict[str, Fault]:
        assert set(kinds) <= set(ORDER_FAULTS)  # noqa: S101 -- a misspelt kind would never strike
        return self.faults.striking(kinds, gateway=order.gateway, out_trade_no=order.out_trade_no)
