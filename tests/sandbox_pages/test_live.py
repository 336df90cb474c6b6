"""Pages are told of changes as they happen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from payflow.sandbox import Order, Sandbox
from payflow.sandbox.api import live


def versions(answer: requests.Response) -> Iterator[int]:
    for line in answer.iter_lines(chunk_size=1):
        if line.startswith(b"data:"):
            yield json.loads(line[5:])["version"]


def test_a_change_is_told_at_once(sandbox: Sandbox, order: Callable[..., Order]) -> None:
    with requests.get(f"{sandbox.url}/sandbox/live", stream=True, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        told = versions(answer)
        first = next(told)
        began = time.monotonic()
        order()
        assert next(told) > first
        assert time.monotonic() - began < 1


def test_there_are_only_so_many_streams(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ones = []
    for _ in range(64):
        answer = requests.get(f"{sandbox.url}/sandbox/live", stream=True, timeout=10)
        next(versions(answer))
        open_ones.append(answer)
    refused = requests.get(f"{sandbox.url}/sandbox/live", timeout=10)
    assert (refused.status_code, refused.json()["error_code"]) == (429, "SANDBOX_BUSY")
    for answer in open_ones:
        answer.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:  # a stream notices that nobody reads when it has something to say
        sandbox.fault("delay")
        with requests.get(f"{sandbox.url}/sandbox/live", stream=True, timeout=10) as answer:
            if answer.status_code == 200:
                return
        time.sleep(0.2)
    pytest.fail("No place was given back")


def test_streams_end_with_the_sandbox(small_sides: None) -> None:
    sandbox = Sandbox().start()
    answer = requests.get(f"{sandbox.url}/sandbox/live", stream=True, timeout=10)
    told = versions(answer)
    next(told)
    sandbox.stop()
    assert list(told) == []


def test_a_quiet_stream_is_kept_alive(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(live, "_PATIENCE_SECONDS", 0.05)
    with requests.get(f"{sandbox.url}/sandbox/live", stream=True, timeout=10) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert any(line.startswith(b":") for line, _ in zip(lines, range(40), strict=False))
