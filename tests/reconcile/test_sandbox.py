"""End to end: both real protocols, from a lost callback to the fee in the ledger; and the mock gateway's own bill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from payflow.clock import BEIJING, SECOND
from payflow.doctor import broken
from payflow.gateways.mock import MockGateway
from payflow.reconciling import Reconciler, Standing
from payflow.records import Payment
from payflow.sandbox import Material
from tests.far_side.world import World

DAYS = 86_400


@pytest.fixture(scope="module")
def material() -> Material:
    return Material()


@pytest.fixture
def world(tmp_path: Path, material: Material) -> Iterator[World]:
    made = World(tmp_path, material, accounts=("alipay", "wechat", "alipay-certificate"))
    yield made
    made.stop()


@pytest.fixture
def day(world: World) -> str:
    """Tomorrow at noon: the machine's own time of day decides nothing."""
    now = datetime.fromtimestamp(world.clock() / SECOND, BEIJING)
    noon = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    world.clock.forward((noon - now).total_seconds())
    return noon.strftime("%Y-%m-%d")


def run(world: World, account: str, day: str) -> Standing:
    standing = Reconciler(world.flow).run(account, day)
    assert broken(world.flow.store) == []
    return standing


def found(world: World, standing: Standing) -> list[tuple[str, str, int, int]]:
    listed = Reconciler(world.flow).differences(standing.run.id)
    return sorted((one.kind, one.state, one.theirs, one.ours) for one in listed)


def unpaid_here(world: World, account: str, minor: int = 1250) -> Payment:
    """Paid there; its callback never comes."""
    world.sandbox.fault("callback_lost")
    payment = world.pay(account, minor=minor).payment
    world.sandbox.pay(payment.out_trade_no)
    return payment


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_l01_l08_a_day_with_everything_in_it(world: World, account: str, day: str) -> None:
    world.paid(account, minor=999)
    back = world.paid(account)
    refund = world.refund(back, 250)
    world.flow.check([back.id])
    world.wait_for(lambda: world.now(back).refunded == 250)
    lost = unpaid_here(world, account)
    world.sandbox.fault("double_payment")
    world.sandbox.fault("callback_lost", times=2)
    twice = world.pay(account, minor=500).payment
    world.payer_pays(twice)
    world.clock.forward(DAYS)
    standing = run(world, account, day)
    one = standing.run
    assert (one.state, one.bill_rows, one.payments, one.refunds, standing.open) == ("done", 6, 5, 1, 0)
    assert one.fee == 6 + 8 + 8 + 3 + 3
    assert world.now(lost).status == "paid"
    assert world.now(twice).status == "paid"
    assert refund.amount == 250
    assert found(world, standing) == [
        ("duplicate", "known", 500, 0), ("status", "healed", 500, 500), ("status", "healed", 1250, 1250),
    ]  # fmt: skip
    assert [kind for kind, _ in world.incidents()] == ["double_payment"]
    world.calm()  # the second payment goes back, by policy
    assert world.incidents() == [("double_payment", "resolved")]
    assert run(world, account, day).sums == standing.sums
    world.agree()


def test_accounts_of_one_merchant_share_its_bill(world: World, day: str) -> None:
    world.paid("alipay", minor=100)
    world.paid("alipay-certificate", minor=200)
    unpaid_here(world, "alipay-certificate", 300)
    world.clock.forward(DAYS)
    standing = run(world, "alipay", day)
    assert (standing.run.bill_rows, found(world, standing)) == (3, [("status", "healed", 300, 300)])
    assert {account for account, _ in Reconciler(world.flow).due()} == {"alipay", "wechat"}


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_f60_before_morning_there_is_no_bill(world: World, account: str, day: str) -> None:
    world.paid(account)
    world.clock.forward(13 * 3600)
    standing = run(world, account, day)
    assert (standing.run.state, standing.run.code, standing.differences) == ("waiting", "BILL_NOT_READY", 0)
    assert (account, day) not in Reconciler(world.flow).due()
    world.clock.forward(10 * 3600)
    assert (account, day) in Reconciler(world.flow).due()
    assert run(world, account, day).run.state == "done"


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_f60_a_download_that_breaks_is_not_believed(world: World, account: str, day: str) -> None:
    world.paid(account)
    world.clock.forward(DAYS)
    world.sandbox.fault("malformed", operation="bill", times=-1)
    standing = run(world, account, day)
    assert standing.run.state in ("waiting", "refused")
    assert (standing.differences, world.incidents()) == (0, [])
    world.no_more_faults()
    assert run(world, account, day).run.matched == 1


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_a_payment_around_midnight_is_of_one_day(world: World, account: str, day: str) -> None:
    payment = world.pay(account).payment
    world.paid(account, minor=5)
    world.clock.forward(12 * 3600 - 30)
    early = world.pay(account, minor=7).payment
    world.clock.forward(31)
    world.payer_pays(early)
    world.wait_for(lambda: world.now(early).status == "paid")
    world.clock.forward(2 * DAYS)
    assert found(world, run(world, account, day)) == []
    after = run(world, account, (datetime.fromisoformat(day) + timedelta(days=1)).strftime("%Y-%m-%d"))
    assert (after.run.matched, after.differences) == (1, 0)
    assert world.now(payment).captured == 0


def test_a_bill_that_was_downloaded_by_hand(world: World, day: str, tmp_path: Path) -> None:
    for account in ("alipay", "wechat"):
        world.paid(account)
        lost = unpaid_here(world, account, 400)
        world.clock.forward(0)
        assert world.now(lost).status == "pending"
    world.clock.forward(DAYS)
    wechat: Any = world.flow.gateways["wechat"]
    alipay: Any = world.flow.gateways["alipay"]
    (tmp_path / "wechat.csv").write_bytes(wechat.bill(day))
    (tmp_path / "alipay.zip").write_bytes(alipay.statements.fetch(day))
    for account, file in (("alipay", "alipay.zip"), ("wechat", "wechat.csv")):
        standing = Reconciler(world.flow).run(account, day, file=tmp_path / file)
        assert (standing.run.origin, found(world, standing)) == ("file", [("status", "healed", 400, 400)])
    assert broken(world.flow.store) == []


def test_the_mock_gateway_has_a_bill_too(tmp_path: Path) -> None:
    from payflow.flow import Flow, Settings
    from payflow.money import Money
    from payflow.routing import Router, Rule
    from payflow.stores import open_store
    from payflow.tables import TABLES
    from payflow.trust import Trust, TrustedAction
    from tests.reconcile.world import DAY, Hand

    clock = Hand()
    gateway = MockGateway("mock", b"s" * 40, clock=clock)
    store = open_store(f"sqlite:///{tmp_path}/pf.db")
    store.migrate()
    flow = Flow(
        store=store, gateways={"mock": gateway}, router=Router([Rule(name="all", account="mock", fallback=True)]),
        trust=Trust([TrustedAction("buy")], auto_confirm=True), tables=TABLES, policies={"late_payment": "hold"},
        settings=Settings(secret=b"s" * 40), clock=clock,
    )  # fmt: skip

    def pay(minor: int, *, told: bool = True) -> Payment:
        payment = flow.pay(amount=Money(minor, "CNY"), channel="qr", key=f"k-{minor}", action="buy").payment
        gateway.payer.pay(payment.out_trade_no)
        if told:
            for callback in gateway.callbacks(payment.out_trade_no):
                flow.receive(callback.as_callback())
        return flow.payment(payment.id)

    first = pay(1250)
    flow.refund(first.id, key="r-1", amount=Money(250, "CNY"))
    gateway.pump()
    flow.check([first.id])
    lost = pay(99, told=False)
    twice = pay(500)
    gateway.payer.pay_again(twice.out_trade_no)
    reconciler = Reconciler(flow)
    clock.now = DAY.end
    standing = reconciler.run("mock", DAY.name)
    assert (standing.run.state, standing.run.bill_rows, standing.run.moved) == ("done", 5, 1250 - 250 + 99 + 1000)
    assert sorted((one.kind, one.state) for one in reconciler.differences(standing.run.id)) == [
        ("duplicate", "known"), ("status", "healed"),
    ]  # fmt: skip
    assert flow.payment(lost.id).status == "paid"
    assert broken(store) == []
    gateway.close_far_side()
    store.close()
