"""The JSON Schemas that ship with payflow, wherever it is installed: a wheel, an editable install, a plain checkout."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any


def load(name: str) -> dict[str, Any]:
    """The schema in the file ``name``, e.g. ``config.v1.schema.json``."""
    return dict(json.loads(text(name)))


def text(name: str) -> str:
    """The same as it is written."""
    try:
        place = files("payflow.schemas") / name
    except ModuleNotFoundError:  # a checkout that is not installed: the folder lies beside the package
        place = Path(__file__).parents[1] / "schemas" / name
    return place.read_text(encoding="utf-8")
