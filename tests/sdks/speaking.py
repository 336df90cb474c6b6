"""An SDK as a program of its own, asked and answered in lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

#: What a child may see of this process: no proxies, no Python paths, no registries.
_PASSED_ON = ("PATH", "TZ", "LD_LIBRARY_PATH")


class SdkSaysNo(Exception):
    """The SDK raised an error: its class and its text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind, self.text = kind, text


class Sdk:
    """One SDK, opened with ``settings``. ``sdk("query", out_trade_no="A1")`` is what its method answers."""

    def __init__(self, command: list[str], settings: dict[str, Any], home: Path, **environment: str) -> None:
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._errors = (home / "errors.txt").open("w+b")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, encoding="utf-8",
            env=passed | {"HOME": str(home), "LANG": "C.UTF-8"} | environment,
        )  # fmt: skip
        #: The packages that answer, with their versions.
        self.versions: dict[str, str] = self._ask(settings)

    def __call__(self, verb: str, **given: Any) -> Any:
        return self._ask({"verb": verb, "given": given})

    def _ask(self, line: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; the reading says why
        answer = self._process.stdout.readline()
        if not answer:
            self._errors.seek(0)
            raise SdkSaysNo("Ended", self._errors.read().decode("utf-8", "replace")[-4000:])
        told = json.loads(answer)
        if "error" in told:
            raise SdkSaysNo(told["error"], told["text"])
        return told["result"]

    def close(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process.stdout.close()  # type: ignore[union-attr]
        self._errors.close()
