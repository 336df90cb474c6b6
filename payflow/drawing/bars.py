"""Amounts as bars: in a line of a terminal, and as an SVG drawing of our own in the manner of the tables'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

#: Legible as a bar on light and on dark; the first is the tables' own.
COLOURS = ("#1a8754", "#3b78d8", "#b35c1e", "#8b5bc7", "#9a7b00", "#5f7380")
_EIGHTHS = " ▏▎▍▌▋▊▉"

_LABEL, _BAR, _FIGURE, _ROW, _MARGIN = 150, 420, 110, 22, 14
_OPEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" lang="{lang}" aria-label="{title}"'
    ' viewBox="0 0 {width} {height}" width="{width}" height="{height}" style="max-width:100%;height:auto"'
    ' font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="12">'
)
_DARK = "<style>@media (prefers-color-scheme:dark){svg:root{color:#e6e6e6;background:#16181c}}</style>"


def bar(amount: int, most: int, width: int = 30) -> str:
    """``amount`` as a bar that is ``width`` characters long for ``most``, in eighths; any amount at all is seen."""
    if amount <= 0 or most <= 0:
        return ""
    eighths = max(1, min(amount, most) * width * 8 // most)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def svg(title: str, rows: Sequence[tuple[str, Mapping[str, int]]], *, lang: str = "en") -> str:
    """Rows of a label and its parts (name → amount), each a bar of the parts one behind the other, with a legend.

    It stands alone or inside a page: the ink is the page's, no ids, no script. Rows carry ``data-row``, parts
    ``data-part`` and ``data-amount``.
    """
    names = list(dict.fromkeys(name for _, parts in rows for name in parts))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    legend = names if len(names) > 1 or any(names) else []
    most = max((sum(parts.values()) for _, parts in rows), default=0)
    top = _MARGIN + 26 + (_ROW if legend else 0)
    width, height = _LABEL + _BAR + _FIGURE + 2 * _MARGIN, top + len(rows) * _ROW + _MARGIN
    lines = [
        _OPEN.format(lang=lang, title=escape(title), width=width, height=height),
        f"<title>{escape(title)}</title>",
        _DARK,
        f'<text x="{_MARGIN}" y="{_MARGIN + 10}" fill="currentColor" font-weight="700">{escape(title)}</text>',
        *_legend(legend, colours),
    ]
    for number, (label, parts) in enumerate(rows):
        lines += _row(top + number * _ROW, label, parts, most, colours)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _legend(names: Sequence[str], colours: Mapping[str, str]) -> Iterator[str]:
    x, y = _MARGIN, _MARGIN + 26
    for name in names:
        if x > _LABEL + _BAR:  # what does not fit is told by its bar
            return
        text = _short(name or "·", 16)
        yield f'<rect x="{x}" y="{y}" width="10" height="10" rx="2" fill="{colours[name]}"/>'
        yield f'<text x="{x + 15}" y="{y + 9}" fill="currentColor">{escape(text)}</text>'
        x += 15 + 8 * len(text) + 16


def _row(y: int, label: str, parts: Mapping[str, int], most: int, colours: Mapping[str, str]) -> Iterator[str]:
    total = sum(parts.values())
    yield f'<g data-row="{escape(label)}"><title>{escape(f"{label}: {total:,}")}</title>'
    yield f'<text x="{_MARGIN}" y="{y + 13}" fill="currentColor">{escape(_short(label, 19))}</text>'
    x = _MARGIN + _LABEL
    done = 0
    for name, amount in parts.items():
        begin, done = done * _BAR // most if most else 0, done + amount
        end = done * _BAR // most if most else 0
        if end > begin:
            yield (
                f'<rect x="{x + begin}" y="{y + 2}" width="{end - begin}" height="14" fill="{colours[name]}"'
                f' data-part="{escape(name)}" data-amount="{amount}">'
                f"<title>{escape(f'{name} {amount:,}'.strip())}</title></rect>"
            )
    figure = x + (total * _BAR // most if most else 0) + 8
    yield f'<text x="{figure}" y="{y + 13}" fill="currentColor" fill-opacity=".8">{total:,}</text></g>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
