"""``payflow sandbox`` in a terminal."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from payflow import load
from payflow.cli import main
from payflow.testing.services import free_port


def started(*words: str) -> tuple[subprocess.Popen[str], str, float]:
    """The process, where it listens, and how long that took."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "payflow.cli", "sandbox", "--port", str(free_port()), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"Alipay +(http://\S+)/gateway\.do", line)
        if found:
            return process, found[1], time.monotonic() - began
    raise AssertionError(process.communicate()[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_soon_and_stops_cleanly(number: signal.Signals) -> None:
    process, url, seconds = started()
    assert requests.get(f"{url}/sandbox/counts", timeout=10).status_code == 200
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "Stopped.\n")
    assert seconds < 5, "about a second on an idle machine"


def test_it_keeps_keys_and_orders_and_logs_calls(tmp_path: Path) -> None:
    serials = []
    for _ in range(2):
        process, url, _ = started("--state", str(tmp_path / "state"), "-v")
        serials.append(requests.get(f"{url}/sandbox/keys/app_cert.crt", timeout=10).content)
        requests.post(f"{url}/gateway.do", data={"method": "alipay.trade.query"}, timeout=10)
        process.terminate()
        _, errors = process.communicate(timeout=10)
        assert "POST /gateway.do: 200" in errors
    assert serials[0] == serials[1]


def test_a_port_in_use_is_said_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["sandbox", "--port", str(port)])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: Cannot listen on 127.0.0.1:{port}: ")
    assert len(result.output.splitlines()) == 1


def test_it_writes_a_config_that_points_here(tmp_path: Path) -> None:
    path = tmp_path / "payflow.json"
    process, url, _ = started("--write-config", str(path))
    process.terminate()
    process.wait(10)
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["gateways"]["alipay"]["base_url"] == f"{url}/gateway.do"
    assert told["gateways"]["wechat"]["base_url"] == url
    assert set(load(path, {}).accounts) == {"alipay", "wechat"}
    for name in re.findall(r'"file": "([^"]+)"', path.read_text(encoding="utf-8")):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, f"{name} is for its owner alone"
    result = CliRunner().invoke(main, ["sandbox", "--write-config", str(path)])
    assert (result.exit_code, "not written over" in result.output) == (1, True)
