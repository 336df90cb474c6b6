"""What every table must fulfil, whoever declared it. Pure: a table in, what is wrong with it out.

python-statemachine checks the shape (one initial state, nothing unreachable, no exit from a final state, a way to the
end). These checks say the same once more, independently of the library and its version, and add what only money knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..errors import ConfigError
from .table import POLICIES, Move, Table

#: Names go into SQL texts, file names and URLs as they are.
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
KIND = re.compile(r"[a-z]{1,16}\.[a-z][a-z_]{0,39}", re.ASCII)

#: What can be booked → whether the money must have come already.
BOOKINGS = {"capture": False, "refund": True}


def refuse(table: Table, path: str = "$") -> None:
    """Raise ``ConfigError`` (code ``CONFIG_TABLE``) with everything that is wrong with ``table``."""
    wrong = list(problems(table))
    if wrong:
        raise ConfigError(f"The table {table.name or '?'}: {'; '.join(wrong)}", path=path, code="CONFIG_TABLE")


def problems(table: Table) -> Iterator[str]:
    """Everything that is wrong with a table, in words."""
    named = [*_names(table), *_known(table)]
    yield from named
    if not named:  # the rest walks along the moves
        yield from _reached(table)
        yield from _ended(table)
        yield from _heard(table)
        yield from _money(table)
        yield from _told(table)


def _names(table: Table) -> Iterator[str]:
    for name in (table.name, *table.states, *table.events):
        if not NAME.fullmatch(name):
            yield f"'{name[:40]}' cannot be a name: a small letter, then small letters, digits and _, at most 32"
    for name in sorted(set(table.states) & set(table.events)):
        yield f"'{name}' is a state and an event: states are adjectives, events are verbs"
    for names in (table.states, table.events):
        if len(set(names)) != len(names):
            yield "a name is declared twice"


def _known(table: Table) -> Iterator[str]:
    states, events = set(table.states), set(table.events)
    if table.initial not in states:
        yield f"the initial state '{table.initial}' is not one of its states"
    for (state, event), cell in table.moves.items():
        if (state, event) != (cell.source, cell.event) or cell.entity != table.name:
            yield f"the cell ({state}, {event}) is that of ({cell.source}, {cell.event}) of a {cell.entity}"
        if not {cell.source, cell.target} <= states or cell.event not in events:
            yield f"{_said(cell)} names what is not declared"
        if cell.policy is not None and cell.policy[1] not in POLICIES.get(cell.policy[0], ()):
            yield f"{_said(cell)} depends on a policy that cannot be declared: {' = '.join(cell.policy)}"
    for state, event in sorted(table.stays):
        if state not in states or event not in events:
            yield f"({state}, {event}) is listed as staying and not declared"
        if (state, event) in table.moves:
            yield f"({state}, {event}) is listed as staying and moves"
    for name in sorted((table.leaves_out - events) | (table.grows_after - states)):
        yield f"'{name}' is opened to a host's own table and not declared"


def _reached(table: Table) -> Iterator[str]:
    for state in _without(table, reachable([table.initial], table.moves.values())):
        yield f"'{state}' is unreachable"


def _ended(table: Table) -> Iterator[str]:
    left = {cell.source for cell in table.moves.values()}
    for state in table.states:
        if state in table.finals and state in left:
            yield f"'{state}' is final and has an exit"
        elif state not in table.finals and state not in left:
            yield f"'{state}' has no exit and is not final"
    if "refunded" in table.states and "refunded" not in table.finals:
        yield "'refunded' must be final: what is refunded stays refunded"
    if table.finals:
        back = [Move(cell.entity, cell.event, cell.target, cell.source) for cell in table.moves.values()]
        for state in _without(table, reachable(table.finals, back)):
            yield f"'{state}' has no way to an end"


def _heard(table: Table) -> Iterator[str]:
    taken = {event for _, event in table.moves}
    for event in table.events:
        if event not in taken:
            yield f"'{event}' is silent: no state takes it"


def _money(table: Table) -> Iterator[str]:
    """On every way through the table money comes once, before it goes back."""
    seen: dict[str, set[bool]] = {table.initial: {False}}  # state → whether the money has come, on some way to it
    waiting = [(table.initial, False)]
    while waiting:
        state, captured = waiting.pop()
        for cell in table.exits(state, {}) + tuple(c for c in table.moves.values() if c.source == state and c.policy):
            if cell.books is not None and BOOKINGS.get(cell.books) is not captured:
                wrong = "books a refund of what never came" if cell.books == "refund" else "books what came already"
                yield f"{_said(cell)} {wrong if cell.books in BOOKINGS else f'books {cell.books}, which nobody knows'}"
                continue
            after = captured or cell.books == "capture"
            if after not in seen.setdefault(cell.target, set()):
                seen[cell.target].add(after)
                waiting.append((cell.target, after))
    for state in table.states:
        if len(seen.get(state, ())) > 1:
            yield f"'{state}' is reached with the money and without it"
    for (state, event), cell in table.moves.items():
        if event == "refund_part":
            for place, name in ((state, "refund_full"), (cell.target, "refund_part"), (cell.target, "refund_full")):
                if (place, name) not in table.moves:
                    yield f"'{state}' takes a part back, so '{place}' must take '{name}': the rest may come back too"


def _told(table: Table) -> Iterator[str]:
    kinds = [cell.tells for cell in table.moves.values() if cell.tells is not None]
    for kind in (*kinds, *([table.first_tells] if table.first_tells is not None else [])):
        if not KIND.fullmatch(kind) or not kind.startswith(f"{table.name}."):
            yield f"'{kind[:60]}' is not a kind of message about a {table.name}"


def reachable(begin: Iterable[str], moves: Iterable[Move]) -> set[str]:
    """Every state that can be reached from those in ``begin``, themselves included."""
    targets: dict[str, list[str]] = {}
    for cell in moves:
        targets.setdefault(cell.source, []).append(cell.target)
    found = set(begin)
    waiting = list(found)
    while waiting:
        for target in targets.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


def _without(table: Table, states: set[str]) -> list[str]:
    return [state for state in table.states if state not in states]


def _said(cell: Move) -> str:
    return f"{cell.source} -{cell.event}→ {cell.target}"
