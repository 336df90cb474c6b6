"""Wallets in processes of their own: spawned, all let go at once, and each tells what became of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from payflow.errors import PayflowError

from .world import Purse

ROOT = Path(__file__).parents[2]


def told(call: Callable[..., Any], *args: Any, **named: Any) -> str:
    """``done`` or ``replayed``, or the code of the refusal."""
    try:
        done = call(*args, **named)
    except PayflowError as error:
        return error.code
    return "replayed" if getattr(done, "replayed", False) else "done"


class Party:
    """Processes that do one thing each over one database, beginning together."""

    def __init__(self, url: str, **purse: Any) -> None:
        self._url, self._purse = url, purse
        self._started: list[subprocess.Popen[str]] = []

    def start(self, what: str, *args: Any) -> subprocess.Popen[str]:
        """A process that will do ``what`` (a function of :mod:`.doings`) once it is let go."""
        order = json.dumps({"url": self._url, "purse": self._purse, "what": what, "args": args})
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.wallet.doings", order], cwd=ROOT, text=True, env=os.environ | _NO_PROXY,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return process

    def go(self, seconds: float = 120) -> list[Any]:
        """Let all go once all are ready; what each came to, in order."""
        try:
            for process in self._started:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n", process.communicate()[1]
            for process in self._started:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            until = time.monotonic() + seconds
            return [_result(process, until) for process in self._started]
        finally:
            for process in self._started:
                process.kill()
                process.communicate()
            self._started.clear()


_NO_PROXY = {"no_proxy": "*"}


def _result(process: subprocess.Popen[str], until: float) -> Any:
    said, wrong = process.communicate(timeout=max(1, until - time.monotonic()))
    assert process.returncode == 0, wrong
    return json.loads(said)


def together(url: str, what: str, arguments: Sequence[Sequence[Any]], **purse: Any) -> list[Any]:
    """One process for each set of arguments, all at once; what each came to."""
    party = Party(url, **purse)
    for given in arguments:
        party.start(what, *given)
    return party.go()


def opened(url: str, **purse: Any) -> Purse:
    """A purse over a database that is there, with the time of the machine."""
    return Purse(url, migrate=False, **purse)
