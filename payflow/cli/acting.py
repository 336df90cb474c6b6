"""Acts at the terminal: written down like those at the desk, under the name of whoever is at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..flow import Flow
    from ..records import OperatorAction


def acted(
    flow: Flow, operator: str, action: str, target: str, fields: Mapping[str, str] | None = None
) -> OperatorAction:
    """Do it at the desk. Who has a terminal beside the database may do anything; what is refused raises as it would."""
    import json

    from ..errors import PayflowError
    from ..operating import POWERS, Desk, Operator

    done = Desk(flow).do(Operator(operator, POWERS), action, target, fields)
    if done.outcome != "done":
        raise PayflowError(json.loads(done.result).get("message", done.outcome), code=done.code or "PAYFLOW_ERROR")
    return done
