"""Refunds: under way first, then done or not; one number, one refund; and money that cannot go back."""

from __future__ import annotations

from typing import Any

import pytest

from payflow.sandbox import Sandbox

from .merchant import REFUNDS, Client, code, sealed_field, serial


def _query(client: Client, number: str = "RORDER01") -> dict[str, Any]:
    answer = client.get(f"{REFUNDS}/{number}")
    assert client.verifies(answer)
    return dict(answer.json())


def test_a_refund_is_under_way_and_then_done(client: Client, sandbox: Sandbox) -> None:
    number = client.paid("ORDER01")
    answer = client.refund("ORDER01", 500)
    said = answer.json()
    assert client.verifies(answer)
    assert (said["status"], said["transaction_id"], "success_time" in said) == ("PROCESSING", number, False)
    assert (said["amount"]["refund"], said["amount"]["total"], said["amount"]["currency"]) == (500, 1250, "CNY")
    assert _query(client) == said
    sandbox.advance(1)
    done = _query(client)
    assert (done["status"], done["refund_id"], "success_time" in done) == ("SUCCESS", said["refund_id"], True)


def test_a_refund_names_its_order_by_either_number(client: Client) -> None:
    number = client.paid("ORDER01")
    answer = client.refund("ORDER01", 500, out_trade_no=None, transaction_id=number)
    assert answer.json()["out_trade_no"] == "ORDER01"


def test_the_same_number_is_the_same_refund(client: Client, sandbox: Sandbox) -> None:
    client.paid("ORDER01")
    first = client.refund("ORDER01", 500).json()
    sandbox.advance(1)
    assert client.refund("ORDER01", 500).json()["refund_id"] == first["refund_id"]
    assert sandbox.order("ORDER01").refunded == 500


def test_parts_come_to_no_more_than_was_paid(client: Client, sandbox: Sandbox) -> None:
    client.paid("ORDER01")
    assert client.refund("ORDER01", 1000).status_code == 200
    assert code(client.refund("ORDER01", 251, out_refund_no="R2")) == (400, "INVALID_REQUEST")
    assert client.refund("ORDER01", 250, out_refund_no="R2").status_code == 200
    assert code(client.refund("ORDER01", 1, out_refund_no="R3")) == (400, "INVALID_REQUEST")
    sandbox.advance(1)
    assert sandbox.order("ORDER01").refunded == 1250


def test_another_amount_under_one_number_is_refused(client: Client) -> None:
    client.paid("ORDER01")
    client.refund("ORDER01", 500)
    assert code(client.refund("ORDER01", 400)) == (400, "INVALID_REQUEST")


def test_one_number_is_not_for_two_orders(client: Client) -> None:
    client.paid("ORDER01")
    client.paid("ORDER02")
    client.refund("ORDER01", 500)
    assert code(client.refund("ORDER02", 500, out_refund_no="RORDER01")) == (400, "INVALID_REQUEST")


def test_the_total_must_be_the_orders(client: Client) -> None:
    client.paid("ORDER01")
    assert code(client.refund("ORDER01", 500, 1300)) == (400, "INVALID_REQUEST")


def test_an_unpaid_order_has_nothing_to_refund(client: Client) -> None:
    client.order("ORDER01")
    assert code(client.refund("ORDER01")) == (404, "RESOURCE_NOT_EXISTS")
    assert code(client.refund("ORDER02")) == (404, "RESOURCE_NOT_EXISTS")
    assert code(client.refund("x", out_trade_no=None, transaction_id="4200000001")) == (404, "RESOURCE_NOT_EXISTS")


def test_an_unknown_refund_does_not_exist(client: Client, public: Client) -> None:
    public.paid("ORDER01")
    public.refund("ORDER01")
    assert code(client.get(f"{REFUNDS}/RORDER01")) == (404, "RESOURCE_NOT_EXISTS")


def test_a_merchants_balance_may_not_suffice(client: Client, sandbox: Sandbox) -> None:
    client.paid("ORDER01")
    sandbox.fault("refund_refused")
    assert code(client.refund("ORDER01")) == (403, "NOT_ENOUGH")
    assert client.refund("ORDER01").json()["status"] == "PROCESSING"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("out_refund_no", None), ("out_refund_no", ""), ("out_refund_no", "x" * 65), ("out_refund_no", "R 1"),
        ("out_trade_no", None), ("reason", "x" * 81), ("amount", None), ("amount", {"refund": 500, "total": 1250}),
        ("amount", {"refund": 0, "total": 1250, "currency": "CNY"}), ("notify_url", "http://shop.example/"),
        ("amount", {"refund": 1.5, "total": 1250, "currency": "CNY"}),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_named(client: Client, field: str, value: object) -> None:
    client.paid("ORDER01")
    body = client.refund_body("ORDER01") | {field: value}
    answer = client.post(REFUNDS, {name: said for name, said in body.items() if said is not None})
    assert code(answer) == (400, "PARAM_ERROR")
    assert field in answer.json()["detail"]["field"]


@pytest.mark.parametrize(("fault", "ends"), [("refund_abnormal", "ABNORMAL"), ("refund_closed", "CLOSED")])
def test_a_refund_may_come_to_nothing(client: Client, sandbox: Sandbox, fault: str, ends: str) -> None:
    client.paid("ORDER01")
    sandbox.fault(fault)
    assert client.refund("ORDER01").json()["status"] == "PROCESSING"
    sandbox.advance(1)
    said = _query(client)
    assert (said["status"], "success_time" in said) == (ends, False)
    assert sandbox.order("ORDER01").refunded == 0


# -- to another account -------------------------------------------------------------------------------------------


def _abnormal(client: Client, sandbox: Sandbox) -> str:
    client.paid("ORDER01")
    sandbox.fault("refund_abnormal")
    number = str(client.refund("ORDER01").json()["refund_id"])
    sandbox.advance(1)
    return number


def _body(client: Client, key: str = "platform", **more: Any) -> dict[str, Any]:
    seal = client.material.key(key).public_key()
    return {
        "out_refund_no": "RORDER01", "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT",
        "bank_account": sealed_field(seal, "6222000000000000"), "real_name": sealed_field(seal, "王小明"), **more,
    }  # fmt: skip


def test_an_abnormal_refund_goes_to_another_account(client: Client, sandbox: Sandbox) -> None:
    path = f"{REFUNDS}/{_abnormal(client, sandbox)}/apply-abnormal-refund"
    client.answer_with = serial(client.material.platform_certificate)
    answer = client.post(path, _body(client))
    assert (answer.status_code, answer.json()["status"], client.verifies(answer)) == (200, "PROCESSING", True)
    sandbox.advance(1)
    assert _query(client)["status"] == "SUCCESS"
    assert sandbox.order("ORDER01").refunded == 500


def test_fields_are_sealed_with_the_public_key_as_well(public: Client, sandbox: Sandbox) -> None:
    path = f"{REFUNDS}/{_abnormal(public, sandbox)}/apply-abnormal-refund"
    public.answer_with = public.material.public_key_id
    assert public.post(path, _body(public, "wechat_public")).status_code == 200


@pytest.mark.parametrize("named", ["", "0123456789ABCDEF", "PUB_KEY_ID_0000"])
def test_the_key_of_sealed_fields_must_be_named(client: Client, sandbox: Sandbox, named: str) -> None:
    path = f"{REFUNDS}/{_abnormal(client, sandbox)}/apply-abnormal-refund"
    client.answer_with = named
    assert code(client.post(path, _body(client))) == (400, "PARAM_ERROR")
    assert _query(client)["status"] == "ABNORMAL"


@pytest.mark.parametrize(
    "wrong", [{"bank_account": "6222000000000000"}, {"real_name": None}, {"bank_account": "AAAA"}, {"type": "CASH"}]
)
def test_a_field_that_is_not_sealed_is_refused(client: Client, sandbox: Sandbox, wrong: dict[str, str]) -> None:
    path = f"{REFUNDS}/{_abnormal(client, sandbox)}/apply-abnormal-refund"
    client.answer_with = serial(client.material.platform_certificate)
    assert code(client.post(path, _body(client, **wrong))) == (400, "PARAM_ERROR")


def test_fields_sealed_with_another_key_do_not_open(client: Client, sandbox: Sandbox) -> None:
    path = f"{REFUNDS}/{_abnormal(client, sandbox)}/apply-abnormal-refund"
    client.answer_with = serial(client.material.platform_certificate)
    assert code(client.post(path, _body(client, "stranger"))) == (400, "PARAM_ERROR")


def test_only_an_abnormal_refund_goes_elsewhere(client: Client, sandbox: Sandbox) -> None:
    client.paid("ORDER01")
    number = client.refund("ORDER01").json()["refund_id"]
    client.answer_with = serial(client.material.platform_certificate)
    assert code(client.post(f"{REFUNDS}/{number}/apply-abnormal-refund", _body(client))) == (400, "INVALID_REQUEST")
    assert code(client.post(f"{REFUNDS}/503/apply-abnormal-refund", _body(client))) == (404, "RESOURCE_NOT_EXISTS")
