"""The shop on Alipay and WeChat Pay: one config is changed, and the sandbox is the far side of both."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from payflow.doctor import broken
from payflow.stores import open_store

from .process import Shop, open_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = open_shop(tmp_path_factory.mktemp("real"), config="payflow.sandbox.json")
    yield opened
    assert opened.stop() == 0, "".join(opened.lines)
    assert not [line for line in opened.lines if "Traceback" in line], "".join(opened.lines)
    store = open_store(f"sqlite:///{opened.folder}/var/coffee.sandbox.db")
    assert broken(store) == []
    store.close()


def call(method: str, url: str, **how: Any) -> requests.Response:
    return requests.request(method, url, timeout=10, **how)


def page(shop: Shop, payment_id: str) -> str:
    return call("GET", f"{shop.address}/orders/{payment_id}").text


def status(shop: Shop, payment_id: str) -> str:
    found = re.search(r'id="status" class="badge (\w+)"', page(shop, payment_id))
    assert found is not None
    return found[1]


def until(shop: Shop, payment_id: str, wanted: str) -> None:
    for _ in range(100):
        if status(shop, payment_id) == wanted:
            return
        time.sleep(0.1)
    raise AssertionError(f"{status(shop, payment_id)}, not {wanted}:\n" + "".join(shop.lines[-40:]))


def ordered(shop: Shop, cups: int) -> tuple[str, str]:
    """Order lattes and confirm; the payment, and where its payer pays."""
    form = {"drink": "latte", "size": "medium", "quantity": str(cups), "key": f"cups-{cups}-{time.time_ns()}"}
    asked = call("POST", f"{shop.address}/orders", data=form)
    payment_id = asked.url.rsplit("/", 1)[1]
    token = re.search(r'name="token" value="([^"]+)"', asked.text)
    assert token is not None
    told = call("POST", f"{shop.address}/orders/{payment_id}/confirm", data={"token": token[1]})
    link = re.search(r'id="open-phone" href="([^"]+)"', told.text)
    assert link is not None, told.text
    return payment_id, link[1]


@pytest.mark.parametrize(("cups", "gateway"), [(1, "wechat"), (3, "alipay")])
def test_a_coffee_is_ordered_paid_and_refunded_over_the_real_protocol(shop: Shop, cups: int, gateway: str) -> None:
    payment_id, cashier = ordered(shop, cups)
    assert f"/cashier/{gateway}/" in cashier
    assert call("GET", cashier).status_code == 200
    assert call("POST", f"{cashier}/pay").status_code == 200
    until(shop, payment_id, "paid")
    key = re.search(r'name="key" value="(all-[^"]+)"', page(shop, payment_id))
    assert key is not None
    call("POST", f"{shop.address}/orders/{payment_id}/refund", data={"key": key[1]})
    until(shop, payment_id, "refunded")


def test_a_callback_that_comes_twice_is_booked_once(shop: Shop) -> None:
    sandbox = re.search(r"sandbox:\s+(http://127\.0\.0\.1:\d+)", "".join(shop.lines))
    assert sandbox is not None
    payment_id, cashier = ordered(shop, 2)
    fault = {"kind": "callback_duplicate", "out_trade_no": cashier.rsplit("/", 1)[1], "value": 3}
    assert call("POST", f"{sandbox[1]}/sandbox/faults", json=fault).status_code in (200, 201)
    call("POST", f"{cashier}/pay")
    until(shop, payment_id, "paid")
    time.sleep(0.5)
    assert status(shop, payment_id) == "paid"


def test_who_changes_the_config_changes_the_gateway() -> None:
    folder = Path(__file__).parents[2] / "examples" / "coffee"
    mock, real = (json.loads((folder / name).read_text()) for name in ("payflow.json", "payflow.sandbox.json"))
    assert {account["gateway"] for account in mock["gateways"].values()} == {"mock"}
    assert {account["gateway"] for account in real["gateways"].values()} == {"alipay", "wechat"}
