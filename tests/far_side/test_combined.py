"""A combined order of WeChat Pay: several payments of ours, one payment of the payer's."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from payflow.clock import SECOND
from payflow.gateway import Outcome
from payflow.money import Money
from payflow.records import Payment

from .world import PAYERS, WECHAT, World

_numbers = count(1)


@pytest.fixture
def whole() -> str:
    """The number of a combined order."""
    return f"whole_{next(_numbers):04d}"


def announced(world: World, account: str, channel: str, whole: str) -> list[Payment]:
    """The parts, announced by the host with ``Flow.expect``."""
    note = {**PAYERS["wechat"][channel], "client_ip": "127.0.0.1", "combine_out_trade_no": whole}
    return [
        world.flow.expect(
            amount=Money(minor, "CNY"), channel=channel, key=f"{whole}-{minor}", out_trade_no=f"{whole}_part_{minor}",
            description=f"{whole} part {minor}", metadata=note, account=account,
        ).payment
        for minor in (700, 550)
    ]  # fmt: skip


@pytest.mark.parametrize("account", WECHAT)
@pytest.mark.parametrize("channel", ["jsapi", "mini_program", "app", "h5", "qr"])
def test_the_parts_are_paid_as_one_and_refunded_each_alone(
    drill: World, account: str, channel: str, whole: str
) -> None:
    gateway: Any = drill.flow.gateways[account]
    parts = announced(drill, account, channel, whole)
    answer = gateway.combined.charge(whole, parts)
    assert answer.outcome is Outcome.CONFIRMED
    drill.click(drill.open_as_payer(answer.next_action))
    for part in parts:
        drill.wait_for(lambda part=part: drill.now(part).status == "paid")  # type: ignore[misc]
    drill.refund(parts[0])
    drill.refund(parts[1], 50)
    drill.calm()
    drill.agree()
    assert [drill.now(part).status for part in parts] == ["refunded", "partially_refunded"]


@pytest.mark.parametrize("kind", ["callback_lost", "callback_bad_signature", "callback_duplicate"])
def test_a_combined_order_whose_callback_meets_trouble_is_asked_about(drill: World, kind: str, whole: str) -> None:
    gateway: Any = drill.flow.gateways["wechat"]
    parts = announced(drill, "wechat", "qr", whole)
    answer = gateway.combined.charge(whole, parts)
    for part in parts:
        drill.sandbox.fault(kind, out_trade_no=part.out_trade_no, times=-1)
    drill.click(drill.open_as_payer(answer.next_action))
    drill.calm()
    drill.agree()
    assert {drill.now(part).status for part in parts} == {"paid"}


def test_an_unpaid_combined_order_is_closed_as_a_whole(drill: World, whole: str) -> None:
    gateway: Any = drill.flow.gateways["wechat"]
    parts = announced(drill, "wechat", "qr", whole)
    assert gateway.combined.charge(whole, parts).outcome is Outcome.CONFIRMED
    assert min(part.expires_at or 0 for part in parts) - drill.clock() > 600 * SECOND
    drill.calm()
    drill.agree()
    assert {drill.now(part).status for part in parts} == {"cancelled"}
    assert {drill.sandbox.order(part.out_trade_no).state for part in parts} == {"closed"}


@pytest.mark.parametrize("silence", ["drop_after", "bad_gateway_after", "unsigned", "malformed", "system_error_after"])
def test_a_combined_order_without_an_answer_is_ordered_again_under_its_number(
    drill: World, silence: str, whole: str
) -> None:
    gateway: Any = drill.flow.gateways["wechat"]
    parts = announced(drill, "wechat", "jsapi", whole)
    drill.sandbox.fault(silence, operation="charge", gateway="wechat")
    assert gateway.combined.charge(whole, parts).outcome is Outcome.UNKNOWN
    again = gateway.combined.charge(whole, parts)
    assert again.outcome is Outcome.CONFIRMED
    drill.click(drill.open_as_payer(again.next_action))
    drill.calm()
    drill.agree()
    assert {drill.now(part).status for part in parts} == {"paid"}
