"""The chat as a person finds it: a process of its own on a free port, with a folder of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import requests

from payflow.doctor import broken
from payflow.stores import open_store
from payflow.testing.services import free_port

from .world import CONFIG

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    address: str
    folder: Path
    process: subprocess.Popen[str]
    lines: list[str]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Close it as Ctrl-C does; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait(20)


def start(folder: Path, *, ttl: int = 60, pause_ms: int = 60, port: int | None = None) -> Running:
    """Start it; the secrets and databases of the folder are kept."""
    config = json.loads(CONFIG.read_text())
    config["wallet"]["holds"]["ttl_seconds"] = ttl
    (folder / "payflow.json").write_text(json.dumps(config))
    environ = {
        **os.environ, "PAYFLOW_CONFIG": str(folder / "payflow.json"), "PORT": str(port or free_port()),
        "PAUSE_MS": str(pause_ms),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.credits"], cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        found = re.search(r"Parrot is listening:\s+(http://127\.0\.0\.1:\d+)", line)
        if found:
            threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True).start()
            return Running(found[1], folder, process, lines)
    raise AssertionError("It did not start:\n" + "".join(lines))


def check_books(folder: Path) -> None:
    """Every invariant of the database in this folder holds."""
    store = open_store(f"sqlite:///{folder}/var/credits.db")
    try:
        findings = broken(store)
    finally:
        store.close()
    assert not findings, "\n".join(f"{f.invariant.number} {f.invariant.says}: {f.rows}" for f in findings)


def somebody(running: Running) -> requests.Session:
    """A visitor with a cookie, who reads English."""
    session = requests.Session()
    session.get(f"{running.address}/?lang=en", timeout=10)
    return session
