"""Every fault that can be ordered for a call does what it says, to money and to the answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from payflow.sandbox import Sandbox

from .merchant import Client

AUTH = {"total_amount": "12.50", "subject": "t", "auth_code": "280000000000000001"}


def _pay(client: Client) -> None:
    client.call("alipay.trade.pay", {"out_trade_no": "A1", **AUTH})


def _is_paid(sandbox: Sandbox, client: Client) -> bool:
    order = sandbox.books.order("alipay", client.app.seller_id, "A1")
    return order is not None and order.state == "paid"


@pytest.mark.parametrize(("fault", "paid"), [("drop_before", False), ("drop_after", True)])
def test_a_dropped_call_has_no_answer(client: Client, sandbox: Sandbox, fault: str, paid: bool) -> None:
    sandbox.fault(fault)
    with pytest.raises(requests.ConnectionError):
        _pay(client)
    assert _is_paid(sandbox, client) is paid
    (call,) = sandbox.books.newest_calls()
    assert (call.status, call.faults) == (0, [fault])


@pytest.mark.parametrize(
    ("fault", "code", "paid"),
    [("busy", "40005", False), ("system_error", "20000", False), ("system_error_after", "20000", True)],
)
def test_alipays_own_troubles_are_signed(client: Client, sandbox: Sandbox, fault: str, code: str, paid: bool) -> None:
    sandbox.fault(fault)
    answer = client.call("alipay.trade.pay", {"out_trade_no": "A1", **AUTH})
    assert answer.code == code
    assert client.verifies(answer)
    assert _is_paid(sandbox, client) is paid


@pytest.mark.parametrize(("fault", "paid"), [("bad_gateway", False), ("bad_gateway_after", True)])
def test_a_broken_machine_in_between_answers_html(client: Client, sandbox: Sandbox, fault: str, paid: bool) -> None:
    sandbox.fault(fault)
    response = requests.get(client.page_url("alipay.trade.pay", {"out_trade_no": "A1", **AUTH}), timeout=10)
    assert (response.status_code, response.headers["Content-Type"]) == (502, "text/html")
    assert _is_paid(sandbox, client) is paid


@pytest.mark.parametrize("fault", ["bad_signature", "signtest"])
def test_a_wrong_signature_comes_after_the_deed(client: Client, sandbox: Sandbox, fault: str) -> None:
    sandbox.fault(fault)
    answer = client.call("alipay.trade.pay", {"out_trade_no": "A1", **AUTH})
    assert answer.code == "10000"
    assert not client.verifies(answer)
    assert answer.is_genuine(sandbox.material.key("stranger"))
    assert _is_paid(sandbox, client)


def test_an_answer_may_come_unsigned(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("unsigned")
    answer = client.call("alipay.trade.pay", {"out_trade_no": "A1", **AUTH})
    assert (answer.code, "sign" in answer.envelope) == ("10000", False)
    assert _is_paid(sandbox, client)


def test_an_answer_may_be_cut_in_the_middle(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("malformed")
    response = requests.get(client.page_url("alipay.trade.pay", {"out_trade_no": "A1", **AUTH}), timeout=10)
    with pytest.raises(ValueError):
        response.json()
    assert _is_paid(sandbox, client)


def test_an_answer_may_come_late_or_byte_by_byte(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("delay", value=0.3)
    began = time.monotonic()
    client.query("A1")
    assert time.monotonic() - began >= 0.3
    sandbox.fault("slow_bytes", value=2000)
    began = time.monotonic()
    answer = client.query("A1")
    assert time.monotonic() - began >= len(answer.raw) / 2000


def test_a_flapping_gateway_is_up_and_down_by_turns(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("flapping", times=-1, value=10)
    client.query("A1")
    sandbox.clock.advance(10)
    with pytest.raises(requests.ConnectionError):
        client.query("A1")
    sandbox.clock.advance(10)
    assert client.query("A1").sub_code == "ACQ.TRADE_NOT_EXIST"


def test_a_stale_query_says_unpaid_of_what_is_paid(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("stale_query")
    client.paid("A1")
    stale = client.query("A1")
    assert (stale["trade_status"], stale["buyer_pay_amount"]) == ("WAIT_BUYER_PAY", "0.00")
    assert client.query("A1")["trade_status"] == "TRADE_SUCCESS"


def test_a_wrong_amount_is_one_fen_too_much(client: Client, sandbox: Sandbox) -> None:
    client.paid("A1")
    sandbox.fault("wrong_amount", operation="query")
    answer = client.query("A1")
    assert answer["total_amount"] == "12.51"
    assert client.verifies(answer)


def test_a_fault_keeps_to_its_operation_and_order(client: Client, sandbox: Sandbox) -> None:
    trade_no = client.paid("A1")["trade_no"]
    client.paid("A2")
    sandbox.fault("busy", operation="query", out_trade_no="A1")
    assert client.refund("A1", "1.00", "R1").code == "10000"
    assert client.query("A2").code == "10000"
    assert client.call("alipay.trade.query", {"trade_no": trade_no}).code == "40005"


@pytest.mark.parametrize(
    ("method", "operation"),
    [
        ("alipay.trade.close", "close"),
        ("alipay.trade.cancel", "close"),
        ("alipay.trade.refund", "refund"),
        ("alipay.trade.fastpay.refund.query", "query_refund"),
        ("alipay.data.dataservice.bill.downloadurl.query", "bill"),
        ("alipay.open.app.alipaycert.download", "certificates"),
        ("alipay.trade.precreate", "charge"),
    ],
)
def test_every_method_can_be_busy(client: Client, sandbox: Sandbox, method: str, operation: str) -> None:
    sandbox.fault("busy", operation=operation)
    assert client.call(method, {"out_trade_no": "A1"}).code == "40005"


def test_a_page_can_be_busy_too(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("busy", operation="charge")
    biz = {"out_trade_no": "A1", "total_amount": "0.10", "subject": "t", "product_code": "FAST_INSTANT_TRADE_PAY"}
    assert "isv.app-call-limited" in client.browse("alipay.trade.page.pay", biz).text


def test_a_payer_can_be_quicker_than_the_closing(client: Client, sandbox: Sandbox) -> None:
    client.order("A1")
    sandbox.fault("late_payment", value=5)
    assert client.call("alipay.trade.close", {"out_trade_no": "A1"}).code == "10000"
    assert client.query("A1")["trade_status"] == "TRADE_CLOSED"
    sandbox.advance(6)
    assert client.query("A1")["trade_status"] == "TRADE_SUCCESS"


def test_many_callers_at_once_stop_nobody(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("busy", rate=0.2, times=-1, operation="query")
    sandbox.fault("double_payment", rate=0.2, times=-1)

    def work(number: int) -> str:
        own = Client(sandbox)
        own.paid(f"A{number}")
        own.query(f"A{number}")
        return str(own.refund(f"A{number}", "12.50", f"R{number}")["fund_change"])

    with ThreadPoolExecutor(8) as callers:
        assert list(callers.map(work, range(40), timeout=20)) == ["Y"] * 40
