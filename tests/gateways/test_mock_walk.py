"""The walk against the mock gateway: whatever is ordered to go wrong, the books are right in the end.

Nothing here reaches into the walk. A flow over SQLite, a worker, the mock gateway that calls back in process, and a
clock that the test moves; after each story every invariant is asked for.
"""

from __future__ import annotations

import pytest

from payflow.clock import SECOND
from payflow.deciding.rules import Schedule
from payflow.doctor import broken
from payflow.flow import Flow, Settings
from payflow.gateways.mock import Fault, InProcessDelivery, MockGateway
from payflow.money import Money
from payflow.routing import Router, Rule
from payflow.store import Wants
from payflow.stores import open_store
from payflow.tables import TABLES
from payflow.trust import Trust, TrustedAction
from payflow.worker import Handlers, Worker

from .mocking import SECRET, Hand


class Shop:
    """A host with a mock account, a worker, and a payer."""

    def __init__(self, folder, late="refund"):
        self.clock = Hand()
        self.mock = MockGateway("mock", SECRET, state=folder / "mock.db", clock=self.clock)
        self.store = open_store(f"sqlite:///{folder}/pf.db")
        self.store.migrate()
        self.flow = Flow(
            store=self.store,
            gateways={"mock": self.mock},
            router=Router([Rule(name="all", account="mock", fallback=True)]),
            trust=Trust([TrustedAction("buy")], auto_confirm=True),
            tables=TABLES,
            policies={"late_payment": late},
            settings=Settings(secret=b"s" * 40, payment_seconds=900),
            schedule=Schedule(first_check=10 * SECOND, longest_check=600 * SECOND, call_lease=30 * SECOND),
            clock=self.clock,
        )
        self.mock.deliver = InProcessDelivery(self.flow.receive)
        self.worker = Worker(self.flow, Handlers())

    def buy(self, minor=1000, mock="", key="k-1", **more):
        metadata = {"mock": mock} if mock else None
        result = self.flow.pay(
            amount=Money(minor, "CNY"), channel="qr", key=key, action="buy", metadata=metadata, **more
        )
        return result.payment

    def pass_time(self, seconds=120, step=5):
        for _ in range(seconds // step):
            self.mock.pump()
            self.worker.round()
            self.clock.forward(step)

    def payment(self, payment):
        return self.flow.payment(payment.id)

    def incidents(self, payment):
        return [incident.kind for incident in self.store.history(payment.id).incidents]

    def refunds(self, payment):
        found = self.store.gather(Wants(payments={payment.id}, refunds=True)).refunds
        return [refund.status for refund in found.values()]


@pytest.fixture
def open_shop(tmp_path):
    shops = []

    def make(**how):
        shops.append(Shop(tmp_path, **how))
        return shops[-1]

    yield make
    for shop in shops:
        findings = broken(shop.store)
        shop.store.close()
        shop.mock.close_far_side()
        assert not findings, findings


@pytest.fixture
def shop(open_shop):
    return open_shop()


def test_paid_and_refunded(shop):
    payment = shop.buy()
    assert payment.status == "pending"
    shop.mock.payer.pay(payment.out_trade_no)
    shop.mock.pump()
    assert shop.payment(payment).status == "paid"
    shop.flow.refund(payment.id, key="r-1", amount=Money(300))
    shop.flow.refund(payment.id, key="r-2")
    shop.pass_time(20)
    assert shop.payment(payment).status == "refunded"
    assert shop.mock.trade(payment.out_trade_no).refunded == 1000


@pytest.mark.parametrize("token", ["ok", "timeout_after_success", "lost", "never_sent", "duplicate", "delay", "drop",
                                   "bad_signature", "reorder"])  # fmt: skip
def test_one_payment_one_capture_whatever_is_on_the_way(shop, token):
    payment = shop.buy(mock=token)
    shop.pass_time(60)
    shop.mock.payer.pay(payment.out_trade_no)
    shop.pass_time(900)
    assert (shop.payment(payment).status, shop.payment(payment).captured) == ("paid", 1000)
    assert len(shop.mock.trade(payment.out_trade_no).captures) == 1
    assert shop.incidents(payment) == []


def test_instant(shop):
    payment = shop.buy(mock="instant")
    assert payment.status == "paid"
    shop.mock.pump()
    assert shop.payment(payment).captured == 1000


@pytest.mark.parametrize(("token", "status"), [("decline", "failed"), ("reject", "failed")])
def test_a_genuine_no_fails_the_payment(shop, token, status):
    payment = shop.buy(mock=token)
    if token == "decline":
        shop.mock.payer.pay(payment.out_trade_no)
    shop.pass_time(20)
    assert shop.payment(payment).status == status


def test_a_lie_is_an_incident_and_the_truth_is_booked(shop):
    payment = shop.buy(mock="lie")
    shop.mock.payer.pay(payment.out_trade_no)
    shop.pass_time(120)
    assert (shop.payment(payment).status, shop.payment(payment).captured) == ("paid", 1000)
    assert shop.incidents(payment) == ["amount_mismatch"]


def test_nobody_pays_and_it_is_closed_at_the_gateway(shop):
    payment = shop.buy()
    shop.pass_time(1200)
    assert shop.payment(payment).status == "cancelled"
    assert shop.mock.trade(payment.out_trade_no).state == "CLOSED"


@pytest.mark.parametrize(
    ("late", "status", "returned"), [("refund", "cancelled", 1000), ("accept", "paid", 0), ("hold", "cancelled", 0)]
)
def test_money_that_comes_late_goes_where_the_policy_says(open_shop, late, status, returned):
    shop = open_shop(late=late)
    payment = shop.buy(mock="late")
    shop.flow.cancel(payment.id)
    shop.pass_time(120)
    assert shop.payment(payment).status == status
    assert shop.mock.trade(payment.out_trade_no).refunded == returned
    assert shop.incidents(payment) == ["late_payment"]


def test_what_was_paid_twice_goes_back_once(shop):
    payment = shop.buy(mock="double_payment")
    shop.mock.payer.pay(payment.out_trade_no)
    shop.pass_time(120)
    trade = shop.mock.trade(payment.out_trade_no)
    assert (shop.payment(payment).status, shop.payment(payment).captured) == ("paid", 1000)
    assert (len(trade.captures), trade.refunded) == (2, 1000)
    assert trade.refunds[0].txn != shop.payment(payment).gateway_txn


@pytest.mark.parametrize(("minor", "ends"), [(298, "failed"), (299, "succeeded"), (300, "succeeded")])
def test_refunds_end_as_the_amount_says(shop, minor, ends):
    payment = shop.buy(mock="")
    shop.mock.payer.pay(payment.out_trade_no)
    shop.mock.pump()
    shop.flow.refund(payment.id, key="r-1", amount=Money(minor))
    shop.pass_time(300)
    assert shop.refunds(payment) == [ends]
    assert shop.payment(payment).refunded == (minor if ends == "succeeded" else 0)
    assert shop.payment(payment).reserved == 0


@pytest.mark.parametrize("kind", ["lost", "timeout_after_success", "never_sent"])
@pytest.mark.parametrize("op", ["charge", "query", "close", "refund", "query_refund"])
def test_every_call_may_fail_twice_and_the_books_are_right(shop, kind, op):
    shop.mock.faults.add(Fault(kind=kind, op=op, times=2))
    if op == "query_refund":
        shop.mock.faults.add(Fault(kind="drop", about="refund"))
    paid, left = shop.buy(), shop.buy(key="k-2")
    shop.pass_time(120)
    shop.mock.payer.pay(paid.out_trade_no)
    shop.pass_time(60)
    shop.flow.refund(paid.id, key="r-1", amount=Money(300))
    shop.pass_time(3600, step=60)
    assert shop.payment(paid).status == "partially_refunded"
    assert shop.mock.trade(paid.out_trade_no).refunded == 300
    assert shop.payment(left).status == "cancelled"
    assert shop.mock.trade(left.out_trade_no).state == "CLOSED"
    assert sum(fault.times for fault in shop.mock.faults.waiting()) < 2  # it struck once at least


@pytest.mark.parametrize("seed", range(3))
def test_forty_payments_over_a_bad_line(shop, seed):
    for op in ("charge", "query", "close", "refund", "query_refund"):
        for kind in ("lost", "timeout_after_success"):
            shop.mock.faults.add(Fault(kind=kind, op=op, times=None, per_mille=200, seed=seed))
    for kind in ("drop", "duplicate", "delay", "bad_signature", "reorder"):
        shop.mock.faults.add(Fault(kind=kind, times=None, per_mille=250, seed=seed))
    numbers = [f"BAD-LINE-{seed}-{number:03}" for number in range(40)]
    payments = [shop.buy(key=number, out_trade_no=number, mock="ok") for number in numbers]
    shop.pass_time(120, step=20)
    for payment in payments[::2]:
        shop.mock.payer.pay(payment.out_trade_no)
    shop.pass_time(1200, step=60)
    for payment in payments[::4]:
        shop.flow.refund(payment.id, key=f"r-{payment.id}")
    shop.pass_time(7200, step=120)
    assert [shop.payment(payment).status for payment in payments] == ["refunded", "cancelled", "paid", "cancelled"] * 10
    trades = [shop.mock.trade(payment.out_trade_no) for payment in payments]
    assert [trade.state for trade in trades] == ["SUCCESS", "CLOSED"] * 20
    assert [trade.refunded for trade in trades] == [1000, 0, 0, 0] * 10
