"""Who sits at the desk, and what they may do there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..errors import OperatorRefused
from ..identifiers import checked_text

#: ``view`` lets somebody look; each of the others lets them do what it says.
POWERS = ("view", "query", "refund", "resolve", "replay", "refill", "policy")


@dataclass(frozen=True, slots=True)
class Operator:
    """A person the host has recognised. ``name`` is kept with everything they do; ``powers`` are some of ``POWERS``.

    Nobody has a power that was not given: ``Operator("li")`` may do nothing at all. ``ValueError`` for a power that
    does not exist, ``INVALID_REFERENCE`` for a name that is empty, longer than 64 characters or not text.
    """

    name: str
    powers: Collection[str] = frozenset()

    def __post_init__(self) -> None:
        if not checked_text("operator", self.name, 64).strip():
            raise ValueError("An operator has a name")
        if isinstance(self.powers, str):
            raise TypeError("powers is a set of names")
        unknown = sorted(set(self.powers) - set(POWERS))
        if unknown:
            raise ValueError(f"There is no power {', '.join(unknown)}; there are {', '.join(POWERS)}")
        object.__setattr__(self, "powers", frozenset(self.powers))

    def may(self, power: str) -> bool:
        """Whether they may do this. To do anything, one has to be let in to look."""
        return power in self.powers and "view" in self.powers


def allow(operator: Operator | None, power: str) -> Operator:
    """The operator, if they may do this; ``OPERATOR_NOT_ALLOWED`` otherwise, and for nobody."""
    if operator is None or not operator.may(power):
        raise OperatorRefused("You may not do this here", power=power)
    return operator
