"""The engine: a declared table, checked when it is declared, compiled once to a lookup.

Tables are declared with python-statemachine, which knows what a well-formed machine is; :func:`compile_table` adds
payflow's own checks and turns the machine into a :class:`Table`: an immutable lookup that the walk asks from any thread,
in well under a microsecond. No machine object is built per payment.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from statemachine import StateChart
from statemachine.exceptions import InvalidDefinition
from statemachine.io import create_machine_class_from_definition

from .errors import ConfigError, TransitionNotAllowed

_NO_POLICIES: Mapping[str, str] = MappingProxyType({})

#: What a machine must never do with money: ignore an event, swallow an error, move half, or re-enter a state.
STRICT: Mapping[str, bool] = MappingProxyType(
    {
        "allow_event_without_transition": False,
        "catch_errors_as_events": False,
        "atomic_configuration_update": True,
        "enable_self_transition_entries": False,
    }
)


@dataclass(frozen=True, slots=True)
class Move:
    """One cell: ``event`` takes ``entity`` from ``source`` to ``target``, books, and tells.

    ``policy`` opens the cell only where that policy has that value, e.g. ``("late_payment", "accept")``.
    """

    entity: str
    event: str
    source: str
    target: str
    books: str | None = None
    tells: str | None = None
    policy: tuple[str, str] | None = None


class Table:
    """A compiled table. ``moves`` maps (state, event) to its :class:`Move`; every other cell is refused."""

    __slots__ = ("events", "finals", "first_tells", "initial", "moves", "name", "states", "stays")

    def __init__(
        self,
        *,
        name: str,
        states: Iterable[str],
        initial: str,
        events: Iterable[str],
        moves: Iterable[Move],
        first_tells: str | None,
        stays: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.name = name
        self.states = tuple(states)
        self.initial = initial
        self.events = tuple(events)
        self.moves: Mapping[tuple[str, str], Move] = MappingProxyType({(m.source, m.event): m for m in moves})
        self.first_tells = first_tells
        #: Cells that are listed as ignored: the event is taken and nothing moves.
        self.stays = frozenset(stays)
        #: States without an exit.
        self.finals = frozenset(self.states) - {source for source, _ in self.moves}

    def move(self, state: str, event: str, policies: Mapping[str, str] = _NO_POLICIES) -> Move:
        """The cell for ``event`` in ``state``; ``TransitionNotAllowed`` if there is none, or its policy is another."""
        cell = self.moves.get((state, event))
        if cell is None or (cell.policy is not None and policies.get(cell.policy[0]) != cell.policy[1]):
            raise TransitionNotAllowed(entity=self.name, state=state, event=event)
        return cell

    def takes(self, state: str, event: str, policies: Mapping[str, str] = _NO_POLICIES) -> bool:
        """Whether there is such a cell, open under these policies."""
        cell = self.moves.get((state, event))
        return cell is not None and (cell.policy is None or policies.get(cell.policy[0]) == cell.policy[1])

    def allowed_pairs(self) -> set[tuple[str, str]]:
        """Every (from, to) that a history may hold, with ``("", initial)`` for its beginning."""
        return {("", self.initial)} | {(move.source, move.target) for move in self.moves.values()}

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self.states)} states, {len(self.moves)} moves)"


def compile_table(
    name: str,
    chart: type[StateChart[Any]],
    *,
    books: Mapping[str, str] = MappingProxyType({}),
    tells: Mapping[str, str] = MappingProxyType({}),
    policies: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    first_tells: str | None = None,
    stays: Iterable[tuple[str, str]] = (),
) -> Table:
    """Check a declared machine and compile it. What an event books and tells, and which policy opens it, go by event.

    Raises ``ConfigError`` (``CONFIG_TABLE``) for a declaration that is not sound.
    """
    for flag, value in STRICT.items():
        if getattr(chart, flag) is not value:
            raise _unsound(name, f"{flag} must be {value}: its default is not fit for money")
    states = list(chart.states_map.values())
    moves: list[Move] = []
    for state in states:
        for transition in state.transitions:
            for event in transition.events:
                cell = (state.id, event.id)
                if any((move.source, move.event) == cell for move in moves):
                    raise _unsound(name, f"'{event.id}' in '{state.id}' leads to two states")
                target = state.id if transition.target is None else transition.target.id
                moves.append(
                    Move(
                        name,
                        event.id,
                        state.id,
                        target,
                        books.get(event.id),
                        tells.get(event.id),
                        policies.get(event.id),
                    )
                )
    initial = next(state.id for state in states if state.initial)
    events = [event.id for event in chart.events]
    table = Table(
        name=name, states=[state.id for state in states], initial=initial, events=events, moves=moves,
        first_tells=first_tells, stays=stays,
    )  # fmt: skip
    _check(table, {state.id for state in states if state.final}, {*books, *tells, *policies})
    return table


def _check(table: Table, finals: set[str], named: set[str]) -> None:
    """payflow's own conditions on a table, said in words that name the state or event."""
    both = set(table.states) & set(table.events)
    if both:
        raise _unsound(table.name, f"'{min(both)}' is a state and an event: name states as adjectives, events as verbs")
    silent = set(table.events) - {event for _, event in table.moves}
    if silent | (named - set(table.events)):
        raise _unsound(table.name, f"the event '{min(silent | (named - set(table.events)))}' moves nothing")
    for state in sorted(finals):
        if any(source == state for source, _ in table.moves):
            raise _unsound(table.name, f"'{state}' is final and has an exit")
    reached, edge = {table.initial}, [table.initial]
    while edge:
        state = edge.pop()
        for (source, _), move in table.moves.items():
            if source == state and move.target not in reached:
                reached.add(move.target)
                edge.append(move.target)
    lost = set(table.states) - reached
    if lost:
        raise _unsound(table.name, f"the state '{min(lost)}' is never reached")
    trapped = table.finals - finals
    if trapped:
        raise _unsound(table.name, f"'{min(trapped)}' has no exit and is not declared final")
    for state, event in table.stays:
        if state not in table.states or (state, event) in table.moves:
            raise _unsound(table.name, f"'{event}' in '{state}' cannot both stay and move")


def _unsound(table: str, why: str) -> ConfigError:
    return ConfigError(f"The {table} table is not sound: {why}", path=f"$.tables.{table}", code="CONFIG_TABLE")


# -- tables of a host ----------------------------------------------------------------------------------------------

#: Cells that the walk itself needs: a host's table may add to them, not take them away.
NEEDED: Mapping[str, frozenset[tuple[str, str]]] = MappingProxyType(
    {
        "payment": frozenset(
            {
                ("created", "submit"),
                ("created", "cancel"),
                ("pending", "pay"),
                ("pending", "fail"),
                ("pending", "cancel"),
            }
        ),
    }
)
#: States in which money is held; only declared money events may lead in or out.
CAPTURED = frozenset({"paid", "partially_refunded", "refunded"})


def tables_from_json(document: Mapping[str, Any], base: Table) -> Table:
    """A host's own table: a stricter one, or one with more states, under the same checks.

    ``document`` is as ``schemas/table.v1.schema.json`` says: states, each with its events and their targets. What a host may
    not do, because promises hang on it: take away what the walk needs, change where an event of payflow leads, let it start
    from another state of payflow, leave a final state, or let an event of its own move money. Raises ``CONFIG_TABLE`` with
    the reason, ``CONFIG_INVALID`` for a document that is not of that shape.
    """
    if base.name != "payment":
        raise _unsound(base.name, "only the payment table can be declared by a host")
    _validate(document, base)
    declared: Mapping[str, Mapping[str, str]] = document["states"]
    tells = dict(document.get("tells", {}))
    cells = {(state, event): target for state, exits in declared.items() for event, target in exits.items()}
    _keeps_promises(cells, declared, base)
    known = {event: move for (_, event), move in base.moves.items()}
    definition = {
        state: {
            "initial": state == base.initial,
            "final": not exits,
            "on": {event: [{"target": target}] for event, target in exits.items()},
        }
        for state, exits in declared.items()
    }
    chart = _built(f"Host{base.name.title()}", definition, base.name)
    return compile_table(
        base.name, chart,
        books={event: move.books for event, move in known.items() if move.books and any(e == event for _, e in cells)},
        tells={
            event: known[event].tells or tells.get(event) or f"payment.{target}"
            if event in known else tells.get(event, f"payment.{target}")
            for (_, event), target in cells.items()
        },
        policies={e: move.policy for e, move in known.items() if move.policy and any(x == e for _, x in cells)},
        first_tells=base.first_tells,
    )  # fmt: skip


def _validate(document: Mapping[str, Any], base: Table) -> None:
    problem = next(iter(_validator().iter_errors(document)), None)
    if problem is not None:
        path = problem.json_path.replace("$", f"$.tables.{base.name}", 1)
        raise ConfigError(f"The table is not of its schema: {problem.message[:200]}", path=path, code="CONFIG_TABLE")
    for state, exits in document["states"].items():
        for event, target in exits.items():
            if target not in document["states"]:
                raise _unsound(base.name, f"'{event}' in '{state}' leads to '{target}', which is not a state")


def _keeps_promises(cells: Mapping[tuple[str, str], str], states: Mapping[str, Any], base: Table) -> None:
    if base.initial not in states:
        raise _unsound(base.name, f"the initial state '{base.initial}' is missing")
    missing = NEEDED[base.name] - cells.keys()
    if missing:
        state, event = min(missing)
        raise _unsound(base.name, f"the walk needs '{event}' in '{state}'")
    targets = {event: move.target for (_, event), move in base.moves.items()}
    for (state, event), target in cells.items():
        if state in base.finals:
            raise _unsound(base.name, f"'{state}' is final and has an exit")
        if event in targets:
            if target != targets[event]:
                raise _unsound(base.name, f"'{event}' leads to '{targets[event]}', not to '{target}'")
            if state in base.states and (state, event) not in base.moves:
                raise _unsound(base.name, f"'{event}' does not start from '{state}'")
        elif (state in CAPTURED) != (target in CAPTURED) or (state in CAPTURED and state != target):
            raise _unsound(base.name, f"'{event}' would move money from '{state}' to '{target}'")


def _built(name: str, definition: dict[str, Any], table: str) -> type[StateChart[Any]]:
    try:
        made = create_machine_class_from_definition(name, states=copy.deepcopy(definition), **STRICT)
    except InvalidDefinition as error:
        raise _unsound(table, str(error)) from error
    return made  # type: ignore[no-any-return]  # the library's factory is not annotated


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    from .schema_files import load

    return Draft202012Validator(load("table.v1.schema.json"))
