"""A finding: one thing that was looked at, and what came of it, in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

#: A fact that stands in a sentence: the same in both languages, or (English, Chinese).
Fact = str | int | tuple[str, str]

_LONGEST_FACT = 300


class Severity(StrEnum):
    """How bad it is. ``OK`` also says what is merely worth knowing."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """``code`` is stable; ``account`` is empty for what concerns the whole machine. Holds no secret."""

    code: str
    severity: Severity
    account: str
    english: str
    chinese: str

    def text(self, lang: str) -> str:
        """The sentence, in Chinese for ``zh`` and in English for anything else."""
        return self.chinese if lang == "zh" else self.english

    def as_json(self) -> dict[str, str]:
        """Everything, as text."""
        return {
            "code": self.code, "severity": self.severity.value, "account": self.account,
            "en": self.english, "zh": self.chinese,
        }  # fmt: skip


class Word(NamedTuple):
    """How bad something usually is, and its sentences; facts stand in them in braces."""

    severity: Severity
    english: str
    chinese: str


#: code → its sentences.
Words = Mapping[str, Word]


def said(words: Words, code: str, account: str, severity: Severity | None = None, /, **facts: Fact) -> Finding:
    """The finding ``code`` with its facts filled in; ``severity`` where it is another one than usual."""
    usual, english, chinese = words[code]
    return Finding(
        code, severity or usual, account,
        english.format(**{name: _shown(fact, 0) for name, fact in facts.items()}),
        chinese.format(**{name: _shown(fact, 1) for name, fact in facts.items()}),
    )  # fmt: skip


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether none of them is an error."""
    return all(finding.severity is not Severity.ERROR for finding in findings)


def _shown(fact: Fact, language: int) -> str:
    """A fact as it may be printed: what came from outside brings no control characters to the terminal."""
    text = str(fact[language] if isinstance(fact, tuple) else fact)
    shown = "".join(one if one.isprintable() else " " for one in text)
    return shown if len(shown) <= _LONGEST_FACT else shown[:_LONGEST_FACT] + "…"
