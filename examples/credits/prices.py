"""What tokens cost, in whole units of credit. Pure."""

from __future__ import annotations

from dataclasses import dataclass

UNIT = "credit"
#: Credit for each token of the question, and of the answer.
READ, WRITTEN = 1, 2
#: Tokens that an answer has at most: what it can cost is known before it begins.
LONGEST = 100
#: Characters of a question.
MOST_ASKED = 500
#: What the ordinary tier is topped up to; the policy in ``payflow.json`` is what counts.
FREE_A_DAY = 1000


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens that were read and written."""

    read: int
    written: int

    @property
    def cost(self) -> int:
        """What they cost."""
        return self.read * READ + self.written * WRITTEN


def estimate(read: int) -> int:
    """The most that an answer to a question of ``read`` tokens can cost: so much is held before it begins."""
    return Used(read, LONGEST).cost
