"""The section ``wallet`` of the config: what it sells, and what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import payflow
from payflow.money import Money
from tests.config.documents import loaded, problems

TOKENS: dict[str, Any] = {
    "units": {"tokens": {"caps": {"per_day": 500}}},
    "packs": [
        {"name": "starter", "unit": "tokens", "credit": 1000, "bonus": 50, "bonus_expires_days": 7, "price": "10.00"}
    ],
    "rates": [{"unit": "tokens", "credit": 100, "per": "1.00", "least": "1.00", "most": "50.00"}],
    "holds": {"over": "spend"},
}


def test_a_wallet_opens_from_its_config(tmp_path: Path) -> None:
    config = loaded(
        wallet=TOKENS, store={"url": f"sqlite:///{tmp_path}/pf.db"}, auto_confirm_order=True, trusted_actions=["buy"]
    )
    flow = payflow.open_flow(config, migrate=True)
    wallet = payflow.open_wallet(flow)
    bought = wallet.top_up("ann", "tokens", pack="starter", channel="qr", key="k", action="buy").payment
    assert (bought.amount, bought.status) == (1000, "pending")
    free = wallet.top_up("ann", "tokens", amount=Money(250), channel="qr", key="k-2", action="buy").payment
    assert '"amount":250' in free.credit
    wallet.grant("ann", "tokens", 1000, key="welcome")
    assert wallet.spend("ann", "tokens", 500, key="s-1").balance == 500
    with pytest.raises(payflow.Refused) as refused:
        wallet.spend("ann", "tokens", 1, key="s-2")
    assert (refused.value.code, refused.value.ids["cap"]) == ("CREDIT_CAP_EXCEEDED", "per_day")
    hold = wallet.change("ann", "tokens", by="ops", caps={"per_day": 2000}), wallet.hold("ann", "tokens", 100, key="h")
    assert wallet.settle(hold[1].id, 150).balance == 350  # over: spend
    assert payflow.open_worker(flow).round().chores == {"sweep": 0, "refill": 1, "watch": 0}
    flow.store.close()


def test_a_config_without_a_wallet_has_no_units(tmp_path: Path) -> None:
    flow = payflow.open_flow(loaded(store={"url": f"sqlite:///{tmp_path}/pf.db"}), migrate=True)
    with pytest.raises(payflow.InvalidRequest) as refused:
        payflow.open_wallet(flow).grant("ann", "tokens", 1, key="k")
    assert refused.value.code == "UNIT_UNKNOWN"
    flow.store.close()


def changed(**what: Any) -> dict[str, Any]:
    return {**TOKENS, **what}


def pack(**what: Any) -> dict[str, Any]:
    return changed(packs=[{"name": "p", "unit": "tokens", "credit": 10, "price": "1.00", **what}])


@pytest.mark.parametrize(
    ("wallet", "path", "code"),
    [
        (pack(unit="token"), "$.wallet.packs[0].unit", "CONFIG_UNKNOWN_UNIT"),
        (pack(price="1"), "$.wallet.packs[0].price", "CONFIG_VALUE"),
        (pack(price="0.00"), "$.wallet.packs[0].price", "CONFIG_RANGE"),
        (pack(currency="XXX"), "$.wallet.packs[0].currency", "CONFIG_VALUE"),
        (pack(credit=0), "$.wallet.packs[0].credit", "CONFIG_RANGE"),
        (pack(credit=1.5), "$.wallet.packs[0].credit", "CONFIG_TYPE"),
        (pack(bonus=9_007_199_254_740_991), "$.wallet.packs[0].bonus", "CONFIG_RANGE"),
        (pack(expires_days=0), "$.wallet.packs[0].expires_days", "CONFIG_RANGE"),
        (changed(packs=TOKENS["packs"] * 2), "$.wallet.packs[1].name", "CONFIG_DUPLICATE_NAME"),
        (changed(rates=TOKENS["rates"] * 2), "$.wallet.rates[1]", "CONFIG_DUPLICATE_NAME"),
        (changed(rates=[{**TOKENS["rates"][0], "most": "0.50"}]), "$.wallet.rates[0].most", "CONFIG_RANGE"),
        (changed(rates=[{**TOKENS["rates"][0], "per": "0.00"}]), "$.wallet.rates[0].per", "CONFIG_RANGE"),
        (changed(holds={"over": "clamp"}), "$.wallet.holds.over", "CONFIG_VALUE"),
        (changed(holds={"ttl_seconds": 0}), "$.wallet.holds.ttl_seconds", "CONFIG_UNIT"),
        (changed(units={"to kens": {}}), "$.wallet.units['to kens']", "CONFIG_INVALID"),
        ([], "$.wallet", "CONFIG_TYPE"),
    ],
)
def test_b234_what_cannot_be_sold_is_refused_at_the_start(wallet: Any, path: str, code: str) -> None:
    found = problems(wallet=wallet)
    assert found[path].code == code, found
