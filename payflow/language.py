"""In which of payflow's two languages somebody is spoken to: that of the browser, or that of the terminal.

What is said stands beside where it is said, in a file ``…words.py`` of each room: one dictionary for each language.
"""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "zh")

_LONGEST_HEADER = 400


def preferred(accept_language: str) -> str:
    """``en`` or ``zh``, whichever an ``Accept-Language`` header likes better; ``en`` if it says nothing of both."""
    best, lang = 0.0, "en"
    for part in accept_language[:_LONGEST_HEADER].split(","):
        name, _, weight = part.strip().lower().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        if name.partition("-")[0] in LANGUAGES and quality > best:
            best, lang = quality, name.partition("-")[0]
    return lang


def of_terminal(environment: Mapping[str, str]) -> str:
    """``zh`` where the terminal speaks Chinese (``LC_ALL``, ``LC_MESSAGES``, ``LANG``), else ``en``."""
    given = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "zh" if given.lower().startswith("zh") else "en"
