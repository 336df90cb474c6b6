"""The guide, followed literally in an empty folder: a project is made, its files are written, its commands are run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def block(text: str, name: str) -> str:
    [found] = re.findall(rf"<!-- docs-test:{re.escape(name)} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    return str(found)


@pytest.mark.parametrize("guide", ["django.md", "django.zh.md"])
def test_from_an_empty_folder_to_a_first_payment(guide: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PAYFLOW"))},
        "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8",
        "PAYFLOW_SECRET": "kq3JxV9w2LrT8mZp5YcN7bHd4GfS6aEu", "PAYFLOW_MOCK_SECRET": "Zt6RnW1yQh8Xv3Bk9Mj5Lp2Cs7Dg4Fa0",
    }  # fmt: skip

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], check=False, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    run("-m", "django", "startproject", "shop", ".")
    shop = tmp_path / "shop"
    (tmp_path / "payflow.json").write_text(block(text, "payflow.json"), encoding="utf-8")
    with (shop / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(block(text, "settings"))
    (shop / "urls.py").write_text(block(text, "urls"), encoding="utf-8")
    (shop / "views.py").write_text(block(text, "views"), encoding="utf-8")
    for line in block(text, "commands").splitlines():
        words = line.split()
        assert words[:2] == ["python", "manage.py"]
        run(*words[1:])
    buy = "from django.test import Client; print(Client(HTTP_HOST='localhost').get('/buy/A-1').content.decode())"
    told = json.loads(run("manage.py", "shell", "-v", "0", "-c", buy).strip().splitlines()[-1])
    assert told["status"] == "pending"
    assert told["next"]["text"]
    assert "A-1" in run("manage.py", "payflow", "trace", "A-1")
