"""Bars over a few days, for a page: figures and colours of its own style sheet, legible on a phone. Pure.

(``payflow usage --svg`` draws one that stands alone, its styles in it; this page's policy allows no inline styles.)
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 640, 240, 72, 20, 32


def bars(days: Sequence[tuple[str, int]], *, title: str) -> str:
    """One bar for each label and figure, with the largest figure as the scale."""
    most = _round_up(max([1, *(value for _, value in days)]))
    room = _HEIGHT - _TOP - _BOTTOM
    step = (_WIDTH - _LEFT) // max(1, len(days))
    drawn = [f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>']
    for share in range(5):
        y, value = _TOP + room - room * share // 4, most * share // 4
        drawn.append(f'<path class="rule" d="M{_LEFT} {y}H{_WIDTH}"/>')
        drawn.append(f'<text class="scale" x="{_LEFT - 8}" y="{y + 4}">{value:,}</text>')
    for number, (label, value) in enumerate(days):
        x, high = _LEFT + number * step, room * value // most
        if value:
            high = max(high, 2)
            drawn.append(
                f'<rect class="bar" x="{x + step // 5}" y="{_TOP + room - high}" width="{step - 2 * (step // 5)}" '
                f'height="{high}" rx="3"><title>{escape(label)}: {value:,}</title></rect>'
            )
        spare = " odd" if (len(days) - number) % 2 == 0 else ""  # where there is little room, every other one is enough
        drawn.append(f'<text class="day{spare}" x="{x + step // 2}" y="{_HEIGHT - 8}">{escape(label)}</text>')
    return "".join([*drawn, "</svg>"])


def _round_up(value: int) -> int:
    """The next figure that divides well: 4, 8, 20, 40, 80, 200 …"""
    scale = 1
    while True:
        for nice in (4, 8, 20):
            if nice * scale >= value:
                return nice * scale
        scale *= 10
