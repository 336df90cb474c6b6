"""What an operator types: worker, trace, incidents, replay."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from payflow import Flow, Money, Payment, load, open_flow
from payflow.cli import main
from payflow.gateways.mock import InProcessDelivery, MockGateway

ROOT = Path(__file__).parents[2]


class Desk:
    """A shop's folder, its flow, and a terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "payflow.json"
        self.path.write_text(json.dumps({
            "version": 1,
            "secret": {"env": "DESK_SECRET"},
            "payment_gateway": "mock",
            "auto_confirm_order": True,
            "trusted_actions": [{"action": "buy"}],
            "gateways": {"mock": {"gateway": "mock", "secret": {"env": "DESK_MOCK_SECRET"}, "state": "mock.db"}},
            "policies": {"late_payment": "hold"},
            "store": {"url": "sqlite:///payflow.db"},
            "worker": {"poll_seconds": 0.05, "max_tries": 1},
            "handlers": [{"name": "note", "on": ["payment.paid"], "call": "tests.commands.hooks:note"}],
        }))  # fmt: skip
        self.environ = {
            "DESK_SECRET": secrets.token_urlsafe(48), "DESK_MOCK_SECRET": secrets.token_urlsafe(48),
            "HOOKS_FILE": str(folder / "noted"), "HOOKS_BROKEN": str(folder / "broken"),
        }  # fmt: skip
        self.flow: Flow = open_flow(load(self.path, self.environ), migrate=True)
        gateway: Any = self.flow.gateways["mock"]
        self.mock: MockGateway = gateway
        self.mock.deliver = InProcessDelivery(self.flow.receive)

    def paid(self, key: str = "k-1", **more: Any) -> Payment:
        payment = self.flow.pay(amount=Money(1250), channel="qr", key=key, action="buy", **more).payment
        self.mock.payer.pay(payment.out_trade_no)
        self.mock.pump()
        return self.flow.payment(payment.id)

    def types(self, *words: str) -> Result:
        name, *rest = words
        return CliRunner().invoke(main, [name, "-c", str(self.path), *rest], env=self.environ)

    def noted(self) -> list[str]:
        file = self.folder / "noted"
        return file.read_text().split() if file.exists() else []

    def starts_worker(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "payflow.cli", "worker", "-c", str(self.path)], cwd=ROOT, text=True,
            env={**os.environ, **self.environ}, stderr=subprocess.PIPE,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def _the_log_as_it_was() -> Iterator[None]:
    """The worker logs to the terminal of its test, which is gone afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.flow.store.close()


def test_one_round_for_cron_delivers_and_says_what_it_did(desk: Desk) -> None:
    desk.paid()
    done = desk.types("worker", "--once")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["delivered"] == 3  # payment.created, .pending, .paid
    assert desk.noted() == ["payment.paid"]
    assert json.loads(desk.types("worker", "--once").stdout)["delivered"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_finishes_its_round_and_exits_well(desk: Desk, number: signal.Signals) -> None:
    desk.paid()
    worker = desk.starts_worker()
    until = time.monotonic() + 20
    while not desk.noted():
        assert worker.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    worker.send_signal(number)
    _, said = worker.communicate(timeout=20)
    assert worker.returncode == 0, said
    assert "Stopped." in said
    assert "Traceback" not in said
    assert desk.noted() == ["payment.paid"]


def test_a_config_that_is_wrong_is_said_in_one_line_each(desk: Desk) -> None:
    desk.path.write_text(desk.path.read_text().replace('"trusted_actions"', '"trusted_action"'))
    done = desk.types("worker", "--once")
    assert done.exit_code == 2
    assert "trusted_actions" in done.stderr
    assert "Traceback" not in done.output


def test_a_trace_is_told_by_id_and_by_the_host_s_own_reference(desk: Desk) -> None:
    payment = desk.paid(reference="table-7")
    by_id, by_reference = desk.types("trace", payment.id), desk.types("trace", "table-7")
    assert by_id.exit_code == 0
    assert by_id.output == by_reference.output
    assert "pending -pay→ paid" in by_id.output
    assert "capture booked: gateway:mock +12.50, sales -12.50" in by_id.output


def test_a_trace_as_json_is_one_document(desk: Desk) -> None:
    told = json.loads(desk.types("trace", desk.paid().id, "--json").stdout)
    assert (told["status"], told["captured"]) == ("paid", 1250)
    assert {step["what"] for step in told["steps"]} >= {"receipt", "transition", "journal", "message", "attempt"}


def test_a_payment_nobody_made_has_no_trace(desk: Desk) -> None:
    done = desk.types("trace", "nothing")
    assert done.exit_code == 2
    assert "PAYMENT_NOT_FOUND" in done.stderr


def test_no_incidents_is_said(desk: Desk) -> None:
    assert desk.types("incidents").output == "No open incidents.\n"


def test_an_incident_is_listed_and_resolved_with_the_operator_s_name(desk: Desk) -> None:
    payment = desk.paid()
    desk.mock.payer.pay_again(payment.out_trade_no)
    desk.mock.pump()
    listed = json.loads(desk.types("incidents", "--json").stdout)
    assert [(one["kind"], one["status"]) for one in listed] == [("double_payment", "open")]
    assert "12.50 CNY" in desk.types("incidents").output
    done = desk.types("incidents", "resolve", listed[0]["id"], "refund", "--operator", "anna")
    assert done.exit_code == 0, done.output
    desk.mock.pump()
    assert desk.types("incidents").output == "No open incidents.\n"
    trade = desk.mock.trade(payment.out_trade_no)
    assert trade is not None
    assert trade.refunded == 1250
    assert "anna" in desk.types("trace", payment.id, "--json").stdout


def test_an_incident_nobody_opened_cannot_be_resolved(desk: Desk) -> None:
    done = desk.types("incidents", "resolve", "nothing", "dismiss")
    assert done.exit_code == 2
    assert "INCIDENT_NOT_FOUND" in done.stderr


def test_a_dead_letter_is_replayed_to_its_handler(desk: Desk) -> None:
    payment = desk.paid()
    (desk.folder / "broken").touch()
    assert json.loads(desk.types("worker", "--once").stdout)["dead"] == 1
    (desk.folder / "broken").unlink()
    assert desk.types("replay", "--handler", "another").output.startswith("0 messages")
    assert desk.types("replay", "--payment", payment.id).output == "1 message will be delivered again.\n"
    desk.types("worker", "--once")
    assert desk.noted() == ["payment.paid"]
    assert desk.types("replay").output.startswith("0 messages")
