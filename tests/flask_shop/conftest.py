"""The shop in this process, on each of the three databases, with the sandbox as the far side of its gateways."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from examples.flask_shop.app import create_app
from examples.flask_shop.model import Order, Parcel, Tea, db
from payflow import Flow, Payment, open_worker
from payflow.doctor import broken
from payflow.sandbox import Sandbox

from .process import PASSWORD, ROOT


@pytest.fixture(scope="session")
def far_side() -> Iterator[Sandbox]:
    with Sandbox(refund_seconds=0) as sandbox:
        yield sandbox


class Customer:
    """A browser without a screen: it keeps its cookies and sends the tokens of the pages it was shown."""

    def __init__(self, app: Flask, **headers: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = headers

    def page(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def token(self) -> str:
        return self.field(self.page("/"), "csrf")

    def field(self, page: str, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', page)
        assert found is not None, page
        return found[1]

    def send(self, path: str, status: int = 303, **form: str) -> Any:
        answer = self.client.post(path, data={"csrf": self.token(), **form}, headers=self.headers)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer

    def take(self, **bags: int) -> None:
        for tea, quantity in bags.items():
            self.send(f"/basket/{tea}", quantity=str(quantity))

    def form(self, way: str = "alipay") -> dict[str, str]:
        page = self.page("/basket")
        return {"key": self.field(page, "key"), "seen": self.field(page, "seen"), "way": way}

    def order(self, way: str = "alipay", **bags: int) -> str:
        """Order; the order's number."""
        self.take(**bags)
        self.send("/orders", **self.form(way))
        return re.findall(r'href="/orders/([0-9A-Z]{10})"', self.page("/orders"))[0]  # type: ignore[no-any-return]


@dataclass
class Shop:
    app: Flask
    flow: Flow
    far_side: Sandbox

    def customer(self, **headers: str) -> Customer:
        return Customer(self.app, **headers)

    def staff(self) -> Customer:
        somebody = self.customer()
        somebody.send("/office/door", name="staff", password=PASSWORD)
        return somebody

    def work(self) -> None:
        """The worker, until nothing is due."""
        worker = open_worker(self.flow)
        while worker.round().busy:
            pass

    def order(self, number: str) -> Order:
        with self.app.app_context():
            found = db.session.get(Order, number)
            assert found is not None
            return found

    def orders(self) -> list[Order]:
        with self.app.app_context():
            return list(db.session.scalars(select(Order)))

    def parcels(self) -> list[str]:
        with self.app.app_context():
            return list(db.session.scalars(select(Parcel.order_number)))

    def stock(self, tea: str) -> int:
        with self.app.app_context():
            found = db.session.get(Tea, tea)
            assert found is not None
            return found.stock

    def payment(self, number: str) -> Payment:
        return self.flow.payment(self.order(number).payment_id)

    def pay(self, number: str) -> None:
        """The payer goes to the gateway and pays; the shop learns it by asking."""
        payment = self.payment(number)
        action = self.flow.next_action(payment)
        if action.kind == "redirect" and payment.gateway == "alipay":  # Alipay knows the order once its payer has come
            import requests

            assert requests.get(action.data["url"], timeout=10).status_code == 200
        self.far_side.pay(payment.out_trade_no)
        self.flow.query(payment.id)


@pytest.fixture
def make_shop(far_side: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Shop]]:
    opened: list[Shop] = []

    def make(url: str = "") -> Shop:
        shutil.copy(ROOT / "examples" / "flask_shop" / "payflow.json", tmp_path / "payflow.json")
        far_side.material.write(tmp_path / "var" / "sandbox")
        monkeypatch.setenv("PAYFLOW__GATEWAYS__ALIPAY__BASE_URL", far_side.url + "/gateway.do")
        monkeypatch.setenv("PAYFLOW__GATEWAYS__WECHAT__BASE_URL", far_side.url)
        if url:
            monkeypatch.setenv("PAYFLOW__STORE__URL", url)
        app = create_app(tmp_path / "payflow.json", STAFF_PASSWORD=PASSWORD, TESTING=True)
        opened.append(Shop(app, app.extensions["payflow"], far_side))
        return opened[-1]

    yield make
    for shop in opened:
        findings = broken(shop.flow.store)
        with shop.app.app_context():
            db.session.remove()
            db.engine.dispose()
        shop.flow.store.close()
        assert not findings, "\n".join(f"{f.invariant.number} {f.invariant.says}: {f.rows}" for f in findings)


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """On SQLite."""
    return make_shop()
