"""A gateway that is slow, away, or both by turns: the other one's payments do not notice, and nothing fails."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from payflow.money import Money

from .conftest import MakeWorld
from .world import World


def nobody() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(("slow", "quick"), [("alipay", "wechat"), ("wechat", "alipay")])
def test_f035_a_slow_gateway_does_not_delay_a_callback_of_the_other(
    make_world: MakeWorld, slow: str, quick: str
) -> None:
    world = make_world()
    waiting = world.pay(quick).payment
    world.sandbox.fault("delay", gateway=slow, operation="charge", times=-1, value=1.5)
    with ThreadPoolExecutor(30) as hosts:
        orders = [hosts.submit(world.pay, slow, key=f"slow-{n}", description=f"slow {n}") for n in range(30)]
        time.sleep(0.3)
        began = time.monotonic()
        world.payer_pays(waiting)
        world.wait_for(lambda: world.now(waiting).status == "paid")
        took = time.monotonic() - began
        assert not all(order.done() for order in orders), "The others are still waiting"
    assert took < 1, took
    payments = [order.result().payment for order in orders]
    assert {world.now(payment).status for payment in payments} == {"pending"}
    world.calm()
    world.agree()
    assert {world.now(payment).status for payment in payments} == {"cancelled"}


@pytest.mark.parametrize("account", ["alipay", "wechat"])
def test_f034_a_flapping_gateway_opens_the_circuit_and_fails_nothing(make_world: MakeWorld, account: str) -> None:
    world = make_world({"breakers": {"failures": 3, "cool_down_seconds": 0.3}})
    world.sandbox.fault("flapping", gateway=account, times=-1, value=600)
    up = [world.paid(account) for _ in range(2)]
    world.clock.forward(600)
    down = [world.pay(account).payment for _ in range(10)]
    arrived = [call for call in world.books.newest_calls(1000) if call.operation == "charge" and not call.status]
    assert len(arrived) == 3, "The circuit is open after three failures; then nothing is sent"
    assert {world.now(payment).status for payment in down} == {"pending"}
    world.clock.forward(600)
    world.no_more_faults()
    time.sleep(0.35)
    for _ in range(10):
        world.worker.round()
        world.clock.forward(1)
    for payment in down:
        assert world.now(payment).next_action != "{}"
        world.payer_pays(payment)
    world.calm()
    world.agree()
    assert {world.now(payment).status for payment in up + down} == {"paid"}


ROUTES = [{"name": "all", "fallback": True, "gateway": "wechat", "otherwise": ["alipay"]}]


def routed(world: World) -> Any:
    """A payment that goes by the routes."""
    world._count += 1
    return world.flow.pay(
        amount=Money(1250, "CNY"), channel="qr", key=f"routed-{world._count}", action="buy",
        description=f"routed {world._count}",
    )  # fmt: skip


def test_who_cannot_be_reached_hands_over_to_the_other(make_world: MakeWorld) -> None:
    away = nobody()

    def change(name: str, options: dict[str, Any]) -> None:
        if name == "wechat":
            options["base_url"] = away

    world = make_world({"routes": ROUTES}, change=change)
    payment = routed(world).payment
    assert (world.now(payment).account, world.now(payment).status) == ("alipay", "pending")
    world.payer_pays(payment)
    world.calm()
    world.agree()
    assert world.now(payment).status == "paid"


@pytest.mark.parametrize("silence", ["drop_before", "drop_after", "bad_gateway", "unsigned", "malformed", "delay"])
def test_what_was_sent_stays_where_it_is(make_world: MakeWorld, silence: str) -> None:
    """Even where nothing was done with it: that is known only when the order is asked about."""
    waits = {"connect_seconds": 0.5, "read_seconds": 0.4, "total_seconds": 2}
    world = make_world({"routes": ROUTES, "timeouts": waits})
    world.sandbox.fault(silence, gateway="wechat", operation="charge", value=0.6)
    payment = routed(world).payment
    assert (world.now(payment).account, world.now(payment).status) == ("wechat", "pending")
    for _ in range(3):
        world.clock.until(world.now(payment).next_check_at or 0)
        world.worker.round()
    assert world.now(payment).account == "wechat"
    world.payer_pays(payment)
    world.calm()
    world.agree()
    assert world.now(payment).status == "paid"
    assert {one.gateway for one in world.books.newest_orders()} == {"wechat"}


def test_an_open_circuit_hands_over_what_was_not_sent(make_world: MakeWorld) -> None:
    world = make_world({"routes": ROUTES, "breakers": {"failures": 2, "cool_down_seconds": 600}})
    world.sandbox.fault("drop_after", gateway="wechat", operation="charge", times=-1)
    sent = [routed(world).payment for _ in range(2)]
    moved = [routed(world).payment for _ in range(3)]
    assert {world.now(payment).account for payment in sent} == {"wechat"}
    assert {world.now(payment).account for payment in moved} == {"alipay"}
    for payment in sent + moved:
        world.payer_pays(payment)
    world.calm()
    world.agree()
    assert {world.now(payment).status for payment in sent + moved} == {"paid"}
