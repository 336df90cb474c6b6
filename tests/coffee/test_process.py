"""The shop as a process: it opens anywhere, closes cleanly, and remembers."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from .process import ROOT, Shop, open_shop


@contextlib.contextmanager
def opened(folder: Path, **how: Any) -> Iterator[Shop]:
    shop = open_shop(folder, **how)
    try:
        yield shop
    finally:
        if shop.process.poll() is None:
            shop.process.kill()
            shop.process.wait()


def order(shop: Shop, key: str = "one") -> requests.Response:
    return requests.post(
        f"{shop.address}/api/v1/order",
        json={"drink": "tea", "size": "small"},
        headers={"Idempotency-Key": key},
        timeout=10,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_closes_cleanly_and_knows_its_orders_when_it_opens_again(tmp_path: Path, number: signal.Signals) -> None:
    with opened(tmp_path) as shop:
        made = order(shop).json()["payment_id"]
        shop.process.send_signal(number)
        assert shop.process.wait(20) == 0, "".join(shop.lines)
    secrets = {file.name: file.read_text() for file in (tmp_path / "var").glob("*.secret")}
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "var").glob("*.secret")} == {0o600}
    with opened(tmp_path) as shop:
        assert order(shop).json()["payment_id"] == made
        assert made in requests.get(f"{shop.address}/", timeout=10).text
    assert {file.name: file.read_text() for file in (tmp_path / "var").glob("*.secret")} == secrets


def test_a_page_that_is_open_does_not_keep_it_from_closing(tmp_path: Path) -> None:
    with opened(tmp_path) as shop:
        page = order(shop).json()["page"]
        with requests.get(f"{page}/events", stream=True, timeout=10) as stream:
            assert next(stream.iter_lines()) == b"retry: 500"
            assert shop.stop() == 0
        assert not [line for line in shop.lines if "Traceback" in line or "ERROR" in line], "".join(shop.lines)


def test_a_port_that_is_taken_is_left_to_whom_has_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with opened(tmp_path, port=port) as shop:
            assert not shop.address.endswith(f":{port}")
            assert order(shop).status_code == 202


def test_it_opens_without_waitress(tmp_path: Path) -> None:
    script = (
        "import runpy, sys\n"
        "sys.modules['waitress'] = sys.modules['waitress.server'] = None\n"
        "runpy.run_module('examples.coffee', run_name='__main__')\n"
    )
    with opened(tmp_path, command=("-c", script)) as shop:
        assert order(shop).status_code == 202
        assert shop.stop() == 0, "".join(shop.lines)


def test_a_port_that_is_no_port_is_said() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.coffee"], cwd=ROOT, env={"PORT": "coffee", "PYTHONPATH": str(ROOT)}, text=True,
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip() == "PORT is a number from 1 to 65535, not 'coffee'"
