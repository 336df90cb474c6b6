"""The host's order and the payment commit together, or not at all; nothing is told or sent before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connections, transaction
from django.test import Client

from payflow import Money, StoreConflict
from payflow.django import payflow, signals, wallet
from payflow.errors import PayflowError, StoreError
from payflow.gateways.mock import MockGateway
from payflow.store import Wants

from .conftest import Host
from .shop.models import Order
from .views import Sold


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The kinds of the messages that were signalled, in order."""
    kinds: list[str] = []

    def hear(message: Any, **_: Any) -> None:
        kinds.append(message.kind)

    signals.message_written.connect(hear)
    yield kinds
    signals.message_written.disconnect(hear)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For every charge that went to the gateway: whether a transaction was open."""
    open_then: list[bool] = []
    plain = MockGateway.charge

    def charge(self: MockGateway, payment: Any) -> Any:
        open_then.append(any(one.in_atomic_block for one in connections.all(initialized_only=True)))
        return plain(self, payment)

    monkeypatch.setattr(MockGateway, "charge", charge)
    return open_then


@pytest.fixture(params=[False, True], ids=["own atomic", "ATOMIC_REQUESTS"])
def path(request: pytest.FixtureRequest, host: Host) -> Iterator[str]:
    """The host's view, in a transaction either way."""
    host.connection.settings_dict["ATOMIC_REQUESTS"] = request.param
    yield "/order/A-1" + ("" if request.param else "?atomic=yes")
    host.connection.settings_dict["ATOMIC_REQUESTS"] = False


def test_order_and_payment_commit_together_and_then_it_is_sent(
    host: Host, path: str, told: list[str], sent: list[bool]
) -> None:
    answer = Client().post(path)
    assert answer.status_code == 200
    order = Order.objects.using(host.using).get(number="A-1")
    payment = payflow().payment(order.payment)
    assert (payment.reference, payment.status, payment.amount) == ("A-1", "pending", 2500)
    assert host.gateway.trade(payment.out_trade_no) is not None
    assert sent == [False]
    assert told == ["payment.created", "payment.pending"]


def test_the_host_rolls_back_and_nothing_remains(host: Host, path: str, told: list[str], sent: list[bool]) -> None:
    with pytest.raises(Sold):
        Client().post(path + ("&" if "?" in path else "?") + "fail=yes")
    tables = ("shop_order", "pf_payment", "pf_attempt", "pf_key", "pf_message", "pf_transition", "pf_allowance")
    assert {name: host.count(name) for name in tables} == dict.fromkeys(tables, 0)
    assert (told, sent) == ([], [])
    assert Client().post(path).status_code == 200  # the same order, again: its key is free


def test_a_savepoint_that_is_rolled_back_takes_its_payment_along(host: Host, told: list[str], sent: list[bool]) -> None:
    with transaction.atomic(using=host.using):
        kept = payflow().pay(amount=Money(100), channel="qr", action="buy", key="kept").payment
        with pytest.raises(Sold), transaction.atomic(using=host.using):
            payflow().pay(amount=Money(200), channel="qr", action="buy", key="lost")
            raise Sold
        assert (told, sent) == ([], [])
    assert [one.id for one in payflow().store.recent_payments(9)] == [kept.id]
    assert sent == [False]
    assert told == ["payment.created", "payment.pending"]


def test_outside_a_transaction_it_is_sent_at_once(host: Host, told: list[str], sent: list[bool]) -> None:
    result = payflow().pay(amount=Money(100), channel="qr", action="buy", key="k")
    assert (result.payment.status, result.next_action.kind) == ("pending", "qr")
    assert sent == [False]
    assert told == ["payment.created", "payment.pending"]


def test_a_conflict_reaches_the_host_who_tries_again_as_a_whole(host: Host) -> None:
    """payflow conflicts: the error says so, the host's own rows are as they were, and its second try goes through."""
    made = payflow().pay(amount=Money(100), channel="qr", action="buy", key="k").payment
    host.gateway.payer.pay(made.out_trade_no)
    tries = 0
    for _ in range(2):
        tries += 1
        try:
            with transaction.atomic(using=host.using):
                Order.objects.using(host.using).create(number="B-1")
                flow = payflow()
                if tries == 1:
                    _conflicting(flow)
                flow.refund(made.id, key="r") if made.status == "paid" else None
        except StoreConflict as error:
            assert (error.retryable, error.code) == (True, "STORE_CONFLICT")
            assert host.count("shop_order") == 0
        else:
            break
    assert (tries, host.count("shop_order")) == (2, 1)


def _conflicting(flow: Any) -> None:
    def always(*_: Any) -> None:
        raise StoreConflict

    flow.store.write = always
    flow.pay(amount=Money(100), channel="qr", action="buy", key="another")


def test_a_transaction_that_the_database_gave_up_takes_nothing_more(host: Host) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise host.connection.Database.OperationalError("gone")

    with pytest.raises(transaction.TransactionManagementError), transaction.atomic(using=host.using):
        Order.objects.using(host.using).create(number="C-1")
        flow = payflow()
        flow.store._undone = True  # what a deadlock leaves behind
        with pytest.raises(StoreError) as undone:
            flow.store.gather(Wants(payments={"x"}))
        assert (undone.value.code, undone.value.retryable) == ("STORE_TRANSACTION_UNDONE", True)
        Order.objects.using(host.using).create(number="C-2")
    assert host.count("shop_order") == 0


def test_a_receiver_that_fails_harms_nobody(host: Host, sent: list[bool]) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("no mail today")

    signals.payment_pending.connect(broken)
    try:
        result = payflow().pay(amount=Money(100), channel="qr", action="buy", key="k")
    finally:
        signals.payment_pending.disconnect(broken)
    assert result.payment.status == "pending"
    assert sent == [False]


def test_what_cannot_be_sent_after_the_commit_is_left_to_the_worker(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    from payflow.assembly import open_worker
    from payflow.django import access

    def broken(*_: Any) -> Any:
        raise PayflowError("not now", code="NOT_NOW")

    with monkeypatch.context() as patch:
        patch.setattr(type(payflow()), "perform_prepared", broken)
        with transaction.atomic(using=host.using):
            made = payflow().pay(amount=Money(100), channel="qr", action="buy", key="k").payment
    assert host.gateway.trade(made.out_trade_no) is None
    open_worker(access.base_flow()).round()
    assert host.gateway.trade(made.out_trade_no) is not None


def test_credit_is_spent_with_the_hosts_rows(host: Host) -> None:
    wallet().grant("ann", "tokens", 100, key="g")
    with pytest.raises(Sold), transaction.atomic(using=host.using):
        Order.objects.using(host.using).create(number="D-1")
        wallet().spend("ann", "tokens", 60, key="s")
        assert wallet().balance("ann", "tokens").available == 40
        raise Sold
    assert wallet().balance("ann", "tokens").available == 100
    with transaction.atomic(using=host.using):
        wallet().spend("ann", "tokens", 60, key="s")
    assert wallet().balance("ann", "tokens").available == 40


def test_a_handlers_rows_commit_with_its_effect(host: Host) -> None:
    """The host's ORM inside a handler works in the transaction that says it was done."""
    from payflow.assembly import open_worker
    from payflow.django import access
    from payflow.worker import Handlers

    fails = [True]

    def ship(message: Any, _: Any) -> None:
        Order.objects.using(host.using).create(number=message.payment_id)
        with transaction.atomic(using=host.using):
            Order.objects.using(host.using).filter(number=message.payment_id).update(status="shipped")
        if fails:
            fails.clear()
            raise Sold

    made = payflow().pay(amount=Money(100), channel="qr", action="buy", key="k").payment
    host.gateway.payer.pay(made.out_trade_no)
    (callback,) = host.gateway.callbacks(made.out_trade_no)
    Client().post("/pay/callbacks/mock", callback.body, content_type="application/json", headers=dict(callback.headers))
    handlers = Handlers()
    handlers.add("ship", ["payment.paid"], ship)
    now = [access.base_flow().clock()]
    worker = open_worker(access.base_flow(), handlers)
    worker.flow.clock = lambda: now[0]
    assert worker.round().failed == 1
    assert host.count("shop_order") == 0
    now[0] += 10_000_000
    worker.round()
    assert list(Order.objects.using(host.using).values_list("status", flat=True)) == ["shipped"]
    now[0] += 10_000_000
    worker.round()
    assert host.count("shop_order") == 1


def test_callbacks_of_many_threads_book_once(host: Host) -> None:
    made = payflow().pay(amount=Money(1250), channel="qr", action="buy", key="k").payment
    host.gateway.payer.pay(made.out_trade_no)
    (callback,) = host.gateway.callbacks(made.out_trade_no)
    barrier, statuses = threading.Barrier(8), []

    def post() -> None:
        client = Client()
        barrier.wait()
        answer = client.post(
            "/pay/callbacks/mock", callback.body, content_type="application/json", headers=dict(callback.headers)
        )
        statuses.append((answer.status_code, answer.content))
        connections.close_all()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for status, _ in statuses} == {200}
    assert payflow().payment(made.id).captured == 1250
    assert host.count("pf_journal") == 1


def test_settings_are_those_of_the_tests(host: Host) -> None:
    assert settings.PAYFLOW["USING"] == host.using
