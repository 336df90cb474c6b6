"""The shop's API, as a program meets it: 202 while the payment waits, 204 once it is paid, and clear refusals."""

from __future__ import annotations

import sqlite3
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
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = open_shop(tmp_path_factory.mktemp("shop"))
    yield shop
    if shop.process.poll() is None:
        assert shop.stop() == 0, "".join(shop.lines)
    store = open_store(f"sqlite:///{shop.folder}/var/coffee.db")
    assert broken(store) == []
    store.close()


def order(shop: Shop, body: Any = None, **headers: str) -> requests.Response:
    asked = {"drink": "latte", "size": "medium"} if body is None else body
    return requests.post(f"{shop.address}/api/v1/order", json=asked, headers=headers, timeout=10)


def tap(shop: Shop, url: str, what: str) -> None:
    assert requests.post(url, data={"do": what}, timeout=10).status_code == 200


def until(said: Any, wanted: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while said() != wanted:
        assert time.monotonic() < end, f"{said()} instead of {wanted}"
        time.sleep(0.05)


def test_202_while_it_waits_and_204_once_it_is_paid(api: Shop) -> None:
    first = order(api, **{"Idempotency-Key": "one"})
    assert first.status_code == 202
    told = first.json()
    assert (told["status"], told["next_action"]["kind"], told["amount"]) == ("created", "confirm", 2500)
    confirm = f"{api.address}/api/v1/order/{told['payment_id']}/confirm"
    confirmed = requests.post(confirm, json={"token": told["next_action"]["token"]}, timeout=10)
    assert (confirmed.status_code, confirmed.json()["status"]) == (202, "pending")
    assert order(api, **{"Idempotency-Key": "one"}).json()["status"] == "pending"
    tap(api, confirmed.json()["next_action"]["url"], "pay_twice")
    until(lambda: order(api, **{"Idempotency-Key": "one"}).status_code, 204)
    assert order(api, **{"Idempotency-Key": "one"}).content == b""

    def cups() -> int:
        with sqlite3.connect(api.folder / "var" / "coffee.db") as database:
            known = "select count(*) from sqlite_master where name = 'cup'"
            if not database.execute(known).fetchone()[0]:
                return 0
            sql = "select count(*) from cup where payment_id = ?"
            return int(database.execute(sql, (told["payment_id"],)).fetchone()[0])

    until(cups, 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"drink": "latte", "size": "medium", "quantity": 0}, "INVALID_AMOUNT"),
        ({"drink": "latte", "size": "medium", "quantity": -1}, "INVALID_AMOUNT"),
        ({"drink": "latte", "size": "medium", "amount": 0}, "INVALID_AMOUNT"),
        ({"drink": "latte", "size": "medium", "amount": 2499}, "INVALID_AMOUNT"),
        ({"drink": "latte", "size": "medium", "amount": 25.00}, "INVALID_AMOUNT"),
        ({"drink": "latte", "size": "medium", "amount": "25.00"}, "INVALID_AMOUNT"),
        ({"drink": "latte", "size": "medium", "amount": None}, "INVALID_AMOUNT"),
        ({"drink": "latte", "size": "medium", "milk": "oat"}, "INVALID_ORDER"),
        ({"drink": "latte", "size": "medium", "quantity": 1.5}, "INVALID_ORDER"),
        ({"drink": "latte", "size": "medium", "quantity": True}, "INVALID_ORDER"),
        ({"drink": "latte", "size": "medium", "quantity": 10**9}, "INVALID_ORDER"),
        ({"drink": "petrol", "size": "medium"}, "INVALID_ORDER"),
        ({"drink": ["latte"], "size": {}}, "INVALID_ORDER"),
        ({}, "INVALID_ORDER"),
        ([], "INVALID_REQUEST"),
        ("latte", "INVALID_REQUEST"),
    ],
)
def test_what_cannot_be_ordered(api: Shop, body: Any, code: str) -> None:
    reply = order(api, body)
    assert reply.status_code == 400
    assert (reply.json()["status"], reply.json()["error_code"]) == ("failed", code)


def test_the_refusal_of_an_amount_reads_as_promised(api: Shop) -> None:
    assert order(api, {"drink": "latte", "size": "medium", "quantity": 0}).json() == {
        "status": "failed", "error_code": "INVALID_AMOUNT", "message": "Amount must be positive",
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b"[" * 50_000, b'{"drink":' * 5_000, b"9" * 5_000, b"null", b"\x00" * 10]
)
def test_hostile_bodies_are_never_our_fault(api: Shop, raw: bytes) -> None:
    reply = requests.post(f"{api.address}/api/v1/order", data=raw, timeout=10)
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "INVALID_REQUEST"


def test_another_order_under_a_used_key_is_a_conflict(api: Shop) -> None:
    order(api, **{"Idempotency-Key": "two"})
    reply = order(api, {"drink": "tea", "size": "small"}, **{"Idempotency-Key": "two"})
    assert (reply.status_code, reply.json()["error_code"]) == (409, "IDEMPOTENCY_CONFLICT")


def test_the_same_key_is_the_same_order_in_another_language(api: Shop) -> None:
    first = order(api, **{"Idempotency-Key": "three", "Accept-Language": "en"})
    again = order(api, {"drink": "latte", "size": "medium", "amount": 2500},
                  **{"Idempotency-Key": "three", "Accept-Language": "zh-CN"})  # fmt: skip
    assert again.status_code == 202
    assert again.json()["payment_id"] == first.json()["payment_id"]


def test_a_key_that_is_no_key_is_refused(api: Shop) -> None:
    reply = order(api, **{"Idempotency-Key": "two words"})
    assert (reply.status_code, reply.json()["error_code"]) == (400, "IDEMPOTENCY_KEY_INVALID")


def test_an_order_that_is_refunded_or_declined_is_not_called_paid(api: Shop) -> None:
    for key, what, ended in (("four", "pay", "refunded"), ("five", "decline", "failed")):
        told = order(api, **{"Idempotency-Key": key}).json()
        url = f"{api.address}/api/v1/order/{told['payment_id']}"
        confirmed = requests.post(f"{url}/confirm", json={"token": told["next_action"]["token"]}, timeout=10).json()
        tap(api, confirmed["next_action"]["url"], what)
        until(lambda url=url: requests.get(url, timeout=10).json()["status"], "paid" if what == "pay" else ended)
        if what == "pay":
            page = f"{api.address}/orders/{told['payment_id']}/refund"
            assert requests.post(page, data={"key": f"refund-{key}"}, timeout=10).status_code == 200
            until(lambda url=url: requests.get(url, timeout=10).json()["status"], ended)
        reply = order(api, **{"Idempotency-Key": key})
        assert (reply.status_code, reply.json()["error_code"]) == (409, "ORDER_ENDED")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/v1/order", 405), ("POST", "/api/v1/nothing", 404), ("PUT", "/api/v1/order/x/confirm", 405)],
)
def test_what_the_api_does_not_have_is_refused_as_json_too(api: Shop, method: str, path: str, status: int) -> None:
    reply = requests.request(method, api.address + path, timeout=10)
    assert reply.status_code == status
    assert set(reply.json()) == {"status", "error_code", "message"}


def test_a_body_that_is_too_large_is_refused(api: Shop) -> None:
    reply = requests.post(f"{api.address}/api/v1/order", data=b'"' + b"x" * 70_000 + b'"', timeout=10)
    assert (reply.status_code, reply.json()["status"]) == (413, "failed")


def test_an_order_nobody_made(api: Shop) -> None:
    reply = requests.get(f"{api.address}/api/v1/order/nothing", timeout=10)
    assert (reply.status_code, reply.json()["error_code"]) == (404, "PAYMENT_NOT_FOUND")


def test_a_forged_token_is_refused(api: Shop) -> None:
    told = order(api).json()
    reply = requests.post(
        f"{api.address}/api/v1/order/{told['payment_id']}/confirm", json={"token": "pf1.a.b"}, timeout=10
    )
    assert (reply.status_code, reply.json()["error_code"]) == (403, "TOKEN_FORGED")


def test_a_form_of_another_site_presses_no_button(api: Shop) -> None:
    reply = requests.post(
        f"{api.address}/orders", data={"drink": "tea", "size": "small", "key": "x"}, timeout=10,
        headers={"Origin": "https://elsewhere.example"},
    )  # fmt: skip
    assert reply.status_code == 403


@pytest.mark.parametrize("path", ["/callbacks/mock", "/callbacks/mock/"])
def test_forged_callbacks_are_refused_at_both_spellings(api: Shop, path: str) -> None:
    reply = requests.post(api.address + path, json={"a": 1}, allow_redirects=False, timeout=10)
    assert reply.status_code == 401
    assert requests.get(api.address + path, allow_redirects=False, timeout=10).status_code == 405
    assert requests.post(f"{api.address}/callbacks/nobody", json={}, timeout=10).status_code == 404


def test_the_log_tells_the_story_and_no_secret(api: Shop) -> None:
    secrets = [file.read_text() for file in Path(api.folder / "var").glob("*.secret")]
    text = "".join(api.lines)
    assert "Payment submitted successfully" in text
    assert len(secrets) == 2
    assert not [secret for secret in secrets if secret in text]
