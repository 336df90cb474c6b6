"""The words in which a table is declared, and the compiler that reads them once.

A declaration is a python-statemachine chart whose cells say what they book, what they tell and under which policy they
exist::

    pay_late = paid.from_(cancelled, failed, cond=only_where("late_payment", "accept"),
                          on=[books("capture"), tells("payment.paid_late")])

It is a real machine (the tests drive it beside the compiled table), but the walk never makes one: an instance costs
0.3 ms and must not be shared between threads, a lookup costs a tenth of a microsecond and may be.
"""

from __future__ import annotations

import gettext
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

# Importing statemachine makes its own message domain the process's default. A host's translations stay the host's.
_domain = gettext.textdomain()
from statemachine import State, StateChart  # noqa: E402 -- after the domain has been noted
from statemachine.exceptions import InvalidDefinition  # noqa: E402 -- the same
from statemachine.factory import StateMachineMetaclass  # noqa: E402 -- the same
from statemachine.transition import Transition  # noqa: E402 -- the same

gettext.textdomain(_domain)

from ..errors import ConfigError  # noqa: E402 -- the same
from .checking import refuse  # noqa: E402 -- the same
from .table import Move, Table  # noqa: E402 -- the same

__all__ = ["FLAGS", "Declaration", "State", "books", "compiled", "only_where", "tells"]

#: python-statemachine's defaults ignore illegal events in silence and move although a callback raised.
FLAGS: Mapping[str, bool] = MappingProxyType({
    "allow_event_without_transition": False,
    "catch_errors_as_events": False,
    "atomic_configuration_update": True,
    "enable_self_transition_entries": False,
})  # fmt: skip


# -- the words -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deed:
    """What goes with a move: ``kind`` is ``books`` or ``tells``. The machine returns it when it makes the move."""

    kind: str
    what: str

    def done(self) -> Deed:
        return self


@dataclass(frozen=True, slots=True)
class Condition:
    """The one policy under which a cell exists."""

    policy: str
    declared: str

    def holds(self, policies: Mapping[str, str] = MappingProxyType({})) -> bool:
        return policies.get(self.policy) == self.declared


def books(what: str) -> Callable[[], Deed]:
    """The move books ``what``: ``"capture"`` (money came) or ``"refund"`` (money went back)."""
    return Deed("books", what).done


def tells(kind: str) -> Callable[[], Deed]:
    """The move tells the host, by a message of this kind."""
    return Deed("tells", kind).done


def only_where(policy: str, declared: str) -> Callable[..., bool]:
    """The cell exists only where the config declares ``policies.<policy>`` to be ``declared``."""
    return Condition(policy, declared).holds


class _Names(dict[str, object]):
    """A class body in which nothing is named twice: a state and an event of one name would destroy each other."""

    def __setitem__(self, name: str, value: object) -> None:
        if name in self and not name.startswith("__"):
            raise ConfigError(f"'{name}' is declared twice", code="CONFIG_TABLE")
        super().__setitem__(name, value)


class _Declared(StateMachineMetaclass):
    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **more: Any) -> _Names:
        return _Names()

    def __init__(cls, name: str, bases: tuple[type], attrs: dict[str, Any]) -> None:  # noqa: N805 -- of a metaclass
        try:
            super().__init__(name, bases, attrs)
        except InvalidDefinition as error:
            raise ConfigError(f"The table {name} does not hold together: {error}", code="CONFIG_TABLE") from error


class Declaration(StateChart[Any], metaclass=_Declared):
    """What every declared table is: states (adjectives), events (verbs), and these."""

    allow_event_without_transition = False
    catch_errors_as_events = False
    atomic_configuration_update = True
    enable_self_transition_entries = False

    entity: str = ""  # payment, refund, attempt
    first_tells: str | None = None  # the message that tells of the creation
    stays: Mapping[str, str] = {}  # state → events (with blanks between) that are old news there: nothing moves
    leaves_out: str = ""  # events that a host's own table may do without
    grows_after: str = ""  # states after which a host's own table may have states of its own


# -- the compiler --------------------------------------------------------------------------------------------------


def compiled(chart: type[StateChart[Any]], *, beginning: str = "") -> Table:
    """Read a declaration once, check it, and give the lookup. ``ConfigError`` (``CONFIG_TABLE``) if a check fails.

    Something as long as ``beginning`` stands before every name in the chart and is taken off.
    """
    read = _Reader(chart, len(beginning))
    entity: str = _of(chart, "entity", "")
    stays: Mapping[str, str] = _of(chart, "stays", {})
    table = Table(
        name=entity,
        states=tuple(read.name(state) for state in chart.states),
        initial=next(read.name(state) for state in chart.states if state.initial),
        finals=frozenset(read.name(state) for state in chart.states if state.final),
        events=tuple(read.events),
        moves=MappingProxyType(read.moves(entity)),
        stays=frozenset((state, event) for state, events in stays.items() for event in events.split()),
        first_tells=_of(chart, "first_tells", None),
        means=MappingProxyType({read.name(state): str(state.name) for state in chart.states}),
        leaves_out=frozenset(_of(chart, "leaves_out", "").split()),
        grows_after=frozenset(_of(chart, "grows_after", "").split()),
    )
    refuse(table)
    return table


_Value = TypeVar("_Value")


def _of(chart: type, name: str, otherwise: _Value) -> _Value:
    value: _Value = getattr(chart, name, otherwise)
    return value


class _Reader:
    """Reads the states, events and cells of a chart."""

    def __init__(self, chart: Any, skip: int) -> None:
        self.chart, self.skip = chart, skip
        self.events = [self.name(event) for event in chart.events]

    def name(self, what: Any) -> str:
        return str(what.id)[self.skip :]

    def moves(self, entity: str) -> dict[tuple[str, str], Move]:
        """Every cell, in the order in which the events are declared."""
        found: dict[tuple[str, str], Move] = {}
        for state in self.chart.states:
            if state.is_compound or state.parallel or state.is_history:
                raise _wrong(f"'{state.id}' is not a plain state")
            for transition in state.transitions:
                for cell in self._cells(entity, self.name(state), transition):
                    if (cell.source, cell.event) in found:
                        raise _wrong(f"'{cell.source}' takes '{cell.event}' in two ways")
                    found[cell.source, cell.event] = cell
        return dict(sorted(found.items(), key=lambda cell: self.events.index(cell[0][1])))

    def _cells(self, entity: str, source: str, transition: Transition) -> list[Move]:
        goes_with = _goes_with(transition)
        if transition.is_eventless:
            raise _wrong(f"'{source}' is left without an event")
        if len(transition.targets) != 1 or transition.internal:
            raise _wrong(f"'{source}' takes '{transition.event}' without going to one state")
        target = self.name(transition.targets[0])
        return [Move(entity, self.name(event), source, target, **goes_with) for event in transition.events]


def _goes_with(transition: Transition) -> dict[str, Any]:
    """What the transition books and tells, and its policy. Anything else hung on it would never run: refused."""
    found: dict[str, Any] = {}
    for group in (transition.validators, transition.before, transition.on, transition.after, transition.cond):
        for spec in group:
            if spec.is_convention:
                continue
            word = getattr(spec.func, "__self__", None)
            name: str
            value: Any
            if isinstance(word, Deed) and group is transition.on:
                name, value = word.kind, word.what
            elif isinstance(word, Condition) and group is transition.cond and spec.expected_value:
                name, value = "policy", (word.policy, word.declared)
            else:
                raise _wrong(f"{transition}: a cell books, tells and has one policy, and nothing else")
            if name in found:
                raise _wrong(f"{transition}: {name} is declared twice")
            found[name] = value
    return found


def _wrong(message: str) -> ConfigError:
    return ConfigError(message, code="CONFIG_TABLE")
