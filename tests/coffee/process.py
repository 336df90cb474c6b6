"""The coffee shop as a person finds it: a process of its own on a free port, with a folder of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from payflow.testing.services import free_port

ROOT = Path(__file__).parents[2]


@dataclass
class Shop:
    address: str
    folder: Path
    process: subprocess.Popen[str]
    lines: list[str]

    def stop(self) -> int:
        """Close it as Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def open_shop(
    folder: Path,
    *,
    port: int | None = None,
    command: tuple[str, ...] = ("-m", "examples.coffee"),
    config: str = "payflow.json",
) -> Shop:
    """Open it on ``port``, or on one that is free; the secrets and databases of the folder are kept."""
    shutil.copy(ROOT / "examples" / "coffee" / config, folder / "payflow.json")
    environ = {**os.environ, "PAYFLOW_CONFIG": str(folder / "payflow.json"), "PORT": str(port or free_port())}
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        found = re.search(r"shop is open:\s+(http://127\.0\.0\.1:\d+)", line)
        if found:
            threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True).start()
            return Shop(found[1], folder, process, lines)
    raise AssertionError("The shop did not open:\n" + "".join(lines))
