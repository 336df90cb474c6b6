"""The genuine notifications of Alipay, delivered over HTTP to a payment that expects them: paid once, however often."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from payflow.doctor import broken
from payflow.flow import Flow, Settings
from payflow.gateways.alipay import Alipay
from payflow.money import Money
from payflow.routing import Router, Rule
from payflow.stores import open_store
from payflow.tables import TABLES
from payflow.trust import Trust
from payflow.wsgi import callbacks_app
from tests.intake.standin import exchange, request, waitress_server

from .vectors import data, vector

GENUINE = ["alipay-notify-verify-v1", "alipay-notify-verify-plus"]
FORM = [("Content-Type", "application/x-www-form-urlencoded; text/html; charset=utf-8")]


class Shop:
    """A flow with one Alipay account behind a server, and what its database holds."""

    def __init__(self, path: Path, inputs: dict[str, Any], **account: str) -> None:
        self.fields: dict[str, str] = json.loads(data(inputs["post_file"]))
        self.database = path / "pf.db"
        self.store = open_store(f"sqlite:///{self.database}")
        self.store.migrate()
        key = data(inputs.get("public_key") or inputs["alipay_cert"])
        names = {"app_id": self.fields["app_id"], "seller_id": self.fields["seller_id"], **account}
        self.flow = Flow(
            store=self.store,
            gateways={"alipay": Alipay("alipay", alipay_public_keys=[key], **names)},
            router=Router([Rule(name="all", account="alipay", fallback=True)]),
            trust=Trust([], auto_confirm=False),
            tables=TABLES,
            policies={"late_payment": "hold"},
            settings=Settings(secret=b"s" * 40),
        )

    def expect(self, amount: str | None = None) -> str:
        expected = self.flow.expect(
            amount=Money.parse(amount or self.fields["total_amount"]),
            channel="page",
            key="k",
            out_trade_no=self.fields["out_trade_no"],
        )
        return expected.payment.id

    def raw(self, **changes: str) -> bytes:
        return request("/callbacks/alipay", FORM, urlencode(self.fields | changes).encode())

    def rows(self, table: str) -> int:
        with sqlite3.connect(self.database) as connection:
            return int(connection.execute(f"select count(*) from {table}").fetchone()[0])


@pytest.fixture
def make_shop(tmp_path: Path) -> Iterator[Any]:
    shops: list[Shop] = []

    def make(name: str, **account: str) -> Shop:
        shops.append(Shop(tmp_path, vector(name)[0], **account))
        return shops[-1]

    yield make
    for shop in shops:
        findings = broken(shop.store)
        shop.store.close()
        assert not findings


@pytest.mark.parametrize("name", GENUINE)
def test_paid_once_however_often_it_comes(make_shop: Any, name: str) -> None:
    shop = make_shop(name)
    payment_id = shop.expect()
    with waitress_server(callbacks_app(shop.flow)) as port, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: exchange(port, shop.raw()), range(10)))
    assert {(status, body) for status, _, body in answers} == {(200, b"success")}
    payment = shop.flow.payment(payment_id)
    assert (payment.status, payment.captured, payment.gateway_txn) == ("paid", payment.amount, shop.fields["trade_no"])
    assert [shop.rows(table) for table in ("pf_receipt", "pf_journal", "pf_incident")] == [1, 1, 0]


@pytest.mark.parametrize("changed", ["total_amount", "out_trade_no", "trade_status", "app_id", "seller_id", "subject"])
def test_a_tampered_sibling_costs_no_write(make_shop: Any, changed: str) -> None:
    shop = make_shop(GENUINE[0])
    payment_id = shop.expect()
    before = shop.flow.payment(payment_id)
    with waitress_server(callbacks_app(shop.flow)) as port:
        assert exchange(port, shop.raw(**{changed: shop.fields[changed] + "0"}))[0] == 401
    assert shop.flow.payment(payment_id) == before
    assert [shop.rows(table) for table in ("pf_receipt", "pf_incident")] == [0, 0]


@pytest.mark.parametrize("wrong", ["amount", "app", "seller"])
def test_a_payment_it_is_not_about_stays_unpaid(make_shop: Any, wrong: str) -> None:
    other = {"app": {"app_id": "2021000000000009"}, "seller": {"seller_id": "2088000000000009"}}
    shop = make_shop(GENUINE[0], **other.get(wrong, {}))
    payment_id = shop.expect("0.11" if wrong == "amount" else None)
    with waitress_server(callbacks_app(shop.flow)) as port:
        assert exchange(port, shop.raw())[::2] == (200, b"success")  # authentic: kept as an incident, not sent again
    assert shop.flow.payment(payment_id).status == "pending"
    assert [shop.rows(table) for table in ("pf_receipt", "pf_incident")] == [0, 1]


def test_an_order_nobody_knows_is_sent_again(make_shop: Any) -> None:
    shop = make_shop(GENUINE[0])
    with waitress_server(callbacks_app(shop.flow)) as port:
        assert exchange(port, shop.raw())[::2] == (404, b"fail")
        payment_id = shop.expect()
        assert exchange(port, shop.raw())[::2] == (200, b"success")
    assert shop.flow.payment(payment_id).status == "paid"
