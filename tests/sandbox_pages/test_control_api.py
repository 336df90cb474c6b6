"""The control API: what it does, and what it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from payflow.sandbox import Order, Refund, Sandbox

Put = Callable[..., Order]
ONE = "/sandbox/orders/alipay/ORDER_0001"


def get(sandbox: Sandbox, path: str, status: int = 200) -> Any:
    answer = requests.get(sandbox.url + path, timeout=10)
    assert answer.status_code == status, answer.text
    return answer.json()


def post(sandbox: Sandbox, path: str, body: Any = None, status: int = 200) -> Any:
    answer = requests.post(sandbox.url + path, json=body, timeout=10)
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(sandbox: Sandbox, path: str, body: Any = None, status: int = 400) -> str:
    told = post(sandbox, path, body, status)
    assert set(told) == {"status", "error_code", "message"}
    assert told["status"] == "failed"
    return str(told["error_code"])


@pytest.fixture
def receiver() -> Iterator[list[int]]:
    """A shop's callback address: ``[port, status to answer with, how many came]``."""
    told = [0, 200, 0]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told[2] += 1
            self.send_response(told[1])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told[0] = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()


# -- orders ---------------------------------------------------------------------------------------------------------


def test_orders_are_listed_newest_first_page_by_page(sandbox: Sandbox, order: Put) -> None:
    for number in range(7):
        order(f"ORDER_{number}", created_at=1_700_000_000_000_000 + number // 2)  # some of them at the same instant
    seen, before = [], ""
    for _ in range(4):
        page = get(sandbox, f"/sandbox/orders?limit=2{before}")
        seen += [one["out_trade_no"] for one in page["orders"]]
        before = f"&before={page['next']}"
    assert seen == [f"ORDER_{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    assert page["next"] is None


def test_an_order_tells_its_whole_story(sandbox: Sandbox, order: Put) -> None:
    order(notify_url="http://127.0.0.1:9/none")
    sandbox.pay("ORDER_0001")
    story = get(sandbox, ONE)
    assert story["order"]["state"] == "paid"
    assert story["order"]["amount"] == 1250
    assert story["order"]["cashier"] == f"{sandbox.url}/cashier/alipay/ORDER_0001"
    assert [one["kind"] for one in story["callbacks"]] == ["paid"]
    assert story["refunds"] == story["calls"] == story["parts"] == []


@pytest.mark.parametrize(
    ("verb", "state"),
    [("open", "waiting"), ("begin", "paying"), ("pay", "paid"), ("decline", "waiting"), ("expire", "closed")],
)
def test_what_a_payer_does(sandbox: Sandbox, order: Put, verb: str, state: str) -> None:
    order()
    assert post(sandbox, f"{ONE}/{verb}")["order"]["state"] == state


def test_an_order_that_expires_unopened_never_was_a_trade(sandbox: Sandbox, order: Put) -> None:
    order()
    assert post(sandbox, f"{ONE}/expire")["order"]["number"] == ""


def test_a_payer_has_a_name(sandbox: Sandbox, order: Put) -> None:
    order()
    assert post(sandbox, f"{ONE}/pay", {"payer": "2088000000009999"})["order"]["payer"] == "2088000000009999"


def test_what_is_paid_is_not_paid_again(sandbox: Sandbox, order: Put) -> None:
    order()
    post(sandbox, f"{ONE}/pay")
    assert refused(sandbox, f"{ONE}/pay", status=409) == "SANDBOX_STATE"


def test_what_is_closed_is_paid_only_late(sandbox: Sandbox, order: Put) -> None:
    order()
    post(sandbox, f"{ONE}/expire")
    assert refused(sandbox, f"{ONE}/pay", status=409) == "SANDBOX_STATE"
    assert post(sandbox, f"{ONE}/pay", {"late": True})["order"]["state"] == "paid"


def test_a_number_of_two_merchants_needs_the_merchant(sandbox: Sandbox, order: Put) -> None:
    order()
    order(merchant="2088000000000009")
    assert get(sandbox, ONE, 409)["error_code"] == "SANDBOX_AMBIGUOUS"
    assert get(sandbox, f"{ONE}?merchant=2088000000000009")["order"]["merchant"] == "2088000000000009"


def test_the_parts_of_a_combined_order_are_paid_together(sandbox: Sandbox, order: Put) -> None:
    for number in ("PART_1", "PART_2"):
        order(number, gateway="wechat", merchant="1900000001", group_no="WHOLE")
    post(sandbox, "/sandbox/orders/wechat/WHOLE/pay")
    assert [sandbox.order(number).state for number in ("PART_1", "PART_2")] == ["paid", "paid"]
    assert len(get(sandbox, "/sandbox/orders/wechat/PART_2")["parts"]) == 2


def test_a_refund_ends_as_it_is_told(sandbox: Sandbox, order: Put) -> None:
    order()
    paid = sandbox.pay("ORDER_0001")
    sandbox.trades.refund(paid, Refund(
        gateway="alipay", merchant=paid.merchant, out_trade_no=paid.out_trade_no, out_refund_no="R1", number="R",
        amount=250, state="processing",
    ))  # fmt: skip
    path = f"{ONE}/refunds/R1/settle"
    assert refused(sandbox, path, {"state": "lost"}) == "SANDBOX_INVALID"
    assert post(sandbox, path, {"state": "succeeded"})["refund"]["state"] == "succeeded"
    assert get(sandbox, ONE)["order"]["refunded"] == 250
    assert refused(sandbox, path, {"state": "closed"}, 409) == "SANDBOX_STATE"
    assert refused(sandbox, f"{ONE}/refunds/R2/settle", {"state": "closed"}, 404) == "SANDBOX_NOT_FOUND"


# -- callbacks, calls, faults ---------------------------------------------------------------------------------------


def test_a_callback_is_sent_when_it_is_due_and_again_when_told(
    sandbox: Sandbox, order: Put, receiver: list[int]
) -> None:
    order(notify_url=f"http://127.0.0.1:{receiver[0]}/callbacks")
    receiver[1] = 500
    sandbox.pay("ORDER_0001")
    post(sandbox, "/sandbox/deliver")
    (callback,) = get(sandbox, "/sandbox/callbacks")["callbacks"]
    assert (callback["state"], callback["last_status"], callback["tries"]) == ("waiting", 500, 1)
    receiver[1] = 200
    sent = post(sandbox, f"/sandbox/callbacks/{callback['id']}/send")["callback"]
    assert (sent["state"], sent["tries"], receiver[2]) == ("delivered", 2, 2)


def test_a_fault_is_ordered_listed_and_taken_back(sandbox: Sandbox) -> None:
    ordered = post(sandbox, "/sandbox/faults", {"kind": "delay", "gateway": "wechat", "value": 2.5, "times": -1}, 201)
    assert ordered["fault"]["value"] == 2.5
    assert [one["id"] for one in get(sandbox, "/sandbox/faults")["faults"]] == [ordered["fault"]["id"]]
    path = f"{sandbox.url}/sandbox/faults/{ordered['fault']['id']}"
    assert requests.delete(path, timeout=10).status_code == 200
    assert get(sandbox, "/sandbox/faults")["faults"] == []
    assert requests.delete(path, timeout=10).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {}, {"kind": "earthquake"}, {"kind": "delay", "rate": 1.1}, {"kind": "delay", "times": 0},
        {"kind": "delay", "times": 1.5}, {"kind": "delay", "value": -1}, {"kind": "delay", "gateway": "visa"},
        {"kind": "delay", "colour": "red"}, {"kind": 7}, [], {"kind": "delay", "rate": True},
        {"kind": "delay", "out_trade_no": "no such\n"},
    ],
)  # fmt: skip
def test_a_fault_that_cannot_be_is_refused(sandbox: Sandbox, body: Any) -> None:
    assert refused(sandbox, "/sandbox/faults", body) == "SANDBOX_INVALID"
    assert get(sandbox, "/sandbox/faults")["faults"] == []


# -- clock and certificates -----------------------------------------------------------------------------------------


def test_the_clock_goes_forward_and_what_is_due_is_done(sandbox: Sandbox, order: Put) -> None:
    order()
    told = post(sandbox, "/sandbox/clock", {"advance_seconds": 3600, "speed": 0})
    assert 3599 < told["ahead_seconds"] < 3700  # it stands still from here on
    assert told["speed"] == 0
    assert get(sandbox, ONE)["order"]["state"] == "closed"


@pytest.mark.parametrize(
    "body", [{}, {"advance_seconds": -1}, {"speed": 1e300}, {"advance_seconds": "60"}, {"back": 1}, {"speed": None}]
)
def test_a_clock_cannot_be_set_like_that(sandbox: Sandbox, body: Any) -> None:
    assert refused(sandbox, "/sandbox/clock", body) == "SANDBOX_INVALID"


def test_the_clock_stays_within_the_calendar(sandbox: Sandbox) -> None:
    codes = {
        requests.post(f"{sandbox.url}/sandbox/clock", json={"advance_seconds": 316_224_000}, timeout=10).status_code
        for _ in range(12)
    }
    assert codes == {200, 409}


def test_a_certificate_is_rotated(sandbox: Sandbox) -> None:
    told = post(sandbox, "/sandbox/certificates/wechat/rotate")
    assert told == {"gateway": "wechat", "serial": "SERIAL1"}
    assert refused(sandbox, "/sandbox/certificates/visa/rotate", status=404) == "SANDBOX_NOT_FOUND"


def test_counts(sandbox: Sandbox, order: Put) -> None:
    order()
    before = get(sandbox, "/sandbox/counts")
    sandbox.pay("ORDER_0001")
    after = get(sandbox, "/sandbox/counts")
    assert (before["orders"], after["orders"]) == ({"prepared": 1}, {"paid": 1})
    assert after["version"] != before["version"]


# -- accounts and keys ----------------------------------------------------------------------------------------------


def test_accounts_name_files_that_can_be_downloaded(sandbox: Sandbox) -> None:
    told = get(sandbox, "/sandbox/accounts")
    assert "private keys" in told["notice"]
    assert [one["name"] for one in told["accounts"]] == list(sandbox.accounts())
    for account in told["accounts"]:
        for url in account["files"].values():
            assert requests.get(url, timeout=10).status_code == 200


def test_every_key_file_is_there(sandbox: Sandbox) -> None:
    listed = get(sandbox, "/sandbox/keys")["keys"]
    contents = {one["name"]: requests.get(one["url"], timeout=10).content for one in listed}
    assert all(contents.values())
    assert load_pem_private_key(contents["app_private_key.pem"], None) is not None
    assert contents["app_private_key_pkcs8.txt"].decode() in contents["app_private_key.pem"].decode().replace("\n", "")
    assert get(sandbox, "/sandbox/keys/passwd.txt", 404)["error_code"] == "SANDBOX_NOT_FOUND"


def test_a_config_fragment(sandbox: Sandbox) -> None:
    told = get(sandbox, "/sandbox/config.json?accounts=wechat-public-key&folder=keys")
    (name,) = told["gateways"]
    assert name == "wechat-public-key"
    assert told["gateways"][name]["private_key"] == {"file": "keys/wechat_merchant_key.pem"}
    assert get(sandbox, "/sandbox/config.json?accounts=visa", 400)["error_code"] == "SANDBOX_INVALID"


# -- what is not taken ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "colour=red", "limit=1&limit=2", "before=;drop", "%zz=%ff", "limit"]
)
def test_a_query_that_is_not_known_is_refused(sandbox: Sandbox, query: str) -> None:
    assert get(sandbox, f"/sandbox/orders?{query}", 400)["error_code"] == "SANDBOX_INVALID"


def test_a_body_must_be_json_of_a_decent_size(sandbox: Sandbox, order: Put) -> None:
    order()
    url = f"{sandbox.url}{ONE}/pay"
    for body, kind, status in (
        (b"late=true", "application/x-www-form-urlencoded", 415), (b"{}", "text/plain", 415),
        (b'{"late":true,"late":false}', "application/json", 400), (b'{"late":NaN}', "application/json", 400),
        (b"{" + b" " * 20_000 + b"}", "application/json", 413), (b"\xff", "application/json", 400),
    ):  # fmt: skip
        answer = requests.post(url, data=body, headers={"Content-Type": kind}, timeout=10)
        assert answer.status_code == status, body[:20]
        assert answer.json()["error_code"].startswith("SANDBOX_")
    assert sandbox.order("ORDER_0001").state == "prepared"


def test_another_method_is_told_which_there_are(sandbox: Sandbox) -> None:
    answer = requests.put(f"{sandbox.url}/sandbox/clock", timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert get(sandbox, "/sandbox/nothing", 404)["error_code"] == "SANDBOX_NOT_FOUND"
