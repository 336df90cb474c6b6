"""Many who want the same day's ceiling at once: each gets its turn, and nobody is told of a conflict."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

from payflow import Money, load, open_flow
from payflow.clock import day_of
from payflow.store import Wants

CALLERS, EACH = 24, 8


def test_a_crowd_under_one_ceiling_is_served_to_the_last(store_url: str) -> None:
    config = load(
        {
            "version": 1, "secret": {"env": "SECRET"}, "payment_gateway": "mock", "auto_confirm_order": True,
            "store": {"url": store_url, "pool_size": CALLERS},
            "trusted_actions": [{"action": "buy", "ceilings": {"CNY": {"per_payment": "1.00", "per_day": "1000.00"}}}],
            "gateways": {"mock": {"gateway": "mock", "secret": {"env": "SECRET"}}},
        },
        {"SECRET": secrets.token_urlsafe(48)},
    )  # fmt: skip
    flow = open_flow(config, migrate=True)

    def shop(caller: int) -> list[str]:
        return [
            flow.pay(amount=Money(100), channel="qr", action="buy", key=f"{caller}-{one}").payment.status
            for one in range(EACH)
        ]

    with ThreadPoolExecutor(CALLERS) as crowd:
        served = [status for done in crowd.map(shop, range(CALLERS)) for status in done]
    name = ("buy", "CNY", day_of(flow.clock(), config.zone))
    used = flow.store.gather(Wants(allowances={name})).allowances[name].used
    flow.store.close()
    assert served == ["pending"] * (CALLERS * EACH)
    assert used == CALLERS * EACH * 100
