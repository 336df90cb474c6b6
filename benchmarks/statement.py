"""The statement of an account with a million entries: how soon its first movement is printed, and in how much memory;
and its audit."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from payflow import load, open_flow, open_wallet

from .measuring import Figure, Scale

_ACCOUNT = "user-17/tokens"
_SET = 1000


def statement_sqlite(scale: Scale) -> list[Figure]:
    """SQLite: ``payflow statement`` and ``payflow doctor`` as a user starts them, processes of their own."""
    _, number = scale.stored
    with tempfile.TemporaryDirectory(prefix="payflow-bench-") as folder:
        place = Path(folder)
        environ = _config(place)
        began = time.perf_counter()
        _fill(place, environ, number)
        loaded = f"loaded {number:,} spends through the wallet in {time.perf_counter() - began:.0f} s"
        started = [_run(place, environ, "--version") for _ in range(scale.rounds)]
        firsts = [_run(place, environ, "statement", _ACCOUNT, "--limit", "20") for _ in range(scale.rounds)]
        newest = _run(place, environ, "statement", _ACCOUNT, "--limit", "20", "--order", "newest")
        whole = _run(place, environ, "statement", _ACCOUNT)
        audit = _run(place, environ, "doctor", "--json")
    assert whole.lines == number + 5, whole  # heading, opening, grant, …, closing, now
    says = f"the statement of an account with {number:,} entries, on SQLite"
    first = Figure(
        "statement_first", f"{says}: seconds to the first movement", 1, at_most=True, unit="s", notes=[loaded]
    )
    first.ratios = [one.first for one in (*firsts, whole)]
    first.ours = [statistics.median(first.ratios)]
    first.raw = [statistics.median(one.first for one in started)]
    first.notes.append("'raw' is payflow --version: a process that starts and says something")
    first.notes.append(f"newest first: {newest.first:.2f} s; all of it: {whole.took:.1f} s")
    memory = Figure("statement_memory", f"{says}: peak of the process", 100, at_most=True, unit="MB")
    memory.ratios = memory.ours = [whole.megabytes]
    memory.raw = [statistics.median(one.megabytes for one in firsts)]
    memory.notes.append(
        f"'raw' is --limit 20; payflow doctor computes it all again, every invariant included, in {audit.took:.0f} s "
        f"and {audit.megabytes:.0f} MB"
    )
    return [first, memory]


def _config(place: Path) -> dict[str, str]:
    (place / "payflow.json").write_text(json.dumps({
        "secret": {"env": "BENCH_SECRET"},
        "payment_gateway": "mock",
        "gateways": {"mock": {"gateway": "mock", "secret": {"env": "BENCH_MOCK_SECRET"}}},
        "store": {"url": "sqlite:///payflow.db"},
        "wallet": {"units": {"tokens": {}}},
    }))  # fmt: skip
    return {"BENCH_SECRET": secrets.token_urlsafe(48), "BENCH_MOCK_SECRET": secrets.token_urlsafe(48)}


def _fill(place: Path, environ: dict[str, str], number: int) -> None:
    flow = open_flow(load(place / "payflow.json", environ), migrate=True)
    wallet = open_wallet(flow)
    wallet.grant("user-17", "tokens", 10 * number, key="welcome")
    for start in range(0, number, _SET):
        wallet.spend_many([
            wallet.spending("user-17", "tokens", 1 + key % 9, key=f"chat-{key}", use="chat", memo=f"talk {key}")
            for key in range(start, min(start + _SET, number))
        ])  # fmt: skip
    flow.store.close()


class _Run:
    """One process: when its third line came (a heading and the opening figure stand before), and what it took."""

    def __init__(self, first: float, took: float, lines: int, megabytes: float) -> None:
        self.first, self.took, self.lines, self.megabytes = first, took, lines, megabytes


def _run(place: Path, environ: dict[str, str], *words: str) -> _Run:
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    began = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, "-m", "payflow.cli", *words], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, **environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert running.stdout is not None
    lines, first, megabytes = 0, 0.0, 0.0
    for _ in running.stdout:
        lines += 1
        if lines <= 3:
            first = time.perf_counter() - began
        if lines <= 100 or lines % 5000 == 0:
            megabytes = max(megabytes, _peak(running.pid))
    running.stdout.close()
    assert running.wait() == 0, words
    return _Run(first, time.perf_counter() - began, lines, megabytes)


def _peak(pid: int) -> float:
    """Peak memory of a process so far, in megabytes. (What `getrusage` says begins with that of the parent.)"""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0  # it is gone
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0) / 1000
