"""Ordering, asking and closing: what is taken, what is refused, and what an order says of itself."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from html import escape
from typing import Any
from urllib.parse import quote

import pytest

from payflow.sandbox import MERCHANTS, Sandbox
from payflow.sandbox.trades import Denied

from .merchant import OPENID, PAY, Client, code

PRODUCTS: list[tuple[str, dict[str, Any], str]] = [
    ("jsapi", {"payer": {"openid": OPENID}}, "prepay_id"),
    ("app", {}, "prepay_id"),
    ("native", {}, "code_url"),
    ("h5", {"scene_info": {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "Wap"}}}, "h5_url"),
]


@pytest.mark.parametrize(("product", "more", "gives"), PRODUCTS)
def test_every_product_is_ordered_by_a_signed_answer(
    client: Client, product: str, more: dict[str, Any], gives: str
) -> None:
    answer = client.order("ORDER01", product=product, **more)
    assert answer.status_code == 200
    assert list(answer.json()) == [gives]
    assert client.verifies(answer)
    assert answer.headers["Wechatpay-Signature-Type"] == "WECHATPAY2-SHA256-RSA2048"
    assert answer.headers["Request-ID"]


@pytest.mark.parametrize(
    ("product", "trade_type"), [("jsapi", "JSAPI"), ("app", "APP"), ("native", "NATIVE"), ("h5", "MWEB")]
)
def test_an_order_says_how_it_is_paid(client: Client, product: str, trade_type: str) -> None:
    more = next(more for name, more, _ in PRODUCTS if name == product)
    client.order("ORDER01", product=product, **more)
    assert client.query("ORDER01").json()["trade_type"] == trade_type


def test_an_h5_address_is_the_cashier_on_this_machine(client: Client, sandbox: Sandbox) -> None:
    url = client.order("ORDER01", product="h5", **PRODUCTS[3][1]).json()["h5_url"]
    assert url.startswith(f"{sandbox.url}/cashier/wechat/ORDER01?")
    page = client.session.get(url, timeout=10)
    assert (page.status_code, "12.50" in page.text) == (200, True)


def test_a_browser_goes_back_to_where_its_address_says(client: Client, sandbox: Sandbox) -> None:
    url = client.order("ORDER01", product="h5", **PRODUCTS[3][1]).json()["h5_url"]
    back = "https://shop.example/thanks?a=1&b=2"
    client.session.get(f"{url}&redirect_url={quote(back, safe='')}", timeout=10)
    sandbox.pay("ORDER01")
    assert f'href="{escape(back)}"' in client.session.get(url, timeout=10).text


def test_a_code_leads_to_its_order(client: Client, sandbox: Sandbox) -> None:
    for number in ("ORDER01", "ORDER02", "ORDER*-_|3"):
        url = client.order(number).json()["code_url"]
        assert url.startswith("weixin://wxpay/bizpayurl?pr=")
        found = sandbox.sides["wechat"].order_of_code_url(url)  # type: ignore[attr-defined]  # of this side only
        assert (found.merchant, found.out_trade_no) == (client.merchant.mchid, number)


@pytest.mark.parametrize(
    "text", ["", "weixin://wxpay/bizpayurl?pr=", "weixin://wxpay/bizpayurl?pr=zz", "https://x/?pr=1"]
)
def test_another_code_leads_nowhere(client: Client, sandbox: Sandbox, text: str) -> None:
    client.order("ORDER01")
    assert sandbox.sides["wechat"].order_of_code_url(text) is None  # type: ignore[attr-defined]  # of this side only


# -- fields -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("out_trade_no", "short"), ("out_trade_no", "x" * 33), ("out_trade_no", "ORDER 01"),
        ("out_trade_no", "单号单号单号"),
        ("out_trade_no", None), ("out_trade_no", 123456), ("description", None), ("description", ""),
        ("description", "x" * 128), ("notify_url", None), ("notify_url", "http://shop.example/notify"),
        ("notify_url", "https://shop.example/notify?a=1"), ("notify_url", "ftp://127.0.0.1/x"),
        ("notify_url", "/notify"),
        ("notify_url", "https://" + "x" * 250), ("amount", None), ("amount", {"total": 0}), ("amount", {"total": -1}),
        ("amount", {"total": 12.5}), ("amount", {"total": "1250"}), ("amount", {"total": True}),
        ("amount", {"total": 1250, "currency": "USD"}), ("appid", None), ("mchid", None), ("mchid", "1900000002"),
        ("attach", "x" * 129), ("time_expire", "tomorrow"), ("time_expire", "2020-01-01T00:00:00+08:00"),
        ("time_expire", "2099-01-01T00:00:00"), ("time_expire", "20990101T000000+0800"), ("time_expire", 4070880000),
        ("time_expire", "2099-02-30T00:00:00+08:00"), ("notify_url", "https://8.8.8.8/notify"),
        ("notify_url", "https://user@shop.example/notify"), ("notify_url", "https://shop.example/notify#x"),
        ("notify_url", "https://[/notify"), ("goods_tag", "x" * 33), ("support_fapiao", "yes"),
        ("limit_pay", "no_credit"),
        ("limit_pay", ["no_money"]), ("limit_pay", [{}]), ("detail", []), ("detail", {"goods_detail": "tea"}),
        ("settle_info", {"profit_sharing": 1}), ("scene_info", []), ("scene_info", {"device_id": "x" * 33}),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_named(client: Client, field: str, value: object) -> None:
    body = client.body("ORDER01") | {field: value}
    answer = client.post(f"{PAY}/native", {name: said for name, said in body.items() if said is not None})
    assert code(answer) == (400, "PARAM_ERROR")
    named = answer.json()["detail"]["field"]
    assert field in named or named in {"profit_sharing", "device_id"}
    assert code(client.query("ORDER01")) == (404, "ORDER_NOT_EXIST")


@pytest.mark.parametrize(
    ("product", "more"),
    [
        ("jsapi", {}), ("jsapi", {"payer": {}}), ("jsapi", {"payer": {"openid": "x" * 129}}),
        ("jsapi", {"payer": "me"}),
        ("h5", {}), ("h5", {"scene_info": {"payer_client_ip": "1.2.3.4"}}),
        ("h5", {"scene_info": {"h5_info": {"type": "Wap"}}}),
        ("h5", {"scene_info": {"payer_client_ip": "here", "h5_info": {"type": "Wap"}}}),
        ("h5", {"scene_info": {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "TV"}}}),
    ],
)  # fmt: skip
def test_what_a_product_cannot_do_without_is_demanded(client: Client, product: str, more: dict[str, Any]) -> None:
    assert code(client.order("ORDER01", product=product, **more)) == (400, "PARAM_ERROR")


@pytest.mark.parametrize(
    "url", ["https://shop.example/notify", "http://127.0.0.1:8000/n", "http://[::1]:1/n", "http://localhost/n"]
)
def test_plain_http_is_for_this_machine(client: Client, url: str) -> None:
    assert client.order("ORDER01", notify_url=url).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{", "nothing", '{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '{"a":NaN}', '{"a":1}x', '"text"',
        '{"a":"\\ud83d"}', '{"a":' + "9" * 5000 + "}", '{"a":' + "[" * 50_000 + "]" * 50_000 + "}", "\ufeff{}", "\x00",
    ],
    ids=range(14),
)  # fmt: skip
def test_a_body_that_is_not_strict_json_is_refused(client: Client, body: str) -> None:
    assert code(client.post(f"{PAY}/native", body)) == (400, "PARAM_ERROR")


def test_only_characters_of_three_bytes_are_taken(client: Client) -> None:
    assert client.order("ORDER01", description="拿铁 ☕ €").status_code == 200
    assert code(client.order("ORDER02", description="拿铁 \U0001f600")) == (400, "PARAM_ERROR")


def test_an_escaped_character_of_four_bytes_is_one_all_the_same(client: Client) -> None:
    body = client.body("ORDER01")
    text = '{"description":"\\ud83d\\ude00",' + ",".join(
        f'"{name}":{value!r}'.replace("'", '"') for name, value in body.items() if name != "description"
    ) + "}"  # fmt: skip
    assert code(client.post(f"{PAY}/native", text)) == (400, "PARAM_ERROR")


def test_what_an_order_says_besides_is_taken(client: Client) -> None:
    goods = [{"merchant_goods_id": "tea-1", "goods_name": "红茶", "quantity": 1, "unit_price": 1250}]
    answer = client.order(
        "ORDER01", goods_tag="WXG", support_fapiao=True, limit_pay=["no_credit"], settle_info={"profit_sharing": False},
        detail={"cost_price": 1250, "invoice_id": "1", "goods_detail": goods}, attach=None, not_known_yet={"a": 1.5},
        scene_info={"payer_client_ip": "2001:db8::1", "device_id": "013467007045764", "store_info": {"id": "0001"}},
    )  # fmt: skip
    assert answer.status_code == 200


def test_another_app_does_not_match_the_merchant(client: Client) -> None:
    assert code(client.order("ORDER01", appid=MERCHANTS[1].appid)) == (400, "APPID_MCHID_NOT_MATCH")


# -- ordering again -----------------------------------------------------------------------------------------------


def test_the_same_again_gives_a_prepay_id_again(client: Client) -> None:
    assert client.prepay_id("ORDER01")
    assert client.prepay_id("ORDER01")
    assert client.order("ORDER02").json() == client.order("ORDER02").json()


def test_other_facts_under_one_number_are_refused(client: Client) -> None:
    client.order("ORDER01")
    assert code(client.order("ORDER01", 1300)) == (400, "INVALID_REQUEST")
    assert code(client.order("ORDER01", description="绿茶")) == (400, "INVALID_REQUEST")


def test_a_paid_order_is_not_ordered_again(client: Client) -> None:
    client.paid("ORDER01")
    assert code(client.order("ORDER01")) == (400, "ORDERPAID")


def test_a_closed_order_is_not_ordered_again(client: Client) -> None:
    client.order("ORDER01")
    client.close("ORDER01")
    assert code(client.order("ORDER01")) == (400, "ORDER_CLOSED")


def test_two_threads_with_one_number_and_two_amounts(client: Client, sandbox: Sandbox) -> None:
    start, got = threading.Barrier(8), []

    def order(total: int) -> None:
        one = Client(sandbox)
        start.wait(10)
        got.append((total, one.order("ORDER01", total).status_code))

    threads = [threading.Thread(target=order, args=(1000 + place % 2,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = client.query("ORDER01").json()["amount"]["total"]
    assert sorted(got) == sorted((amount, 200 if amount == total else 400) for amount in (1000, 1001) for _ in range(4))


def test_an_order_whose_time_is_over_stays_unpaid_and_is_not_closed(client: Client, sandbox: Sandbox) -> None:
    ends = datetime.fromtimestamp(sandbox.clock() / 1e6 + 300, timezone.utc).isoformat()
    client.order("ORDER01", time_expire=ends)
    sandbox.advance(301)
    assert client.query("ORDER01").json()["trade_state"] == "NOTPAY"
    with pytest.raises(Denied, match="expired"):
        sandbox.pay("ORDER01")
    assert code(client.order("ORDER01", time_expire=ends)) == (400, "PARAM_ERROR")
    assert client.close("ORDER01").status_code == 204
    assert client.query("ORDER01").json()["trade_state"] == "CLOSED"


def test_the_cashier_takes_nothing_when_the_time_is_over(client: Client, sandbox: Sandbox) -> None:
    client.order("ORDER01")
    cashier = f"{sandbox.url}/cashier/wechat/ORDER01"
    assert 'id="pay"' in client.session.get(cashier, timeout=10).text
    sandbox.trades.expire(sandbox.order("ORDER01"))
    assert 'id="pay"' not in client.session.get(cashier, timeout=10).text
    assert sandbox.books.next_due(["alipay"]) is None  # and nobody waits for it


def test_codes_may_be_spelt_as_in_the_first_years(client: Client, sandbox: Sandbox) -> None:
    sandbox.sides["wechat"].old_spelling = True  # type: ignore[attr-defined]  # of this side only
    client.order("ORDER01")
    client.close("ORDER01")
    assert code(client.order("ORDER01")) == (400, "ORDERCLOSED")
    assert code(client.query("ORDER99")) == (404, "ORDERNOTEXIST")


def test_two_merchants_may_have_the_same_number(client: Client, public: Client) -> None:
    client.order("ORDER01", 100)
    public.order("ORDER01", 200)
    assert client.query("ORDER01").json()["amount"]["total"] == 100
    assert public.query("ORDER01").json()["amount"]["total"] == 200


# -- asking -------------------------------------------------------------------------------------------------------


def test_an_unpaid_order_has_no_number_of_theirs(client: Client) -> None:
    client.order("ORDER01", attach="桌 4")
    answer = client.query("ORDER01")
    said = answer.json()
    assert client.verifies(answer)
    assert (said["trade_state"], said["attach"], said["amount"]["total"]) == ("NOTPAY", "桌 4", 1250)
    assert not {"transaction_id", "success_time", "payer"} & set(said)


def test_a_paid_order_says_by_whom_and_when(client: Client) -> None:
    number = client.paid("ORDER01")
    said = client.query("ORDER01").json()
    assert (said["trade_state"], said["transaction_id"]) == ("SUCCESS", number)
    assert (len(number), said["success_time"][-6:]) == (28, "+08:00")
    assert said["amount"] == {"total": 1250, "payer_total": 1250, "currency": "CNY", "payer_currency": "CNY"}
    assert said["payer"]["openid"].startswith("o")


def test_the_payer_is_the_one_who_was_named(client: Client, sandbox: Sandbox) -> None:
    client.order("ORDER01", product="jsapi", payer={"openid": "oSomebodyElse"})
    sandbox.pay("ORDER01")
    assert client.query("ORDER01").json()["payer"] == {"openid": "oSomebodyElse"}


def test_an_order_is_found_by_either_number(client: Client) -> None:
    number = client.paid("ORDER01")
    by_theirs = client.get(f"{PAY}/id/{number}?mchid={client.merchant.mchid}")
    assert by_theirs.json() == client.query("ORDER01").json()


def test_an_unknown_order_does_not_exist(client: Client, public: Client) -> None:
    public.order("ORDER01")
    assert code(client.query("ORDER01")) == (404, "ORDER_NOT_EXIST")
    assert code(client.get(f"{PAY}/id/4200000001?mchid={client.merchant.mchid}")) == (404, "ORDER_NOT_EXIST")
    assert code(client.close("ORDER01")) == (404, "ORDER_NOT_EXIST")


@pytest.mark.parametrize("query", ["", "?mchid=", "?mchid=1900000002"])
def test_a_query_names_its_merchant(client: Client, query: str) -> None:
    client.order("ORDER01")
    answer = client.get(f"{PAY}/out-trade-no/ORDER01{query}")
    assert code(answer) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["location"] == "query"


def test_a_query_of_a_refunded_order_says_refund(client: Client, sandbox: Sandbox) -> None:
    client.paid("ORDER01")
    client.refund("ORDER01", 500)
    assert client.query("ORDER01").json()["trade_state"] == "REFUND"
    sandbox.advance(1)
    said = client.query("ORDER01").json()
    assert (said["trade_state"], said["amount"]["total"]) == ("REFUND", 1250)


# -- closing ------------------------------------------------------------------------------------------------------


def test_a_closed_order_stays_closed(client: Client) -> None:
    client.order("ORDER01")
    for _ in range(2):
        answer = client.close("ORDER01")
        assert (answer.status_code, answer.content) == (204, b"")
        assert client.verifies(answer)
    assert client.query("ORDER01").json()["trade_state"] == "CLOSED"


def test_a_paid_order_is_not_closed(client: Client) -> None:
    client.paid("ORDER01")
    assert code(client.close("ORDER01")) == (400, "ORDERPAID")
    assert client.query("ORDER01").json()["trade_state"] == "SUCCESS"


def test_only_the_merchant_closes(client: Client) -> None:
    client.order("ORDER01")
    answer = client.post(f"{PAY}/out-trade-no/ORDER01/close", {"mchid": "1900000002"})
    assert code(answer) == (400, "PARAM_ERROR")
