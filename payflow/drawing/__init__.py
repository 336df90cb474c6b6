"""Tables shown to people: as Markdown, as Mermaid, as SVG. In: a compiled table; out: text. Nothing else is needed."""

from __future__ import annotations

from .markdown import markdown, readme_block
from .mermaid import mermaid
from .svg import svg

__all__ = ["markdown", "mermaid", "readme_block", "svg"]
