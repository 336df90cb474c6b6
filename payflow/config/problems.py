"""What is wrong with a config, collected: a person repairs all of it at once, not one thing per start."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import ConfigError

Path = tuple[str | int, ...]
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*", re.ASCII)


def json_path(path: Path) -> str:
    """``("routes", 0, "when")`` → ``$.routes[0].when``."""
    text = "$"
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif len(part) <= 64 and _PLAIN.fullmatch(part):
            text += f".{part}"
        else:
            text += f"[{part[:64]!r}]"
    return text


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its code, its JSON path, and the reason. The value itself is never shown."""

    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message} ({self.code})"


class Problems:
    """The problems found so far, and which parts of the document they spoil."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self._spoiled: list[Path] = []

    def add(self, path: Path, message: str, code: str = "CONFIG_INVALID") -> None:
        problem = Problem(code, json_path(path), message)
        if problem not in self.found:
            self.found.append(problem)
        self._spoiled.append(path)

    def clean(self, *path: str | int) -> bool:
        """Whether nothing at, below or above ``path`` is wrong, so that it may be looked at more closely."""
        return not any(path[: len(bad)] == bad[: len(path)] for bad in self._spoiled)

    def raise_any(self, source: str) -> None:
        """``ConfigError`` with everything found (``.problems``); its code and path are those of the first."""
        if self.found:
            raise error_of(self.found, source)


def error_of(found: Iterable[Problem], source: str) -> ConfigError:
    """One ``ConfigError`` that tells of every problem."""
    problems = tuple(found)
    first = problems[0]
    if len(problems) == 1:
        message = f"{source}: {first.path}: {first.message}"
    else:
        message = f"{source} has {len(problems)} problems:" + "".join(f"\n  {problem}" for problem in problems)
    return ConfigError(message, path=first.path, code=first.code, problems=problems)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known spelling that ``word`` was most likely meant to be."""
    spellings = {_folded(name): name for name in known}
    wanted = _folded(word[:64])
    begun = [name for name in spellings if len(wanted) > 2 and name.startswith(wanted)]
    close = begun[:1] or difflib.get_close_matches(wanted, spellings, n=1, cutoff=0.6)
    return spellings[close[0]] if close else None


def _folded(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or nothing when no known spelling is near."""
    close = nearest(word, known)
    return f"; did you mean '{close}'?" if close else ""
