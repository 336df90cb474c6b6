"""An order, its stock and its payment: together or not at all, once however often the form comes. On all databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from examples.flask_shop import ordering
from payflow import Flow, Money

from .conftest import Shop


@pytest.fixture
def shop(make_shop: Callable[..., Shop], store_url: str) -> Shop:
    return make_shop(store_url)


@pytest.mark.parametrize("way", ["alipay", "wechat"])
def test_from_the_basket_to_the_parcel_and_back(shop: Shop, way: str) -> None:
    customer = shop.customer()
    number = customer.order(way, longjing=2, chrysanthemum=1)
    payment = shop.payment(number)
    assert (payment.amount, payment.account, payment.status) == (2 * 6800 + 1800, way, "pending")
    assert (shop.stock("longjing"), shop.stock("chrysanthemum")) == (38, 2)
    shop.pay(number)
    assert shop.parcels() == []
    shop.work()
    shop.work()
    assert shop.parcels() == [number]
    assert 'data-status="packed"' in customer.page(f"/orders/{number}")
    customer.send(f"/orders/{number}/refund", why="It smells of soap")
    staff = shop.staff()
    assert "It smells of soap" in staff.page("/office")
    staff.send(f"/office/orders/{number}/refund", key="1", why="Sorry for that")
    shop.work()
    shop.flow.query(payment.id)
    shop.work()
    assert (shop.payment(number).refunded, shop.order(number).state) == (15400, "returned")
    assert "Sorry for that" in customer.page(f"/orders/{number}")


def test_the_shop_fails_after_the_payment_was_recorded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = shop.customer()
    customer.take(longjing=1)
    form = customer.form()
    plain = Flow.pay

    def and_then_the_light_goes_out(self: Flow, **what: Any) -> Any:
        plain(self, **what)
        raise RuntimeError("the light went out")

    monkeypatch.setattr(Flow, "pay", and_then_the_light_goes_out)
    with pytest.raises(RuntimeError, match="the light went out"):
        customer.send("/orders", **form)
    monkeypatch.undo()
    assert shop.orders() == []
    assert shop.flow.store.recent_payments(9) == []
    assert shop.stock("longjing") == 40


def test_the_same_form_twice_is_one_order(shop: Shop) -> None:
    customer = shop.customer()
    customer.take(longjing=1)
    form = customer.form()
    first = customer.send("/orders", **form)
    again = customer.send("/orders", **form)
    assert first.location == again.location
    assert len(shop.orders()) == len(shop.flow.store.recent_payments(9)) == 1
    assert shop.stock("longjing") == 39


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Each in a thread of its own, all let go together; what each gave back or raised."""
    gate, ends = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        gate.wait()
        try:
            ends[place] = work()
        except Exception as error:  # noqa: BLE001 -- whatever it was, the test looks at it
            ends[place] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=one) for one in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return ends


def wish(shop: Shop, name: str, form_key: str, **bags: int) -> Callable[[], str]:
    """Somebody who orders past the pages, as a request would; gives the order's number."""

    def order() -> str:
        with shop.app.app_context():
            seen = sum(price * bags[tea] for tea, price in PRICES.items() if tea in bags)
            asked = ordering.Wish(
                customer=name, basket=bags, seen=seen, way="wechat", phone=False, form_key=form_key,
                facts=lambda number: {"client_ip": "127.0.0.1"},
            )  # fmt: skip
            return ordering.place(asked).number

    return order


PRICES = {"longjing": 6800, "chrysanthemum": 1800, "dahongpao": 12800}


def test_the_same_form_twice_at_the_same_moment_is_one_order(shop: Shop) -> None:
    ends = at_once(*[wish(shop, "a", "key-1", longjing=1)] * 4)
    assert len({str(end) for end in ends}) == 1, ends
    assert len(shop.orders()) == len(shop.flow.store.recent_payments(9)) == 1
    assert shop.stock("longjing") == 39


def test_many_want_the_last_bags(shop: Shop) -> None:
    crowd = [wish(shop, f"c{n}", f"key-{n}", chrysanthemum=1) for n in range(8)]
    ends = at_once(*crowd)
    sold = [end for end in ends if isinstance(end, str)]
    refused = [end for end in ends if isinstance(end, ordering.CannotOrder)]
    assert (len(sold), len(refused)) == (3, 5), ends
    assert {end.reason for end in refused} == {"sold_out"}
    assert shop.stock("chrysanthemum") == 0
    assert sorted(order.number for order in shop.orders()) == sorted(sold)
    assert len(shop.flow.store.recent_payments(20)) == 3


def test_two_baskets_the_other_way_round_do_not_lock_each_other(shop: Shop) -> None:
    one = [wish(shop, "a", f"a{n}", longjing=1, dahongpao=1) for n in range(3)]
    other = [wish(shop, "b", f"b{n}", dahongpao=1, longjing=1) for n in range(3)]
    ends = at_once(*one, *other)
    assert all(isinstance(end, str) for end in ends), ends
    assert (shop.stock("longjing"), shop.stock("dahongpao")) == (34, 6)


def test_nobody_pays_and_the_teas_go_back(shop: Shop) -> None:
    customer = shop.customer()
    number = customer.order("wechat", longjing=3, silver=1)
    assert (shop.stock("longjing"), shop.stock("silver")) == (37, 17)
    customer.send(f"/orders/{number}/cancel")
    shop.work()
    shop.work()
    assert (shop.stock("longjing"), shop.stock("silver")) == (40, 18)
    assert shop.order(number).state == "ended"
    customer.send(f"/orders/{number}/again")
    assert 'value="3"' in customer.page("/basket")


def test_a_refund_and_its_answer_are_written_together(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    customer, staff = shop.customer(), shop.staff()
    number = customer.order("wechat", longjing=1)
    shop.pay(number)
    shop.work()
    assert "REFUND_EXCEEDS_CAPTURED" in staff.send(f"/office/orders/{number}/refund", 409, key="1", amount="68.01").text
    assert (shop.order(number).answer, shop.payment(number).reserved) == ("", 0)
    staff.send(f"/office/orders/{number}/refund", key="2", amount="8.00")
    staff.send(f"/office/orders/{number}/refund", key="2", amount="8.00")
    shop.flow.query(shop.payment(number).id)
    shop.work()
    payment = shop.payment(number)
    assert (payment.refunded, payment.status) == (Money.parse("8.00").minor, "partially_refunded")
    assert shop.order(number).state == "packed"
