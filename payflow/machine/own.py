"""A host's own table, in JSON: stricter than the built-in one, or with states of its own.

The document lists every state with the events it takes (``schemas/table.v1.schema.json``); ``payflow table payment
--format json`` prints the built-in table in this form, to start from. It goes through the checks every table goes
through, and it keeps what the built-in table promises and the walk relies on:

1.  Things begin where they begin there, and a state that is final there is final here.
2.  An event of the built-in table leads where it leads there, and books, tells and needs the same. It is taken where it
    is taken there, and in own states; nowhere else.
3.  It may be left out only if the built-in table allows that (``leaves_out``: refunds and late money). Everything else
    records what a gateway stated or ends what nobody paid, so every cell of it stays.
4.  Own states lie beyond states after which there may be some (``grows_after``: where the money has come). Before
    that an unpaid payment would be neither asked about nor closed.
5.  An own state takes every built-in event that the states it lies beyond take: a refund may succeed meanwhile.
6.  An own event leads to own states, back to the one built-in state it left, or stays where it is. It books nothing and
    has no policy; what it tells is of a kind of its own, ``payment.…``.

Everything that breaks one of these is a ``ConfigError`` with code ``CONFIG_TABLE`` and the JSON path.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from .. import schema_files
from ..errors import ConfigError
from .checking import refuse
from .table import Move, Table

SCHEMA = "table.v1.schema.json"
_STATE, _EVENT = "s_", "e_"  # what names begin with inside the chart


def tables_from_json(document: Mapping[str, Any], base: Table, *, path: str | None = None) -> Table:
    """The table a host declares in ``document``, instead of ``base``.

    ``path`` is where the document stands, for messages; by default its place in the config, ``$.tables.<name>``.
    Raises ``ConfigError`` (``CONFIG_TABLE``).
    """
    root = f"$.tables.{base.name}" if path is None else path
    plain = _plain(document)
    _check_shape(plain, root)
    states: dict[str, dict[str, Any]] = plain["states"]
    cells = {
        (state, event): _cell(base, state, event, said, f"{root}.states.{state}.on.{event}")
        for state, declared in states.items()
        for event, said in declared.get("on", {}).items()
    }
    _keep_promises(base, states, cells, root)
    table = _compiled(base, states, cells, root)
    refuse(table, root)
    return table


def document_of(table: Table) -> dict[str, Any]:
    """A table as the document that declares it: what ``tables_from_json`` reads."""
    states: dict[str, dict[str, Any]] = {}
    for state in table.states:
        declared = states[state] = {"means": table.means.get(state, state)}
        if state == table.initial:
            declared["initial"] = True
        if state in table.finals:
            declared["final"] = True
        cells = [cell for cell in table.moves.values() if cell.source == state]
        if cells:
            declared["on"] = {cell.event: _said(cell) for cell in cells}
    return {"$schema": SCHEMA, "states": states}


def _said(cell: Move) -> str | dict[str, Any]:
    more: dict[str, Any] = {"books": cell.books, "tells": cell.tells}
    said = {"to": cell.target, **{name: value for name, value in more.items() if value is not None}}
    if cell.policy is not None:
        said["only_where"] = dict([cell.policy])
    return said if len(said) > 1 else cell.target


# -- the shape -----------------------------------------------------------------------------------------------------


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema_files.load(SCHEMA))


def _plain(value: Any) -> Any:
    """A frozen config as plain JSON values, which is what a validator knows."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _check_shape(document: Any, root: str) -> None:
    errors = sorted(_validator().iter_errors(document), key=lambda error: [str(part) for part in error.absolute_path])
    if errors:
        path, message = errors[0].json_path.removeprefix("$"), errors[0].message
        raise _wrong(root + path, message if len(message) <= 300 else f"{message[:300]}…")


# -- the promises --------------------------------------------------------------------------------------------------


def _cell(base: Table, state: str, event: str, said: str | dict[str, Any], path: str) -> Move:
    """One cell as it is meant: an event of the base means what it means there, whatever is not said again."""
    full: dict[str, Any] = {"to": said} if isinstance(said, str) else said
    own = _meant(base, event)
    policy = next(iter(dict(full["only_where"]).items())) if "only_where" in full else None
    if own is None:
        if "books" in full or policy is not None:
            raise _wrong(path, "only events of the built-in table book, or depend on a policy")
        return Move(base.name, event, state, full["to"], tells=full.get("tells"))
    if full["to"] != own.target:
        raise _wrong(path, f"'{event}' leads to '{own.target}' and nowhere else")
    for name, value, meant in (
        ("books", full.get("books", own.books), own.books),
        ("tells", full.get("tells", own.tells), own.tells),
        ("only_where", policy or own.policy, own.policy),
    ):
        if value != meant:
            raise _wrong(f"{path}.{name}", f"'{event}' keeps what the built-in table declares for it")
    return Move(base.name, event, state, own.target, books=own.books, tells=own.tells, policy=own.policy)


def _meant(base: Table, event: str) -> Move | None:
    """What an event of the base means; it means the same in every state."""
    return next((cell for cell in base.moves.values() if cell.event == event), None)


def _keep_promises(
    base: Table, states: Mapping[str, Mapping[str, Any]], cells: Mapping[tuple[str, str], Move], root: str
) -> None:
    _begin_and_end(base, states, root)
    for (state, event), cell in cells.items():
        path = f"{root}.states.{state}.on.{event}"
        if cell.target not in states:
            raise _wrong(path, f"there is no state '{cell.target}'{_nearest(cell.target, states)}")
        if event in base.events and state in base.states and (state, event) not in base.moves:
            raise _wrong(path, f"'{state}' does not take '{event}': a table may be stricter, not looser")
    for state, event in base.moves:
        if (state, event) not in cells and (event not in base.leaves_out):
            raise _wrong(f"{root}.states.{state}", f"'{state}' must take '{event}'")
    _lie_beyond(base, states, cells, root)


def _begin_and_end(base: Table, states: Mapping[str, Mapping[str, Any]], root: str) -> None:
    initial = [state for state, declared in states.items() if declared.get("initial")]
    if initial != [base.initial]:
        raise _wrong(f"{root}.states", f"exactly '{base.initial}' is initial")
    for state, declared in states.items():
        if declared.get("final") and declared.get("on"):
            raise _wrong(f"{root}.states.{state}.on", f"'{state}' is final and has an exit")
        if not declared.get("final") and (state in base.finals or not declared.get("on")):
            reason = "is final in the built-in table" if state in base.finals else "has no exit"
            raise _wrong(f"{root}.states.{state}", f"'{state}' {reason}: say \"final\": true")


def _lie_beyond(
    base: Table, states: Mapping[str, Mapping[str, Any]], cells: Mapping[tuple[str, str], Move], root: str
) -> None:
    """Rules 4 to 6: where own events lead, and what own states take."""
    told = {cell.tells for cell in base.moves.values()} | {base.first_tells}
    beyond = _beyond(base, cells.values())
    for (state, event), cell in cells.items():
        if event in base.events:
            continue
        path = f"{root}.states.{state}.on.{event}"
        if state in base.states and state not in base.grows_after:
            where = ", ".join(sorted(base.grows_after)) or "no state"
            raise _wrong(path, f"'{state}' takes no events of a host's own; there may be some after {where}")
        if cell.target in base.states and {cell.target} != ({state} if state in base.states else beyond.get(state)):
            raise _wrong(path, f"'{event}' may lead to own states, or back to the one state it left")
        if cell.tells is not None and cell.tells in told:
            raise _wrong(f"{path}.tells", f"'{cell.tells}' is told by the built-in table")
    for state in (state for state in states if state not in base.states):
        for origin in sorted(beyond.get(state, ())):
            for cell in cells.values():
                if cell.source == origin and cell.event in base.events and (state, cell.event) not in cells:
                    raise _wrong(
                        f"{root}.states.{state}",
                        f"'{state}' lies beyond '{origin}' and must take '{cell.event}' too",
                    )


def _beyond(base: Table, cells: Iterable[Move]) -> dict[str, set[str]]:
    """Own state → the built-in states from which own events lead to it."""
    own = [cell for cell in cells if cell.event not in base.events and cell.target not in base.states]
    found: dict[str, set[str]] = {}
    for cell in own:
        found.setdefault(cell.source, set())
        found.setdefault(cell.target, set())
    grown = True
    while grown:
        grown = False
        for cell in own:
            origins = {cell.source} if cell.source in base.states else found[cell.source]
            grown |= not origins <= found[cell.target]
            found[cell.target] |= origins
    return found


# -- python-statemachine's own checks ------------------------------------------------------------------------------


def _compiled(
    base: Table, states: Mapping[str, Mapping[str, Any]], cells: Mapping[tuple[str, str], Move], root: str
) -> Table:
    """The same road as a declaration in Python: a chart that python-statemachine checks, read once."""
    from statemachine.exceptions import InvalidDefinition
    from statemachine.io import create_machine_class_from_definition

    from .declaring import FLAGS, compiled

    # Built anew each time, because the library takes it apart. Every name gets a beginning, so that a host may call
    # a state or an event what it likes: a chart has attributes of its own (``name``, ``prepare``, ``send`` …).
    definition: dict[str, Any] = {
        _STATE + state: {
            "name": declared.get("means", base.means.get(state, state)),
            "initial": bool(declared.get("initial")),
            "final": bool(declared.get("final")),
            "on": {_EVENT + cell.event: [_transition(cell)] for cell in cells.values() if cell.source == state},
        }
        for state, declared in states.items()
    }
    try:
        chart = create_machine_class_from_definition(
            f"Own{base.name.title()}Table",
            states=definition,
            entity=base.name,
            first_tells=base.first_tells,
            stays=_still_stays(base, states, cells),
            leaves_out=" ".join(sorted(base.leaves_out & {cell.event for cell in cells.values()})),
            grows_after=" ".join(sorted(base.grows_after & set(states))),
            **FLAGS,
        )
        return compiled(chart, beginning=_STATE)
    except InvalidDefinition as error:
        raise _wrong(f"{root}.states", str(error).replace(f"'{_STATE}", "'")) from error
    except ConfigError as error:
        raise _wrong(f"{root}.states", error.message) from error


def _transition(cell: Move) -> dict[str, Any]:
    from .declaring import books, only_where, tells

    deeds = [word(what) for word, what in ((books, cell.books), (tells, cell.tells)) if what is not None]
    return {
        "target": _STATE + cell.target,
        "on": deeds,
        "cond": None if cell.policy is None else only_where(*cell.policy),
    }


def _still_stays(base: Table, states: Iterable[str], cells: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What is old news in the built-in table is old news here, as far as state and event are still there."""
    events = {event for _, event in cells}
    return {
        state: " ".join(sorted(event for place, event in base.stays if place == state and event in events))
        for state in states
    }


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _wrong(path: str, message: str) -> ConfigError:
    return ConfigError(f"{path}: {message}", path=path, code="CONFIG_TABLE")
