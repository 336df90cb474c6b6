"""The transition tables: drawn, and cell by cell."""

from __future__ import annotations

from payflow import drawing
from payflow.tables import TABLES


def markdown(lang: str) -> str:
    """Each table with its drawing."""
    return "\n".join(_one(name, lang) for name in TABLES)


def _one(name: str, lang: str) -> str:
    table = TABLES[name]
    told = drawing.markdown(table, lang)
    heading, _, rest = told.partition("\n\n")
    drawn = "\n".join(line for line in drawing.svg(table, lang=lang).splitlines() if line.strip())
    return f'{heading}\n\n<div class="payflow-drawing" tabindex="0">\n{drawn}\n</div>\n\n{rest}'
