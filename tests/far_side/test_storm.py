"""A storm: many hosts, payers and workers at once, and a fifth of everything goes wrong. Then it is calm."""

from __future__ import annotations

import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from payflow.errors import PayflowError
from payflow.sandbox.trades import Denied

from .conftest import MakeWorld
from .world import ACCOUNTS, PAYERS, World, kind_of

N = 60
WEATHER = {
    "drop_before": 0.1, "drop_after": 0.2, "bad_gateway_after": 0.1, "system_error_after": 0.1, "unsigned": 0.1,
    "bad_signature": 0.1, "malformed": 0.1, "busy": 0.1, "stale_query": 0.2, "wrong_amount": 0.05,
    "callback_lost": 0.2, "callback_duplicate": 0.2, "callback_late": 0.2, "callback_reordered": 0.2,
    "callback_bad_signature": 0.2, "double_payment": 0.1, "late_payment": 0.2, "refund_closed": 0.1,
    "refund_slow": 0.2, "refund_refused": 0.1, "pays_by_itself": 0.1,
}  # fmt: skip
#: What a host may be told, because something else was quicker. Anything else is a mistake.
TOO_LATE = {
    "TRANSITION_NOT_ALLOWED", "NOT_REFUNDABLE", "REFUND_EXCEEDS_CAPTURED", "IDEMPOTENCY_CONFLICT", "STORE_CONFLICT",
}  # fmt: skip
CODES = {"alipay": "28763443825664{:02d}", "wechat": "1300000000000000{:02d}"}


def one_customer(world: World, number: int, seed: int) -> None:
    """One order of one customer, with whatever the two sides make of it."""
    dice = random.Random(seed * 1000 + number)
    account = ACCOUNTS[number % len(ACCOUNTS)]
    channel = dice.choice(sorted(PAYERS[kind_of(account)]))
    note = {"auth_code": CODES[kind_of(account)].format(dice.randint(1, 5))} if channel == "barcode" else {}
    said = {
        "key": f"storm-{number}",
        "description": f"storm {number:03d}",
        "out_trade_no": f"storm_{seed}_{number:03d}",
    }
    payment = world.pay(account, channel, 100 + number, metadata=note, **said).payment
    for _ in range(dice.randint(2, 5)):
        with contextlib.suppress(Denied, LookupError):
            deed = dice.random()
            try:
                if deed < 0.45:
                    world.sandbox.pay(payment.out_trade_no)
                elif deed < 0.5:
                    world.sandbox.decline(payment.out_trade_no)
                elif deed < 0.55:
                    world.flow.cancel(payment.id)
                elif deed < 0.7:
                    world.flow.query(payment.id)
                elif deed < 0.8:  # the host is not sure either, and asks for the same again
                    world.pay(account, channel, 100 + number, metadata=note, **said)
                else:
                    world.refund(payment, dice.randint(1, 60), key=f"storm-back-{number}-{dice.randint(1, 2)}")
            except PayflowError as error:
                if error.code not in TOO_LATE:
                    raise


def keep_working(world: World, stop: threading.Event, trouble: list[BaseException]) -> None:
    try:
        while not stop.is_set():
            world.worker.round()
            world.clock.forward(0.2)
            stop.wait(0.01)
    except BaseException as error:  # noqa: BLE001 -- it is looked at where the test ends
        trouble.append(error)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (20260131, 8_675_309))])
def test_after_the_storm_both_sides_agree(make_world: MakeWorld, seed: int) -> None:
    waits = {"connect_seconds": 0.5, "read_seconds": 1, "total_seconds": 3}
    shaky = {"failures": 5, "cool_down_seconds": 0.1}
    world = make_world({"timeouts": waits, "breakers": shaky}, seed=seed)
    for kind, rate in WEATHER.items():
        how = {"value": 3} if kind in ("late_payment", "refund_slow", "pays_by_itself", "callback_reordered") else {}
        world.sandbox.fault(kind, rate=rate, times=-1, **how)
    stop, trouble = threading.Event(), []
    workers = [threading.Thread(target=keep_working, args=(world, stop, trouble)) for _ in range(2)]
    for worker in workers:
        worker.start()
    with ThreadPoolExecutor(8) as customers:
        done = [customers.submit(one_customer, world, number, seed) for number in range(N)]
    stop.set()
    for worker in workers:
        worker.join()
    for customer in done:
        customer.result()
    assert not trouble, trouble
    world.calm(2000)
    world.agree()
    payments = world.payments()
    assert len(payments) == N
    assert sum(payment.captured for payment in payments) > 0
