"""The published test vectors of the gateways' SDKs: in PAYFLOW_VECTORS, or ../shared/vectors beside the repository."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("PAYFLOW_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")


def have() -> None:
    """Skip without the vectors; fail where they have to be there."""
    if (FOLDER / "manifest.json").exists():
        return
    reason = f"There are no vectors in {FOLDER}; set PAYFLOW_VECTORS to their folder"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _manifest() -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in json.loads((FOLDER / "manifest.json").read_text())}


def vector(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and expectations of one vector."""
    have()
    entry = _manifest()[name]
    return entry["inputs"], entry["expected"]


def data(name: str) -> bytes:
    """The bytes of a file of the vectors."""
    return (FOLDER / name).read_bytes()
