"""``payflow check`` and ``payflow route``: what they print and how they exit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from payflow.cli import check, route
from payflow.cli.check import look_at_clock

from .documents import ENVIRON, SECRET, loaded, right

ROUTES = [
    {"name": "small", "when": {"channel": "qr", "amount": {"max": "50.00"}}, "gateway": "mock"},
    {"name": "gold", "when": {"channel": ["qr", "app"], "extra": {"level": ["gold"], "vip": True}}, "gateway": "mock"},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PAYFLOW_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder: Path, command: Any, *arguments: str, **changes: Any) -> Result:
    (folder / "payflow.json").write_text(json.dumps(right(**changes)))
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_check_prints_every_value_with_its_source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYFLOW__LOG_LEVEL", "WARNING")
    result = run(folder, check.command, environment="test")
    assert result.exit_code == 0
    lines = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line.startswith("  ")}
    assert lines["environment"] == ["file", "test"]
    assert lines["log_level"] == ["PAYFLOW__LOG_LEVEL", "WARNING"]
    assert lines["time_zone"] == ["default", "Asia/Shanghai"]
    assert "payflow.json is right" in result.output
    assert SECRET not in result.output


def test_check_names_every_problem_and_exits_with_2(folder: Path) -> None:
    result = run(folder, check.command, payment_gatway="mock", timeouts={"read_seconds": 0})
    assert result.exit_code == 2
    assert "2 problems" in result.output
    assert "$.payment_gatway  CONFIG_UNKNOWN_FIELD" in result.output
    assert "$.timeouts.read_seconds  CONFIG_UNIT" in result.output


def test_check_of_a_file_that_is_not_there(folder: Path) -> None:
    result = CliRunner().invoke(check.command, ["-c", "nowhere.json"])
    assert (result.exit_code, "CONFIG_NOT_FOUND" in result.output) == (2, True)


def test_strict_turns_warnings_into_exit_code_1(folder: Path) -> None:
    assert run(folder, check.command).exit_code == 0
    assert run(folder, check.command, "--strict").exit_code == 1
    quiet = {"environment": "test", "policies": {"late_payment": "refund"}}
    result = run(folder, check.command, "--strict", **quiet)
    assert (result.exit_code, "No warnings." in result.output) == (0, True)


def test_check_as_json(folder: Path) -> None:
    document = json.loads(run(folder, check.command, "--json", routes=ROUTES).output)
    assert document["valid"] is True
    assert {"path", "value", "source", "where"} == set(document["settings"][0])
    assert {finding["kind"] for finding in document["routing"]} >= {"sometimes_gap", "unrouted", "overlap"}
    assert document["clock"]["zone"] == "Asia/Shanghai"


def test_check_as_json_when_it_is_wrong(folder: Path) -> None:
    result = run(folder, check.command, "--json", time_zone="Mars")
    document = json.loads(result.output)
    assert (result.exit_code, document["valid"]) == (2, False)
    assert document["problems"][0]["code"] == "CONFIG_UNKNOWN_TIME_ZONE"


def test_check_tells_of_routes_nobody_takes(folder: Path) -> None:
    result = run(folder, check.command, routes=ROUTES[:1])
    assert "No route takes CNY from 50.01 by qr" in result.output


def test_check_tells_of_a_channel_the_account_cannot_do(folder: Path) -> None:
    gateways = {"mock": {"gateway": "mock", "secret": {"env": "MOCK_SECRET"}, "channels": ["page"]}}
    result = run(folder, check.command, routes=ROUTES[:1], gateways=gateways)
    assert "Route 'small' sends qr to 'mock', which cannot do it" in result.output


def test_check_finds_a_handler_that_is_not_there(folder: Path) -> None:
    handlers = [{"name": "h", "on": ["payment.paid"], "call": "json:lodas"}]
    result = run(folder, check.command, handlers=handlers)
    assert (result.exit_code, "CONFIG_UNKNOWN_FUNCTION" in result.output) == (2, True)


def test_check_finds_a_key_that_does_not_parse(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIPAY_KEY", "bm90IGEga2V5")
    account = {
        "gateway": "alipay", "app_id": "2021" * 4, "seller_id": "2088" * 4, "alipay_public_key": {"env": "ALIPAY_KEY"},
    }  # fmt: skip
    result = run(folder, check.command, gateways={"a": account}, payment_gateway="a")
    assert result.exit_code == 2
    assert "bm90IGEga2V5" not in result.output


@pytest.mark.skipif(os.name != "posix", reason="file modes are a posix matter")
def test_check_warns_of_a_secret_others_can_read(folder: Path) -> None:
    (folder / "key").write_text(SECRET)
    (folder / "key").chmod(0o644)
    assert "file key can be read by other users" in run(folder, check.command, secret={"file": "key"}).output
    (folder / "key").chmod(0o600)
    assert "can be read by other users" not in run(folder, check.command, secret={"file": "key"}).output


def test_check_warns_of_a_database_folder_that_is_not_there(folder: Path) -> None:
    assert "no folder this user may write to" in run(folder, check.command, store={"url": "sqlite:///no/x.db"}).output


def test_the_hosts_own_functions_are_found_from_its_folder(folder: Path) -> None:
    (folder / "shop_rules_of_check.py").write_text("def rich(facts):\n    return facts.amount.minor > 100\n")
    routes = [
        {"name": "rich", "when": {"predicate": "shop_rules_of_check:rich"}, "gateway": "mock"},
        {"name": "rest", "fallback": True},
    ]
    result = run(folder, route.command, "--amount", "2.00", "--channel", "qr", routes=routes)
    assert (result.exit_code, "(route rich)" in result.output) == (0, True)


def test_the_clock_agrees_with_itself_and_says_what_was_measured() -> None:
    clock = look_at_clock(loaded())
    assert clock.advice == ()
    assert "the gateways were not asked" in clock.text


def test_a_config_from_the_future_means_a_clock_that_is_behind(folder: Path) -> None:
    (folder / "payflow.json").write_text(json.dumps(right()))
    os.utime(folder / "payflow.json", (2**32, 2**32))
    assert "its clock is behind" in CliRunner().invoke(check.command, []).output


def test_route_explains_the_match_and_the_rest(folder: Path) -> None:
    result = run(folder, route.command, "--amount", "12.50", "--channel", "qr", "-e", "level=gold", routes=ROUTES)
    assert result.exit_code == 0
    assert '12.50 CNY by qr with level="gold" → mock (route small)' in result.output
    assert "extra 'vip' was not given" in result.output


def test_route_without_a_match_exits_with_1(folder: Path) -> None:
    result = run(folder, route.command, "--amount", "50.01", "--channel", "qr", routes=ROUTES)
    assert result.exit_code == 1
    assert "NO_ROUTE" in result.output
    assert "amount 50.01 CNY is above 50.00" in result.output


def test_route_reads_extras_as_what_they_look_like(folder: Path) -> None:
    arguments = ("--amount", "99.00", "--channel", "qr", "-e", "level=gold", "-e", "vip=true", "--json")
    document = json.loads(run(folder, route.command, *arguments, routes=ROUTES).output)
    assert (document["account"], document["rule"], document["error_code"]) == ("mock", "gold", None)
    assert document["extra"] == {"level": "gold", "vip": True}


@pytest.mark.parametrize("amount", ["12.5", "0.00", "-1.00", "1e3", "", "12.500"])
def test_b110_route_takes_exact_amounts_only(folder: Path, amount: str) -> None:
    result = run(folder, route.command, f"--amount={amount}", "--channel", "qr")
    assert (result.exit_code, "Amount" in result.output) == (2, True)


def test_route_with_a_wrong_config(folder: Path) -> None:
    result = run(folder, route.command, "--amount", "1.00", "--channel", "qr", nonsense=1)
    assert (result.exit_code, "payflow check tells more" in result.output) == (2, True)


def test_check_finds_a_table_of_the_hosts_own_that_cannot_work(folder: Path) -> None:
    result = run(folder, check.command, tables={"payment": {"states": ["created"]}})
    assert (result.exit_code, "problem" in result.output) == (2, True)
