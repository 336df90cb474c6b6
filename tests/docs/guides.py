"""The pages as they are written: their headings, their blocks of code, the commands and configs in them."""

from __future__ import annotations

import io
import re
import shlex
import tokenize
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    place: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.place}"


def pages(lang: str = "en") -> list[Path]:
    """The pages of a language, those of the reference included."""
    found = [path for path in DOCS.rglob("*.md") if not any(part.startswith("_") for part in path.parts)]
    return sorted(path for path in found if path.name.endswith(".zh.md") == (lang == "zh"))


def twin(page: Path) -> Path:
    """The Chinese page of an English one."""
    return page.with_name(page.name.removesuffix(".md") + ".zh.md")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *kinds: str) -> list[Block]:
    """The fenced blocks of a page, of these languages if any are named."""
    fenced = enumerate(_FENCE.findall(read(page)), 1)
    found = [Block(name_of(page), place, kind, text) for place, (kind, text) in fenced]
    return [block for block in found if not kinds or block.kind in kinds]


def headings(page: Path) -> list[int]:
    """The depths of a page's headings, in order."""
    outside = _FENCE.sub("", read(page))
    return [len(marks) for marks in re.findall(r"^(#{1,6}) ", outside, re.MULTILINE)]


def uncommented(block: Block) -> str:
    """What a block does, without its remarks: those are in the reader's language."""
    if block.kind == "python":
        words = tokenize.generate_tokens(io.StringIO(block.text).readline)
        gone = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        return " ".join(word.string for word in words if word.type not in gone)
    if block.kind in ("sh", "ini", "text", ""):
        return "\n".join(re.sub(r"(^|\s)#.*$", "", line).rstrip() for line in block.text.splitlines())
    return block.text


def commands(page: Path) -> list[str]:
    """Every command a page names, in its blocks of shell and in its sentences."""
    found = [line for block in blocks(page, "sh") for line in _lines(block.text)]
    outside = re.sub(r"\s*\n\s*", " ", _FENCE.sub("", read(page)))
    return found + _SPAN.findall(outside)


def _lines(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    pieces = (re.split(r"\|\||&&|[|;]", re.sub(r"(^|\s)#.*$", "", line)) for line in joined.splitlines())
    return [piece.strip() for line in pieces for piece in line]


def words_of(command: str) -> list[str]:
    """A command as the shell hands it over; without variables before it and without what it is redirected to."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    for place, word in enumerate(words):
        if re.match(r"[0-9]?[<>]", word):
            return words[:place]
    return words
