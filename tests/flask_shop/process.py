"""The tea shop as a person finds it: a process of its own on a free port, with a folder of its own."""

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
PASSWORD = "nobody-guesses-this-tea"


@dataclass
class Shop:
    address: str
    sandbox: str
    folder: Path
    process: subprocess.Popen[str]
    lines: list[str]

    def stop(self) -> int:
        """Close it as Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def open_shop(folder: Path) -> Shop:
    """Open it on a port that is free; its secrets and its database are in the folder."""
    shutil.copy(ROOT / "examples" / "flask_shop" / "payflow.json", folder / "payflow.json")
    environ = {
        **os.environ, "PAYFLOW_CONFIG": str(folder / "payflow.json"), "PORT": str(free_port()),
        "SHOP_STAFF_PASSWORD": PASSWORD,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "examples.flask_shop"], cwd=ROOT, env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True).start()
            said = "".join(lines)
            shop, sandbox = (
                re.search(rf"{what}.*?(http://127\.0\.0\.1:\d+)", said) for what in ("is open:", "its Ali")
            )
            assert shop is not None, said
            assert sandbox is not None, said
            return Shop(shop[1], sandbox[1], folder, process, lines)
    raise AssertionError("The shop did not open:\n" + "".join(lines))
