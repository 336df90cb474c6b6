"""Combined orders: many parts, one payment, one notification."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.sandbox import Sandbox

from .merchant import COMBINE, OPENID, REFUNDS, Client, Shop, code

PARTS = (("PART001", 100), ("PART002", 250))


def _create(client: Client, product: str = "native", **more: Any) -> Any:
    return client.post(f"{COMBINE}/{product}", client.combined_body("GROUP01", *PARTS, **more))


def _query(client: Client, group: str = "GROUP01") -> dict[str, Any]:
    answer = client.get(f"{COMBINE}/out-trade-no/{group}")
    assert client.verifies(answer)
    return dict(answer.json())


def _states(client: Client) -> list[str]:
    return [part["trade_state"] for part in _query(client)["sub_orders"]]


@pytest.mark.parametrize(
    ("product", "gives"),
    [
        ("jsapi", "prepay_id"),
        ("miniprogram", "prepay_id"),
        ("app", "prepay_id"),
        ("native", "code_url"),
        ("h5", "h5_url"),
    ],
)
def test_every_product_is_ordered(client: Client, product: str, gives: str) -> None:
    scene = {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "Wap"}}
    answer = _create(client, product, combine_payer_info={"openid": OPENID}, scene_info=scene)
    assert (answer.status_code, list(answer.json()), client.verifies(answer)) == (200, [gives], True)


def test_paying_one_pays_them_all_and_tells_once(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    _create(client)
    assert _states(client) == ["NOTPAY", "NOTPAY"]
    sandbox.pay("PART002")
    sandbox.deliver()
    assert _states(client) == ["SUCCESS", "SUCCESS"]
    (said,) = shop.said
    assert (said["combine_out_trade_no"], said["combine_mchid"]) == ("GROUP01", client.merchant.mchid)
    amounts = {part["out_trade_no"]: part["amount"]["total_amount"] for part in said["sub_orders"]}
    assert (amounts, shop.events, shop.genuine) == (dict(PARTS), ["TRANSACTION.SUCCESS"], [True])
    numbers = {part["transaction_id"] for part in said["sub_orders"]}
    assert len(numbers) == 2


def test_a_combined_code_leads_to_the_cashier_of_all(client: Client, sandbox: Sandbox) -> None:
    url = _create(client).json()["code_url"]
    opened = client.session.post(f"{sandbox.url}/wechat/client", json={"code_url": url}, timeout=10).json()
    page = client.session.get(opened["cashier_url"], timeout=10)
    assert (page.status_code, "3.50" in page.text) == (200, True)


def test_a_part_is_refunded_by_itself(client: Client, sandbox: Sandbox) -> None:
    _create(client)
    sandbox.pay("PART001")
    assert client.refund("PART001", 60, 100).json()["out_trade_no"] == "PART001"
    assert _states(client) == ["REFUND", "SUCCESS"]
    assert client.get(f"{REFUNDS}/RPART001").status_code == 200


def test_the_same_again_is_the_same_and_a_change_is_refused(client: Client) -> None:
    first = _create(client).json()
    assert _create(client).json() == first
    assert code(_create(client, notify_url="https://shop.example/other")) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("parts", [(("PART003", 100),), (("PART001", 100),), (*PARTS, ("PART003", 100))])
def test_a_combined_number_takes_no_other_parts(client: Client, parts: tuple[tuple[str, int], ...]) -> None:
    _create(client)
    other = client.combined_body("GROUP01", *parts)
    assert code(client.post(f"{COMBINE}/native", other)) == (400, "INVALID_REQUEST")
    assert [part["out_trade_no"] for part in _query(client)["sub_orders"]] == ["PART001", "PART002"]
    assert code(client.query("PART003")) == (404, "ORDER_NOT_EXIST")


def test_two_merchants_may_have_the_same_combined_number(client: Client, public: Client, sandbox: Sandbox) -> None:
    _create(client)
    _create(public, combine_payer_info={"openid": OPENID})
    wechat = sandbox.books.order("wechat", client.merchant.mchid, "PART001")
    assert wechat is not None
    sandbox.trades.pay(wechat)
    assert _states(client) == ["SUCCESS", "SUCCESS"]
    assert _states(public) == ["NOTPAY", "NOTPAY"]


def test_what_is_left_of_it_is_paid_and_told(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    _create(client)
    body = {
        "combine_appid": client.merchant.appid,
        "sub_orders": [{"mchid": client.merchant.mchid, "out_trade_no": "PART001"}],
    }
    assert client.post(f"{COMBINE}/out-trade-no/GROUP01/close", body).status_code == 204
    sandbox.pay("PART002")
    sandbox.deliver()
    (said,) = shop.said
    assert [part["trade_state"] for part in said["sub_orders"]] == ["CLOSED", "SUCCESS"]


def test_a_paid_combined_order_is_not_ordered_again(client: Client, sandbox: Sandbox) -> None:
    _create(client)
    sandbox.pay("PART001")
    assert code(_create(client)) == (400, "ORDERPAID")


@pytest.mark.parametrize(
    ("name", "value"), [("goods_tag", "x" * 33), ("settle_info", {"profit_sharing": "yes"}), ("detail", []),
                        ("attach", None), ("description", ""), ("amount", {"total": 100})],
)  # fmt: skip
def test_a_part_that_cannot_be_is_refused(client: Client, name: str, value: object) -> None:
    subs = client.combined_body("GROUP01", *PARTS)["sub_orders"]
    subs[1][name] = value
    assert code(_create(client, sub_orders=subs)) == (400, "PARAM_ERROR")


def test_parts_are_closed_by_name(client: Client) -> None:
    _create(client)
    body = {
        "combine_appid": client.merchant.appid,
        "sub_orders": [{"mchid": client.merchant.mchid, "out_trade_no": number} for number, _ in PARTS],
    }
    answer = client.post(f"{COMBINE}/out-trade-no/GROUP01/close", body)
    assert (answer.status_code, answer.content, client.verifies(answer)) == (204, b"", True)
    assert _states(client) == ["CLOSED", "CLOSED"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sub_orders": []}, {"sub_orders": "all"}, {"sub_orders": [1]}, {"combine_appid": "wx1"},
        {"combine_appid": None},
        {"sub_orders": [{"mchid": "1900000001", "out_trade_no": "OTHER01"}]},
        {"sub_orders": [{"mchid": "1900000002", "out_trade_no": "PART001"}]},
    ],
)  # fmt: skip
def test_closing_names_parts_of_the_order(client: Client, wrong: dict[str, Any]) -> None:
    _create(client)
    body = {
        "combine_appid": client.merchant.appid,
        "sub_orders": [{"mchid": client.merchant.mchid, "out_trade_no": number} for number, _ in PARTS],
    } | wrong
    assert client.post(f"{COMBINE}/out-trade-no/GROUP01/close", body).status_code == 400
    assert _states(client) == ["NOTPAY", "NOTPAY"]


def test_a_paid_one_is_not_closed(client: Client, sandbox: Sandbox) -> None:
    _create(client)
    sandbox.pay("PART001")
    body = {
        "combine_appid": client.merchant.appid,
        "sub_orders": [{"mchid": client.merchant.mchid, "out_trade_no": number} for number, _ in PARTS],
    }
    assert code(client.post(f"{COMBINE}/out-trade-no/GROUP01/close", body)) == (400, "ORDERPAID")


@pytest.mark.parametrize(
    "wrong",
    [
        {"combine_appid": None}, {"combine_mchid": "1900000002"}, {"combine_out_trade_no": "x"}, {"sub_orders": []},
        {"sub_orders": [1]}, {"notify_url": None}, {"scene_info": {"payer_client_ip": "here"}},
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    assert code(_create(client, **wrong)) == (400, "PARAM_ERROR")
    assert client.get(f"{COMBINE}/out-trade-no/GROUP01").status_code == 404


def test_no_part_is_taken_if_one_cannot_be(client: Client) -> None:
    subs = client.combined_body("GROUP01", *PARTS)["sub_orders"]
    subs[1]["amount"]["total_amount"] = 0
    assert code(_create(client, sub_orders=subs)) == (400, "PARAM_ERROR")
    subs[1] = subs[0]
    assert code(_create(client, sub_orders=subs)) == (400, "PARAM_ERROR")
    assert code(client.query("PART001")) == (404, "ORDER_NOT_EXIST")


def test_there_are_at_most_fifty_parts(client: Client) -> None:
    many = [(f"PART{place:03}", 100) for place in range(51)]
    assert code(client.post(f"{COMBINE}/native", client.combined_body("GROUP01", *many))) == (400, "PARAM_ERROR")
    assert client.post(f"{COMBINE}/native", client.combined_body("GROUP01", *many[:50])).status_code == 200


def test_another_merchants_part_is_not_for_this_one(client: Client) -> None:
    subs = client.combined_body("GROUP01", *PARTS)["sub_orders"]
    subs[1]["mchid"] = "1900000002"
    assert code(_create(client, sub_orders=subs)) == (403, "NO_AUTH")


def test_faults_reach_combined_orders(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    _create(client)
    sandbox.fault("callback_wrong_amount")
    sandbox.pay("PART001")
    sandbox.fault("stale_query", out_trade_no="GROUP01")
    assert _states(client) == ["NOTPAY", "NOTPAY"]
    sandbox.fault("wrong_amount")
    assert [part["amount"]["total_amount"] for part in _query(client)["sub_orders"]] == [101, 251]
    sandbox.deliver()
    assert [part["amount"]["total_amount"] for part in shop.said[0]["sub_orders"]] == [101, 251]
