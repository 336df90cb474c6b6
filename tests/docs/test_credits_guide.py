"""The story of the credit guide happens as it is told, figure by figure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .guides import DOCS, ROOT, blocks, read


@pytest.mark.parametrize("guide", ["credits.md", "credits.zh.md"])
def test_the_story_of_the_guide_happens(guide: str, tmp_path: Path) -> None:
    config = blocks(DOCS / guide, "json")[0].text
    [story] = re.findall(r"<!-- docs-test:story -->\n```python\n(.*?)```", read(DOCS / guide), re.DOTALL)
    (tmp_path / "payflow.json").write_text(config, encoding="utf-8")
    environ = {
        **os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8",
        "PAYFLOW_SECRET": "kq3JxV9w2LrT8mZp5YcN7bHd4GfS6aEu", "PAYFLOW_MOCK_SECRET": "Zt6RnW1yQh8Xv3Bk9Mj5Lp2Cs7Dg4Fa0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", story], check=False, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    said = [line.partition("#")[2].strip() for line in story.splitlines() if "print(" in line]
    assert done.stdout.splitlines() == said
