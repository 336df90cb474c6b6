"""Callbacks, checks and commands, as a Django host meets them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client, override_settings

from payflow import Money
from payflow.django import access, payflow, wallet

from .conftest import CONFIG, Host, add_database, database_settings


def paid(host: Host, key: str = "k") -> tuple[str, Any]:
    made = payflow().pay(amount=Money(1250), channel="qr", action="buy", key=key, reference=f"order-{key}").payment
    host.gateway.payer.pay(made.out_trade_no)
    (callback,) = host.gateway.callbacks(made.out_trade_no)
    return made.id, callback


def posted(callback: Any, path: str = "/pay/callbacks/mock", client: Client | None = None) -> Any:
    return (client or Client()).post(
        path, callback.body, content_type="application/json", headers=dict(callback.headers)
    )


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_callback_is_answered_with_the_gateways_own_bytes(host: Host, slash: str) -> None:
    name, callback = paid(host)
    for _ in range(2):
        answer = posted(callback, f"/pay/callbacks/mock{slash}", Client(enforce_csrf_checks=True))
        assert (answer.status_code, answer.content) == (200, host.gateway.accepted().body)
        assert answer["Content-Length"] == str(len(answer.content))
    assert payflow().payment(name).status == "paid"
    assert payflow().payment(name).captured == 1250


def test_the_answer_comes_after_the_commit_whatever_atomic_requests_says(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    _, callback = paid(host)
    open_then: list[bool] = []
    plain = type(access.base_flow()).receive

    def receive(self: Any, given: Any) -> Any:
        open_then.append(host.connection.in_atomic_block)
        return plain(self, given)

    monkeypatch.setattr(type(access.base_flow()), "receive", receive)
    assert issubclass(type(host.connection), BaseDatabaseWrapper)
    host.connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert posted(callback).status_code == 200
    finally:
        host.connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert open_then == [False]


def test_a_tampered_callback_moves_nothing(host: Host) -> None:
    name, callback = paid(host)
    body = callback.body.replace(b"1250", b"9999")
    answer = Client().post("/pay/callbacks/mock", body, content_type="application/json", headers=dict(callback.headers))
    assert answer.status_code in (400, 401)
    assert payflow().payment(name).status == "pending"


def test_who_has_no_account_is_not_found(host: Host) -> None:
    _, callback = paid(host)
    assert posted(callback, "/pay/callbacks/nobody").status_code == 404
    assert Client().get("/pay/callbacks/mock").status_code == 405


# -- checks --------------------------------------------------------------------------------------------------------


def found(deploy: bool = False) -> set[str]:
    return {one.id for one in checks.run_checks(tags=["payflow"], include_deployment_checks=deploy)}


def test_a_good_setting_has_nothing_to_say(host: Host) -> None:
    assert found() == set()


def test_deploy_says_what_bites(host: Host) -> None:
    with override_settings(DEBUG=True):
        assert found(deploy=True) == {"payflow.W001", "payflow.W003", "payflow.W004"}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"CONFIG": {**CONFIG, "payment_gateway": "nobody"}}, {"payflow.E001"}),
        ({"CONFIG": "no-such-file.json"}, {"payflow.E001"}),
        ({"CONFIG": CONFIG, "CONFIGG": 1}, {"payflow.E002", "payflow.W005"}),
        ({"CONFIG": CONFIG, "USING": "elsewhere"}, {"payflow.E003"}),
        ({"CONFIG": CONFIG}, {"payflow.W005"}),
    ],
)
def test_a_bad_setting_is_named(setting: dict[str, Any], said: set[str]) -> None:
    with override_settings(PAYFLOW=setting):
        assert found() >= said
    access.forget()


# -- commands ------------------------------------------------------------------------------------------------------


def test_the_commands_work_on_djangos_own_database(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    name, callback = paid(host)
    posted(callback)
    call_command("payflow", "trace", "order-k", "--json")
    assert json.loads(capsys.readouterr().out)["payment_id"] == name
    call_command("payflow_worker", "--once")
    assert json.loads(capsys.readouterr().out)["delivered"] >= 1
    call_command("payflow_doctor", "--json")
    call_command("payflow", "incidents")
    assert "No open incidents" in capsys.readouterr().out
    wallet().grant("ann", "tokens", 100, key="g")
    call_command("payflow_statement", "ann/tokens")
    assert "100" in capsys.readouterr().out
    call_command("payflow_trace", name)
    assert "paid" in capsys.readouterr().out


def test_a_worker_leaves_the_hosts_logging_alone(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    before = list(logging.getLogger().handlers)
    call_command("payflow_worker", "--once")
    assert logging.getLogger().handlers == before


def test_a_command_that_fails_says_so(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError) as failed:
        call_command("payflow", "trace", "nobody")
    assert failed.value.returncode == 2
    assert "PAYMENT_NOT_FOUND" in capsys.readouterr().err


# -- several of everything -------------------------------------------------------------------------------------------


def test_two_databases_and_two_merchants(host: Host, migrated: Callable[[str], str], tmp_path: Path) -> None:
    """One process, two databases with payflow in each, and two accounts: nothing of one is seen in the other."""
    add_database("second", database_settings("sqlite", f"sqlite:///{tmp_path}/second.db"))
    call_command("migrate", database="second", verbosity=0)
    two = {**CONFIG, "gateways": {**CONFIG["gateways"], "other": {**CONFIG["gateways"]["mock"], "merchant": "second"}}}
    with override_settings(PAYFLOW={"CONFIG": two, "USING": host.using}):
        here = payflow().pay(amount=Money(100), channel="qr", action="buy", key="k", account="other").payment
        there = payflow("second").pay(amount=Money(200), channel="qr", action="buy", key="k").payment
        assert (here.account, there.account) == ("other", "mock")
        assert [one.id for one in payflow().store.recent_payments(9)] == [here.id]
        assert [one.id for one in payflow("second").store.recent_payments(9)] == [there.id]
    access.forget()
    connections["second"].close()
