"""B-168: what a spreadsheet would compute is shown as text."""

from __future__ import annotations

import pytest

from payflow.gateways.bills import safe_cell


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x","y")', "@SUM(1)", "+cmd|' /C calc'!A0", "-2+3", "-0.01", "\t=1", "\r=1", "="]
)
def test_b168_formulas_are_neutralised(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "咖啡", "1-2", "a=b", " =1", "'=1", "0.01", "x@example.com"])
def test_b168_anything_else_stays(text: str) -> None:
    assert safe_cell(text) == text


@pytest.mark.parametrize("text", ["=1", "咖啡", "\t"])
def test_b168_twice_is_once(text: str) -> None:
    assert safe_cell(safe_cell(text)) == safe_cell(text)
