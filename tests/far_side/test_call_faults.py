"""Everything that can go wrong with a call, at every operation of both gateways: when it stops, both sides agree.

Whatever the fault, an order and a refund keep their numbers, nothing fails by silence, and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from payflow.records import Payment
from payflow.sandbox.disturbing import kinds_for
from payflow.sandbox.faults import CALL_FAULTS

from .world import ALIPAY, WECHAT, World

#: So short that a drill with an answer that is late ends within a second.
PATIENCE = 0.4
OPERATIONS = ("charge", "query", "close", "refund", "query_refund")
#: kind → its value, so that a fault is longer than payflow's patience and a drill shorter than a second.
VALUES = {"delay": 0.5, "slow_bytes": 1.0, "flapping": 40.0}
#: Left to the long run: what takes longest, and what others are very like.
SLOW = {(operation, kind) for operation in OPERATIONS for kind in ("slow_bytes", "signtest")} | {
    (operation, kind) for operation in ("close", "query_refund") for kind in ("delay", "bad_gateway", "system_error")
}
MATRIX = [
    pytest.param(gateway, operation, kind, marks=pytest.mark.slow if (operation, kind) in SLOW else ())
    for gateway in ("alipay", "wechat")
    for operation in OPERATIONS
    for kind in CALL_FAULTS
    if kind in kinds_for(operation)
]
_numbers = count(1)


class Drill:
    """One payment, and the fault that strikes it."""

    def __init__(self, world: World, gateway: str, operation: str, kind: str) -> None:
        self.world, self.operation, self.kind = world, operation, kind
        number = next(_numbers)
        accounts = ALIPAY if gateway == "alipay" else WECHAT
        self.account = accounts[number % len(accounts)]
        self.out_trade_no = f"drill_{operation}_{number:05d}"

    def order(self) -> Payment:
        return self.world.pay(self.account, "qr", out_trade_no=self.out_trade_no).payment

    def strike(self, times: int = 2) -> None:
        """From now on, until it is calm."""
        how = {"value": VALUES[self.kind]} if self.kind in VALUES else {}
        times = {"flapping": -1, "wrong_amount": -1, "delay": 1, "slow_bytes": 1}.get(self.kind, times)
        self.world.sandbox.fault(
            self.kind, operation=self.operation, out_trade_no=self.out_trade_no, times=times, **how
        )
        if self.kind == "flapping":  # it begins up
            self.world.clock.forward(VALUES["flapping"] + 1)

    def struck(self) -> bool:
        calls = self.world.books.newest_calls(10_000, self.out_trade_no)
        return any(self.kind in call.faults for call in calls if call.operation == self.operation)

    def lose_callbacks(self) -> None:
        self.world.sandbox.fault("callback_lost", out_trade_no=self.out_trade_no, times=-1)

    def while_it_lasts(self, payment: Payment, until: Callable[[Payment], bool], rounds: int = 6) -> None:
        """What the worker does meanwhile; nothing may fail of it."""
        for _ in range(rounds):
            now = self.world.now(payment)
            assert now.status != "failed"
            if until(now) or now.next_check_at is None:
                return
            if now.next_check_at >= (now.expires_at or 0):
                return
            self.world.clock.until(now.next_check_at)
            self.world.worker.round()

    def end(self, payment: Payment, status: str) -> None:
        """The faults stop; everything comes to its end, and both sides agree on it."""
        assert self.world.now(payment).status != "failed"
        self.world.calm()
        self.world.agree()
        assert self.world.now(payment).status == status
        self.world.wait_for(self.struck)  # what nobody waited for is written down when it is over
        told = [message.kind for message in self.world.told if message.payment_id == payment.id]
        assert told.count("payment.paid") == (status in ("paid", "refunded"))
        assert "payment.failed" not in told


def charge(drill: Drill) -> None:
    drill.strike()
    payment = drill.order()
    drill.while_it_lasts(payment, lambda now: now.next_action != "{}")
    drill.world.no_more_faults()
    drill.while_it_lasts(payment, lambda now: now.next_action != "{}", 12)
    assert '"qr"' in drill.world.now(payment).next_action, "Its payer can pay"
    drill.world.payer_pays(payment)
    drill.end(payment, "paid")


def query(drill: Drill) -> None:
    payment = drill.order()
    drill.lose_callbacks()
    drill.world.payer_pays(payment)
    drill.strike()
    drill.while_it_lasts(payment, lambda now: now.status == "paid", 3)
    if drill.kind == "wrong_amount":
        assert drill.world.now(payment).status == "pending"
        assert drill.world.incidents(payment) == [("amount_mismatch", "open")]
        drill.world.no_more_faults()
    drill.end(payment, "paid")


def close(drill: Drill) -> None:
    payment = drill.order()
    drill.world.sandbox.trades.show(drill.world.sandbox.order(payment.out_trade_no))
    drill.strike()
    drill.world.flow.cancel(payment.id)
    drill.while_it_lasts(payment, lambda now: now.status == "cancelled", 3)
    drill.end(payment, "cancelled")


def refund(drill: Drill) -> None:
    payment = drill.order()
    drill.world.payer_pays(payment)
    drill.world.wait_for(lambda: drill.world.now(payment).status == "paid")
    drill.strike()
    back = drill.world.refund(payment)
    assert back.status != "failed"
    drill.while_it_lasts(payment, lambda now: now.status == "refunded", 3)
    drill.end(payment, "refunded")
    assert len(drill.world.refunds_of(payment)) == 1


def query_refund(drill: Drill) -> None:
    payment = drill.order()
    drill.world.payer_pays(payment)
    drill.world.wait_for(lambda: drill.world.now(payment).status == "paid")
    drill.lose_callbacks()
    drill.world.sandbox.fault("drop_after", operation="refund", out_trade_no=payment.out_trade_no)
    drill.strike()
    drill.world.refund(payment)
    drill.while_it_lasts(payment, lambda now: now.status == "refunded", 3)
    drill.end(payment, "refunded")
    assert len(drill.world.refunds_of(payment)) == 1


DRILLS = {"charge": charge, "query": query, "close": close, "refund": refund, "query_refund": query_refund}


@pytest.mark.parametrize(("gateway", "operation", "kind"), MATRIX)
def test_after_the_fault_both_sides_agree(drill: World, gateway: str, operation: str, kind: str) -> None:
    DRILLS[operation](Drill(drill, gateway, operation, kind))
