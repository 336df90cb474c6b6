"""Every fault that can be ordered for a call does what it says, to money and to the answer."""

from __future__ import annotations

import contextlib
import random
import time
from typing import Any

import pytest
import requests

from payflow.sandbox import Sandbox
from payflow.sandbox.faults import CALL_FAULTS

from .merchant import PAY, REFUNDS, Client, Shop, code, is_signed

CODEPAY = f"{PAY}/codepay"


def _pay(client: Client) -> requests.Response:
    return client.post(CODEPAY, client.code_body("ORDER01"))


def _is_paid(sandbox: Sandbox) -> bool:
    order = sandbox.books.order("wechat", "1900000001", "ORDER01")
    return order is not None and order.state == "paid"


@pytest.mark.parametrize(("fault", "paid"), [("drop_before", False), ("drop_after", True)])
def test_a_dropped_call_has_no_answer(client: Client, sandbox: Sandbox, fault: str, paid: bool) -> None:
    sandbox.fault(fault)
    with pytest.raises(requests.ConnectionError):
        _pay(client)
    assert _is_paid(sandbox) is paid
    (call,) = sandbox.books.newest_calls()
    assert (call.status, call.faults, call.out_trade_no) == (0, [fault], "ORDER01")


@pytest.mark.parametrize(
    ("fault", "said", "paid"),
    [
        ("busy", (429, "FREQUENCY_LIMITED"), False), ("system_error", (500, "SYSTEM_ERROR"), False),
        ("system_error_after", (500, "SYSTEM_ERROR"), True),
    ],
)  # fmt: skip
def test_their_own_troubles_are_not_signed(
    client: Client, sandbox: Sandbox, fault: str, said: tuple[int, str], paid: bool
) -> None:
    sandbox.fault(fault)
    assert code(_pay(client)) == said
    assert _is_paid(sandbox) is paid
    assert sandbox.books.newest_calls(1)[0].code == said[1]


@pytest.mark.parametrize(("fault", "paid"), [("bad_gateway", False), ("bad_gateway_after", True)])
def test_a_broken_machine_in_between_answers_html(client: Client, sandbox: Sandbox, fault: str, paid: bool) -> None:
    sandbox.fault(fault)
    answer = _pay(client)
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert _is_paid(sandbox) is paid


def test_a_signature_may_be_another_keys(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("bad_signature")
    answer = _pay(client)
    assert (answer.status_code, client.verifies(answer), _is_paid(sandbox)) == (200, False, True)
    text = f"{answer.headers['Wechatpay-Timestamp']}\n{answer.headers['Wechatpay-Nonce']}\n".encode()
    stranger = client.material.key("stranger").public_key()
    assert is_signed(stranger, answer.headers["Wechatpay-Signature"], text + answer.content + b"\n")


def test_a_probe_says_that_it_is_one(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("signtest")
    answer = _pay(client)
    assert answer.headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    assert (client.verifies(answer), _is_paid(sandbox)) == (False, True)
    assert client.verifies(client.query("ORDER01"))


def test_an_answer_may_come_unsigned(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("unsigned")
    answer = _pay(client)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.lower().startswith("wechatpay-")]
    assert _is_paid(sandbox)


def test_an_answer_may_be_cut_in_the_middle(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("malformed")
    answer = _pay(client)
    with pytest.raises(ValueError):
        answer.json()
    assert (client.verifies(answer), _is_paid(sandbox)) == (False, True)


def test_an_answer_may_come_late_and_slowly(client: Client, sandbox: Sandbox) -> None:
    client.order("ORDER01")
    sandbox.fault("delay", value=0.2)
    sandbox.fault("slow_bytes", value=2000)
    began = time.monotonic()
    assert client.query("ORDER01").json()["out_trade_no"] == "ORDER01"
    assert time.monotonic() - began > 0.3


def test_up_and_down_by_turns(client: Client, sandbox: Sandbox) -> None:
    client.order("ORDER01")
    sandbox.fault("flapping", value=10, times=-1)
    assert client.query("ORDER01").status_code == 200
    sandbox.advance(10)
    with pytest.raises(requests.ConnectionError):
        client.query("ORDER01")
    sandbox.advance(10)
    assert client.query("ORDER01").status_code == 200


def test_a_query_may_be_stale(client: Client, sandbox: Sandbox) -> None:
    client.paid("ORDER01")
    sandbox.fault("stale_query")
    said = client.query("ORDER01").json()
    assert (said["trade_state"], "transaction_id" in said) == ("NOTPAY", False)
    assert client.query("ORDER01").json()["trade_state"] == "SUCCESS"


def test_amounts_may_be_wrong_wherever_they_stand(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("wrong_amount", times=-1)
    assert _pay(client).json()["amount"]["total"] == 1251
    assert client.query("ORDER01").json()["amount"]["total"] == 1251
    client.refund("ORDER01", 500)
    assert client.get(f"{REFUNDS}/RORDER01").json()["amount"]["refund"] == 501
    assert sandbox.order("ORDER01").amount == 1250


@pytest.mark.parametrize("fault", ["bad_signature", "signtest", "unsigned", "drop_after", "bad_gateway_after"])
def test_an_answer_without_a_body_goes_wrong_as_well(client: Client, sandbox: Sandbox, fault: str) -> None:
    client.order("ORDER01")
    sandbox.fault(fault, operation="close")
    with contextlib.suppress(requests.ConnectionError, KeyError):
        answer = client.close("ORDER01")
        assert answer.content == b"" or answer.status_code == 502
        assert not client.verifies(answer)
    assert client.query("ORDER01").json()["trade_state"] == "CLOSED"


def test_a_rate_is_the_same_again_with_the_same_seed(client: Client, sandbox: Sandbox) -> None:
    client.order("ORDER01")
    sandbox.fault("busy", rate=0.5, times=-1)
    struck = [client.query("ORDER01").status_code == 429 for _ in range(20)]
    rolls = random.Random(1)
    assert struck == [rolls.random() < 0.5 for _ in range(20)]


def test_a_refusal_gets_lost_as_well(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("drop_after")
    with pytest.raises(requests.ConnectionError):
        client.query("ORDER01")


@pytest.mark.parametrize("kind", sorted(set(CALL_FAULTS) - {"stale_query", "wrong_amount"}))
def test_a_fault_strikes_the_operation_it_is_for(client: Client, sandbox: Sandbox, kind: str) -> None:
    client.paid("ORDER01")
    sandbox.fault(kind, operation="refund", value=0.01 if kind == "delay" else 1000)
    client.query("ORDER01")
    assert sandbox.books.newest_calls(1)[0].faults == []
    with contextlib.suppress(requests.ConnectionError):
        client.refund("ORDER01")
    assert sandbox.books.newest_calls(1)[0].faults == [kind]


def _calls(client: Client) -> dict[str, Any]:
    number = client.paid("ORDER01")
    client.refund("ORDER01")
    return {
        "query": lambda: client.get(f"{PAY}/id/{number}?mchid={client.merchant.mchid}"),
        "close": lambda: client.close("ORDER01"),
        "charge": lambda: client.order("ORDER01"),
        "refund": lambda: client.refund("ORDER01", out_trade_no=None, transaction_id=number),
        "query_refund": lambda: client.get(f"{REFUNDS}/RORDER01"),
    }


@pytest.mark.parametrize("operation", ["query", "close", "charge", "refund", "query_refund"])
def test_a_fault_strikes_the_order_it_is_for(client: Client, sandbox: Sandbox, operation: str) -> None:
    call = _calls(client)[operation]
    sandbox.fault("busy", out_trade_no="ORDER02")
    sandbox.fault("busy", out_trade_no="ORDER01")
    assert code(call()) == (429, "FREQUENCY_LIMITED")
    newest = sandbox.books.newest_calls(1)[0]
    assert (newest.operation, newest.out_trade_no) == (operation, "ORDER01")
    assert call().status_code != 429


def test_certificates_and_bills_go_wrong_too(client: Client, sandbox: Sandbox) -> None:
    for operation, target in (
        ("certificates", "/v3/certificates"),
        ("bill", "/v3/bill/tradebill?bill_date=2026-01-01"),
    ):
        sandbox.fault("busy", operation=operation)
        assert code(client.get(target)) == (429, "FREQUENCY_LIMITED")
        assert sandbox.books.newest_calls(1)[0].operation == operation


# -- what payers and their banks do -------------------------------------------------------------------------------


def test_a_payer_may_pay_by_himself(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("pays_by_itself", value=5)
    client.order("ORDER01")
    sandbox.deliver()
    assert client.query("ORDER01").json()["trade_state"] == "NOTPAY"
    sandbox.advance(5)
    assert client.query("ORDER01").json()["trade_state"] == "SUCCESS"


def test_a_payer_may_be_quicker_than_the_closing(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.order("ORDER01")
    sandbox.fault("late_payment", value=5)
    assert client.close("ORDER01").status_code == 204
    assert client.query("ORDER01").json()["trade_state"] == "CLOSED"
    sandbox.advance(5)
    sandbox.deliver()
    assert client.query("ORDER01").json()["trade_state"] == "SUCCESS"
    assert shop.said[0]["trade_state"] == "SUCCESS"


def test_a_payer_may_pay_twice(client: Client, sandbox: Sandbox, shop: Shop) -> None:
    client.order("ORDER01")
    sandbox.fault("double_payment")
    sandbox.pay("ORDER01")
    sandbox.deliver()
    first, second = sorted(
        shop.said, key=lambda said: said["transaction_id"] != client.query("ORDER01").json()["transaction_id"]
    )
    assert first["transaction_id"] != second["transaction_id"]
    assert first["out_trade_no"] == second["out_trade_no"] == "ORDER01"
    assert len({envelope["id"] for envelope in shop.envelopes}) == 2
    by_theirs = client.get(f"{PAY}/id/{second['transaction_id']}?mchid={client.merchant.mchid}").json()
    assert (by_theirs["out_trade_no"], by_theirs["transaction_id"]) == ("ORDER01", second["transaction_id"])
    body = {"out_trade_no": None, "transaction_id": second["transaction_id"], "out_refund_no": "R2"}
    assert client.refund("ORDER01", 1250, **body).json()["transaction_id"] == second["transaction_id"]
    assert client.query("ORDER01").json()["trade_state"] == "SUCCESS"
