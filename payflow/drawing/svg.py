"""A table as an SVG drawing of our own.

It stands alone (a file, an ``<img>``) or inside a page: the ink is the page's ``currentColor``, so it is as legible in
the dark as the page is; as a document of its own it follows the reader's preference. It has no ids that could meet
others, no script, and no style that reaches outside. States carry ``data-state``, moves ``data-event``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from html import escape

from ..machine import Move, Table
from .layout import BOX, LOOP, Item, Line, Plan, plan, split
from .words import booking, named, words

#: The one colour that is not the page's: legible as a line and under white text, on light and on dark.
LIT = "#1a8754"
Note = Callable[[Move], str]
Lit = Callable[[Move], bool]

_MARGIN = 18.0
_BEGIN = 34.0  # room on the left for the dot where things begin
_OPEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" lang="{lang}" aria-label="{title}"'
    ' viewBox="0 0 {width} {height}" width="{width}" height="{height}" style="max-width:100%;height:auto"'
    ' font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="12">'
)
_DARK = "<style>@media (prefers-color-scheme:dark){svg:root{color:#e6e6e6;background:#16181c}}</style>"


def svg(
    table: Table, current: str | None = None, *, lang: str = "en", policies: Mapping[str, str] | None = None
) -> str:
    """The drawing of ``table``, with the state ``current`` and the moves out of it lit.

    ``policies``: what is declared; moves of another policy are not lit. Without it they are drawn as they are declared.
    ``ValueError`` if there is no such state or language.
    """
    if current is not None and current not in table.states:
        raise ValueError(f"a {table.name} has no state {current!r}")

    def lit(cell: Move) -> bool:
        return cell.source == current and (policies is None or cell.holds(policies))

    note = _note_in(lang)
    laid = _laid(table, lang)
    foot = _foot(table, lang)
    width = laid.width + 2 * _MARGIN + _BEGIN
    height = laid.height + 2 * _MARGIN + (24 if foot else 0)
    title = _title(table, current, lang)
    parts = [
        _OPEN.format(
            lang=lang, title=escape(title), width=round(width), height=round(height)
        ),
        f"<title>{escape(title)}</title>",
        _DARK,
        f'<g transform="translate({_MARGIN + _BEGIN:.0f} {_MARGIN:.0f})" fill="none" stroke-linecap="round">',
        *(_begin(laid.states[table.initial])),
        *(part for line in sorted(laid.lines, key=lambda one: lit(one.cell))
          for part in _line(line, laid, note(line.cell), lit(line.cell))),
        *(part for item in laid.states.values()
          for part in _state(item, note, item.state == current, item.state in table.finals, lit)),
        "</g>",
    ]  # fmt: skip
    if foot:
        parts.append(
            f'<text x="{_MARGIN:.0f}" y="{height - 14:.0f}" font-size="10.5" fill="currentColor" fill-opacity=".75">'
            f"{escape(foot)}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


@functools.lru_cache(maxsize=64)
def _laid(table: Table, lang: str) -> Plan:
    """The same table is laid out once, however often it is drawn."""
    return plan(table, _note_in(lang))


def _note_in(lang: str) -> Note:
    """What stands in small under a move: what it books."""
    said = words(lang)
    return lambda cell: f"{said['books']} {booking(cell.books, lang)}" if cell.books else ""


def _title(table: Table, current: str | None, lang: str) -> str:
    said = words(lang)
    title = said["picture"].format(name=named(table, lang).lower())
    return title if current is None else said[", "].join([title, said["now"].format(state=current)])


def _foot(table: Table, lang: str) -> str:
    said = words(lang)
    only = sorted({cell.policy for cell in table.moves.values() if cell.policy})
    told = said[", "].join(said["is"].format(policy=policy, value=value) for policy, value in only)
    return said["dashed"].format(policies=told) if only else ""


# -- lines ---------------------------------------------------------------------------------------------------------


def _begin(item: Item) -> Iterator[str]:
    left = item.x - item.width / 2
    yield f'<circle cx="{left - _BEGIN + 6:.1f}" cy="{item.y:.1f}" r="5" fill="currentColor"/>'
    yield f'<path d="M{left - _BEGIN + 11:.1f} {item.y:.1f}H{left - 6:.1f}" {_ink(False, None)}/>'
    yield _head(left, item.y, 1, False)


def _line(line: Line, laid: Plan, note: str, lit: bool) -> Iterator[str]:
    """One move: a line from box to box, broken where its label stands, with an arrow at its end."""
    yield f'<g data-event="{line.cell.event}" data-from="{line.cell.source}" data-to="{line.cell.target}">'
    yield f'<path d="{"".join(_path(line, laid))}" {_ink(lit, line.cell.policy)}/>'
    first, last = line.items[0], line.items[-1]
    if line.backwards:
        yield _head(first.x + first.width / 2, first.y + _aside(line, 0), -1, lit)
    else:
        yield _head(last.x - last.width / 2, last.y, 1, lit)
    for item in line.items:
        if item.kind == "label":
            yield from _label(item, note, lit)
    yield "</g>"


def _aside(line: Line, end: int) -> float:
    """A move back meets its boxes apart from those that go forward: above their middle or below it."""
    if not line.backwards:
        return 0.0
    beside = line.items[1] if end == 0 else line.items[-2]
    return -12.0 if beside.y < line.items[end].y else 12.0


def _path(line: Line, laid: Plan) -> Iterator[str]:
    first, last = line.items[0], line.items[-1]
    x, y = first.x + first.width / 2 + (6 if line.backwards else 0), first.y + _aside(line, 0)
    yield f"M{x:.1f} {y:.1f}"
    for item in line.items[1:]:
        begin, end = laid.edges[item.column]
        goal = item.y + (_aside(line, -1) if item is last else 0)
        middle = (laid.edges[item.column - 1][1] + begin) / 2
        yield f"H{laid.edges[item.column - 1][1]:.1f}"
        if abs(goal - y) < 0.5:
            yield f"H{begin:.1f}"
        else:
            yield f"C{middle:.1f} {y:.1f} {middle:.1f} {goal:.1f} {begin:.1f} {goal:.1f}"
        y = goal
        if item is last:
            yield f"H{last.x - last.width / 2 - (0 if line.backwards else 6):.1f}"
        elif item.kind == "label":
            yield f"H{item.x - item.width / 2:.1f}M{item.x + item.width / 2:.1f} {y:.1f}H{end:.1f}"
        else:
            yield f"H{end:.1f}"


def _head(x: float, y: float, way: int, lit: bool) -> str:
    """An arrow whose tip is at ``x``; ``way`` 1 points right, -1 left."""
    colour = LIT if lit else "currentColor"
    return f'<path d="M{x:.1f} {y:.1f}l{-8 * way} -4v8z" fill="{colour}"/>'


def _ink(lit: bool, policy: tuple[str, str] | None) -> str:
    ink = f'stroke="{LIT}" stroke-width="2.2"' if lit else 'stroke="currentColor" stroke-width="1.3"'
    return f'{ink} stroke-dasharray="5 4"' if policy else ink


def _label(item: Item, note: str, lit: bool) -> Iterator[str]:
    ink = 'fill="currentColor"' + (' font-weight="700"' if lit else "")
    yield f'<text x="{item.x:.1f}" y="{item.y + 4:.1f}" text-anchor="middle" {ink}>{item.cells[0].event}</text>'
    if note:
        yield _note(item.x, item.y + 17.5, note)


def _note(x: float, y: float, note: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="10" fill="currentColor" fill-opacity=".75">'
        f"{escape(note)}</text>"
    )


# -- states --------------------------------------------------------------------------------------------------------


def _state(item: Item, note: Note, current: bool, final: bool, lit: Lit) -> Iterator[str]:
    yield f'<g data-state="{item.state}"{" data-current=" + chr(34) + "true" + chr(34) if current else ""}>'
    yield from _loops(item, note, lit)
    ink = f'fill="{LIT}" stroke="{LIT}"' if current else 'fill="currentColor" fill-opacity=".06" stroke="currentColor"'
    yield _box(item, 0, f'{ink} stroke-width="1.3"')
    if final:
        yield _box(item, 3.5, f'stroke="{"#ffffff" if current else "currentColor"}" stroke-width="1"')
    names = split(item.state)
    text = 'fill="#ffffff" font-weight="700"' if current else 'fill="currentColor"'
    for number, part in enumerate(names):
        y = item.y + 4 + (number - (len(names) - 1) / 2) * 14
        yield f'<text x="{item.x:.1f}" y="{y:.1f}" text-anchor="middle" {text}>{part}</text>'
    yield "</g>"


def _box(item: Item, inside: float, ink: str) -> str:
    return (
        f'<rect x="{item.x - item.width / 2 + inside:.1f}" y="{item.y - BOX / 2 + inside:.1f}"'
        f' width="{item.width - 2 * inside:.1f}" height="{BOX - 2 * inside:.1f}" rx="{9 - inside / 2:.1f}" {ink}/>'
    )


def _loops(item: Item, note: Note, lit: Lit) -> Iterator[str]:
    """Moves that stay in the state: one loop above the box, their labels above it."""
    if not item.cells:
        return
    top, any_lit = item.y - BOX / 2, any(lit(cell) for cell in item.cells)
    yield (
        f'<path d="M{item.x + 18:.1f} {top:.1f}C{item.x + 18:.1f} {top - LOOP:.1f} {item.x - 18:.1f} {top - LOOP:.1f}'
        f' {item.x - 18:.1f} {top - 7:.1f}" {_ink(any_lit, None)}/>'
    )
    colour = LIT if any_lit else "currentColor"
    yield f'<path d="M{item.x - 18:.1f} {top:.1f}l-4 -8h8z" fill="{colour}"/>'
    y = top - LOOP - 1
    for cell in reversed(item.cells):
        if note(cell):
            yield _note(item.x, y, note(cell))
            y -= 13
        ink = 'fill="currentColor"' + (' font-weight="700"' if lit(cell) else "")
        yield (
            f'<text x="{item.x:.1f}" y="{y:.1f}" text-anchor="middle" {ink} data-event="{cell.event}"'
            f' data-from="{cell.source}" data-to="{cell.target}">{cell.event}</text>'
        )
        y -= 15
