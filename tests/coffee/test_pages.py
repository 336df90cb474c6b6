"""The shop's pages without a browser: what hostile visitors send is refused as a page, never answered 5xx."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from examples.coffee.shop import create_app
from examples.coffee.words import TEXTS
from payflow import Flow, Payment, StoreError, load, open_flow
from payflow.gateways.mock import InProcessDelivery, MockGateway

CONFIG = Path(__file__).parents[2] / "examples" / "coffee" / "payflow.json"


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    (tmp_path / "var").mkdir()
    for name in ("confirmations", "mock"):
        (tmp_path / "var" / f"{name}.secret").write_text(secrets.token_urlsafe(48))
    (tmp_path / "payflow.json").write_text(CONFIG.read_text())
    opened = open_flow(load(tmp_path / "payflow.json", {}), migrate=True)
    gateway: Any = opened.gateways["mock"]
    mock: MockGateway = gateway
    mock.deliver = InProcessDelivery(opened.receive)
    yield opened
    opened.store.close()


@pytest.fixture
def client(flow: Flow) -> FlaskClient:
    return create_app(flow).test_client()


def ordered(flow: Flow, client: FlaskClient, **form: str) -> Payment:
    reply = client.post("/orders", data={"drink": "latte", "size": "medium", "key": secrets.token_hex(8), **form})
    assert reply.status_code == 303, reply.text
    return flow.payment(reply.headers["Location"].rpartition("/")[2])


def paid(flow: Flow, client: FlaskClient) -> Payment:
    payment = ordered(flow, client, usual="1")
    client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": "pay"})
    gateway: Any = flow.gateways["mock"]
    gateway.pump()
    return flow.payment(payment.id)


def test_a_double_click_is_one_order(flow: Flow, client: FlaskClient) -> None:
    assert ordered(flow, client, key="same").id == ordered(flow, client, key="same").id


def test_an_order_waits_for_a_person_and_the_usual_does_not(flow: Flow, client: FlaskClient) -> None:
    assert ordered(flow, client).status == "created"
    assert ordered(flow, client, usual="1").status == "pending"


def test_the_usual_asks_again_once_the_day_s_trust_is_used(flow: Flow, client: FlaskClient) -> None:
    statuses = [ordered(flow, client, usual="1").status for _ in range(5)]
    assert statuses == ["pending"] * 4 + ["created"]  # 4 × 25.00 of 100.00
    page = client.get("/").text
    assert "¥100.00 of ¥100.00 used today" in page
    assert TEXTS["usual_over"][0].replace("'", "&#39;") in page


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"drink": "petrol"}, "INVALID_ORDER"),
        ({"size": ""}, "INVALID_ORDER"),
        ({"quantity": "0"}, "INVALID_AMOUNT"),
        ({"quantity": "-1"}, "INVALID_ORDER"),
        ({"quantity": "٣"}, "INVALID_ORDER"),
        ({"quantity": "9" * 5000}, "INVALID_ORDER"),
        ({"quantity": "21"}, "INVALID_ORDER"),
        ({"key": ""}, "IDEMPOTENCY_KEY_MISSING"),
        ({"key": "two words"}, "IDEMPOTENCY_KEY_INVALID"),
        ({"drink": "<script>alert(1)</script>"}, "INVALID_ORDER"),
    ],
)
def test_what_cannot_be_ordered_is_said_on_the_menu(client: FlaskClient, form: dict[str, str], code: str) -> None:
    reply = client.post("/orders", data={"drink": "latte", "size": "medium", "key": "k", **form})
    assert reply.status_code == 400
    assert code in reply.text
    assert 'id="order"' in reply.text
    assert "<script>alert" not in reply.text


def test_confirming_twice_is_confirming_once(flow: Flow, client: FlaskClient) -> None:
    payment = ordered(flow, client)
    token = flow.next_action(payment).data["token"]
    replies = [client.post(f"/orders/{payment.id}/confirm", data={"token": token}) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [303, 303]
    assert flow.payment(payment.id).status == "pending"


@pytest.mark.parametrize("amount", ["", "0.00", "-1.00", "1", "1e3", "１.00", "1.005", "9" * 400])
def test_a_refund_of_no_amount_is_refused_where_the_person_stands(flow: Flow, client: FlaskClient, amount: str) -> None:
    payment = paid(flow, client)
    reply = client.post(f"/orders/{payment.id}/refund", data={"key": "r", "amount": amount})
    assert reply.status_code == 400
    assert "INVALID_AMOUNT" in reply.text
    assert 'id="refund-part"' in reply.text
    assert flow.payment(payment.id).reserved == 0


def test_a_refund_that_is_pressed_twice_goes_back_once(flow: Flow, client: FlaskClient) -> None:
    payment = paid(flow, client)
    for _ in range(2):
        assert client.post(f"/orders/{payment.id}/refund", data={"key": "r", "amount": "5.00"}).status_code == 303
    gateway: Any = flow.gateways["mock"]
    gateway.pump()
    assert flow.payment(payment.id).refunded == 500


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/orders/nothing", 404), ("POST", "/orders/nothing/cancel", 404), ("GET", "/orders/nothing/panel", 404),
        ("GET", "/orders/nothing/events", 404), ("GET", "/mock/cashier/mock/nothing", 404),
        ("POST", "/mock/cashier/mock/nothing", 404), ("GET", "/nothing", 404), ("POST", "/", 405),
        ("GET", "/orders/%00%ff'--", 404), ("GET", "/orders/" + "x" * 3000, 404),
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(client: FlaskClient, method: str, path: str, status: int) -> None:
    reply = client.open(path, method=method, data={"do": "pay"} if method == "POST" else None)
    assert reply.status_code == status
    assert "<h1" in reply.text


def test_a_button_that_is_not_there_is_not_pressed(flow: Flow, client: FlaskClient) -> None:
    payment = ordered(flow, client)
    assert client.post(f"/orders/{payment.id}/steal").status_code == 404
    assert client.post(f"/orders/{payment.id}/confirm", data={"token": "pf1.x.y"}).status_code == 403
    assert flow.payment(payment.id).status == "created"


def test_a_second_tap_on_the_phone_changes_nothing(flow: Flow, client: FlaskClient) -> None:
    payment = paid(flow, client)
    for what in ("pay", "decline"):
        assert client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": what}).status_code == 303
    assert client.post(f"/mock/cashier/mock/{payment.out_trade_no}", data={"do": "rob"}).status_code == 400
    assert flow.payment(payment.id).status == "paid"


@pytest.mark.parametrize(
    ("header", "lang"),
    [("zh-CN,zh;q=0.9,en;q=0.5", "zh-CN"), ("zh", "zh-CN"), ("en-GB", "en"), ("fr", "en"), ("", "en"), ("*", "en")],
)
def test_the_shop_speaks_the_visitor_s_language(client: FlaskClient, header: str, lang: str) -> None:
    assert f'<html lang="{lang}">' in client.get("/", headers={"Accept-Language": header}).text


def test_a_chosen_language_stays_chosen(client: FlaskClient) -> None:
    assert '<html lang="zh-CN">' in client.get("/?lang=zh").text
    assert '<html lang="zh-CN">' in client.get("/", headers={"Accept-Language": "en"}).text
    assert '<html lang="en">' in client.get("/?lang=%3Cb%3E", headers={"Cookie": "lang=xx"}).text


def test_the_stream_says_that_an_order_has_changed(flow: Flow, client: FlaskClient) -> None:
    payment = paid(flow, client)
    stream = iter(client.get(f"/orders/{payment.id}/events", buffered=False).response)
    assert next(stream) == b"retry: 500\n\n"
    told = json.loads(bytes(next(stream)).removeprefix(b"data: "))
    assert told["status"] == "paid"
    assert told["stamp"] == client.get(f"/orders/{payment.id}/panel").headers["X-Stamp"]
    flow.refund(payment.id, key="r")
    changed = next(line for line in stream if bytes(line).startswith(b"data: "))
    assert json.loads(bytes(changed).removeprefix(b"data: "))["stamp"] != told["stamp"]


def test_pages_that_find_no_stream_free_are_told_so_and_a_closed_one_is_free_again(
    flow: Flow, client: FlaskClient
) -> None:
    payment = ordered(flow, client)
    url = f"/orders/{payment.id}/events"
    opened = [client.get(url, buffered=False) for _ in range(12)]
    assert {reply.status_code for reply in opened} == {200}
    assert client.get(url).status_code == 503
    opened[0].close()
    last = client.get(url, buffered=False)
    assert last.status_code == 200
    for reply in [*opened[1:], last]:
        reply.close()


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/orders"), ("POST", "/api/v1/order")])
def test_a_database_in_trouble_is_said_without_asking_it_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, flow: Flow, method: str, path: str
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise StoreError("The database did not answer", code="STORE_UNAVAILABLE")

    for name in ("gather", "write", "recent_payments"):
        monkeypatch.setattr(flow.store, name, refuse)
    order = {"drink": "latte", "size": "medium"}
    sent: dict[str, Any] = {"json": order} if path.startswith("/api") else {"data": {**order, "key": "k"}}
    reply = client.open(path, method=method, **(sent if method == "POST" else {}))
    assert reply.status_code == 503
    assert "STORE_UNAVAILABLE" in reply.text


def test_every_page_says_what_it_may_load(client: FlaskClient) -> None:
    headers = client.get("/").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_have_every_text_with_the_same_facts(key: str) -> None:
    import string

    english, chinese = ({name for _, name, _, _ in string.Formatter().parse(text) if name} for text in TEXTS[key])
    assert english == chinese
    assert all(TEXTS[key])
