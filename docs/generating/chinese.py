"""The Chinese of what is generated, by the English it stands for: what has changed in English has no Chinese any more,
and the build says so."""

from __future__ import annotations


class Said(dict[str, str]):
    """English → Chinese; the English itself where there is none yet."""

    def __missing__(self, english: str) -> str:
        return english


SCHEMA = Said()
MESSAGES = Said()
ERRORS = Said()
COMMANDS = Said()
