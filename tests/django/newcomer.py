"""Somebody who follows the guide: writes its files, types its commands, in a folder that was empty."""

from __future__ import annotations

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from payflow.testing.services import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "seven tins of tea"
#: What stands in the guide for programs of this environment.
PROGRAMS = {"python": (), "payflow": ("-m", "payflow.cli"), "django-admin": ("-m", "django"), "flask": ("-m", "flask")}


def block(text: str, name: str) -> str:
    """The block of a guide that a test is to take from it."""
    [found] = re.findall(rf"<!-- docs-test:{re.escape(name)} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    return str(found)


@dataclass
class Newcomer:
    """``guide`` is the text that is followed; its ports are taken as free ones of this machine."""

    folder: Path
    guide: str
    port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    opened: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    def block(self, name: str) -> str:
        text = block(self.guide, name)
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")

    def writes(self, *names: str) -> None:
        """A file of the guide, as a whole."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.block(name), encoding="utf-8")

    def appends(self, name: str, to: str) -> None:
        with (self.folder / to).open("a", encoding="utf-8") as file:
            file.write("\n" + self.block(name))

    def puts_into_config(self, name: str) -> None:
        """Behind the opening brace, with a comma behind the last line."""
        path = self.folder / "payflow.json"
        text = path.read_text(encoding="utf-8")
        assert text.startswith("{\n")
        path.write_text("{\n" + self.block(name).rstrip() + ",\n" + text[2:], encoding="utf-8")

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PAYFLOW"))}
        return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}

    def argv(self, line: str) -> list[str]:
        program, *words = shlex.split(line, comments=True)
        return [sys.executable, *PROGRAMS[program], *words]

    def types(self, line: str) -> str:
        """A command of the guide that ends; what it said."""
        done = subprocess.run(
            self.argv(line), check=False, cwd=self.folder, env=self.environ(), capture_output=True, encoding="utf-8",
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    def is_asked_for_a_password(self, line: str) -> None:
        """A command that wants a terminal, and the password twice."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.argv(line), cwd=self.folder, env=self.environ(), stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        said = b""
        for _ in range(2):
            while not said.rstrip().endswith(b":"):
                said += os.read(ours, 1000)
            said = b""
            os.write(ours, PASSWORD.encode() + b"\n")
        try:
            while piece := os.read(ours, 1000):
                said += piece
        except OSError:  # nobody holds the other end: it has ended
            pass
        os.close(ours)
        assert process.wait(20) == 0, said

    def opens(self, line: str, until: str) -> None:
        """A command of the guide that stays; it has said ``until``."""
        process = subprocess.Popen(
            self.argv(line), cwd=self.folder, env=self.environ(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.opened.append(process)
        lines: list[str] = []
        assert process.stdout is not None
        if until:
            for said in process.stdout:
                lines.append(said)
                if until in said:
                    break
            else:
                raise AssertionError(f"{line}:\n" + "".join(lines))
        threading.Thread(target=lines.extend, args=(process.stdout,), daemon=True).start()

    def waits_for_the_server(self) -> None:
        for _ in range(150):
            try:
                assert requests.get(self.address, timeout=5).status_code == 200
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("The server did not open")

    def closes(self) -> None:
        """Ctrl-C in every terminal."""
        for process in reversed(self.opened):
            os.killpg(process.pid, signal.SIGINT)
        for process in self.opened:
            process.wait(20)


def follows_to_an_open_shop(folder: Path, guide: str) -> Newcomer:
    """Steps 1 to 5 of the tutorial."""
    newcomer = Newcomer(folder, guide)
    newcomer.types("django-admin startproject shop .")
    newcomer.types("python manage.py startapp orders")
    newcomer.opens(f"{newcomer.block('sandbox').strip()} --port {newcomer.sandbox_port}", "The sandbox is open")
    newcomer.puts_into_config("into-payflow.json")
    newcomer.appends("shop/settings.py", to="shop/settings.py")
    newcomer.writes("shop/urls.py", "orders/models.py", "orders/views.py", "orders/handlers.py")
    newcomer.writes("orders/templates/orders/home.html")
    for line in newcomer.block("prepare").splitlines():
        if "createsuperuser" in line:
            newcomer.is_asked_for_a_password(line)
        else:
            newcomer.types(line)
    serve, work = newcomer.block("serve").splitlines()
    newcomer.opens(f"{serve} {newcomer.port}", "")
    newcomer.opens(work, "")
    newcomer.waits_for_the_server()
    return newcomer
