"""What WeChat does with the parameters a merchant's page, mini-program or app hands over."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from payflow.sandbox import Sandbox
from payflow.sandbox.wechat import WeChatSide

from .merchant import Client, signed


def _page(client: Client, prepay_id: str, **other: str) -> dict[str, str]:
    said = {
        "appId": client.merchant.appid,
        "timeStamp": "1414561699",
        "nonceStr": "n1",
        "package": f"prepay_id={prepay_id}",
    }
    said |= {name: value for name, value in other.items() if name in said}
    return {**said, "signType": "RSA", "paySign": signed(client.key, *said.values()), **other}


def _app(client: Client, prepay_id: str, **other: str) -> dict[str, str]:
    said = {"appid": client.merchant.appid, "timestamp": "1414561699", "noncestr": "n1", "prepayid": prepay_id}
    said |= {name: value for name, value in other.items() if name in said}
    return {
        **said, "partnerid": client.merchant.mchid, "package": "Sign=WXPay", "sign": signed(client.key, *said.values()),
        **other,
    }  # fmt: skip


def _open(client: Client, params: Any) -> requests.Response:
    return client.session.post(f"{client.sandbox.url}/wechat/client", json=params, timeout=10)


def test_a_pages_parameters_open_their_order(client: Client) -> None:
    client.prepay_id("ORDER02")
    answer = _open(client, _page(client, client.prepay_id("ORDER01")))
    assert (answer.status_code, answer.json()["out_trade_no"], answer.json()["state"]) == (200, "ORDER01", "waiting")
    assert client.session.get(answer.json()["cashier_url"], timeout=10).status_code == 200


def test_an_apps_parameters_open_their_order(client: Client) -> None:
    assert _open(client, _app(client, client.prepay_id("ORDER01", "app"))).json()["out_trade_no"] == "ORDER01"


def test_a_scanned_code_opens_its_order(client: Client) -> None:
    url = client.order("ORDER01").json()["code_url"]
    assert _open(client, {"code_url": url}).json()["out_trade_no"] == "ORDER01"
    assert _open(client, {"code_url": url + "0"}).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"paySign": "AAAA"}, {"paySign": ""}, {"signType": "MD5"}, {"package": "prepay_id="},
        {"package": "prepay_id=wx"}, {"package": "wx1"}, {"appId": "wx0000000000000002"}, {"timeStamp": ""},
    ],
)  # fmt: skip
def test_a_pages_parameters_must_be_right(client: Client, wrong: dict[str, str]) -> None:
    assert _open(client, _page(client, client.prepay_id("ORDER01"), **wrong)).status_code in (400, 404)


@pytest.mark.parametrize("name", ["appId", "timeStamp", "nonceStr", "package"])
def test_a_pages_signature_covers_every_parameter(client: Client, name: str) -> None:
    params = _page(client, client.prepay_id("ORDER01"))
    answer = _open(client, params | {name: params[name] + "1"})
    assert answer.json()["code"] == "SIGN_ERROR"


def test_a_shortened_prepay_id_opens_nothing(client: Client) -> None:
    prepay_id = client.prepay_id("ORDER01")
    for short in (prepay_id[:10], prepay_id[:-1], prepay_id.removeprefix("wx")):
        assert _open(client, _page(client, short)).json()["code"] == "ORDER_NOT_EXIST"


@pytest.mark.parametrize(
    "wrong", [{"package": "prepay_id=x"}, {"partnerid": "1900000002"}, {"sign": "AAAA"}, {"prepayid": "wx"}]
)
def test_an_apps_parameters_must_be_right(client: Client, wrong: dict[str, str]) -> None:
    assert _open(client, _app(client, client.prepay_id("ORDER01", "app"), **wrong)).status_code in (400, 404)


def test_a_page_does_not_open_an_apps_order(client: Client) -> None:
    assert _open(client, _page(client, client.prepay_id("ORDER01", "app"))).status_code == 400
    assert _open(client, _app(client, client.prepay_id("ORDER02"))).status_code == 400


def test_a_prepay_id_is_good_for_two_hours(client: Client, sandbox: Sandbox) -> None:
    prepay_id = client.prepay_id("ORDER01")
    sandbox.advance(7190)
    assert _open(client, _page(client, prepay_id)).status_code == 200
    sandbox.advance(20)
    assert _open(client, _page(client, prepay_id)).json()["code"] == "INVALID_REQUEST"
    again = client.prepay_id("ORDER01")
    assert _open(client, _page(client, again)).status_code == 200


def test_what_is_not_json_opens_nothing(client: Client) -> None:
    for body in (b"", b"[]", b"{", json.dumps({"package": 1}).encode(), json.dumps({"code_url": 1}).encode()):
        answer = client.session.post(f"{client.sandbox.url}/wechat/client", data=body, timeout=10)
        assert answer.status_code == 400
    assert client.session.get(f"{client.sandbox.url}/wechat/client", timeout=10).status_code == 405


def test_an_old_order_is_found_among_many(client: Client, sandbox: Sandbox) -> None:
    prepay_id = client.prepay_id("ORDER01")
    url = client.order("ORDER02").json()["code_url"]
    fresh = WeChatSide(sandbox.world)  # as after a restart: nothing in memory
    found = fresh.order_of_code_url(url)
    assert found is not None
    assert found.out_trade_no == "ORDER02"
    assert fresh.client_pay(_page(client, prepay_id)).out_trade_no == "ORDER01"
