"""What the READMEs show is what happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh.md")


@pytest.mark.parametrize("name", READMES)
def test_the_walk_of_the_readme_runs(name: str, tmp_path: Path) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    [config] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    [walk] = re.findall(r"<!-- readme-test:walk -->\n```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "payflow.json").write_text(config, encoding="utf-8")
    (tmp_path / "walk.py").write_text(walk, encoding="utf-8")
    environ = {
        "PATH": "", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8",
        "PAYFLOW_SECRET": "kq3JxV9w2LrT8mZp5YcN7bHd4GfS6aEu", "PAYFLOW_MOCK_SECRET": "Zt6RnW1yQh8Xv3Bk9Mj5Lp2Cs7Dg4Fa0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "walk.py"], check=False, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["pending", "qr"]
    assert "-submit→ pending" in done.stdout


@pytest.mark.parametrize("name", READMES)
def test_the_first_lines_are_the_two_commands(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert [line.split("#")[0].strip() for line in lines[3:5]] == ["make run", "make test"]


@pytest.mark.parametrize("name", READMES)
def test_every_command_is_named(name: str) -> None:
    from payflow.cli import COMMANDS

    text = (ROOT / name).read_text(encoding="utf-8")
    assert [command for command in COMMANDS if f"`payflow {command}" not in text] == []


def test_the_config_of_both_readmes_is_the_same() -> None:
    configs = [
        json.loads(re.findall(r"```json\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)[0])
        for name in READMES
    ]
    assert configs[0] == configs[1]
