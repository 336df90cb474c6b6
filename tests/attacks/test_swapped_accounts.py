"""An account whose merchant or app was changed in the config knows nothing of the payments made before."""

from __future__ import annotations

import pytest

from payflow.gateway import Answer, EventKind, Outcome

from ..flow.conftest import World, make_world, world  # noqa: F401 -- fixtures
from ..flow.scripted import Scripted

NOT_THERE = Answer(Outcome.NOT_FOUND)


def swapped(world: World, **changes: str) -> Scripted:  # noqa: F811 -- the fixture
    other = Scripted("main", **{"merchant": "m-1", "app": "a-1", **changes})
    world.flow.gateways["main"] = other
    return other


@pytest.mark.parametrize("changes", [{"merchant": "m-9"}, {"app": "a-9"}])
def test_a_payment_is_not_ordered_a_second_time_at_another_merchant(world: World, changes: dict[str, str]) -> None:  # noqa: F811
    # The payer holds the first merchant's QR code. "Not there" is true of the second one, and says nothing.
    payment = world.pay()
    other = swapped(world, **changes)
    other.will("query", NOT_THERE)
    world.flow.query(payment.id)
    assert "charge" not in [op for op, _ in other.calls]
    assert world.flow.payment(payment.id).status == "pending"


def test_an_expired_payment_is_not_cancelled_by_another_merchants_word(world: World) -> None:  # noqa: F811
    payment = world.pay()
    other = swapped(world, merchant="m-9")
    other.will("query", NOT_THERE)
    world.clock.forward(3600)
    world.flow.query(payment.id)
    assert world.flow.payment(payment.id).status == "pending"


def test_a_refund_does_not_fail_by_another_merchants_word(world: World) -> None:  # noqa: F811
    # Its first request may have gone through. Failed, its amount would be free to be refunded again.
    payment = world.paid()
    world.main.will("refund", Answer(Outcome.UNKNOWN))
    refund = world.flow.refund(payment.id, key="r-1").refund
    other = swapped(world, merchant="m-9")
    other.will("query_refund", NOT_THERE)
    other.will("refund", Answer(Outcome.REJECTED))
    world.flow.query(payment.id)
    assert world.store.history(payment.id).refunds[0].status in ("requested", "processing")  # type: ignore[union-attr]
    assert refund is not None
    assert other.calls == []


def test_with_the_right_account_again_everything_goes_on(world: World) -> None:  # noqa: F811
    payment = world.pay()
    swapped(world, merchant="m-9")
    world.flow.query(payment.id)
    world.flow.gateways["main"] = world.main
    world.main.will("query", Answer(Outcome.CONFIRMED, (world.main.event(payment, EventKind.PAID, source="query"),)))
    world.flow.query(payment.id)
    assert world.flow.payment(payment.id).status == "paid"
