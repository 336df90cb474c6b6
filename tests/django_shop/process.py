"""The hall as a person finds it: a process of its own on a free port, with a folder of its own, and a sandbox."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payflow.testing.services import free_port

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "django_shop"


@dataclass
class Hall:
    address: str
    sandbox: str
    name: str
    password: str
    folder: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(repr=False)

    def stop(self) -> int:
        """Close it as Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What its database says; ``sql`` may write as well."""
        with closing(sqlite3.connect(self.folder / "var" / "hall.db", timeout=10)) as connection, connection:
            return connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        """The one value of the one row."""
        [(value,)] = self.rows(sql, *values)
        return value


def environ_of(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PAYFLOW", "SHOP"))}
    return {**kept, "PAYFLOW_CONFIG": str(folder / "payflow.json"), "PYTHONIOENCODING": "utf-8", **more}


def open_hall(folder: Path, *, command: tuple[str, ...] = ("-m", "examples.django_shop"), **environ: str) -> Hall:
    """Open it on a port that is free; the secrets and databases of the folder are kept."""
    shutil.copy(EXAMPLE / "payflow.json", folder / "payflow.json")
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, text=True,
        env=environ_of(folder, **{"PORT": str(free_port()), **environ}),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C closes it" in line:
            said = "".join(lines)
            threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True).start()
            found = re.search(
                r"Hall is open:\s+(\S+?)/\n.*?office:\s+\S+\s+(\S+)\s+(\S+)\n.*?sandbox:\s+(\S+?)/ ", said, re.DOTALL
            )
            assert found, said
            return Hall(found[1], found[4], found[2], found[3], folder, process, lines)
    raise AssertionError("The hall did not open:\n" + "".join(lines))


def manage(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """``manage.py`` of the example, on the data of a folder."""
    return subprocess.run(
        [sys.executable, str(EXAMPLE / "manage.py"), *words], check=False, cwd=folder,
        env=environ_of(folder, **environ),
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
