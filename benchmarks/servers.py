"""The PostgreSQL server of a run: started for it, in a folder of its own, with the settings of production.

The servers that tests start do not wait for the disk; here every commit does, for payflow and for the raw client alike.
``PAYFLOW_BENCH_PG_URL`` names another server instead, with an account that may create databases.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from payflow.testing.services import ServiceMissing, free_port, fresh_database


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of a fresh database."""
    with postgres_server() as server:
        yield fresh_database(server)


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server, ending in ``/``."""
    given = os.environ.get("PAYFLOW_BENCH_PG_URL")
    if given:
        yield given.rstrip("/") + "/"
        return
    folder = _programs()
    as_root = os.geteuid() == 0
    runner = ["runuser", "-u", "postgres", "--"] if as_root else []  # PostgreSQL does not run as root
    with tempfile.TemporaryDirectory(prefix="payflow-bench-", ignore_cleanup_errors=True) as place:
        if as_root:
            shutil.chown(place, "postgres")
        data, port = f"{place}/data", free_port()
        _run([*runner, f"{folder}/initdb", "-D", data, "-U", "payflow", "-A", "trust", "-E", "UTF8", "--no-sync"])
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={place}"
        options += " -c max_prepared_transactions=100"
        control = [*runner, f"{folder}/pg_ctl", "-D", data, "-w", "-s"]
        _run([*control, "-o", options, "-l", f"{place}/log", "start"])
        try:
            yield f"postgresql://payflow@127.0.0.1:{port}/"
        finally:
            _run([*control, "-m", "fast", "stop"])


def _programs() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    raise ServiceMissing("initdb is missing: install the package postgresql")


def _run(command: list[str]) -> None:
    """``pg_ctl start`` leaves a server behind that keeps its output open, so nothing is read from it."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ServiceMissing(f"{command[-1]} failed with {done.returncode}: {' '.join(command)}")
