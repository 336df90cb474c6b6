"""``payflow demo`` tells the truth, in both languages, anywhere, without a trace."""

from __future__ import annotations

import os
import re
import string
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from payflow.cli import main
from payflow.cli.demo import Story, Voice
from payflow.cli.demo_words import TEXTS


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "payflow.cli", "demo", *arguments], env={**kept, **environment}, text=True,
        capture_output=True, timeout=60, check=False, encoding="utf-8", errors="replace",
    )  # fmt: skip


def test_the_whole_story_is_told_and_ends_well() -> None:
    done = run("--lang", "en")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for told in (
        "not a trusted action", "TOKEN_FORGED", "TOKEN_USED", "captured 25.00 CNY, booked 1 time", "SIGNATURE_INVALID",
        "1 cup made", "IDEMPOTENCY_CONFLICT", "REFUND_EXCEEDS_CAPTURED", "refunded → paid: TRANSITION_NOT_ALLOWED",
        "double_payment", "invariants hold", "refunded since 'refund_full'",
    ):  # fmt: skip
        assert told in done.stdout
    assert done.stdout.count("✓") - 1 == int(re.search(r"(\d+) truths checked", done.stdout)[1])  # type: ignore[index]


def test_it_is_told_in_chinese_where_chinese_is_spoken() -> None:
    assert run(LANG="zh_CN.UTF-8").stdout.startswith("一杯咖啡的故事")


def test_it_is_plain_where_nobody_sees_colours() -> None:
    assert "\x1b" not in run("--lang", "en").stdout


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_is_heard_on_a_terminal(
    environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    told = CliRunner().invoke(main, ["demo", "--lang", "en"], color=True)
    assert told.exit_code == 0
    assert ("\x1b[" in told.output) == coloured


def test_a_terminal_without_the_tick_gets_the_story_nevertheless() -> None:
    done = run("--lang", "en", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0
    assert "? payment " in done.stdout


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    assert run("--lang", "en", TMPDIR=str(tmp_path)).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_no_network_is_used() -> None:
    script = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('the network was used')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from payflow.cli import main\n"
        "main(['demo', '--lang', 'en'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_not_true_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.ClickException, match="is not: payment x is paid"):
        Voice("en").holds(False, "ordered", id="x", status="paid")
    assert capsys.readouterr().out == ""


def test_a_gateway_that_lies_ends_the_story() -> None:
    with tempfile.TemporaryDirectory() as folder:
        story = Story(folder, Voice("en"))
        story.mock.payer.pay = story.mock.payer.decline  # type: ignore[method-assign]  # the payer's bank says no
        with pytest.raises(click.ClickException):
            story.tell()
        story.flow.store.close()


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_both_languages_tell_the_same_facts(key: str) -> None:
    english, chinese = ({name for _, name, _, _ in string.Formatter().parse(text) if name} for text in TEXTS[key])
    assert english == chinese
