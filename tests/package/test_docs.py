"""What the guides show is what happens: their configs load, their code runs, and prints what stands beside it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
ENVIRON = {
    "PATH": "", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8",
    "PAYFLOW_SECRET": "kq3JxV9w2LrT8mZp5YcN7bHd4GfS6aEu", "PAYFLOW_MOCK_SECRET": "Zt6RnW1yQh8Xv3Bk9Mj5Lp2Cs7Dg4Fa0",
}  # fmt: skip


@pytest.mark.parametrize("name", ["wallet.md", "wallet.zh.md", "statements.md", "statements.zh.md"])
def test_the_walk_of_a_guide_runs_and_prints_what_it_says(name: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    config = re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0]
    [walk] = re.findall(r"<!-- docs-test:wallet -->\n```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "payflow.json").write_text(config, encoding="utf-8")
    (tmp_path / "walk.py").write_text(walk, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "walk.py"], check=False, cwd=tmp_path, env=ENVIRON, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    said = [re.split("[:：]", line.partition("#")[2])[0].strip() for line in walk.splitlines() if "print(" in line]
    assert done.stdout.splitlines() == said


@pytest.mark.parametrize("name", DOCS)
def test_every_guide_has_both_languages_and_its_links_lead_somewhere(name: str) -> None:
    stem = name.removesuffix(".md").removesuffix(".zh")
    assert {f"{stem}.md", f"{stem}.zh.md"} <= set(DOCS)
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (ROOT / "docs" / target).exists(), target


@pytest.mark.parametrize("name", ["testing.md", "testing.zh.md"])
def test_the_tests_of_the_guide_pass_side_by_side(name: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    files: dict[str, list[str]] = {}
    for file, code in re.findall(r"<!-- docs-test:(\S+) -->\n```python\n(.*?)```", text, re.DOTALL):
        files.setdefault(file, []).append(code)
    for file, pieces in files.items():
        (tmp_path / file).write_text("\n\n".join(pieces), encoding="utf-8")
    environ = {**ENVIRON, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout
    written = len(re.findall(r"^def test_", "\n".join(files["test_shop.py"]), re.MULTILINE))
    assert f"{written} passed" in done.stdout


def test_the_code_of_the_guide_to_testing_is_the_same_in_both_languages() -> None:
    english, chinese = ((ROOT / "docs" / f"testing{word}.md").read_text(encoding="utf-8") for word in ("", ".zh"))
    assert re.findall(r"```.*?```", english, re.DOTALL) == re.findall(r"```.*?```", chinese, re.DOTALL)
