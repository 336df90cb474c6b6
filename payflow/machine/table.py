"""A compiled table: which events a thing takes in which state, and what goes with each move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..errors import TransitionNotAllowed

#: Policies a cell may depend on → what may be declared for them (``policies`` in the config).
POLICIES: Mapping[str, tuple[str, ...]] = MappingProxyType({"late_payment": ("refund", "accept", "hold")})

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Move:
    """One cell of a table: what ``event`` does to an ``entity`` that is in state ``source``.

    ``books`` names what goes to the ledger with it (``"capture"``, ``"refund"``), ``tells`` the message the host gets,
    ``policy`` the one declared policy under which the cell exists at all, e.g. ``("late_payment", "accept")``.
    """

    entity: str
    event: str
    source: str
    target: str
    books: str | None = None
    tells: str | None = None
    policy: tuple[str, str] | None = None

    def holds(self, policies: Mapping[str, str]) -> bool:
        """Whether the cell exists under these policies."""
        return self.policy is None or policies.get(self.policy[0]) == self.policy[1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """The moves of one kind of thing. Every cell that is not listed is refused.

    Made by ``declaring.compiled`` or ``tables_from_json``, which check it; immutable, and free to be shared.
    """

    name: str  # payment, refund, attempt
    states: tuple[str, ...]  # in the order of their declaration
    initial: str
    finals: frozenset[str]  # states that no event leaves, whatever the policies
    events: tuple[str, ...]
    moves: Mapping[tuple[str, str], Move]  # (state, event) → its cell
    stays: frozenset[tuple[str, str]] = frozenset()  # old news: a gateway may state it, and nothing moves
    first_tells: str | None = None  # the message that tells of the creation
    means: Mapping[str, str] = field(default_factory=lambda: _NONE)  # state → what it means, in words
    leaves_out: frozenset[str] = frozenset()  # events that a host's own table may do without
    grows_after: frozenset[str] = frozenset()  # states after which a host's own table may have states of its own

    def move(self, state: str, event: str, policies: Mapping[str, str] = _NONE) -> Move:
        """The cell of ``state`` and ``event``.

        Raises ``TransitionNotAllowed`` if there is none: not listed, unknown, listed as staying, or declared for
        another policy than the one in ``policies``.
        """
        cell = self.moves.get((state, event))
        if cell is None or (cell.policy is not None and policies.get(cell.policy[0]) != cell.policy[1]):
            raise TransitionNotAllowed(entity=self.name, state=state, event=event)
        return cell

    def takes(self, state: str, event: str, policies: Mapping[str, str] = _NONE) -> bool:
        """Whether :meth:`move` would have an answer."""
        cell = self.moves.get((state, event))
        return cell is not None and cell.holds(policies)

    def exits(self, state: str, policies: Mapping[str, str] = _NONE) -> tuple[Move, ...]:
        """Every move out of ``state`` under these policies, in the order of the declaration."""
        return tuple(cell for cell in self.moves.values() if cell.source == state and cell.holds(policies))

    def ends(self, policies: Mapping[str, str] = _NONE) -> frozenset[str]:
        """The states that no event leaves under these policies: ``finals``, and those left by policy only."""
        return frozenset(state for state in self.states if not self.exits(state, policies))

    def allowed_pairs(self) -> frozenset[tuple[str, str]]:
        """Every (from, to) that may stand in a history; the first one is ``("", initial)``."""
        return frozenset({("", self.initial)} | {(cell.source, cell.target) for cell in self.moves.values()})
