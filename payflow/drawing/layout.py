"""Where everything of a drawing goes.

States and the labels of the moves between them stand in columns of their own, in turn. A line crosses a column only
where a place has been kept for it, and bends only between columns, where no text is: so no line ever crosses a
text, and no text another. Columns follow the longest way from the initial state; within each, the order with the
fewest crossings is taken, and the longest way to an end is kept straight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations
from random import Random

from ..machine import Move, Table

LETTER, SMALL = 7.3, 6.1  # widths of a letter of a name and of a note, in pixels
BOX, LOOP, GAP, ROOM = 42, 26, 16, 20  # height of a box, of a loop above it, between items, between columns
_FEW = 5  # items of which every order is tried out
_BEGINNINGS = 12


@dataclass(slots=True, eq=False)
class Item:
    """Something that takes a place in a column: a state, a label, or a line that passes through."""

    kind: str  # state, label, line
    column: int
    width: float = 0.0
    up: float = 1.0  # how far it reaches above its middle, and below
    down: float = 1.0
    x: float = 0.0  # its middle
    y: float = 0.0
    state: str = ""
    cells: tuple[Move, ...] = ()  # of a label: its move; of a state: its loops
    pinned: bool = False  # on the straight line
    near: list[tuple[Item, float]] = field(default_factory=list)  # what it is tied to, and how much

    def tie(self, other: Item, weight: float) -> None:
        self.near.append((other, weight))
        other.near.append((self, weight))


@dataclass(slots=True, eq=False)
class Line:
    """One move between two states: the items it goes through, left to right; ``backwards`` if it runs right to left."""

    cell: Move
    items: list[Item]
    backwards: bool


@dataclass(slots=True)
class Plan:
    """The finished layout."""

    states: dict[str, Item]
    lines: list[Line]
    columns: list[list[Item]]
    edges: list[tuple[float, float]]  # left and right border of each column
    width: float
    height: float


def plan(table: Table, note: Callable[[Move], str]) -> Plan:
    """Lay a table out. ``note`` gives the small text under the label of a move (empty: none)."""
    moves = [cell for cell in table.moves.values() if cell.source != cell.target]
    backwards = _backwards(table, moves)
    column_of = _columns_of(table, moves, backwards)
    far = _far(table, moves, backwards)
    straight = _straight(table, moves, backwards, far)
    columns: list[list[Item]] = [[] for _ in range(max(column_of.values()) + 1)]
    states = {}
    for state in sorted(table.states, key=lambda name: far[name], reverse=True):
        loops = tuple(cell for cell in table.moves.values() if cell.source == cell.target == state)
        states[state] = _state(state, column_of[state], loops, note)
        columns[column_of[state]].append(states[state])
    lines = [
        _line(cell, states, columns, cell in backwards, cell in straight, note)
        for cell in sorted(moves, key=lambda one: far[one.target], reverse=True)
    ]
    _order(columns)
    _settle(columns)
    _straighten(columns, lines)
    edges = _spread(columns)
    top = min(item.y - item.up for column in columns for item in column)
    for column in columns:
        for item in column:
            item.y -= top
    height = max(item.y + item.down for column in columns for item in column)
    return Plan(states, lines, columns, edges, edges[-1][1], height)


def split(name: str) -> list[str]:
    """A long name in two lines, broken after the underscore nearest to its middle."""
    places = [place + 1 for place, letter in enumerate(name) if letter == "_" and 0 < place < len(name) - 1]
    if len(name) <= 12 or not places:
        return [name]
    place = min(places, key=lambda one: abs(one - len(name) / 2))
    return [name[:place], name[place:]]


# -- columns -------------------------------------------------------------------------------------------------------


def _backwards(table: Table, moves: Sequence[Move]) -> set[Move]:
    """Moves that close a circle; drawn from right to left."""
    done: set[str] = set()
    under_way: set[str] = set()
    found: set[Move] = set()

    def visit(state: str) -> None:
        under_way.add(state)
        for cell in moves:
            if cell.source != state:
                continue
            if cell.target in under_way:
                found.add(cell)
            elif cell.target not in done:
                visit(cell.target)
        under_way.remove(state)
        done.add(state)

    for state in (table.initial, *table.states):
        if state not in done:
            visit(state)
    return found


def _ends(cell: Move, backwards: set[Move]) -> tuple[str, str]:
    return (cell.target, cell.source) if cell in backwards else (cell.source, cell.target)


def _columns_of(table: Table, moves: Sequence[Move], backwards: set[Move]) -> dict[str, int]:
    """State → its column: twice the length of the longest way to it. Labels go into the odd columns."""
    column = dict.fromkeys(table.states, 0)
    for _ in table.states:
        for cell in moves:
            left, right = _ends(cell, backwards)
            column[right] = max(column[right], column[left] + 2)
    return column


def _far(table: Table, moves: Sequence[Move], backwards: set[Move]) -> dict[str, int]:
    """State → how many moves it still is to the farthest end, by moves that need no policy."""
    far = dict.fromkeys(table.states, 0)
    for _ in table.states:
        for cell in moves:
            if cell.policy is None and cell not in backwards:
                far[cell.source] = max(far[cell.source], far[cell.target] + 1)
    return far


def _straight(table: Table, moves: Sequence[Move], backwards: set[Move], far: dict[str, int]) -> set[Move]:
    """The longest way from the initial state to an end: the line the eye follows."""
    found: set[Move] = set()
    state = table.initial
    while far[state]:
        after = [cell for cell in moves if cell.source == state and not cell.policy and cell not in backwards]
        best = max(after, key=lambda cell: far[cell.target])
        found.add(best)
        state = best.target
    return found


# -- items ---------------------------------------------------------------------------------------------------------


def _state(state: str, column: int, loops: tuple[Move, ...], note: Callable[[Move], str]) -> Item:
    width = max(len(part) for part in split(state)) * LETTER + 30
    above = 0.0
    for cell in loops:
        width = max(width, _label_width(cell, note) + 8)
        above += 15 + (13 if note(cell) else 0)
    up = BOX / 2 + (LOOP + above if loops else 0)
    return Item("state", column, width, up, BOX / 2, state=state, cells=loops)


def _label_width(cell: Move, note: Callable[[Move], str]) -> float:
    return max(len(cell.event) * LETTER, _note_width(note(cell))) + 12


def _note_width(text: str) -> float:
    return sum(SMALL if letter.isascii() else 2 * SMALL for letter in text)


def _line(
    cell: Move,
    states: dict[str, Item],
    columns: list[list[Item]],
    backwards: bool,
    straight: bool,
    note: Callable[[Move], str],
) -> Line:
    """Keep a place for a move in every column it crosses; its label stands next to the state it leaves."""
    left, right = (
        (states[cell.target], states[cell.source]) if backwards else (states[cell.source], states[cell.target])
    )
    labelled = right.column - 1 if backwards else left.column + 1
    items = [left]
    for column in range(left.column + 1, right.column):
        if column == labelled:
            down = 23.5 if note(cell) else 11.0
            item = Item("label", column, _label_width(cell, note), 11.0, down, cells=(cell,))
        else:
            item = Item("line", column)
        columns[column].append(item)
        items.append(item)
    items.append(right)
    for one, other in pairwise(items):
        one.tie(other, 1.0 if "state" in (one.kind, other.kind) else 8.0)
    for item in items:
        item.pinned |= straight
    return Line(cell, items, backwards)


# -- order and heights ---------------------------------------------------------------------------------------------


def _order(columns: list[list[Item]]) -> None:
    """The order with the fewest crossings that several beginnings lead to; the first beginning has the longest ways on
    top. Always the same beginnings, so that the same table is always drawn the same."""
    dice = Random(1)
    best, fewest = list(columns), None
    for turn in range(_BEGINNINGS):
        tried = [dice.sample(column, len(column)) if turn else list(column) for column in columns]
        count = _untangle(tried)
        if fewest is None or count < fewest:
            best, fewest = tried, count
        if fewest == 0:
            break
    columns[:] = best


def _untangle(columns: list[list[Item]]) -> int:
    """Turn columns over until no single one can be ordered with fewer crossings; how many are left."""
    for _ in range(12):
        changed = False
        for number in [*range(len(columns)), *reversed(range(len(columns)))]:
            column, beside = columns[number], _beside(columns, number)
            best, fewest = column, _crossings(column, number, beside)
            for order in permutations(column) if len(column) <= _FEW else [_by_the_mean(column, beside)]:
                if fewest == 0:
                    break
                count = _crossings(order, number, beside)
                if count < fewest:
                    best, fewest = list(order), count
            if best is not column:
                columns[number], changed = best, True
        if not changed:
            break
    return sum(_crossings(column, number, _beside(columns, number)) for number, column in enumerate(columns))


def _beside(columns: Sequence[Sequence[Item]], number: int) -> dict[int, int]:
    """Where every item of the columns to the left and to the right stands in its own."""
    return {
        id(item): place
        for side in (number - 1, number + 1)
        if 0 <= side < len(columns)
        for place, item in enumerate(columns[side])
    }


def _by_the_mean(column: Sequence[Item], beside: dict[int, int]) -> list[Item]:
    """A long column, each item where the middle of what it is tied to is."""
    place = {id(item): number for number, item in enumerate(column)}

    def middle(item: Item) -> float:
        ends = [beside[id(other)] for other, _ in item.near if id(other) in beside]
        return sum(ends) / len(ends) if ends else place[id(item)]

    return sorted(column, key=middle)


def _crossings(order: Sequence[Item], number: int, beside: dict[int, int]) -> int:
    count = 0
    for side in (number - 1, number + 1):
        ends = [sorted(beside[id(other)] for other, _ in item.near if other.column == side) for item in order]
        for place, first in enumerate(ends):
            for second in ends[place + 1 :]:
                count += sum(1 for one in first for other in second if one > other)
    return count


def _settle(columns: list[list[Item]]) -> None:
    """Heights: every item as near to what it is tied to as its neighbours in the column allow."""
    for column in columns:
        y = 0.0
        for item in column:
            item.y = y + item.up
            y = item.y + item.down + GAP
    for turn in range(80):
        for column in columns if turn % 2 else reversed(columns):
            wanted = []
            for item in column:
                weight = sum(w for _, w in item.near) or 1.0
                place = sum(other.y * w for other, w in item.near) / weight if item.near else item.y
                wanted.append((0.0, 1e9) if item.pinned else (place, weight))
            _place(column, wanted)


def _place(column: Sequence[Item], wanted: Sequence[tuple[float, float]]) -> None:
    """The nearest places to the wanted ones that keep the order and the distances (pool adjacent violators)."""
    offsets = [0.0]
    for above, below in pairwise(column):
        offsets.append(offsets[-1] + above.down + GAP + below.up)
    blocks: list[tuple[float, float, int]] = []  # sum of weighted places, weight, how many items
    for (place, weight), offset in zip(wanted, offsets, strict=True):
        total, heavy, count = (place - offset) * weight, weight, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / heavy:
            before = blocks.pop()
            total, heavy, count = total + before[0], heavy + before[1], count + before[2]
        blocks.append((total, heavy, count))
    number = 0
    for total, heavy, count in blocks:
        for _ in range(count):
            column[number].y = total / heavy + offsets[number]
            number += 1


def _straighten(columns: Sequence[Sequence[Item]], lines: Sequence[Line]) -> None:
    """Lines that pass several columns run level, best at the height of one of their ends; states move to meet them."""
    for _ in range(3):
        for line in lines:
            _level(columns, line.items[1:-1], [line.items[0].y, line.items[-1].y])
        for item in (one for column in columns for one in column if one.kind == "state"):
            _level(columns, [item], [other.y for other, _ in item.near])


def _level(columns: Sequence[Sequence[Item]], items: Sequence[Item], goals: Sequence[float]) -> None:
    """Bring items to one height, if there is room: the nearest of ``goals``, else the middle of where they are."""
    if not items or any(item.pinned for item in items):
        return
    lowest, highest = float("-inf"), float("inf")
    for item in items:
        column = columns[item.column]
        place = column.index(item)
        if place > 0:
            above = column[place - 1]
            lowest = max(lowest, above.y + above.down + GAP + item.up - 0.01)
        if place + 1 < len(column):
            below = column[place + 1]
            highest = min(highest, below.y - below.up - GAP - item.down + 0.01)
    if lowest > highest:
        return
    middle = sum(item.y for item in items) / len(items)
    reachable = [goal for goal in goals if lowest <= goal <= highest]
    level = min(reachable, key=lambda goal: abs(goal - middle), default=min(max(middle, lowest), highest))
    for item in items:
        item.y = level


def _spread(columns: Sequence[Sequence[Item]]) -> list[tuple[float, float]]:
    """Widths: as wide as the widest item; the steeper the lines between two columns, the more room."""
    edges: list[tuple[float, float]] = []
    x = 0.0
    for number, column in enumerate(columns):
        width = max((item.width for item in column), default=0.0)
        if number:
            steep = [abs(item.y - other.y) for item in column for other, _ in item.near if other.column == number - 1]
            x += ROOM + min(16.0, 0.14 * max(steep, default=0.0))
        for item in column:
            item.x = x + width / 2
        edges.append((x, x + width))
        x += width
    return edges
