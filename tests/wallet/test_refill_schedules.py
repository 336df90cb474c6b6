"""What starts refill runs in examples/refill works as it stands: cron's command, systemd's units, Celery's task."""

from __future__ import annotations

import configparser
import re
import secrets
import shlex
from pathlib import Path
from typing import Any

import pytest

from .test_refills import daily
from .world import Purse

FOLDER = Path(__file__).parents[2] / "examples" / "refill"


def words_of(line: str) -> list[str]:
    return shlex.split(line.split("venv/bin/payflow", 1)[1].split(">>", maxsplit=1)[0])


def test_the_commands_of_cron_and_systemd_are_commands_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from click.testing import CliRunner

    import payflow
    from payflow.cli import main

    for name in ("S", "M"):
        monkeypatch.setenv(name, secrets.token_urlsafe(40))
    (tmp_path / "payflow.json").write_text(json.dumps({
        "secret": {"env": "S"}, "payment_gateway": "mock",
        "gateways": {"mock": {"gateway": "mock", "secret": {"env": "M"}}},
        "wallet": {"units": {"tokens": {}}, "refills": [daily()]},
    }))  # fmt: skip
    monkeypatch.chdir(tmp_path)
    wallet = payflow.open_wallet(payflow.open(migrate=True))
    wallet.open("ann", "tokens")
    [line] = [line for line in (FOLDER / "crontab").read_text().splitlines() if not line.startswith("#")]
    ran = CliRunner().invoke(main, words_of(line))
    assert ran.exit_code == 0, ran.output
    assert wallet.balance("ann", "tokens").available == 100
    service = configparser.ConfigParser()
    service.read(FOLDER / "payflow-refill.service")
    assert words_of(service["Service"]["ExecStart"]) == words_of(line)
    timer = configparser.ConfigParser()
    timer.read(FOLDER / "payflow-refill.timer")
    assert re.fullmatch(r"\*:0/\d+", timer["Timer"]["OnCalendar"])


def test_the_task_of_celery_grants_what_is_due_and_needs_no_arguments(
    make_purse: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from examples.refill import beat

    purse: Purse = make_purse(refills=[daily()])
    for number in range(5):
        purse.wallet.open(f"owner-{number}", "tokens")
    monkeypatch.setattr(beat, "wallet", lambda: purse.wallet)
    beat.app.conf.task_always_eager = True
    beat.refill.delay().get()
    beat.refill.delay().get()
    assert [purse.available(f"owner-{number}") for number in range(5)] == [100] * 5
    assert beat.app.conf.beat_schedule["refill"]["task"] == beat.refill.name
    assert (beat.refill.acks_late, beat.refill.reject_on_worker_lost) == (True, True)
