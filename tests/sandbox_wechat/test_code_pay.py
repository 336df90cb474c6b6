"""Code pay: the last two digits of the payer's code say what happens."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.sandbox import Sandbox

from .merchant import PAY, Client, code

CODEPAY = f"{PAY}/codepay"


def test_a_code_pays_at_once(client: Client) -> None:
    answer = client.post(CODEPAY, client.code_body("ORDER01", "01"))
    said = answer.json()
    assert (answer.status_code, said["trade_state"], said["trade_type"]) == (200, "SUCCESS", "MICROPAY")
    assert client.verifies(answer)
    assert client.query("ORDER01").json() == said


def test_a_password_is_entered_at_the_cashier(client: Client, sandbox: Sandbox) -> None:
    body = client.code_body("ORDER01", "02")
    assert client.post(CODEPAY, body).json()["trade_state"] == "USERPAYING"
    assert client.query("ORDER01").json()["trade_state"] == "USERPAYING"
    assert client.post(CODEPAY, body).json()["trade_state"] == "USERPAYING"
    sandbox.pay("ORDER01")
    assert client.query("ORDER01").json()["trade_state"] == "SUCCESS"
    assert code(client.post(CODEPAY, body)) == (400, "ORDERPAID")


def test_a_password_may_never_be_entered(client: Client, sandbox: Sandbox) -> None:
    client.post(CODEPAY, client.code_body("ORDER01", "03"))
    sandbox.advance(600)
    assert client.query("ORDER01").json()["trade_state"] == "USERPAYING"
    assert client.reverse("ORDER01").json()["out_trade_no"] == "ORDER01"
    assert client.query("ORDER01").json()["trade_state"] == "REVOKED"


def test_a_balance_may_not_suffice(client: Client) -> None:
    assert code(client.post(CODEPAY, client.code_body("ORDER01", "04"))) == (403, "NOT_ENOUGH")
    said = client.query("ORDER01").json()
    assert (said["trade_state"], "transaction_id" in said) == ("PAYERROR", False)


def test_a_system_error_may_hide_a_payment(client: Client, sandbox: Sandbox) -> None:
    assert code(client.post(CODEPAY, client.code_body("ORDER01", "05"))) == (500, "SYSTEM_ERROR")
    assert sandbox.books.newest_calls(1)[0].code == "SYSTEM_ERROR"
    assert client.query("ORDER01").json()["trade_state"] == "SUCCESS"


def test_a_payer_may_decline(client: Client, sandbox: Sandbox) -> None:
    client.post(CODEPAY, client.code_body("ORDER01", "02"))
    sandbox.decline("ORDER01")
    assert client.query("ORDER01").json()["trade_state"] == "PAYERROR"


@pytest.mark.parametrize(
    "wrong", ["", "13000000000000000", "1300000000000000011", "160000000000000001", "13000000000000000x"]
)
def test_a_code_has_eighteen_digits_of_theirs(client: Client, wrong: str) -> None:
    body = client.code_body("ORDER01", payer={"auth_code": wrong})
    assert code(client.post(CODEPAY, body)) == (400, "PARAM_ERROR")


@pytest.mark.parametrize("scene", [None, {}, {"store_info": {}}, {"store_info": {"name": "x"}}])
def test_a_code_is_read_in_a_store(client: Client, scene: dict[str, Any] | None) -> None:
    assert code(client.post(CODEPAY, client.code_body("ORDER01", scene_info=scene))) == (400, "PARAM_ERROR")


def test_what_was_paid_goes_back_by_reversing(client: Client) -> None:
    client.post(CODEPAY, client.code_body("ORDER01"))
    for _ in range(2):
        answer = client.reverse("ORDER01")
        assert (answer.status_code, client.verifies(answer)) == (200, True)
    assert client.query("ORDER01").json()["trade_state"] == "REVOKED"
    assert code(client.refund("ORDER01", 1)) == (400, "INVALID_REQUEST")  # or it would go back twice


def test_what_was_refunded_is_not_reversed(client: Client, sandbox: Sandbox) -> None:
    client.post(CODEPAY, client.code_body("ORDER01"))
    client.refund("ORDER01", 500)
    assert code(client.reverse("ORDER01")) == (400, "INVALID_REQUEST")
    sandbox.advance(1)
    assert sandbox.order("ORDER01").refunded == 500


def test_only_code_pay_is_reversed(client: Client) -> None:
    client.paid("ORDER01")
    assert code(client.reverse("ORDER01")) == (400, "INVALID_REQUEST")
    assert code(client.reverse("ORDER02")) == (404, "ORDER_NOT_EXIST")


def test_reversing_names_its_app(client: Client) -> None:
    client.post(CODEPAY, client.code_body("ORDER01"))
    answer = client.post(f"{PAY}/out-trade-no/ORDER01/reverse", {"mchid": client.merchant.mchid})
    assert code(answer) == (400, "PARAM_ERROR")
