"""A table as a Mermaid state diagram, for Markdown that draws it."""

from __future__ import annotations

from ..machine import Table


def mermaid(table: Table, current: str | None = None) -> str:
    """A ``stateDiagram-v2``; ``current`` is lit. ``ValueError`` if there is no such state."""
    if current is not None and current not in table.states:
        raise ValueError(f"a {table.name} has no state {current!r}")
    lines = ["stateDiagram-v2", "    direction LR", f"    [*] --> {table.initial}"]
    for cell in table.moves.values():
        only = f" ({cell.policy[0]} = {cell.policy[1]})" if cell.policy else ""
        lines.append(f"    {cell.source} --> {cell.target} : {cell.event}{only}")
    lines += [f"    {state} --> [*]" for state in table.states if state in table.finals]
    if current is not None:
        lines += ["    classDef current fill:#1a8754,stroke:#1a8754,color:#ffffff", f"    class {current} current"]
    return "\n".join(lines) + "\n"
