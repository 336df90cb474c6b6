"""Other web sites are kept away: by name (DNS rebinding) and by origin."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from payflow.sandbox import Order, Sandbox
from payflow.sandbox.guard import known_host


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8800", "127.0.0.9", "localhost", "localhost:80", "shop.localhost:8800", "[::1]:8800", "pay.test"],
)
def test_names_of_this_machine_are_answered(host: str) -> None:
    assert known_host(host, "pay.test")


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "127.0.0.1.evil.example", "evil.example:8800", "10.0.0.1", "localhost.evil.example",
        "user@127.0.0.1", "127.0.0.1/x", "[::1", "127.0.0.1:x", "8.8.8.8", "notlocalhost", "0.0.0.0:8800",
    ],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert not known_host(host, "pay.test")


def test_told_to_listen_everywhere_it_answers_to_addresses_but_not_to_names() -> None:
    assert known_host("192.168.1.7:8800", "0.0.0.0")
    assert not known_host("evil.example:8800", "0.0.0.0")


@pytest.mark.parametrize("path", ["/", "/sandbox/orders", "/sandbox/keys/app_private_key.pem", "/openapi.json"])
def test_a_rebound_name_gets_nothing(sandbox: Sandbox, path: str) -> None:
    answer = requests.get(sandbox.url + path, headers={"Host": "evil.example"}, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (421, "SANDBOX_HOST")


@pytest.mark.parametrize("path", ["/sandbox/orders/alipay/ORDER_0001/pay", "/cashier/alipay/ORDER_0001/pay"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    ],
)  # fmt: skip
def test_another_sites_page_changes_nothing(
    sandbox: Sandbox, order: Callable[..., Order], path: str, headers: dict[str, str]
) -> None:
    order()
    answer = requests.post(sandbox.url + path, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "SANDBOX_ORIGIN")
    assert sandbox.order("ORDER_0001").state == "prepared"


def test_our_own_pages_may(sandbox: Sandbox, order: Callable[..., Order]) -> None:
    order()
    answer = requests.post(
        f"{sandbox.url}/cashier/alipay/ORDER_0001/pay",
        headers={"Origin": sandbox.url},
        allow_redirects=False,
        timeout=10,
    )
    assert answer.status_code == 303
    assert sandbox.order("ORDER_0001").state == "paid"


def test_no_other_site_is_told_that_it_may_read(sandbox: Sandbox) -> None:
    answer = requests.options(
        f"{sandbox.url}/sandbox/orders",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}, timeout=10,
    )  # fmt: skip
    assert answer.status_code in (403, 405)
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
