"""Text of a bill on its way into a file that a person opens with a spreadsheet."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """``=HYPERLINK(…)`` → ``'=HYPERLINK(…)``: what a spreadsheet would compute is shown as text instead.

    Text beginning with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets an apostrophe in front; any other
    text stays as it is, and so does a cell that was made safe already. For exports only: what is stored stays as the
    gateway wrote it. Quoting commas and line feeds is the CSV writer's part.
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
