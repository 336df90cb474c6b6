"""A table as a Markdown table: cells that differ only in where they begin share a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..machine import Move, Table
from .words import booking, meaning, named, words

START, END = "<!-- table:start -->", "<!-- table:end -->"


def markdown(table: Table, lang: str = "en", *, heading: str = "##", states: bool = True) -> str:
    """The whole table under a heading: its cells, how it begins and ends, what stays, and what its states mean."""
    said = words(lang)
    rows = [[said[name] for name in ("from", "event", "to", "books", "tells")], ["---"] * 5]
    rows += [_row(cells, lang) for cells in _together(table.moves.values())]
    parts = [f"{heading} {named(table, lang)}", _lines(rows), _notes(table, lang)]
    if states:
        means = [[_code([state], lang), _text(meaning(table, state, lang))] for state in table.states]
        parts.append(_lines([[said["state"], said["means"]], ["---"] * 2, *means]))
    return "\n\n".join(parts) + "\n"


def readme_block(tables: Mapping[str, Table], lang: str = "en") -> str:
    """What stands in the README between its markers, markers included."""
    shown = "\n".join(markdown(table, lang, heading="###", states=False) for table in tables.values())
    return f"{START}\n{shown}{END}\n"


def _together(cells: Iterable[Move]) -> list[list[Move]]:
    rows: dict[tuple[object, ...], list[Move]] = {}
    for cell in cells:
        rows.setdefault((cell.event, cell.target, cell.books, cell.tells, cell.policy), []).append(cell)
    return list(rows.values())


def _row(cells: list[Move], lang: str) -> list[str]:
    said, cell = words(lang), cells[0]
    tells = f"`{cell.tells}`" if cell.tells else ""
    if cell.policy:
        only = said["only where"].format(policy=cell.policy[0], value=cell.policy[1])
        tells = said["parenthesis"].format(said=tells, more=only) if tells else only
    books = booking(cell.books, lang) if cell.books else ""
    return [_code((one.source for one in cells), lang), f"`{cell.event}`", f"`{cell.target}`", books, tells]


def _notes(table: Table, lang: str) -> str:
    said = words(lang)
    begins = "begins telling" if table.first_tells else "begins"
    notes = [said[begins].format(initial=f"`{table.initial}`", tells=f"`{table.first_tells}`")]
    finals = [state for state in table.states if state in table.finals]
    if finals:
        notes.append(said["no exit"].format(states=_code(finals, lang)))
    if table.stays:
        notes.append(said["stays"].format(cells=_stays(table, lang)))
    notes.append(said["refused"])
    return said[". "].join(note + said["."] for note in notes)


def _stays(table: Table, lang: str) -> str:
    """States that stay on the same events are named together."""
    by_events: dict[tuple[str, ...], list[str]] = {}
    for state in table.states:
        events = tuple(event for event in table.events if (state, event) in table.stays)
        if events:
            by_events.setdefault(events, []).append(state)
    said = words(lang)
    return said["; "].join(
        said["cell"].format(states=_code(states, lang), events=_code(events, lang))
        for events, states in by_events.items()
    )


def _code(names: Iterable[str], lang: str) -> str:
    return words(lang)[", "].join(f"`{name}`" for name in names)


def _text(words_of_a_host: str) -> str:
    """Words from a config, as they are: nothing in them is Markdown or HTML."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]|<>&#" else letter for letter in words_of_a_host)
    return " ".join(escaped.split())


def _lines(rows: list[list[str]]) -> str:
    return "\n".join("|" + "|".join("---" if cell == "---" else f" {cell} " if cell else " " for cell in row) + "|"
                     for row in rows)  # fmt: skip
