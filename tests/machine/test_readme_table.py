"""The tables in the README are the tables of the code: ``payflow table --readme`` prints what stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from payflow.drawing import readme_block
from payflow.drawing.markdown import END, START
from payflow.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]
READMES = {"README.md": "en", "README.zh.md": "zh"}


@pytest.mark.parametrize("name", [name for name in READMES if (ROOT / name).exists()])
def test_the_readme_holds_the_generated_tables(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert (text.count(START), text.count(END)) == (1, 1)
    block = text[text.index(START) : text.index(END) + len(END)]
    assert block == readme_block(TABLES, READMES[name]).rstrip("\n")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_block_stands_between_its_markers(lang):
    lines = readme_block(TABLES, lang).splitlines()
    assert (lines[0], lines[-1]) == (START, END)
    assert sum(1 for line in lines if line.startswith("### ")) == 3
